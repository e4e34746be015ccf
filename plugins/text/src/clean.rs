//! `clean`: the same words, without what copying, scanning and hiding leave in a text.

use lockgate_sdk::prelude::*;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CleanOptions {
    /// Bring characters into composed form (Unicode NFC), so that equal texts are equal bytes.
    compose: bool,
    /// Make one space of each run of spaces and tabs, and take them off the start of lines.
    collapse_spaces: bool,
    /// The most blank lines in a row.
    max_blank_lines: usize,
}

impl Default for CleanOptions {
    fn default() -> Self {
        Self {
            compose: true,
            collapse_spaces: true,
            max_blank_lines: 1,
        }
    }
}

/// Cleans a text: line ends, runs of blanks, control characters and what is invisible.
///
/// Every line end becomes a line feed. Control characters, byte order marks, zero-width spaces, direction overrides and
/// tag characters go, which hide text from people that a model reads. Joiners stay, because scripts and emoji need them.
#[node(transform, pure, output(text = "The clean text."))]
pub(crate) fn clean(
    /// The text as it came.
    text: String,
    options: Config<CleanOptions>,
) -> String {
    let text = if text.chars().all(is_clean) {
        text
    } else {
        let visible = visible(&text);
        if options.compose && !is_composed(&visible) {
            visible.nfc().collect()
        } else {
            visible
        }
    };
    let mut clean = String::with_capacity(text.len());
    let mut blank_lines = 0;
    for line in text.split('\n') {
        let line = line.trim_end();
        if line.is_empty() {
            blank_lines += 1;
            continue;
        }
        if !clean.is_empty() {
            let line_feeds = 1 + blank_lines.min(options.max_blank_lines);
            clean.extend(std::iter::repeat_n('\n', line_feeds));
        }
        if options.collapse_spaces {
            push_words(&mut clean, line);
        } else {
            clean.push_str(line);
        }
        blank_lines = 0;
    }
    clean
}

/// Whether a character stays what it is, whatever stands beside it, and is none of those that go. Only some are known here:
/// what English, Chinese, Japanese and Korean are written with. All others are looked up in Unicode's tables, which takes
/// much longer.
fn is_clean(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | ' '..='~'
            | '\u{2010}'..='\u{2027}' // dashes, quotation marks, the ellipsis
            | '\u{3000}'..='\u{3029}' | '\u{3041}'..='\u{3096}' | '\u{30a0}'..='\u{30ff}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{ff01}'..='\u{ff5e}' // what is as wide as a Chinese character
    )
}

/// The text with line feeds for line ends, and without what is hidden.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    let mut before = None;
    for c in text.chars() {
        let is_second_of_line_end = before == Some('\r') && c == '\n';
        before = Some(c);
        let c = line_feed(c);
        if !is_second_of_line_end && !is_hidden(c) {
            visible.push(c);
        }
    }
    visible
}

/// Whether a text is surely in composed form. What is clean is, and composes with nothing, so it need not be asked for.
fn is_composed(text: &str) -> bool {
    is_nfc_quick(text.chars().filter(|c| !is_clean(*c))) == IsNormalized::Yes
}

/// Every other line end, as a line feed.
fn line_feed(c: char) -> char {
    match c {
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        other => other,
    }
}

fn is_hidden(c: char) -> bool {
    let is_control = c.is_control() && c != '\n' && c != '\t';
    is_control
        || matches!(
            c,
            '\u{200b}' | '\u{2060}' | '\u{feff}'        // zero-width space, word joiner, byte order mark
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // direction overrides and isolates
            | '\u{e0000}'..='\u{e007f}' // tags
        )
}

fn push_words(clean: &mut String, line: &str) {
    let mut words = line.split_whitespace();
    clean.push_str(words.next().unwrap_or_default());
    for word in words {
        clean.push(' ');
        clean.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::char::canonical_combining_class;

    fn cleaned(text: &str) -> String {
        clean(text.to_owned(), Config(CleanOptions::default()))
    }

    #[test]
    fn what_is_clean_stays() {
        for text in [
            "",
            "a",
            "春天 来了。\n\n好。",
            "👩\u{200d}👩\u{200d}👧",
            "می\u{200c}خواهم",
        ] {
            assert_eq!(cleaned(text), text);
        }
    }

    #[test]
    fn what_is_not_goes() {
        for (text, clean) in [
            ("  a \t b\u{a0}\u{3000}c  ", "a b c"),
            ("a\r\nb\rc\u{2028}d\u{85}e", "a\nb\nc\nd\ne"),
            ("a\r\n\r\n\r\n\r\nb", "a\n\nb"),
            ("\n\n a\n \t\n\n b \n\n", "a\n\nb"),
            ("\u{feff}a\u{200b}b\u{0}c\u{1b}[31md", "abc[31md"),
            ("a\u{202e}b\u{2066}c", "abc"),
            ("hi\u{e0069}\u{e0067}", "hi"),
            ("e\u{301}", "é"),
        ] {
            assert_eq!(cleaned(text), clean, "{text:?}");
            assert_eq!(cleaned(clean), clean, "a second time: {text:?}");
        }
    }

    #[test]
    fn what_is_known_to_be_clean_is() {
        for c in ('\0'..=char::MAX).filter(|c| is_clean(*c)) {
            assert_eq!(visible(&c.to_string()), c.to_string());
            assert_eq!(is_nfc_quick([c].into_iter()), IsNormalized::Yes, "{c:?}");
            assert_eq!(canonical_combining_class(c), 0, "{c:?}");
        }
    }

    #[test]
    fn options_keep_what_they_name() {
        let options: CleanOptions = serde_json::from_value(serde_json::json!({
            "compose": false, "collapse_spaces": false, "max_blank_lines": 0
        }))
        .expect("options");
        let text = "    fn  f()  \n\n\n    e\u{301}".to_owned();
        assert_eq!(clean(text, Config(options)), "    fn  f()\n    e\u{301}");
    }
}
