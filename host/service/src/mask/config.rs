//! What is masked, as an operator says it, and why that cannot be.

use std::collections::BTreeMap;

/// The most patterns of an operator's own.
pub const MAX_PATTERNS: usize = 64;

/// The longest pattern of an operator's own, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1_024;

/// What is masked in everything that is kept of a run and shown of its course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskConfig {
    /// Keys, tokens and private keys of well-known shapes. On by default.
    pub keys: bool,
    /// Mobile numbers of mainland China, its fixed lines and numbers of services where they have separators, and international
    /// numbers that begin with `+`. On by default.
    pub phones: bool,
    /// Resident IDs of mainland China and payment cards, where their check digits are right. On by default.
    pub ids: bool,
    /// E-mail addresses. On by default.
    pub emails: bool,
    /// The operator's own: regular expressions by name; at most [`MAX_PATTERNS`], each of at most [`MAX_PATTERN_BYTES`].
    /// None by default.
    pub patterns: BTreeMap<String, String>,
}

impl MaskConfig {
    /// Nothing is masked.
    pub fn off() -> Self {
        Self {
            keys: false,
            phones: false,
            ids: false,
            emails: false,
            patterns: BTreeMap::new(),
        }
    }
}

impl Default for MaskConfig {
    fn default() -> Self {
        Self {
            keys: true,
            phones: true,
            ids: true,
            emails: true,
            ..Self::off()
        }
    }
}

/// Why an operator's patterns cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// There are more than there may be.
    #[error("there are {given} mask patterns, and {MAX_PATTERNS} is the most")]
    TooMany {
        /// How many there are.
        given: usize,
    },
    /// The name is none.
    #[error(
        "`{}` is no name for a mask pattern: small letters, digits and single hyphens, and none of keys, phones, ids, \
         emails and rest", name.escape_debug()
    )]
    BadName {
        /// The name, cut.
        name: String,
    },
    /// It is too long.
    #[error("the mask pattern `{name}` has {bytes} bytes, and {MAX_PATTERN_BYTES} is the most")]
    TooLong {
        /// Which.
        name: String,
        /// How long it is.
        bytes: usize,
    },
    /// It is no regular expression, or one that is too large.
    #[error("the mask pattern `{name}` is no regular expression that can be used: {reason}")]
    NotRegex {
        /// Which.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// It matches the empty text, which is everywhere.
    #[error("the mask pattern `{name}` matches the empty text: it would mask everything")]
    MatchesEmpty {
        /// Which.
        name: String,
    },
    /// It matches what stands for something masked.
    #[error(
        "the mask pattern `{name}` matches `{mark}`, which stands for what is masked: narrow it"
    )]
    MatchesMark {
        /// Which.
        name: String,
        /// What it matches.
        mark: String,
    },
}
