//! `lockgate plugin call`: one call of one node, with its receipt.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use futures::future::BoxFuture;
use lockgate_flow::input_value;
use lockgate_model::{
    Call, CallError, CallSink, ConfigureError, Ident, Input, Limit, Limits, LogLevel, NarrowLimits,
    Node, Ports, Value, escaped, escaped_lines,
};
use lockgate_runtime::Plugin;
use serde_json::Map;

use crate::args::CallArgs;
use crate::exit::Failed;
use crate::{input, table};

pub(crate) async fn call(args: CallArgs) -> Result<(), Failed> {
    let config = input::json("--config", &args.config)?;
    let inputs = input::object("--input", &args.input)?;
    let plugin = super::load(&args.file, &args.cache).await?;
    let node = node(&plugin, &args.node)?;
    let limits = limits(node.as_ref(), &args.limit)?;
    let runner = match node.configure(config, limits).await {
        Ok(runner) => runner,
        Err(error) => {
            eprintln!("error: --config: {}", escaped_lines(&refused(&error)));
            return Err(Failed::Shown);
        }
    };
    let inputs = by_port(inputs, runner.ports())?;
    let end = runner
        .run(Call {
            id: "1".into(),
            attempt: 1,
            inputs,
            sink: Arc::new(ToStderr),
        })
        .await;
    eprintln!("{}", table::receipt(&end.receipt, &limits));
    match end.result {
        Ok(outputs) => {
            let outputs: Map<_, _> = outputs
                .iter()
                .map(|(port, value)| (port.to_string(), serde_json::json!(value)))
                .collect();
            println!("{}", serde_json::Value::Object(outputs));
            Ok(())
        }
        Err(error) => {
            eprintln!("error: {}", describe(&args.node, &error));
            Err(Failed::Run)
        }
    }
}

fn node(plugin: &Plugin, name: &str) -> anyhow::Result<Arc<dyn Node>> {
    plugin.node(name).with_context(|| {
        let names: Vec<_> = plugin
            .info()
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        format!(
            "the plugin `{}` has no node `{name}`; it has: {}",
            plugin.info().name,
            names.join(", ")
        )
    })
}

fn limits(node: &dyn Node, narrowed: &[String]) -> anyhow::Result<Limits> {
    let mut narrow = NarrowLimits::default();
    for one in narrowed {
        let parsed = one.split_once('=').and_then(|(key, number)| {
            let limit = Limit::ALL.into_iter().find(|limit| limit.key() == key)?;
            Some((limit, number.parse().ok()?))
        });
        let Some((limit, number)) = parsed else {
            let keys = Limit::ALL.map(Limit::key).join(", ");
            bail!("--limit {one}: give LIMIT=NUMBER, with a limit of: {keys}");
        };
        narrow.set(limit, number);
    }
    node.limits().narrowed(&narrow).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("--limit: {}", faults.join("; "))
    })
}

fn by_port(
    inputs: Map<String, serde_json::Value>,
    ports: &Ports,
) -> anyhow::Result<Vec<(Ident, Input)>> {
    inputs
        .into_iter()
        .map(|(name, tree)| {
            let Some(port) = ports.input(&name) else {
                let names: Vec<_> = ports.inputs.iter().map(|port| port.name.as_str()).collect();
                bail!(
                    "--input: the node has no input `{name}`; it has: {}",
                    names.join(", ")
                );
            };
            let value =
                input_value(&tree, port.kind).with_context(|| format!("--input: `{name}`"))?;
            Ok((port.name.clone(), Input::Value(value)))
        })
        .collect()
}

fn refused(error: &ConfigureError) -> String {
    match error {
        ConfigureError::Schema(faults) => {
            let lines: Vec<_> = faults
                .iter()
                .map(|fault| match fault.path.as_str() {
                    "" => fault.message.clone(),
                    path => format!("{path}: {}", fault.message),
                })
                .collect();
            lines.join("\n")
        }
        error => error.to_string(),
    }
}

/// The error with the guest's backtrace.
pub(crate) fn describe(node: &str, error: &CallError) -> String {
    let mut text = format!("{node}: {error}");
    for frame in error.backtrace() {
        text.push_str(&format!("\n    in {frame}"));
    }
    escaped_lines(&text)
}

/// Log lines as they come.
struct ToStderr;

impl CallSink for ToStderr {
    fn log(&self, level: LogLevel, line: &str) {
        eprintln!("{level:>5} {}", escaped(line));
    }

    fn part<'a>(&'a self, _: &'a Ident, _: &'a Value) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(true))
    }
}
