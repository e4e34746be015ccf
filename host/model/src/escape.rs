//! Text from guests, clients and files on its way to a terminal or a log.

/// Appends `text` to `out` with everything written out that would make a terminal do something (a node may say `ESC ]`), or
/// a person read something else than what is there: control characters, what turns the reading direction, and what is
/// invisible. Tabs stay.
pub fn escape_into(text: &str, out: &mut String) {
    for character in text.chars() {
        if acts(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
}

/// One line, escaped: line ends are written out too.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(text, &mut out);
    out
}

/// Text of several lines, escaped: line ends stay.
pub fn escaped_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(escaped).collect();
    lines.join("\n")
}

fn acts(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(
            character,
            // Marks and overrides of the reading direction, line and paragraph ends, and what has no width.
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            // Annotations, and tags: whole texts that nobody sees.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_written_out() {
        assert_eq!(escaped("春天\té"), "春天\té");
        assert_eq!(
            escaped("a\u{1b}]0;pwned\u{7}\r\nb"),
            "a\\u{1b}]0;pwned\\u{7}\\u{d}\\u{a}b"
        );
        assert_eq!(escaped("\u{9b}31m\u{202e}x"), "\\u{9b}31m\\u{202e}x");
        assert_eq!(escaped_lines("a\n\tb\r"), "a\n\tb\\u{d}");
    }
}
