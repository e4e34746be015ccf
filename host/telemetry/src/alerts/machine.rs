//! Whether a rule fires, and when somebody is told of it.
//!
//! ```text
//!         holds             held for long enough
//!  quiet ───────▶ pending ────────────────────────▶ firing ──▶ holds no more: quiet
//! ```
//!
//! Somebody is told when it begins to fire, again after each silence time as long as it is seen to go on, and once when it is
//! over. A rule that comes and goes is told of once in a silence time; what was not told is not told to be over either, and
//! is counted.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::quantity::Comparison;
use super::window::Reading;

/// How long a rule stays in force of which nothing more is seen.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// Where a rule stands. It is kept, so that nobody is told twice when a host starts again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    phase: Phase,
    /// When somebody was told last that it fires.
    told: Option<Moment>,
    /// When something was last known.
    known: Option<Moment>,
    /// Times that it began to fire since somebody was told, without anybody being told.
    muted: u32,
}

/// How far a rule is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum Phase {
    /// Its condition does not hold, as far as is known.
    #[default]
    Quiet,
    /// It holds, and not yet for long enough.
    Pending {
        /// From when on.
        since: Moment,
    },
    /// It fires.
    Firing {
        /// From when on its condition held.
        since: Moment,
        /// The value that was farthest beyond the bound.
        worst: f64,
        /// The last value.
        value: f64,
        /// Whether somebody knows.
        told: bool,
    },
}

/// What somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It began.
    Fired,
    /// It goes on.
    Again,
    /// It is over.
    Over,
    /// Nothing was seen of it for a day: it is taken to be over.
    Forgotten,
    /// Its rule was changed or taken out while it fired: nobody looks any more.
    Withdrawn,
}

/// A change, with what it was about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// What happened.
    pub change: Change,
    /// From when on the condition held.
    pub since: Moment,
    /// The value at that moment; where nothing is known, the last one.
    pub value: f64,
    /// The value that was farthest beyond the bound.
    pub worst: f64,
    /// Times that it began before without anybody being told.
    pub muted: u32,
}

/// How a rule is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) holds_for: Duration,
    pub(super) silence: Duration,
    pub(super) comparison: Comparison,
}

impl Machine {
    /// How far it is.
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes in what a rule's condition came to, in the order of time.
    pub(super) fn step(&mut self, at: Moment, reading: Reading, timing: Timing) -> Option<Told> {
        self.not_after(at);
        match reading {
            Reading::Unknown => self.unknown(at),
            Reading::Known { value, holds } => {
                self.known = Some(at);
                if holds {
                    self.holds(at, value, timing)
                } else {
                    self.over(Change::Over, Some(value))
                }
            }
        }
    }

    /// A clock that was set back leaves nothing in the future: else a rule would be silent until it has caught up.
    fn not_after(&mut self, at: Moment) {
        self.told = self.told.map(|told| told.min(at));
        if let Phase::Pending { since } | Phase::Firing { since, .. } = &mut self.phase {
            *since = at.min(*since);
        }
        self.known = self.known.map(|known| known.min(at));
    }

    fn holds(&mut self, at: Moment, value: f64, timing: Timing) -> Option<Told> {
        let (since, worst, was_told) = match self.phase {
            Phase::Firing {
                since, worst, told, ..
            } => (since, timing.comparison.worse(worst, value), told),
            Phase::Quiet | Phase::Pending { .. } => {
                let since = match self.phase {
                    Phase::Pending { since } => since,
                    _ => at,
                };
                if at.since(since) < timing.holds_for {
                    self.phase = Phase::Pending { since };
                    return None;
                }
                self.muted = self.muted.saturating_add(1);
                (since, value, false)
            }
        };
        let may_tell = self
            .told
            .is_none_or(|told| at.since(told) >= timing.silence);
        self.phase = Phase::Firing {
            since,
            worst,
            value,
            told: was_told || may_tell,
        };
        if !may_tell {
            return None;
        }
        self.told = Some(at);
        let muted = std::mem::take(&mut self.muted);
        Some(Told {
            change: if was_told {
                Change::Again
            } else {
                Change::Fired
            },
            since,
            value,
            worst,
            // The one that is told now is not among those before.
            muted: muted.saturating_sub(u32::from(!was_told)),
        })
    }

    fn unknown(&mut self, at: Moment) -> Option<Told> {
        let is_forgotten = self.known.is_none_or(|known| at.since(known) >= FORGOTTEN);
        match self.phase {
            Phase::Pending { .. } => {
                self.phase = Phase::Quiet;
                None
            }
            Phase::Firing { .. } if is_forgotten => self.over(Change::Forgotten, None),
            Phase::Quiet | Phase::Firing { .. } => None,
        }
    }

    fn over(&mut self, change: Change, value: Option<f64>) -> Option<Told> {
        match std::mem::take(&mut self.phase) {
            Phase::Firing {
                since,
                worst,
                value: last,
                told: true,
            } => Some(Told {
                change,
                since,
                value: value.unwrap_or(last),
                worst,
                muted: 0,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn timing(holds_for: u32, silence: u32) -> Timing {
        Timing {
            holds_for: holds_for * MINUTE,
            silence: silence * MINUTE,
            comparison: Comparison::Over,
        }
    }

    fn at(minute: u64) -> Moment {
        Moment::of_ms(1_800_000_000_000 + minute * 60_000)
    }

    /// What is told when minutes come to this: `x` holds, `.` does not, `?` is not known.
    fn told(minutes: &str, timing: Timing) -> Vec<(u64, Change)> {
        let mut machine = Machine::default();
        let mut all = Vec::new();
        for (minute, c) in (0..).zip(minutes.chars()) {
            let reading = match c {
                '?' => Reading::Unknown,
                c => Reading::Known {
                    value: minute as f64,
                    holds: c == 'x',
                },
            };
            let change = machine.step(at(minute), reading, timing);
            all.extend(change.map(|told| (minute, told.change)));
        }
        all
    }

    #[test]
    fn it_is_told_once_again_after_silence_and_when_it_is_over() {
        use Change::{Again, Fired, Over};
        let found = told("..xxxxxx..", timing(0, 4));
        assert_eq!(found, [(2, Fired), (6, Again), (8, Over)]);
    }

    #[test]
    fn it_has_to_hold_for_long_enough() {
        use Change::{Fired, Over};
        assert_eq!(told("xx.xx.", timing(3, 60)), []);
        assert_eq!(told("xx?xxx.", timing(3, 60)), []);
        let found = told("xxxx.", timing(3, 60));
        assert_eq!(found, [(3, Fired), (4, Over)]);
    }

    #[test]
    fn what_comes_and_goes_is_told_once_in_a_silence_time() {
        use Change::{Fired, Over};
        let found = told("x.x.x.x.x.x.x", timing(0, 10));
        assert_eq!(found, [(0, Fired), (1, Over), (10, Fired), (11, Over)]);
        // Muted at first; told as soon as that is allowed, if it still goes on.
        let found = told("x.xxxxxx.", timing(0, 5));
        assert_eq!(found, [(0, Fired), (1, Over), (5, Fired), (8, Over)]);
    }

    #[test]
    fn times_that_nobody_was_told_of_are_counted() {
        let mut machine = Machine::default();
        let mut last = None;
        for (minute, holds) in [
            (0, true),
            (1, false),
            (2, true),
            (3, false),
            (4, true),
            (5, false),
            (10, true),
        ] {
            let reading = Reading::Known { value: 1.0, holds };
            last = machine.step(at(minute), reading, timing(0, 10)).or(last);
        }
        assert_eq!(last.map(|told| told.muted), Some(2));
    }

    #[test]
    fn what_is_not_known_is_neither_fine_nor_told_again() {
        use Change::{Fired, Forgotten, Over};
        assert_eq!(told("x??????.", timing(0, 3)), [(0, Fired), (7, Over)]);
        let day = format!("x{}", "?".repeat(1500));
        assert_eq!(told(&day, timing(0, 3)), [(0, Fired), (1440, Forgotten)]);
    }

    #[test]
    fn the_worst_value_is_remembered() {
        let mut machine = Machine::default();
        for (minute, value, holds) in [(0, 5.0, true), (1, 9.0, true), (2, 7.0, true)] {
            machine.step(at(minute), Reading::Known { value, holds }, timing(0, 60));
        }
        let end = Reading::Known {
            value: 1.0,
            holds: false,
        };
        let told = machine.step(at(3), end, timing(0, 60)).expect("it is over");
        assert_eq!((told.worst, told.value, told.since), (9.0, 1.0, at(0)));
    }

    proptest! {
        /// Whatever happens: no two messages that it fires within a silence time, an end only after a beginning that was
        /// told, and the same messages if it is written down and read again at any minute.
        #[test]
        fn nobody_is_told_too_much(
            minutes in prop::collection::vec(prop::sample::select(vec!['x', '.', '?']), 1..200),
            holds_for in 0_u32..4, silence in 1_u32..20, restart in 0_usize..200,
        ) {
            let timing = timing(holds_for, silence);
            let text: String = minutes.iter().collect();
            let all = told(&text, timing);
            let mut last: Option<u64> = None;
            let mut open = false;
            for (minute, change) in &all {
                match change {
                    Change::Fired | Change::Again => {
                        prop_assert!(last.is_none_or(|last| minute - last >= u64::from(silence)));
                        prop_assert_eq!(open, *change == Change::Again);
                        (last, open) = (Some(*minute), true);
                    }
                    Change::Over | Change::Forgotten | Change::Withdrawn => {
                        prop_assert!(open);
                        open = false;
                    }
                }
            }
            let mut machine = Machine::default();
            let mut again = Vec::new();
            for (minute, c) in minutes.iter().enumerate() {
                if minute == restart {
                    let json = serde_json::to_string(&machine).expect("JSON");
                    machine = serde_json::from_str(&json).expect("a machine");
                }
                let minute = minute as u64;
                let reading = match c {
                    '?' => Reading::Unknown,
                    c => Reading::Known { value: minute as f64, holds: *c == 'x' },
                };
                let change = machine.step(at(minute), reading, timing);
                again.extend(change.map(|told| (minute, told.change)));
            }
            prop_assert_eq!(again, all);
        }
    }
}
