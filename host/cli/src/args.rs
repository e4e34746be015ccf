//! What the command takes. The texts here are its help.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

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
  lockgate test flows
  lockgate plugin inspect target/plugins/text.wasm
  lockgate plugin call target/plugins/text.wasm upper --input '{\"text\":\"abc\"}'

Exit status: 0, it worked; 1, the run or call failed; 2, the input, the flow, the plugin or the command is wrong.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Check(CheckArgs),
    Test(TestArgs),
    /// Looks at plugins, and calls one node of one.
    #[command(subcommand)]
    Plugin(PluginCommand),
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
  lockgate run flows/poem.yaml --input '{\"topic\":\"rain\"}' --set check.max_chars=20")]
pub(crate) struct RunArgs {
    /// The flow: a YAML or JSON document.
    pub(crate) flow: PathBuf,

    /// The run's input as JSON: the document itself, `@FILE`, or `-` for standard input.
    #[arg(long, short, value_name = "JSON|@FILE|-", default_value = "{}")]
    pub(crate) input: String,

    /// Draws each call on standard error: node, outcome, time, fuel, memory; and the nodes' log lines as they come.
    #[arg(long)]
    pub(crate) trace: bool,

    /// Sets one key of one node's configuration, over what the flow says. The value is JSON, or else text. May be
    /// repeated.
    #[arg(long, value_name = "NODE.KEY=VALUE")]
    pub(crate) set: Vec<String>,

    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// Checks flows without running them: the documents, their expressions, the ports, and each node's configuration.
///
/// Shows every fault of every flow at once, each with its file, line and column.
#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// The flows.
    #[arg(required = true, value_name = "FLOW")]
    pub(crate) flows: Vec<PathBuf>,

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
