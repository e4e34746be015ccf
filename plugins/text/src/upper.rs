//! `upper`.

use lockgate_sdk::prelude::*;

/// Writes a text in capitals.
#[node(transform, pure, output(text = "The text in capitals."))]
pub(crate) fn upper(
    /// Any text.
    text: String,
) -> String {
    text.to_uppercase()
}

#[cfg(test)]
mod tests {
    use lockgate_sdk::testing;

    #[test]
    fn capitals_are_unicodes() {
        let outcome = testing::call(&crate::PLUGIN, "upper")
            .input("text", "straße, été, 春")
            .run();
        assert_eq!(outcome.output("text"), Some(&"STRASSE, ÉTÉ, 春".into()));
    }
}
