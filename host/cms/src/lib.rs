//! A client for the custom metrics of Alibaba Cloud Monitor (CMS): what is reported, how it is signed, with whose credentials, and a
//! [`Sender`] that reports without making its caller wait.
//!
//! Belongs here: what CMS takes and answers, credentials as the official SDKs find them, batches, retries, and the spool on disk.
//! Does not belong here: what is measured, and by whom. This crate knows nothing of flows.
//!
//! ```
//! use std::sync::Arc;
//!
//! use lockgate_cms::{
//!     Client, CredentialChain, Credentials, Datum, Dimensions, Endpoint, MetricName, Period, Sender, SenderConfig, Statistic,
//!     SystemClock,
//! };
//!
//! # let gateway = "http://127.0.0.1:9".to_owned(); // where nobody listens
//! # let folder = std::env::temp_dir().join(format!("lockgate-cms-doc-{}", std::process::id()));
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let clock = Arc::new(SystemClock);
//! // Of a program's own: `CredentialChain::new(ChainConfig::from_process(), clock.clone())`.
//! let credentials = CredentialChain::fixed(Credentials::new("an id", "a secret"));
//! // Of a program's own: `Endpoint::of_region("cn-hangzhou")?`.
//! let endpoint = Endpoint::at(&gateway)?;
//! let client = Client::new(endpoint, Arc::new(credentials), clock)?;
//! let sender = Sender::start(client, SenderConfig::new(&folder)).await?;
//!
//! let datum = Datum::aggregated(
//!     MetricName::mangled("orders/duration"),
//!     Dimensions::new().with_mangled("shop", "春天")?,
//!     Period::Minute,
//!     [(Statistic::Sum, 12.5), (Statistic::SampleCount, 3.0)],
//!     1_763_730_000_000,
//! )?;
//! sender.offer(vec![datum]); // never waits
//!
//! // At the end: what cannot be sent in time is on disk, and is sent by the next sender there.
//! let status = sender.close(std::time::Duration::from_secs(5)).await;
//! assert_eq!(status.sent + status.spooled, 1);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod client;
mod clock;
mod credentials;
mod datum;
mod dimensions;
mod endpoint;
mod error;
mod http;
mod name;
mod rule;
mod secret;
mod sender;
mod signature;
mod statistic;

pub use client::{Client, MAX_ENTRIES, MAX_QUERY_BYTES};
pub use clock::{Clock, SystemClock};
pub use credentials::{
    ChainConfig, CredentialChain, Credentials, CredentialsError, Environment, NotGiven,
};
pub use datum::{Datum, DatumError};
pub use dimensions::{Dimensions, MAX_DIMENSIONS};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{CallError, Refusal, RefusalKind};
pub use name::{MAX_TEXT, MetricName, NameError, mangled_text};
pub use rule::{Comparison, Level, Rule, RuleError};
pub use secret::Secret;
pub use sender::{Dropped, Refused, Retried, Sender, SenderConfig, SenderError, SenderStatus};
pub use signature::{encode, sign, string_to_sign};
pub use statistic::{Period, Statistic};
