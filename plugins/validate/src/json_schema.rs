//! `json-schema`.

use lockgate_schema_rules::{Fault, Formats, Schema, parse};
use lockgate_sdk::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Tree, json};

#[derive(Deserialize, JsonSchema)]
pub(crate) struct SchemaConfig {
    /// A JSON Schema (2020-12). References lead to places in it and nowhere else; patterns have no look-around and no
    /// back-references.
    schema: Map<String, Tree>,
    /// Check `format` too. By the standard it only says what a text is meant to be.
    #[serde(default)]
    formats: bool,
}

/// A schema that compiles.
pub(crate) struct Checker(Schema);

impl Configure for Checker {
    type Config = SchemaConfig;

    fn configure(config: SchemaConfig) -> Result<Self> {
        let formats = if config.formats {
            Formats::Check
        } else {
            Formats::Annotate
        };
        Schema::compile(&Tree::Object(config.schema), formats)
            .map(Self)
            .map_err(|Fault { path, message }| {
                Failure::invalid_input(format!("the schema does not compile: {message}"))
                    .at(&format!("/schema{path}"))
            })
    }
}

/// Accepts a JSON document that meets a schema.
///
/// Another is rejected with what is wrong and where: at most 20 faults.
#[node(validator, pure, output(value = "The same document."))]
pub(crate) fn json_schema(
    /// The document.
    value: Json<Box<RawValue>>,
    checker: Config<Checker>,
) -> Result<Json<Box<RawValue>>> {
    // The document passes as the text that it is: neither the order of its keys nor its numbers change.
    let faults = match parse(value.0.get()) {
        Ok(document) => checker.0.0.check(&document),
        Err(fault) => vec![fault],
    };
    match faults.first() {
        None => Ok(value),
        Some(first) => Err(rejected(first, &faults)),
    }
}

fn rejected(first: &Fault, faults: &[Fault]) -> Failure {
    let place = if first.path.is_empty() {
        "as a whole"
    } else {
        &first.path
    };
    let more = match faults.len() - 1 {
        0 => String::new(),
        1 => " (and 1 more fault)".to_owned(),
        more => format!(" (and {more} more faults)"),
    };
    let told = faults
        .iter()
        .map(|Fault { path, message }| json!({ "path": path, "message": message }));
    Failure::rejected(format!(
        "the document does not meet the schema, {place}: {}{more}",
        first.message
    ))
    .detail(&json!({ "faults": told.collect::<Vec<_>>() }))
}

#[cfg(test)]
mod tests {
    use lockgate_sdk::testing::{self, Call};
    use lockgate_sdk::{Failure, FailureKind, Value};
    use serde_json::json;

    fn call(schema: serde_json::Value) -> Call<'static> {
        testing::call(&crate::PLUGIN, "json-schema").config(json!({ "schema": schema }))
    }

    fn rejected(schema: serde_json::Value, value: serde_json::Value) -> Failure {
        call(schema)
            .input("value", value)
            .run()
            .result
            .expect_err("against the schema")
    }

    #[test]
    fn a_document_that_fits_passes_as_it_is() {
        let document = Value::Json(r#"{"b": 1.10, "a": 12345678901234567890123}"#.to_owned());
        let outcome = call(json!({ "required": ["a"] }))
            .input("value", document.clone())
            .run();
        assert_eq!(outcome.output("value"), Some(&document));
    }

    #[test]
    fn one_that_does_not_is_rejected_with_the_reasons() {
        let schema =
            json!({ "properties": { "age": { "type": "integer" }, "name": { "minLength": 1 } } });
        let failure = rejected(schema.clone(), json!({ "age": "old" }));
        assert_eq!(failure.kind, FailureKind::Rejected);
        assert_eq!(
            failure.message,
            "the document does not meet the schema, /age: the value is not of type \"integer\""
        );
        let failure = rejected(schema, json!({ "age": "old", "name": "" }));
        assert!(
            failure.message.ends_with("(and 1 more fault)"),
            "{failure:?}"
        );
        let detail: serde_json::Value =
            serde_json::from_str(&failure.detail.expect("faults")).expect("JSON");
        assert_eq!(detail["faults"][1]["path"], "/name");
        assert!(
            rejected(json!({ "type": "object" }), json!(1))
                .message
                .contains("as a whole")
        );
    }

    #[test]
    fn a_schema_that_is_none_is_refused_where_it_is() {
        for (schema, path) in [
            (
                json!({ "properties": { "a": { "type": "text" } } }),
                "/schema/properties/a/type",
            ),
            (json!({ "$ref": "https://example.com/schema" }), "/schema"),
            (json!({ "pattern": "(" }), "/schema/pattern"),
        ] {
            let failure = call(schema).configure().expect_err("no schema");
            assert!(
                failure.message.starts_with("the schema does not compile: "),
                "{failure:?}"
            );
            assert_eq!(failure.detail, Some(json!({ "path": path }).to_string()));
        }
        assert!(call(json!(true)).configure().is_err());
    }

    #[test]
    fn formats_are_checked_if_asked_for() {
        let call = |formats: bool| {
            testing::call(&crate::PLUGIN, "json-schema")
                .config(json!({ "schema": { "format": "date" }, "formats": formats }))
                .input("value", json!("tomorrow"))
        };
        assert!(call(false).run().result.is_ok());
        assert!(call(true).run().result.is_err());
    }
}
