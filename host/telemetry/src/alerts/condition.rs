//! What a rule waits for, as a type; written out, it is the sentence that it was read from ([`grammar`](super::grammar)).

use std::fmt;
use std::time::Duration;

use lockgate_model::{Ident, Kebab};

use super::quantity::{Comparison, Quantity, Unit};
use crate::Outcome;

/// What a rule waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `3 runs in a row of flow poem over 5 s`: each run is looked at as it ends.
    InARow {
        /// How many.
        count: u32,
        /// Of which flow.
        of: Subject,
        /// What each of them is.
        test: RunTest,
    },
    /// `error rate of flow summarize over 5 % for 5 min`: the last minutes, taken together.
    Measured {
        /// What is measured.
        measure: Measure,
        /// Of what.
        of: Subject,
        /// Which side of the bound is bad.
        comparison: Comparison,
        /// The bound.
        bound: Quantity,
        /// How many of the last minutes.
        window: Window,
    },
    /// `queue depth over 1000 for 5 min`: at the end of each of the last minutes.
    Queue {
        /// What is measured.
        measure: QueueMeasure,
        /// Which side of the bound is bad.
        comparison: Comparison,
        /// The bound.
        bound: Quantity,
        /// How many of the last minutes.
        window: Window,
    },
    /// `tokens of the day over 80 % of the budget`: since midnight.
    TokensOfDay {
        /// Of which flow.
        of: Subject,
        /// A share of the rule's budget, or how many.
        bound: Quantity,
    },
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// All flows of the rule's project together.
    All,
    /// A flow; all of its versions where none is given.
    Flow(Kebab, Option<u32>),
    /// A node of a flow.
    Node(Kebab, Option<u32>, Ident),
}

/// What a run is that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunTest {
    /// It took so long.
    Time(Comparison, Quantity),
    /// It gave nothing, and nobody had asked for that.
    NotOk,
    /// It ended like this.
    Ended(Outcome),
}

/// What is measured of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// How long runs or calls took.
    Time(Statistic),
    /// Fuel of calls of a node.
    Fuel(Statistic),
    /// The share that gave nothing although nobody ended it.
    ErrorRate,
    /// The share that the sandbox ended.
    TrapRate,
    /// Attempts after the first, for each call of a node.
    RetryRate,
    /// How much there was of something.
    Sum(Summed),
}

/// One number for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The one that so many in a thousand do not exceed: 999 for P99.9.
    Percentile(u16),
    /// The mean.
    Average,
    /// The greatest.
    Maximum,
}

/// What is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Summed {
    Runs,
    Errors,
    Traps,
    Retries,
    Tokens,
    Fuel,
}

/// What is measured of the queue, which is the whole host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueMeasure {
    /// How many runs wait.
    Depth,
    /// For how long the oldest has waited.
    Age,
}

/// So many minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(u16);

impl Window {
    /// The longest: a day.
    pub const LONGEST: u16 = 24 * 60;

    /// The longest for percentiles, averages and maxima: each minute is kept as a histogram.
    pub const LONGEST_OF_HISTOGRAMS: u16 = 60;

    /// From a minute to a day.
    pub fn new(minutes: u64) -> Option<Self> {
        let minutes = u16::try_from(minutes).ok()?;
        (1..=Self::LONGEST)
            .contains(&minutes)
            .then_some(Self(minutes))
    }

    /// How many minutes.
    pub fn minutes(self) -> u16 {
        self.0
    }

    /// The same, as a time.
    pub fn time(self) -> Duration {
        Duration::from_secs(60 * u64::from(self.0))
    }
}

impl Condition {
    /// What is looked at; None where it is the queue.
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            Self::InARow { of, .. } | Self::Measured { of, .. } | Self::TokensOfDay { of, .. } => {
                Some(of)
            }
            Self::Queue { .. } => None,
        }
    }

    /// Which side of the bound is bad.
    pub fn comparison(&self) -> Comparison {
        match self {
            Self::Measured { comparison, .. }
            | Self::Queue { comparison, .. }
            | Self::InARow {
                test: RunTest::Time(comparison, _),
                ..
            } => *comparison,
            Self::InARow { .. } | Self::TokensOfDay { .. } => Comparison::Over,
        }
    }

    /// What values are held against. That of runs in a row that ended badly is their number.
    pub fn bound(&self) -> Quantity {
        match self {
            Self::Measured { bound, .. }
            | Self::Queue { bound, .. }
            | Self::TokensOfDay { bound, .. }
            | Self::InARow {
                test: RunTest::Time(_, bound),
                ..
            } => *bound,
            Self::InARow { count, .. } => Quantity {
                unit: Unit::Count,
                amount: (*count).into(),
            },
        }
    }

    /// The minutes that it looks back on. Runs in a row look back on runs, and a day on a day.
    pub fn window(&self) -> Window {
        match self {
            Self::Measured { window, .. } | Self::Queue { window, .. } => *window,
            Self::InARow { .. } => Window(1),
            Self::TokensOfDay { .. } => Window(Window::LONGEST),
        }
    }

    /// Whether it is about single runs.
    pub fn is_of_runs(&self) -> bool {
        matches!(self, Self::InARow { .. })
    }
}

impl Measure {
    /// What its values are of.
    pub fn unit(self) -> Unit {
        match self {
            Self::Time(_) => Unit::Time,
            Self::ErrorRate | Self::TrapRate | Self::RetryRate => Unit::Share,
            Self::Fuel(_) | Self::Sum(_) => Unit::Count,
        }
    }

    pub(super) fn is_histogram(self) -> bool {
        matches!(self, Self::Time(_) | Self::Fuel(_))
    }
}

impl Subject {
    /// The flow, if it is one or is in one.
    pub fn flow(&self) -> Option<&Kebab> {
        match self {
            Self::All => None,
            Self::Flow(flow, _) | Self::Node(flow, _, _) => Some(flow),
        }
    }

    /// The version of the flow, if only one is meant.
    pub fn version(&self) -> Option<u32> {
        match self {
            Self::All => None,
            Self::Flow(_, version) | Self::Node(_, version, _) => *version,
        }
    }

    /// The node, if it is one.
    pub fn node(&self) -> Option<&Ident> {
        match self {
            Self::Node(_, _, node) => Some(node),
            Self::All | Self::Flow(..) => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InARow { count, of, test } => write!(f, "{count} runs in a row of {of} {test}"),
            Self::Measured {
                measure,
                of,
                comparison,
                bound,
                window,
            } => {
                let is_node = of.node().is_some();
                let measure = Told(*measure, is_node);
                write!(f, "{measure} of {of} {comparison} {bound} for {window}")
            }
            Self::Queue {
                measure,
                comparison,
                bound,
                window,
            } => write!(f, "queue {measure} {comparison} {bound} for {window}"),
            Self::TokensOfDay { of, bound } => {
                f.write_str("tokens of the day")?;
                if *of != Subject::All {
                    write!(f, " of {of}")?;
                }
                write!(f, " over {bound}")?;
                match bound.unit {
                    Unit::Share => f.write_str(" of the budget"),
                    Unit::Count | Unit::Time => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |version: &Option<u32>| {
            version.map_or_else(String::new, |version| format!("@{version}"))
        };
        match self {
            Self::All => f.write_str("all flows"),
            Self::Flow(flow, number) => write!(f, "flow {flow}{}", version(number)),
            Self::Node(flow, number, node) => write!(f, "node {flow}{}/{node}", version(number)),
        }
    }
}

impl fmt::Display for RunTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(comparison, bound) => write!(f, "{comparison} {bound}"),
            Self::NotOk => f.write_str("not ok"),
            Self::Ended(outcome) => f.write_str(outcome.word()),
        }
    }
}

/// A measure, of a node or not.
struct Told(Measure, bool);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Measure::Time(statistic) => statistic.fmt(f),
            Measure::Fuel(statistic) => write!(f, "{statistic} fuel"),
            Measure::ErrorRate => f.write_str("error rate"),
            Measure::TrapRate => f.write_str("trap rate"),
            Measure::RetryRate => f.write_str("retry rate"),
            Measure::Sum(Summed::Runs) if self.1 => f.write_str("calls"),
            Measure::Sum(summed) => f.write_str(summed.word()),
        }
    }
}

impl Summed {
    pub(super) const ALL: [Self; 6] = [
        Self::Runs,
        Self::Errors,
        Self::Traps,
        Self::Retries,
        Self::Tokens,
        Self::Fuel,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Errors => "errors",
            Self::Traps => "traps",
            Self::Retries => "retries",
            Self::Tokens => "tokens",
            Self::Fuel => "fuel",
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(thousandths) if thousandths % 10 == 0 => {
                write!(f, "P{}", thousandths / 10)
            }
            Self::Percentile(thousandths) => {
                write!(f, "P{}.{}", thousandths / 10, thousandths % 10)
            }
            Self::Average => f.write_str("average"),
            Self::Maximum => f.write_str("maximum"),
        }
    }
}

impl fmt::Display for QueueMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "depth",
            Self::Age => "age",
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(60) {
            write!(f, "{} h", self.0 / 60)
        } else {
            write!(f, "{} min", self.0)
        }
    }
}
