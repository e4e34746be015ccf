//! Values of ports as values of templates, and what templates write of them.

use std::collections::BTreeMap;

use lockgate_sdk::{Failure, Result, Value, Values};
use minijinja::value::ValueKind;
use minijinja::{Output, State, escape_formatter};

/// The template's variables.
pub(super) fn context(variables: Values) -> Result<minijinja::Value> {
    let variables = variables.into_iter().map(|(name, value)| {
        let value = variable(&name, value)?;
        Ok((name, value))
    });
    Ok(variables.collect::<Result<BTreeMap<_, _>>>()?.into())
}

/// Writes a value. Lists and maps are written as JSON, which models read better than any other notation.
pub(super) fn write(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &minijinja::Value,
) -> std::result::Result<(), minijinja::Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Map)
        && let Ok(json) = serde_json::to_string(value)
    {
        return out.write_str(&json).map_err(minijinja::Error::from);
    }
    escape_formatter(out, state, value)
}

fn variable(name: &str, value: Value) -> Result<minijinja::Value> {
    match value {
        Value::Text(text) => Ok(text.into()),
        Value::Json(json) => serde_json::from_str(&json).map_err(|error| {
            Failure::invalid_input(format!("the input `{name}` is not JSON: {error}"))
        }),
        Value::Binary(blob) => Err(Failure::invalid_input(format!(
            "the input `{name}` is binary ({}): a template takes text and JSON",
            blob.media_type
        ))),
    }
}
