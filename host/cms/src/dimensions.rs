//! The dimensions of a datum: what tells series of one metric apart.

use std::collections::BTreeMap;

use crate::name::is_text;
use crate::{DatumError, NameError, mangled_text};

/// How many dimensions a datum has at most.
pub const MAX_DIMENSIONS: usize = 10;

/// At most 10 pairs of texts that CMS keeps, in the order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dimensions(BTreeMap<String, String>);

impl Dimensions {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    ///
    /// # Errors
    ///
    /// CMS would change the key or the value; there is one of this key; there are [`MAX_DIMENSIONS`].
    pub fn with(
        mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, DatumError> {
        let (key, value) = (key.into(), value.into());
        for (what, text) in [("a dimension's key", &key), ("a dimension's value", &value)] {
            if !is_text(text) {
                return Err(NameError::of(what, text).into());
            }
        }
        if self.0.contains_key(&key) {
            return Err(DatumError::DimensionTwice(key));
        }
        if self.0.len() == MAX_DIMENSIONS {
            return Err(DatumError::TooManyDimensions);
        }
        self.0.insert(key, value);
        Ok(self)
    }

    /// Adds one of any two texts: see [`mangled_text`].
    ///
    /// # Errors
    ///
    /// There is one of this key; there are [`MAX_DIMENSIONS`].
    pub fn with_mangled(self, key: &str, value: &str) -> Result<Self, DatumError> {
        self.with(mangled_text(key), mangled_text(value))
    }

    /// The pairs, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// As a datum has them.
    pub(crate) fn json(&self) -> String {
        serde_json::json!(self.0).to_string()
    }

    /// As a rule names them: `k1=v1&k2=v2`. Neither `=` nor `&` is in a key or a value.
    pub(crate) fn joined(&self) -> String {
        let pairs: Vec<_> = self
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.join("&")
    }
}
