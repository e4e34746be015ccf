//! `lockgate plugin inspect`: what a plugin says of itself.

use lockgate_model::{NodeInfo, Port, escaped_lines};
use lockgate_runtime::Plugin;
use serde_json::json;

use crate::args::InspectArgs;
use crate::exit::Failed;
use crate::table;

pub(crate) async fn inspect(args: InspectArgs) -> Result<(), Failed> {
    let plugin = super::load(&args.file, &args.cache).await?;
    if args.json {
        println!("{}", as_json(&plugin));
    } else {
        print!("{}", escaped_lines(&for_people(&plugin)));
    }
    Ok(())
}

fn as_json(plugin: &Plugin) -> String {
    let mut json = json!(plugin.info());
    json["digest"] = json!(format!("sha256:{}", plugin.id().digest));
    json["imports"] = json!(plugin.imports());
    format!("{json:#}")
}

fn for_people(plugin: &Plugin) -> String {
    let info = plugin.info();
    let imports = match plugin.imports() {
        [] => "nothing: it computes its outputs from its inputs alone".to_owned(),
        imports => imports.join(", "),
    };
    let mut text = format!(
        "{} {}: {}\n  digest   sha256:{}\n  imports  {imports}\n",
        info.name,
        info.version,
        info.summary,
        plugin.id().digest,
    );
    for node in &info.nodes {
        text.push('\n');
        text.push_str(&node_for_people(plugin, node));
    }
    text
}

fn node_for_people(plugin: &Plugin, node: &NodeInfo) -> String {
    let pure = if node.pure { ", pure" } else { "" };
    let mut text = format!(
        "{}/{} ({}{pure})\n  {}\n",
        plugin.id().name,
        node.name,
        node.kind,
        node.summary
    );
    let mut table = table::plain(["", "port", "kind", "", "summary"]);
    for (side, ports) in [("in", &node.ports.inputs), ("out", &node.ports.outputs)] {
        for port in ports {
            table.add_row([
                side,
                port.name.as_str(),
                &port.kind.to_string(),
                &traits(port),
                &port.summary,
            ]);
        }
    }
    if !table.is_empty() {
        for line in table.lines().skip(1) {
            text.push_str(&format!("  {}\n", line.trim_end()));
        }
    }
    for (key, summary) in configuration(node) {
        text.push_str(&format!("  with {key}  {summary}\n"));
    }
    text
}

fn traits(port: &Port) -> String {
    let named = [(port.required, "required"), (port.streaming, "streaming")];
    let there: Vec<_> = named
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, name)| name)
        .collect();
    there.join(", ")
}

/// The keys of a node's configuration with what the schema says of them, where it is a plain object's schema.
fn configuration(node: &NodeInfo) -> Vec<(String, String)> {
    let schema = node.config_schema.to_tree();
    let Some(properties) = schema["properties"].as_object() else {
        return Vec::new();
    };
    let required = |key: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|keys| keys.iter().any(|k| k == key))
    };
    let line = |(key, property): (&String, &serde_json::Value)| {
        let kind = property["type"].as_str().unwrap_or("any").to_owned();
        let need = match &property["default"] {
            serde_json::Value::Null if required(key) => ", required".to_owned(),
            serde_json::Value::Null => String::new(),
            default => format!(", {default} by default"),
        };
        let description = property["description"].as_str().unwrap_or_default();
        let description = description.replace('\n', " ");
        (key.clone(), format!("({kind}{need}) {description}"))
    };
    properties.iter().map(line).collect()
}
