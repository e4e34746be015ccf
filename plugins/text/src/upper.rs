//! `upper`.

use lockgate_sdk::prelude::*;

/// Writes a text in capitals.
#[node(transform, pure, output(text = "The text in capitals."))]
pub(crate) fn upper(
    /// Any text.
    mut text: String,
) -> String {
    if text.is_ascii() {
        text.make_ascii_uppercase();
        return text;
    }
    let mut capitals = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() || has_no_case(c) {
            capitals.push(c.to_ascii_uppercase());
        } else {
            capitals.extend(c.to_uppercase());
        }
    }
    capitals
}

/// Whether a character is among those of Chinese, Japanese and Korean, and their punctuation. None of them has a capital,
/// and to find that in Unicode's tables takes much longer.
fn has_no_case(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{ff00}'..='\u{ff20}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing;

    #[test]
    fn capitals_are_unicodes() {
        let outcome = testing::call(&crate::PLUGIN, "upper")
            .input("text", "straße, été, 春")
            .run();
        assert_eq!(outcome.output("text"), Some(&"STRASSE, ÉTÉ, 春".into()));
    }

    #[test]
    fn each_character_has_unicodes_capital() {
        for c in '\0'..=char::MAX {
            let text = format!("{c}春");
            assert_eq!(upper(text.clone()), text.to_uppercase());
        }
    }
}
