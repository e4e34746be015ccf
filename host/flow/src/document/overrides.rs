//! Settings from outside the document: `--set node.key=value`.

use std::fmt;
use std::str::FromStr;

use serde_json::Value as Json;

/// One setting that replaces, or adds, a key under a node's `with` before anything is checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The node's name in the flow.
    pub node: String,
    /// The key under its `with`.
    pub key: String,
    /// The value.
    pub value: Json,
}

/// Why a text is no setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no setting: write `node.key=value`, the value as JSON or as plain text",
    crate::excerpt::quoted(text)
)]
pub struct InvalidOverride {
    text: String,
}

impl FromStr for Override {
    type Err = InvalidOverride;

    /// Reads `node.key=value`. The value is JSON where it is a JSON document, and text otherwise.
    fn from_str(text: &str) -> Result<Self, InvalidOverride> {
        let invalid = || InvalidOverride {
            text: text.to_owned(),
        };
        let (path, value) = text.split_once('=').ok_or_else(invalid)?;
        let (node, key) = path.split_once('.').ok_or_else(invalid)?;
        if node.is_empty() || key.is_empty() {
            return Err(invalid());
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Json::String(value.to_owned()));
        Ok(Self {
            node: node.to_owned(),
            key: key.to_owned(),
            value,
        })
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}={}", self.node, self.key, self.value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_or_plain_text() {
        for (text, key, value) in [
            (
                "prompt.template=你好 {{ topic }}",
                "template",
                json!("你好 {{ topic }}"),
            ),
            ("prompt.n=5", "n", json!(5)),
            ("prompt.n=\"5\"", "n", json!("5")),
            ("prompt.list=[1,2]", "list", json!([1, 2])),
            ("prompt.empty=", "empty", json!("")),
            ("prompt.a=b=c", "a", json!("b=c")),
        ] {
            let expected = Override {
                node: "prompt".into(),
                key: key.into(),
                value,
            };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "prompt",
            "prompt=1",
            "prompt.=1",
            ".key=1",
            "=",
            "\u{1b}[31m",
        ] {
            let error = bad.parse::<Override>().expect_err(bad);
            assert!(!error.to_string().contains('\u{1b}'));
        }
    }
}
