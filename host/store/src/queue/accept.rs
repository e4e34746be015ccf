//! Acceptance: a run, its idempotency key and its place in the queue, in one transaction that is on disk when it is
//! answered.

use std::borrow::Cow;

use lockgate_model::Kebab;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::PRIORITIES;
use crate::columns::{blob, optional_blob};
use crate::fault::{Fault, taken};
use crate::sealed::HostKey;
use crate::writer::{Durability, Tx};
use crate::{BatchRow, IdempotencyRow, Result, Store, TraceRow, batches, idempotency};

/// A run to be queued.
#[derive(Debug, Clone)]
pub struct QueuedRun {
    /// Its id, a UUID v7.
    pub id: Uuid,
    /// The flow. None for a document that came with the request.
    pub flow: Option<Kebab>,
    /// The version that was asked for. None: the one in force when it begins.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// The input. It is stored sealed, until the run ends.
    pub input: Vec<u8>,
    /// What else the run needs to begin. Sealed with the input.
    pub request: serde_json::Value,
    /// -10 to 10; higher goes first. What is outside is taken as the nearest.
    pub priority: i32,
    /// What started it: `api`, `webhook`, …
    pub trigger: Cow<'static, str>,
    /// The key that started it.
    pub key: Option<Uuid>,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// The run that it is a rerun of, or was started by.
    pub parent: Option<Uuid>,
    /// Labels, as a JSON object.
    pub labels: Option<String>,
    /// When it was asked for, in milliseconds since 1970.
    pub created_at: i64,
    /// Where it goes on in a trace.
    pub trace: Option<TraceRow>,
}

/// What is to be accepted together.
#[derive(Debug, Clone)]
pub struct Accept {
    /// The project.
    pub project: Kebab,
    /// The runs; of a batch in the order of its lines.
    pub runs: Vec<QueuedRun>,
    /// The batch that they are.
    pub batch: Option<BatchRow>,
    /// What an idempotency key is to remember of this.
    pub idempotency: Option<IdempotencyRow>,
    /// How many runs may wait, in all projects together.
    pub bound: u64,
}

/// What became of an acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is accepted and on disk.
    Accepted {
        /// How many runs are before its first.
        ahead: u64,
    },
    /// Not accepted: there is no room for it.
    Full {
        /// How many runs wait.
        depth: u64,
    },
    /// Not accepted: the same request was accepted before.
    Known(IdempotencyRow),
    /// Not accepted: the idempotency key was used for a request with another digest.
    Mismatch(IdempotencyRow),
}

impl Store {
    /// Accepts runs into the queue, all or none. When this returns [`Accepted::Accepted`], they outlive a loss of power.
    pub async fn accept(&self, accept: Accept) -> Result<Accepted> {
        let Accept {
            project,
            runs,
            batch,
            idempotency,
            bound,
        } = accept;
        let key = &self.0.key;
        let sealed = runs
            .into_iter()
            .map(|run| Sealed::of(run, key))
            .collect::<Result<Vec<_>>>()?;
        let ask = Ask {
            project,
            runs: sealed,
            batch,
            idempotency,
            bound,
        };
        self.0
            .writer
            .write(Durability::Power, move |tx| Box::pin(ask.accept(tx)))
            .await
    }
}

/// A run whose input is sealed.
struct Sealed {
    run: QueuedRun,
    sealed: Vec<u8>,
}

impl Sealed {
    /// Seals the input and the request together: the request's length as four bytes, the request, the input.
    fn of(mut run: QueuedRun, key: &HostKey) -> Result<Self> {
        let request = Zeroizing::new(run.request.to_string().into_bytes());
        let input = Zeroizing::new(std::mem::take(&mut run.input));
        run.request = serde_json::Value::Null;
        let length = u32::try_from(request.len()).unwrap_or(u32::MAX);
        let mut plain = Zeroizing::new(Vec::with_capacity(4 + request.len() + input.len()));
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(&request);
        plain.extend_from_slice(&input);
        let sealed = key.seal(run.id.as_bytes(), &plain)?;
        Ok(Self { run, sealed })
    }
}

/// The request and the input of a run that waited. None if they do not open.
pub(super) fn opened(
    key: &HostKey,
    id: &Uuid,
    sealed: &[u8],
) -> Option<(serde_json::Value, Vec<u8>)> {
    let plain = key.open_sealed(id.as_bytes(), sealed)?;
    let (length, rest) = plain.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (request, input) = rest.split_at_checked(length)?;
    Some((serde_json::from_slice(request).ok()?, input.to_vec()))
}

struct Ask {
    project: Kebab,
    runs: Vec<Sealed>,
    batch: Option<BatchRow>,
    idempotency: Option<IdempotencyRow>,
    bound: u64,
}

impl Ask {
    async fn accept(self, tx: &mut Tx) -> Result<Accepted, Fault> {
        if let Some(asked) = &self.idempotency {
            let known = idempotency::find(
                &mut tx.connection,
                &self.project,
                &asked.key,
                &asked.route,
                asked.at,
            )
            .await?;
            match known {
                Some(known) if known.digest == asked.digest => return Ok(Accepted::Known(known)),
                Some(known) => return Ok(Accepted::Mismatch(known)),
                None => {}
            }
        }
        let end = tx.queue_end().await?;
        if end.waiting + self.runs.len() as u64 > self.bound {
            // The key is not remembered: the same request may come again when there is room.
            return Ok(Accepted::Full { depth: end.waiting });
        }
        if let Some(asked) = &self.idempotency {
            idempotency::put(tx, &self.project, asked).await?;
        }
        let first = self.runs.first().map_or(0, |sealed| sealed.run.priority);
        let ahead = tx.ahead(first);
        let batch = self.batch.as_ref().map(|batch| batch.id);
        if let Some(batch) = self.batch {
            batches::add(tx, &self.project, batch).await?;
        }
        let mut place = end.last;
        let mut index = 0;
        let mut rest = self.runs;
        while !rest.is_empty() {
            let more = rest.split_off(piece(rest.len()));
            insert(tx, &self.project, rest, batch, &mut place, &mut index).await?;
            rest = more;
        }
        Ok(Accepted::Accepted { ahead })
    }
}

/// Runs are written so many at a time, or one by one.
const PIECE: usize = 32;

fn piece(runs: usize) -> usize {
    if runs < PIECE { 1 } else { PIECE }
}

const COLUMNS: &str = "seq, id, project, flow, version, revision, priority, started_by, key_id, session, parent, batch, \
                       batch_index, labels, created_at, trace_id, trace_parent, trace_flags, trace_state";

/// How many of them.
const WIDTH: usize = 19;

/// The runs, and then their inputs. Its arguments are taken in this order.
fn statement(runs: usize) -> String {
    let values = |width: usize| vec![format!("({})", vec!["?"; width].join(",")); runs].join(",");
    format!(
        "INSERT INTO queue ({COLUMNS}) VALUES {}; INSERT INTO queue_inputs (seq, sealed) VALUES {}",
        values(WIDTH),
        values(2),
    )
}

async fn insert(
    tx: &mut Tx,
    project: &Kebab,
    runs: Vec<Sealed>,
    batch: Option<Uuid>,
    place: &mut i64,
    index: &mut u32,
) -> Result<(), Fault> {
    let statement = statement(runs.len());
    let ids = match &*runs {
        [one] => format!("run {}", one.run.id),
        many => format!("one of {} runs", many.len()),
    };
    let mut arguments = SqliteArguments::default();
    let mut inputs = Vec::with_capacity(runs.len());
    for Sealed { run, sealed } in runs {
        *place += 1;
        let line = batch.map(|_| *index);
        *index += 1;
        let priority = run.priority.clamp(*PRIORITIES.start(), *PRIORITIES.end());
        tx.wrote(sealed.len());
        tx.queued(priority);
        inputs.push((*place, sealed));
        bind(&mut arguments, *place, project, run, priority, batch, line)
            .map_err(sqlx::Error::Encode)?;
    }
    for (place, sealed) in inputs {
        let added = arguments.add(place).and_then(|()| arguments.add(sealed));
        added.map_err(sqlx::Error::Encode)?;
    }
    sqlx::query_with(AssertSqlSafe(statement), arguments)
        .execute(&mut tx.connection)
        .await
        .map_err(taken(|| ids))?;
    Ok(())
}

/// In the order of [`COLUMNS`].
fn bind(
    arguments: &mut SqliteArguments,
    place: i64,
    project: &Kebab,
    run: QueuedRun,
    priority: i32,
    batch: Option<Uuid>,
    line: Option<u32>,
) -> Result<(), sqlx::error::BoxDynError> {
    arguments.add(place)?;
    arguments.add(blob(&run.id))?;
    arguments.add(project.as_str())?;
    arguments.add(run.flow.as_ref().map(Kebab::as_str))?;
    arguments.add(run.version)?;
    arguments.add(run.revision)?;
    arguments.add(priority)?;
    arguments.add(&*run.trigger)?;
    arguments.add(optional_blob(run.key.as_ref()))?;
    arguments.add(run.session)?;
    arguments.add(optional_blob(run.parent.as_ref()))?;
    arguments.add(optional_blob(batch.as_ref()))?;
    arguments.add(line)?;
    arguments.add(run.labels)?;
    arguments.add(run.created_at)?;
    let trace = run.trace.as_ref();
    let parent = trace.and_then(|trace| trace.parent);
    arguments.add(trace.map(|trace| trace.id.0.to_vec()))?;
    arguments.add(parent.map(|parent| parent.to_vec()))?;
    arguments.add(trace.map(|trace| i64::from(trace.flags)))?;
    arguments.add(run.trace.and_then(|trace| trace.state))
}
