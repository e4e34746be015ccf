//! Traces of runs: kept with the run, from its acceptance to its end, and absent in stores from before there were any.

use lockgate_model::TraceId;
use lockgate_store::{RunFilter, Store, TraceRow};
use sqlx::Executor as _;

use crate::support::*;

const TRACE: TraceId = TraceId([0xab; 16]);

fn row() -> TraceRow {
    TraceRow {
        id: TRACE,
        parent: Some([7; 8]),
        flags: 3,
        state: Some("a=1,b=2".to_owned()),
    }
}

async fn trace_of(store: &Store, number: u64) -> Option<TraceId> {
    let run = store.run(&project(), &id(number)).await.expect("reads");
    let listed = store.runs(&project(), &RunFilter::default()).await;
    let listed = listed.expect("reads").runs;
    let listed = listed.iter().find(|run| run.id == id(number));
    let trace = run.expect("a run").summary.trace_id;
    assert_eq!(listed.expect("a run").trace_id, trace);
    trace
}

#[tokio::test]
async fn a_run_that_ended_has_its_trace() {
    let (store, _folder) = store().await;
    let mut run = finished(id(1));
    run.trace_id = Some(TRACE);
    store.finish_run(run).await.expect("stored");
    store.finish_run(finished(id(2))).await.expect("stored");
    assert_eq!(trace_of(&store, 1).await, Some(TRACE));
    assert_eq!(trace_of(&store, 2).await, None);
}

#[tokio::test]
async fn a_run_that_waits_goes_on_in_its_trace_after_a_restart() {
    let (store, folder) = store().await;
    let mut runs = vec![queued(id(1)), queued(id(2)), queued(id(3)), queued(id(4))];
    runs[0].trace = Some(row());
    runs[1].trace = Some(TraceRow {
        parent: None,
        state: None,
        ..row()
    });
    runs[3].trace = Some(row());
    store.accept(accept(runs)).await.expect("accepted");
    assert_eq!(trace_of(&store, 1).await, Some(TRACE));
    store.close().await;
    let store = open(&folder).await;
    let claimed = store.claim("a", 3, NOW).await.expect("taken");
    let traces: Vec<_> = claimed.into_iter().map(|run| run.trace).collect();
    let begun = TraceRow {
        parent: None,
        state: None,
        ..row()
    };
    assert_eq!(traces, [Some(row()), Some(begun), None]);
    // One that is given up, and one that never began, end with their trace too.
    store.recover("b", NOW, 1).await.expect("dead");
    store
        .cancel_waiting(&project(), &id(4), NOW)
        .await
        .expect("cancelled");
    for (number, trace) in [
        (1, Some(TRACE)),
        (2, Some(TRACE)),
        (3, None),
        (4, Some(TRACE)),
    ] {
        assert_eq!(trace_of(&store, number).await, trace, "{number}");
    }
    let dead = store.dead(&project(), None, 10).await.expect("reads");
    assert_eq!(dead[2].run.trace_id, Some(TRACE));
}

#[tokio::test]
async fn runs_from_before_there_were_traces_stay_as_they_were() {
    let (store, folder) = store().await;
    store.close().await;
    // Back to the store of the first version, with runs in it.
    let mut raw = raw(&folder).await;
    let first = include_str!("../../migrations/0001_initial.sql");
    let runs = first
        .split(";\n")
        .filter(|statement| statement.contains(" ON runs ") || statement.contains("TABLE runs "));
    let runs: Vec<_> = runs.map(|statement| format!("{statement};")).collect();
    assert_eq!(runs.len(), 5, "{runs:?}");
    let mut back = "DROP TABLE runs; DELETE FROM _sqlx_migrations WHERE version = 3;".to_owned();
    for column in ["trace_id", "trace_parent", "trace_flags", "trace_state"] {
        back.push_str(&format!("ALTER TABLE queue DROP COLUMN {column};"));
    }
    back.push_str(&runs.concat());
    back.push_str(
        "INSERT INTO runs (seq, id, project, flow, outcome, started_by, session, labels, created_at, started_at, \
             finished_at, duration_us, cut, masked, attempts, error, journal) \
         VALUES (7, x'00000000000070008000000000000001', 'default', 'poem', 'failed', 'api', 's', '{\"a\":\"b\"}', 1, 2, \
             3, 4, 1, 1, 5, 'why', x''), \
             (9, x'00000000000070008000000000000002', 'default', NULL, 'ok', 'api', NULL, NULL, 1, NULL, 3, NULL, 0, 0, 0, \
             NULL, x'')",
    );
    raw.execute(sqlx::AssertSqlSafe(back)).await.expect("back");
    drop(raw);
    let store = open(&folder).await;
    let runs = store.runs(&project(), &RunFilter::default()).await;
    let runs = runs.expect("reads").runs;
    assert_eq!(runs.len(), 2);
    let old = &runs[1];
    assert_eq!((&*old.trigger, old.attempts), ("api", 5));
    assert_eq!((old.started_at, old.finished_at), (Some(2), Some(3)));
    assert_eq!(
        (old.duration_us, old.cut, old.masked),
        (Some(4), true, true)
    );
    assert_eq!(old.error.as_deref(), Some("why"));
    assert_eq!(old.labels.as_deref(), Some("{\"a\":\"b\"}"));
    assert_eq!((old.session.as_deref(), old.trace_id), (Some("s"), None));
    store.finish_run(finished(id(1))).await.expect("stored");
}
