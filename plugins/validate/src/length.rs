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

/// Accepts a text whose length is within bounds. It passes the text on as it comes, and rejects it as soon as it is too
/// long, so whoever makes the text stops in the middle.
#[node(validator, pure)]
pub(crate) fn length(
    /// The text.
    text: Parts<String>,
    bounds: Config<Bounds>,
    /// The same text.
    #[port(text)]
    mut passed: Emit<String>,
) -> Result<()> {
    let (mut chars, mut bytes) = (0, 0);
    let mut is_read = passed.send(String::new())?; // a text of no parts is a text too
    for part in text {
        let part = part?;
        chars += part.chars().count();
        bytes += part.len();
        bounds.chars.check_most(chars)?;
        bounds.bytes.check_most(bytes)?;
        // Whether anybody reads it or not, it is accepted or rejected.
        is_read = is_read && passed.send(part)?;
    }
    bounds.chars.check(chars)?;
    bounds.bytes.check(bytes)
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

    /// Checks a text that is not complete: it can be too long already.
    fn check_most(&self, length: usize) -> Result<()> {
        match self.max {
            Some(max) if length > max => Err(self.rejected(length)),
            _ => Ok(()),
        }
    }

    /// Checks a complete text.
    fn check(&self, length: usize) -> Result<()> {
        self.check_most(length)?;
        match self.min {
            Some(min) if length < min => Err(self.rejected(length)),
            _ => Ok(()),
        }
    }

    fn rejected(&self, length: usize) -> Failure {
        let unit = self.unit;
        let detail = json!({ "unit": unit, "length": length, "min": self.min, "max": self.max });
        Failure::rejected(format!(
            "the text has {length} {unit}, and has to have {self}"
        ))
        .detail(&detail)
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
            .parts("text", [text])
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
    fn a_text_that_comes_in_parts_is_rejected_in_the_middle() {
        let outcome = testing::call(&crate::PLUGIN, "length")
            .config(json!({ "max_chars": 3 }))
            .parts("text", ["春", "天", "来了", "吗"])
            .run();
        assert_eq!(
            outcome.parts("text").len(),
            3,
            "an empty one, and two that fit"
        );
        let failure = outcome.result.expect_err("too long");
        assert_eq!(
            failure.message,
            "the text has 4 chars, and has to have at most 3"
        );
    }

    #[test]
    fn a_text_that_nobody_reads_is_checked_all_the_same() {
        let call = |parts: [&str; 3]| {
            let call = testing::call(&crate::PLUGIN, "length").config(json!({ "max_bytes": 3 }));
            let call = call.parts("text", parts).reader_leaves("text", 1);
            call.run().result.map(|_| ())
        };
        assert_eq!(call(["a", "b", "c"]), Ok(()));
        assert!(call(["a", "b", "cd"]).is_err());
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
