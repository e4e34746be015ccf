//! Stores, and rows that differ only where a test says so.

use lockgate_model::Kebab;
use lockgate_store::{
    Accept, Accepted, AuditRow, BatchRow, FinishedRun, FlowVersionRow, IdempotencyRow, LockRow,
    PluginRow, QueuedRun, Store, StoreConfig,
};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// 2024-01-01, in milliseconds.
pub(crate) const NOW: i64 = 1_704_067_200_000;

pub(crate) async fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (open(&folder).await, folder)
}

pub(crate) async fn open(folder: &TempDir) -> Store {
    Store::open(StoreConfig::new(folder.path()))
        .await
        .expect("opens")
}

/// The database itself, for what only a stranger would do to it.
pub(crate) async fn raw(folder: &TempDir) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(folder.path().join("lockgate.db"))
        .connect()
        .await
        .expect("a database")
}

pub(crate) fn name(text: &str) -> Kebab {
    text.parse().expect("a name")
}

pub(crate) fn project() -> Kebab {
    name("default")
}

/// The id of a moment after [`NOW`]. The same moment has the same id.
pub(crate) fn id(ms: u64) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(NOW.unsigned_abs() + ms, &[7; 10]).into_uuid()
}

pub(crate) fn audit(action: &str) -> AuditRow {
    AuditRow {
        project: project(),
        at: NOW,
        actor: "ann".to_owned(),
        key: None,
        address: Some("127.0.0.1".to_owned()),
        action: action.to_owned(),
        subject: "it".to_owned(),
        detail: "{}".to_owned(),
    }
}

pub(crate) fn plugin(name: &str, version: &str) -> PluginRow {
    PluginRow {
        name: name.to_owned(),
        version: version.to_owned(),
        digest: format!("sha256:{name}{version}"),
        bytes: 12_345,
        info: "{}".to_owned(),
        imports: vec!["wasi:io/streams@0.2.6".to_owned()],
        uploaded_at: NOW,
        uploaded_by: "ann".to_owned(),
        activated: None,
    }
}

pub(crate) fn flow_version(flow: &str, version: u32) -> FlowVersionRow {
    FlowVersionRow {
        flow: name(flow),
        version,
        digest: format!("sha256:{version}"),
        format: "yaml".to_owned(),
        text: Some(format!("flow: {flow} # {version}")),
        created_at: NOW + i64::from(version),
        created_by: "ann".to_owned(),
    }
}

pub(crate) fn lock(flow: &str, version: u32, revision: u32) -> LockRow {
    LockRow {
        flow: name(flow),
        version,
        revision,
        digest: format!("sha256:{version}.{revision}"),
        lock: "[]".to_owned(),
        cause: "{}".to_owned(),
        created_at: NOW,
    }
}

pub(crate) fn finished(id: Uuid) -> FinishedRun {
    FinishedRun {
        project: project(),
        id,
        flow: Some(name("poem")),
        version: Some(1),
        revision: Some(2),
        outcome: "ok",
        trigger: "api".into(),
        key: None,
        session: None,
        parent: None,
        batch: None,
        labels: None,
        created_at: NOW,
        started_at: Some(NOW),
        finished_at: NOW + 5,
        duration_us: 5_000,
        events: b"{\"event\":\"run.finished\"}\n".to_vec(),
        cut: false,
        masked: false,
        error: None,
        trace_id: None,
        queued: false,
        idempotency: None,
    }
}

pub(crate) fn queued(id: Uuid) -> QueuedRun {
    QueuedRun {
        id,
        flow: Some(name("poem")),
        version: None,
        revision: None,
        input: b"{\"topic\":\"rain\"}".to_vec(),
        request: serde_json::json!({"vars": {"n": 1}}),
        priority: 0,
        trigger: "api".into(),
        key: None,
        session: None,
        parent: None,
        labels: None,
        created_at: NOW,
        trace: None,
    }
}

pub(crate) fn accept(runs: Vec<QueuedRun>) -> Accept {
    Accept {
        project: project(),
        runs,
        batch: None,
        idempotency: None,
        bound: 1_000_000,
    }
}

pub(crate) fn batch(id: Uuid, total: u32) -> BatchRow {
    BatchRow {
        id,
        flow: name("poem"),
        version: None,
        key: None,
        total,
        created_at: NOW,
    }
}

pub(crate) fn idempotency(digest: &str, subject: Uuid) -> IdempotencyRow {
    IdempotencyRow {
        key: "k/1".to_owned(),
        route: "POST /flows/poem/runs".to_owned(),
        digest: digest.to_owned(),
        subject,
        at: NOW,
    }
}

/// Accepts one run after another.
pub(crate) async fn accept_each(store: &Store, ids: impl IntoIterator<Item = Uuid>) {
    for id in ids {
        let accepted = store
            .accept(accept(vec![queued(id)]))
            .await
            .expect("accepts");
        assert!(
            matches!(accepted, Accepted::Accepted { .. }),
            "{accepted:?}"
        );
    }
}
