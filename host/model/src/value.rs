//! What travels over a port, whole or in parts.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::{Serialize, Serializer};

use crate::{Json, ValueKind};

/// What travels over a port. Cloning one copies a pointer, whatever its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// UTF-8 text.
    Text(Arc<str>),
    /// One JSON document.
    Json(Json),
    /// Bytes with a media type.
    Binary(Blob),
}

/// Bytes with a media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// RFC 6838, for example `image/png`. What the node said, unchecked.
    pub media_type: Arc<str>,
    /// The bytes.
    pub data: Bytes,
}

impl Value {
    /// Text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Which of the three it is. Never [`ValueKind::Any`].
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Text(_) => ValueKind::Text,
            Self::Json(_) => ValueKind::Json,
            Self::Binary(_) => ValueKind::Binary,
        }
    }

    /// Its size in bytes: of the text, of the document's text, or of media type and bytes together.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(json) => json.as_str().len(),
            Self::Binary(blob) => blob.media_type.len() + blob.data.len(),
        }
    }
}

/// At the edges of a run a value is JSON: text is a string, a document is itself, and bytes are
/// `{"media_type": …, "base64": …}`.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        use serde::ser::SerializeStruct as _;
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Json(json) => json.serialize(serializer),
            Self::Binary(blob) => {
                let mut fields = serializer.serialize_struct("Blob", 2)?;
                fields.serialize_field("media_type", &blob.media_type)?;
                fields.serialize_field(
                    "base64",
                    &base64::engine::general_purpose::STANDARD.encode(&blob.data),
                )?;
                fields.end()
            }
        }
    }
}

/// Joins the parts of a streamed output: text and bytes end to end, documents as the elements of a list.
///
/// All parts are of the kind, and blobs of the media type, of the first: who receives parts checks that before.
#[derive(Debug)]
pub enum Joiner {
    /// Text so far.
    Text(String),
    /// Documents so far.
    Json(Vec<Json>),
    /// Bytes so far, and their media type.
    Binary(Arc<str>, BytesMut),
}

impl Joiner {
    /// Starts with the first part.
    pub fn start(first: Value) -> Self {
        match first {
            Value::Text(text) => Self::Text(text.as_ref().to_owned()),
            Value::Json(json) => Self::Json(vec![json]),
            Value::Binary(blob) => Self::Binary(blob.media_type, BytesMut::from(&blob.data[..])),
        }
    }

    /// Adds a part, or gives it back if it does not fit what came before.
    pub fn push(&mut self, part: Value) -> Result<(), Value> {
        match (self, part) {
            (Self::Text(text), Value::Text(part)) => text.push_str(&part),
            (Self::Json(list), Value::Json(part)) => list.push(part),
            (Self::Binary(media_type, bytes), Value::Binary(part))
                if *media_type == part.media_type =>
            {
                bytes.extend_from_slice(&part.data);
            }
            (_, part) => return Err(part),
        }
        Ok(())
    }

    /// The whole.
    pub fn finish(self) -> Value {
        match self {
            Self::Text(text) => Value::text(text),
            Self::Json(list) => Value::Json(Json::list(&list)),
            Self::Binary(media_type, bytes) => Value::Binary(Blob {
                media_type,
                data: bytes.freeze(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(media_type: &str, data: &'static [u8]) -> Value {
        Value::Binary(Blob {
            media_type: media_type.into(),
            data: Bytes::from_static(data),
        })
    }

    fn json(text: &str) -> Value {
        Value::Json(Json::parse(text).expect("json"))
    }

    #[test]
    fn parts_join_as_the_contract_says() {
        for (parts, whole) in [
            (
                vec![Value::text("春"), Value::text(""), Value::text("天")],
                Value::text("春天"),
            ),
            (vec![json("1"), json("[2]")], json("[1,[2]]")),
            (vec![json("1")], json("[1]")),
            (
                vec![blob("a/b", b"x"), blob("a/b", b"y")],
                blob("a/b", b"xy"),
            ),
        ] {
            let mut parts = parts.into_iter();
            let mut joiner = Joiner::start(parts.next().expect("a first part"));
            parts.for_each(|part| joiner.push(part).expect("a part that fits"));
            assert_eq!(joiner.finish(), whole);
        }
    }

    #[test]
    fn a_part_of_another_kind_comes_back() {
        let mut joiner = Joiner::start(Value::text("a"));
        assert_eq!(joiner.push(json("1")), Err(json("1")));
        let mut joiner = Joiner::start(blob("a/b", b"x"));
        assert!(joiner.push(blob("a/c", b"x")).is_err());
    }

    #[test]
    fn the_edge_of_a_run_is_json() {
        let edge = |value| serde_json::to_string(&value).expect("serialises");
        assert_eq!(edge(Value::text("a\"b")), r#""a\"b""#);
        assert_eq!(edge(json(r#"{"a": 1}"#)), r#"{"a": 1}"#);
        assert_eq!(
            edge(blob("a/b", b"hi")),
            r#"{"media_type":"a/b","base64":"aGk="}"#
        );
    }
}
