//! The built-in component that evaluates the JSON Schemas of plugins, inside the sandbox.
//!
//! What a schema means is `lockgate-schema-rules`'s; here is only how the host asks, as
//! `wit/schema@0.1.0/schema.wit` has it. The component imports nothing. Nothing bounds its work but the sandbox: a schema
//! that takes forever runs out of fuel.

use lockgate_schema_rules::{Fault, Formats, Schema, parse};

/// Says of each schema why it is none.
pub fn compile(schemas: &[String]) -> Vec<Option<String>> {
    let faults = schemas.iter().map(|schema| compile_one(schema).err());
    faults
        .map(|fault| fault.map(|fault| in_schema(&fault)))
        .collect()
}

/// Holds each document (second) against its schema (first).
pub fn check(pairs: &[(String, String)]) -> Vec<Vec<Fault>> {
    pairs
        .iter()
        .map(|(schema, document)| check_one(schema, document))
        .collect()
}

fn check_one(schema: &str, document: &str) -> Vec<Fault> {
    let schema = match compile_one(schema) {
        Ok(schema) => schema,
        Err(fault) => {
            return vec![Fault {
                path: String::new(),
                message: format!("the schema is none: {}", in_schema(&fault)),
            }];
        }
    };
    match parse(document) {
        Ok(document) => schema.check(&document),
        Err(fault) => vec![fault],
    }
}

fn compile_one(schema: &str) -> Result<Schema, Fault> {
    Schema::compile(&parse(schema)?, Formats::Annotate)
}

/// The fault of a schema as one sentence.
fn in_schema(fault: &Fault) -> String {
    if fault.path.is_empty() {
        fault.message.clone()
    } else {
        format!("at {}: {}", fault.path, fault.message)
    }
}

/// The component's exports.
#[cfg(target_arch = "wasm32")]
#[allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    reason = "generated code, which calls the canonical ABI"
)]
mod component {
    use exports::lockgate::schema::evaluation::{Fault, Guest};

    wit_bindgen::generate!({ path: "../../wit/schema@0.1.0" });

    struct Component;

    impl Guest for Component {
        fn compile(schemas: Vec<String>) -> Vec<Option<String>> {
            super::compile(&schemas)
        }

        fn check(pairs: Vec<(String, String)>) -> Vec<Vec<Fault>> {
            let faults = super::check(&pairs).into_iter();
            faults
                .map(|faults| {
                    let faults = faults.into_iter();
                    faults
                        .map(|lockgate_schema_rules::Fault { path, message }| Fault {
                            path,
                            message,
                        })
                        .collect()
                })
                .collect()
        }
    }

    export!(Component);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn schemas_are_answered_one_by_one() {
        let answers = compile(&texts(&[
            "true",
            r#"{"properties": {"a": {"type": "text"}}}"#,
            "{",
            r#"{"$ref": "https://example.com/schema"}"#,
            r#"{"pattern": "("}"#,
        ]));
        let fragments = [
            None,
            Some("at /properties/a/type: "),
            Some("is not JSON: EOF"),
            Some("only references to places in the same schema"),
            Some("at /pattern: \"(\" is not a pattern"),
        ];
        assert_eq!(answers.len(), fragments.len());
        for (answer, fragment) in answers.iter().zip(fragments) {
            match (answer, fragment) {
                (None, None) => {}
                (Some(answer), Some(fragment)) => assert!(answer.contains(fragment), "{answer}"),
                _ => assert_eq!(answer.as_deref(), fragment),
            }
        }
    }

    #[test]
    fn pairs_are_answered_one_by_one() {
        let pair = |schema: &str, document: &str| (schema.to_owned(), document.to_owned());
        let answers = check(&[
            pair(r#"{"type": "object"}"#, "{}"),
            pair(r#"{"items": {"type": "string"}}"#, r#"["a", 1]"#),
            pair(r#"{"pattern": "("}"#, "1"),
            pair("true", "nothing"),
        ]);
        assert_eq!(answers[0], []);
        assert_eq!(answers[1][0].path, "/1");
        assert!(
            answers[2][0]
                .message
                .starts_with("the schema is none: at /pattern: ")
        );
        assert!(answers[3][0].message.starts_with("is not JSON: "));
        assert_eq!(
            answers.iter().map(Vec::len).collect::<Vec<_>>(),
            [0, 1, 1, 1]
        );
    }
}
