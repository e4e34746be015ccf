//! The tables of the configuration, a struct for each concern. A field's page says what it sets; its default is in `Default`
//! below the struct; its environment variable is its path in capitals, `server.listen` being `LOCKGATE_SERVER_LISTEN`.
//! `docs/server.md` lists all of it, and a test holds the two together.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use lockgate_model::Limits;
use lockgate_service::{Mask, MaskConfig, MaskError};
use serde::{Deserialize, Serialize};

use super::quantity::{DAY, HOUR, SECOND, Size, Span, Whole};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// `[server]`: who may connect, and how much of anything a request may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerTable {
    /// The address and port to listen on. Port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Connections at once; further ones wait to be accepted.
    pub(crate) connections: Whole<1, 1_000_000>,
    /// Bytes of a request's head.
    pub(crate) head_bytes: Size<{ 8 * KIB }, MIB>,
    /// Header fields of a request.
    pub(crate) head_fields: Whole<16, 1_000>,
    /// How long a connection may take until the head of its next request is there.
    pub(crate) idle_time: Span<SECOND, HOUR>,
    /// How long a client may take no byte of an answer that is there for it.
    pub(crate) stall_time: Span<SECOND, HOUR>,
    /// How long a request's body may take to arrive, and a second more for each 256 KiB that it may have.
    pub(crate) body_time: Span<SECOND, HOUR>,
    /// Bytes of a JSON or YAML body.
    pub(crate) json_bytes: Size<{ 64 * KIB }, GIB>,
    /// Bytes of a plugin that is uploaded.
    pub(crate) plugin_bytes: Size<{ 64 * KIB }, GIB>,
    /// Bytes of a batch.
    pub(crate) batch_bytes: Size<{ 64 * KIB }, { 16 * GIB }>,
    /// Bytes of all bodies that are held at once.
    pub(crate) held_bytes: Size<MIB, { 64 * GIB }>,
    /// Requests a second for each key; a burst may be as large.
    pub(crate) key_requests: Whole<1, 1_000_000>,
    /// Requests a minute without a good key that are told so, for each address.
    pub(crate) failed_requests: Whole<1, 1_000_000>,
    /// How long a stopping server waits for answers that are on their way.
    pub(crate) stop_time: Span<0, HOUR>,
    /// How often a stream of events without events says that it is there.
    pub(crate) heartbeat: Span<SECOND, { 30 * SECOND }>,
}

impl Default for ServerTable {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7878)),
            connections: Whole(4_096),
            head_bytes: Size(32 * KIB),
            head_fields: Whole(100),
            idle_time: Span(30 * SECOND),
            stall_time: Span(60 * SECOND),
            body_time: Span(30 * SECOND),
            json_bytes: Size(8 * MIB),
            plugin_bytes: Size(64 * MIB),
            batch_bytes: Size(64 * MIB),
            held_bytes: Size(512 * MIB),
            key_requests: Whole(5_000),
            failed_requests: Whole(60),
            stop_time: Span(5 * SECOND),
            heartbeat: Span(15 * SECOND),
        }
    }
}

/// `[data]`: where everything is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataTable {
    /// The folder. One server at a time; it and what is in it is readable by its user only.
    pub(crate) folder: PathBuf,
    /// How long runs are kept after they ended.
    pub(crate) keep_runs: Span<{ 60 * SECOND }, { 36_500 * DAY }>,
    /// The most that all kept runs may have, compressed. The oldest go first.
    pub(crate) keep_bytes: Size<MIB, { 1024 * TIB }>,
    /// Connections that read the store at once.
    pub(crate) readers: Whole<1, 64>,
}

impl Default for DataTable {
    fn default() -> Self {
        Self {
            folder: "lockgate-data".into(),
            keep_runs: Span(30 * DAY),
            keep_bytes: Size(10 * GIB),
            readers: Whole(4),
        }
    }
}

/// `[runs]`: how much goes on at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsTable {
    /// Runs at once that somebody waits for or follows.
    pub(crate) at_once: Whole<1, 100_000>,
    /// Further ones that wait for a place. Those beyond are told to come again.
    pub(crate) waiting: Whole<0, 1_000_000>,
    /// Calls of one run, those of its sub-flows included.
    pub(crate) calls: Whole<1, 1_000_000_000>,
    /// Elements of one `each`.
    pub(crate) elements: Whole<1, 10_000_000>,
    /// Calls at once of one flow, all of its runs together. 0: no limit of its own.
    pub(crate) calls_per_flow: Whole<0, 1_000_000>,
    /// Calls at once of one node of one flow, all of its runs together. 0: no limit of its own.
    pub(crate) calls_per_node: Whole<0, 1_000_000>,
    /// How long runs may go on after the server was told to stop.
    pub(crate) drain: Span<0, HOUR>,
}

impl Default for RunsTable {
    fn default() -> Self {
        Self {
            at_once: Whole(256),
            waiting: Whole(1_024),
            calls: Whole(100_000),
            elements: Whole(10_000),
            calls_per_flow: Whole(0),
            calls_per_node: Whole(0),
            drain: Span(30 * SECOND),
        }
    }
}

/// `[queue]`: runs that wait for their turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueTable {
    /// Runs that may wait. Further ones are refused with `queue-full`.
    pub(crate) length: Whole<1, 100_000_000>,
    /// Queued runs that go on at once.
    pub(crate) at_once: Whole<1, 100_000>,
    /// How long a queued run is this server's before it has to say again that it goes on.
    pub(crate) lease: Span<SECOND, HOUR>,
    /// How often a queued run is begun before it becomes a dead letter.
    pub(crate) attempts: Whole<1, 100>,
    /// Lines of one batch.
    pub(crate) batch_lines: Whole<1, 10_000_000>,
}

impl Default for QueueTable {
    fn default() -> Self {
        Self {
            length: Whole(100_000),
            at_once: Whole(64),
            lease: Span(60 * SECOND),
            attempts: Whole(3),
            batch_lines: Whole(10_000),
        }
    }
}

/// `[rollups]`: for how long is kept what was counted of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollupsTable {
    /// How long it is kept by the minute.
    pub(crate) minutes: Span<{ 3 * HOUR }, { 36_500 * DAY }>,
    /// How long it is kept by the hour.
    pub(crate) hours: Span<DAY, { 36_500 * DAY }>,
    /// How long it is kept by the day.
    pub(crate) days: Span<DAY, { 36_500 * DAY }>,
}

impl Default for RollupsTable {
    fn default() -> Self {
        Self {
            minutes: Span(2 * DAY),
            hours: Span(60 * DAY),
            days: Span(730 * DAY),
        }
    }
}

/// `[mask]`: what is masked in all that is kept of runs, and in their events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaskTable {
    /// Keys, tokens and private keys of well-known shapes.
    pub(crate) keys: bool,
    /// Mobile numbers of mainland China, and international numbers that begin with `+`.
    pub(crate) phones: bool,
    /// Resident IDs of mainland China and payment cards, where their check digits are right.
    pub(crate) ids: bool,
    /// E-mail addresses.
    pub(crate) emails: bool,
    /// The operator's own: regular expressions by name.
    pub(crate) patterns: MaskPatterns,
}

impl Default for MaskTable {
    fn default() -> Self {
        let MaskConfig {
            keys,
            phones,
            ids,
            emails,
            ..
        } = MaskConfig::default();
        Self {
            keys,
            phones,
            ids,
            emails,
            patterns: MaskPatterns::default(),
        }
    }
}

impl MaskTable {
    /// As the service takes it.
    pub(crate) fn config(&self) -> MaskConfig {
        MaskConfig {
            keys: self.keys,
            phones: self.phones,
            ids: self.ids,
            emails: self.emails,
            patterns: self.patterns.0.clone(),
        }
    }
}

/// An operator's own patterns, each of which can be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub(crate) struct MaskPatterns(BTreeMap<String, String>);

impl TryFrom<BTreeMap<String, String>> for MaskPatterns {
    type Error = MaskError;

    fn try_from(patterns: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        Mask::new(&MaskConfig {
            patterns: patterns.clone(),
            ..MaskConfig::off()
        })?;
        Ok(Self(patterns))
    }
}

/// `[plugins]`: what is loaded at start, and how uploads are answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PluginsTable {
    /// A folder of plugins (`*.wasm`) that are uploaded at start. Empty: none.
    pub(crate) folder: PathBuf,
    /// How long an upload waits for its compiling before it is answered with `202`.
    pub(crate) upload_wait: Span<0, { 600 * SECOND }>,
}

impl Default for PluginsTable {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            upload_wait: Span(10 * SECOND),
        }
    }
}

/// `[flows]`: what is loaded at start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlowsTable {
    /// A folder of flows (`*.yaml`, `*.yml`, `*.json`) that are saved at start. Empty: none.
    pub(crate) folder: PathBuf,
}

/// `[alerts]`: who is told when something goes wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsTable {
    /// A file of rules and receivers, such as `alerts.toml`. Empty: there are no alerts.
    pub(crate) file: PathBuf,
}

/// `[sandbox]`: what surrounds a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SandboxTable {
    /// Places for calls at once: one for each memory of each call. Each reserves 4 GiB of addresses, and no memory.
    pub(crate) places: Whole<1, 10_000>,
    /// Threads that guests run on. 0: one for each processor.
    pub(crate) guest_threads: Whole<0, 1_024>,
    /// Where compiled plugins are kept. Empty: what `LOCKGATE_CACHE` names, or else `lockgate` in the user's cache folder.
    pub(crate) cache: PathBuf,
    /// The most bytes that compiled plugins may have there.
    pub(crate) cache_bytes: Size<MIB, TIB>,
    /// Whether calls are cleared away with the kernel's page scan where it has one.
    pub(crate) page_scan: bool,
    /// What a call may use where its flow does not narrow it: instructions.
    pub(crate) fuel: Whole<1, { Limits::MAX.fuel }>,
    /// The same: time, waiting included.
    pub(crate) timeout: Span<1, { Limits::MAX.timeout_ms }>,
    /// The same: bytes of all memories and tables.
    pub(crate) memory: Size<1, { Limits::MAX.memory_bytes }>,
    /// The same: core instances, memories and tables that a component is made of.
    pub(crate) instances: Whole<1, { Limits::MAX.instances as u64 }>,
    /// The same: host resources alive at once.
    pub(crate) resources: Whole<1, { Limits::MAX.resources as u64 }>,
    /// The same: bytes that all host calls copy.
    pub(crate) copied_bytes: Size<1, { Limits::MAX.copied_bytes }>,
    /// The same: bytes of log lines.
    pub(crate) log_bytes: Size<1, { Limits::MAX.log_bytes }>,
    /// The same: bytes of all outputs.
    pub(crate) output_bytes: Size<1, { Limits::MAX.output_bytes }>,
}

impl Default for SandboxTable {
    fn default() -> Self {
        let limits = Limits::DEFAULT;
        Self {
            places: Whole(1_500),
            guest_threads: Whole(0),
            cache: PathBuf::new(),
            cache_bytes: Size(4 * GIB),
            page_scan: true,
            fuel: Whole(limits.fuel),
            timeout: Span(limits.timeout_ms),
            memory: Size(limits.memory_bytes),
            instances: Whole(limits.instances.into()),
            resources: Whole(limits.resources.into()),
            copied_bytes: Size(limits.copied_bytes),
            log_bytes: Size(limits.log_bytes),
            output_bytes: Size(limits.output_bytes),
        }
    }
}

impl SandboxTable {
    /// What a call may use where nobody narrows it.
    pub(crate) fn limits(&self) -> Limits {
        let milliseconds = self.timeout.get().as_millis();
        Limits {
            fuel: self.fuel.get(),
            timeout_ms: u64::try_from(milliseconds).unwrap_or(u64::MAX),
            memory_bytes: self.memory.get(),
            instances: self.instances.small(),
            resources: self.resources.small(),
            copied_bytes: self.copied_bytes.get(),
            log_bytes: self.log_bytes.get(),
            output_bytes: self.output_bytes.get(),
        }
    }
}
