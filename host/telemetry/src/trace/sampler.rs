//! Which traces are recorded.

use lockgate_model::TraceId;

use super::TraceContext;

/// Which traces are recorded, and what their spans say.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceConfig {
    /// How many of the traces that begin here are recorded, from 0 to 1. Default: 0.02, because one in fifty shows where
    /// time goes; to record one in ten cost a host under full load six runs in a hundred. What failed is recorded anyway.
    pub sample: f64,
    /// Whether a request that comes with a trace decides for it. Otherwise the ratio does, which is decided by the trace's
    /// id, so that all hosts with the same ratio record the same traces. Default: yes.
    pub parent: bool,
    /// Whether every run that fails is recorded, whatever was decided before. That is known at its end, so that what other
    /// machines did for it may be missing in the trace. Default: yes.
    pub keep_failed: bool,
    /// Whether inputs, outputs, log lines and messages of errors are in spans. Prompts and completions are among them.
    /// Default: no.
    pub content: bool,
    /// How many spans a run has at most; the rest is counted. Default: 1,000.
    pub spans: usize,
}

impl Default for TraceConfig {
    fn default() -> Self {
        Self {
            sample: 0.02,
            parent: true,
            keep_failed: true,
            content: false,
            spans: 1_000,
        }
    }
}

impl TraceConfig {
    /// Whether a trace is recorded: one that came with a request, or the beginning of one.
    pub(super) fn samples(&self, context: &TraceContext) -> bool {
        if self.parent && context.parent.is_some() {
            return context.is_sampled();
        }
        is_within(self.sample, context.trace)
    }
}

/// As OpenTelemetry's TraceIdRatioBased: by the last 63 bits of the id, which are random in ids that are.
fn is_within(ratio: f64, trace: TraceId) -> bool {
    if ratio >= 1.0 {
        return true;
    }
    let last = u128::from_be_bytes(trace.0) & u128::from(u64::MAX);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a ratio is no more exact than that; what is no number, or below zero, becomes zero"
    )]
    let bound = (ratio * (1_u64 << 63) as f64) as u128;
    last >> 1 < bound
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trace::SpanId;

    fn config(sample: f64, parent: bool) -> TraceConfig {
        TraceConfig {
            sample,
            parent,
            ..TraceConfig::default()
        }
    }

    #[test]
    fn a_ratio_is_decided_by_the_end_of_the_id() {
        let id = |last: u64| TraceId((1_u128 << 127 | u128::from(last)).to_be_bytes());
        for (ratio, last, is_recorded) in [
            (0.0, 0, false),
            (-1.0, 0, false),
            (f64::NAN, 0, false),
            (1.0, u64::MAX, true),
            (f64::INFINITY, u64::MAX, true),
            (0.5, u64::MAX / 2, true),
            (0.5, u64::MAX / 2 + 1, false),
            (0.1, u64::MAX / 10 - 10_000, true),
            (0.1, u64::MAX / 10 + 10_000, false),
            (f64::MIN_POSITIVE, 0, false),
        ] {
            assert_eq!(is_within(ratio, id(last)), is_recorded, "{ratio} {last}");
        }
    }

    #[test]
    fn a_parent_decides_where_it_may() {
        let begun = TraceContext::begin();
        let came = |sampled| begun.below(SpanId([1; 8])).sampled(sampled);
        for (config, context, is_recorded) in [
            (config(0.0, true), came(true), true),
            (config(1.0, true), came(false), false),
            (config(0.0, false), came(true), false),
            (config(1.0, false), came(false), true),
            (config(1.0, true), begun.clone(), true),
            (config(0.0, true), begun.clone(), false),
        ] {
            assert_eq!(
                config.samples(&context),
                is_recorded,
                "{config:?} {context:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn who_records_more_records_all_that_others_do(id: [u8; 16], less in 0.0..1.0, more in 0.0..1.0) {
            let (less, more) = if less < more { (less, more) } else { (more, less) };
            prop_assert!(!is_within(less, TraceId(id)) || is_within(more, TraceId(id)));
        }
    }
}
