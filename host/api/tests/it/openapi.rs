//! What the OpenAPI document says holds together.

use std::collections::HashSet;

use serde_json::Value;

/// Every reference in a tree.
fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(to) if name == "$ref" => found.push(to),
                    value => references(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("a path's methods") {
            operations.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    operations
}

#[test]
fn references_lead_somewhere() {
    let document = lockgate_api::openapi(false);
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for to in found {
        let pointer = to.strip_prefix('#').expect("a place in the document");
        assert!(document.pointer(pointer).is_some(), "{to}");
    }
}

#[test]
fn every_operation_has_its_own_id_and_a_key() {
    let document = lockgate_api::openapi(false);
    let mut ids = HashSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id), "{name}: {id}");
        let is_public = operation["tags"][0] == "public";
        let security = operation["security"].as_array().expect("security");
        assert_eq!(security.is_empty(), is_public, "{name}");
        assert!(operation["responses"]["500"].is_object(), "{name}");
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let is_problem = status.as_str() >= "400";
            let media = response["content"]
                .as_object()
                .map(|content| content.keys().next());
            let expected = match name.contains(" /v1/") {
                true => "application/json",
                false => "application/problem+json",
            };
            if is_problem {
                assert_eq!(
                    media.flatten().map(String::as_str),
                    Some(expected),
                    "{name} {status}"
                );
            }
        }
    }
}

#[test]
fn nobody_needs_a_key_under_dev() {
    let document = lockgate_api::openapi(true);
    assert!(document["components"]["securitySchemes"].is_null());
    for (name, operation) in operations(&document) {
        assert_eq!(operation["security"], Value::Array(vec![]), "{name}");
        assert!(operation["responses"]["401"].is_null(), "{name}");
    }
}

#[test]
fn routes() {
    let document = lockgate_api::openapi(false);
    let mut shown = String::new();
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().expect("responses");
        let statuses: Vec<_> = responses.keys().map(String::as_str).collect();
        shown.push_str(&format!("{name}: {}\n", statuses.join(" ")));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn codes() {
    let codes = lockgate_api::Code::ALL.iter();
    let shown: Vec<_> = codes
        .map(|code| {
            format!(
                "{} {}: {}",
                code.status().as_u16(),
                code.as_str(),
                code.title()
            )
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}
