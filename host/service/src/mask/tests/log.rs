//! A private key that comes line by line.

use lockgate_model::{At, LogLevel, NodeOutcome, RunEvent};

use super::*;

fn at(node: &str) -> At {
    At {
        within: "".into(),
        node: node.parse().expect("a name"),
        index: None,
    }
}

/// The lines of a node's log as they are kept.
fn logged(streams: &mut Streams, mask: &Mask, node: &str, lines: &[&str]) -> Vec<String> {
    let each = lines.iter().map(|line| {
        let mut event = RunEvent::NodeLog {
            at: at(node),
            attempt: 1,
            level: LogLevel::Info,
            line: (*line).to_owned(),
        };
        streams.line(mask, &mut event);
        mask.event(&mut event);
        match event {
            RunEvent::NodeLog { line, .. } => line,
            other => unreachable!("{other:?}"),
        }
    });
    each.collect()
}

fn told(lines: &[&str]) -> Vec<String> {
    logged(&mut Streams::default(), mask(), "a", lines)
}

const BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
const MARK: &str = "[masked:keys]";

#[test]
fn each_line_of_a_private_key_is_masked() {
    let begin = "key: -----BEGIN PRIVATE KEY-----";
    let end = "-----END PRIVATE KEY-----";
    assert_eq!(
        told(&["x", begin, BODY, BODY, "Abc=", end, "done", BODY]),
        [
            "x",
            "key: [masked:keys]",
            MARK,
            MARK,
            MARK,
            MARK,
            "done",
            BODY
        ]
    );
    assert_eq!(
        told(&[
            begin,
            BODY,
            "Abc=-----END RSA PRIVATE KEY----- and 13800138000",
            "done"
        ]),
        [
            "key: [masked:keys]",
            MARK,
            "[masked:keys] and [masked:phones]",
            "done"
        ]
    );
    let encrypted = "-----BEGIN RSA PRIVATE KEY-----";
    assert_eq!(
        told(&[
            encrypted,
            "Proc-Type: 4,ENCRYPTED",
            "",
            BODY,
            end,
            encrypted,
            BODY
        ]),
        [MARK, MARK, "", MARK, MARK, MARK, MARK]
    );
}

#[test]
fn what_is_no_key_ends_it() {
    let begin = "-----BEGIN PRIVATE KEY-----";
    assert_eq!(told(&[begin, "two words", BODY]), [MARK, "two words", BODY]);
    assert_eq!(
        told(&[begin, "word", "word"]),
        [MARK, MARK, "word"],
        "a line at most"
    );
    let public = "-----BEGIN PUBLIC KEY-----";
    assert_eq!(told(&[public, BODY]), [public, BODY]);
    let whole = format!("{begin}{BODY}-----END PRIVATE KEY-----");
    assert_eq!(told(&[&whole, BODY]), [MARK, BODY]);
}

#[test]
fn the_logs_of_nodes_are_kept_apart_and_end_with_them() {
    let begin = "-----BEGIN PRIVATE KEY-----";
    let mut streams = Streams::default();
    let mut log = |node: &str, line: &str| logged(&mut streams, mask(), node, &[line]).concat();
    assert_eq!(log("a", begin), MARK);
    assert_eq!(log("b", BODY), BODY);
    assert_eq!(log("a", BODY), MARK);
    streams.end(mask(), &at("a"));
    assert_eq!(logged(&mut streams, mask(), "a", &[BODY]), [BODY]);
    let off = Mask::new(&MaskConfig::off()).expect("a mask");
    assert_eq!(
        logged(&mut streams, &off, "a", &[begin, BODY]),
        [begin, BODY]
    );
    let finished = &mut RunEvent::NodeFinished {
        at: at("a"),
        outcome: NodeOutcome::Cancelled,
        receipt: Default::default(),
    };
    assert!(!streams.line(mask(), finished));
}
