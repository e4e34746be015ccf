//! That no expression harms: whatever it is, reading, evaluating and dropping it ends soon and on a small stack.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::fault::Code;

/// What a call on a guest thread has at least, with room to spare.
const SMALL_STACK: usize = 1 << 20;

fn codes(text: &str) -> Vec<Code> {
    parse(text).map_or_else(
        |faults| faults.into_iter().map(|fault| fault.code).collect(),
        |_| Vec::new(),
    )
}

/// Reads and evaluates with every reference bound to `value`.
fn compute_with(text: &str, value: &Json) -> std::result::Result<Computed, String> {
    let expression = parse(text).map_err(|faults| format!("{faults:?}"))?;
    let operands: Vec<_> = expression
        .references
        .iter()
        .map(|_| Some(Operand::Tree(value)))
        .collect();
    expression
        .compute(&operands)
        .map_err(|error| error.to_string())
}

fn compute(text: &str) -> std::result::Result<Computed, String> {
    compute_with(text, &json!({"a": 1}))
}

fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(SMALL_STACK)
        .spawn(work);
    thread.expect("a thread").join().expect("no panic");
}

#[test]
fn expressions_compute() {
    for (text, expected) in [
        ("1 + 2 * 3", json!(7)),
        ("-7 / 2", json!(-3)),
        ("7 % 4", json!(3)),
        ("1.5 + 2.0", json!(3.5)),
        ("'a' + \"b\"", json!("ab")),
        ("size('春天')", json!(2)),
        ("'春天'.size()", json!(2)),
        ("size([1, 2, 3])", json!(3)),
        ("string(5) + '!'", json!("5!")),
        ("string(1.5)", json!("1.5")),
        ("string(true)", json!("true")),
        ("int('5') + 1", json!(6)),
        ("uint(5)", json!(5)),
        ("double('1.5')", json!(1.5)),
        ("bool('true')", json!(true)),
        ("'abc'.contains('b')", json!(true)),
        ("'abc'.startsWith('a') && 'abc'.endsWith('c')", json!(true)),
        ("'abc'.matches('^[a-c]+$')", json!(true)),
        ("'abcb'.indexOf('b')", json!(1)),
        ("'春天来了'.substring(2)", json!("来了")),
        ("'春天来了'.substring(0, 2)", json!("春天")),
        ("'aBé'.lowerAscii() + 'aBé'.upperAscii()", json!("abéABé")),
        ("'  x '.trim()", json!("x")),
        (
            "[1, 'a', null, {'k': true}]",
            json!([1, "a", null, {"k": true}]),
        ),
        ("true ? 'yes' : 'no'", json!("yes")),
        ("'b' in ['a', 'b'] && 'k' in {'k': 1}", json!(true)),
        ("x.a == 1 && x['a'] == 1 && has(x.a)", json!(true)),
        ("true || x.a / 0 == 1", json!(true)),
    ] {
        let expected = match expected {
            Json::String(text) => Computed::Text(text),
            value => Computed::Json(value),
        };
        let value = if text.contains("x.a") {
            json!(1)
        } else {
            json!({"a": 1})
        };
        assert_eq!(compute_with(text, &value), Ok(expected), "{text}");
    }
}

#[test]
fn what_fails_says_why() {
    for (text, part) in [
        ("1 / 0", "divides by zero"),
        ("1 % 0", "divides by zero"),
        ("9223372036854775807 + 1", "64 bits"),
        ("1 + 'a'", "does not take"),
        ("{'a': 1}['b']", "`b`"),
        ("[1][5]", ""),
        ("int('x')", ""),
        ("{1: 2}", "not text"),
        ("1.0 / 0.0", "JSON does not have"),
        ("'x'.substring(5)", "out of range"),
        ("1 < 'a'", "does not take"),
    ] {
        let error = compute(text).expect_err(text);
        assert!(error.contains(part) && error.len() < 300, "{text}: {error}");
    }
}

#[test]
fn an_absent_reference_fails_only_where_it_is_needed() {
    let expression = parse("has(input.a) ? input.a : 'none'").expect("an expression");
    assert_eq!(
        expression.compute(&[None]),
        Ok(Computed::Text("none".into()))
    );
    let expression = parse("input.a + '!'").expect("an expression");
    assert_eq!(
        expression.compute(&[None]),
        Err(ExpressionError::Missing {
            reference: "input.a".into(),
            index: Some(0)
        })
    );
}

#[test]
fn references_are_found() {
    let references = |text: &str| {
        let expression = parse(text).expect(text);
        let names: Vec<_> = expression
            .references
            .iter()
            .map(ToString::to_string)
            .collect();
        (names, matches!(expression.body, Body::Lone))
    };
    assert_eq!(
        references("input.topic"),
        (vec!["input.topic".into()], true)
    );
    assert_eq!(
        references(" ( a.b [0] ['c d'] . e ) "),
        (vec!["a.b[0][\"c d\"].e".into()], true)
    );
    assert_eq!(
        references("a.b + a.b + c.d[a.b]"),
        (vec!["a.b".into(), "c.d".into()], false)
    );
    assert_eq!(references("has(a.b.c)"), (vec!["a.b.c".into()], false));
    assert_eq!(references("'a.b'"), (vec![], false));
}

#[test]
fn what_expressions_do_not_have_is_refused() {
    for (text, code) in [
        ("", Code::BadExpression),
        ("1 +", Code::BadExpression),
        ("{{ topic }}", Code::BadExpression),
        ("'unclosed", Code::BadExpression),
        ("a.?b", Code::BadExpression),
        ("a[?0]", Code::BadExpression),
        ("b'bytes'", Code::BadExpression),
        ("Type{a: 1}", Code::BadExpression),
        ("99999999999999999999", Code::BadExpression),
        ("x.map(i, i)", Code::LoopMacro),
        ("x.filter(i, true)", Code::LoopMacro),
        ("x.all(i, true)", Code::LoopMacro),
        ("x.exists(i, true)", Code::LoopMacro),
        ("x.exists_one(i, true)", Code::LoopMacro),
        ("nosuch(1)", Code::UnknownFunction),
        ("x.replace('a', 'b')", Code::UnknownFunction),
        ("x.format([1])", Code::UnknownFunction),
        ("math.greatest(1, 2)", Code::UnknownFunction),
        ("timestamp('2020')", Code::UnknownFunction),
        ("size()", Code::WrongArguments),
        ("size(1, 2)", Code::WrongArguments),
        ("contains('a', 'b')", Code::WrongArguments),
        ("x.matches(y.pattern)", Code::WrongArguments),
        ("x.matches('(')", Code::WrongArguments),
    ] {
        assert_eq!(codes(text), [code], "{text}");
    }
}

#[test]
fn a_fault_knows_its_place() {
    for (text, word) in [
        ("1 + nosuch(2)", "nosuch"),
        ("a.b + x.map(i, i)", "map"),
        ("诗.x + size(1, 2)", "诗"),
    ] {
        let faults = parse(text).expect_err(text);
        assert_eq!(&text[faults[0].at.clone()], word, "{text}");
    }
}

/// Texts of at most 4 KiB that are as deep, as long or as broken as they can be.
fn hostile() -> Vec<String> {
    let mut texts = Vec::new();
    for operator in [
        "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", " in ", "?1:", ".",
        ",",
    ] {
        for count in [100, 500, 1300] {
            texts.push(format!("a{}", format!("{operator}a").repeat(count)));
        }
    }
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1:", "}"),
        ("f(", ")"),
        ("size(", ")"),
        ("-", ""),
        ("!", ""),
        ("-!", ""),
        ("a?", ":a"),
        ("a?a:", ""),
        ("a[", "]"),
        ("has(a.b)?", ":1"),
        ("x.map(i,", ")"),
        ("a.b(", ")"),
        ("T{a:", "}"),
        ("first(", ")"),
        ("first(a.b,", ")"),
        ("first(a,a,a,a,a,a,a,a,", ")"),
    ] {
        for count in [60, 100, 500, 4096 / (open.len() + close.len() + 1)] {
            texts.push(format!("{}a{}", open.repeat(count), close.repeat(count)));
            texts.push(open.repeat(4096 / open.len()));
            texts.push(close.repeat(4096 / open.len()));
        }
    }
    texts.push(format!("a{}", ".f()".repeat(1000)));
    texts.push(format!("a{}", ".trim()".repeat(60)));
    texts.push(format!("a{}", "[0]".repeat(1300)));
    texts.push(format!("[{}]", "1,".repeat(2000)));
    texts.push(format!("first({}a)", "a,".repeat(2000)));
    texts.push(format!("'{}'", "\\n".repeat(2000)));
    texts.push("'''".repeat(1000));
    texts.push("(a?[b{'".repeat(585));
    texts.push("\u{0}\u{202e}诗`\\".repeat(300));
    texts.retain(|text| text.len() <= MAX_EXPRESSION_BYTES);
    texts
}

#[test]
fn no_expression_overflows_a_small_stack() {
    on_small_stack(|| {
        for text in hostile() {
            if let Ok(expression) = parse(&text) {
                let value = json!({"a": [1]});
                let operands: Vec<_> = expression
                    .references
                    .iter()
                    .map(|_| Some(Operand::Tree(&value)))
                    .collect();
                // Values and errors alike; what matters is that it comes back.
                let _ = expression.compute(&operands);
            }
        }
    });
}

#[test]
fn what_is_too_large_is_refused() {
    for text in [
        "x".repeat(MAX_EXPRESSION_BYTES + 1),
        format!("1{}", "+1".repeat(100)),
        format!("1{}", "+1".repeat(1500)),
        "(".repeat(MAX_EXPRESSION_BYTES),
        "[".repeat(MAX_EXPRESSION_BYTES),
        format!("{}a", "!".repeat(600)),
        format!("{}1", "a?b:".repeat(100)),
    ] {
        assert_eq!(codes(&text), [Code::ExpressionTooLarge], "{text:.40}");
    }
    assert_eq!(codes(&format!("1{}", "+1".repeat(60))), []);
    assert_eq!(codes(&format!("a.b{}", " && a.b".repeat(200))), []);
}

#[test]
fn what_an_expression_copies_is_bounded() {
    let doubled =
        |times: usize| (0..times).fold("input.x".to_owned(), |text, _| format!("({text}+{text})"));
    let text = json!("x".repeat(1 << 20));
    let list = json!(vec![0; 1 << 15]);
    for value in [&text, &list] {
        assert!(compute_with(&doubled(3), value).is_ok());
        let error = compute_with(&doubled(7), value).expect_err("too much");
        assert!(error.contains("would copy"), "{error}");
        let lists = format!("[{}]", vec!["input.x"; 400].join(","));
        let error = compute_with(&lists, value).expect_err("too much");
        assert!(error.contains("would copy"), "{error}");
    }
    let error = compute_with(
        "input.x.matches('a.*b.*c.*d.*e') || input.x.matches('[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+$')",
        &text,
    );
    assert!(error.expect_err("too much").contains("would copy"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the tokens are, reading and evaluating them comes back.
    #[test]
    fn token_soup_does_no_harm(tokens in prop::collection::vec(token(), 0..80)) {
        let text = tokens.concat();
        if let Ok(expression) = parse(&text) {
            let value = json!({"a": [1, {"b": "x"}], "b": 2});
            let operands: Vec<_> = expression.references.iter().map(|_| Some(Operand::Tree(&value))).collect();
            let _ = expression.compute(&operands);
        }
    }

    /// Nor does any text.
    #[test]
    fn any_text_does_no_harm(text in ".{0,200}") {
        let _ = parse(&text);
    }
}

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "input",
        ".b",
        ".",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "==",
        "!=",
        "<",
        "<=",
        "&&",
        "||",
        " in ",
        "1",
        "0",
        "1.5",
        "2u",
        "'x'",
        "\"y\"",
        "b'z'",
        "null",
        "true",
        "size(",
        "has(",
        "first(",
        ".map(i,",
        ".trim()",
        "string(",
        "9223372036854775807",
        "'",
        "`",
        "\\",
        "//",
        "\n",
        " ",
        "诗",
        ".size()",
        ".matches('x')",
        ".substring(",
        "T{",
        "r'",
        "'''",
    ])
}
