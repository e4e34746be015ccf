//! What a host of flows does, whoever asks: loads plugins, keeps versions of flows, starts, queues and follows runs.
//!
//! Belongs here: what may be asked for, by whom, and what follows from it. Everything hostile is bounded here, whichever way
//! it came.
//! Does not belong here: HTTP (`lockgate-api`), SQL (`lockgate-store`), wasmtime (`lockgate-runtime`). Plugins and the threads
//! that they run on come in through [`ports`].

mod caller;
mod error;
pub mod flows;
mod moment;
pub mod plugins;
pub mod ports;
pub mod registry;

pub use caller::{Caller, Scope, Scopes, UnknownScope};
pub use error::{
    BrokenFlow, FaultView, FlowNeed, MAX_FAULTS_SHOWN, MAX_FLOWS_NAMED, SchemaFaultView,
    ServiceError,
};
pub use flows::Flows;
pub use moment::Moment;
pub use plugins::Plugins;
pub use ports::{GuestThreads, LoadedPlugin, PluginLoader, PluginRefused};
pub use registry::{Registry, RegistryConfig, Resolved};
