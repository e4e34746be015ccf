//! Whether one version of a flow is faster than another.

use lockgate_model::Kebab;
use lockgate_store::Grain;
use lockgate_telemetry::{ErrorVerdict, Interval, MIN_COMPARED, NodeCounts, Verdict, compare};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{Tally, Used};
use super::{Stats, Window};
use crate::{Caller, Moment, Scope, ServiceError};

/// Which two are compared.
#[derive(Debug, Clone)]
pub struct CompareAsk {
    /// The first: a flow and its version.
    pub a: (Kebab, u32),
    /// The second, which is told to be faster or slower than the first.
    pub b: (Kebab, u32),
    /// One node of both; None: whole runs.
    pub node: Option<String>,
    /// From when on, in milliseconds since 1970. None: everything that is kept.
    pub since_ms: Option<i64>,
    /// Until when. None: now.
    pub until_ms: Option<i64>,
}

/// How the second of two versions compares with the first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CompareView {
    /// The first.
    pub a: SideView,
    /// The second.
    pub b: SideView,
    /// The node that is compared; left out where whole runs are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// From when on it counts.
    pub from_at: Moment,
    /// Until when.
    pub until_at: Moment,
    /// Whether the second is faster or slower, among those that ended with `ok`.
    pub verdict: VerdictWord,
    /// How long the second typically takes, as a multiple of the first: the ratio of geometric means. Left out where one of
    /// them has fewer than `needed` that ended with `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<IntervalView>,
    /// How many have to end with `ok`, of each, before anything is said about durations.
    pub needed: u64,
    /// Whether the second ends in an error more or less often.
    pub errors: ErrorWord,
    /// The second's share of errors less the first's. Left out where one of them has none that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_difference: Option<IntervalView>,
}

/// One of two that are compared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SideView {
    /// The flow.
    pub flow: String,
    /// Its version.
    pub version: u32,
    /// What was counted of it.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Whether the second is faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictWord {
    /// It is, by 5 % or more.
    Faster,
    /// It is slower, by 5 % or more.
    Slower,
    /// Any difference there may be is small.
    NoDifferent,
    /// They vary too much to tell.
    Unclear,
    /// One of them has too few.
    TooFew,
}

/// Whether the second has more errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorWord {
    /// It has.
    More,
    /// It has fewer.
    Fewer,
    /// Any difference there may be is small.
    NoDifferent,
    /// There are too few to tell.
    Unclear,
}

/// An estimate, and between what it lies with a confidence of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct IntervalView {
    /// What is most likely.
    pub estimate: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Stats {
    /// How a version compares with another. It needs the scope `read`.
    ///
    /// # Errors
    ///
    /// The caller may not, there is no such version or node, or the time is none.
    pub async fn compare(
        &self,
        caller: &Caller,
        ask: CompareAsk,
    ) -> Result<CompareView, ServiceError> {
        for (flow, _) in [&ask.a, &ask.b] {
            caller.may_with(Scope::Read, flow)?;
        }
        let keeps = self.store().keeps(Grain::Day).as_millis();
        let oldest = i64::try_from(keeps).unwrap_or(i64::MAX);
        let since = ask.since_ms.unwrap_or(self.now_ms().saturating_sub(oldest));
        let span = self.span(Some(since), ask.until_ms)?;
        self.freshen().await;
        let mut sides = Vec::with_capacity(2);
        for (flow, version) in [&ask.a, &ask.b] {
            let window = Window {
                project: caller.project.clone(),
                flow: flow.clone(),
                version: Some(*version),
                node: ask.node.clone(),
            };
            let counted = self.counted(&window, span).await?;
            if counted.0.is_empty() {
                self.check_there(caller, flow, Some(*version)).await?;
            }
            sides.push(counted);
        }
        let (second, first) = (sides.pop(), sides.pop());
        let (Some(first), Some(second)) = (first, second) else {
            return Err(ServiceError::Internal("two were counted".into()));
        };
        let name = ask.node.as_deref();
        if let (Some(node), true, true) = (name, first.0.is_empty(), second.0.is_empty()) {
            return Err(ServiceError::not_found("counted node of the flow", node));
        }
        let compared = compare(&first.0.durations, &second.0.durations);
        let side = |(flow, version): (Kebab, u32), counted: &(NodeCounts, Used)| SideView {
            flow: flow.to_string(),
            version,
            tally: match name {
                Some(_) => Tally::of_node(&counted.0, Vec::new()),
                None => Tally::of_flow(&counted.0.durations, &counted.1, Vec::new()),
            },
        };
        Ok(CompareView {
            a: side(ask.a, &first),
            b: side(ask.b, &second),
            node: ask.node.clone(),
            from_at: Moment(span.from),
            until_at: Moment(span.until),
            verdict: compared.verdict.into(),
            ratio: compared.ratio.map(IntervalView::from),
            needed: MIN_COMPARED,
            errors: compared.errors.into(),
            error_difference: compared.error_difference.map(IntervalView::from),
        })
    }
}

impl From<Interval> for IntervalView {
    fn from(interval: Interval) -> Self {
        Self {
            estimate: interval.estimate,
            low: interval.low,
            high: interval.high,
        }
    }
}

impl From<Verdict> for VerdictWord {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Faster => Self::Faster,
            Verdict::Slower => Self::Slower,
            Verdict::Same => Self::NoDifferent,
            Verdict::Unclear => Self::Unclear,
            Verdict::TooFew => Self::TooFew,
        }
    }
}

impl From<ErrorVerdict> for ErrorWord {
    fn from(verdict: ErrorVerdict) -> Self {
        match verdict {
            ErrorVerdict::More => Self::More,
            ErrorVerdict::Fewer => Self::Fewer,
            ErrorVerdict::Same => Self::NoDifferent,
            ErrorVerdict::Unclear => Self::Unclear,
        }
    }
}
