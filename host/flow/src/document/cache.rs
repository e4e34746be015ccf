//! What a flow says about reusing a node's outputs.

use std::time::Duration;

use super::quantity;
use crate::fault::{Code, Findings};
use crate::read::Entry;

/// How long outputs can be kept for reuse.
const CACHED: (Duration, Duration) = (
    Duration::from_secs(1),
    Duration::from_secs(30 * 24 * 60 * 60),
);

/// What a flow says about reusing a node's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheRule {
    /// They are reused for so long.
    For(Duration),
    /// They are not reused, even if the node is pure.
    Off,
}

/// Reads a `cache`.
pub(super) fn read(entry: &Entry, findings: &mut Findings) -> Option<CacheRule> {
    let scalar = entry.value.as_scalar();
    if scalar.is_some_and(|scalar| &*scalar.text == "off" || scalar.value == Ok(false.into())) {
        return Some(CacheRule::Off);
    }
    let (least, most) = CACHED;
    let time = quantity::duration(entry, CACHED);
    if time.is_none() {
        let message = format!(
            "`cache` is `off` or a time from {} to {}, and this is neither",
            quantity::written(least),
            quantity::written(most)
        );
        findings
            .add(Code::BadQuantity, &entry.value.span, message)
            .help("it says how long outputs are reused: `cache: 10m`, `cache: 7d`");
    }
    time.map(CacheRule::For)
}
