//! What `lockgate alerts` takes.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args as ClapArgs, Subcommand};

use super::{ClientArgs, ConfigArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    Check(AlertsCheckArgs),
    Push(AlertsPushArgs),
}

/// Runs rules over what a server counted, and shows when each would have fired. Nobody is told.
///
/// A rule about minutes is looked at when a minute is over, and one about single runs when a run ended: as the server does.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate alerts check
  lockgate alerts check --rules alerts.toml --since 7d
  lockgate alerts check --rules alerts.toml --json | jq '.rules[].firings[].fired'")]
pub(crate) struct AlertsCheckArgs {
    /// A file of rules, which need not be in force anywhere. Without it: the server's own rules.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,

    /// From when on: a moment as RFC 3339 has it, or how long ago, such as `7d`. At most 31 days are looked at.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = super::client::since)]
    pub(crate) since: SystemTime,

    /// Prints JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Makes rules alarm rules of Alibaba Cloud Monitor (CMS), which tell even when this host cannot.
///
/// Pushing again changes the rules that are there. Those that CMS cannot have are named, with the reason. A rule that was renamed
/// or taken out of the file stays in CMS until somebody removes it there: its id is `lockgate-INSTANCE.PROJECT.NAME`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  lockgate alerts push --dry-run
  lockgate alerts push --rules alerts.toml")]
pub(crate) struct AlertsPushArgs {
    /// The file of rules. Without it: what `alerts.file` of the configuration names.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,

    /// Whose series the rules are about: what that server tells CMS as `instance`. Without it: this machine's name and the
    /// port of the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,

    /// Shows what would be sent, and sends nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
