//! The table of coercions in `docs/flow-format.md`, row by row.

use serde_json::{Value as Tree, json};

use crate::fakes::{Fakes, run};

/// What `test/kinds` sees on `port` when `expression` is wired to it: its kind and its text.
async fn seen(port: &str, expression: &str, input: Tree) -> Result<String, String> {
    let text = format!(
        "flow: t\nnodes:\n  src: {{ use: test/source }}\n  k:\n    use: test/kinds\n    in:\n      {port}: {expression}\noutput: {{ seen: k.seen }}\n"
    );
    if let Err(faults) = Fakes::new().plan(&text).await {
        let first = faults.iter().next().expect("a fault");
        return Err(format!("{}: {}", first.code, first.message));
    }
    let (result, _) = run(&text, input).await;
    let output = result.map_err(|error| format!("run: {error}"))?;
    Ok(output["seen"][port].as_str().unwrap_or("absent").to_owned())
}

/// What goes into a row of the table: its name there, expressions that are such a thing, what they are as text or bytes,
/// and as JSON. `each: [input]` is there for `item`.
const ROWS: [(&str, &[&str], &str, &str); 11] = [
    (
        "a text output",
        &["src.text"],
        "text:文 \"t\"",
        r#""文 \"t\"""#,
    ),
    ("a JSON output", &["src.json"], "", DOCUMENT),
    ("a binary output", &["src.binary"], BYTES, ""),
    (
        "an `any` output",
        &["src.any"],
        "text:anything",
        r#""anything""#,
    ),
    (
        "a part of a JSON output: a string",
        &["src.json.s"],
        "text:str",
        r#""str""#,
    ),
    (
        "a part of a JSON output: anything else",
        &["src.json.n"],
        "",
        "5",
    ),
    (
        "a part of the input, or `item`: a string",
        &["input.s", "item.s"],
        "text:诗",
        r#""诗""#,
    ),
    (
        "a part of the input, or `item`: `{\"media_type\", \"base64\"}`",
        &["input.blob", "item.blob"],
        BYTES,
        r#"{"base64":"iVBORw==","media_type":"image/png"}"#,
    ),
    (
        "a part of the input, or `item`: anything else",
        &["input.n", "item.n"],
        "",
        "5",
    ),
    (
        "computed: a string",
        &["input.s + ''", "item.s + ''"],
        "text:诗",
        r#""诗""#,
    ),
    (
        "computed: anything else",
        &["input.n + 0", "item.n + 0"],
        "",
        "5",
    ),
];

const DOCUMENT: &str =
    r#"{"s": "str", "n": 5, "b": true, "list": [1, "two"], "big": 18446744073709551615}"#;
const BYTES: &str = r#"binary:{"media_type":"image/png","base64":"iVBORw=="}"#;

#[tokio::test]
async fn the_table_is_true() {
    let page = include_str!("../../../../docs/flow-format.md");
    let from = page.find("| from | into `text` |").expect("the table");
    let table: Vec<Vec<&str>> = page[from..]
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let names: Vec<_> = table.iter().skip(2).map(|row| row[0]).collect();
    assert_eq!(names, ROWS.map(|row| row.0), "each row has a case here");
    let input =
        json!({"s": "诗", "n": 5, "blob": {"media_type": "image/png", "base64": "iVBORw=="}});
    for (row, (name, expressions, plain, document)) in table.iter().skip(2).zip(ROWS) {
        for (port, says) in ["text", "json", "binary", "any"].into_iter().zip(&row[1..]) {
            for expression in expressions {
                let quoted = format!("{expression:?}");
                let given = match expression.starts_with("item") {
                    true => seen_of_item(port, &quoted, input.clone()).await,
                    false => seen(port, &quoted, input.clone()).await,
                };
                let given = given
                    .as_deref()
                    .map_err(|error| error.split(": ").next().unwrap_or_default());
                let expected = match (*says, port) {
                    ("refused", _) => Err("wrong-kind"),
                    ("fails", _) => Err("run"),
                    ("by what it holds", "binary") => Err("run"),
                    ("by what it holds", "text") | ("the text" | "the bytes", _) => {
                        Ok(plain.to_owned())
                    }
                    ("by what it holds" | "a JSON string", _) => Ok(format!("json:{document}")),
                    ("itself", _) if document.is_empty() || plain.starts_with("text:") => {
                        Ok(plain.to_owned())
                    }
                    ("itself", _) => Ok(format!("json:{document}")),
                    (other, _) => Ok(format!("no meaning of {other:?} is known here")),
                };
                assert_eq!(
                    given,
                    expected.as_deref().map_err(|error| *error),
                    "{name}: {expression} into {port}: {says}"
                );
            }
        }
    }
}

/// What `test/kinds` sees on `port` for the one element of an `each`.
async fn seen_of_item(port: &str, expression: &str, input: Tree) -> Result<String, String> {
    let text = format!(
        "flow: t\nnodes:\n  k:\n    use: test/kinds\n    each: '[input]'\n    in:\n      {port}: {expression}\noutput: {{ seen: k.seen }}\n"
    );
    if let Err(faults) = Fakes::new().plan(&text).await {
        return Err(faults.iter().next().expect("a fault").code.to_string());
    }
    let (result, _) = run(&text, input).await;
    let output = result.map_err(|error| format!("run: {error}"))?;
    Ok(output["seen"][0][port]
        .as_str()
        .unwrap_or("absent")
        .to_owned())
}

#[tokio::test]
async fn what_the_table_means_by_example() {
    let blob = json!({"media_type": "a/b", "base64": "aGk="});
    let input = json!({"s": "诗", "n": 5, "o": {"k": [1]}, "blob": blob, "odd": {"media_type": "a/b", "base64": "?"}, "nil": null});
    for (port, expression, expected) in [
        // A whole output is handed over.
        ("text", "src.text", "text:文 \"t\""),
        ("any", "src.text", "text:文 \"t\""),
        ("json", "src.text", r#"json:"文 \"t\"""#),
        (
            "any",
            "src.binary",
            r#"binary:{"media_type":"image/png","base64":"iVBORw=="}"#,
        ),
        (
            "binary",
            "src.binary",
            r#"binary:{"media_type":"image/png","base64":"iVBORw=="}"#,
        ),
        ("text", "src.any", "text:anything"),
        ("json", "src.any", r#"json:"anything""#),
        // A part of a document: a string is text where a port takes text.
        ("text", "src.json.s", "text:str"),
        ("any", "src.json.s", "text:str"),
        ("json", "src.json.s", r#"json:"str""#),
        ("any", "src.json.n", "json:5"),
        ("json", "src.json.list", r#"json:[1,"two"]"#),
        ("text", "src.json.list[1]", "text:two"),
        // The run's input is a document, and the only one that can hold bytes.
        ("text", "input.s", "text:诗"),
        ("any", "input.s", "text:诗"),
        ("json", "input.s", r#"json:"诗""#),
        ("any", "input.o", r#"json:{"k":[1]}"#),
        (
            "binary",
            "input.blob",
            r#"binary:{"media_type":"a/b","base64":"aGk="}"#,
        ),
        (
            "any",
            "input.blob",
            r#"json:{"base64":"aGk=","media_type":"a/b"}"#,
        ),
        ("json", "input.nil", "json:null"),
        // What is computed: a string is text, and anything else a document.
        ("text", "input.s + '!'", "text:诗!"),
        ("any", "input.s + '!'", "text:诗!"),
        ("json", "input.s + '!'", r#"json:"诗!""#),
        ("any", "input.n + 1", "json:6"),
        ("json", "input.n + 1", "json:6"),
        ("text", "string(input.n)", "text:5"),
        ("json", "src.json.big", "json:18446744073709551615"),
        ("json", "[src.json.big]", "json:[18446744073709551615]"),
        ("any", "'const'", "text:const"),
        ("any", "5", "json:5"),
        // What is not there leaves an optional input out.
        ("text", "src.never", "absent"),
        ("any", "input.nosuch.deeper", "absent"),
        (
            "any",
            "has(src.never) || has(input.x) || !has(src.binary)",
            "json:false",
        ),
    ] {
        assert_eq!(
            seen(port, &format!("{expression:?}"), input.clone())
                .await
                .as_deref(),
            Ok(expected),
            "{expression} into {port}"
        );
    }
    for (port, expression, expected) in [
        ("text", "src.binary", "wrong-kind"),
        ("json", "src.binary", "wrong-kind"),
        ("binary", "src.text", "wrong-kind"),
        ("binary", "src.json", "wrong-kind"),
        ("binary", "src.json.s", "wrong-kind"),
        ("text", "src.json", "wrong-kind"),
        ("any", "src.text.field", "wrong-kind"),
        ("any", "src.binary.field", "wrong-kind"),
        ("any", "size(src.binary)", "wrong-kind"),
        ("binary", "'a' + 'b'", "wrong-kind"),
        ("text", "5", "wrong-kind"),
        ("any", "1 / 0", "failing-expression"),
        (
            "binary",
            "src.any",
            "run: the input `binary` of the node `k`: it gives text",
        ),
        (
            "text",
            "src.json.n",
            "run: the input `text` of the node `k`: it gives a number, and the port takes text",
        ),
        (
            "text",
            "input.n",
            "run: the input `text` of the node `k`: it gives a number",
        ),
        (
            "text",
            "input.n + 1",
            "run: the input `text` of the node `k`: it gives a number",
        ),
        (
            "binary",
            "input.s",
            "run: the input `binary` of the node `k`: it gives text",
        ),
        (
            "binary",
            "input.odd",
            "run: the input `binary` of the node `k`: it gives an object whose",
        ),
        (
            "text",
            "input.nosuch + '!'",
            "run: the input `text` of the node `k`: `input.nosuch` is not there",
        ),
        (
            "text",
            "'a' + src.never",
            "run: the input `text` of the node `k`: `src.never` is not there",
        ),
    ] {
        let error = seen(port, &format!("{expression:?}"), input.clone())
            .await
            .expect_err(expression);
        assert!(
            error.starts_with(expected),
            "{expression} into {port}: {error}"
        );
    }
}

#[tokio::test]
async fn the_flow_gives_json() {
    let text = "flow: t\nnodes: { src: { use: test/source } }\noutput: { t: src.text, j: src.json, b: src.binary, n: src.json.n + 1, never: src.never, c: \"'c'\", p: src.json.list, i: input.x }\n";
    let (result, _) = run(text, json!({})).await;
    assert_eq!(
        result.expect("an output"),
        json!({
            "t": "文 \"t\"",
            "j": {"s": "str", "n": 5, "b": true, "list": [1, "two"], "big": u64::MAX},
            "b": {"media_type": "image/png", "base64": "iVBORw=="},
            "n": 6,
            "c": "c",
            "p": [1, "two"],
        })
    );
}
