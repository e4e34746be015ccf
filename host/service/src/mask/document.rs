//! Values and documents: their strings, their keys and their whole numbers.

use std::collections::HashMap;
use std::sync::Arc;

use lockgate_flow::{MAX_VALUE_BYTES, document_bytes};
use lockgate_model::{Ident, Json, Value};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Tree};

use super::amounts::is_amount;
use super::builtin::PHONES;
use super::{Mask, into_text, marked, steps};

impl Mask {
    /// Masks text that is owned. Whether something was masked, here and below.
    pub(super) fn string(&self, text: &mut String) -> bool {
        let masked = self.text(text);
        masked.map(|masked| *text = masked).is_some()
    }

    pub(super) fn values(&self, values: &mut [(Ident, Value)]) -> bool {
        let masked = values.iter_mut().map(|(_, value)| self.value(value));
        masked.fold(false, |any, one| any | one)
    }

    pub(super) fn value(&self, value: &mut Value) -> bool {
        if value.size() > MAX_VALUE_BYTES {
            return false; // the journal holds a mark of it only
        }
        match value {
            Value::Text(text) => {
                let masked = self.text(text);
                masked.map(|masked| *text = masked.into()).is_some()
            }
            Value::Json(json) => {
                let masked = self.json(json);
                masked.map(|masked| *json = masked).is_some()
            }
            Value::Binary(blob) => {
                let media_type = self.text(&blob.media_type);
                let data = Some(&blob.data).filter(|data| is_text(&blob.media_type, data));
                let data = data.and_then(|data| self.bytes(data));
                let any = media_type.is_some() || data.is_some();
                if let Some(masked) = media_type {
                    blob.media_type = masked.into();
                }
                if let Some(masked) = data {
                    blob.data = masked.into();
                }
                any
            }
        }
    }

    /// The document with marks in it; None where it holds nothing.
    pub(super) fn json(&self, json: &Json) -> Option<Json> {
        let text = json.as_str();
        // What a string holds stands in the document as it is, but for what is escaped.
        if !self.may_be_in(text.as_bytes(), 0) && !text.contains('\\') {
            return None;
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        // All of it is looked at, values of a key that comes twice too, of which a tree has one.
        let seek = Seek {
            mask: self,
            is_amount: false,
        };
        if !seek.deserialize(&mut deserializer).unwrap_or(true) {
            return None;
        }
        let mut tree = json.to_tree();
        self.within(&mut tree, None);
        Some(Json::from(&tree))
    }

    pub(super) fn shared(&self, tree: &mut Arc<Tree>) -> bool {
        let is_in = self.is_in_kept(tree);
        if is_in {
            self.within(Arc::make_mut(tree), None);
        }
        is_in
    }

    pub(super) fn tree(&self, tree: &mut Tree) -> bool {
        let is_in = self.is_in_kept(tree);
        if is_in {
            self.within(tree, None);
        }
        is_in
    }

    /// The journal holds a mark only of a document that is larger.
    fn is_in_kept(&self, tree: &Tree) -> bool {
        document_bytes(tree) <= MAX_VALUE_BYTES && self.is_in(tree, None)
    }

    /// Whether something is in it. An array's key is that of its elements.
    fn is_in(&self, tree: &Tree, key: Option<&str>) -> bool {
        match tree {
            Tree::Null | Tree::Bool(_) => false,
            Tree::Number(number) => self.number(number, || key.is_some_and(is_amount)).is_some(),
            Tree::String(text) => self.name_in(text).is_some(),
            Tree::Array(elements) => elements.iter().any(|element| self.is_in(element, key)),
            Tree::Object(entries) => entries
                .iter()
                .any(|(key, value)| self.name_in(key).is_some() || self.is_in(value, Some(key))),
        }
    }

    fn within(&self, tree: &mut Tree, key: Option<&str>) {
        match tree {
            Tree::Null | Tree::Bool(_) => {}
            Tree::Number(number) => {
                if let Some(masked) = self.number(number, || key.is_some_and(is_amount)) {
                    *tree = Tree::String(masked);
                }
            }
            Tree::String(text) => {
                self.string(text);
            }
            Tree::Array(elements) => {
                let each = elements.iter_mut();
                each.for_each(|element| self.within(element, key));
            }
            Tree::Object(entries) => {
                let each = entries.iter_mut();
                each.for_each(|(key, value)| self.within(value, Some(key)));
                if entries.keys().any(|key| self.name_in(key).is_some()) {
                    *entries = self.keys(std::mem::take(entries));
                }
            }
        }
    }

    /// A whole number with marks in it; None where it holds nothing. An amount is no phone number.
    fn number(&self, number: &Number, is_amount: impl FnOnce() -> bool) -> Option<String> {
        let digits = whole(number)?;
        let found = self.found(digits.as_bytes(), 0);
        let is_phone = !found.is_empty() && found.iter().all(|(_, name)| *name == PHONES);
        let is_none = found.is_empty() || (is_phone && is_amount());
        (!is_none).then(|| into_text(marked(digits.as_bytes(), 0..digits.len(), &found)))
    }

    /// The entries under masked keys. Those whose keys would be the same are numbered, each mark for itself.
    fn keys(&self, entries: Map<String, Tree>) -> Map<String, Tree> {
        let mut masked = Map::new();
        let mut same = Vec::new();
        for (mut key, value) in entries {
            if self.string(&mut key) {
                same.push((key, value));
            } else {
                masked.insert(key, value);
            }
        }
        let mut last = HashMap::<String, u64>::new();
        for (mark, value) in same {
            let number = last.entry(mark.clone()).or_insert(0);
            let key = loop {
                steps::did(1);
                *number += 1;
                let key = match *number {
                    1 => mark.clone(),
                    more => format!("{mark} {more}"),
                };
                if !masked.contains_key(&key) {
                    break key;
                }
            };
            masked.insert(key, value);
        }
        masked
    }
}

/// The digits of a whole number, also of one that is written with a fraction of nothing. Others are amounts and measures.
fn whole(number: &Number) -> Option<String> {
    /// From here on, numbers with a fraction are whole because they have no room for one.
    const ALL_WHOLE: f64 = (1_u64 << 53) as f64;
    match number.as_f64().filter(|_| number.is_f64()) {
        None => Some(number.to_string()),
        Some(float) => {
            (float.fract() == 0.0 && float.abs() < ALL_WHOLE).then(|| format!("{float:.0}"))
        }
    }
}

/// Whether bytes are looked at: they are said to be text, or few of them are control characters that text has not. Others are
/// images and the like, where what is found is found by chance.
pub(super) fn is_text(media_type: &str, bytes: &[u8]) -> bool {
    let is_other =
        |byte: &&u8| **byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    is_text_type(media_type) || bytes.iter().filter(is_other).count() <= bytes.len() / 32
}

fn is_text_type(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let parts = [
        "json",
        "xml",
        "csv",
        "yaml",
        "javascript",
        "x-www-form-urlencoded",
    ];
    essence.starts_with("text/") || parts.iter().any(|part| essence.ends_with(part))
}

/// Reads a document through, and says whether something is in it.
#[derive(Clone, Copy)]
struct Seek<'a> {
    mask: &'a Mask,
    is_amount: bool,
}

impl Seek<'_> {
    fn number(&self, number: impl Into<Number>) -> bool {
        self.mask
            .number(&number.into(), || self.is_amount)
            .is_some()
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, number: i64) -> Result<bool, E> {
        Ok(self.number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<bool, E> {
        Ok(self.number(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<bool, E> {
        Ok(Number::from_f64(number).is_some_and(|number| self.number(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(self.mask.name_in(text).is_some())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        let mut any = false;
        while let Some(one) = elements.next_element_seed(self)? {
            any |= one;
        }
        Ok(any)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        let mut any = false;
        while let Some(key) = entries.next_key::<String>()? {
            any |= self.mask.name_in(&key).is_some();
            let value = Seek {
                is_amount: is_amount(&key),
                ..self
            };
            any |= entries.next_value_seed(value)?;
        }
        Ok(any)
    }
}
