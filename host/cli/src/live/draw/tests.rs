use super::*;
use crate::live::script::Script;

const CANVAS: Canvas = Canvas {
    width: 60,
    height: 24,
    has_colors: false,
};

fn drawn(script: &Script, canvas: Canvas) -> Vec<String> {
    draw(&script.nodes, canvas, script.now())
}

#[test]
fn a_line_says_how_far_a_node_is() {
    let mut script = Script::begin();
    script.start("clean", 1);
    script.ok("clean");
    script.start_each("all", 0, Some(4));
    script.start("all[0]", 1);
    script.ok("all[0]");
    script.start("say", 1);
    script.part("say", "Once upon a time");
    script.skip("left", SkipReason::When);
    script.start("model", 1);
    script.retry("model");
    assert_eq!(
        drawn(&script, CANVAS),
        [
            "✓ clean    1000 µs",
            "⠋ all      7000 µs  ━━━━──────────── 1/4",
            "⠋ say      4000 µs  Once upon a time",
            "↷ left              skipped: when",
            "↻ model    1000 µs  1 retry",
        ]
    );
}

#[test]
fn the_end_of_a_text_is_what_fits() {
    let mut script = Script::begin();
    script.start("say", 1);
    script.part("say", &"春天来了".repeat(20));
    for width in [10, 30, 40, 41, 80] {
        let lines = drawn(&script, Canvas { width, ..CANVAS });
        assert!(measure_text_width(&lines[0]) <= width, "{lines:?}");
    }
    let lines = drawn(&script, CANVAS);
    assert!(
        lines[0].contains('…') && lines[0].ends_with("来了"),
        "{lines:?}"
    );
}

#[test]
fn a_thousand_nodes_fit() {
    let mut script = Script::begin();
    for node in 0..1000 {
        script.start(&format!("n{node}"), 1);
        if node % 100 != 99 {
            script.ok(&format!("n{node}"));
        }
    }
    let lines = drawn(&script, CANVAS);
    assert_eq!(lines.len(), MAX_LINES);
    assert_eq!(lines[MAX_LINES - 1], "  … and 981 more: 981 done");
    let is_running = |line: &&String| SPINNER.iter().any(|mark| line.starts_with(mark));
    let running = lines.iter().filter(is_running).count();
    assert_eq!(running, 10, "what runs is seen: {lines:#?}");
    for height in [1, 2, 3, 10, 21, 50] {
        let lines = drawn(&script, Canvas { height, ..CANVAS });
        assert!(
            lines.len() <= MAX_LINES.min(height.saturating_sub(1)).max(2),
            "{height}"
        );
    }
    script.end();
    let lines = drawn(&script, CANVAS);
    assert_eq!(lines.len(), MAX_LINES);
    assert!(lines[MAX_LINES - 1].starts_with("ok in 1"), "{lines:?}");
}

#[test]
fn colors_are_a_choice() {
    let mut script = Script::begin();
    script.start("a", 1);
    script.ok("a");
    script.end();
    let plain = drawn(&script, CANVAS);
    assert!(
        plain.iter().all(|line| !line.contains('\u{1b}')),
        "{plain:?}"
    );
    let colored = drawn(
        &script,
        Canvas {
            has_colors: true,
            ..CANVAS
        },
    );
    assert!(
        colored.iter().all(|line| line.contains('\u{1b}')),
        "{colored:?}"
    );
}
