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
use encode::Encoder;
pub use names::{MetricNames, NAME_PATTERN, PatternError};
use raw::RawCall;
pub use raw::RawCalls;
pub(crate) use raw::RawId;
use window::Window;

/// Reports to CMS.
#[derive(Debug)]
pub struct CmsExporter {
    config: CmsConfig,
    names: MetricNames,
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
            config,
            names,
            raw,
            own,
            state: Mutex::new(State {
                sender: Some(sender),
                open: Vec::new(),
                dropped: 0,
            }),
        }
    }

    /// What a period came to.
    fn encoded(&self, window: &Window, time_ms: u64) -> Vec<Datum> {
        let encoder = Encoder::new(&self.names, &self.config, window, time_ms);
        let (data, refused) = encoder.encode();
        if refused > 0 {
            self.own.add(DROPPED, "cms: no datum can be made", refused);
        }
        data
    }

    /// The single calls since the last time.
    fn calls(&self) -> Vec<Datum> {
        let Some(raw) = &self.raw else {
            return Vec::new();
        };
        let (calls, lost) = raw.drain();
        if lost > 0 {
            self.own.add(DROPPED, "cms: too many calls at once", lost);
        }
        let sample = raw.sample().to_string();
        let data = calls.iter().flat_map(|call| self.call(call, &sample));
        let mut made = Vec::new();
        for datum in data {
            match datum {
                Ok(datum) => made.push(datum.in_group(self.config.group_id)),
                Err(_) => self.own.add(DROPPED, "cms: no datum can be made", 1),
            }
        }
        made
    }

    fn call(&self, call: &RawCall, sample: &str) -> Vec<Result<Datum, DatumError>> {
        let (component, version, mut labels);
        match &call.of {
            RawId::Flow(id) => {
                component = "flow";
                version = id.version.to_string();
                labels = vec![
                    ("project", &*id.project),
                    ("flow", &*id.flow),
                    ("version", &version),
                ];
            }
            RawId::Node(id) => {
                component = "node";
                version = id.flow.version.to_string();
                labels = encode::versioned(id, &version);
            }
        }
        labels.push(("outcome", call.outcome.word()));
        labels.push(("sample", sample));
        let seconds = call.ticks as f64 / TICKS_PER_SECOND as f64;
        let mut values = vec![("duration", seconds)];
        if let Some((fuel, memory)) = call.used {
            values.extend([("fuel", fuel as f64), ("memory", memory as f64)]);
        }
        let datum = |(metric, value): (&'static str, f64)| {
            let name: MetricName = self.names.get(component, metric)?.clone();
            let dimensions = encode::dimensions(&self.config.instance, &labels);
            Some(dimensions.and_then(|at| Datum::raw(name, at, value, call.time_ms)))
        };
        values.into_iter().filter_map(datum).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what became of what was offered.
    fn count(&self, status: &SenderStatus) {
        let own = &self.own;
        own.set(CMS_SENT, "", status.sent);
        own.set(CMS_RETRIED, "", status.retried);
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
        let mut data = self.calls();
        let mut state = self.state();
        let all = snapshot.own.iter().filter(|count| count.name == DROPPED);
        let all = all.map(|count| count.total).sum::<u64>();
        let dropped = all.saturating_sub(std::mem::replace(&mut state.dropped, all));
        for period in [Period::Minute, Period::FiveMinutes] {
            let is_of = |window: &Window| window.period == period;
            let next = Window::of(period, snapshot.middle());
            match state.open.iter_mut().find(|window| is_of(window)) {
                Some(open) if open.end_s >= next.end_s => open.add(snapshot, dropped),
                Some(open) => {
                    let over = std::mem::replace(open, next);
                    open.add(snapshot, dropped);
                    data.extend(self.encoded(&over, over.end_ms()));
                }
                None => {
                    let mut next = next;
                    next.add(snapshot, dropped);
                    state.open.push(next);
                }
            }
        }
        if let Some(sender) = &state.sender {
            sender.offer(data);
            self.count(&sender.status());
        }
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
            let mut data = self.calls();
            // A period that is not over is reported as of now: CMS takes no moment that is to come.
            let now = unix_ms(SystemTime::now());
            let open = open.iter();
            data.extend(open.flat_map(|window| self.encoded(window, window.end_ms().min(now))));
            sender.offer(data);
            let status = sender.close(within).await;
            self.count(&status);
        })
    }
}
