//! Reads bodies, within bounds of size, of time, and of what all of them hold together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::api::App;
use crate::problem::{Code, Problem};

/// Bodies of up to this many bytes are not counted among what is held: as many as there are connections do no harm.
const UNCOUNTED_BYTES: usize = 64 << 10;

/// What is held is counted in steps of this many bytes.
const STEP_BYTES: usize = 1 << 20;

/// How many bytes that a body may have give it a second more.
const BYTES_A_SECOND: usize = 256 << 10;

/// How long what nobody wants may take to arrive.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// Reads on past a small body that nobody wants. A connection that is closed while some of it is unread is reset, and the
/// reset can overtake the answer, so that its reader would never learn why. Large bodies, and those that wait for a
/// `100 Continue`, are left: who sends one has to read meanwhile.
pub(crate) async fn discard(request: Request) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let past = async {
        let mut parts = request.into_body().into_data_stream();
        let mut left = UNCOUNTED_BYTES;
        while let Some(Ok(part)) = parts.next().await {
            match left.checked_sub(part.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Slow or broken: the answer goes out all the same.
    let _ = timeout(DISCARD_TIME, past).await;
}

/// A body that is there whole. While it is alive its bytes count among what is held.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

/// Room for all bodies together.
#[derive(Debug)]
pub(crate) struct Room {
    steps: Arc<Semaphore>,
    time: Duration,
}

impl Room {
    /// Room for `held_bytes`, but at least for one body of `largest`; a body has `time` to arrive, and more if it may be
    /// large.
    pub(crate) fn new(held_bytes: usize, largest: usize, time: Duration) -> Self {
        let steps = held_bytes.max(largest).div_ceil(STEP_BYTES) + 1;
        Self {
            steps: Arc::new(Semaphore::new(steps.min(Semaphore::MAX_PERMITS))),
            time,
        }
    }

    /// Reads a body of at most `most` bytes.
    pub(crate) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
        most: usize,
    ) -> Result<Received, Problem> {
        let declared = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > most as u64) {
            return Err(too_large(most));
        }
        let more = u64::try_from(most / BYTES_A_SECOND).unwrap_or(u64::MAX);
        let time = self.time.saturating_add(Duration::from_secs(more));
        match timeout(time, self.collect(body, most)).await {
            Ok(received) => received,
            Err(_) => Err(Problem::new(
                Code::SlowBody,
                format!("the body was not there after {} s", time.as_secs()),
            )),
        }
    }

    async fn collect(&self, body: Body, most: usize) -> Result<Received, Problem> {
        let mut parts = body.into_data_stream();
        let mut first = Bytes::new();
        let mut all = Vec::new();
        let mut held = None;
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_| {
                Problem::new(Code::InvalidBody, "the body ended before it was whole")
            })?;
            let length = first.len() + all.len() + part.len();
            if length > most {
                return Err(too_large(most));
            }
            if length > UNCOUNTED_BYTES {
                self.hold(&mut held, length)?;
            }
            // Most bodies come in one part, which is not copied.
            if first.is_empty() && all.is_empty() {
                first = part;
                continue;
            }
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&part);
        }
        let bytes = if all.is_empty() { first } else { all.into() };
        Ok(Received { bytes, _held: held })
    }

    /// Takes as many steps as `length` bytes need, or says that there is no room.
    fn hold(&self, held: &mut Option<OwnedSemaphorePermit>, length: usize) -> Result<(), Problem> {
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needs = length.div_ceil(STEP_BYTES);
        let Some(lacks) = needs.checked_sub(has).filter(|&lacks| lacks > 0) else {
            return Ok(());
        };
        let lacks = u32::try_from(lacks).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.steps)
            .try_acquire_many_owned(lacks)
            .map_err(|_| {
                let problem = Problem::new(Code::Busy, "too many large bodies arrive at once");
                problem.retry_after(Duration::from_secs(1))
            })?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

fn too_large(most: usize) -> Problem {
    let detail = format!("the body has more than {most} bytes");
    Problem::new(Code::TooLarge, detail).with("most_bytes", most)
}

/// A body that is JSON of one type. Depth is bounded by serde_json (127 levels), size by the configuration.
#[derive(Debug)]
pub(crate) struct Given<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Given<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let media = Media::of(&parts.headers)?;
        if media != Media::Json {
            return Err(Media::refused(&[Media::Json]));
        }
        let most = api.config.json_bytes;
        let body = api.room.receive(&parts.headers, body, most).await?;
        parse(&body.bytes).map(Self)
    }
}

/// Reads a body's text as a JSON object.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take a list of an object's values for the object.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let detail = "the body has to be an object, and is a list";
        return Err(Problem::new(Code::InvalidBody, detail));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let problem = Problem::new(Code::InvalidBody, error.to_string());
        problem
            .with("line", error.line())
            .with("column", error.column())
    })
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/json`.
    Json,
    /// `application/yaml`, and what people send for it: `application/x-yaml`, `text/yaml`, `text/x-yaml`.
    Yaml,
    /// `application/octet-stream` or `application/wasm`.
    Bytes,
    /// `multipart/form-data`.
    Form,
    /// `application/x-ndjson`, `application/jsonl` or `text/plain`: a document on each line.
    Lines,
}

impl Media {
    /// What a request says that its body is. Parameters such as a charset are not looked at: texts have to be UTF-8.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let all = [Self::Json, Self::Yaml, Self::Bytes, Self::Form, Self::Lines];
        let said = headers.get(header::CONTENT_TYPE);
        let said = said.and_then(|said| said.to_str().ok()).unwrap_or_default();
        let essence = said.split(';').next().unwrap_or_default().trim();
        all.into_iter()
            .find(|media| {
                let names = media.names().iter();
                names
                    .into_iter()
                    .any(|name| essence.eq_ignore_ascii_case(name))
            })
            .ok_or_else(|| {
                let detail = if essence.is_empty() {
                    "the request has no Content-Type".to_owned()
                } else {
                    format!("the Content-Type `{essence}` is not read here")
                };
                Problem::new(Code::WrongMedia, detail)
            })
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json"],
            Self::Yaml => &[
                "application/yaml",
                "application/x-yaml",
                "text/yaml",
                "text/x-yaml",
            ],
            Self::Bytes => &["application/octet-stream", "application/wasm"],
            Self::Form => &["multipart/form-data"],
            Self::Lines => &["application/x-ndjson", "application/jsonl", "text/plain"],
        }
    }

    /// That a body is of another type than those that are read.
    pub(crate) fn refused(read: &[Self]) -> Problem {
        let names: Vec<_> = read
            .iter()
            .filter_map(|media| media.names().first())
            .collect();
        let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
        let detail = format!("the Content-Type has to be {}", names.join(" or "));
        Problem::new(Code::WrongMedia, detail)
    }
}
