//! `lockgate alerts push`: rules as alarm rules of CMS.

use std::collections::BTreeMap;

use anyhow::anyhow;
use lockgate_model::escaped;
use lockgate_telemetry::alerts::push::{self, CmsNames, Pushed};

use crate::args::{AlertsCommand, AlertsPushArgs};
use crate::client;
use crate::config;
use crate::exit::Failed;

pub(crate) async fn alerts(command: AlertsCommand) -> Result<(), Failed> {
    match command {
        AlertsCommand::Check(args) => client::alerts::check(args).await,
        AlertsCommand::Push(args) => push(args),
    }
}

fn push(args: AlertsPushArgs) -> Result<(), Failed> {
    let (config, _) = config::load(&args.config)?;
    let file = args.rules.unwrap_or(config.alerts.file);
    if file.as_os_str().is_empty() {
        return Err(anyhow!("there are no rules: give --rules, or set `alerts.file`").into());
    }
    let alerts = client::alerts::rules(&file)?;
    let names = CmsNames {
        metric: &metric,
        dimensions: BTreeMap::new(),
        prefix: "lockgate".to_owned(),
    };
    let pushed = push::push(&alerts.rules.rules, &names, &alerts.cms);
    show(&pushed);
    if args.dry_run {
        return Ok(());
    }
    Err(anyhow!("this command does not reach CMS yet: use --dry-run").into())
}

/// What a metric is called in CMS where the configuration does not say otherwise.
fn metric(instrument: &str) -> String {
    let plain = instrument.replace(['.', '-'], "_");
    format!("custom_{plain}")
}

fn show(pushed: &Pushed) {
    for rule in &pushed.rules {
        println!("{}", escaped(&rule.to_string()));
    }
    for (rule, note) in &pushed.notes {
        eprintln!("note: rule `{}`: {}", escaped(rule), escaped(note));
    }
    for (rule, why) in &pushed.left {
        eprintln!("left here: rule `{}`: {}", escaped(rule), escaped(why));
    }
}
