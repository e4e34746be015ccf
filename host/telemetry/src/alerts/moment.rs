//! Moments and minutes. Alerts read no clock: time is that of what was counted, so that the past comes out as it did live.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The last millisecond that RFC 3339 can say.
const END_OF_9999_MS: u64 = 253_402_300_799_999;

const MINUTE_MS: u64 = 60_000;

/// A moment in milliseconds since 1970. As text and in JSON: RFC 3339, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

/// A minute of the clock, by its number since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Minute(pub u64);

impl Moment {
    /// Of milliseconds since 1970. Those after the year 9999 are the end of it.
    pub fn of_ms(ms: u64) -> Self {
        Self(ms.min(END_OF_9999_MS))
    }

    /// Of what a clock told. What is before 1970 is 1970.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Milliseconds since 1970.
    pub fn ms(self) -> u64 {
        self.0
    }

    /// As the standard library has it.
    pub fn time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0)
    }

    /// The minute that it is in.
    pub fn minute(self) -> Minute {
        Minute(self.0 / MINUTE_MS)
    }

    /// How long it is since another; nothing if that is later.
    pub fn since(self, other: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(other.0))
    }

    /// So much earlier.
    pub fn before(self, by: Duration) -> Self {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(ms))
    }
}

impl Minute {
    /// Its first moment.
    pub fn start(self) -> Moment {
        Moment::of_ms(self.0.saturating_mul(MINUTE_MS))
    }

    /// The first moment after it.
    pub fn end(self) -> Moment {
        self.next().start()
    }

    /// The one after it.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// So many minutes earlier.
    pub fn before(self, minutes: u64) -> Self {
        Self(self.0.saturating_sub(minutes))
    }

    /// The day that it is in, by its number, where clocks differ from UTC by so many minutes.
    pub(super) fn day(self, offset_minutes: i32) -> i64 {
        let minutes = i64::try_from(self.0).unwrap_or(i64::MAX);
        minutes
            .saturating_add(i64::from(offset_minutes))
            .div_euclid(24 * 60)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            humantime::format_rfc3339_seconds(self.time()).fmt(f)
        } else {
            humantime::format_rfc3339_millis(self.time()).fmt(f)
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_rfc3339(&text).map_err(D::Error::custom)?;
        Ok(Self::of(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_and_read_as_rfc_3339() {
        for (ms, told) in [
            (0, "\"1970-01-01T00:00:00Z\""),
            (1_763_730_000_123, "\"2025-11-21T13:00:00.123Z\""),
            (u64::MAX, "\"9999-12-31T23:59:59.999Z\""),
        ] {
            let moment = Moment::of_ms(ms);
            let json = serde_json::to_string(&moment).expect("JSON");
            assert_eq!(json, told);
            let read: Moment = serde_json::from_str(&json).expect("a moment");
            assert_eq!(read, moment);
        }
    }

    #[test]
    fn days_begin_where_people_are() {
        let seven_utc = Minute(7 * 60);
        assert_eq!(seven_utc.day(0), 0);
        assert_eq!(Minute(16 * 60).day(8 * 60), 1);
        assert_eq!(Minute(16 * 60 - 1).day(8 * 60), 0);
        assert_eq!(seven_utc.day(-8 * 60), -1);
    }
}
