//! Which time statistics are about, and by how long rows it is read.

use lockgate_store::{Grain, MAX_ROLLUP_TIMES, Store};

use crate::ServiceError;

/// How many points a series over time has at most.
pub const MAX_POINTS: i64 = 100;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long the time is that statistics are about where nobody says otherwise.
const USUAL_MS: i64 = DAY_MS;

/// A time, in whole minutes, hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) grain: Grain,
    /// When it begins, in milliseconds since 1970: where a row does.
    pub(super) from: i64,
    /// Rows that begin before this are in it.
    pub(super) until: i64,
    /// How long a point is.
    pub(super) step: i64,
}

impl Span {
    /// The time between these moments: from where the row begins that has the first, to where the row ends that has the last,
    /// or to now.
    ///
    /// # Errors
    ///
    /// It ends before it begins.
    pub(super) fn of(
        store: &Store,
        now: i64,
        since: Option<i64>,
        until: Option<i64>,
    ) -> Result<Self, ServiceError> {
        let keeps = |grain| i64::try_from(store.keeps(grain).as_millis()).unwrap_or(i64::MAX);
        Self::choose(keeps, now, since, until)
    }

    fn choose(
        keeps: impl Fn(Grain) -> i64,
        now: i64,
        since: Option<i64>,
        until: Option<i64>,
    ) -> Result<Self, ServiceError> {
        // What is counted in the moment that asks is in it.
        let end = now.saturating_add(1);
        let until = until.map_or(end, |until| until.min(end));
        let since = since.unwrap_or(until.saturating_sub(USUAL_MS));
        if since >= until {
            let what = "`since` is not before `until`, which is now at the latest";
            return Err(ServiceError::InvalidRequest(what.into()));
        }
        let kept = |grain| now.saturating_sub(keeps(grain));
        let fits = |grain: &Grain| {
            let long = until.saturating_sub(since);
            match grain {
                Grain::Minute => long <= DAY_MS / 8 && since >= kept(Grain::Minute),
                Grain::Hour => long <= 8 * DAY_MS && since >= kept(Grain::Hour),
                Grain::Day => true,
            }
        };
        let grain = Grain::ALL.into_iter().find(fits).unwrap_or(Grain::Day);
        let read = until.saturating_sub((MAX_ROLLUP_TIMES - 1) * DAY_MS);
        let from = grain.floor(since.max(kept(Grain::Day)).max(read).min(until - 1));
        // Rows are whole: what begins before the end is in it, and the answer says until when that is.
        let last = grain.floor(until - 1);
        let until = last.saturating_add(grain.ms()).min(end);
        let rows = (last - from).div_euclid(grain.ms()) + 1;
        let step = grain.ms() * (rows + MAX_POINTS - 1).div_euclid(MAX_POINTS);
        Ok(Self {
            grain,
            from,
            until,
            step,
        })
    }

    /// When the point began that a row belongs to.
    pub(super) fn point(&self, at: i64) -> i64 {
        at - (at - self.from).rem_euclid(self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    /// Some day, half past three.
    const NOW: i64 = 20_000 * DAY_MS + 15 * HOUR + 30 * MINUTE + 5_000;

    fn span(since: Option<i64>, until: Option<i64>) -> Result<Span, ServiceError> {
        let keeps = |grain| match grain {
            Grain::Minute => 2 * DAY_MS,
            Grain::Hour => 60 * DAY_MS,
            Grain::Day => 730 * DAY_MS,
        };
        Span::choose(keeps, NOW, since, until)
    }

    #[test]
    fn rows_are_as_long_as_the_time_needs_and_as_they_are_kept() {
        let of = |since, until| {
            let span = span(Some(NOW - since), Some(NOW - until)).expect("a span");
            (span.grain, NOW - span.from, span.step)
        };
        let second = 5_000;
        assert_eq!(of(1, 0), (Grain::Minute, second, MINUTE));
        assert_eq!(
            of(2 * HOUR, 0),
            (Grain::Minute, 2 * HOUR + second, 2 * MINUTE)
        );
        let past = 30 * MINUTE + second;
        assert_eq!(of(DAY_MS, 0), (Grain::Hour, DAY_MS + past, HOUR));
        assert_eq!(
            of(8 * DAY_MS, 1),
            (Grain::Hour, 8 * DAY_MS + past, 2 * HOUR)
        );
        let past = 15 * HOUR + past;
        assert_eq!(of(9 * DAY_MS, 0), (Grain::Day, 9 * DAY_MS + past, DAY_MS));
        // An hour of last week is kept as an hour, one of last year as a day.
        let past = 30 * MINUTE + second;
        let week = 7 * DAY_MS;
        assert_eq!(
            of(week + HOUR, week),
            (Grain::Hour, week + HOUR + past, HOUR)
        );
        assert_eq!(of(365 * DAY_MS, 364 * DAY_MS).0, Grain::Day);
        // What is kept no longer is not looked for.
        let (grain, since, _) = of(100_000 * DAY_MS, 0);
        assert_eq!(grain, Grain::Day);
        assert!(since < 731 * DAY_MS);
    }

    #[test]
    fn it_is_told_until_when_rows_are_counted() {
        let until = |since: i64, until: i64| {
            let span = span(Some(since), Some(until)).expect("a span");
            (span.grain, span.until)
        };
        let midnight = 19_990 * DAY_MS;
        for (asked, told) in [
            (midnight, midnight),
            (midnight + 1, midnight + DAY_MS),
            (midnight + DAY_MS, midnight + DAY_MS),
        ] {
            assert_eq!(until(midnight - 20 * DAY_MS, asked), (Grain::Day, told));
        }
        let minute = NOW - 5_000;
        assert_eq!(
            until(minute - HOUR, minute - HOUR / 2 + 1),
            (Grain::Minute, minute - HOUR / 2 + MINUTE)
        );
        // But not what is yet to come.
        assert_eq!(until(NOW - HOUR, NOW), (Grain::Minute, NOW + 1));
        assert_eq!(until(NOW - 20 * DAY_MS, NOW - HOUR), (Grain::Day, NOW + 1));
    }

    #[test]
    fn points_are_a_hundred_at_most_and_begin_where_the_span_does() {
        for hours in 1..2_000 {
            let span = span(Some(NOW - hours * HOUR), None).expect("a span");
            let first = span.point(span.from);
            let last = span.point(span.grain.floor(span.until - 1));
            assert_eq!(first, span.from, "{hours}");
            let points = (last - first) / span.step + 1;
            assert!((1..=MAX_POINTS).contains(&points), "{hours}: {points}");
        }
    }

    #[test]
    fn a_time_that_ends_before_it_begins_is_refused() {
        for (since, until) in [
            (Some(NOW + HOUR), None),
            (Some(NOW - HOUR), Some(NOW - HOUR)),
            (Some(i64::MAX), Some(i64::MAX)),
            (Some(0), Some(i64::MIN)),
        ] {
            assert!(span(since, until).is_err(), "{since:?} {until:?}");
        }
        let all = span(Some(i64::MIN), Some(i64::MAX)).expect("all there is");
        assert_eq!(all.until, NOW + 1);
        assert_eq!(span(None, None).expect("a day").grain, Grain::Hour);
        // No more is promised than is read.
        let for_ever = Span::choose(|_| i64::MAX, NOW, Some(i64::MIN), None).expect("a span");
        let days = (for_ever.until - for_ever.from) / DAY_MS + 1;
        assert_eq!(days, MAX_ROLLUP_TIMES);
        // What ended before anything that is kept has no rows, and one day of it is looked for.
        let old = span(Some(1), Some(2)).expect("a span");
        assert_eq!((old.from, old.until), (0, DAY_MS));
    }
}
