//! Streams, in parts of every sort.

use lockgate_model::{At, Blob, NodeOutcome, RunEvent, Value};

use super::*;
use crate::mask::steps;

fn at() -> At {
    At {
        within: "".into(),
        node: "a".parse().expect("a name"),
        index: None,
    }
}

fn part(part: Value) -> RunEvent {
    RunEvent::NodePart {
        at: at(),
        attempt: 1,
        port: "text".parse().expect("a name"),
        part,
    }
}

fn said(event: &RunEvent) -> Vec<u8> {
    match event {
        RunEvent::NodePart {
            part: Value::Text(text),
            ..
        } => text.as_bytes().to_vec(),
        RunEvent::NodePart {
            part: Value::Binary(blob),
            ..
        } => blob.data.to_vec(),
        other => unreachable!("{other:?}"),
    }
}

/// What goes on at each part, and at the end.
fn told(mask: &Mask, parts: impl IntoIterator<Item = Value>) -> (Vec<String>, bool) {
    let mut streams = Streams::default();
    let mut any = false;
    let mut told = Vec::new();
    for one in parts {
        let (event, masked) = streams.part(mask, part(one));
        any |= masked;
        let bytes = event.map(|event| said(&event)).unwrap_or_default();
        told.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    let (events, masked) = streams.end(mask, &at());
    let rest = events
        .iter()
        .map(|event| String::from_utf8_lossy(&said(event)).into_owned());
    told.push(rest.collect());
    (told, any | masked)
}

fn texts_of(mask: &Mask, parts: &[&str]) -> (Vec<String>, bool) {
    told(mask, parts.iter().map(|part| Value::text(*part)))
}

#[test]
fn what_is_split_over_parts_is_masked_where_it_begins() {
    let mask = mask();
    let (parts, masked) = texts_of(mask, &["电话是", "138", "0013", "8000", "。", "好"]);
    assert!(masked);
    assert_eq!(parts, ["电话是", "", "", "", "[masked:phones]。", "好", ""]);
    let (parts, _) = texts_of(mask, &["key sk-abcdef", "ghij01234567", "89 is it"]);
    assert_eq!(parts.concat(), "key [masked:keys] is it");
    let (parts, _) = texts_of(mask, &["tel 138001380", "00"]);
    assert_eq!(parts, ["tel ", "", "[masked:phones]"], "at the end");
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n后";
    let each: Vec<_> = pem.split_inclusive('\n').collect();
    assert_eq!(texts_of(mask, &each).0.concat(), "[masked:keys]\n后");
}

#[test]
fn full_width_text_is_masked_in_parts_too() {
    let mask = mask();
    let (parts, masked) = texts_of(mask, &["号１３", "8００", "１３８０００", "，好", "１"]);
    assert!(masked);
    assert_eq!(parts, ["号", "", "", "[masked:phones]，好", "", "１"]);
    // Bytes come in any pieces.
    let text = "电话１３８００１３８０００，＠ａ";
    let bytes = text.as_bytes().chunks(1).map(|data| {
        Value::Binary(Blob {
            media_type: "text/plain".into(),
            data: data.to_vec().into(),
        })
    });
    let mut streams = Streams::default();
    let mut told = Vec::new();
    for one in bytes {
        let event = streams.part(mask, part(one)).0;
        told.extend(event.iter().flat_map(said));
    }
    told.extend(streams.end(mask, &at()).0.iter().flat_map(said));
    assert_eq!(String::from_utf8_lossy(&told), "电话[masked:phones]，＠ａ");
}

#[test]
fn what_cannot_become_anything_goes_on_at_once() {
    let mask = mask();
    for parts in [
        &["春眠", "不觉", "晓，", "处处", "闻啼鸟"][..],
        &["a ", "b, ", "\n", "x = ", "100 元"],
        &["", " ", "", "。"],
    ] {
        let (told, masked) = texts_of(mask, parts);
        assert_eq!(told[..parts.len()], *parts);
        assert!(!masked && told[parts.len()].is_empty());
    }
    let (told, masked) = texts_of(mask, &["two wo", "rds 20", "26 年"]);
    assert_eq!(told, ["two ", "words ", "2026 年", ""], "a word later");
    assert!(!masked);
    // A file in base64 is one long word.
    let base64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=".repeat(2_000);
    let (told, masked) = texts_of(mask, &[&base64, &base64]);
    assert!(!masked && told.concat().len() == 2 * base64.len());
}

#[test]
fn what_could_be_without_end_is_not_kept_in_parts() {
    let mask = own("line", "(?m)secret: .*$").expect("a mask");
    let line = "x".repeat(10_000);
    let (told, masked) = texts_of(&mask, &["a secret: ", &line, &line, "x\nb", "c"]);
    assert!(masked);
    assert_eq!(told.concat(), "a [masked:rest]");
    let (told, _) = texts_of(&mask, &["a secret: ", &line, "x\nb", "c"]);
    assert_eq!(told.concat(), "a [masked:line]\nbc");
    // Many small parts of a long one.
    let small =
        std::iter::once("-----BEGIN PRIVATE KEY-----\n").chain(std::iter::repeat_n("MIIE", 3_000));
    let (told, _) = texts_of(super::mask(), &small.collect::<Vec<_>>());
    assert_eq!(told.concat(), "[masked:keys]");
}

#[test]
fn a_pattern_that_is_walked_again_and_again_is_not_walked_without_end() {
    let mask = own("slow", "[ab]+c").expect("a mask");
    let text = format!("{}!", "ab".repeat(200_000));
    let ((told, masked), took) = steps::of(|| texts_of(&mask, &[&text]));
    assert!(took < text.len() * 20, "{took} steps");
    let told = told.concat();
    let start = told.strip_suffix("[masked:rest]").expect("it is not told");
    assert!(masked && text.starts_with(start) && start.len() < 100);
}

#[test]
fn long_streams_take_steps_by_their_length() {
    for piece in [
        "13800138000 ",
        "a@b.cn13800138000 ",
        "１３８００１３８０００，",
        r"\\n%2B1",
        "sk-a-",
        "a.b.",
        "+1 ",
        "4111 1111 1111 ",
        "two words, ",
        "春眠不觉晓",
    ] {
        for size in [12, 1_000, 65_536] {
            let text = piece.repeat((size * 40).min(1 << 20) / piece.len());
            let mut parts = Vec::new();
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (part, more) = rest.split_at(rest.ceil_char_boundary(size));
                parts.push(part);
                rest = more;
            }
            let ((told, _), took) = steps::of(|| texts_of(mask(), &parts));
            assert!(
                took <= text.len() * 2_000,
                "{piece:?} by {size}: {} a byte",
                took / text.len()
            );
            assert!(
                !told.concat().contains("13800138000"),
                "{piece:?} by {size}"
            );
        }
    }
}

#[test]
fn bytes_are_looked_at_while_they_are_text() {
    let mask = mask();
    let blob = |data: &[u8]| {
        Value::Binary(Blob {
            media_type: "text/csv".into(),
            data: data.to_vec().into(),
        })
    };
    let (told_parts, masked) = told(mask, [blob("春,13800".as_bytes()), blob(b"138000\r\n")]);
    assert_eq!(
        (told_parts.concat().as_str(), masked),
        ("春,[masked:phones]\r\n", true)
    );
    let (told_parts, _) = told(mask, [blob(b"a 138001"), blob(b"\0"), blob(b"13800138000")]);
    assert_eq!(
        told_parts.concat(),
        "a 138001\0[masked:phones]",
        "it is said to be text"
    );
    // What is said to be no text is looked at part by part.
    let image = |data: &[u8]| {
        Value::Binary(Blob {
            media_type: "image/png".into(),
            data: data.to_vec().into(),
        })
    };
    let binary = b"\0\x01\x02 13800138000";
    let (told_parts, masked) = told(mask, [image(b"a 13800"), image(binary), image(b"1")]);
    assert_eq!(told_parts, ["a ", "13800\0\x01\x02 13800138000", "", "1"]);
    assert!(!masked);
    let (told_parts, masked) = told(mask, [image(binary), image(b" 13900139000 ")]);
    assert_eq!(
        told_parts.concat(),
        "\0\x01\x02 13800138000 [masked:phones] "
    );
    assert!(masked);
}

#[test]
fn streams_are_kept_apart_and_end_with_their_node() {
    let mask = mask();
    let mut streams = Streams::default();
    let other = |text: &str| match part(Value::text(text)) {
        RunEvent::NodePart { at, port, part, .. } => RunEvent::NodePart {
            attempt: 2,
            at,
            port,
            part,
        },
        event => event,
    };
    for event in [part(Value::text("1380013")), other("8000")] {
        assert!(streams.part(mask, event).0.is_none());
    }
    let document = Value::Json(lockgate_model::Json::from(&json!(13_800_138_000_u64)));
    let (event, masked) = streams.part(mask, part(document));
    assert!(masked && event.is_some(), "a document is not held back");
    let finished = RunEvent::NodeFinished {
        at: at(),
        outcome: NodeOutcome::Cancelled,
        receipt: Default::default(),
    };
    let (same, masked) = streams.part(mask, finished);
    assert!(matches!(same, Some(RunEvent::NodeFinished { .. })) && !masked);
    let (events, masked) = streams.end_all(mask);
    let ends: Vec<_> = events.iter().map(said).collect();
    assert_eq!(ends, [b"1380013".to_vec(), b"8000".to_vec()]);
    assert!(!masked && streams.end_all(mask).0.is_empty());
}

/// The text in parts, cut at these places.
fn cut<'t>(text: &'t str, cuts: &[prop::sample::Index]) -> Vec<&'t str> {
    let place = |cut: &prop::sample::Index| text.floor_char_boundary(cut.index(text.len() + 1));
    let mut cuts: Vec<_> = cuts.iter().map(place).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect()
}

proptest! {
    #[test]
    fn parts_come_to_what_the_whole_does(
        pieces in proptest::collection::vec(super::piece(), 0..8),
        between in prop_oneof![Just("\n"), Just("，"), Just("\"")],
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mask = mask();
        let text = pieces.join(between);
        let (told, masked) = texts_of(mask, &cut(&text, &cuts));
        let whole = mask.text(&text);
        prop_assert_eq!(masked, whole.is_some());
        prop_assert_eq!(told.concat(), whole.unwrap_or(text));
    }

    /// Where one thing to mask stands at another, as no text of people has it, more may be masked in parts than in the
    /// whole, and nothing less.
    #[test]
    fn parts_hold_nothing_more(
        text in super::texts(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mask = mask();
        let (told, masked) = texts_of(mask, &cut(&text, &cuts));
        let told = told.concat();
        prop_assert_eq!(masked, told != text);
        prop_assert_eq!(mask.text(&told), None, "{}", told);
    }
}
