//! What the model has read: original sentences, written for it, one a line. What it makes of them is the chain's.

/// A language that the model has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// The language of most of these tokens. English where there are none.
    pub(crate) fn of<'a>(tokens: impl Iterator<Item = &'a str>) -> Self {
        let balance: i64 = tokens.map(|token| if is_han(token) { 1 } else { -1 }).sum();
        if balance > 0 {
            Self::Chinese
        } else {
            Self::English
        }
    }

    /// All that was read in it.
    pub(crate) fn sentences(self) -> impl Iterator<Item = &'static str> {
        match self {
            Self::English => include_str!("corpus/english.txt"),
            Self::Chinese => include_str!("corpus/chinese.txt"),
        }
        .lines()
    }

    /// What ends a sentence that does not end itself.
    pub(crate) fn full_stop(self) -> &'static str {
        match self {
            Self::English => ".",
            Self::Chinese => "。",
        }
    }
}

fn is_han(token: &str) -> bool {
    // The blocks of CJK ideographs, from Extension A to the end of the basic plane's, and the planes beyond.
    token.starts_with(|c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{self, Kind};

    #[test]
    fn most_tokens_say_which_language_it_is() {
        let language = |text: &str| Language::of(token::split(text).map(|token| token.text));
        assert_eq!(language(""), Language::English);
        assert_eq!(language("Write about 春天, please"), Language::English);
        assert_eq!(language("写 Rust 代码"), Language::Chinese);
        assert_eq!(language("напиши стих"), Language::English);
    }

    #[test]
    fn every_line_is_one_sentence_that_the_tokens_write_back() {
        for language in [Language::English, Language::Chinese] {
            for line in language.sentences() {
                let tokens = token::split(line).collect::<Vec<_>>();
                let ends = tokens.iter().filter(|token| token.kind == Kind::End);
                assert_eq!(ends.count(), 1, "{line}");
                let mut writer = token::Writer::default();
                let written = tokens.iter().map(|token| writer.write(token.text));
                assert_eq!(written.collect::<String>(), line);
            }
        }
    }
}
