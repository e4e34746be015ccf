//! Tokens: how a text comes apart, and how one is put together again.
//!
//! A token is a word as Unicode has it (UAX #29), which is one character in Chinese, or a mark of punctuation.

use unicode_segmentation::UnicodeSegmentation as _;

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// Never empty, and never blank.
    pub(crate) text: &'a str,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a token does in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Carries meaning.
    Word,
    /// Stands within a sentence, such as a comma.
    Mark,
    /// Ends a sentence.
    End,
    /// Anything else: brackets, quotes, symbols, control characters. Counted, and never learnt.
    Other,
}

/// The tokens of a text, in order.
pub(crate) fn split(text: &str) -> impl Iterator<Item = Token<'_>> {
    text.split_word_bounds()
        .filter(|part| !part.trim().is_empty())
        .map(|text| Token {
            text,
            kind: kind(text),
        })
}

fn kind(text: &str) -> Kind {
    match text {
        "." | "!" | "?" | "。" | "！" | "？" => Kind::End,
        "," | ";" | ":" | "，" | "、" | "；" | "：" => Kind::Mark,
        word if word.chars().all(is_in_word) && word.starts_with(char::is_alphanumeric) => {
            Kind::Word
        }
        _ => Kind::Other,
    }
}

/// A letter, a digit, or what UAX #29 leaves within a word.
fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\'' | '’' | '.' | ',' | '_')
}

/// Writes tokens one by one as a text: a blank before a word of a script that has blanks, a capital at the start of a
/// sentence.
#[derive(Debug)]
pub(crate) struct Writer {
    last: Option<char>,
    starts_sentence: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            last: None,
            starts_sentence: true,
        }
    }
}

impl Writer {
    /// The token as it stands behind those before it.
    pub(crate) fn write(&mut self, token: &str) -> String {
        let mut chars = token.chars();
        let mut text = String::new();
        if let Some(first) = chars.next() {
            if self.last.is_some_and(has_blanks) && first.is_alphanumeric() && has_blanks(first) {
                text.push(' ');
            }
            if self.starts_sentence {
                text.extend(first.to_uppercase());
            } else {
                text.push(first);
            }
            text.push_str(chars.as_str());
        }
        self.last = text.chars().next_back().or(self.last);
        self.starts_sentence = kind(token) == Kind::End;
        text
    }
}

/// Whether a character belongs to a script that has blanks between words. Those of Chinese, Japanese and Korean stand
/// behind all others.
fn has_blanks(c: char) -> bool {
    c < '\u{2e80}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_apart_into_words_and_marks() {
        let tokens = split("Don't pay 3.14, 春天！ (ok)\n\u{1b}[31m");
        let texts = tokens.map(|token| (token.text, token.kind));
        assert_eq!(
            texts.collect::<Vec<_>>(),
            [
                ("Don't", Kind::Word),
                ("pay", Kind::Word),
                ("3.14", Kind::Word),
                (",", Kind::Mark),
                ("春", Kind::Word),
                ("天", Kind::Word),
                ("！", Kind::End),
                ("(", Kind::Other),
                ("ok", Kind::Word),
                (")", Kind::Other),
                ("\u{1b}", Kind::Other),
                ("[", Kind::Other),
                ("31m", Kind::Word),
            ]
        );
    }

    #[test]
    fn tokens_are_written_as_people_write_them() {
        for (tokens, text) in [
            (&["one", ",", "two", ".", "three"][..], "One, two. Three"),
            (
                &["春", "天", "，", "rust", "是", "a", "b", "。"],
                "春天，rust是a b。",
            ),
            (&["straße", "!"], "Straße!"),
        ] {
            let mut writer = Writer::default();
            let written = tokens.iter().map(|token| writer.write(token));
            assert_eq!(written.collect::<String>(), text);
        }
    }
}
