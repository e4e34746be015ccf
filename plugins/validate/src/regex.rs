//! `regex`.

use ::regex::{Regex, RegexBuilder};
use lockgate_sdk::prelude::*;
use serde_json::json;

/// How large a compiled pattern, and what it caches, may be in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct RegexConfig {
    /// A regular expression in the syntax of Rust's regex crate: linear in time, without look-around and
    /// back-references. It is looked for anywhere in the text: `^` and `$` hold it to the ends.
    pattern: String,
    /// What a text has to do to be accepted.
    #[serde(default)]
    must: Must,
    /// What a text is told that is rejected, in place of words about the pattern: `write a date like 2026-01-31`.
    message: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Must {
    /// The pattern is found in it.
    #[default]
    Match,
    /// The pattern is not found in it.
    NotMatch,
}

/// A pattern that compiles.
pub(crate) struct Pattern {
    regex: Regex,
    must: Must,
    message: Option<String>,
}

impl Configure for Pattern {
    type Config = RegexConfig;

    fn configure(config: RegexConfig) -> Result<Self> {
        let RegexConfig {
            pattern,
            must,
            message,
        } = config;
        check_syntax(&pattern)?;
        let regex = RegexBuilder::new(&pattern)
            .size_limit(MAX_PATTERN_BYTES)
            .dfa_size_limit(MAX_PATTERN_BYTES)
            .build()
            .map_err(|_| {
                let message = format!(
                    "the pattern is too large: compiled it has more than {MAX_PATTERN_BYTES} bytes; repeat less in it"
                );
                Failure::invalid_input(message).at("/pattern")
            })?;
        Ok(Self {
            regex,
            must,
            message,
        })
    }
}

/// Accepts a text in which a pattern is found, or is not found.
#[node(validator, pure, output(text = "The same text."))]
pub(crate) fn regex(
    /// The text.
    text: String,
    pattern: Config<Pattern>,
) -> Result<String> {
    let found = pattern.regex.find(&text);
    let (reason, detail) = match (pattern.must, found) {
        (Must::Match, Some(_)) | (Must::NotMatch, None) => return Ok(text),
        (Must::Match, None) => (
            format!("the text does not match the pattern `{}`", pattern.regex),
            json!({ "pattern": pattern.regex.as_str() }),
        ),
        (Must::NotMatch, Some(found)) => {
            let start = 1 + text[..found.start()].chars().count();
            let reason = format!(
                "the text matches the pattern `{}`, which it must not, at character {start}",
                pattern.regex
            );
            (
                reason,
                json!({ "pattern": pattern.regex.as_str(), "character": start }),
            )
        }
    };
    Err(Failure::rejected(pattern.message.clone().unwrap_or(reason)).detail(&detail))
}

/// Says where a pattern does not parse, which the engine itself says in a drawing.
fn check_syntax(pattern: &str) -> Result<()> {
    use regex_syntax::Error;
    let (reason, span) = match regex_syntax::parse(pattern) {
        Ok(_) => return Ok(()),
        Err(Error::Parse(error)) => (error.kind().to_string(), *error.span()),
        Err(Error::Translate(error)) => (error.kind().to_string(), *error.span()),
        Err(other) => {
            return Err(
                Failure::invalid_input(format!("the pattern does not parse: {other}"))
                    .at("/pattern"),
            );
        }
    };
    let failure = Failure::invalid_input(format!("the pattern does not parse: {reason}"));
    Err(failure.at_line("/pattern", span.start.line, span.start.column))
}

#[cfg(test)]
mod tests {
    use lockgate_sdk::testing::{self, Call};
    use lockgate_sdk::{Failure, FailureKind};
    use serde_json::json;

    fn call(config: serde_json::Value) -> Call<'static> {
        testing::call(&crate::PLUGIN, "regex").config(config)
    }

    fn rejected(config: serde_json::Value, text: &str) -> Failure {
        let failure = call(config)
            .input("text", text)
            .run()
            .result
            .expect_err("against the pattern");
        assert_eq!(failure.kind, FailureKind::Rejected);
        failure
    }

    #[test]
    fn a_text_passes_or_hears_why_not() {
        let year = json!({ "pattern": r"^\d{4}$" });
        let outcome = call(year.clone()).input("text", "2026").run();
        assert_eq!(outcome.output("text"), Some(&"2026".into()));
        assert_eq!(
            rejected(year, "26").message,
            r"the text does not match the pattern `^\d{4}$`"
        );
    }

    #[test]
    fn a_pattern_may_be_forbidden() {
        let secret = json!({ "pattern": "sk-[a-z]+", "must": "not-match" });
        assert!(
            call(secret.clone())
                .input("text", "nothing")
                .run()
                .result
                .is_ok()
        );
        let failure = rejected(secret, "钥匙 sk-abc");
        assert!(
            failure
                .message
                .ends_with("which it must not, at character 4"),
            "{failure:?}"
        );
        assert!(
            !failure.message.contains("sk-abc"),
            "what was found may be a secret"
        );
    }

    #[test]
    fn the_author_may_say_it_better() {
        let config = json!({ "pattern": "^[0-9]+$", "message": "write digits only" });
        assert_eq!(rejected(config, "a").message, "write digits only");
    }

    #[test]
    fn a_pattern_that_does_not_compile_is_refused_where_it_is() {
        let refused = |pattern: &str| {
            call(json!({ "pattern": pattern }))
                .configure()
                .expect_err("no pattern")
        };
        for (pattern, line, column) in [
            ("ab(c", 1, 3),
            ("a{2,1}", 1, 2),
            ("春(?=x)", 1, 2),
            (r"\p{Nope}", 1, 1),
        ] {
            let place = json!({ "path": "/pattern", "line": line, "column": column }).to_string();
            let failure = refused(pattern);
            assert_eq!(failure.detail, Some(place), "{pattern}: {failure:?}");
        }
        let failure = refused("(a{1000}){1000}");
        assert!(
            failure.message.starts_with("the pattern is too large"),
            "{failure:?}"
        );
    }
}
