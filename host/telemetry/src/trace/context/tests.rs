use proptest::prelude::*;

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn read(traceparent: &str) -> Option<TraceContext> {
    TraceContext::read(traceparent, [])
}

fn state_of(headers: &[&str]) -> Option<String> {
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let context = TraceContext::read(&parent, headers.iter().copied()).expect("a context");
    context.state.map(|state| state.to_string())
}

#[test]
fn the_examples_of_the_standard_are_read() {
    let sampled = read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let sampled = sampled.expect("a context");
    assert_eq!(sampled.trace.to_string(), TRACE);
    assert_eq!(
        sampled.parent.map(|id| id.to_string()).as_deref(),
        Some("00f067aa0ba902b7")
    );
    assert!(sampled.is_sampled());
    let not = read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    assert!(!not.expect("a context").is_sampled());
    assert_eq!(
        state_of(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]).as_deref(),
        Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    );
}

#[test]
fn what_is_no_traceparent_is_not_there() {
    let parent = "00f067aa0ba902b7";
    for wrong in [
        String::new(),
        "00".to_owned(),
        format!("00-{TRACE}-{parent}"),
        format!("00-{TRACE}-{parent}-"),
        format!("00-{TRACE}-{parent}-1"),
        format!("00-{TRACE}-{parent}-0x"),
        format!("00-{TRACE}-{parent}-01-"),
        format!("00-{TRACE}-{parent}-01-more"),
        format!("00-{TRACE}-{parent}-01.more"),
        format!("ff-{TRACE}-{parent}-01"),
        format!("0-{TRACE}-{parent}-01"),
        format!("000-{TRACE}-{parent}-01"),
        format!("cc-{TRACE}-{parent}-01.more"),
        format!("00-{}-{parent}-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{}-{parent}-01", TRACE.to_uppercase()),
        format!("00-{TRACE}-{}-01", parent.to_uppercase()),
        format!("00-{}-{parent}-01", &TRACE[1..]),
        format!("00-{TRACE}0-{parent}-01"),
        format!("00-{TRACE}-{}-01", &parent[1..]),
        format!("00-{TRACE}-{parent}-01,00-{TRACE}-{parent}-01"),
        format!("00 {TRACE} {parent} 01"),
    ] {
        assert_eq!(read(&wrong), None, "{wrong}");
    }
}

#[test]
fn later_versions_are_read_as_far_as_they_are_known() {
    for (later, flags) in [
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 1),
        (
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-comes",
            3,
        ),
        (
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fc-",
            0,
        ),
    ] {
        let context = read(later).expect("a context");
        assert_eq!(context.flags, flags, "{later}");
        let said = context.traceparent(SpanId([1; 8])).to_string();
        assert_eq!(said, format!("00-{TRACE}-0101010101010101-0{flags}"));
    }
}

#[test]
fn tracestate_is_passed_on_whole_or_not_at_all() {
    let members = |count: usize| {
        let members: Vec<_> = (0..count).map(|n| format!("k{n}=1")).collect();
        members.join(",")
    };
    for (headers, expected) in [
        (&["a=1", "b=2 ,\tc=3 "][..], Some("a=1,b=2,c=3")),
        (&[",a=1,,"], Some("a=1")),
        (&["a=x y"], Some("a=x y")),
        (&["0a@b*/_-=~!"], Some("0a@b*/_-=~!")),
        (&[""], None),
        (&[], None),
        (&["a"], None),
        (&["a="], None),
        (&["=1"], None),
        (&["A=1"], None),
        (&["a=1", "a=2"], None),
        (&["a b=1"], None),
        (&["a=1=2"], None),
        (&["a=é"], None),
        (&["a=\u{7f}"], None),
        (&["a=1,b=\u{1b}]0;x"], None),
    ] {
        assert_eq!(state_of(headers).as_deref(), expected, "{headers:?}");
    }
    assert_eq!(state_of(&[&members(32)]), Some(members(32)));
    assert_eq!(state_of(&[&members(33)]), None);
    let long = format!("a={}", "x".repeat(257));
    assert_eq!(state_of(&[&long]), None);
}

#[test]
fn of_a_long_tracestate_large_members_go_first_and_then_the_last() {
    let large = format!("large={}", "x".repeat(200));
    let mut headers = vec![large.clone()];
    headers.extend((0..6).map(|n| format!("k{n}={}", "y".repeat(90))));
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    let kept = state_of(&headers).expect("a state");
    let keys: Vec<_> = kept.split(',').map(|member| &member[..2]).collect();
    assert_eq!(keys, ["k0", "k1", "k2", "k3", "k4"]);
    assert!(kept.len() <= 512);
}

#[test]
fn a_new_trace_has_a_name_of_its_own_and_no_parent() {
    let (one, two) = (TraceContext::begin(), TraceContext::begin());
    assert_ne!(one.trace, two.trace);
    assert_eq!((one.parent, one.is_sampled()), (None, false));
    assert!(one.clone().sampled(true).is_sampled());
    assert!(!one.sampled(true).sampled(false).is_sampled());
}

proptest! {
    #[test]
    fn what_is_said_is_read_again(trace: [u8; 16], span: [u8; 8], flags in 0_u8..4) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let context = TraceContext { trace: TraceId(trace), parent: None, flags, state: None };
        let said = context.traceparent(SpanId(span)).to_string();
        prop_assert_eq!(said.len(), 55);
        prop_assert_eq!(read(&said), Some(context.below(SpanId(span))));
    }

    #[test]
    fn nothing_that_is_sent_does_harm(parent in "\\PC{0,80}", state in proptest::collection::vec("\\PC{0,700}", 0..4)) {
        let state: Vec<_> = state.iter().map(String::as_str).collect();
        let _ = TraceContext::read(&parent, state.iter().copied());
        let kept = state_of(&state);
        prop_assert!(kept.is_none_or(|kept| kept.len() <= 512 && kept.is_ascii()));
    }

    #[test]
    fn nearly_right_is_read_alike(change in 0_usize..55, to in "[ -~]") {
        let right = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let mut wrong = right.clone();
        wrong.replace_range(change..=change, &to);
        if let Some(context) = read(&wrong) {
            let span = context.parent.expect("a span");
            // Whatever was read is said in a form that reads the same.
            prop_assert_eq!(read(&context.traceparent(span).to_string()), Some(context));
        }
    }
}
