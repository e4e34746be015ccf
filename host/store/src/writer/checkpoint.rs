//! Merging the log into the database, beside the writer.
//!
//! SQLite by itself merges at the commit that finds the log long, and that run would wait for it. Here another
//! connection merges all but what came meanwhile, and the writer is asked to merge the little that is left, and to start
//! the log anew. The file stays as long as it is: to write over its blocks costs the writer much less than to have new ones.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::sync::{Mutex, mpsc};

use super::Command;
use crate::fault::of_sql;

/// From here on the log is merged, in bytes. Pages that are written again and again are merged once.
const LONG: u64 = 16 << 20;

/// So much may be written while the log is merged, in bytes. Then the writer waits for that: where it writes faster than can be
/// merged, the log would grow without end.
const AHEAD: u64 = 32 << 20;

/// How often it is merged at most before the writer does the rest.
const TURNS: u32 = 3;

/// So much has to be written before anybody looks how long it is.
const LOOK: u64 = 1 << 20;

/// SQLite's page, which is what a frame of the log holds.
const FRAME: u64 = 4096 + 24;

/// Tells the task that merges.
pub(super) struct Checkpoints {
    look: mpsc::Sender<()>,
    written: u64,
    /// Held while the log is merged.
    merging: Arc<Mutex<()>>,
    /// How much was written since the writer last knew that it is not merged.
    ahead: u64,
}

impl Checkpoints {
    /// Starts the task. It opens its connection when it first looks, and ends with the writer.
    pub(super) fn start(
        options: SqliteConnectOptions,
        writer: mpsc::WeakSender<Command>,
        file: Arc<Path>,
    ) -> Self {
        let (look, looks) = mpsc::channel(1);
        let merging = Arc::new(Mutex::new(()));
        tokio::spawn(serve(options, writer, file, looks, Arc::clone(&merging)));
        Self {
            look,
            written: 0,
            merging,
            ahead: 0,
        }
    }

    /// So much was written. Waits if it is too much ahead of what is merged.
    pub(super) async fn wrote(&mut self, bytes: u64) {
        self.written += bytes;
        self.ahead += bytes;
        if self.written >= LOOK {
            self.look();
        }
        if self.ahead >= AHEAD {
            self.ahead = 0;
            drop(self.merging.lock().await);
        }
    }

    /// It is time to look.
    pub(super) fn look(&mut self) {
        self.written = 0;
        // Full: it is about to look anyway.
        let _ = self.look.try_send(());
    }
}

async fn serve(
    options: SqliteConnectOptions,
    writer: mpsc::WeakSender<Command>,
    file: Arc<Path>,
    mut looks: mpsc::Receiver<()>,
    merging: Arc<Mutex<()>>,
) {
    let mut connection = None;
    while looks.recv().await.is_some() {
        let turn = merging.lock().await;
        let done = look(&mut connection, &options).await;
        drop(turn);
        match done {
            Ok(true) => {
                let Some(writer) = writer.upgrade() else {
                    return;
                };
                // Full: there will be another look soon enough.
                let _ = writer.try_send(Command::Restart);
            }
            Ok(false) => {}
            Err(error) => {
                let error = of_sql(error, &file);
                tracing::warn!(%error, "the log of the store was not merged into it");
                connection = None;
            }
        }
    }
}

/// Looks how long the log is, and merges it if that is long. Whether the writer has to do the rest.
async fn look(
    connection: &mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
) -> sqlx::Result<bool> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(options.connect().await?),
    };
    let (log, _) = lengths(connection, "PRAGMA wal_checkpoint(NOOP)").await?;
    if log < LONG {
        return Ok(false);
    }
    for _ in 0..TURNS {
        lengths(connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        let (log, merged) = lengths(connection, "PRAGMA wal_checkpoint(NOOP)").await?;
        if log.saturating_sub(merged) < LOOK {
            break;
        }
    }
    Ok(true)
}

/// How long the log is, and how much of that is merged, in bytes.
async fn lengths(
    connection: &mut SqliteConnection,
    statement: &'static str,
) -> sqlx::Result<(u64, u64)> {
    let row = sqlx::query(statement).fetch_one(connection).await?;
    let bytes = |column: usize| -> sqlx::Result<u64> {
        let frames: i64 = row.try_get(column)?;
        // -1: there is no log.
        Ok(u64::try_from(frames).unwrap_or_default() * FRAME)
    };
    Ok((bytes(1)?, bytes(2)?))
}
