//! `split`: parts of a text that fit, cut where a reader would.

mod boundary;

use lockgate_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SplitConfig {
    /// The most characters (Unicode scalar values) of a part.
    #[schemars(range(min = 1))]
    max_chars: usize,
    /// How many characters of a part the next one repeats, at most, so that neither lacks its context. Not more than half
    /// of `max_chars`.
    overlap: usize,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self {
            max_chars: 1000,
            overlap: 0,
        }
    }
}

/// A configuration under which splitting gets on: every part ends later than the one before.
pub(crate) struct Splitter(SplitConfig);

impl Configure for Splitter {
    type Config = SplitConfig;

    fn configure(config: SplitConfig) -> Result<Self> {
        if config.max_chars == 0 {
            return Err(
                Failure::invalid_input("a part has at least one character").at("/max_chars")
            );
        }
        if config.overlap > config.max_chars / 2 {
            let most = config.max_chars / 2;
            let message = format!(
                "parts of {} characters repeat at most half of that, {most}",
                config.max_chars
            );
            return Err(Failure::invalid_input(message).at("/overlap"));
        }
        Ok(Self(config))
    }
}

#[derive(Outputs)]
pub(crate) struct Split {
    /// The parts, in order: none of them empty, with no blanks at either end.
    parts: Json<Vec<String>>,
}

/// Splits a text into parts of a bounded length.
///
/// A part ends at the end of a paragraph, else of a line, a sentence, a word, and only then anywhere. Nothing is lost but
/// blanks where the text is cut.
#[node(transform, pure)]
pub(crate) fn split(
    /// The text.
    text: String,
    splitter: Config<Splitter>,
) -> Split {
    let SplitConfig { max_chars, overlap } = splitter.0.0;
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let window = first_chars(rest, max_chars);
        if window.len() == rest.len() {
            parts.push(rest.to_owned());
            break;
        }
        let part = &rest[..boundary::best(window, &rest[window.len()..])];
        parts.push(part.trim_end().to_owned());
        rest = rest[part.len() - repeated(part, overlap).len()..].trim_start();
    }
    Split { parts: Json(parts) }
}

fn first_chars(text: &str, count: usize) -> &str {
    let end = text
        .char_indices()
        .nth(count)
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The end of a part that the next one starts with: never from within a word of a script that has blanks between them,
/// and at most half of the part, so that the next one ends later whatever the text is.
fn repeated(part: &str, overlap: usize) -> &str {
    let most = overlap.min(part.chars().count() / 2);
    if most == 0 {
        return "";
    }
    let start = part
        .char_indices()
        .rev()
        .nth(most - 1)
        .map_or(0, |(at, _)| at);
    let end = &part[start..];
    if !(part[..start].ends_with(in_word) && end.starts_with(in_word)) {
        return end;
    }
    end.find(char::is_whitespace)
        .map_or("", |blank| end[blank..].trim_start())
}

/// Whether a character belongs to a word that blanks delimit. Those of Chinese, Japanese and Korean stand behind all others.
fn in_word(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{2e80}'
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing;
    use serde_json::json;

    fn parts(text: &str, max_chars: usize, overlap: usize) -> Vec<String> {
        split(
            text.to_owned(),
            Config(Splitter(SplitConfig { max_chars, overlap })),
        )
        .parts
        .0
    }

    #[test]
    fn the_best_boundary_that_fits_is_taken() {
        for (text, max_chars, expected) in [
            ("", 5, vec![]),
            (" \n ", 5, vec![]),
            ("short", 5, vec!["short"]),
            (
                "One. Two.\n\nThree. Four.",
                16,
                vec!["One. Two.", "Three. Four."],
            ),
            (
                "One. Two\nThree. Four.",
                16,
                vec!["One. Two", "Three. Four."],
            ),
            ("One two. Three four.", 16, vec!["One two.", "Three four."]),
            ("one two three", 8, vec!["one two", "three"]),
            ("one two three", 7, vec!["one two", "three"]),
            ("abcdefgh", 3, vec!["abc", "def", "gh"]),
            (
                "春天来了。花开了！好吗？好",
                8,
                vec!["春天来了。", "花开了！好吗？好"],
            ),
            ("他说：“来。”她走了。", 9, vec!["他说：“来。”", "她走了。"]),
            ("Pi is 3.14159 or so", 10, vec!["Pi is", "3.14159 or", "so"]),
        ] {
            assert_eq!(
                parts(text, max_chars, 0),
                expected,
                "{text:?} by {max_chars}"
            );
        }
    }

    #[test]
    fn parts_overlap_from_the_start_of_a_word() {
        assert_eq!(
            parts("one two three four", 10, 4),
            ["one two", "two three", "four"]
        );
        assert_eq!(
            parts("春夏秋冬天地人和", 4, 2),
            ["春夏秋冬", "秋冬天地", "天地人和"]
        );
        assert_eq!(parts("abcdefgh", 4, 2), ["abcd", "efgh"]);
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_too_long() {
        let text = "Ein Satz. Noch einer!\n\n春天来了，花开了。真的？ 👩\u{200d}👩\u{200d}👧 end\nof it   all ".repeat(7);
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        for max_chars in 1..60 {
            let whole = parts(&text, max_chars, 0);
            assert_eq!(bare(&whole.concat()), bare(&text), "{max_chars}");
            for overlap in 0..=max_chars / 2 {
                for part in parts(&text, max_chars, overlap) {
                    assert!(part.chars().count() <= max_chars, "{part:?} by {max_chars}");
                    assert!(
                        !part.is_empty() && part.trim() == part,
                        "{part:?} by {max_chars}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_configuration_that_cannot_work_is_refused_where_it_is() {
        let refused = |config| {
            let failure = testing::call(&crate::PLUGIN, "split")
                .config(config)
                .configure();
            failure
                .expect_err("no configuration")
                .detail
                .expect("a place")
        };
        assert_eq!(
            refused(json!({ "max_chars": 0 })),
            r#"{"path":"/max_chars"}"#
        );
        assert_eq!(
            refused(json!({ "max_chars": 10, "overlap": 6 })),
            r#"{"path":"/overlap"}"#
        );
        assert_eq!(
            refused(json!({ "max_chars": -1 })),
            r#"{"path":"/max_chars"}"#
        );
    }
}
