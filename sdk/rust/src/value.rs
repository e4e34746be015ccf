//! What travels over a port, and the Rust types that it is taken and given as.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::schema::{self, Direction};
use crate::{Failure, Result};

pub use crate::bindings::lockgate::node::types::{Blob, Value, ValueKind};

/// A type that travels over a port: `String` as text, [`Json`] as a JSON document, [`Blob`] as bytes, [`Value`] as any.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not travel over a port",
    label = "not a port's type",
    note = "a port carries `String`, `Json<T>` (T with serde and JsonSchema), `Blob`, or `Value` for any of them"
)]
pub trait PortType: Sized {
    /// What the port carries.
    const KIND: ValueKind;

    /// The JSON Schema (2020-12) that a document on such a port meets, where it says more than "any".
    fn schema(_: Direction) -> Option<String> {
        None
    }

    /// Takes the value. A failure's message continues the sentence "the input `x` …".
    fn from_value(value: Value) -> Result<Self>;

    /// Gives the value.
    fn into_value(self) -> Result<Value>;
}

/// A value that travels as a JSON document and is checked against the schema of `T` on its way.
///
/// Doc comments on `T` and its fields become the schema's descriptions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl PortType for String {
    const KIND: ValueKind = ValueKind::Text;

    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(mismatch(Self::KIND, &other)),
        }
    }

    fn into_value(self) -> Result<Value> {
        Ok(Value::Text(self))
    }
}

impl<T: Serialize + DeserializeOwned + JsonSchema> PortType for Json<T> {
    const KIND: ValueKind = ValueKind::Json;

    fn schema(direction: Direction) -> Option<String> {
        schema::of_port::<T>(direction)
    }

    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Json(json) => schema::parse(&json)
                .map(Json)
                .map_err(|fault| Failure::invalid_input(format!("does not fit: {fault}"))),
            other => Err(mismatch(Self::KIND, &other)),
        }
    }

    fn into_value(self) -> Result<Value> {
        serde_json::to_string(&self.0)
            .map(Value::Json)
            .map_err(|error| {
                Failure::internal(format!(
                    "the node gave a value that cannot be JSON: {error}"
                ))
            })
    }
}

impl PortType for Blob {
    const KIND: ValueKind = ValueKind::Binary;

    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Binary(blob) => Ok(blob),
            other => Err(mismatch(Self::KIND, &other)),
        }
    }

    fn into_value(self) -> Result<Value> {
        Ok(Value::Binary(self))
    }
}

impl PortType for Value {
    const KIND: ValueKind = ValueKind::Any;

    fn from_value(value: Value) -> Result<Self> {
        Ok(value)
    }

    fn into_value(self) -> Result<Value> {
        Ok(self)
    }
}

fn mismatch(wanted: ValueKind, given: &Value) -> Failure {
    Failure::invalid_input(format!("takes {wanted}, and was given {}", given.kind()))
}

impl Value {
    /// Which of the three it is. Never [`ValueKind::Any`].
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Text(_) => ValueKind::Text,
            Self::Json(_) => ValueKind::Json,
            Self::Binary(_) => ValueKind::Binary,
        }
    }
}

impl ValueKind {
    /// Whether a port of this kind carries a value of kind `value`.
    pub fn admits(self, value: Self) -> bool {
        self == Self::Any || self == value
    }
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Binary => "binary",
            Self::Any => "any",
        })
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        Self::Json(json.to_string())
    }
}

impl From<Blob> for Value {
    fn from(blob: Blob) -> Self {
        Self::Binary(blob)
    }
}

/// Values, each with the name of its port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(Vec<(String, Value)>);

impl Values {
    /// Adds a value.
    pub fn push(&mut self, port: impl Into<String>, value: impl Into<Value>) {
        self.0.push((port.into(), value.into()));
    }

    /// The value of this port.
    pub fn get(&self, port: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(name, _)| name == port)
            .map(|(_, value)| value)
    }

    /// Every port and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Takes the value of this port out.
    pub(crate) fn take(&mut self, port: &str) -> Option<Value> {
        let place = self.0.iter().position(|(name, _)| name == port)?;
        Some(self.0.swap_remove(place).1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<(String, Value)>> for Values {
    fn from(values: Vec<(String, Value)>) -> Self {
        Self(values)
    }
}

impl From<Values> for Vec<(String, Value)> {
    fn from(values: Values) -> Self {
        values.0
    }
}

impl IntoIterator for Values {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_take_what_they_give() {
        let list = Json(vec!["a".to_owned()]);
        let value = list.clone().into_value().expect("json");
        assert_eq!(value, Value::Json(r#"["a"]"#.to_owned()));
        assert_eq!(Json::from_value(value), Ok(list));
        assert_eq!(String::from_value("春".into()), Ok("春".to_owned()));
    }

    #[test]
    fn a_wrong_kind_is_named() {
        let message = |failure: Failure| failure.message;
        let json = || Value::Json("1".to_owned());
        assert_eq!(
            String::from_value(json()).map_err(message),
            Err("takes text, and was given json".to_owned())
        );
        assert_eq!(
            Blob::from_value("x".into()).map_err(message),
            Err("takes binary, and was given text".to_owned())
        );
        let words = Json::<Vec<String>>::from_value(Value::Json(r#"["a", 1]"#.to_owned()));
        assert_eq!(
            words.map_err(message),
            Err("does not fit: at /1: invalid type: integer `1`, expected a string".to_owned())
        );
    }
}
