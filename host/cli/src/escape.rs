//! Text from guests and files on its way to a terminal.

use std::fmt::Write as _;

/// The text with everything escaped that would make a terminal do something: control characters (a node may write
/// `ESC ]`), and the marks that turn the direction of writing around, which can make a line read as another one.
pub(crate) fn line(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same for text of several lines: line ends and tabs stay.
pub(crate) fn lines(text: &str) -> String {
    escaped(text, |character| matches!(character, '\n' | '\t'))
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) || stays(character) {
            safe.push(character);
        } else {
            let _ = write!(safe, "{}", character.escape_unicode());
        }
    }
    safe
}

fn is_harmless(character: char) -> bool {
    let turns_around = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let ends_a_line = matches!(character, '\u{2028}' | '\u{2029}');
    !character.is_control() && !turns_around && !ends_a_line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        assert_eq!(line("春天 é"), "春天 é");
        assert_eq!(line("a\u{1b}]0;pwned\u{7}\r\nb"), "a\\u{1b}]0;pwned\\u{7}\\u{d}\\u{a}b");
        assert_eq!(line("\u{9b}31m\u{202e}x"), "\\u{9b}31m\\u{202e}x");
        assert_eq!(lines("a\n\tb\r"), "a\n\tb\\u{d}");
    }
}
