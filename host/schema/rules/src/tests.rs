use super::*;
use serde_json::json;

fn compiled(schema: Value) -> Schema {
    Schema::compile(&schema, Formats::default()).expect("a schema")
}

fn refused(schema: Value) -> Fault {
    Schema::compile(&schema, Formats::default()).expect_err("no schema")
}

#[test]
fn faults_say_where_and_what() {
    let schema = compiled(json!({
        "type": "object",
        "required": ["name"],
        "properties": { "name": true, "a/b": { "items": { "type": "integer", "minimum": 3 } } },
        "additionalProperties": false,
    }));
    assert_eq!(schema.check(&json!({ "name": 1, "a/b": [3] })), []);
    let faults = schema.check(&json!({ "a/b": [1, "x".repeat(1000)], "c": 0 }));
    let told = faults
        .iter()
        .map(|fault| (fault.path.as_str(), fault.message.as_str()));
    let mut told = told.collect::<Vec<_>>();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("", "\"name\" is a required property"),
            (
                "",
                "Additional properties are not allowed ('c' was unexpected)"
            ),
            ("/a~1b/0", "the value is less than the minimum of 3"),
            ("/a~1b/1", "the value is not of type \"integer\""),
        ]
    );
}

#[test]
fn faults_are_few_and_short() {
    let key = "k".repeat(1000);
    let faults = compiled(json!({ "items": false })).check(&json!(vec![0; 100]));
    assert_eq!(faults.len(), MAX_FAULTS);
    let faults = compiled(json!({ "required": [key] })).check(&json!({}));
    assert_eq!(faults[0].message.chars().count(), MAX_MESSAGE_CHARS);
    assert!(faults[0].message.ends_with('…'));
}

#[test]
fn what_is_no_schema_is_refused() {
    for (schema, path, fragment) in [
        (
            json!({ "type": "strin" }),
            "/type",
            "the value is not valid under any of the schemas",
        ),
        (json!([]), "", "the value is not of types"),
        (
            json!({ "$ref": "#/$defs/a" }),
            "",
            "only references to places in the same schema",
        ),
        (
            json!({ "$ref": "https://example.com/x" }),
            "",
            "only references to places in the same schema",
        ),
        (
            json!({ "$ref": "other.json" }),
            "",
            "only references to places in the same schema",
        ),
        (
            json!({ "$ref": "file:///etc/passwd" }),
            "",
            "only references to places in the same schema",
        ),
        (
            json!({ "$schema": "http://json-schema.org/draft-07/schema#" }),
            "/$schema",
            "draft-07",
        ),
        (
            json!({ "$schema": "https://example.com/mine" }),
            "/$schema",
            "example.com/mine",
        ),
        (
            json!({ "properties": { "a": { "pattern": "(" } } }),
            "/properties/a/pattern",
            "\"(\" is not a pattern",
        ),
        (json!({ "pattern": "(?=a)" }), "/pattern", "look-around"),
        (
            json!({ "pattern": "(a{1000}){1000}" }),
            "/pattern",
            "very large",
        ),
    ] {
        let fault = refused(schema.clone());
        assert!(fault.message.contains(fragment), "{schema}: {fault:?}");
        assert_eq!(fault.path, path, "{schema}: {fault:?}");
    }
}

#[test]
fn the_dialect_may_be_named() {
    compiled(json!({ "$schema": DIALECT }));
    compiled(json!({ "$schema": format!("{DIALECT}#") }));
    compiled(json!({ "$ref": DIALECT }));
}

#[test]
fn references_within_the_document_are_followed() {
    let schema = compiled(json!({
        "$defs": { "tree": { "type": "array", "items": { "$ref": "#/$defs/tree" } } },
        "$ref": "#/$defs/tree",
    }));
    assert_eq!(schema.check(&json!([[], [[]]])), []);
    assert_eq!(schema.check(&json!([[], [1]]))[0].path, "/1/0");
}

#[test]
fn a_chain_that_doubles_compiles_at_once_and_is_right() {
    // Twelve links are 4,096 visits of the last. Thirty would be a thousand million: what a sandbox is for.
    let links = 12;
    let mut defs = serde_json::Map::new();
    for link in 0..links {
        let next = json!({ "$ref": format!("#/$defs/d{}", link + 1) });
        defs.insert(format!("d{link}"), json!({ "allOf": [next.clone(), next] }));
    }
    defs.insert(format!("d{links}"), json!({ "type": "integer" }));
    let schema = compiled(json!({ "$defs": defs, "$ref": "#/$defs/d0" }));
    assert_eq!(schema.check(&json!(1)), []);
    assert_eq!(schema.check(&json!("x")).len(), MAX_FAULTS);
}

#[test]
fn formats_are_checked_only_if_asked_for() {
    let schema = json!({ "format": "ipv4" });
    let faults = |formats| {
        let schema = Schema::compile(&schema, formats).expect("a schema");
        schema.check(&json!("not an address")).len()
    };
    assert_eq!(faults(Formats::Annotate), 0);
    assert_eq!(faults(Formats::Check), 1);
}

#[test]
fn documents_nest_to_a_bound() {
    assert!(parse(&("[".repeat(127) + &"]".repeat(127))).is_ok());
    let fault = parse(&"[".repeat(100_000)).expect_err("too deep");
    assert!(
        fault
            .message
            .starts_with("is not JSON: recursion limit exceeded"),
        "{fault:?}"
    );
}
