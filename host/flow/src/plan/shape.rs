//! What is known of a JSON document before it is there, from the schema that it will meet.
//!
//! Nothing is evaluated here: a few words of a schema are looked at, as far as a reference leads, and whatever else it
//! says is taken to allow anything. So what is found impossible is, and what a plugin's schema says costs nothing.

use std::sync::LazyLock;

use lockgate_model::{Port, ValueKind};
use serde_json::{Map, Value as Tree};

use crate::expression::Segment;

/// How many `$ref`s are followed to one schema.
const MAX_HOPS: usize = 8;

/// How deep two schemas are compared.
const MAX_COMPARED: usize = 4;

/// The names of the types of JSON, by their bits.
const TYPES: [&str; 6] = ["null", "boolean", "number", "text", "list", "object"];

/// Types of JSON, one or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const BOOLEAN: Self = Self(1 << 1);
    pub(super) const TEXT: Self = Self(1 << 3);
    pub(super) const LIST: Self = Self(1 << 4);
    pub(super) const OBJECT: Self = Self(1 << 5);
    const ANY: Self = Self(0b11_1111);
    const NONE: Self = Self(0);

    pub(super) fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names that JSON Schema has for them; none where they are all.
    pub(super) fn words(self) -> Vec<&'static str> {
        const WORDS: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];
        let has = |bit: &usize| self != Self::ANY && self.0 & (1 << bit) != 0;
        (0..WORDS.len()).filter(has).map(|bit| WORDS[bit]).collect()
    }

    fn named(name: &str) -> Self {
        Self(match name {
            "null" => 1,
            "boolean" => 1 << 1,
            "number" | "integer" => 1 << 2,
            "string" => 1 << 3,
            "array" => 1 << 4,
            "object" => 1 << 5,
            _ => 0,
        })
    }

    fn of(value: &Tree) -> Self {
        Self::named(match value {
            Tree::Null => "null",
            Tree::Bool(_) => "boolean",
            Tree::Number(_) => "number",
            Tree::String(_) => "string",
            Tree::Array(_) => "array",
            Tree::Object(_) => "object",
        })
    }
}

/// `text or a list`, for messages.
impl std::fmt::Display for Types {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = (0..TYPES.len()).filter(|bit| self.0 & (1 << bit) != 0);
        let named = |bit: usize| match TYPES[bit] {
            name @ ("null" | "text") => name.to_owned(),
            "object" => "an object".to_owned(),
            name => format!("a {name}"),
        };
        let names: Vec<_> = names.map(named).collect();
        f.write_str(&names.join(" or "))
    }
}

/// What is known of a document, or of a part of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'s> {
    root: &'s Tree,
    /// The schema of this part.
    schema: &'s Tree,
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub(super) enum Nowhere<'s> {
    /// The part before this segment is never something that has parts of this sort.
    NoParts(Types),
    /// The object before it has these keys and no others.
    NoKey(Option<&'s Map<String, Tree>>),
}

/// A schema that says nothing.
static ANYTHING: Tree = Tree::Bool(true);

impl<'s> Shape<'s> {
    pub(super) fn of(schema: &'s Tree) -> Self {
        Self {
            root: schema,
            schema,
        }
    }

    pub(super) fn anything() -> Self {
        Self::of(&ANYTHING)
    }

    /// Some list.
    pub(super) fn list() -> Self {
        static LIST: LazyLock<Tree> = LazyLock::new(|| serde_json::json!({"type": "array"}));
        Self::of(&LIST)
    }

    /// Some whole number.
    pub(super) fn number() -> Self {
        static NUMBER: LazyLock<Tree> = LazyLock::new(|| serde_json::json!({"type": "integer"}));
        Self::of(&NUMBER)
    }

    /// A failure, as `node.failure` has it.
    pub(super) fn failure() -> Self {
        static FAILURE: LazyLock<Tree> = LazyLock::new(|| {
            serde_json::json!({
                "type": "object",
                "properties": {
                    "kind": {"type": "string"},
                    "message": {"type": "string"},
                    "detail": true,
                    "retry_after_ms": {"type": "integer"},
                    "index": {"type": "integer"},
                },
                "additionalProperties": false,
            })
        });
        Self::of(&FAILURE)
    }

    /// The part at the end of a path, or at which segment the path leads nowhere, and why.
    pub(super) fn at(self, path: &[Segment]) -> Result<Self, (usize, Nowhere<'s>)> {
        let mut shape = self;
        for (index, segment) in path.iter().enumerate() {
            shape = shape.part(segment).map_err(|nowhere| (index, nowhere))?;
        }
        Ok(shape)
    }

    fn part(self, segment: &Segment) -> Result<Self, Nowhere<'s>> {
        let here = self.followed();
        let types = here.types();
        match segment {
            Segment::Key(_) if !types.meet(Types::OBJECT) => Err(Nowhere::NoParts(types)),
            Segment::Key(key) => here.property(key),
            Segment::Index(_) if !types.meet(Types::LIST) => Err(Nowhere::NoParts(types)),
            Segment::Index(index) => Ok(here.element(*index)),
        }
    }

    fn property(self, key: &str) -> Result<Self, Nowhere<'s>> {
        let properties = self.word("properties").and_then(Tree::as_object);
        if let Some(schema) = properties.and_then(|properties| properties.get(key)) {
            return Ok(self.with(schema));
        }
        let has = |word| self.word(word).is_some();
        let says_more = [
            "patternProperties",
            "allOf",
            "anyOf",
            "oneOf",
            "if",
            "$ref",
            "$dynamicRef",
            "dependentSchemas",
        ];
        match self.word("additionalProperties") {
            _ if says_more.into_iter().any(has) => Ok(Self::anything()),
            Some(Tree::Bool(false)) => Err(Nowhere::NoKey(properties)),
            Some(schema) => Ok(self.with(schema)),
            None => Ok(Self::anything()),
        }
    }

    fn element(self, index: usize) -> Self {
        let prefix = self.word("prefixItems").and_then(Tree::as_array);
        let schema = prefix
            .and_then(|prefix| prefix.get(index))
            .or_else(|| self.word("items"));
        schema.map_or(Self::anything(), |schema| self.with(schema))
    }

    /// An element of a list, whichever.
    pub(super) fn any_element(self) -> Self {
        let here = self.followed();
        match (here.word("prefixItems"), here.word("items")) {
            (None, Some(items)) => here.with(items),
            _ => Self::anything(),
        }
    }

    /// The schema of this part, where it says anything; and whether it means the same where it stands alone.
    pub(super) fn schema(self) -> Option<(&'s Tree, bool)> {
        let schema = self.followed().schema;
        let says_anything = schema != &ANYTHING;
        says_anything.then(|| {
            let is_root = std::ptr::eq(schema, self.root);
            (schema, is_root || !has_reference(schema))
        })
    }

    /// The types that it can have.
    pub(super) fn types(self) -> Types {
        let here = self.followed();
        if here.schema == &Tree::Bool(false) {
            return Types::NONE;
        }
        let by_type = match here.word("type") {
            Some(Tree::String(name)) => Types::named(name),
            Some(Tree::Array(names)) => names
                .iter()
                .filter_map(Tree::as_str)
                .map(Types::named)
                .fold(Types::NONE, Types::or),
            _ => Types::ANY,
        };
        let by_value = match (here.word("const"), here.word("enum")) {
            (Some(value), _) => Types::of(value),
            (None, Some(Tree::Array(values))) => {
                values.iter().map(Types::of).fold(Types::NONE, Types::or)
            }
            _ => Types::ANY,
        };
        by_type.and(by_value)
    }

    /// Whether nothing can meet both.
    pub(super) fn excludes(self, other: Self) -> bool {
        self.excludes_to(other, MAX_COMPARED)
    }

    fn excludes_to(self, other: Self, depth: usize) -> bool {
        let (a, b) = (self.followed(), other.followed());
        let types = a.types().and(b.types());
        if types == Types::NONE {
            return true;
        }
        if depth == 0 || types != Types::OBJECT {
            return false;
        }
        let required = b.word("required").and_then(Tree::as_array);
        let mut keys = required.into_iter().flatten().filter_map(Tree::as_str);
        keys.any(|key| match (a.property(key), b.property(key)) {
            (Ok(a), Ok(b)) => a.excludes_to(b, depth - 1),
            _ => true,
        })
    }

    fn followed(self) -> Self {
        let mut here = self;
        for _ in 0..MAX_HOPS {
            let Some(Tree::String(reference)) = here.word("$ref") else {
                return here;
            };
            let pointer = reference.strip_prefix('#');
            let Some(schema) = pointer.and_then(|pointer| here.root.pointer(pointer)) else {
                return Self::anything();
            };
            here = here.with(schema);
        }
        Self::anything()
    }

    fn word(self, word: &str) -> Option<&'s Tree> {
        self.schema.get(word)
    }

    fn with(self, schema: &'s Tree) -> Self {
        Self {
            root: self.root,
            schema,
        }
    }
}

/// The schema of what a port carries, as far as it is JSON: text is a string. None where nothing is known.
pub(super) fn of_port(port: &Port) -> Option<Tree> {
    match port.kind {
        ValueKind::Text => Some(serde_json::json!({"type": "string"})),
        ValueKind::Json => port.schema.as_ref().map(lockgate_model::Json::to_tree),
        ValueKind::Binary => Some(serde_json::json!({
            "type": "object",
            "required": ["media_type", "base64"],
            "properties": {"media_type": {"type": "string"}, "base64": {"type": "string"}},
            "additionalProperties": false,
        })),
        ValueKind::Any => None,
    }
}

/// Whether a schema refers to another part of the document that it stands in: elsewhere it would mean something else.
pub(super) fn has_reference(schema: &Tree) -> bool {
    match schema {
        Tree::Object(entries) => {
            entries.contains_key("$ref") || entries.values().any(has_reference)
        }
        Tree::Array(elements) => elements.iter().any(has_reference),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(key: &str) -> Segment {
        Segment::Key(key.into())
    }

    #[test]
    fn paths_lead_where_the_schema_says() {
        let schema = json!({
            "$defs": {"item": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": false}},
            "type": "object",
            "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/item"}}, "n": {"const": 1}},
        });
        let shape = Shape::of(&schema);
        let at = |path: &[Segment]| shape.at(path).map(|shape| shape.types().to_string());
        assert_eq!(at(&[key("items")]).expect("there"), "a list");
        assert_eq!(
            at(&[key("items"), Segment::Index(3), key("name")]).expect("there"),
            "text"
        );
        assert_eq!(at(&[key("n")]).expect("there"), "a number");
        assert!(at(&[key("other"), key("x")]).is_ok(), "objects are open");
        let (index, nowhere) = shape
            .at(&[key("items"), Segment::Index(0), key("nam")])
            .expect_err("closed");
        assert!(index == 2 && matches!(nowhere, Nowhere::NoKey(Some(_))));
        let (index, nowhere) = shape.at(&[key("n"), key("x")]).expect_err("a number");
        assert!(index == 1 && matches!(nowhere, Nowhere::NoParts(_)));
        assert_eq!(
            shape
                .at(&[key("items")])
                .expect("there")
                .any_element()
                .types(),
            Types::OBJECT
        );
    }

    #[test]
    fn what_cannot_meet_is_found() {
        let excludes = |a: Tree, b: Tree| Shape::of(&a).excludes(Shape::of(&b));
        assert!(excludes(
            json!({"type": "array"}),
            json!({"type": "object"})
        ));
        assert!(!excludes(
            json!({"type": ["array", "null"]}),
            json!({"type": ["null", "object"]})
        ));
        assert!(!excludes(
            json!({"type": "object"}),
            json!({"type": "object", "required": ["a"]})
        ));
        let closed = json!({"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": false});
        assert!(excludes(
            closed.clone(),
            json!({"type": "object", "required": ["a"]})
        ));
        assert!(excludes(
            closed.clone(),
            json!({"type": "object", "required": ["b"], "properties": {"b": {"type": "number"}}})
        ));
        assert!(!excludes(
            closed,
            json!({"type": "object", "required": ["b"]})
        ));
    }

    #[test]
    fn hostile_schemas_say_nothing() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            json!({"$ref": "http://x"}),
            json!({"type": 5, "properties": [], "items": 7, "enum": 3}),
            json!([]),
        ] {
            let shape = Shape::of(&schema);
            assert_eq!(shape.types(), Types::ANY, "{schema}");
            assert!(shape.at(&[key("a"), Segment::Index(0)]).is_ok(), "{schema}");
            assert!(!shape.excludes(shape), "{schema}");
        }
    }
}
