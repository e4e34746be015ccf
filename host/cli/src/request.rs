//! What somebody asks of a run, as the command line says it.

use anyhow::{Context as _, bail};
use lockgate_flow::{Plan, RunRequest};
use serde_json::{Map, Value as Tree};

use crate::args::RunArgs;
use crate::input;

/// Reads the input, the variables, and which nodes run. Whether they fit the flow is for its plan to say.
pub(crate) fn read(args: &RunArgs) -> anyhow::Result<RunRequest> {
    let id = uuid::Uuid::now_v7().to_string();
    let input = input::json("--input", &args.input)?.to_tree();
    Ok(RunRequest {
        vars: vars(&args.var)?,
        until: args.until.clone(),
        pinned: pinned(&args.pin)?,
        ..RunRequest::new(id, input)
    })
}

/// Refuses variables that neither the flow nor one that it runs has: a slip of the finger would change nothing.
pub(crate) fn known(vars: &Map<String, Tree>, plan: &Plan) -> anyhow::Result<()> {
    let names = plan.all_vars();
    match vars.keys().find(|name| !names.contains(name.as_str())) {
        None => Ok(()),
        Some(name) if names.is_empty() => {
            bail!(
                "--var: the flow has no variable `{name}`, and no others: its document lists them under `vars`"
            )
        }
        Some(name) => {
            let names: Vec<_> = names.into_iter().collect();
            bail!(
                "--var: the flow has no variable `{name}`; it has: {}",
                names.join(", ")
            )
        }
    }
}

/// The variables of `--var NAME=VALUE`.
fn vars(given: &[String]) -> anyhow::Result<Map<String, Tree>> {
    let var = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Some((name.to_owned(), value))
    };
    let vars = given.iter().map(|text| {
        var(text).with_context(|| {
            format!("--var: `{text}` is no variable: write `name=value`, the value as JSON or as plain text")
        })
    });
    vars.collect()
}

/// The outputs of `--pin NODE=JSON` and `--pin @FILE`.
fn pinned(given: &[String]) -> anyhow::Result<Map<String, Tree>> {
    let mut pinned = Map::new();
    for text in given {
        if text.starts_with('@') {
            pinned.extend(input::object("--pin", text)?);
            continue;
        }
        let Some((node, outputs)) = text.split_once('=') else {
            bail!(
                "--pin: `{text}` is no pin: write `node={{\"output\": value}}`, or `@FILE` for an object of nodes and their outputs"
            );
        };
        let outputs = serde_json::from_str(outputs)
            .with_context(|| format!("--pin: the outputs of `{node}` are JSON"))?;
        pinned.insert(node.to_owned(), outputs);
    }
    Ok(pinned)
}
