//! What a guest says, before anything of it is checked: the one internal form that every version of the contract is
//! adapted to.

use bytes::Bytes;
use lockgate_model::{Blob, Breach, Json, Port, Value, ValueKind};
use lockgate_model::{Failure, FailureKind, NodeKind};
use serde::{Deserialize, Serialize};

/// The longest piece of a guest's text in an error, in characters.
const MAX_QUOTED_CHARS: usize = 80;

/// The longest document that is parsed on a guest thread, where others wait meanwhile.
const PARSED_AT_ONCE_BYTES: usize = 64 << 10;

/// The longest message of a failure that is kept, in bytes, and the longest detail.
const MAX_MESSAGE_BYTES: usize = 4 << 10;
const MAX_DETAIL_BYTES: usize = 64 << 10;

/// What a plugin says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SaidPlugin {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) nodes: Vec<SaidNode>,
}

/// What a plugin says of a node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SaidNode {
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) kind: NodeKind,
    pub(crate) ports: SaidPorts,
    pub(crate) config_schema: String,
    pub(crate) pure: bool,
}

/// What a plugin says of a node's ports.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SaidPorts {
    pub(crate) inputs: Vec<SaidPort>,
    pub(crate) outputs: Vec<SaidPort>,
}

/// What a plugin says of a port.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SaidPort {
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) kind: ValueKind,
    pub(crate) required: bool,
    pub(crate) streaming: bool,
    pub(crate) schema: Option<String>,
}

/// The outputs that a node gives, by the names that it gives them.
pub(crate) type SaidOutputs = Vec<(String, SaidValue)>;

/// A value that a node gives.
#[derive(Debug)]
pub(crate) enum SaidValue {
    Text(String),
    Json(String),
    Binary { media_type: String, data: Vec<u8> },
}

impl SaidValue {
    /// Its size in bytes, as [`Value::size`] counts.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Json(text) => text.len(),
            Self::Binary { media_type, data } => media_type.len() + data.len(),
        }
    }

    /// The value, if it is what the output `port` is declared to be. Its schema is checked elsewhere, in a sandbox.
    pub(crate) async fn checked(self, port: &Port) -> Result<Value, Breach> {
        let value = match self {
            Self::Text(text) => Value::text(text),
            Self::Binary { media_type, data } => Value::Binary(Blob {
                media_type: media_type.into(),
                data: Bytes::from(data),
            }),
            Self::Json(text) => match parsed(text).await {
                Ok(json) => Value::Json(json),
                Err(reason) => {
                    return Err(Breach::NotJson {
                        port: port.name.to_string(),
                        reason,
                    });
                }
            },
        };
        if port.kind.admits(value.kind()) {
            Ok(value)
        } else {
            let (declared, given) = (port.kind, value.kind());
            Err(Breach::WrongKind {
                port: port.name.to_string(),
                declared,
                given,
            })
        }
    }
}

/// Parses a document. A long one takes milliseconds, and guests would wait that long for the thread: so it is parsed on
/// another.
async fn parsed(text: String) -> Result<Json, String> {
    if text.len() <= PARSED_AT_ONCE_BYTES {
        return Json::parse(text).map_err(|error| error.to_string());
    }
    let parsed = tokio::task::spawn_blocking(move || Json::parse(text)).await;
    parsed
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

/// A failure as a node gives it, bounded: a long message is cut, and a detail that is no JSON becomes a JSON string.
pub(crate) fn failure(
    kind: FailureKind,
    message: String,
    detail: Option<String>,
    retry_after_ms: Option<u64>,
) -> Failure {
    let message = bounded(message, MAX_MESSAGE_BYTES);
    let detail = detail.map(|detail| {
        let detail = bounded(detail, MAX_DETAIL_BYTES);
        Json::parse(detail.as_str())
            .unwrap_or_else(|_| Json::from(&serde_json::Value::String(detail)))
    });
    Failure {
        kind,
        message,
        detail,
        retry_after_ms,
    }
}

/// The start of a guest's text, with no more memory than that takes.
pub(crate) fn bounded(mut text: String, most_bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(most_bytes));
    text.shrink_to_fit();
    text
}

/// The start of a guest's text, short enough for an error.
pub(crate) fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_QUOTED_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
