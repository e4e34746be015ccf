//! `join`: puts together what `split` or a fan-out took apart.

use lockgate_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct JoinOptions {
    /// What stands between two parts.
    #[serde(default = "blank_line")]
    separator: String,
}

fn blank_line() -> String {
    "\n\n".to_owned()
}

/// Joins a list of texts into one.
#[node(
    transform,
    pure,
    output(text = "All parts, with the separator between them.")
)]
pub(crate) fn join(
    /// The parts, in order.
    parts: Json<Vec<String>>,
    options: Config<JoinOptions>,
) -> String {
    parts.0.join(&options.separator)
}

#[cfg(test)]
mod tests {
    use lockgate_sdk::testing;
    use serde_json::json;

    fn joined(config: serde_json::Value, parts: serde_json::Value) -> lockgate_sdk::Value {
        let outcome = testing::call(&crate::PLUGIN, "join")
            .config(config)
            .input("parts", parts)
            .run();
        outcome.output("text").cloned().expect("a text")
    }

    #[test]
    fn a_separator_stands_between_parts_only() {
        assert_eq!(
            joined(json!({}), json!(["a", "", "b"])),
            "a\n\n\n\nb".into()
        );
        assert_eq!(
            joined(json!({ "separator": ", " }), json!(["春", "天"])),
            "春, 天".into()
        );
        assert_eq!(joined(json!({}), json!([])), "".into());
    }

    #[test]
    fn a_part_that_is_no_text_is_refused_by_its_place() {
        let outcome = testing::call(&crate::PLUGIN, "join")
            .input("parts", json!(["a", 1]))
            .run();
        assert_eq!(
            outcome.result.expect_err("a number").message,
            "the input `parts` does not fit: at /1: invalid type: integer `1`, expected a string"
        );
    }
}
