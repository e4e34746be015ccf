//! The model as a host calls it.

use lockgate_sdk::testing::{self, Outcome};
use lockgate_sdk::{FailureKind, Value};
use serde_json::{Value as Tree, json};

const SEA: &str = "Write a poem about the sea!";

fn call(prompt: &str, config: Tree) -> Outcome {
    testing::call(&crate::PLUGIN, "model")
        .config(config)
        .input("prompt", prompt)
        .run()
}

/// The answer. Not empty, because every answer has a token.
fn text(outcome: &Outcome) -> String {
    match outcome.output("text") {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn usage(outcome: &Outcome) -> Tree {
    match outcome.output("usage") {
        Some(Value::Json(usage)) => serde_json::from_str(usage).expect("JSON"),
        _ => Tree::Null,
    }
}

/// Also what the sandbox says: `tests/it` has the same answers.
#[test]
fn answers_are_about_the_prompt_in_its_language() {
    for (prompt, seed, answer) in [
        (SEA, 3, "A poem lets the silence between the hills."),
        ("请写一首关于 春天 的诗。", 1, "春天来了，城市是夜里的灯。"),
        ("Wasmtime", 1, "Wasmtime. The light of rain leaves open."),
        ("", 3, "A poem opens like a gate."),
    ] {
        assert_eq!(
            text(&call(prompt, json!({ "seed": seed }))),
            answer,
            "{prompt}"
        );
    }
}

#[test]
fn every_token_is_a_part_and_is_counted() {
    let outcome = testing::call(&crate::PLUGIN, "model")
        .config(json!({ "model": "qwen-plus" }))
        .input("prompt", SEA)
        .input("system", "你好.")
        .run();
    let parts = outcome.parts("text");
    let usage = usage(&outcome);
    assert_eq!(
        usage,
        json!({ "provider": "offline", "model": "qwen-plus", "input_tokens": 7 + 3, "output_tokens": parts.len() })
    );
    let joined: String = parts
        .iter()
        .map(|part| match part {
            Value::Text(text) => text.as_str(),
            _ => "not text",
        })
        .collect();
    assert_eq!(joined, text(&outcome));
}

#[test]
fn what_decides_an_answer_decides_it_whole() {
    let system = |system: Option<&str>, prompt: &str| {
        let call = testing::call(&crate::PLUGIN, "model").input("prompt", prompt);
        let call = match system {
            Some(system) => call.input("system", system),
            None => call,
        };
        text(&call.run())
    };
    let answer = text(&call(SEA, json!({})));
    assert_eq!(answer, text(&call(SEA, json!({}))));
    assert_eq!(answer, system(Some(""), SEA));
    assert_ne!(answer, system(Some("Be brief."), SEA));
    assert_ne!(answer, text(&call(SEA, json!({ "seed": u64::MAX }))));
    assert_ne!(answer, text(&call(SEA, json!({ "model": "markov-2" }))));
}

#[test]
fn more_tokens_continue_the_same_answer() {
    let whole = text(&call(SEA, json!({ "seed": 1, "max_tokens": 4096 })));
    for max_tokens in 1..20 {
        let outcome = call(SEA, json!({ "seed": 1, "max_tokens": max_tokens }));
        assert!(whole.starts_with(&text(&outcome)));
        assert_eq!(usage(&outcome)["output_tokens"], max_tokens);
    }
}

#[test]
fn the_likeliest_way_comes_to_an_end() {
    let languages = [
        crate::corpus::Language::English,
        crate::corpus::Language::Chinese,
    ];
    for prompt in languages.iter().flat_map(|language| language.sentences()) {
        let outcome = call(prompt, json!({ "temperature": 0, "max_tokens": 100 }));
        let answer = text(&outcome);
        assert!(answer.ends_with(['.', '。']), "{prompt}: {answer}");
        let seeded = call(
            prompt,
            json!({ "temperature": 0, "max_tokens": 100, "seed": 1 }),
        );
        assert_eq!(answer, text(&seeded));
    }
}

#[test]
fn an_answer_stops_before_a_stop() {
    let whole = text(&call(SEA, json!({})));
    let (before, _) = whole.split_once(" the ").expect("an article");
    let outcome = call(SEA, json!({ "stop": ["no such text", " the "] }));
    assert_eq!(text(&outcome), before);
    // What could have been the start of a stop is there too, if none came.
    let (_, last) = whole.rsplit_once(' ').expect("words");
    let almost = call(SEA, json!({ "stop": [format!("{last}!")] }));
    assert_eq!(text(&almost), whole);
}

#[test]
fn it_ends_well_when_nobody_reads() {
    let outcome = testing::call(&crate::PLUGIN, "model")
        .input("prompt", SEA)
        .reader_leaves("text", 2)
        .run();
    assert_eq!(outcome.parts("text").len(), 2);
    // The one that nobody took was made, too.
    assert_eq!(usage(&outcome)["output_tokens"], 3);
}

#[test]
fn it_fails_on_purpose_before_and_after_parts() {
    let outcome = call(
        SEA,
        json!({ "fail": { "kind": "rate-limited", "retry_after_ms": 20 } }),
    );
    assert_eq!(outcome.parts("text").len(), 0);
    let failure = outcome.result.expect_err("the first attempt");
    assert_eq!(failure.kind, FailureKind::RateLimited);
    assert_eq!(failure.retry_after_ms, Some(20));

    let outcome = call(
        SEA,
        json!({ "fail": { "kind": "upstream", "after_tokens": 3 } }),
    );
    assert_eq!(outcome.parts("text").len(), 3);
    assert!(outcome.result.is_err());

    let late = json!({ "fail": { "kind": "upstream", "after_tokens": 5000 } });
    assert!(call(SEA, late).result.is_err());
    let never = json!({ "fail": { "kind": "upstream", "until_attempt": 1 } });
    assert_eq!(text(&call(SEA, never)), text(&call(SEA, json!({}))));
}

#[test]
fn a_configuration_out_of_bounds_is_refused_where_it_is() {
    for (config, place) in [
        (json!({ "model": "" }), "/model"),
        (json!({ "model": "m".repeat(129) }), "/model"),
        (json!({ "max_tokens": 0 }), "/max_tokens"),
        (json!({ "max_tokens": 4097 }), "/max_tokens"),
        (json!({ "temperature": -0.1 }), "/temperature"),
        (json!({ "temperature": 2.1 }), "/temperature"),
        (json!({ "seed": -1 }), "/seed"),
        (json!({ "stop": ["a", "b", "c", "d", "e"] }), "/stop"),
        (json!({ "stop": ["a", ""] }), "/stop/1"),
        (json!({ "fail": { "kind": "trap" } }), "/fail/kind"),
        (
            json!({ "fail": { "kind": "upstream", "until": 2 } }),
            "/fail/until",
        ),
        (
            json!({ "fail": { "kind": "upstream", "until_attempt": 0 } }),
            "/fail/until_attempt",
        ),
        (
            json!({ "fail": { "kind": "upstream", "retry_after_ms": 60_001 } }),
            "/fail/retry_after_ms",
        ),
    ] {
        let refused = testing::call(&crate::PLUGIN, "model")
            .config(config.clone())
            .configure();
        let failure = refused.expect_err("no configuration");
        let detail = json!({ "path": place }).to_string();
        assert_eq!(failure.detail, Some(detail), "{config}");
    }
}
