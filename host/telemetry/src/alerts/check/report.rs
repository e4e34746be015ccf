//! What came out: a report, and how it is shown.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::machine::Change;
use super::super::moment::Moment;
use super::super::replay::MOST_RUNS;

/// What rules would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The beginning of what was looked at.
    pub from: Moment,
    /// Its end.
    pub to: Moment,
    /// By rule, in their order.
    pub rules: Vec<Finding>,
}

/// What one rule would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name.
    pub rule: String,
    /// Its condition.
    pub condition: String,
    /// From when on it was looked at: later than was asked for where what was before is not kept.
    pub from: Moment,
    /// When it would have fired.
    pub firings: Vec<Firing>,
    /// How many times more it would have fired, after these.
    pub more: u64,
    /// Whether there were more runs in a day than are looked at, so that firings may be missing.
    pub cut: bool,
}

/// A time in which a rule fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Firing {
    /// From when on its condition held.
    pub since: Moment,
    /// When it began to fire: after it held for long enough.
    pub fired: Moment,
    /// When it was over; None where it goes on.
    pub until: Option<Moment>,
    /// The value that was farthest beyond the bound.
    pub worst: f64,
    /// The same, for people.
    pub worst_told: String,
    /// What would have been told. Nothing, where it was within the silence time.
    pub messages: Vec<Message>,
    /// How many times more, after these.
    pub more_messages: u64,
}

/// Something that would have been told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// When.
    pub at: Moment,
    /// What.
    pub change: Change,
    /// The value, for people.
    pub value: String,
    /// The last runs behind it, the newest first.
    pub runs: Vec<Uuid>,
}

/// A timeline: a paragraph for each rule, a line for each time that it would have fired.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from {} to {}", self.from, self.to)?;
        for finding in &self.rules {
            finding.show(f, self.from)?;
        }
        Ok(())
    }
}

impl Finding {
    fn show(&self, f: &mut fmt::Formatter<'_>, asked: Moment) -> fmt::Result {
        writeln!(f, "\n{}: {}", self.rule, self.condition)?;
        if self.from > asked {
            writeln!(
                f,
                "  looked at from {}: what was before is not kept",
                self.from
            )?;
        }
        if self.cut {
            writeln!(
                f,
                "  of days with more than {MOST_RUNS} runs, only the last were looked at"
            )?;
        }
        if self.firings.is_empty() {
            writeln!(f, "  would not have fired")?;
        }
        for firing in &self.firings {
            write!(f, "{firing}")?;
        }
        if self.more > 0 {
            writeln!(f, "  and {} times more", self.more)?;
        }
        Ok(())
    }
}

impl fmt::Display for Firing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.fired)?;
        match self.until {
            Some(until) => {
                let took = std::time::Duration::from_secs(until.since(self.fired).as_secs());
                write!(f, "  for {}", humantime::format_duration(took))?;
            }
            None => write!(f, "  goes on")?,
        }
        write!(f, ", worst {}; ", self.worst_told)?;
        match self.messages.as_slice() {
            [] => write!(f, "not told: within the silence time")?,
            messages => {
                let words = messages.iter().map(|message| match message.change {
                    Change::Fired => format!("told at {} ({})", message.at, message.value),
                    Change::Again => format!("again at {}", message.at),
                    Change::Over => "told to be over".to_owned(),
                    Change::Forgotten => "taken to be over".to_owned(),
                    Change::Withdrawn => "looked at no more".to_owned(),
                });
                let words: Vec<_> = words.collect();
                write!(f, "{}", words.join(", "))?;
                if self.more_messages > 0 {
                    write!(f, ", and {} times more", self.more_messages)?;
                }
            }
        }
        writeln!(f)?;
        let named = self.messages.iter().map(|message| &message.runs);
        let named = named.into_iter().find(|runs| !runs.is_empty());
        for run in named.into_iter().flatten() {
            writeln!(f, "    run {run}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::moment::Minute;
    use super::*;

    fn at(minute: u64) -> Moment {
        Minute(30_000_000 + minute).start()
    }

    fn message(minute: u64, change: Change) -> Message {
        Message {
            at: at(minute),
            change,
            value: "6.2 s".to_owned(),
            runs: vec![Uuid::from_u128(7)],
        }
    }

    #[test]
    fn a_report_is_a_timeline() {
        let firing = Firing {
            since: at(1),
            fired: at(2),
            until: Some(at(7)),
            worst: 7.5,
            worst_told: "7.5 s".to_owned(),
            more_messages: 0,
            messages: vec![
                message(2, Change::Fired),
                message(5, Change::Again),
                message(7, Change::Over),
            ],
        };
        let muted = Firing {
            until: None,
            fired: at(9),
            messages: Vec::new(),
            ..firing.clone()
        };
        let often = Firing {
            more_messages: 9,
            ..firing.clone()
        };
        let finding = |rule: &str, firings| Finding {
            rule: rule.to_owned(),
            condition: "P99 of flow poem over 5 s for 5 min".to_owned(),
            from: at(0),
            firings,
            more: 0,
            cut: false,
        };
        let report = Report {
            from: at(0),
            to: at(10),
            rules: vec![
                Finding {
                    more: 40,
                    ..finding("slow", vec![firing.clone(), muted])
                },
                Finding {
                    from: at(5),
                    ..finding("never", Vec::new())
                },
                finding("often", vec![often]),
            ],
        };
        assert_eq!(
            report.to_string(),
            "from 2027-01-15T08:00:00Z to 2027-01-15T08:10:00Z

slow: P99 of flow poem over 5 s for 5 min
  2027-01-15T08:02:00Z  for 5m, worst 7.5 s; told at 2027-01-15T08:02:00Z (6.2 s), again at 2027-01-15T08:05:00Z, told to be over
    run 00000000-0000-0000-0000-000000000007
  2027-01-15T08:09:00Z  goes on, worst 7.5 s; not told: within the silence time
  and 40 times more

never: P99 of flow poem over 5 s for 5 min
  looked at from 2027-01-15T08:05:00Z: what was before is not kept
  would not have fired

often: P99 of flow poem over 5 s for 5 min
  2027-01-15T08:02:00Z  for 5m, worst 7.5 s; told at 2027-01-15T08:02:00Z (6.2 s), again at 2027-01-15T08:05:00Z, told to be over, and 9 times more
    run 00000000-0000-0000-0000-000000000007
"
        );
    }
}
