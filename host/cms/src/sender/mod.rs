//! Reports in the background: takes data without making anybody wait, sends them in batches, and keeps on disk what cannot be sent.
//!
//! Belongs here: when what is sent. A datum is sent again, with its own time, until CMS took or refused it; it is dropped only where a
//! bound says so, and then it is counted.

mod counters;
mod inbox;
mod packer;
mod quiet;
mod source;
mod spool;
mod suspects;
mod work;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::{Client, Datum};
use counters::Counters;
pub use counters::{Dropped, Refused, Retried, SenderStatus};
use inbox::Inbox;
use source::Source;
use spool::Spool;
pub use spool::SpoolError as SenderError;
use worker::Worker;

/// How a sender sends.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Where the spool is: a folder of its own. It is made if it is not there, for its owner only.
    pub folder: PathBuf,
    /// How much the spool may take of the disk: at least 1 MiB, and 64 MiB at first. Where it is full, the oldest go.
    pub spool_bytes: u64,
    /// How many data may wait in memory until they are looked at. 16,384 at first.
    pub queue: usize,
    /// How long a batch that is not full waits for more. A second at first.
    pub linger: Duration,
    /// How many requests are made in a second at most. Half of what the region takes at first: others of the same account send, too. At
    /// least one.
    pub requests_per_second: Option<u32>,
    /// How long it waits after a first failure. Half a second at first; it doubles with each failure in a row, and a random part of as
    /// much again is added.
    pub min_delay: Duration,
    /// How long it waits at most, before the random part. A minute at first.
    pub max_delay: Duration,
    /// Where the random parts begin. None at first: anywhere.
    pub seed: Option<u64>,
}

impl SenderConfig {
    /// As it is at first, with a spool in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            spool_bytes: 64 * 1024 * 1024,
            queue: 16_384,
            linger: Duration::from_secs(1),
            requests_per_second: None,
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(60),
            seed: None,
        }
    }
}

/// Sends data in the background. Dropping it leaves what is in memory to the spool, if the runtime goes on; [`Sender::close`] waits
/// for that.
#[derive(Debug)]
pub struct Sender {
    inbox: Arc<Inbox>,
    counters: Arc<Counters>,
    worker: Option<JoinHandle<()>>,
}

impl Sender {
    /// Starts one, and sends what the last one in this folder left there.
    ///
    /// # Errors
    ///
    /// The folder cannot be used, another sender uses it, or it may have too little.
    pub async fn start(client: Client, config: SenderConfig) -> Result<Self, SenderError> {
        let counters = Arc::new(Counters::default());
        let spool = Spool::open(&config, counters.clone(), client.clock().clone()).await?;
        let inbox = Arc::new(Inbox::new(config.queue));
        let worker = Worker::new(client, config, inbox.clone(), counters.clone(), spool);
        Ok(Self {
            inbox,
            counters,
            worker: Some(tokio::spawn(worker.run())),
        })
    }

    /// Takes data. It never waits: what there is no room for is dropped, and counted.
    pub fn offer(&self, data: Vec<Datum>) {
        let offered = data.len();
        let left_over = self.inbox.add(data);
        self.counters.offered(offered, left_over);
    }

    /// Takes data that are made as there is room for them: any number, and none is dropped while the spool has room. It never waits. What
    /// was not given yet is in no number of [`Sender::status`]. A few of these wait for their turn; where there are more, the oldest
    /// goes to the spool.
    pub fn feed(&self, data: impl Iterator<Item = Datum> + Send + 'static) {
        if let Err(source) = self.inbox.add_source(Source::new(data)) {
            let lost = source.count();
            self.counters.offered(lost, lost);
        }
    }

    /// What became of everything so far.
    pub fn status(&self) -> SenderStatus {
        self.counters.status()
    }

    /// Sends what is in memory for as long as `deadline`, leaves the rest to the spool, and ends. The spool is written
    /// when the deadline is over, so whoever ends the runtime has to wait a little longer: until that has begun. Then it is done to its end.
    pub async fn close(mut self, deadline: Duration) -> SenderStatus {
        self.inbox.close(deadline);
        if let Some(worker) = self.worker.take() {
            // It can only have panicked. What it counted until then is true.
            let _ = worker.await;
        }
        self.counters.status()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.inbox.close(Duration::ZERO);
    }
}
