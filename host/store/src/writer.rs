//! The one writer: a task that owns a connection and commits what waits in groups.
//!
//! Whoever writes hands over work and waits. While one group commits, the next gathers; so the busier it is the larger
//! groups are, and the less a commit costs each. Work that may fail by itself runs under a savepoint of its own.
//!
//! Does not belong here: what is written. Runs that ended are the exception, because they are written many at a time.

mod checkpoint;
mod finish;
#[cfg(test)]
mod tests;
mod tx;

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::sync::{mpsc, oneshot};

use crate::fault::Fault;
use crate::{Result, StoreError};
use checkpoint::Checkpoints;
pub(crate) use finish::FinishRow;
use finish::FinishStatements;
pub(crate) use tx::Tx;

/// How many writes wait at most; whoever comes then waits to hand over.
const WAITING: usize = 1024;

/// How many writes one transaction holds at most. It bounds how long the first of them waits for the last.
const GROUP: usize = 256;

/// How durable a write has to be when it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It outlives the process. A loss of power may take the last of them, and never leaves half of one.
    Process,
    /// It outlives a loss of power.
    Power,
}

/// The writer, as everybody else has it.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    commands: mpsc::Sender<Command>,
    file: Arc<Path>,
}

enum Command {
    Finish(Finish),
    Work(Box<dyn Work>),
    /// Look how long the log is.
    Look,
    /// Merge what is left of the log into the database, and start it anew.
    Restart,
    Close(oneshot::Sender<()>),
}

/// A run that ended, and what hears whether it is stored.
struct Finish {
    row: Box<FinishRow>,
    done: Done,
}

/// Called once, or dropped where the writer is closed.
pub(crate) type Done = Box<dyn FnOnce(Result<()>) + Send>;

impl Writer {
    /// Starts the writer on this connection. `options` make another, for checkpoints.
    pub(crate) fn start(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        file: Arc<Path>,
    ) -> Self {
        let (commands, waiting) = mpsc::channel(WAITING);
        let checkpoints = Checkpoints::start(options, commands.downgrade(), file.clone());
        let task = Task {
            tx: Tx::new(connection),
            full: false,
            statements: FinishStatements::new(),
            checkpoints,
            file: file.clone(),
        };
        tokio::spawn(task.serve(waiting));
        Self { commands, file }
    }

    /// Stores a run that ended.
    pub(crate) async fn finish(&self, row: Box<FinishRow>, done: Done) {
        // An error: it is closed, and `done` is dropped.
        let _ = self.send(Command::Finish(Finish { row, done })).await;
    }

    /// Does this work in a transaction; gives what it gave, when that is committed.
    pub(crate) async fn write<T, F>(&self, durability: Durability, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Fault>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let typed = Typed {
            durability,
            work: Some(work),
            done: None,
            answer,
            file: self.file.clone(),
        };
        self.send(Command::Work(Box::new(typed))).await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Has the log looked at, however little was written.
    pub(crate) async fn checkpoint(&self) {
        let _ = self.send(Command::Look).await;
    }

    /// Commits what waits, merges the log, and ends the writer.
    pub(crate) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.send(Command::Close(answer)).await.is_ok() {
            // An error: it was closed meanwhile, by another handle.
            let _ = answered.await;
        }
    }

    async fn send(&self, command: Command) -> Result<()> {
        self.commands
            .send(command)
            .await
            .map_err(|_| StoreError::Closed)
    }
}

/// Work whose type of answer is only known to whoever waits for it.
trait Work: Send {
    fn durability(&self) -> Durability;

    /// Does it, and keeps what it gave. If it failed, what it did is to be rolled back.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Result<()>>;

    /// Answers: with what it gave, or with why the transaction around it failed.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Typed<T, F> {
    durability: Durability,
    work: Option<F>,
    done: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
    file: Arc<Path>,
}

impl<T, F> Work for Typed<T, F>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Fault>> + Send + 'static,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Result<()>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return Err(StoreError::Closed);
            };
            let done = work(tx).await.map_err(|fault| fault.of(&self.file));
            let went = done.as_ref().map(|_| ()).map_err(StoreError::clone);
            self.done = Some(done);
            went
        })
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let answer = match (self.done, committed) {
            // Its own failure says more than that the transaction failed.
            (Some(Err(own)), _) => Err(own),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(StoreError::Closed),
        };
        // Nobody may wait any more: what was asked for is done all the same.
        let _ = self.answer.send(answer);
    }
}

struct Task {
    tx: Tx,
    /// Whether commits wait for the disk at the moment.
    full: bool,
    statements: FinishStatements,
    checkpoints: Checkpoints,
    file: Arc<Path>,
}

impl Task {
    async fn serve(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut waiting = Vec::with_capacity(GROUP);
        let mut finishes = Vec::with_capacity(GROUP);
        let mut works = Vec::new();
        while commands.recv_many(&mut waiting, GROUP).await > 0 {
            let mut close = None;
            let mut restart = false;
            for command in waiting.drain(..) {
                match command {
                    Command::Finish(finish) => finishes.push(finish),
                    Command::Work(work) => works.push(work),
                    Command::Look => self.checkpoints.look(),
                    Command::Restart => restart = true,
                    Command::Close(answer) => close = Some(answer),
                }
            }
            self.group(&mut finishes, &mut works).await;
            if restart && close.is_none() {
                self.merge("PRAGMA wal_checkpoint(RESTART)").await;
            }
            if let Some(answer) = close {
                self.merge("PRAGMA wal_checkpoint(TRUNCATE)").await;
                commands.close();
                // What came between is answered with "closed" when it is dropped.
                drop(commands);
                let _ = self.tx.connection.close().await;
                let _ = answer.send(());
                return;
            }
        }
    }

    /// Commits a group and answers everybody in it.
    async fn group(&mut self, finishes: &mut Vec<Finish>, works: &mut Vec<Box<dyn Work>>) {
        if finishes.is_empty() && works.is_empty() {
            return;
        }
        let committed = self.transaction(finishes, works).await;
        if committed.is_err() {
            // It fails if SQLite rolled back by itself, which is as good.
            let _ = self.tx.run("ROLLBACK").await;
            self.tx.forget();
        }
        let committed = committed.map_err(|fault| fault.of(&self.file));
        for work in works.drain(..) {
            work.answer(committed.clone());
        }
        for finish in finishes.drain(..) {
            (finish.done)(committed.clone());
        }
        self.checkpoints.wrote(self.tx.take_written()).await;
    }

    async fn transaction(
        &mut self,
        finishes: &mut [Finish],
        works: &mut [Box<dyn Work>],
    ) -> Result<(), Fault> {
        let full = works
            .iter()
            .any(|work| work.durability() == Durability::Power);
        if works.is_empty()
            && full == self.full
            && self.statements.whole(&mut self.tx, finishes).await?
        {
            return Ok(());
        }
        let begin = match (self.full, full) {
            (false, true) => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            (true, false) => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
            _ => "BEGIN IMMEDIATE",
        };
        // If only BEGIN fails, the pragma holds all the same; to set it again does no harm.
        self.tx.run(begin).await?;
        self.full = full;
        if let ([], [work]) = (&*finishes, &mut *works) {
            if work.run(&mut self.tx).await.is_err() {
                self.tx.forget();
                // It fails if SQLite rolled back by itself.
                let _ = self.tx.run("ROLLBACK").await;
                return Ok(());
            }
        } else {
            for work in works.iter_mut() {
                self.tx.run("SAVEPOINT work").await?;
                if let Err(error) = work.run(&mut self.tx).await {
                    self.tx.forget();
                    // Where SQLite rolled back everything by itself (a full disk), there is no savepoint any more, and what
                    // this work failed with is what all of them fail with.
                    let undone = self.tx.run("ROLLBACK TO work").await;
                    undone.map_err(|_| Fault::Store(error))?;
                }
                self.tx.run("RELEASE work").await?;
            }
        }
        self.statements.pieces(&mut self.tx, finishes).await?;
        self.tx.run("COMMIT").await?;
        Ok(())
    }

    /// Merges the log. Gives up at once if somebody reads it: there is another time.
    async fn merge(&mut self, checkpoint: &'static str) {
        for statement in ["PRAGMA busy_timeout = 0", checkpoint] {
            let _ = self.tx.run(statement).await;
        }
        let restore = format!("PRAGMA busy_timeout = {}", crate::store::BUSY.as_millis());
        let _ = sqlx::raw_sql(AssertSqlSafe(restore))
            .execute(&mut self.tx.connection)
            .await;
    }
}
