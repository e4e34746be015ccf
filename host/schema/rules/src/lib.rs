//! JSON Schemas as Lockgate reads them: one dialect, nothing remote, patterns in linear time, faults of bounded length.
//!
//! Here is what a schema means. What it may cost is not here: a schema can be small and take forever (`allOf` chains
//! double at each link), so whoever calls this with a stranger's schema does it in a sandbox.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod entropy;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value;

/// The most faults that are told of one document. Someone who repairs these looks again anyway.
pub const MAX_FAULTS: usize = 20;
/// The longest message of a fault, in characters. Messages quote schemas and documents, which have any length.
pub const MAX_MESSAGE_CHARS: usize = 300;
/// The dialect, as `$schema` names it.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// How large a compiled pattern may be, in bytes: ten times what real ones need.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// A JSON Schema (2020-12) that compiles.
#[derive(Debug)]
pub struct Schema(Validator);

/// A place in a document, or in a schema, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer (RFC 6901); empty for the whole.
    pub path: String,
    /// What is wrong, in at most [`MAX_MESSAGE_CHARS`] characters. It may quote what a stranger wrote: escape it.
    pub message: String,
}

/// Whether `format` is checked. By the standard it is an annotation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Formats {
    /// It says what a text is meant to be.
    #[default]
    Annotate,
    /// A text of another form is a fault.
    Check,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// The first fault: of another dialect, against the meta-schema, a reference to something outside of the document or
    /// to nothing in it, a pattern that does not compile.
    pub fn compile(schema: &Value, formats: Formats) -> Result<Self, Fault> {
        check_dialect(schema)?;
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_retriever(Nowhere)
            .with_pattern_options(
                PatternOptions::regex()
                    .size_limit(MAX_PATTERN_BYTES)
                    .dfa_size_limit(MAX_PATTERN_BYTES),
            )
            .should_validate_formats(formats == Formats::Check)
            .build(schema)
            .map(Self)
            .map_err(|error| schema_fault(&error))
    }

    /// Holds a document against the schema: its faults, at most [`MAX_FAULTS`], in the schema's order.
    pub fn check(&self, document: &Value) -> Vec<Fault> {
        let faults = self.0.iter_errors(document).take(MAX_FAULTS);
        faults.map(|error| fault(&error)).collect()
    }
}

/// Parses a JSON document.
///
/// # Errors
///
/// The parser's words, as a fault of the whole. Documents nest at most 127 deep.
pub fn parse(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| Fault {
        path: String::new(),
        message: cut(format!("is not JSON: {error}")),
    })
}

/// Fetches nothing.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("nothing outside of the schema is read".into())
    }
}

fn check_dialect(schema: &Value) -> Result<(), Fault> {
    match schema.get("$schema") {
        None => Ok(()),
        Some(Value::String(dialect)) if dialect.trim_end_matches('#') == DIALECT => Ok(()),
        Some(other) => Err(Fault {
            path: "/$schema".to_owned(),
            message: cut(format!(
                "the schema is of the dialect {other}; only \"{DIALECT}\" is read"
            )),
        }),
    }
}

/// What is wrong with a schema, in words that help to repair it where the library's do not.
fn schema_fault(error: &ValidationError<'_>) -> Fault {
    let plain = fault(error);
    let path = plain.path;
    let message = match error.kind() {
        ValidationErrorKind::Referencing(reason) => {
            format!(
                "a reference leads nowhere: {reason}; only references to places in the same schema are followed"
            )
        }
        ValidationErrorKind::Format { format } if format == "regex" => {
            let pattern = error.instance();
            format!(
                "{pattern} is not a pattern here: look-around and back-references are not, nor are very large ones"
            )
        }
        _ => plain.message,
    };
    Fault {
        path,
        message: cut(message),
    }
}

/// What is wrong with a document, without quoting it: it may be long, and the path says which part is meant.
fn fault(error: &ValidationError<'_>) -> Fault {
    Fault {
        path: error.instance_path().to_string(),
        message: cut(error.masked_with("the value").to_string()),
    }
}

fn cut(message: String) -> String {
    if message.chars().count() <= MAX_MESSAGE_CHARS {
        return message;
    }
    let kept = message.chars().take(MAX_MESSAGE_CHARS - 1);
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests;
