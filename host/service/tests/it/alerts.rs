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
    // What is deleted was counted all the same.
    let (me, story) = (&world.me, kebab("story"));
    world.service.flows().remove(me, &story).await.unwrap();
    let all = series(Subject::All);
    let minutes = past.minutes(&all, span.clone()).await.unwrap();
    let counted = minutes
        .values()
        .map(|counts| counts.durations.count(Outcome::Ok));
    assert_eq!(counted.sum::<u64>(), 3);
    let other = Series {
        project: kebab("other"),
        subject: Subject::All,
    };
    assert!(past.minutes(&other, span.clone()).await.unwrap().is_empty());

    let (project, poem) = (kebab("default"), kebab("poem"));
    let when = begun..Moment::of_ms(now.ms() + 60_000);
    let runs = past.runs(&project, None, when.clone(), 10).await.unwrap();
    assert!(runs.is_all);
    let runs = runs.runs;
    let flows: Vec<_> = runs.iter().map(|run| &*run.flow).collect();
    assert_eq!(flows, ["poem", "story", "poem"]);
    assert!(runs.is_sorted_by_key(|run| run.at));
    let last = past
        .runs(&project, Some(&poem), when.clone(), 1)
        .await
        .unwrap();
    assert_eq!((&last.runs[..], last.is_all), (&runs[2..], false));
    let before = Moment::of_ms(0)..begun;
    assert!(
        past.runs(&project, None, before, 10)
            .await
            .unwrap()
            .runs
            .is_empty()
    );
}

/// A snapshot of nothing.
fn nothing(from: u64, to: u64, depth: u64) -> Arc<Snapshot> {
    let at = |second: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    Arc::new(Snapshot {
        from: at(from),
        to: at(to),
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
}

#[tokio::test]
async fn a_minute_in_which_nothing_ran_is_told_from_one_without_a_host() {
    let world = World::new().await;
    // Not so long ago that the upkeep takes it away.
    let first = Moment::of(SystemTime::now()).minute().before(600);
    let start = first.start().ms() / 1_000;
    let past = StorePast::new(world.store.clone());
    let read = async || {
        let minutes = past.gauges(first..Minute(first.0 + 500)).await.unwrap();
        let depths = minutes.into_iter();
        depths
            .map(|(minute, gauges)| (minute.0 - first.0, gauges.queue_depth))
            .collect::<Vec<_>>()
    };
    // Writes go beside: each host's are awaited before the next begins.
    for (spans, expected) in [
        // It begins within a minute, of which nobody knows the beginning.
        (vec![(5, 55, 1), (55, 65, 2), (65, 100, 3)], vec![(1, 3)]),
        // The next goes on where it stopped.
        (
            vec![(110, 115, 4), (115, 185, 5)],
            vec![(1, 4), (2, 5), (3, 5)],
        ),
        // This one was gone for longer, and then the machine sleeps for hours.
        (
            vec![
                (330, 365, 6),
                (365, 400, 7),
                (400, 20_000, 8),
                (20_000, 20_050, 9),
            ],
            vec![(1, 4), (2, 5), (3, 5), (334, 9)],
        ),
        // A clock that is set back opens minutes anew.
        (
            vec![
                (24_000, 24_059, 1),
                (480, 480, 2),
                (480, 539, 3),
                (539, 600, 4),
            ],
            vec![(1, 4), (2, 5), (3, 5), (8, 3), (9, 4), (10, 4), (334, 9)],
        ),
    ] {
        let minutes = HostMinutes::new(world.store.clone(), Own::default());
        for (from, to, depth) in &spans {
            minutes.take(&nothing(start + from, start + to, *depth));
        }
        minutes.close(Duration::from_secs(5)).await;
        let written = async {
            while read().await != expected {
                tokio::task::yield_now().await;
            }
        };
        let written = tokio::time::timeout(Duration::from_secs(20), written).await;
        assert!(written.is_ok(), "{spans:?}: {:?}", read().await);
    }
    let since = past.known_since().await.unwrap();
    assert_eq!(since.minutes, Some(Minute(first.0 + 3)));
}
