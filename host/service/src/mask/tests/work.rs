//! What is made to take long takes as many steps as it has bytes, some times over: never their square.

use lockgate_flow::MAX_VALUE_BYTES;
use lockgate_model::{Json, Value};

use super::*;
use crate::mask::steps;

/// How many steps a byte may take: each pattern looks at it, some twice, in each round, and when it is found and when it is masked.
const A_BYTE: usize = 100;

/// The text once and again, as long as a value that is kept whole.
fn long(piece: &str) -> String {
    piece.repeat(MAX_VALUE_BYTES / piece.len())
}

#[test]
fn long_texts_take_steps_by_their_length() {
    for piece in [
        "a@b.cn13800138000 ",
        "13800138000 ",
        "138001380001",
        "4111 1111 ",
        "4",
        "sk-a-",
        "sk-abcdefghij0123456789 ",
        "task-sk-",
        "eyJabcdefghi",
        "bearer ",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n",
        "-----BEGIN PRIVATE KEY-----",
        "a@b.",
        "a@b.c.",
        "+1 ",
        "x",
        "春眠不觉晓，",
        "１３８００１３８０００，",
        "１",
        "（021",
        "%2B13800138000",
        r"\\nsk-",
        r"\\u0040",
        "a%40b.c",
        "0571-8765432-",
        "tel",
    ] {
        let text = long(piece);
        let (masked, took) = steps::of(|| mask().text(&text));
        assert!(took <= text.len() * A_BYTE, "{piece:?}: {took} steps");
        if let Some(masked) = masked {
            assert_eq!(mask().text(&masked), None, "{piece:?}");
        }
    }
}

#[test]
fn keys_that_are_masked_take_steps_by_their_number() {
    let entries = 40_000;
    let phones = (0..entries).map(|number| (format!("138{number:08}"), json!(0)));
    let mut tree = Tree::Object(phones.collect());
    let (masked, took) = steps::of(|| mask().tree(&mut tree));
    assert!(masked && took <= entries * 11 * A_BYTE, "{took} steps");
    let keys = tree.as_object().expect("an object");
    assert_eq!(keys.len(), entries, "each has its entry");
    assert!(keys.contains_key("[masked:phones]"));
    assert!(keys.contains_key(&format!("[masked:phones] {entries}")));
}

#[test]
fn what_is_too_large_to_be_kept_is_not_looked_at() {
    let secret = "13800138000 ";
    let whole = secret.repeat(MAX_VALUE_BYTES / secret.len());
    let mut kept = json!(whole);
    assert!(mask().tree(&mut kept));
    let larger = json!([whole, secret]);
    let mut tree = larger.clone();
    let mut shared = std::sync::Arc::new(larger.clone());
    let mut value = Value::Json(Json::from(&larger));
    let (masked, took) = steps::of(|| {
        mask().tree(&mut tree) | mask().shared(&mut shared) | mask().value(&mut value)
    });
    assert!(!masked && tree == larger);
    assert_eq!(took, 0);
}
