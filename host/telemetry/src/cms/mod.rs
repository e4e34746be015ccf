//! Reports to Alibaba Cloud Monitor (CMS): what each minute and each five minutes came to, or single calls.
//!
//! Belongs here: which metrics and dimensions there are, and what is in a period. Does not belong here: how CMS is asked, and
//! what becomes of what it does not take: that is [`lockgate_cms`].
//!
//! Metrics are `<component>/<metric>`, in seconds, fuel, bytes, tokens or counts; [`MetricNames`] makes their names. Dimensions
//! are `project`, `flow`, `node` and `instance`, and in a second set `version`, `plugin` and `plugin_version` too; for models
//! `project`, `provider` and `model`.

mod config;
mod encode;
mod names;
mod raw;
mod window;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use lockgate_cms::{Datum, DatumError, MetricName, Period, Sender, SenderStatus};

use crate::TICKS_PER_SECOND;
use crate::collector::Exporter;
use crate::own::{CMS_REFUSED, CMS_RETRIED, CMS_SENT, DROPPED, Own};
use crate::snapshot::{Snapshot, unix_ms};

pub use config::{CmsConfig, Mode};
use encode::{Encoder, NO_DATUM};
pub use names::{MetricNames, NAME_PATTERN, PatternError};
use raw::RawCall;
pub use raw::RawCalls;
pub(crate) use raw::RawId;
use window::Window;

/// Reports to CMS.
#[derive(Debug)]
pub struct CmsExporter {
    config: Arc<CmsConfig>,
    names: Arc<MetricNames>,
    raw: Option<Arc<RawCalls>>,
    own: Own,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// None after it was closed.
    sender: Option<Sender>,
    open: Vec<Window>,
    /// What telemetry had let go in all when the last snapshot was taken.
    dropped: u64,
}

impl CmsExporter {
    /// Reports through a sender. `raw` has the single calls, in [`Mode::Raw`].
    pub fn new(
        config: CmsConfig,
        names: MetricNames,
        raw: Option<Arc<RawCalls>>,
        own: Own,
        sender: Sender,
    ) -> Self {
        Self {
            config: Arc::new(config),
            names: Arc::new(names),
            raw,
            own,
            state: Mutex::new(State {
                sender: Some(sender),
                open: Vec::new(),
                dropped: 0,
            }),
        }
    }

    /// Reports what a period came to.
    fn report(&self, sender: &Sender, window: Window, now_ms: u64) {
        // One that is not over is reported as of now: CMS takes no moment that is to come.
        let time_ms = window.end_ms().min(now_ms);
        let (names, config) = (Arc::clone(&self.names), Arc::clone(&self.config));
        sender.feed(Encoder::new(
            names,
            config,
            self.own.clone(),
            window,
            time_ms,
        ));
    }

    /// Reports the single calls since the last time.
    fn report_calls(&self, sender: &Sender) {
        let Some(raw) = &self.raw else { return };
        let (calls, lost) = raw.drain();
        if lost > 0 {
            self.own.add(DROPPED, "cms: too many calls at once", lost);
        }
        if calls.is_empty() {
            return;
        }
        let (names, config) = (Arc::clone(&self.names), Arc::clone(&self.config));
        let (own, sample) = (self.own.clone(), raw.sample().to_string());
        let data = calls.into_iter().flat_map(move |call| {
            let data = raw_data(&call, &names, &config, &sample);
            let unmade = data.iter().filter(|datum| datum.is_err()).count();
            if unmade > 0 {
                own.add(DROPPED, NO_DATUM, unmade as u64);
            }
            data.into_iter().flatten()
        });
        sender.feed(data);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what became of what was offered.
    fn count(&self, status: &SenderStatus) {
        let own = &self.own;
        own.set(CMS_SENT, "", status.sent);
        for (reason, count) in [
            ("throttled", status.retried.throttled),
            ("unreachable", status.retried.unreachable),
            ("expired", status.retried.expired),
            ("credentials", status.retried.credentials),
            ("authentication", status.retried.authentication),
            ("fault", status.retried.fault),
        ] {
            own.set(CMS_RETRIED, reason, count);
        }
        for (reason, count) in [
            ("quota", status.refused.quota),
            ("parameter", status.refused.parameter),
            ("too large", status.refused.too_large),
            ("other", status.refused.other),
        ] {
            own.set(CMS_REFUSED, reason, count);
        }
        for (reason, count) in [
            ("cms: queue full", status.dropped.queue_full),
            ("cms: spool full", status.dropped.spool_full),
            ("cms: spool cannot be written", status.dropped.spool_failed),
            ("cms: spool damaged", status.dropped.damaged),
        ] {
            if count > 0 {
                own.set(DROPPED, reason, count);
            }
        }
    }
}

impl Exporter for CmsExporter {
    fn take(&self, snapshot: &Arc<Snapshot>) {
        let mut state = self.state();
        let state = &mut *state;
        let all = snapshot.own.iter().filter(|count| count.name == DROPPED);
        let all = all.map(|count| count.total).sum::<u64>();
        let dropped = all.saturating_sub(std::mem::replace(&mut state.dropped, all));
        let Some(sender) = &state.sender else { return };
        self.report_calls(sender);
        for period in [Period::Minute, Period::FiveMinutes] {
            let is_of = |window: &Window| window.period == period;
            let next = Window::of(period, snapshot.middle());
            match state.open.iter_mut().find(|window| is_of(window)) {
                Some(open) if open.end_s == next.end_s => open.add(snapshot, dropped),
                // It is over; or the clock was set back behind its beginning, and it will not come to its end.
                Some(open) => {
                    let over = std::mem::replace(open, next);
                    open.add(snapshot, dropped);
                    self.report(sender, over, unix_ms(snapshot.to));
                }
                None => {
                    let mut next = next;
                    next.add(snapshot, dropped);
                    state.open.push(next);
                }
            }
        }
        self.count(&sender.status());
    }

    fn close(&self, within: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (sender, open) = {
                let mut state = self.state();
                (state.sender.take(), std::mem::take(&mut state.open))
            };
            let Some(sender) = sender else {
                return;
            };
            self.report_calls(&sender);
            let now_ms = unix_ms(SystemTime::now());
            for window in open {
                self.report(&sender, window, now_ms);
            }
            let status = sender.close(within).await;
            self.count(&status);
        })
    }
}

/// A single call as CMS takes it: its time, and the fuel and memory that it used; without its version, so that there is a series that
/// outlives a deployment, and with it.
fn raw_data(
    call: &RawCall,
    names: &MetricNames,
    config: &CmsConfig,
    sample: &str,
) -> Vec<Result<Datum, DatumError>> {
    let version = call.of.version().to_string();
    let (component, lasting, versioned) = match &call.of {
        RawId::Flow(id) => {
            let lasting = vec![("project", &*id.project), ("flow", &*id.flow)];
            let versioned = [&lasting[..], &[("version", &version)]].concat();
            ("flow", lasting, versioned)
        }
        RawId::Node(id) => {
            let versioned = encode::versioned(id, &version);
            ("node", encode::lasting(id).to_vec(), versioned)
        }
    };
    let seconds = call.ticks as f64 / TICKS_PER_SECOND as f64;
    let mut values = vec![("duration", seconds)];
    if let Some((fuel, memory)) = call.used {
        values.extend([("fuel", fuel as f64), ("memory", memory as f64)]);
    }
    let mut data = Vec::new();
    for mut labels in [lasting, versioned] {
        labels.push(("sample", sample));
        data.extend(values.iter().filter_map(|&(metric, value)| {
            let name: MetricName = names.get(component, metric)?.clone();
            let dimensions = encode::dimensions(&config.instance, &labels);
            let datum = dimensions.and_then(|at| Datum::raw(name, at, value, call.time_ms));
            Some(datum.map(|datum| datum.in_group(config.group_id)))
        }));
    }
    data
}
