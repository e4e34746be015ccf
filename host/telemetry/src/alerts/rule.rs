//! A rule: a condition, and what is done when it holds.

use std::time::Duration;

use lockgate_model::Kebab;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, Subject};
use super::quantity::Unit;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it is called. No two rules have the same name.
    pub name: Kebab,
    /// Whose flows it is about.
    pub project: Kebab,
    /// What it waits for.
    pub when: Condition,
    /// For how long that has to be so, minute after minute, before anybody is told.
    pub holds_for: Duration,
    /// How many runs or calls a share or a statistic has to be of, so that it says something.
    pub at_least: u64,
    /// Tokens that a day may cost, where the condition speaks of a budget.
    pub budget: Option<u64>,
    /// How bad it is.
    pub severity: Severity,
    /// Who is told: names of receivers.
    pub tell: Vec<Kebab>,
    /// How long nobody is told again.
    pub silence: Duration,
}

/// How bad it is that a rule fires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody may want to know.
    Info,
    /// Somebody should look.
    #[default]
    Warning,
    /// Somebody has to look now.
    Critical,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Rule {
    /// What values are held against: the bound, or as many tokens as its share of the budget is.
    pub fn bound(&self) -> f64 {
        let bound = self.when.bound();
        match (&self.when, bound.unit) {
            (Condition::TokensOfDay { .. }, Unit::Share) => {
                // A condition that speaks of a budget is of a rule that has one: reading rules sees to it.
                bound.number() * self.budget.unwrap_or(u64::MAX) as f64
            }
            _ => bound.number(),
        }
    }

    /// What its values are of.
    pub fn unit(&self) -> Unit {
        match self.when {
            Condition::TokensOfDay { .. } => Unit::Count,
            _ => self.when.bound().unit,
        }
    }

    /// What stands for it in a file of states: a rule that waits for something else is another rule.
    pub(super) fn fingerprint(&self) -> String {
        let budget = self.budget.unwrap_or_default();
        format!("{} {} {budget}", self.project, self.when)
    }

    /// What is looked at; None where it is the queue.
    pub(super) fn series(&self) -> Option<super::past::Series> {
        let subject: Subject = self.when.subject()?.clone();
        Some(super::past::Series {
            project: self.project.clone(),
            subject,
        })
    }
}
