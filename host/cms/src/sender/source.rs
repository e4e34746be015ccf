//! Data that are made when there is room for them.

use std::fmt;

use crate::Datum;

/// Gives data one after another. What it has not given yet takes no room here.
pub(super) struct Source(Box<dyn Iterator<Item = Datum> + Send>);

impl Source {
    pub(super) fn new(data: impl Iterator<Item = Datum> + Send + 'static) -> Self {
        Self(Box::new(data))
    }
}

impl Iterator for Source {
    type Item = Datum;

    fn next(&mut self) -> Option<Datum> {
        self.0.next()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(…)")
    }
}
