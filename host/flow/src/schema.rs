//! The schema of a run's input: JSON Schema 2020-12, the author's. It is evaluated in the host, so it is bounded when it
//! is read: what is accepted here is cheap to check with, whatever the input.

mod bounds;

use jsonschema::{PatternOptions, Validator};
use lockgate_model::SchemaFault;
use serde_json::{Map, Value as Json};

use crate::excerpt::clipped;
use crate::fault::{Code, Findings};
use crate::read::Tree;

pub use bounds::{
    MAX_EXPANDED_DEPTH, MAX_EXPANDED_SCHEMAS, MAX_PATTERN_BYTES, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH,
};

/// What one compiled pattern may occupy.
const MAX_COMPILED_PATTERN_BYTES: usize = 1 << 20;

/// How many faults of one input are reported.
const MAX_INPUT_FAULTS: usize = 20;

/// A checked schema, ready to check inputs.
#[derive(Debug)]
pub(crate) struct InputSchema {
    pub(crate) document: Json,
    validator: Validator,
}

impl InputSchema {
    /// Reads the schema, or says everything that is wrong with it.
    pub(crate) fn read(tree: &Tree, findings: &mut Findings) -> Option<Self> {
        let before = findings.len();
        let document = tree.to_json(&mut |scalar, reason| {
            findings.add(
                Code::BadNumber,
                &scalar.span,
                format!("this is no JSON number: {reason}"),
            );
        });
        if !document.is_object() {
            findings
                .add(Code::WrongType, &tree.span, format!("`input` is {}, and has to be a JSON Schema: a map", tree.type_name()))
                .help("for example `input: { type: object, properties: { topic: { type: string } } }`");
            return None;
        }
        bounds::check(&document, tree, findings);
        // The meta-schema is evaluated only over what is bounded.
        if findings.len() == before {
            check_meta(&document, tree, findings);
        }
        if findings.len() > before {
            return None;
        }
        match build(&document) {
            Ok(validator) => Some(Self {
                document,
                validator,
            }),
            Err((pointer, message)) => {
                let at = &tree.at_pointer(&pointer).0.span;
                findings.add(Code::BadSchema, at, message);
                None
            }
        }
    }

    /// The properties that an input can have. None where the schema does not list them, or not all in one place.
    pub(crate) fn properties(&self) -> Option<&Map<String, Json>> {
        const ELSEWHERE: [&str; 8] = [
            "$ref",
            "allOf",
            "anyOf",
            "dependentSchemas",
            "else",
            "oneOf",
            "patternProperties",
            "then",
        ];
        let schema = self.document.as_object()?;
        if ELSEWHERE
            .iter()
            .any(|keyword| schema.contains_key(*keyword))
        {
            return None;
        }
        schema.get("properties")?.as_object()
    }

    /// Checks an input; what is wrong with it, the first faults.
    pub(crate) fn check(&self, input: &Json) -> Result<(), Vec<SchemaFault>> {
        let faults = self
            .validator
            .iter_errors(input)
            .take(MAX_INPUT_FAULTS)
            .map(|error| SchemaFault {
                path: error.instance_path().as_str().to_owned(),
                message: clipped(&error.to_string()),
            });
        let faults: Vec<_> = faults.collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

fn check_meta(document: &Json, tree: &Tree, findings: &mut Findings) {
    for error in jsonschema::draft202012::meta::validator()
        .iter_errors(document)
        .take(MAX_INPUT_FAULTS)
    {
        let at = tree.at_pointer(error.instance_path().as_str()).0;
        findings.add(
            Code::BadSchema,
            &at.span,
            format!("this is not JSON Schema: {}", clipped(&error.to_string())),
        );
    }
}

fn build(document: &Json) -> Result<Validator, (String, String)> {
    let patterns = PatternOptions::regex()
        .size_limit(MAX_COMPILED_PATTERN_BYTES)
        .dfa_size_limit(MAX_COMPILED_PATTERN_BYTES);
    let options = jsonschema::draft202012::options()
        .with_pattern_options(patterns)
        .offline();
    options.build(document).map_err(|error| {
        let message = format!(
            "this schema cannot be used: {}",
            clipped(&error.to_string())
        );
        (error.instance_path().as_str().to_owned(), message)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::read;
    use crate::source::Source;

    fn schema(text: &str) -> Result<InputSchema, Vec<Code>> {
        let source = Source::new("test", text);
        let mut findings = Findings::default();
        let tree = read::read(&source, &mut findings).expect("a tree");
        InputSchema::read(&tree, &mut findings).ok_or_else(|| {
            let faults = findings.into_faults(&source);
            faults.iter().map(|fault| fault.code).collect()
        })
    }

    #[test]
    fn inputs_are_checked_and_faults_name_their_place() {
        let schema = schema(
            "{type: object, required: [topic], properties: {topic: {type: string, pattern: '^.+$'}, n: {$ref: '#/$defs/n'}}, $defs: {n: {type: integer}}}",
        );
        let schema = schema.expect("a schema");
        assert_eq!(schema.check(&json!({"topic": "春天", "n": 1})), Ok(()));
        let faults = schema
            .check(&json!({"topic": 7, "n": "x"}))
            .expect_err("faults");
        let mut paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/n", "/topic"]);
        let faults = schema.check(&json!({"topic": "x".repeat(1 << 20), "n": "y".repeat(1 << 20)}));
        assert!(
            faults
                .expect_err("a fault")
                .iter()
                .all(|fault| fault.message.len() < 1000)
        );
    }

    #[test]
    fn a_chain_that_doubles_is_refused() {
        let mut text = String::from("$ref: '#/$defs/d0'\n$defs:\n");
        for link in 0..40 {
            let next = link + 1;
            text += &format!(
                "  d{link}: {{allOf: [{{$ref: '#/$defs/d{next}'}}, {{$ref: '#/$defs/d{next}'}}]}}\n"
            );
        }
        text += "  d40: {type: object}\n";
        assert_eq!(
            schema(&text).expect_err("too large"),
            [Code::SchemaTooLarge]
        );
    }

    #[test]
    fn a_long_chain_is_refused() {
        let mut text = String::from("$ref: '#/$defs/d0'\n$defs:\n");
        for link in 0..1500 {
            text += &format!("  d{link}: {{$ref: '#/$defs/d{}'}}\n", link + 1);
        }
        text += "  d1500: {type: object}\n";
        assert_eq!(schema(&text).expect_err("too deep"), [Code::SchemaTooLarge]);
    }

    #[test]
    fn references_are_local_and_do_not_come_back() {
        for text in [
            "{$ref: '#'}",
            "{properties: {a: {$ref: '#'}}}",
            "{$ref: '#/$defs/a', $defs: {a: {items: {$ref: '#/$defs/b'}}, b: {not: {$ref: '#/$defs/a'}}}}",
            "{$ref: 'http://example.com/schema'}",
            "{$ref: 'file:///etc/passwd'}",
            "{$ref: '#/$defs/nosuch'}",
            "{$ref: '#nosuch'}",
            "{$dynamicRef: '#x'}",
            "{$id: 'http://example.com/', type: object}",
            "{$schema: 'http://json-schema.org/draft-07/schema#'}",
        ] {
            assert_eq!(
                schema(text).expect_err(text),
                [Code::SchemaReference],
                "{text}"
            );
        }
        for text in [
            "{$ref: '#name', $defs: {x: {$anchor: name}}}",
            "{const: {$ref: 'http://x'}}",
            "{properties: {$ref: {type: string}}}",
        ] {
            assert!(schema(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_schema_says_where() {
        assert_eq!(
            schema("{type: strin}").expect_err("no type"),
            [Code::BadSchema]
        );
        assert_eq!(
            schema("{pattern: '('}").expect_err("no pattern"),
            [Code::BadSchema]
        );
        assert_eq!(
            schema("{pattern: '(?=a)b'}").expect_err("look-around"),
            [Code::BadSchema]
        );
        assert_eq!(
            schema("{pattern: '((a{1000}){1000}){1000}'}").expect_err("large"),
            [Code::BadSchema]
        );
        assert_eq!(schema("[1]").expect_err("a list"), [Code::WrongType]);
        assert_eq!(
            schema("{minimum: .inf}").expect_err("no number"),
            [Code::BadNumber]
        );
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let deep = "{not: ".repeat(MAX_SCHEMA_DEPTH + 2) + "{}" + &"}".repeat(MAX_SCHEMA_DEPTH + 2);
        let long = format!("{{description: {}}}", "x".repeat(MAX_SCHEMA_BYTES));
        let pattern = format!("{{pattern: {}}}", "x".repeat(MAX_PATTERN_BYTES + 1));
        for text in [deep, long, pattern] {
            assert_eq!(
                schema(&text).expect_err("too large"),
                [Code::SchemaTooLarge]
            );
        }
    }
}
