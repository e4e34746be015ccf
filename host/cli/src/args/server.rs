//! What the commands take that are about a server of this machine.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use lockgate_model::Kebab;

/// Starts a server: flows and plugins are loaded through its API while runs go on, and every run is kept.
///
/// Says where it listens once it is ready. SIGTERM and Ctrl-C let running runs finish; a second one ends it at once.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate serve --dev --plugins target/plugins --flows flows
  lockgate serve --data /var/lib/lockgate --listen 0.0.0.0:7878
  lockgate serve --dev --plugins target/plugins --flows flows --try 'poem={\"topic\":\"春天\"}'

Everything else is set in a file or in the environment: `lockgate config` shows all of it.")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Once the server is ready, runs a flow through its port, as any client would, and prints the request and the answer.
    /// May be repeated. Needs --dev, which needs no key.
    #[arg(long = "try", value_name = "FLOW=JSON", requires = "dev")]
    pub(crate) tries: Vec<String>,
}

/// Shows the configuration that is in force: every key, its value, and whether that is the default or comes from a line of
/// a file, an environment variable or a flag.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate config
  LOCKGATE_QUEUE_LENGTH=500 lockgate config --config lockgate.toml
  lockgate config --toml > lockgate.toml")]
pub(crate) struct ShowConfigArgs {
    /// Prints it as a file that says the same.
    #[arg(long)]
    pub(crate) toml: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// How a server is set up. What is not given here comes from the environment, the file, or the default.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct ConfigArgs {
    /// The file of the configuration. Without it: `lockgate.toml` in this folder, if there is one.
    #[arg(long, value_name = "FILE", env = "LOCKGATE_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// The address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,

    /// The folder that everything is kept in.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// A folder of plugins (`*.wasm`) that are uploaded at start.
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins: Option<PathBuf>,

    /// A folder of flows (`*.yaml`, `*.yml`, `*.json`) that are saved at start.
    #[arg(long, value_name = "DIR")]
    pub(crate) flows: Option<PathBuf>,

    /// For your own desk: no keys, on a loopback address only; the folders of plugins and flows are watched, and what
    /// changes there is loaded.
    #[arg(long)]
    pub(crate) dev: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CmsCommand {
    Check(CmsCheckArgs),
}

/// Sends one metric to Alibaba Cloud Monitor, with the configuration and the credentials that a server here would use, and
/// says what comes back and what helps.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  LOCKGATE_CMS_REGION=cn-hangzhou lockgate cms check --dry-run
  lockgate cms check --config lockgate.toml")]
pub(crate) struct CmsCheckArgs {
    /// Prints what would be sent, and sends nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Create(KeyCreateArgs),
    List(KeyListArgs),
    Revoke(KeyRevokeArgs),
}

/// Makes a key, and prints it on standard output. It is not shown again: the server keeps a digest of it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate key create --scope admin --data /var/lib/lockgate
  lockgate key create --scope run --flow poem --name website --data /var/lib/lockgate
  export LOCKGATE_KEY=$(lockgate key create --scope deploy --data /var/lib/lockgate)

Scopes: `run` starts runs, and reads and cancels those that it started; `read` reads everything of its project; `deploy` is
both, and changes plugins and flows; `admin` may do everything.")]
pub(crate) struct KeyCreateArgs {
    /// What the key is good for. May be repeated.
    #[arg(long, required = true)]
    pub(crate) scope: Vec<ScopeArg>,

    /// The project that it is for.
    #[arg(long, default_value = "default")]
    pub(crate) project: Kebab,

    /// Whose plugins those are that it uploads: the first part of their names.
    #[arg(long, default_value = "lockgate")]
    pub(crate) publisher: Kebab,

    /// What lists and the audit log call it. Without it: its scopes.
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// A flow that it is limited to. May be repeated. Without it: all flows.
    #[arg(long, value_name = "FLOW")]
    pub(crate) flow: Vec<Kebab>,

    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Lists the keys of all projects. What they are is not kept, and so not shown.
#[derive(Debug, ClapArgs)]
pub(crate) struct KeyListArgs {
    /// Prints a line of JSON for each key, for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Revokes a key. A running server takes it for at most a second more.
#[derive(Debug, ClapArgs)]
pub(crate) struct KeyRevokeArgs {
    /// The key's id, or its name where only one key in force has it.
    #[arg(value_name = "ID|NAME")]
    pub(crate) key: String,

    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Which server's keys.
#[derive(Debug, ClapArgs)]
pub(crate) struct DataArgs {
    /// The server's data folder. Without it: the one that the server's configuration names.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The server's file of configuration. Without it: `lockgate.toml` in this folder, if there is one.
    #[arg(long, value_name = "FILE", env = "LOCKGATE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    Admin,
    Deploy,
    Run,
    Read,
}
