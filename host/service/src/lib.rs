//! What a host of flows does, whoever asks: loads plugins, keeps versions of flows, starts, queues and follows runs.
//!
//! Belongs here: what may be asked for, by whom, and what follows from it. Everything hostile is bounded here, whichever way
//! it came.
//! Does not belong here: HTTP (`lockgate-api`), SQL (`lockgate-store`), wasmtime (`lockgate-runtime`). Plugins and the threads
//! that they run on come in through [`ports`].

pub mod alerts;
mod audit;
pub mod batches;
mod caller;
mod document;
mod error;
pub mod flows;
mod keys;
pub mod mask;
mod moment;
mod page;
pub mod plugins;
pub mod ports;
pub mod queue;
pub mod registry;
pub mod runs;
mod service;
pub mod stats;
mod traces;
pub mod webhooks;

pub use audit::{Audit, AuditView};
pub use batches::Batches;
pub use caller::{Caller, Scope, Scopes, UnknownScope};
pub use document::Doc;
pub use error::{
    BrokenFlow, FaultView, FlowNeed, MAX_FAULTS_SHOWN, MAX_FLOWS_NAMED, SchemaFaultView,
    ServiceError,
};
pub use flows::Flows;
pub use keys::{KEY_PREFIX, KeyView, Keys, MAX_KEY_FLOWS, MAX_KEY_NAME_BYTES, MadeKey, NewKey};
pub use mask::{Mask, MaskConfig, MaskError};
pub use moment::Moment;
pub use page::{MAX_PAGE, Page, USUAL_PAGE};
pub use plugins::Plugins;
pub use ports::{GuestThreads, LoadedPlugin, PluginLoader, PluginRefused};
pub use queue::QueuedRuns;
pub use registry::{Registry, RegistryConfig, Resolved};
pub use runs::Runs;
pub use service::{Service, ServiceConfig, StartError};
pub use stats::Stats;
pub use webhooks::Webhooks;
