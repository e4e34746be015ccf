//! What came of the lines of a batch, in their order, piece by piece.

use std::borrow::Cow;

use futures::{Stream, StreamExt as _, stream};
use lockgate_model::Kebab;
use lockgate_store::{RunRow, Store};
use serde::Serialize;
use uuid::Uuid;

use crate::runs::{RunErrorView, RunState, stored};
use crate::{Doc, ServiceError};

/// How many runs are read together. They come with their journals.
const AT_ONCE: u32 = 50;

/// One line of the answer.
#[derive(Debug, Serialize)]
struct ResultLine {
    line: Option<u32>,
    run: Uuid,
    state: RunState,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Doc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RunErrorView>,
}

type Piece = Vec<Result<String, ServiceError>>;

/// The lines of a batch.
pub(super) fn lines(
    store: Store,
    project: Kebab,
    batch: Uuid,
) -> impl Stream<Item = Result<String, ServiceError>> + Send + 'static {
    let at: Option<Option<u32>> = Some(None); // None: that was all
    let pieces = stream::unfold(
        (store, project, at),
        move |(store, project, at)| async move {
            let (piece, next) = piece(&store, &project, batch, at?).await;
            Some((stream::iter(piece), (store, project, next)))
        },
    );
    pieces.flatten()
}

/// The next lines, and where those after them begin.
async fn piece(
    store: &Store,
    project: &Kebab,
    batch: Uuid,
    after: Option<u32>,
) -> (Piece, Option<Option<u32>>) {
    match store.batch_runs(project, &batch, after, AT_ONCE).await {
        Ok(rows) => {
            let last = rows.last().and_then(|row| row.summary.batch);
            let next = last.map(|place| Some(place.index));
            (rows.into_iter().map(line).collect(), next)
        }
        Err(error) => (vec![Err(error.into())], None),
    }
}

fn line(row: RunRow) -> Result<String, ServiceError> {
    let view = stored::view(row);
    let line = ResultLine {
        line: view.summary.line,
        run: view.summary.run,
        state: view.summary.state,
        outcome: view.summary.outcome,
        output: view.output,
        error: view.error,
    };
    serde_json::to_string(&line)
        .map_err(|error| ServiceError::Internal(format!("a result is no JSON: {error}")))
}
