//! JSON documents that are known to parse.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// How deep a JSON document may nest. It is serde_json's own bound: a document that is accepted can be parsed again
/// anywhere, and on any thread's stack.
pub const MAX_JSON_DEPTH: usize = 127;

/// One JSON document (RFC 8259), as text that is known to parse. Cloning it copies a pointer.
///
/// It stays text because most documents only pass through: from one sandbox into the next.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

/// Why a text is no JSON document.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON document: {0}")]
pub struct InvalidJson(serde_json::Error);

impl Json {
    /// Checks that `text` is one JSON document of at most [`MAX_JSON_DEPTH`] levels whose numbers fit in 64 bits.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, InvalidJson> {
        let text = text.into();
        serde_json::from_str::<Syntax>(&text).map_err(InvalidJson)?;
        Ok(Self(text))
    }

    /// The document's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document as a tree.
    pub fn to_tree(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default() // `parse` accepted the same text with the same parser
    }

    /// A list of the documents, in their order.
    pub fn list<'a>(documents: impl IntoIterator<Item = &'a Json>) -> Self {
        let mut text = String::from("[");
        for (index, document) in documents.into_iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(document.as_str());
        }
        text.push(']');
        Self(text.into())
    }

    /// The elements one after another, if the document is a list.
    pub fn elements(&self) -> Option<Elements> {
        let start = self.0.find(|c: char| !c.is_ascii_whitespace())?;
        self.0[start..].starts_with('[').then(|| Elements {
            list: self.clone(),
            at: start + 1,
        })
    }
}

impl From<&serde_json::Value> for Json {
    fn from(tree: &serde_json::Value) -> Self {
        Self(tree.to_string().into())
    }
}

impl Default for Json {
    /// The empty object.
    fn default() -> Self {
        Self("{}".into())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({})", self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// The elements of a list, each made when it is asked for: all at once they can take many times the list's own size.
#[derive(Debug, Clone)]
pub struct Elements {
    list: Json,
    /// Where the rest of the list begins, in bytes.
    at: usize,
}

impl Iterator for Elements {
    type Item = Json;

    fn next(&mut self) -> Option<Json> {
        let rest = &self.list.0[self.at..];
        let between = rest.find(|c: char| !c.is_ascii_whitespace() && c != ',')?;
        let mut values =
            serde_json::Deserializer::from_str(&rest[between..]).into_iter::<&RawValue>();
        let element = values.next()?.ok()?; // the bracket that ends the list is no value
        self.at += between + values.byte_offset();
        Some(Json(element.get().into()))
    }
}

/// Parses a document and keeps nothing of it. `serde::de::IgnoredAny` would not do: serde_json skips what it ignores
/// without a bound on depth and without looking at numbers, and the tree of the same text might then not parse.
struct Syntax;

impl<'de> Deserialize<'de> for Syntax {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Syntax)
    }
}

impl<'de> Visitor<'de> for Syntax {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<Syntax>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Syntax, Syntax>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_accepted_parses_as_a_tree() {
        for good in [
            "null",
            " {\"a\": [1, 2.5, -3e7, true, \"\\u00e9\"]} ",
            "18446744073709551615",
            "\"x\"",
        ] {
            let json = Json::parse(good).expect(good);
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(good).ok(),
                Some(json.to_tree())
            );
        }
    }

    #[test]
    fn what_is_not_one_document_is_refused() {
        let deep = "[".repeat(MAX_JSON_DEPTH + 1) + &"]".repeat(MAX_JSON_DEPTH + 1);
        for bad in [
            "",
            "{",
            "1 2",
            "nul",
            "1e999",
            "{'a': 1}",
            "\"\u{1}\"",
            &deep,
            &"[".repeat(1 << 20),
        ] {
            assert!(Json::parse(bad).is_err(), "{bad:.40}");
        }
        let deepest = "[".repeat(MAX_JSON_DEPTH) + &"]".repeat(MAX_JSON_DEPTH);
        assert!(Json::parse(deepest).is_ok());
    }

    #[test]
    fn lists_come_apart_as_they_were_put_together() {
        let parts = [
            Json::parse("1").expect("json"),
            Json::parse("{\"a\": [2]}").expect("json"),
        ];
        let list = Json::list(&parts);
        assert_eq!(list.as_str(), "[1,{\"a\": [2]}]");
        let elements = |json: &Json| json.elements().map(Iterator::collect::<Vec<_>>);
        assert_eq!(elements(&list), Some(parts.to_vec()));
        let spaced = Json::parse(" [ \"],[\" ,\n[ ] , null ] ").expect("json");
        let texts = elements(&spaced).expect("a list");
        let texts: Vec<_> = texts.iter().map(Json::as_str).collect();
        assert_eq!(texts, ["\"],[\"", "[ ]", "null"]);
        assert_eq!(elements(&Json::list([])), Some(Vec::new()));
        assert_eq!(Json::list([]).as_str(), "[]");
        assert!(parts[0].elements().is_none());
    }
}
