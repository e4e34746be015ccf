//! Names and values as CMS keeps them. What it would change is changed here, so that two names never become one.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The longest metric name, in bytes, and the longest key or value of a dimension, in characters, which are all ASCII.
pub const MAX_TEXT: usize = 64;

/// How many hexadecimal digits of a SHA-256 tell names apart whose other characters became the same.
const DIGEST_CHARS: usize = 16;

/// The name of a metric: `[A-Za-z][A-Za-z0-9_]*`, at most 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricName(String);

impl MetricName {
    /// A name that CMS keeps as it is.
    ///
    /// # Errors
    ///
    /// CMS would change it, or refuse it.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if is_metric_name(&name) {
            Ok(Self(name))
        } else {
            Err(NameError::of("a metric's name", &name))
        }
    }

    /// Any name. One that CMS keeps stays what it is; in another, what CMS does not keep becomes `_`, and `_` and 16 hexadecimal digits
    /// of its SHA-256 are appended. A name that already ends like that gets digits of its own: so no two names become one.
    ///
    /// ```
    /// use lockgate_cms::MetricName;
    ///
    /// assert_eq!(MetricName::mangled("custom_node_duration").as_str(), "custom_node_duration");
    /// assert_eq!(MetricName::mangled("custom/node").as_str(), "custom_node_5cac9a68c0240e62");
    /// ```
    pub fn mangled(name: &str) -> Self {
        if is_metric_name(name) && !ends_with_digest(name) {
            return Self(name.to_owned());
        }
        let begins = name.starts_with(|first: char| first.is_ascii_alphabetic());
        let prefix = if begins { "" } else { "m_" };
        Self(mangle(name, prefix, is_metric_char))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Any text as a key or value of a dimension. One that CMS keeps (1 to 64 of ``A-Za-z0-9._-/\``) stays what it is; in another, what
/// CMS does not keep becomes `_`, and `_` and 16 hexadecimal digits of its SHA-256 are appended. A text that already ends like that
/// gets digits of its own: so no two texts become one.
///
/// ```
/// use lockgate_cms::mangled_text;
///
/// assert_eq!(mangled_text("cn-hangzhou/host.1"), "cn-hangzhou/host.1");
/// assert_eq!(mangled_text("春天"), "___9eaa6d08fa0ccc5c");
/// ```
pub fn mangled_text(text: &str) -> String {
    if is_text(text) && !ends_with_digest(text) {
        return text.to_owned();
    }
    mangle(text, "", is_text_char)
}

pub(crate) fn is_metric_name(name: &str) -> bool {
    name.len() <= MAX_TEXT
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(is_metric_char)
}

pub(crate) fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT).contains(&text.len()) && text.chars().all(is_text_char)
}

fn is_metric_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

fn is_text_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "._-/\\".contains(char)
}

fn mangle(text: &str, prefix: &str, keeps: fn(char) -> bool) -> String {
    let room = MAX_TEXT - DIGEST_CHARS - 1 - prefix.len();
    let kept = |char| if keeps(char) { char } else { '_' };
    let mut mangled = prefix.to_owned();
    mangled.extend(text.chars().take(room).map(kept));
    mangled.push('_');
    let digest = Sha256::digest(text.as_bytes());
    for byte in &digest[..DIGEST_CHARS / 2] {
        mangled.push_str(&format!("{byte:02x}"));
    }
    mangled
}

fn ends_with_digest(text: &str) -> bool {
    let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let tail = text.as_bytes().last_chunk::<{ DIGEST_CHARS + 1 }>();
    tail.is_some_and(|tail| tail[0] == b'_' && tail[1..].iter().all(digit))
}

/// CMS would change this text, or refuse it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be {what}: CMS would change it")]
pub struct NameError {
    what: &'static str,
    text: String,
}

impl NameError {
    /// What it says is bounded, whatever came.
    pub(crate) fn of(what: &'static str, text: &str) -> Self {
        let text = text.chars().take(2 * MAX_TEXT).collect();
        Self { what, text }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_cms_keeps_is_a_metric_name() {
        for good in ["a", "Z9_", &"a".repeat(64)] {
            assert!(MetricName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "9", "_a", "a-b", "a.b", "é", &"a".repeat(65)] {
            assert!(MetricName::new(bad).is_err(), "{bad}");
        }
        let long = MetricName::new("é".repeat(1_000_000)).expect_err("too long");
        assert!(long.to_string().len() < 1_000);
    }

    #[test]
    fn a_mangled_name_that_comes_again_is_another_one() {
        let once = MetricName::mangled("a/b");
        let twice = MetricName::mangled(once.as_str());
        assert_ne!(once, twice);
        let once = mangled_text("a=b");
        assert_ne!(once, mangled_text(&once));
    }

    /// Texts that are likely to meet: few characters, those that are kept and those that are not, long ones with one beginning, and
    /// what mangling made of others.
    fn texts() -> impl Strategy<Value = Vec<String>> {
        let text = prop_oneof![
            "[ab_=&,/\\\\春]{0,4}",
            "[a_]{62,66}",
            ".{0,80}",
            "[a=]{1,3}".prop_map(|text| mangled_text(&text)),
            "[a=]{1,3}".prop_map(|text| MetricName::mangled(&text).0),
        ];
        proptest::collection::vec(text, 1..200)
    }

    proptest! {
        #[test]
        fn no_two_texts_become_one(texts in texts()) {
            let mut values = HashMap::new();
            let mut names = HashMap::new();
            for text in &texts {
                let value = mangled_text(text);
                prop_assert!(is_text(&value), "{value}");
                prop_assert!(value == *text || !is_text(text) || ends_with_digest(text));
                prop_assert_eq!(values.entry(value).or_insert(text), &text);
                let name = MetricName::mangled(text).0;
                prop_assert!(is_metric_name(&name), "{name}");
                prop_assert!(name == *text || !is_metric_name(text) || ends_with_digest(text));
                prop_assert_eq!(names.entry(name).or_insert(text), &text);
            }
        }
    }
}
