//! A moment as answers have it. What the store counts in milliseconds, people read as RFC 3339.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A moment, in milliseconds since 1970. As JSON: RFC 3339, in UTC, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = "date-time")]
pub struct Moment(pub i64);

impl Moment {
    /// A moment that a clock told. Moments before 1970 are 1970.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// As the standard library has it. Moments before 1970 are 1970, and those after 9999 are the end of it, which is
    /// what RFC 3339 can say.
    pub fn time(self) -> SystemTime {
        const END_OF_9999_MS: i64 = 253_402_300_799_999;
        let ms = self.0.clamp(0, END_OF_9999_MS).unsigned_abs();
        UNIX_EPOCH + Duration::from_millis(ms)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(self.time()).fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_rfc_3339() {
        for (ms, told) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1970-01-01T00:00:00.000Z"),
            (1_763_730_000_123, "2025-11-21T13:00:00.123Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Moment(ms).to_string(), told);
        }
    }
}
