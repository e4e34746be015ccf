//! What an aggregated datum can say, and over which period.

use serde::{Deserialize, Serialize};

/// How long an aggregated datum is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Period {
    /// 60 seconds.
    #[serde(rename = "60")]
    Minute,
    /// 300 seconds. Spans over 7 days are made of these.
    #[serde(rename = "300")]
    FiveMinutes,
}

/// What an aggregated datum can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are CMS's, and say it")]
pub enum Statistic {
    Average,
    Maximum,
    Minimum,
    Sum,
    LastValue,
    SampleCount,
    SumPerSecond,
    CountPerSecond,
    P10,
    P20,
    P30,
    P40,
    P50,
    P60,
    P70,
    P75,
    P80,
    P90,
    P95,
    P98,
    P99,
}

impl Period {
    /// How many seconds it is long.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::FiveMinutes => 300,
        }
    }
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Average,
        Self::Maximum,
        Self::Minimum,
        Self::Sum,
        Self::LastValue,
        Self::SampleCount,
        Self::SumPerSecond,
        Self::CountPerSecond,
        Self::P10,
        Self::P20,
        Self::P30,
        Self::P40,
        Self::P50,
        Self::P60,
        Self::P70,
        Self::P75,
        Self::P80,
        Self::P90,
        Self::P95,
        Self::P98,
        Self::P99,
    ];

    /// The one that CMS calls so.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// As CMS calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Maximum => "Maximum",
            Self::Minimum => "Minimum",
            Self::Sum => "Sum",
            Self::LastValue => "LastValue",
            Self::SampleCount => "SampleCount",
            Self::SumPerSecond => "SumPerSecond",
            Self::CountPerSecond => "CountPerSecond",
            Self::P10 => "P10",
            Self::P20 => "P20",
            Self::P30 => "P30",
            Self::P40 => "P40",
            Self::P50 => "P50",
            Self::P60 => "P60",
            Self::P70 => "P70",
            Self::P75 => "P75",
            Self::P80 => "P80",
            Self::P90 => "P90",
            Self::P95 => "P95",
            Self::P98 => "P98",
            Self::P99 => "P99",
        }
    }
}
