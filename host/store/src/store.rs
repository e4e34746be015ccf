//! The store as a whole: opening and closing it.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};

use crate::fault::of_sql;
use crate::sealed::HostKey;
use crate::writer::Writer;
use crate::{Components, DataOwner, Grain, Result, StoreError, owner};

/// The steps of the schema.
static STEPS: Migrator = sqlx::migrate!("./migrations");

/// How long a writer waits for one of another process.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// Where a store is, and how much it keeps.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The data folder. Made if it is not there, for its owner only.
    pub folder: PathBuf,
    /// How long finished runs are kept. Default: 30 days.
    pub keep_runs: Duration,
    /// How large the database may become before the oldest finished runs go, in bytes. Default: 10 GiB.
    pub keep_bytes: u64,
    /// How long rollups of minutes are kept. Default: 2 days.
    pub keep_minutes: Duration,
    /// How long rollups of hours are kept. Default: 60 days.
    pub keep_hours: Duration,
    /// How long rollups of days are kept. Default: 2 years.
    pub keep_days: Duration,
    /// How many readers there are at most; each is a connection with a thread, made when it is needed. Default: 4.
    pub readers: u32,
}

impl StoreConfig {
    /// A store in this folder that keeps what is kept by default.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            folder: folder.into(),
            keep_runs: 30 * DAY,
            keep_bytes: 10 << 30,
            keep_minutes: 2 * DAY,
            keep_hours: 60 * DAY,
            keep_days: 730 * DAY,
            readers: 4,
        }
    }
}

/// What a host keeps. Clones are handles of the same store.
#[derive(Debug, Clone)]
pub struct Store(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: StoreConfig,
    pub(crate) file: Arc<Path>,
    pub(crate) readers: SqlitePool,
    pub(crate) writer: Writer,
    pub(crate) key: HostKey,
    components: Components,
}

impl Store {
    /// Opens the store of a folder; makes it if there is none. Any process may, also while another serves.
    ///
    /// Fails with [`StoreError::Newer`] for a store of a newer version, and with [`StoreError::Damaged`] for a file that
    /// is no database.
    pub async fn open(config: StoreConfig) -> Result<Self> {
        let folder = config.folder.clone();
        make(&folder)?;
        let file: Arc<Path> = folder.join("lockgate.db").into();
        // Two processes that make the same store at once would each do half of it.
        let waiting = folder.clone();
        let alone = tokio::task::spawn_blocking(move || owner::alone(&waiting))
            .await
            .map_err(|_| StoreError::Closed)??;
        let key = HostKey::open(&folder.join("host.key"))?;
        let components = Components::open(folder.join("components"))?;
        let options = options(&file);
        let mut connection = connect(&making(&options, &file), &file).await?;
        migrate(&mut connection, &file).await?;
        drop(alone);
        let readers = SqlitePoolOptions::new()
            .max_connections(config.readers.max(1))
            .acquire_timeout(Duration::from_secs(30))
            .idle_timeout(None)
            .max_lifetime(None)
            // SQLite's connections do not go away: asking each time costs a turn between threads.
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().pragma("query_only", "ON"));
        Ok(Self(Arc::new(Inner {
            writer: Writer::start(connection, options, file.clone()),
            config,
            file,
            readers,
            key,
            components,
        })))
    }

    /// Makes this process the one that serves the folder, for as long as the answer is held.
    ///
    /// Fails with [`StoreError::InUse`] if another process, or another handle, does.
    pub fn own(&self) -> Result<DataOwner> {
        let owner = DataOwner::take(&self.0.config.folder)?;
        self.0.components.sweep()?;
        Ok(owner)
    }

    /// Closes it: what was given to it is committed, and the log is merged into the database. Other handles fail
    /// with [`StoreError::Closed`] from then on.
    ///
    /// A store that is dropped instead loses nothing that was answered; the log is merged when it is next opened.
    pub async fn close(self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }

    /// How long rollups of this length are kept.
    pub fn keeps(&self, grain: Grain) -> Duration {
        match grain {
            Grain::Minute => self.0.config.keep_minutes,
            Grain::Hour => self.0.config.keep_hours,
            Grain::Day => self.0.config.keep_days,
        }
    }

    /// The files of components.
    pub fn components(&self) -> &Components {
        &self.0.components
    }

    /// The error of a statement.
    pub(crate) fn fault(&self, error: sqlx::Error) -> StoreError {
        of_sql(error, &self.0.file)
    }
}

fn make(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source: io::Error| StoreError::File {
            path: folder.to_owned(),
            doing: "made",
            source: source.into(),
        })
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY)
        // The writer's own task merges the log, beside it.
        .pragma("wal_autocheckpoint", "0")
        // A log that grew much longer than usual is cut to this when it starts anew.
        .pragma("journal_size_limit", (128 << 20).to_string())
        .thread_name(|number| format!("store-{number}"))
        .disable_statement_logging()
}

/// For the first connection. How a file gives back pages is only said to a new one: to an old one it is a write, and
/// whoever opens a store would wait for whoever writes to it. That it has a log is no write if it has one.
fn making(options: &SqliteConnectOptions, file: &Path) -> SqliteConnectOptions {
    let new = file.metadata().map_or(true, |file| file.len() == 0);
    let options = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    if new {
        options.auto_vacuum(SqliteAutoVacuum::Incremental)
    } else {
        options
    }
}

async fn connect(options: &SqliteConnectOptions, file: &Path) -> Result<SqliteConnection> {
    options.connect().await.map_err(|error| of_sql(error, file))
}

/// Brings the schema up to date.
async fn migrate(connection: &mut SqliteConnection, file: &Path) -> Result<()> {
    let known = STEPS.iter().map(|step| step.version).max().unwrap_or(0);
    // What `run` does; the future of `run` itself cannot be sent between threads.
    STEPS
        .run_direct(None, connection, false)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) => StoreError::Newer {
                file: file.to_owned(),
                found,
                known,
            },
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                of_sql(error, file)
            }
            other => StoreError::Damaged {
                file: file.to_owned(),
                detail: other.to_string(),
            },
        })
}
