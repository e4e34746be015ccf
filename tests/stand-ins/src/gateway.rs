//! The gateway of Alibaba Cloud Monitor: takes reports of custom metrics and alarm rules.
//!
//! It is stricter than the real one in one thing: what that would change silently, as a character that it does not keep, is refused here.

mod entry;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::http::{Handler, Reply, Request, Server, said};
use crate::rpc::{Key, Nonces, authenticate};
use crate::{Fault, Faults, Now, VirtualTime};
pub use entry::Entry;
pub use rule::RuleCall;

/// How long a query may be.
const MAX_QUERY_BYTES: usize = 256 * 1024;

/// Group, metric and dimensions.
type Series = (u64, String, BTreeMap<String, String>);

/// Whether an entry is refused, and with which code and message.
type Refuses = Arc<dyn Fn(&Entry) -> Option<(String, String)> + Send + Sync>;

/// What a gateway knows and allows.
#[derive(Clone)]
pub struct GatewayConfig {
    /// Whose requests it takes.
    pub keys: Vec<Key>,
    /// Its clock.
    pub now: Now,
    /// The time in which it holds answers back, if it is not the machine's.
    pub time: Option<VirtualTime>,
    /// How many requests it takes in a second. More are throttled.
    pub requests_per_second: Option<usize>,
    /// How many series there may be. A report with one more is refused with 206.
    pub max_series: Option<usize>,
    /// Whether raw values are paid for. If not, a report with one is refused with 206.
    pub raw: bool,
    /// Refuses a report because of an entry, with a code and a message.
    pub refuses: Option<Refuses>,
}

impl GatewayConfig {
    /// Takes everything that the key signs, by the machine's clock.
    pub fn new(key: Key) -> Self {
        Self {
            keys: vec![key],
            now: Arc::new(SystemTime::now),
            time: None,
            requests_per_second: None,
            max_series: None,
            raw: true,
            refuses: None,
        }
    }

    /// The same in a time that jumps.
    #[must_use]
    pub fn in_time(mut self, time: &VirtualTime) -> Self {
        self.now = time.teller();
        self.time = Some(time.clone());
        self
    }

    /// The same, but a report is refused for each entry that a function says something against.
    #[must_use]
    pub fn refusing(
        mut self,
        refuses: impl Fn(&Entry) -> Option<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.refuses = Some(Arc::new(refuses));
        self
    }
}

impl fmt::Debug for GatewayConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayConfig").finish_non_exhaustive()
    }
}

/// A report that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// When.
    pub at: SystemTime,
    /// How long the query was.
    pub query_bytes: usize,
    /// What was in it.
    pub entries: Vec<Entry>,
}

/// A gateway that listens. It ends when this is dropped.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    config: Mutex<GatewayConfig>,
    time: Option<VirtualTime>,
    faults: Faults,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    nonces: Nonces,
    taken: Vec<Taken>,
    rules: Vec<RuleCall>,
    series: BTreeSet<Series>,
    /// When requests of the last second came.
    recent: VecDeque<SystemTime>,
    /// What was answered, by code.
    answers: BTreeMap<String, usize>,
    requests: usize,
}

impl Gateway {
    /// Starts one that takes what the key `testid`, `testsecret` signs.
    ///
    /// # Errors
    ///
    /// No address is free.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(GatewayConfig::new(Key::new("testid", "testsecret"))).await
    }

    /// Starts one.
    ///
    /// # Errors
    ///
    /// No address is free.
    pub async fn start_with(config: GatewayConfig) -> io::Result<Self> {
        let gate = Arc::new(Gate {
            time: config.time.clone(),
            config: Mutex::new(config),
            faults: Faults::default(),
            state: Mutex::default(),
        });
        let server = Server::start(gate.clone()).await?;
        Ok(Self { server, gate })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Where it listens, as a client's endpoint.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.gate.faults
    }

    /// Whether it takes connections. They are refused while it does not.
    pub fn listen(&self, listens: bool) {
        self.server.listen(listens);
    }

    /// Changes what it knows and allows.
    pub fn change(&self, change: impl FnOnce(&mut GatewayConfig)) {
        change(&mut lock(&self.gate.config));
    }

    /// The reports that were taken, the first one first.
    pub fn taken(&self) -> Vec<Taken> {
        self.gate.state().taken.clone()
    }

    /// The entries of all reports that were taken.
    pub fn entries(&self) -> Vec<Entry> {
        let state = self.gate.state();
        let taken = state.taken.iter();
        taken.flat_map(|taken| taken.entries.clone()).collect()
    }

    /// The rules that were taken, the first one first.
    pub fn rules(&self) -> Vec<RuleCall> {
        self.gate.state().rules.clone()
    }

    /// How many requests came that were read, whatever became of them.
    pub fn requests(&self) -> usize {
        self.gate.state().requests
    }

    /// How often each code was answered by this gateway itself, not by a fault.
    pub fn answers(&self) -> BTreeMap<String, usize> {
        self.gate.state().answers.clone()
    }

    /// Forgets the reports that were taken: a bench would fill the memory with them.
    pub fn forget(&self) {
        self.gate.state().taken.clear();
    }
}

impl Handler for Gate {
    fn fault(&self) -> Option<Fault> {
        self.state().requests += 1;
        self.faults.next()
    }

    fn answer(&self, request: &Request) -> Reply {
        let (code, reply) = match self.take(request) {
            Ok(()) => ("200".to_owned(), said(200, "200", "success")),
            Err(reply) => (code(&reply), reply),
        };
        *self.state().answers.entry(code).or_default() += 1;
        reply
    }

    fn time(&self) -> Option<&VirtualTime> {
        self.time.as_ref()
    }
}

impl Gate {
    fn take(&self, request: &Request) -> Result<(), Reply> {
        let config = lock(&self.config).clone();
        let now = (config.now)();
        let mut state = self.state();
        if request.query.len() > MAX_QUERY_BYTES {
            return Err(said(413, "RequestTooLarge", "more than 256 KiB"));
        }
        state.throttle(config.requests_per_second, now)?;
        let nonces = &mut state.nonces;
        let (action, own) = authenticate(request, "2019-01-01", &config.keys, nonces, now)?;
        match action.as_str() {
            "PutCustomMetric" => {
                let entries = entry::read(own)?;
                let series = state.check(&config, &entries)?;
                state.series.extend(series);
                state.taken.push(Taken {
                    at: now,
                    query_bytes: request.query.len(),
                    entries,
                });
            }
            "PutCustomMetricRule" => state.rules.push(rule::read(own)?),
            _ => return Err(said(404, "InvalidAction.NotFound", "there is none")),
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn throttle(&mut self, most: Option<usize>, now: SystemTime) -> Result<(), Reply> {
        let second = Duration::from_secs(1);
        while self.recent.front().is_some_and(|&at| at + second <= now) {
            self.recent.pop_front();
        }
        if most.is_some_and(|most| self.recent.len() >= most) {
            return Err(said(400, "Throttling.User", "too many requests"));
        }
        self.recent.push_back(now);
        Ok(())
    }

    /// Whether the account may have all these entries. Gives their series.
    fn check(&self, config: &GatewayConfig, entries: &[Entry]) -> Result<BTreeSet<Series>, Reply> {
        let quota = |message| Err(said(200, "206", message));
        let mut new = BTreeSet::new();
        for entry in entries {
            if entry.period.is_none() && !config.raw {
                return quota("not allowed original value, please upgrade service");
            }
            if let Some((code, message)) =
                config.refuses.as_ref().and_then(|refuses| refuses(entry))
            {
                return Err(said(200, &code, &message));
            }
            let series = (entry.group, entry.name.clone(), entry.dimensions.clone());
            if !self.series.contains(&series) {
                new.insert(series);
            }
        }
        let series = self.series.len() + new.len();
        if !new.is_empty() && config.max_series.is_some_and(|most| series > most) {
            return quota("reach max time series num");
        }
        Ok(new)
    }
}

fn code(reply: &Reply) -> String {
    let body: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    let code = body.as_ref().and_then(|body| body["Code"].as_str());
    code.unwrap_or_default().to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
