//! The OpenAPI document: made from the routes, and completed with what all of them have in common, so that no handler says
//! it and none can forget it.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use crate::problem::{Code, ProblemView};
use crate::routes;

/// The media type of problems.
const PROBLEM: &str = "application/problem+json";

/// The paths whose answers have OpenAI's shape.
const OPENAI: &str = "/v1/";

/// The methods that a path can have here.
const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

/// The tag of routes that are answered without a key.
pub(crate) const PUBLIC: &str = "public";

/// The OpenAPI 3.1 document of the interface, as `/openapi.json` has it; `dev` as in [`crate::ApiConfig::dev`], where nobody
/// needs a key.
pub fn openapi(dev: bool) -> Value {
    complete(routes::all().into_openapi(), dev)
}

/// Adds what all routes have in common.
pub(crate) fn complete(document: OpenApi, dev: bool) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default(); // a tree of texts and numbers
    set(&mut document, "info", info());
    set(&mut document, "tags", tags());
    for (path, item) in entries(&mut document, "paths") {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                complete_operation(operation, path, dev);
            }
        }
    }
    let components = &mut document["components"];
    let schemas = &mut components["schemas"];
    set(schemas, "Problem", schema_of::<ProblemView>());
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    set(schemas, "Code", json!({ "type": "string", "enum": codes }));
    let code = json!({ "$ref": "#/components/schemas/Code" });
    set(&mut schemas["Problem"]["properties"], "code", code);
    set(schemas, "OpenAiError", openai_error());
    // What runs take and give is any JSON.
    set(schemas, "Doc", json!({ "description": "Any JSON." }));
    if !dev {
        let scheme = json!({ "type": "http", "scheme": "bearer", "description": "A key, `lg_…`." });
        set(components, "securitySchemes", json!({ "key": scheme }));
    }
    document
}

fn complete_operation(operation: &mut Value, path: &str, dev: bool) {
    let is_public = operation["tags"]
        .as_array()
        .is_some_and(|tags| tags.iter().any(|tag| tag == PUBLIC));
    let has_body = operation.get("requestBody").is_some();
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    let parameters: Vec<_> = parameters.into_iter().flatten().collect();
    let may_be_invalid = parameters.iter().any(|parameter| parameter["in"] != "path");
    for parameter in parameters {
        without_null(&mut parameter["schema"]);
    }
    let mut common = vec![(500, "The host is at fault.")];
    if !is_public || dev {
        common.push((
            403,
            "The key does not allow it; under `--dev`, the request comes from elsewhere.",
        ));
    }
    if !is_public && !dev {
        common.push((401, "There is no key, or none that is known."));
        common.push((
            429,
            "More requests than are answered, or the queue is full.",
        ));
        set(operation, "security", json!([{ "key": [] }]));
    } else {
        set(operation, "security", json!([]));
    }
    if may_be_invalid || has_body {
        common.push((400, "The query, a header or the body cannot be read."));
    }
    if path.contains('{') {
        common.push((404, "There is no such thing."));
    }
    if has_body {
        common.push((408, "The body took too long to arrive."));
        common.push((413, "The body has more bytes than it may have."));
        common.push((415, "The body is not of a type that is read here."));
        common.push((503, "The host is busy, or about to stop."));
    }
    if !operation["responses"].is_object() {
        set(operation, "responses", json!({}));
    }
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    for (status, description) in common {
        let entry = responses.entry(status.to_string());
        entry.or_insert_with(|| json!({ "description": description }));
    }
    for (status, response) in responses {
        if status.as_str() >= "400" && response.get("content").is_none() {
            set(response, "content", problem_content(path));
        }
        // OpenAPI 3.1 has no words for the events of a stream: a schema would be read as that of each event.
        let content = response.get_mut("content");
        let stream = content.and_then(|content| content.get_mut("text/event-stream"));
        if let Some(stream) = stream.and_then(Value::as_object_mut) {
            stream.remove("schema");
        }
        let wait = json!({
            "description": "After how many seconds it is worth another try.",
            "schema": { "type": "integer", "minimum": 1 },
        });
        if status == "429" {
            set(response, "headers", json!({ "Retry-After": wait }));
        }
    }
}

/// A parameter that is left out is not there; none is null.
fn without_null(schema: &mut Value) {
    let Some(types) = schema.get("type").and_then(Value::as_array) else {
        return;
    };
    let first = types.iter().find(|kind| *kind != "null").cloned();
    set(schema, "type", first.unwrap_or_default());
}

fn problem_content(path: &str) -> Value {
    let (media, name) = if path.starts_with(OPENAI) {
        ("application/json", "OpenAiError")
    } else {
        (PROBLEM, "Problem")
    };
    let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
    let mut content = Map::new();
    content.insert(media.to_owned(), json!({ "schema": schema }));
    content.into()
}

fn info() -> Value {
    json!({
        "title": "Lockgate",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Flows whose nodes are WebAssembly components: loaded, run, queued and followed. What is wrong with \
            a request is said as a problem document (RFC 9457) with a stable `code`.",
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    })
}

fn tags() -> Value {
    json!([
        { "name": PUBLIC, "description": "Answered without a key." },
        { "name": "plugins", "description": "Components with nodes." },
        { "name": "flows", "description": "Documents, their versions, locks and drafts." },
        { "name": "runs", "description": "Started, followed, read, cancelled, repeated." },
        { "name": "batches", "description": "Many inputs for one flow." },
        { "name": "queue", "description": "Runs that wait, and those that were given up." },
        { "name": "webhooks", "description": "Addresses that start runs." },
        { "name": "alerts", "description": "Rules about what is counted, and which of them fire." },
        { "name": "host", "description": "What the host says of itself." },
        { "name": "chat", "description": "OpenAI's shape, for flows that chat." },
    ])
}

fn openai_error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["message", "type", "code"],
            "properties": {
                "message": { "type": "string" },
                "type": { "type": "string" },
                "param": { "type": ["string", "null"] },
                "code": { "type": "string" },
            },
        } },
    })
}

fn schema_of<T: utoipa::PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap_or_default()
}

fn set(object: &mut Value, key: &str, value: Value) {
    object[key] = value;
}

fn entries<'v>(
    object: &'v mut Value,
    key: &str,
) -> impl Iterator<Item = (&'v String, &'v mut Value)> {
    let map = object.get_mut(key).and_then(Value::as_object_mut);
    map.into_iter().flatten()
}
