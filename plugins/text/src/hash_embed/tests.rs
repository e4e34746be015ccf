//! Vectors: which are near, and which numbers they have.

use super::*;
use lockgate_sdk::testing;
use serde_json::json;

fn vector(text: &str, config: serde_json::Value) -> Vec<f32> {
    let outcome = testing::call(&crate::PLUGIN, "hash-embed")
        .config(config)
        .input("text", text)
        .run();
    match outcome.output("vector") {
        Some(Value::Json(vector)) => serde_json::from_str(vector).expect("numbers"),
        _ => Vec::new(),
    }
}

/// The vectors have length 1, so this is their cosine.
fn likeness(one: &str, other: &str) -> f32 {
    let (one, other) = (vector(one, json!({})), vector(other, json!({})));
    one.iter().zip(&other).map(|(a, b)| a * b).sum()
}

#[test]
fn texts_that_share_words_are_nearer() {
    for (text, near, far) in [
        (
            "How do I open a canal lock?",
            "Opening the locks of canals",
            "My invoice of March is wrong",
        ),
        (
            "春天来了，花开了。",
            "春天的花都开了",
            "服务器没有回应，请重试",
        ),
        (
            "the receipt of a call",
            "teh reciept of a call",
            "snow on the hills",
        ),
        (
            "Die Schleuse öffnet sich",
            "Schleusen öffnen",
            "Ein Gedicht über Schnee",
        ),
    ] {
        let (near, far) = (likeness(text, near), likeness(text, far));
        assert!(near > far + 0.1, "{text}: {near} and {far}");
    }
}

#[test]
fn ways_to_write_the_same_text_have_the_same_vector() {
    for (one, other) in [
        ("Straße im Café", "STRAßE IM CAFE\u{301}"),
        ("ＡＢＣ １２３", "abc 123"),
        ("ﬁne", "FINE"),
        ("ΟΔΟΣ", "οδος"),
        (" one,\n two! ", "one two"),
    ] {
        assert_eq!(vector(one, json!({})), vector(other, json!({})), "{one}");
    }
}

#[test]
fn a_vector_has_length_one_and_that_of_nothing_zero() {
    for dimensions in [8, 100, 4096] {
        let vector = vector("One two, 春天.", json!({ "dimensions": dimensions }));
        assert_eq!(vector.len(), dimensions);
        let length = vector.iter().map(|number| number * number).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-6, "{length}");
    }
    for text in ["", " \n", "?! … 🦀"] {
        assert_eq!(vector(text, json!({})), [0.0; 256], "{text:?}");
    }
}

#[test]
fn windows_are_runs_of_characters() {
    let runs = |text, size| windows(text, size).collect::<Vec<_>>();
    assert_eq!(runs(" 春天 ", 3), [" 春天", "春天 "]);
    assert_eq!(runs(" 春天 ", 4), [" 春天 "]);
    assert_eq!(runs(" 春天 ", 5), [""; 0]);
    assert_eq!(runs("été", 1), ["é", "t", "é"]);
}

#[test]
fn sizes_choose_the_features() {
    let only_words = json!({ "word_ngrams": [1], "char_ngrams": [] });
    assert_eq!(
        vector("one two", only_words.clone()),
        vector("two one", only_words)
    );
    let pairs = json!({ "word_ngrams": [2], "char_ngrams": [] });
    assert_ne!(vector("one two", pairs.clone()), vector("two one", pairs));
    // A word that is too short for them is one feature, not none.
    let long_runs = vector("word", json!({ "word_ngrams": [], "char_ngrams": [7, 8] }));
    assert_eq!(long_runs.iter().filter(|n| **n != 0.0).count(), 1);
}

/// What people have stored has to stay comparable. The numbers were computed by another program, with the xxHash of its
/// authors.
#[test]
fn vectors_are_these_for_ever() {
    let small = vector("Lockgate runs flows. 春天来了", json!({ "dimensions": 8 }));
    let norm = 18_f64.sqrt();
    let counts = [-2.0, -2.0, -1.0, 0.0, -2.0, 1.0, 2.0, 0.0];
    assert_eq!(small, counts.map(|count: f64| (count / norm) as f32));
    let up = [16, 23, 146, 202, 206];
    let down = [3, 19, 28, 33, 52, 92, 114, 163, 178, 186, 245];
    let mut expected = [0.0; 256];
    for place in up {
        expected[place] = 0.25;
    }
    for place in down {
        expected[place] = -0.25;
    }
    assert_eq!(vector("lockgate", json!({})), expected);
}

#[test]
fn a_configuration_out_of_bounds_is_refused_where_it_is() {
    let refused = |config| {
        let failure = testing::call(&crate::PLUGIN, "hash-embed")
            .config(config)
            .configure()
            .expect_err("no configuration");
        failure.detail.expect("a place")
    };
    for (config, place) in [
        (json!({ "dimensions": 7 }), r#"{"path":"/dimensions"}"#),
        (json!({ "dimensions": 4097 }), r#"{"path":"/dimensions"}"#),
        (json!({ "word_ngrams": [0] }), r#"{"path":"/word_ngrams"}"#),
        (json!({ "char_ngrams": [9] }), r#"{"path":"/char_ngrams"}"#),
        (
            json!({ "word_ngrams": [], "char_ngrams": [] }),
            r#"{"path":""}"#,
        ),
    ] {
        assert_eq!(refused(config.clone()), place, "{config}");
    }
}
