//! `lockgate key`: makes, lists and revokes keys, in a server's data folder. A running server sees it within a second.

use anyhow::Context as _;
use lockgate_model::escaped;
use lockgate_service::{Caller, KeyView, Keys, NewKey, Scope};
use lockgate_store::{Store, StoreConfig};

use crate::args::{
    ConfigArgs, DataArgs, KeyCommand, KeyCreateArgs, KeyListArgs, KeyRevokeArgs, ScopeArg,
};
use crate::exit::Failed;
use crate::{config, setup, table};

pub(crate) async fn key(command: KeyCommand) -> Result<(), Failed> {
    match command {
        KeyCommand::Create(args) => create(args).await,
        KeyCommand::List(args) => list(args).await,
        KeyCommand::Revoke(args) => revoke(args).await,
    }
}

async fn create(args: KeyCreateArgs) -> Result<(), Failed> {
    let store = open(&args.data).await?;
    let scopes: Vec<_> = args.scope.iter().copied().map(scope).collect();
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    let new = NewKey {
        project: args.project,
        publisher: args.publisher,
        name: match args.name {
            Some(name) => name,
            None => unused(&Keys::new(store.clone()), &words.join("-")).await?,
        },
        scopes,
        flows: Some(args.flow).filter(|flows| !flows.is_empty()),
    };
    let made = Keys::new(store.clone()).create(new, &caller()?).await;
    store.close().await;
    let made = made.map_err(anyhow::Error::from)?;
    eprintln!(
        "the key `{}` ({}), which is not shown again:",
        escaped(&made.view.name),
        made.view.key
    );
    println!("{}", made.secret);
    Ok(())
}

/// A name that no key has: this one, or with a number behind it.
async fn unused(keys: &Keys, name: &str) -> anyhow::Result<String> {
    let known: Vec<_> = keys.list().await?.into_iter().map(|key| key.name).collect();
    let numbered = (2..).map(|number: u64| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names
        .find(|name| !known.contains(name))
        .context("there is no name left")
}

async fn list(args: KeyListArgs) -> Result<(), Failed> {
    let store = open(&args.data).await?;
    let keys = Keys::new(store.clone()).list().await;
    store.close().await;
    let keys = keys.map_err(anyhow::Error::from)?;
    if args.json {
        for key in &keys {
            let json = serde_json::to_string(key).map_err(anyhow::Error::from)?;
            println!("{json}");
        }
        return Ok(());
    }
    let mut table = table::plain([
        "id",
        "name",
        "project",
        "publisher",
        "scopes",
        "flows",
        "made",
        "revoked",
    ]);
    table.add_rows(keys.iter().map(row));
    table
        .lines()
        .for_each(|line| println!("{}", line.trim_end()));
    Ok(())
}

fn row(key: &KeyView) -> [String; 8] {
    let flows = key.flows.as_deref().map(|flows| {
        let names: Vec<_> = flows.iter().map(|flow| flow.as_str()).collect();
        names.join(", ")
    });
    [
        key.key.to_string(),
        escaped(&key.name),
        key.project.to_string(),
        key.publisher.to_string(),
        key.scopes.join(", "),
        flows.unwrap_or_else(|| "all".to_owned()),
        key.created_at.to_string(),
        key.revoked_at.map_or_else(String::new, |at| at.to_string()),
    ]
}

async fn revoke(args: KeyRevokeArgs) -> Result<(), Failed> {
    let store = open(&args.data).await?;
    let revoked = Keys::new(store.clone()).revoke(&args.key, &caller()?).await;
    store.close().await;
    let revoked = revoked.map_err(anyhow::Error::from)?;
    println!("revoked `{}` ({})", escaped(&revoked.name), revoked.key);
    Ok(())
}

/// Opens the store that the arguments name, or the server's configuration.
async fn open(args: &DataArgs) -> Result<Store, Failed> {
    let args = ConfigArgs {
        config: args.config.clone(),
        data: args.data.clone(),
        ..ConfigArgs::default()
    };
    let (config, _) = config::load(&args)?;
    let store = Store::open(store(&config)).await;
    Ok(store.map_err(anyhow::Error::from)?)
}

/// The store that a configuration describes.
pub(crate) fn store(config: &config::Config) -> StoreConfig {
    let (data, rollups) = (&config.data, &config.rollups);
    StoreConfig {
        keep_minutes: rollups.minutes.get(),
        keep_hours: rollups.hours.get(),
        keep_days: rollups.days.get(),
        keep_runs: data.keep_runs.get(),
        keep_bytes: data.keep_bytes.get(),
        readers: data.readers.small(),
        ..StoreConfig::new(&data.folder)
    }
}

/// Who the audit log says it was.
fn caller() -> anyhow::Result<Caller> {
    Ok(Caller::host(setup::project()?, setup::publisher()?, "cli"))
}

fn scope(scope: ScopeArg) -> Scope {
    match scope {
        ScopeArg::Admin => Scope::Admin,
        ScopeArg::Deploy => Scope::Deploy,
        ScopeArg::Run => Scope::Run,
        ScopeArg::Read => Scope::Read,
    }
}
