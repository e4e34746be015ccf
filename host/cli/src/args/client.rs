//! What the commands take that talk to a server, here or elsewhere.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use lockgate_model::Kebab;

/// Which server, and how long to wait for it. The key is taken from the environment variable `LOCKGATE_KEY`, and from
/// nowhere else: arguments can be read by everybody on the machine.
#[derive(Debug, ClapArgs)]
pub(crate) struct ClientArgs {
    /// The server's address.
    #[arg(
        long,
        value_name = "URL",
        env = "LOCKGATE_SERVER",
        default_value = "http://127.0.0.1:7878"
    )]
    pub(crate) server: String,

    /// The longest that an answer may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

/// Uploads plugins and saves flows, in the order given.
///
/// What a flow has of faults is shown as `lockgate check` shows it. A plugin that takes long to compile is waited for.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate push target/plugins/text.wasm --activate
  lockgate push flows/poem.yaml
  LOCKGATE_SERVER=https://flows.example.com lockgate push plugin.wasm flow.yaml")]
pub(crate) struct PushArgs {
    /// Plugins (`*.wasm`) and flows (`*.yaml`, `*.yml`, `*.json`).
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Makes the versions active: the next runs use them. This is so for flows where neither is given.
    #[arg(long, conflicts_with = "no_activate")]
    pub(crate) activate: bool,

    /// Leaves active what is active. This is so for plugins where neither is given, but with `serve --dev`.
    #[arg(long)]
    pub(crate) no_activate: bool,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Lists the runs of a server, newest first.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate runs
  lockgate runs --flow poem --outcome failed --since 1h
  lockgate runs --json --limit 1000 | jq -r .run")]
pub(crate) struct RunsArgs {
    /// Those of one flow.
    #[arg(long)]
    pub(crate) flow: Option<Kebab>,

    /// Those that ended like this: ok, failed, rejected, trapped, denied or cancelled.
    #[arg(long, value_name = "WORD", value_parser = ["ok", "failed", "rejected", "trapped", "denied", "cancelled"])]
    pub(crate) outcome: Option<String>,

    /// Those that began since: a moment as RFC 3339 has it, or how long ago, such as `90m`.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<std::time::SystemTime>,

    /// How many at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,

    /// Prints a line of JSON for each run, for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Shows what runs of a flow did, in numbers: how many, how they ended, how long they took, fuel, memory and tokens, by node
/// or by version, with small charts over time. Or says whether one version is faster than another.
///
/// Percentiles are true to 4.5 %. A difference is only called one if it is 5 % or more, and its confidence interval of 95 %
/// leaves no doubt about its direction.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate stats poem
  lockgate stats poem --by version --since 7d
  lockgate stats --compare poem@3 poem@4
  lockgate stats --compare poem@3 poem@4 --node answer --since 24h")]
pub(crate) struct StatsArgs {
    /// The flow.
    #[arg(
        value_name = "FLOW",
        required_unless_present = "compare",
        conflicts_with = "compare"
    )]
    pub(crate) flow: Option<Kebab>,

    /// What there is a row for: node or version.
    #[arg(long, value_name = "WORD", default_value = "node", value_parser = ["node", "version"], conflicts_with = "compare")]
    pub(crate) by: String,

    /// From when on: a moment as RFC 3339 has it, or how long ago, such as `90m`. Without it: for the last 24 hours, or all that
    /// is kept where versions are compared.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<std::time::SystemTime>,

    /// One version of the flow.
    #[arg(long, value_name = "N", conflicts_with = "compare")]
    pub(crate) version: Option<u32>,

    /// Two versions: whether the second is faster or slower than the first, or no different.
    #[arg(long, num_args = 2, value_names = ["FLOW@N", "FLOW@N"])]
    pub(crate) compare: Vec<String>,

    /// Compares one node of both.
    #[arg(long, value_name = "NODE", requires = "compare")]
    pub(crate) node: Option<String>,

    /// Prints the numbers as JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Shows what happened in a run: a line for each event, on standard output.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate logs 0198c9a2-7b1e-7cc0-a1f6-2f6f3f0d7a55
  lockgate logs 0198c9a2-7b1e-7cc0-a1f6-2f6f3f0d7a55 --follow
  lockgate logs 0198c9a2-7b1e-7cc0-a1f6-2f6f3f0d7a55 --events | jq -c '{type, node}'

With --follow on a terminal the run is drawn on standard error while it goes on, as `lockgate run` draws it.

Exit status with --follow: 0, the run ended well; 1, it did not; 2, the command is wrong, or the server said no.")]
pub(crate) struct LogsArgs {
    /// The run's id.
    #[arg(value_name = "RUN")]
    pub(crate) run: uuid::Uuid,

    /// Goes on until the run is over.
    #[arg(long)]
    pub(crate) follow: bool,

    /// Prints the events as they are, as JSON, one a line.
    #[arg(long)]
    pub(crate) events: bool,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Runs a run again, with its input, and prints what comes of it as JSON.
///
/// With --from, what comes before that node, or beside it, is not computed again: its outputs are those of then.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate rerun 0198c9a2-7b1e-7cc0-a1f6-2f6f3f0d7a55
  lockgate rerun 0198c9a2-7b1e-7cc0-a1f6-2f6f3f0d7a55 --from answer
  lockgate rerun 0198c9a2-7b1e-7cc0-a1f6-2f6f3f0d7a55 --version 2")]
pub(crate) struct RerunArgs {
    /// The id of the run.
    #[arg(value_name = "RUN")]
    pub(crate) run: uuid::Uuid,

    /// The node to begin at.
    #[arg(long, value_name = "NODE")]
    pub(crate) from: Option<String>,

    /// The version of the flow. Without it: the one of then.
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Cancels a run that waits or goes on.
#[derive(Debug, ClapArgs)]
pub(crate) struct CancelArgs {
    /// The run's id.
    #[arg(value_name = "RUN")]
    pub(crate) run: uuid::Uuid,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

pub(super) fn since(text: &str) -> Result<std::time::SystemTime, String> {
    if let Ok(moment) = humantime::parse_rfc3339_weak(text) {
        return Ok(moment);
    }
    let ago = humantime::parse_duration(text).ok();
    ago.and_then(|ago| std::time::SystemTime::now().checked_sub(ago))
        .filter(|moment| *moment >= std::time::UNIX_EPOCH)
        .ok_or_else(|| {
            "give a moment since 1970 such as 2030-01-31T12:00:00Z, or how long ago, such as 90m"
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_since_1970() {
        for text in ["2030-01-31T12:00:00Z", "2030-01-31 12:00:00", "90m", "7d"] {
            assert!(since(text).is_ok(), "{text}");
        }
        for text in ["9999999999d", "1969-12-31T23:59:59Z", "soon", "-1h", ""] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
