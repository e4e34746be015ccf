//! What a schema may cost. A check visits a subschema once for each way that leads to it, and `$ref` makes many ways out
//! of few bytes: so the ways are counted, and a way that leads back to itself is refused.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use crate::excerpt::quoted;
use crate::fault::{Code, Findings};
use crate::read::Tree;

/// The largest schema, as JSON, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 64 << 10;

/// How deep a schema may nest.
pub const MAX_SCHEMA_DEPTH: usize = 32;

/// How many subschemas a schema may have once every reference is replaced by what it refers to.
pub const MAX_EXPANDED_SCHEMAS: u64 = 10_000;

/// How deep a schema may nest once every reference is replaced by what it refers to.
pub const MAX_EXPANDED_DEPTH: usize = 128;

/// The longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1024;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Keywords whose value is a schema.
const SCHEMA_KEYWORDS: [&str; 11] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is a list of schemas.
const LIST_KEYWORDS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value is a map of schemas.
const MAP_KEYWORDS: [&str; 3] = ["dependentSchemas", "patternProperties", "properties"];

/// Keywords that hold schemas for references only.
const DEFINITION_KEYWORDS: [&str; 2] = ["$defs", "definitions"];

/// Keywords that lead out of the document or that decide at run time where they lead.
const REFUSED_KEYWORDS: [&str; 6] = [
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$vocabulary",
];

/// Says everything that makes the schema too costly, or that it refers to and may not.
pub(crate) fn check(schema: &Json, tree: &Tree, findings: &mut Findings) {
    let bytes = schema.to_string().len();
    if bytes > MAX_SCHEMA_BYTES {
        let message =
            format!("the schema has {bytes} bytes, and at most {MAX_SCHEMA_BYTES} are allowed");
        findings
            .add(Code::SchemaTooLarge, &tree.span, message)
            .help("let the node `validate/json-schema` check the rest");
        return;
    }
    if depth(schema) > MAX_SCHEMA_DEPTH {
        let message = format!("the schema nests deeper than {MAX_SCHEMA_DEPTH} levels");
        findings
            .add(Code::SchemaTooLarge, &tree.span, message)
            .help("let the node `validate/json-schema` check the rest");
        return;
    }
    let mut checker = Checker {
        root: schema,
        tree,
        findings,
        anchors: HashMap::new(),
        sizes: HashMap::new(),
    };
    checker.collect_anchors(schema, "");
    checker.walk(schema, "");
    let before = checker.findings.len();
    let size = checker.size(schema, "", 0);
    if size > MAX_EXPANDED_SCHEMAS && checker.findings.len() == before {
        let message = format!(
            "with its references replaced, the schema has more than {MAX_EXPANDED_SCHEMAS} subschemas, or nests deeper than {MAX_EXPANDED_DEPTH} levels"
        );
        findings
            .add(Code::SchemaTooLarge, &tree.span, message)
            .help("let the node `validate/json-schema` check the rest");
    }
}

fn depth(value: &Json) -> usize {
    // The document's own depth is bounded, so this recursion is.
    1 + match value {
        Json::Array(elements) => elements.iter().map(depth).max().unwrap_or_default(),
        Json::Object(entries) => entries.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

struct Checker<'a> {
    root: &'a Json,
    tree: &'a Tree,
    findings: &'a mut Findings,
    anchors: HashMap<&'a str, String>,
    /// The expanded size of each subschema by its pointer; None while it is being counted.
    sizes: HashMap<String, Option<u64>>,
}

impl<'a> Checker<'a> {
    fn collect_anchors(&mut self, schema: &'a Json, pointer: &str) {
        if let Some(anchor) = schema.get("$anchor").and_then(Json::as_str) {
            self.anchors.insert(anchor, pointer.to_owned());
        }
        for_subschemas(schema, true, &mut |subschema, path| {
            self.collect_anchors(subschema, &format!("{pointer}{path}"));
        });
    }

    /// Looks at every subschema once.
    fn walk(&mut self, schema: &'a Json, pointer: &str) {
        let Some(keywords) = schema.as_object() else {
            return;
        };
        for keyword in REFUSED_KEYWORDS {
            if keywords.contains_key(keyword) {
                self.refuse_reference(
                    &format!("{pointer}/{keyword}"),
                    format!("`{keyword}` is not read in a flow's schema"),
                );
            }
        }
        match keywords.get("$schema").and_then(Json::as_str) {
            Some(dialect) if dialect.trim_end_matches('#') != DIALECT => {
                let message = format!(
                    "the schema is in the dialect `{}`, and flows have JSON Schema 2020-12",
                    quoted(dialect)
                );
                self.refuse_reference(&format!("{pointer}/$schema"), message);
            }
            _ => {}
        }
        self.check_patterns(keywords, pointer);
        for_subschemas(schema, true, &mut |subschema, path| {
            self.walk(subschema, &format!("{pointer}{path}"))
        });
    }

    fn check_patterns(&mut self, keywords: &Map<String, Json>, pointer: &str) {
        let pattern = keywords.get("pattern").and_then(Json::as_str);
        let keys = keywords.get("patternProperties").and_then(Json::as_object);
        let patterns = pattern.into_iter().chain(
            keys.into_iter()
                .flat_map(|keys| keys.keys().map(String::as_str)),
        );
        for pattern in patterns.filter(|pattern| pattern.len() > MAX_PATTERN_BYTES) {
            let bytes = pattern.len();
            let message =
                format!("a pattern has {bytes} bytes, and at most {MAX_PATTERN_BYTES} are allowed");
            let at = &self.tree.at_pointer(&format!("{pointer}/pattern")).0.span;
            self.findings.add(Code::SchemaTooLarge, at, message);
        }
    }

    /// How many subschemas a check of `schema` visits at most, with every reference followed.
    fn size(&mut self, schema: &'a Json, pointer: &str, depth: usize) -> u64 {
        match self.sizes.get(pointer) {
            Some(Some(size)) => return *size,
            Some(None) => {
                let message = "this schema refers to itself, and flows do not follow that";
                self.refuse_reference(&format!("{pointer}/$ref"), message.to_owned());
                return 0;
            }
            None => {}
        }
        if depth > MAX_EXPANDED_DEPTH {
            return u64::MAX;
        }
        self.sizes.insert(pointer.to_owned(), None);
        let mut size: u64 = 1;
        for_subschemas(schema, false, &mut |subschema, path| {
            size =
                size.saturating_add(self.size(subschema, &format!("{pointer}{path}"), depth + 1));
        });
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str)
            && let Some((target, target_pointer)) = self.resolve(reference, pointer)
        {
            size = size.saturating_add(self.size(target, &target_pointer, depth + 1));
        }
        // To know what is left over, the keywords beside are evaluated once more.
        if schema.get("unevaluatedProperties").is_some() || schema.get("unevaluatedItems").is_some()
        {
            size = size.saturating_mul(2);
        }
        self.sizes.insert(pointer.to_owned(), Some(size));
        size
    }

    fn resolve(&mut self, reference: &str, pointer: &str) -> Option<(&'a Json, String)> {
        let found = match reference.strip_prefix('#') {
            Some(path) if path.is_empty() || path.starts_with('/') => Some(path.to_owned()),
            Some(anchor) => self.anchors.get(anchor).cloned(),
            None => {
                let message = format!(
                    "the schema refers to `{}`, and only references within the document are followed",
                    quoted(reference)
                );
                self.refuse_reference(&format!("{pointer}/$ref"), message);
                return None;
            }
        };
        let target = found.and_then(|path| Some((self.root.pointer(&path)?, path)));
        if target.is_none() {
            let message = format!(
                "the schema refers to `{}`, which is not there",
                quoted(reference)
            );
            self.refuse_reference(&format!("{pointer}/$ref"), message);
        }
        target
    }

    fn refuse_reference(&mut self, pointer: &str, message: String) {
        let at = &self.tree.at_pointer(pointer).0.span;
        self.findings.add(Code::SchemaReference, at, message).help(
            "references are `#/$defs/name` or `#anchor`, and lead to no schema that they stand in",
        );
    }
}

/// Calls `visit` with each direct subschema and its path. Definitions are subschemas that only references visit.
fn for_subschemas<'a>(
    schema: &'a Json,
    definitions: bool,
    visit: &mut impl FnMut(&'a Json, String),
) {
    let Some(keywords) = schema.as_object() else {
        return;
    };
    for (keyword, value) in keywords {
        let word = keyword.as_str();
        let is_map =
            MAP_KEYWORDS.contains(&word) || (definitions && DEFINITION_KEYWORDS.contains(&word));
        match value {
            _ if SCHEMA_KEYWORDS.contains(&word) => visit(value, format!("/{word}")),
            Json::Array(list) if LIST_KEYWORDS.contains(&word) => {
                list.iter()
                    .enumerate()
                    .for_each(|(index, value)| visit(value, format!("/{word}/{index}")));
            }
            Json::Object(map) if is_map => {
                let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
                map.iter()
                    .for_each(|(key, value)| visit(value, format!("/{word}/{}", escaped(key))));
            }
            _ => {}
        }
    }
}
