//! A request on its way: asked until it is taken, refused or given up, and counted if it was not taken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::time::{Instant, sleep, sleep_until};

use super::client::{Answer, Client, Request};
use super::config::Retry;
use crate::own::{DROPPED, Own};

/// How much of what a receiver says is written into the log.
const SAID: usize = 200;

/// The longest time for which a receiver is left alone because it asked for that.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// Brings requests to the receiver.
#[derive(Debug)]
pub(super) struct Courier {
    client: Client,
    retry: Retry,
    own: Own,
    /// Until when the receiver asked to be left alone. That goes for later requests, too.
    rest: Mutex<Option<Instant>>,
    /// Whether the last request was not taken: what goes on for hours is logged once.
    failing: AtomicBool,
    /// Whether the last one that was taken was not taken whole.
    partial: AtomicBool,
}

/// Why a request was not taken.
#[derive(Debug, PartialEq, Eq)]
enum Lost {
    Refused(String),
    GivenUp(String),
}

/// What is counted as dropped unless it was taken, however its delivery ends: it may be cut short.
struct Load<'c> {
    own: &'c Own,
    reasons: &'static Reasons,
    /// How many points or spans it has.
    parts: u64,
    /// How many of them are lost if it is not taken.
    at_stake: u64,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Taken,
    Refused,
    GivenUp,
}

/// What is said of what was dropped.
struct Reasons {
    refused: &'static str,
    given_up: &'static str,
    rejected: &'static str,
}

const METRICS: Reasons = Reasons {
    refused: "otlp metrics: refused",
    given_up: "otlp metrics: not delivered",
    rejected: "otlp metrics: rejected in part",
};

const SPANS: Reasons = Reasons {
    refused: "otlp traces: refused",
    given_up: "otlp traces: not delivered",
    rejected: "otlp traces: rejected in part",
};

impl Courier {
    pub(super) fn new(client: Client, retry: Retry, own: Own) -> Self {
        Self {
            client,
            retry,
            own,
            rest: Mutex::default(),
            failing: AtomicBool::new(false),
            partial: AtomicBool::new(false),
        }
    }

    /// Brings a request with so many points or spans, by `until` at the latest. Whether it is worth bringing another one now.
    pub(super) async fn bring(&self, request: &Request, parts: u64, until: Instant) -> bool {
        let load = self.load(request, parts, parts);
        self.deliver(load, request, until).await != Delivery::GivenUp
    }

    /// The same, of what a later request says again: if it is not taken, one request is lost, and no points. None is if nobody
    /// waits for the end of this.
    pub(super) async fn try_to_bring(&self, request: &Request, parts: u64, until: Instant) -> bool {
        let load = self.load(request, parts, 0);
        let reasons = load.reasons;
        let delivery = self.deliver(load, request, until).await;
        match delivery {
            Delivery::Taken => {}
            Delivery::Refused => self.own.add(DROPPED, reasons.refused, 1),
            Delivery::GivenUp => self.own.add(DROPPED, reasons.given_up, 1),
        }
        delivery != Delivery::GivenUp
    }

    async fn deliver(&self, mut load: Load<'_>, request: &Request, until: Instant) -> Delivery {
        let until = until.min(Instant::now() + self.retry.within);
        if let Some(rest) = self.rest() {
            sleep_until(rest.min(until)).await;
            if rest >= until {
                return Delivery::GivenUp;
            }
        }
        match bring(&self.retry, &Now, until, || self.ask(request)).await {
            Ok((rejected, message)) => {
                load.taken(u64::try_from(rejected).unwrap_or(0));
                self.note_taken(rejected, &message);
                Delivery::Taken
            }
            Err(Lost::Refused(why)) => {
                load.refused();
                self.note_lost(&why);
                Delivery::Refused
            }
            Err(Lost::GivenUp(why)) => {
                self.note_lost(&why);
                Delivery::GivenUp
            }
        }
    }

    async fn ask(&self, request: &Request) -> Answer {
        let answer = self.client.ask(request).await;
        if let Answer::Later {
            after: Some(after), ..
        } = answer
        {
            let rest = Instant::now() + after.min(LONGEST_REST);
            *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        }
        answer
    }

    fn rest(&self) -> Option<Instant> {
        let rest = *self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.filter(|rest| *rest > Instant::now())
    }

    /// Counts a request that is not even tried.
    pub(super) fn skip(&self, request: &Request, parts: u64) {
        drop(self.load(request, parts, parts));
    }

    fn load(&self, request: &Request, parts: u64, at_stake: u64) -> Load<'_> {
        Load {
            own: &self.own,
            reasons: match request {
                Request::Metrics(_) => &METRICS,
                Request::Spans(_) => &SPANS,
            },
            parts,
            at_stake,
        }
    }

    fn note_taken(&self, rejected: i64, message: &str) {
        if self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the OTLP receiver takes what it is sent again");
        }
        let is_partial = rejected > 0 || !message.is_empty();
        if !self.partial.swap(is_partial, Ordering::Relaxed) && is_partial {
            let said = said(message);
            tracing::warn!(
                rejected,
                said,
                "the OTLP receiver took only a part, or warns"
            );
        }
    }

    fn note_lost(&self, why: &str) {
        if !self.failing.swap(true, Ordering::Relaxed) {
            let why = said(why);
            tracing::warn!(why, "the OTLP receiver does not take what it is sent");
        }
    }
}

impl Load<'_> {
    fn taken(&mut self, rejected: u64) {
        self.drop_as(self.reasons.rejected, rejected.min(self.parts));
        self.at_stake = 0;
    }

    fn refused(&mut self) {
        self.drop_as(self.reasons.refused, self.at_stake);
        self.at_stake = 0;
    }

    fn drop_as(&self, reason: &str, count: u64) {
        if count > 0 {
            self.own.add(DROPPED, reason, count);
        }
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.drop_as(self.reasons.given_up, self.at_stake);
    }
}

/// The time that is waited for. A test has one of its own.
trait Time {
    fn now(&self) -> Instant;
    fn pass(&self, wait: Duration) -> impl Future<Output = ()> + Send;
}

struct Now;

impl Time for Now {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn pass(&self, wait: Duration) -> impl Future<Output = ()> + Send {
        sleep(wait)
    }
}

/// Asks until there is an end to it. What was not taken of it, and what is said of that.
async fn bring<F: Future<Output = Answer>>(
    retry: &Retry,
    time: &impl Time,
    until: Instant,
    mut ask: impl FnMut() -> F,
) -> Result<(i64, String), Lost> {
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(retry.first)
        .with_max_delay(retry.longest)
        .without_max_times()
        .with_jitter()
        .build();
    loop {
        let (after, why) = match ask().await {
            Answer::Taken { rejected, message } => return Ok((rejected, message)),
            Answer::Refused(why) => return Err(Lost::Refused(why)),
            Answer::Later { after, why } => (after, why),
        };
        let wait = waits.next().unwrap_or(retry.longest);
        let wait = wait.max(after.unwrap_or(Duration::ZERO));
        if until.saturating_duration_since(time.now()) <= wait {
            return Err(Lost::GivenUp(why));
        }
        time.pass(wait).await;
    }
}

/// What somebody else said, for the log: on one line, and no more than fits there.
fn said(text: &str) -> String {
    let head: String = text.chars().take(SAID).collect();
    head.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::ready;

    use super::*;

    const RETRY: Retry = Retry {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(4),
        within: Duration::from_secs(60),
    };

    fn later(after: Option<u64>) -> Answer {
        Answer::Later {
            after: after.map(Duration::from_secs),
            why: "busy".into(),
        }
    }

    /// Time that passes when somebody waits for it.
    struct Jumping(Mutex<Instant>);

    impl Time for Jumping {
        fn now(&self) -> Instant {
            *self.0.lock().expect("one thread")
        }

        fn pass(&self, wait: Duration) -> impl Future<Output = ()> + Send {
            *self.0.lock().expect("one thread") += wait;
            ready(())
        }
    }

    /// When it was asked, in whole seconds from the start on, if the first answers are these, and the last one is repeated.
    async fn asked(answers: &[Answer]) -> (Result<(i64, String), Lost>, Vec<u64>) {
        let start = Instant::now();
        let time = Jumping(Mutex::new(start));
        let times = RefCell::new(Vec::new());
        let number = Cell::new(0);
        let ask = || {
            times.borrow_mut().push((time.now() - start).as_secs());
            let answer = answers.get(number.replace(number.get() + 1));
            ready(answer.or(answers.last()).cloned().expect("an answer"))
        };
        let told = bring(&RETRY, &time, start + RETRY.within, ask).await;
        (told, times.into_inner())
    }

    #[tokio::test]
    async fn it_waits_longer_each_time_and_gives_up() {
        let (told, times) = asked(&[later(None)]).await;
        assert_eq!(told, Err(Lost::GivenUp("busy".into())));
        let waits: Vec<_> = times.windows(2).map(|two| two[1] - two[0]).collect();
        // Each wait has a random part, of at most as much as its own length.
        for (wait, least) in waits.iter().zip([1, 2, 4, 4]) {
            assert!((least..=2 * least + 1).contains(wait), "{waits:?}");
        }
        assert!(
            waits.len() > 4 && times.iter().all(|&time| time < 60),
            "{times:?}"
        );
    }

    #[tokio::test]
    async fn it_waits_as_long_as_it_is_told_to() {
        let taken = Answer::Taken {
            rejected: 0,
            message: String::new(),
        };
        let (told, times) = asked(&[later(Some(20)), taken.clone()]).await;
        assert!(told.is_ok());
        assert_eq!(times, [0, 20]);
        // Nobody waits for what would come too late.
        let (told, times) = asked(&[later(Some(61)), taken]).await;
        assert!(told.is_err());
        assert_eq!(times, [0]);
    }

    #[tokio::test]
    async fn what_is_refused_is_asked_once() {
        let (told, times) = asked(&[Answer::Refused("no".into())]).await;
        assert_eq!(told, Err(Lost::Refused("no".into())));
        assert_eq!(times, [0]);
    }

    #[test]
    fn what_a_receiver_says_is_one_short_line() {
        let said = said(&format!("a\n\u{1b}[31m{}", "x".repeat(1_000)));
        assert!(
            said.starts_with("a\\n\\u{1b}[31mx") && said.len() < 220,
            "{said}"
        );
    }
}
