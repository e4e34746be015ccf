//! Between JSON and what CEL computes with.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value as Cel;
use cel::objects::{Key, Map};
use lockgate_model::MAX_JSON_DEPTH;
use serde_json::{Number, Value as Json};

use super::Segment;

/// What an expression gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Result {
    Text(String),
    /// Anything but text.
    Json(Json),
}

/// A document as CEL sees it. Whole numbers are ints where they fit, else uints; other numbers are doubles.
pub(crate) fn to_cel(tree: &Json) -> Cel {
    match tree {
        Json::Null => Cel::Null,
        Json::Bool(value) => Cel::Bool(*value),
        Json::Number(number) => number_to_cel(number),
        Json::String(text) => Cel::String(Arc::new(text.clone())),
        Json::Array(elements) => Cel::List(Arc::new(elements.iter().map(to_cel).collect())),
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| {
                (Key::String(Arc::new(key.clone())), to_cel(value))
            };
            Cel::Map(Map {
                map: Arc::new(entries.iter().map(entry).collect::<HashMap<_, _>>()),
            })
        }
    }
}

fn number_to_cel(number: &Number) -> Cel {
    if let Some(int) = number.as_i64() {
        Cel::Int(int)
    } else if let Some(uint) = number.as_u64() {
        Cel::UInt(uint)
    } else {
        Cel::Float(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// What CEL computed, or why JSON cannot say it.
pub(crate) fn from_cel(value: &Cel) -> std::result::Result<Result, &'static str> {
    match value {
        Cel::String(text) => Ok(Result::Text(text.to_string())),
        value => json(value, 0).map(Result::Json),
    }
}

fn json(value: &Cel, depth: usize) -> std::result::Result<Json, &'static str> {
    if depth > MAX_JSON_DEPTH {
        return Err("its result nests deeper than a JSON document may");
    }
    Ok(match value {
        Cel::Null => Json::Null,
        Cel::Bool(value) => Json::Bool(*value),
        Cel::Int(int) => (*int).into(),
        Cel::UInt(uint) => (*uint).into(),
        Cel::Float(double) => Number::from_f64(*double)
            .ok_or("its result is a number that JSON does not have")?
            .into(),
        Cel::String(text) => Json::String(text.to_string()),
        Cel::List(elements) => elements
            .iter()
            .map(|element| json(element, depth + 1))
            .collect::<std::result::Result<_, _>>()?,
        Cel::Map(map) => map
            .map
            .iter()
            .map(|(key, value)| entry(key, value, depth))
            .collect::<std::result::Result<_, _>>()?,
        _ => return Err("its result is nothing that JSON has"),
    })
}

fn entry(
    key: &Key,
    value: &Cel,
    depth: usize,
) -> std::result::Result<(String, Json), &'static str> {
    match key {
        Key::String(key) => Ok((key.to_string(), json(value, depth + 1)?)),
        _ => Err("its result has a key that is not text"),
    }
}

/// What is at the end of a path, if it is there.
pub(crate) fn at_path<'a>(tree: &'a Json, path: &[Segment]) -> Option<&'a Json> {
    path.iter().try_fold(tree, |tree, segment| match segment {
        Segment::Key(key) => tree.get(&**key),
        Segment::Index(index) => tree.get(index),
    })
}

/// What a document is, with its article, as messages say it.
pub(crate) fn type_name(tree: &Json) -> &'static str {
    match tree {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_ints() {
        assert_eq!(to_cel(&json!(-1)), Cel::Int(-1));
        assert_eq!(to_cel(&json!(1)), Cel::Int(1));
        assert_eq!(to_cel(&json!(i64::MAX as u64 + 1)), Cel::UInt(1 << 63));
        assert_eq!(to_cel(&json!(1.0)), Cel::Float(1.0));
    }

    #[test]
    fn documents_survive_the_way_there_and_back() {
        let tree = json!({"a": [1, 2.5, "诗", null, true], "b": {"": {}}, "c": u64::MAX});
        assert_eq!(from_cel(&to_cel(&tree)), Ok(Result::Json(tree)));
        assert_eq!(from_cel(&to_cel(&json!("x"))), Ok(Result::Text("x".into())));
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        let map = Map {
            map: Arc::new(HashMap::from([(Key::Int(1), Cel::Null)])),
        };
        let mut deep = Cel::Null;
        for _ in 0..=MAX_JSON_DEPTH {
            deep = Cel::List(Arc::new(vec![deep]));
        }
        for value in [
            Cel::Float(f64::NAN),
            Cel::Float(f64::INFINITY),
            Cel::Bytes(Arc::default()),
            Cel::Map(map),
            deep,
        ] {
            assert!(from_cel(&value).is_err());
        }
    }
}
