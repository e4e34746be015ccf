use std::sync::atomic::AtomicUsize;

use super::*;
use crate::snapshot::{FlowPoint, Gauges, NodePoint};
use crate::{ByOutcome, OTHER, Outcome, Sketch};

/// Keeps rows in memory; refuses as many as it is told to, the first ones.
#[derive(Default)]
struct Kept {
    rows: Mutex<HashMap<(i64, Arc<NodeId>), NodeCounts>>,
    calls: AtomicUsize,
    refuse: AtomicUsize,
}

impl RollupSink for Kept {
    fn keep(&self, mut rows: Vec<RollupRow>) -> BoxFuture<'_, Vec<RollupRow>> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            let refused = self.refuse.load(Ordering::Relaxed).min(rows.len());
            let kept = rows.split_off(refused);
            let mut all = self.rows.lock().expect("a lock");
            for row in kept {
                all.entry((row.minute, row.id))
                    .or_default()
                    .add(&row.counts);
            }
            rows
        })
    }
}

impl Kept {
    fn counts(&self) -> Vec<(i64, String, u64)> {
        let rows = self.rows.lock().expect("a lock");
        let mut rows: Vec<_> = rows
            .iter()
            .map(|((minute, id), counts)| {
                let name = format!("{}/{}", id.flow, id.node);
                (minute / MINUTE_MS, name, counts.durations.total())
            })
            .collect();
        rows.sort_unstable();
        rows
    }
}

fn id(project: &str, flow: &str, node: &str) -> Arc<NodeId> {
    Arc::new(NodeId {
        flow: Arc::new(FlowId {
            project: project.into(),
            flow: flow.into(),
            version: 1,
        }),
        node: node.into(),
        plugin: "test:p".into(),
        plugin_version: "1.0.0".into(),
    })
}

fn durations(value: u64) -> ByOutcome {
    let mut sketch = Sketch::new();
    sketch.record(value);
    let mut durations = ByOutcome::default();
    durations.add_to(Outcome::Ok, &sketch);
    durations
}

/// A snapshot of this span, in seconds, in which each of these nodes and their flows ran once.
fn snapshot(span: (u64, u64), ids: &[Arc<NodeId>]) -> Arc<Snapshot> {
    let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    let flow = |id: &Arc<NodeId>| FlowPoint {
        id: Arc::clone(&id.flow),
        durations: durations(5),
    };
    let node = |id: &Arc<NodeId>| NodePoint {
        id: Arc::clone(id),
        counts: NodeCounts {
            durations: durations(3),
            ..NodeCounts::default()
        },
    };
    Arc::new(Snapshot {
        from: at(span.0),
        to: at(span.1),
        flows: ids.iter().map(flow).collect(),
        nodes: ids.iter().map(node).collect(),
        models: Vec::new(),
        gauges: Gauges::default(),
        own: Vec::new(),
    })
}

fn dropped(own: &Own) -> Vec<(String, u64)> {
    let all = own.all().into_iter();
    all.map(|count| (count.reason.to_string(), count.total))
        .collect()
}

#[tokio::test]
async fn a_count_belongs_to_the_minute_that_its_span_is_mostly_in() {
    let (kept, own) = (Arc::new(Kept::default()), Own::default());
    let rollups = Rollups::new(kept.clone(), own.clone());
    let one = [id("default", "poem", "a")];
    for span in [(30, 40), (52, 62), (58, 68), (119, 120), (120, 130)] {
        rollups.take(&snapshot(span, &one));
    }
    rollups.flush(|| {}).await;
    let row = |minute, name: &str, count| (minute, name.to_owned(), count);
    assert_eq!(
        kept.counts(),
        [
            row(0, "poem@1/", 2),
            row(0, "poem@1/a", 2),
            row(1, "poem@1/", 2),
            row(1, "poem@1/a", 2),
            row(2, "poem@1/", 1),
            row(2, "poem@1/a", 1),
        ]
    );
    assert_eq!(own.all(), []);
}

#[tokio::test]
async fn minutes_are_written_when_they_are_over_and_documents_that_are_kept_nowhere_are_not() {
    let kept = Arc::new(Kept::default());
    let rollups = Rollups::new(kept.clone(), Own::default());
    let work = tokio::spawn(Rollups::work(Arc::clone(&rollups)));
    rollups.take(&snapshot((0, 10), &[id("default", "poem", "a")]));
    rollups.take(&snapshot((10, 20), &[id(OTHER, OTHER, OTHER)]));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(kept.counts(), [], "the minute goes on");
    rollups.take(&snapshot((60, 70), &[]));
    while kept.counts().is_empty() {
        tokio::task::yield_now().await;
    }
    let names: Vec<_> = kept.counts().into_iter().map(|row| row.1).collect();
    assert_eq!(names, ["poem@1/", "poem@1/a"]);
    work.abort();
}

#[tokio::test]
async fn after_a_clock_was_set_back_minutes_are_written_as_before() {
    let kept = Arc::new(Kept::default());
    let rollups = Rollups::new(kept.clone(), Own::default());
    let work = tokio::spawn(Rollups::work(Arc::clone(&rollups)));
    let one = [id("default", "poem", "a")];
    let later = 8 * 3_600;
    for (from, to, rows) in [
        (later, later + 10, 0),
        (60, 60, 2),
        (60, 70, 2),
        (120, 130, 4),
        // What was in the future comes again, and is added to.
        (later, later + 10, 6),
        (later + 60, later + 70, 6),
    ] {
        rollups.take(&snapshot((from, to), &one));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(kept.counts().len(), rows, "{from}");
    }
    let again: Vec<_> = kept
        .counts()
        .into_iter()
        .map(|row| (row.0, row.2))
        .collect();
    assert_eq!(again, [(1, 2), (1, 2), (2, 1), (2, 1), (480, 2), (480, 2)]);
    work.abort();
}

#[tokio::test]
async fn what_cannot_be_written_is_tried_again_and_then_let_go() {
    let (kept, own) = (Arc::new(Kept::default()), Own::default());
    let rollups = Rollups::new(kept.clone(), own.clone());
    let one = [id("default", "poem", "a")];
    kept.refuse.store(1, Ordering::Relaxed);
    rollups.take(&snapshot((0, 10), &one));
    rollups.flush(|| {}).await;
    assert_eq!(kept.counts().len(), 1, "one of two was refused");
    rollups.take(&snapshot((10, 20), &one));
    kept.refuse.store(0, Ordering::Relaxed);
    rollups.flush(|| {}).await;
    let counts: Vec<_> = kept.counts().into_iter().map(|row| row.2).collect();
    assert_eq!(counts, [2, 2], "nothing is lost, and nothing twice");

    kept.refuse.store(usize::MAX, Ordering::Relaxed);
    rollups.take(&snapshot((20, 30), &one));
    rollups.take(&snapshot((14 * 60, 14 * 60 + 10), &[]));
    rollups.flush(|| {}).await;
    assert_eq!(own.all(), []);
    rollups.take(&snapshot((15 * 60, 15 * 60 + 10), &[]));
    rollups.flush(|| {}).await;
    let reason = "rollups: they could not be written".to_owned();
    assert_eq!(dropped(&own), [(reason, 2)]);
    assert!(rollups.open().rows.is_empty());
}

#[tokio::test]
async fn ten_thousand_flows_of_twenty_nodes_take_no_more_room_than_there_is() {
    let (kept, own) = (Arc::new(Kept::default()), Own::default());
    let rollups = Rollups::new(kept.clone(), own.clone());
    let ids: Vec<_> = (0..10_000)
        .flat_map(|flow| (0..20).map(move |node| (flow, node)))
        .map(|(flow, node)| id("default", &format!("f{flow}"), &format!("n{node}")))
        .collect();
    let mut all = Arc::unwrap_or_clone(snapshot((0, 10), &ids));
    all.flows = all.flows.into_iter().step_by(20).collect();
    rollups.take(&Arc::new(all));
    assert_eq!(rollups.open().rows.len(), MAX_ROLLUP_ROWS);
    let reason = "rollups: more series than are held".to_owned();
    let lost = 210_000 - MAX_ROLLUP_ROWS as u64;
    assert_eq!(dropped(&own), [(reason, lost)]);
    rollups.flush(|| {}).await;
    // Those that have a row go on, and the next minute has room again.
    assert!(rollups.open().rows.is_empty());
    assert_eq!(kept.counts().len(), MAX_ROLLUP_ROWS);
}

#[tokio::test]
async fn those_who_ask_at_once_are_served_by_few_writes_and_each_finds_its_own() {
    let kept = Arc::new(Kept::default());
    let rollups = Rollups::new(kept.clone(), Own::default());
    let asks = (0..100).map(|number| {
        let (rollups, kept) = (Arc::clone(&rollups), kept.clone());
        async move {
            let flow = format!("f{number}");
            rollups.take(&snapshot((0, 10), &[id("default", &flow, "a")]));
            rollups.flush(|| {}).await;
            let name = format!("{flow}@1/a");
            assert!(kept.counts().iter().any(|row| row.1 == name), "{name}");
        }
    });
    futures::future::join_all(asks).await;
    let calls = kept.calls.load(Ordering::Relaxed);
    assert!(calls <= 3, "{calls}");
}

#[tokio::test]
async fn closing_writes_the_minute_that_goes_on() {
    let kept = Arc::new(Kept::default());
    let rollups = Rollups::new(kept.clone(), Own::default());
    rollups.take(&snapshot((0, 10), &[id("default", "poem", "a")]));
    rollups.close(Duration::from_secs(1)).await;
    assert_eq!(kept.counts().len(), 2);
}
