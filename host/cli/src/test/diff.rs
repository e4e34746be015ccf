//! What differs between two JSON documents, line by line as people write them.

use std::time::Duration;

use lockgate_model::escaped;
use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};

/// How many lines around a difference are shown, and how many in all.
const AROUND: usize = 3;
const MOST_LINES: usize = 100;
/// The most characters of a line.
const MOST_CHARS: usize = 200;
/// How long the smallest difference is looked for. After it, a larger one will do.
const PATIENCE: Duration = Duration::from_secs(2);

/// A line of a difference. It is escaped, and cut where it is long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) side: Side,
    pub(super) text: String,
}

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Expected,
    Actual,
    Both,
    /// In neither: it stands for lines that are left out.
    LeftOut,
}

/// The lines that differ, and some around them.
pub(super) fn diff(expected: &Json, actual: &Json) -> Vec<Line> {
    let (expected, actual) = (pretty(expected), pretty(actual));
    let mut config = TextDiff::configure();
    let diff = config.timeout(PATIENCE).diff_lines(&expected, &actual);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            lines.push(left_out());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if lines.len() >= MOST_LINES {
                lines.push(left_out());
                return lines;
            }
            let side = match change.tag() {
                ChangeTag::Delete => Side::Expected,
                ChangeTag::Insert => Side::Actual,
                ChangeTag::Equal => Side::Both,
            };
            let text = cut(change.value().trim_end_matches('\n'));
            lines.push(Line { side, text });
        }
    }
    lines
}

/// A document in one line, escaped, and cut where it is long.
pub(super) fn one_line(document: &Json) -> String {
    cut(&document.to_string())
}

fn left_out() -> Line {
    Line {
        side: Side::LeftOut,
        text: "…".to_owned(),
    }
}

fn pretty(document: &Json) -> String {
    // What is JSON can be written.
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => escaped(&line[..end]) + "…",
        None => escaped(line),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drawn(expected: &Json, actual: &Json) -> Vec<String> {
        let lines = diff(expected, actual).into_iter();
        let mark = |side| match side {
            Side::Expected => '-',
            Side::Actual => '+',
            Side::Both => ' ',
            Side::LeftOut => '.',
        };
        lines
            .map(|line| format!("{}{}", mark(line.side), line.text))
            .collect()
    }

    #[test]
    fn what_differs_stands_between_what_does_not() {
        let numbers = |seventh: i32| json!([1, 2, 3, 4, 5, 6, seventh, 8]);
        let lines = drawn(&numbers(7), &numbers(0));
        assert_eq!(
            lines,
            ["   4,", "   5,", "   6,", "-  7,", "+  0,", "   8", " ]"]
        );
        assert_eq!(
            drawn(&json!({"a": 1}), &json!({"b": 1})),
            [" {", "-  \"a\": 1", "+  \"b\": 1", " }"]
        );
        assert_eq!(drawn(&json!(1), &json!(1)), [""; 0]);
    }

    #[test]
    fn what_is_far_apart_has_a_mark_between() {
        let mut other = vec![0; 40];
        (other[0], other[39]) = (1, 1);
        let lines = drawn(&json!(vec![0; 40]), &json!(other));
        assert_eq!(lines.iter().filter(|line| *line == ".…").count(), 1);
    }

    #[test]
    fn what_is_long_is_cut_and_what_acts_on_a_terminal_is_escaped() {
        let many: Vec<_> = (0..10_000).collect();
        assert_eq!(diff(&json!([]), &json!(many)).len(), MOST_LINES + 1);
        let long = drawn(&json!("x".repeat(1000)), &json!("\u{202e}"));
        assert_eq!(long[0].chars().count(), MOST_CHARS + 2);
        assert_eq!(long[1], "+\"\\u{202e}\"");
    }
}
