//! What a server is told before it starts: defaults, a file, environment variables, flags, each over those before it.
//!
//! Every key has a default, and every key an environment variable. Where a value came from stays known (`Origin`), so that
//! whatever is wrong is told with its file and line or its variable, and `lockgate config` can show it.
//!
//! Belongs here: keys, their bounds, and which value wins. Does not belong here: what is made of them (`serve`).

mod document;
mod keys;
mod layers;
mod quantity;
pub(crate) mod show;
mod tables;
mod telemetry;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::args::ConfigArgs;
use crate::exit::Failed;
use layers::Layers;
pub(crate) use tables::{
    AlertsTable, DataTable, FlowsTable, MaskTable, PluginsTable, QueueTable, RollupsTable,
    RunsTable, SandboxTable, ServerTable,
};
pub(crate) use telemetry::{
    CmsMode, CmsTable, OtlpProtocol, OtlpTable, TelemetryTable, TracesTable,
};

/// What a host calls its environment where it is somebody's desk.
pub(crate) const DEV: &str = "dev";

/// The file that is read where no other is named and it is there.
const FILE: &str = "lockgate.toml";

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// What this host's runs are: `production`, or a word of yours. `--dev` makes it `dev`.
    pub(crate) environment: Environment,
    pub(crate) server: ServerTable,
    pub(crate) data: DataTable,
    pub(crate) runs: RunsTable,
    pub(crate) queue: QueueTable,
    pub(crate) mask: MaskTable,
    pub(crate) rollups: RollupsTable,
    pub(crate) plugins: PluginsTable,
    pub(crate) flows: FlowsTable,
    pub(crate) sandbox: SandboxTable,
    pub(crate) telemetry: TelemetryTable,
    pub(crate) traces: TracesTable,
    pub(crate) cms: CmsTable,
    pub(crate) otlp: OtlpTable,
    pub(crate) alerts: AlertsTable,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            environment: Environment("production".to_owned()),
            server: ServerTable::default(),
            data: DataTable::default(),
            runs: RunsTable::default(),
            queue: QueueTable::default(),
            mask: MaskTable::default(),
            rollups: RollupsTable::default(),
            plugins: PluginsTable::default(),
            flows: FlowsTable::default(),
            sandbox: SandboxTable::default(),
            telemetry: TelemetryTable::default(),
            traces: TracesTable::default(),
            cms: CmsTable::default(),
            otlp: OtlpTable::default(),
            alerts: AlertsTable::default(),
        }
    }
}

/// The name of an environment: a kebab-case word, because it becomes a dimension of metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Environment(String);

impl Environment {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this host is on somebody's desk: nothing of it is told to CMS.
    pub(crate) fn is_dev(&self) -> bool {
        self.0 == DEV
    }
}

impl TryFrom<String> for Environment {
    type Error = lockgate_model::InvalidName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse::<lockgate_model::Kebab>()?;
        Ok(Self(name))
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the file, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Env(String),
    /// A flag of the command.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// Reads everything, and says on standard error what is wrong with it: all of it at once.
pub(crate) fn load(args: &ConfigArgs) -> Result<(Config, Layers), Failed> {
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        // A value that is no text is as good as a wrong one: its key's own check says so.
        Some((name, value.to_string_lossy().into_owned()))
    });
    let (loaded, warnings) = layers::load(args, environment);
    for warning in warnings {
        eprintln!("warning: {}", lockgate_model::escaped(&warning));
    }
    loaded.map_err(|faults| {
        for fault in faults {
            eprintln!("error: {}", lockgate_model::escaped_lines(&fault));
        }
        Failed::Shown
    })
}
