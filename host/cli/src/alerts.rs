//! `lockgate alerts push`: rules as alarm rules of CMS.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow};
use lockgate_cms::{Client, Dimensions, Level, MetricName, Period, Rule, Statistic};
use lockgate_model::{escaped, escaped_lines};
use lockgate_telemetry::alerts::push::{self, CmsNames, CmsRule, Pushed};
use lockgate_telemetry::alerts::{Comparison, Severity};
use lockgate_telemetry::cms::MetricNames;

use crate::args::{AlertsCommand, AlertsPushArgs};
use crate::config::{self, CmsMode, Config};
use crate::exit::Failed;
use crate::{client, cms};

pub(crate) async fn alerts(command: AlertsCommand) -> Result<(), Failed> {
    match command {
        AlertsCommand::Check(args) => client::alerts::check(args).await,
        AlertsCommand::Push(args) => push(args).await,
    }
}

async fn push(args: AlertsPushArgs) -> Result<(), Failed> {
    let (config, _) = config::load(&args.config)?;
    let names = cms::names(&config)?;
    let file = args.rules.unwrap_or_else(|| config.alerts.file.clone());
    if file.as_os_str().is_empty() {
        return Err(anyhow!("there are no rules: give --rules, or set `alerts.file`").into());
    }
    let alerts = client::alerts::rules(&file)?;
    if config.environment.is_dev() && !args.dry_run {
        return Err(anyhow!("the environment is `dev`: a server on somebody's desk tells CMS nothing, so its rules would wait for ever").into());
    }
    let instance = args
        .instance
        .unwrap_or_else(|| cms::instance(&config.server.listen));
    println!("instance: {}", escaped(&instance));
    let names = CmsNames {
        metric: &|instrument| metric(&names, instrument),
        dimensions: BTreeMap::from([("instance".to_owned(), instance.clone())]),
        prefix: format!("lockgate-{instance}"),
        is_raw: config.cms.mode == CmsMode::Raw,
    };
    let pushed = push::push(&alerts.rules.rules, &names, &alerts.cms);
    show(&pushed);
    if args.dry_run {
        return Ok(());
    }
    let client = cms::client(&config)?;
    let mut is_whole = true;
    for rule in &pushed.rules {
        match put(&client, rule, &config).await {
            Ok(()) => println!("pushed: {}", escaped(&rule.id)),
            Err(error) => {
                is_whole = false;
                let said = escaped_lines(&format!("{error:#}")).to_string();
                eprintln!("error: the rule `{}`: {said}", escaped(&rule.name));
            }
        }
    }
    if is_whole { Ok(()) } else { Err(Failed::Run) }
}

async fn put(client: &Client, rule: &CmsRule, config: &Config) -> anyhow::Result<()> {
    let put = client.put_custom_metric_rule(&of_cms(rule, config)?).await;
    put.map_err(|error| anyhow!("{error}\n{}", cms::advice(&error)))
}

/// What the configuration calls an instrument, such as `lockgate.node.duration`, in CMS.
fn metric(names: &MetricNames, instrument: &str) -> String {
    let of = instrument.strip_prefix("lockgate.").unwrap_or(instrument);
    let (component, metric) = of.split_once('.').unwrap_or((of, ""));
    let name = names.get(component, metric);
    name.map_or_else(|| instrument.to_owned(), |name| name.as_str().to_owned())
}

/// A rule as the client of CMS takes it.
fn of_cms(rule: &CmsRule, config: &Config) -> anyhow::Result<Rule> {
    let statistic = Statistic::of_name(&rule.statistics)
        .with_context(|| format!("CMS has no statistic `{}`", rule.statistics))?;
    let comparison = match rule.comparison {
        Comparison::Over => lockgate_cms::Comparison::Above,
        Comparison::Below => lockgate_cms::Comparison::Below,
    };
    let mut dimensions = rule.dimensions.iter();
    let dimensions = dimensions.try_fold(Dimensions::new(), |made, (key, value)| {
        made.with_mangled(key, value)
    })?;
    let mut made = Rule::new(
        rule.id.clone(),
        MetricName::new(rule.metric.clone())?,
        statistic,
        comparison,
        rule.threshold,
        rule.contact_groups.clone(),
    )?;
    made.name = Some(rule.name.clone());
    made.group = config.cms.group_id.get();
    made.dimensions = dimensions;
    made.evaluations = rule.evaluation_count;
    made.period = match rule.period {
        300 => Period::FiveMinutes,
        _ => Period::Minute,
    };
    made.silence_seconds = u32::try_from(rule.silence_time).unwrap_or(u32::MAX);
    made.webhook.clone_from(&rule.webhook);
    made.level = match rule.level {
        Severity::Critical => Level::Critical,
        Severity::Warning => Level::Warn,
        Severity::Info => Level::Info,
    };
    Ok(made)
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
