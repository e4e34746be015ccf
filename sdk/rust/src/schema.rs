//! JSON Schemas (2020-12) of Rust types, and parsing into those types with faults that say where.

use std::fmt;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// The schema of a node that has no configuration.
pub(crate) const NOTHING: &str = r#"{"type":"object","additionalProperties":false}"#;

/// Which way a value travels, seen from the node. A type may take more than it gives: fields with a default, say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into the node.
    In,
    /// Out of the node.
    Out,
}

/// The schema of a port that carries `T`. `None` where it would admit everything.
pub(crate) fn of_port<T: JsonSchema>(direction: Direction) -> Option<String> {
    let schema = generate::<T>(direction);
    let says_something = |key: &String| key != "$schema";
    schema
        .as_object()?
        .keys()
        .any(says_something)
        .then(|| schema.as_value().to_string())
}

/// The schema of a configuration. A key that the type does not know is refused, unless the type says that it takes any:
/// a mistyped option that is silently ignored costs its author an hour.
pub(crate) fn of_config<T: JsonSchema>() -> String {
    let mut schema = generate::<T>(Direction::In);
    let closed = [
        "additionalProperties",
        "unevaluatedProperties",
        "oneOf",
        "anyOf",
        "allOf",
        "$ref",
    ];
    if let Some(object) = schema.as_object_mut()
        && object.get("type").is_some_and(|kind| kind == "object")
        && !closed.iter().any(|key| object.contains_key(*key))
    {
        object.insert("additionalProperties".to_owned(), false.into());
    }
    schema.as_value().to_string()
}

fn generate<T: JsonSchema>(direction: Direction) -> schemars::Schema {
    let settings = SchemaSettings::draft2020_12();
    let settings = match direction {
        Direction::In => settings.for_deserialize(),
        Direction::Out => settings.for_serialize(),
    };
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The name of a Rust type, which means nothing to who reads the schema.
    schema.remove("title");
    schema
}

/// Parses a document. To know at each step where in it one is takes a good part of the time, so only a document that does
/// not fit is read that way.
pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, ParseFault> {
    serde_json::from_str(json).map_err(|error| {
        fault_within::<T>(json).unwrap_or_else(|| ParseFault {
            pointer: String::new(),
            reason: reason(&error),
        })
    })
}

/// What in a document does not fit. `None`: what stands behind it.
fn fault_within<T: DeserializeOwned>(json: &str) -> Option<ParseFault> {
    let mut parser = serde_json::Deserializer::from_str(json);
    let fault = serde_path_to_error::deserialize::<_, T>(&mut parser).err()?;
    Some(ParseFault {
        pointer: pointer(fault.path()),
        reason: reason(fault.inner()),
    })
}

/// Why and where a document does not fit a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseFault {
    /// A JSON pointer (RFC 6901), empty for the whole document.
    pub(crate) pointer: String,
    /// Serde's words.
    pub(crate) reason: String,
}

impl fmt::Display for ParseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "at {}: ", self.pointer)?;
        }
        f.write_str(&self.reason)
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&step);
    }
    pointer
}

/// Serde's words without the line and column, which count in a serialised text that nobody has seen.
fn reason(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    whole.strip_suffix(&place).unwrap_or(&whole).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    /// How to cut.
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Cut {
        /// The most characters.
        #[serde(default = "thousand")]
        max_chars: u32,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Open {
        #[serde(flatten)]
        rest: serde_json::Map<String, serde_json::Value>,
    }

    fn thousand() -> u32 {
        1000
    }

    fn tree(schema: &str) -> serde_json::Value {
        serde_json::from_str(schema).expect("a schema is JSON")
    }

    #[test]
    fn a_configuration_has_descriptions_and_defaults_and_no_unknown_keys() {
        let schema = tree(&of_config::<Cut>());
        assert_eq!(schema["description"], "How to cut.");
        assert_eq!(
            schema["properties"]["max_chars"]["description"],
            "The most characters."
        );
        assert_eq!(schema["properties"]["max_chars"]["default"], 1000);
        assert_eq!(schema["additionalProperties"], false);
    }

    #[test]
    fn a_configuration_that_takes_any_key_says_so() {
        assert_ne!(tree(&of_config::<Open>())["additionalProperties"], false);
    }

    #[test]
    fn a_schema_that_admits_everything_is_none() {
        assert_eq!(of_port::<serde_json::Value>(Direction::Out), None);
        let words = of_port::<Vec<String>>(Direction::Out).expect("a list of texts");
        assert_eq!(tree(&words)["items"]["type"], "string");
    }

    #[test]
    fn a_fault_says_where_in_the_document() {
        assert_eq!(parse::<Cut>("{}").map(|cut| cut.max_chars), Ok(1000));
        let fault = parse::<Cut>(r#"{"max_chars": -1}"#).expect_err("negative");
        assert_eq!(fault.pointer, "/max_chars");
        assert_eq!(fault.reason, "invalid value: integer `-1`, expected u32");
        assert!(parse::<Cut>("{} {}").is_err());
    }
}
