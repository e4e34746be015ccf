//! What the command takes. The texts here are its help.

mod alerts;
mod client;
mod server;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

pub(crate) use alerts::{AlertsCheckArgs, AlertsCommand, AlertsPushArgs};
pub(crate) use client::{
    CancelArgs, ClientArgs, LogsArgs, PushArgs, RerunArgs, RunsArgs, StatsArgs,
};
pub(crate) use server::{
    CmsCheckArgs, CmsCommand, ConfigArgs, DataArgs, KeyCommand, KeyCreateArgs, KeyListArgs,
    KeyRevokeArgs, ScopeArg, ServeArgs, ShowConfigArgs,
};

/// Runs AI flows whose nodes are WebAssembly components, each call in a fresh sandbox.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  lockgate run flows/poem.yaml --input '{\"topic\":\"春天\"}' --trace
  lockgate check flows/*.yaml
  lockgate check --plan flows/poem.yaml
  lockgate test flows
  lockgate plugin inspect target/plugins/text.wasm
  lockgate plugin call target/plugins/text.wasm upper --input '{\"text\":\"abc\"}'
  lockgate serve --dev --plugins target/plugins --flows flows

Exit status: 0, it worked; 1, the run or call failed; 2, the input, the flow, the plugin or the command is wrong;
130, Ctrl-C ended it.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Check(CheckArgs),
    Test(TestArgs),
    /// Looks at plugins, and calls one node of one.
    #[command(subcommand)]
    Plugin(PluginCommand),
    Serve(ServeArgs),
    Config(ShowConfigArgs),
    /// Looks at how this host reports to Alibaba Cloud Monitor.
    #[command(subcommand)]
    Cms(CmsCommand),
    /// Makes, lists and revokes the keys of a server. Works on its data folder, also while it runs.
    #[command(subcommand)]
    Key(KeyCommand),
    Push(PushArgs),
    Runs(RunsArgs),
    Logs(LogsArgs),
    Rerun(RerunArgs),
    Cancel(CancelArgs),
    Stats(StatsArgs),
    /// Tries rules on what was counted, and puts them into CMS.
    #[command(subcommand)]
    Alerts(AlertsCommand),
}

/// Runs a flow, and prints its output as JSON on standard output.
///
/// The flow is checked whole before anything runs; every fault of it is shown with its line. Each call of a node gets a
/// fresh sandbox with limits on fuel, memory and time.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate run flows/poem.yaml --input '{\"topic\":\"春天\"}'
  lockgate run flows/poem.yaml --input @input.json --trace
  echo '{\"topic\":\"rain\"}' | lockgate run flows/poem.yaml --input -
  lockgate run flows/poem.yaml --input '{\"topic\":\"rain\"}' --set check.max_chars=20
  lockgate run flows/poem.yaml --input '{\"topic\":\"rain\"}' --until prompt
  lockgate run flows/poem.yaml --input '{\"topic\":\"rain\"}' --pin 'prompt={\"text\":\"A prompt of mine.\"}'
  lockgate run flows/poem.yaml --input '{\"topic\":\"rain\"}' --events | jq -c '{type, node, outcome}'

On a terminal, the run is shown on standard error while it goes on, a line for each node:
  · waiting  ⠋ running  ↻ waiting to try again  ✓ ok  ⚡ from the cache  ↷ skipped  ✗ failed or cancelled
Elsewhere, standard error has a line for each warning of a node, each retry, and each failure.

Ctrl-C cancels the run: its calls end, what was done is shown, and the exit status is 130. Pressed again, it ends the
command at once.")]
pub(crate) struct RunArgs {
    /// The flow: a YAML or JSON document.
    pub(crate) flow: PathBuf,

    /// The run's input as JSON: the document itself, `@FILE`, or `-` for standard input.
    #[arg(long, short, value_name = "JSON|@FILE|-", default_value = "{}")]
    pub(crate) input: String,

    /// Shows what each node cost on standard error: attempts, time, fuel, memory, tokens; and all log lines of the nodes
    /// as they come.
    #[arg(long)]
    pub(crate) trace: bool,

    /// Prints the run's events on standard output as they come, as JSON, one a line. The last is `run.finished`, which has
    /// the output; nothing else is printed there. Nothing in them is masked, as it is on a server.
    #[arg(long)]
    pub(crate) events: bool,

    /// Sets one key of one node's configuration, over what the flow says. The value is JSON, or else text. May be
    /// repeated.
    #[arg(long, value_name = "NODE.KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Sets a variable of the flow, or of a flow that it runs, over its default under `vars`. The value is JSON, or else
    /// text. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) var: Vec<String>,

    /// Stops at this node: it and what it needs runs, and its outputs are printed.
    #[arg(long, value_name = "NODE")]
    pub(crate) until: Option<String>,

    /// Gives a node's outputs instead of running it, as an object with a key for each: what only it needs does not run
    /// either. `@FILE` is an object of nodes and their outputs. May be repeated.
    #[arg(long, value_name = "NODE=JSON|@FILE")]
    pub(crate) pin: Vec<String>,

    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// Checks flows without running them: the documents, their expressions, the ports, and each node's configuration.
///
/// Shows every fault of every flow at once, each with its file, line and column.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate check flows/*.yaml
  lockgate check --plan flows/poem.yaml
  lockgate check --graph flows/poem.yaml > poem.mmd

In a plan, `←` stands before what an input gets when it is there whole, and `⇐` before what it gets in parts, as they come.
`cache pure` says that outputs are kept because the node is pure, where making them again would cost more than that.
In a graph, an arrow is thick where a value goes in parts, and dashed where it may be missing.")]
pub(crate) struct CheckArgs {
    /// The flows.
    #[arg(required = true, value_name = "FLOW")]
    pub(crate) flows: Vec<PathBuf>,

    /// Prints how each flow will run: its nodes in order, the versions that they resolve to, what they need, when and how
    /// often they run, their limits, where their inputs come from, and which of them start together.
    #[arg(long, conflicts_with = "graph")]
    pub(crate) plan: bool,

    /// Prints a flow as a Mermaid flowchart, which GitHub and others draw. Takes one flow.
    #[arg(long)]
    pub(crate) graph: bool,

    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// Runs the test cases of flows, and says which do not give what they should.
///
/// The cases of `NAME.yaml` stand beside it in `NAME.test.yaml`: each a run's input, and what has to come of it. Flows
/// and cases are checked whole before anything runs. Cases run side by side, and are reported in their order.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate test flows
  lockgate test flows/poem.yaml --filter 'too long'
  lockgate test flows --json | jq 'select(.passed | not)'

Exit status: 0, every case passed; 1, a case failed; 2, a flow or a case is faulty, or there is no case.")]
pub(crate) struct TestArgs {
    /// The flows, or folders of them.
    #[arg(required = true, value_name = "FLOW|DIR")]
    pub(crate) flows: Vec<PathBuf>,

    /// Runs only the cases with this text in their name, or in their flow's name.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,

    /// Prints a line of JSON for each case, for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    Inspect(InspectArgs),
    Call(CallArgs),
}

/// Shows what a plugin says of itself, and what it could ever ask the host for: its imports.
///
/// The plugin runs only to say this, in a sandbox without any grant.
#[derive(Debug, ClapArgs)]
pub(crate) struct InspectArgs {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    pub(crate) file: PathBuf,

    /// Prints JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

/// Makes one call of one node: its outputs on standard output as JSON, the receipt on standard error.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  lockgate plugin call target/plugins/text.wasm prompt-template \\
    --config '{\"template\":\"Hello {{ name }}\"}' --input '{\"name\":\"world\"}'")]
pub(crate) struct CallArgs {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    pub(crate) file: PathBuf,

    /// The node's name in the plugin.
    #[arg(value_name = "NODE")]
    pub(crate) node: String,

    /// The inputs, an object with a key for each port: the document itself, `@FILE`, or `-` for standard input.
    #[arg(long, short, value_name = "JSON|@FILE|-", default_value = "{}")]
    pub(crate) input: String,

    /// The node's configuration, an object: the document itself, `@FILE`, or `-` for standard input.
    #[arg(long, short, value_name = "JSON|@FILE|-", default_value = "{}")]
    pub(crate) config: String,

    /// Narrows a limit of the call, such as `fuel=1000000`, `timeout=500` (milliseconds), `memory=1048576` (bytes). May be
    /// repeated.
    #[arg(long, value_name = "LIMIT=NUMBER")]
    pub(crate) limit: Vec<String>,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

/// What commands take that load plugins from folders.
#[derive(Debug, ClapArgs)]
pub(crate) struct HostArgs {
    /// A folder of plugins (`*.wasm`). May be repeated. Without it: the folder `plugins` beside the command or its folder.
    #[arg(
        long,
        value_name = "DIR",
        env = "LOCKGATE_PLUGINS",
        value_delimiter = ':'
    )]
    pub(crate) plugins: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

/// What commands take that compile.
#[derive(Debug, ClapArgs)]
pub(crate) struct CacheArgs {
    /// Where compiled plugins are kept: a folder that only you can write. Without it: `lockgate` in your cache folder.
    #[arg(long, value_name = "DIR", env = "LOCKGATE_CACHE")]
    pub(crate) cache: Option<PathBuf>,
}
