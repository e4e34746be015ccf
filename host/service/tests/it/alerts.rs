//! What rules of alerts find in the store: the same as was counted, and runs in the order of their ends.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_service::alerts::{HostMinutes, StorePast};
use lockgate_telemetry::alerts::condition::Subject;
use lockgate_telemetry::alerts::{Minute, Moment, Past as _, Series};
use lockgate_telemetry::{Exporter as _, Gauges, Outcome, Own, Snapshot};

use crate::world::{ECHO, World, flow, kebab};

fn series(subject: Subject) -> Series {
    Series {
        project: kebab("default"),
        subject,
    }
}

#[tokio::test]
async fn the_past_is_what_ran() {
    let world = World::new().await;
    for name in ["poem", "story"] {
        world.save(&flow(name, &[ECHO])).await;
    }
    let begun = Moment::of(SystemTime::now()).before(Duration::from_secs(60));
    for name in ["poem", "story", "poem"] {
        world.run(name, "x").await;
    }
    let collector = Arc::clone(&world.counting.collector);
    let collect = move || drop(collector.collect(SystemTime::now(), None));
    world.counting.rollups.flush(collect).await;
    let past = StorePast::new(world.store.clone());
    let now = Moment::of(SystemTime::now());
    let span = begun.minute()..now.minute().next();
    for (subject, runs) in [
        (Subject::Flow(kebab("poem"), None), 2),
        (Subject::Flow(kebab("poem"), Some(2)), 0),
        (Subject::Flow(kebab("story"), Some(1)), 1),
        (Subject::All, 3),
    ] {
        let shown = format!("{subject:?}");
        let minutes = past.minutes(&series(subject), span.clone()).await.unwrap();
        let counted = minutes
            .values()
            .map(|counts| counts.durations.count(Outcome::Ok));
        assert_eq!(counted.sum::<u64>(), runs, "{shown}");
    }
    let other = Series {
        project: kebab("other"),
        subject: Subject::All,
    };
    assert!(past.minutes(&other, span.clone()).await.unwrap().is_empty());

    let (project, poem) = (kebab("default"), kebab("poem"));
    let when = begun..Moment::of_ms(now.ms() + 60_000);
    let runs = past.runs(&project, None, when.clone(), 10).await.unwrap();
    let flows: Vec<_> = runs.iter().map(|run| &*run.flow).collect();
    assert_eq!(flows, ["poem", "story", "poem"]);
    assert!(runs.is_sorted_by_key(|run| run.at));
    let last = past
        .runs(&project, Some(&poem), when.clone(), 1)
        .await
        .unwrap();
    assert_eq!(last, runs[2..]);
    let before = Moment::of_ms(0)..begun;
    assert!(
        past.runs(&project, None, before, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_minute_in_which_nothing_ran_is_told_from_one_without_a_host() {
    let world = World::new().await;
    let minutes = HostMinutes::new(world.store.clone(), Own::default());
    // Not so long ago that the upkeep takes it away.
    let start = Moment::of(SystemTime::now())
        .minute()
        .before(60)
        .start()
        .ms()
        / 1_000;
    let snapshot = |second: u64, depth| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(start + second);
        Arc::new(Snapshot {
            from: at,
            to: at,
            flows: Vec::new(),
            nodes: Vec::new(),
            models: Vec::new(),
            gauges: Gauges {
                queue_depth: depth,
                queue_age_s: 1.5,
                sandbox_active: 2,
            },
            own: Vec::new(),
        })
    };
    for (second, depth) in [(5, 1), (55, 7), (65, 9)] {
        minutes.take(&snapshot(second, depth));
    }
    minutes.close(Duration::from_secs(5)).await;
    let past = StorePast::new(world.store.clone());
    let first = Minute(start / 60);
    let read = async || past.gauges(first..Minute(first.0 + 10)).await.unwrap();
    // The first is written beside; the last one, by closing.
    while read().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    let read = read().await;
    assert_eq!(read[&first].queue_depth, 7, "that of its end");
    assert_eq!(read[&first.next()].queue_depth, 9);
    assert_eq!(read[&first].sandbox_active, 2);
}
