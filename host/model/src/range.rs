//! Ranges of versions, as a flow writes them behind a node's name.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use semver::{Version, VersionReq};

/// The longest range, in bytes.
const MAX_RANGE_BYTES: usize = 64;

/// Which versions of a plugin a flow takes, in cargo's notation: `1.2` is `^1.2`, which is every 1.x from 1.2.0 on;
/// `~1.2.3`, `=1.2.3` and `>=1.2, <1.5` say more. A version before its release, such as `1.3.0-rc.1`, is in a range only
/// where the range names one of the same release.
///
/// It is displayed as it was written, and two ranges are equal if they were written alike.
#[derive(Debug, Clone)]
pub struct VersionRange(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    text: Box<str>,
    versions: VersionReq,
}

/// Why a text is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no range of versions: {reason}", text.escape_debug())]
pub struct InvalidRange {
    /// What was given, cut to a length that fits in a message.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl VersionRange {
    /// The range as it was written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether `version` is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.0.versions.matches(version)
    }
}

impl FromStr for VersionRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let invalid = |reason: String| InvalidRange {
            text: text.chars().take(MAX_RANGE_BYTES + 1).collect(),
            reason,
        };
        if text.len() > MAX_RANGE_BYTES {
            return Err(invalid(format!("it has at most {MAX_RANGE_BYTES} bytes")));
        }
        if text.trim().is_empty() {
            return Err(invalid("it is empty".to_owned()));
        }
        let versions = VersionReq::parse(text).map_err(|error| invalid(error.to_string()))?;
        Ok(Self(Arc::new(Parsed {
            text: text.into(),
            versions,
        })))
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq for VersionRange {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for VersionRange {}

impl Hash for VersionRange {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for VersionRange {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VersionRange {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cargos() {
        for (range, inside, outside) in [
            ("1.2", ["1.2.0", "1.9.7"], ["1.1.9", "2.0.0"]),
            ("^1.2", ["1.2.0", "1.9.7"], ["1.1.9", "2.0.0"]),
            ("0.3", ["0.3.0", "0.3.9"], ["0.4.0", "1.0.0"]),
            ("1", ["1.0.0", "1.99.0"], ["0.9.0", "2.0.0"]),
            ("~1.2.3", ["1.2.3", "1.2.9"], ["1.2.2", "1.3.0"]),
            ("=1.2.3", ["1.2.3", "1.2.3"], ["1.2.4", "1.2.2"]),
            (">=1.2, <1.5", ["1.2.0", "1.4.9"], ["1.5.0", "1.1.0"]),
            ("1.*", ["1.0.0", "1.7.0"], ["2.0.0", "1.3.0-rc.1"]),
            (
                "1.3.0-rc.1",
                ["1.3.0-rc.2", "1.4.0"],
                ["1.4.0-rc.1", "1.2.0"],
            ),
        ] {
            let parsed: VersionRange = range.parse().expect(range);
            assert_eq!(parsed.to_string(), range);
            let contains = |version: &str| parsed.contains(&version.parse().expect(version));
            assert!(inside.into_iter().all(contains), "{range}");
            assert!(!outside.into_iter().any(contains), "{range}");
        }
    }

    #[test]
    fn what_is_no_range_says_why_in_a_line() {
        for bad in [
            "",
            "  ",
            "latest",
            "v1.2",
            "1.2.3.4",
            "01.2",
            "^",
            "1.2 || 1.4",
            "99999999999999999999",
            "\u{1b}[31m\u{202e}",
            &">=1,".repeat(10_000),
        ] {
            let message = bad.parse::<VersionRange>().expect_err(bad).to_string();
            assert!(message.len() < 300, "{message}");
            assert!(!message.contains(['\u{1b}', '\n']), "{message}");
        }
    }
}
