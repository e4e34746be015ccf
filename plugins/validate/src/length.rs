//! `length`.

use std::fmt;

use lockgate_sdk::prelude::*;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct LengthConfig {
    /// The fewest characters (Unicode scalar values).
    min_chars: Option<usize>,
    /// The most characters (Unicode scalar values).
    max_chars: Option<usize>,
    /// The fewest bytes of UTF-8.
    min_bytes: Option<usize>,
    /// The most bytes of UTF-8.
    max_bytes: Option<usize>,
}

/// Bounds, at least one of them, that some text can meet.
pub(crate) struct Bounds {
    chars: Range,
    bytes: Range,
}

struct Range {
    unit: &'static str,
    min: Option<usize>,
    max: Option<usize>,
}

impl Configure for Bounds {
    type Config = LengthConfig;

    fn configure(config: LengthConfig) -> Result<Self> {
        let LengthConfig {
            min_chars,
            max_chars,
            min_bytes,
            max_bytes,
        } = config;
        if [min_chars, max_chars, min_bytes, max_bytes]
            .iter()
            .all(Option::is_none)
        {
            return Err(Failure::invalid_input(
                "there is no bound: say min_chars, max_chars, min_bytes or max_bytes",
            )
            .at(""));
        }
        Ok(Self {
            chars: Range::new("chars", min_chars, max_chars)?,
            bytes: Range::new("bytes", min_bytes, max_bytes)?,
        })
    }
}

/// Accepts a text whose length is within bounds.
#[node(validator, pure, output(text = "The same text."))]
pub(crate) fn length(
    /// The text.
    text: String,
    bounds: Config<Bounds>,
) -> Result<String> {
    bounds.chars.check(text.chars().count())?;
    bounds.bytes.check(text.len())?;
    Ok(text)
}

impl Range {
    fn new(unit: &'static str, min: Option<usize>, max: Option<usize>) -> Result<Self> {
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            let message = format!("no text has at least {min} and at most {max} {unit}: swap them");
            return Err(Failure::invalid_input(message).at(&format!("/min_{unit}")));
        }
        Ok(Self { unit, min, max })
    }

    fn check(&self, length: usize) -> Result<()> {
        let fits =
            self.min.is_none_or(|min| length >= min) && self.max.is_none_or(|max| length <= max);
        if fits {
            return Ok(());
        }
        let unit = self.unit;
        let detail = json!({ "unit": unit, "length": length, "min": self.min, "max": self.max });
        Err(Failure::rejected(format!(
            "the text has {length} {unit}, and has to have {self}"
        ))
        .detail(&detail))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "from {min} to {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("any number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use lockgate_sdk::testing;
    use serde_json::json;

    fn call(config: serde_json::Value, text: &str) -> Result<(), String> {
        let outcome = testing::call(&crate::PLUGIN, "length")
            .config(config)
            .input("text", text)
            .run();
        if let Some(output) = outcome.output("text") {
            assert_eq!(output, &text.into());
        }
        outcome
            .result
            .map(|_| ())
            .map_err(|failure| failure.message)
    }

    #[test]
    fn characters_and_bytes_are_counted() {
        for (config, text, expected) in [
            (json!({ "min_chars": 2, "max_chars": 2 }), "春天", Ok(())),
            (json!({ "max_bytes": 6 }), "春天", Ok(())),
            (
                json!({ "max_bytes": 5 }),
                "春天",
                Err("the text has 6 bytes, and has to have at most 5"),
            ),
            (
                json!({ "min_chars": 1 }),
                "",
                Err("the text has 0 chars, and has to have at least 1"),
            ),
            (
                json!({ "min_chars": 1, "max_chars": 3 }),
                "four",
                Err("the text has 4 chars, and has to have from 1 to 3"),
            ),
        ] {
            assert_eq!(
                call(config.clone(), text),
                expected.map_err(str::to_owned),
                "{config}"
            );
        }
    }

    #[test]
    fn bounds_that_no_text_meets_are_refused() {
        let refused = |config| {
            let failure = testing::call(&crate::PLUGIN, "length")
                .config(config)
                .configure();
            failure.expect_err("no bounds").detail.expect("a place")
        };
        assert_eq!(refused(json!({})), r#"{"path":""}"#);
        assert_eq!(
            refused(json!({ "min_bytes": 2, "max_bytes": 1 })),
            r#"{"path":"/min_bytes"}"#
        );
    }
}
