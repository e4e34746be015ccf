//! How long a host takes to serve, and what it takes of the memory while nobody asks.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use super::load::{Case, Connection};
use super::lockgate::{Lockgate, component, upload};
use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;

/// Those that ship with Lockgate, each with a node, what that takes, and what it gives.
const PLUGINS: [(&str, &str, &str); 4] = [
    ("echo", "echo, in: { value: input }", "value"),
    ("text", "clean, in: { text: input }", "text"),
    (
        "validate",
        "length, with: { min_chars: 1 }, in: { text: input }",
        "text",
    ),
    (
        "offline",
        "model, with: { max_tokens: 4 }, in: { prompt: input }",
        "text",
    ),
];

/// Who publishes each of them, in bytes of its own: 20 plugins, of the sizes that plugins have.
const PUBLISHERS: [&str; 5] = ["one", "two", "three", "four", "five"];

/// How many times a host is started.
const STARTS: usize = 11;

/// Within how many milliseconds it serves.
const MOST_MILLIS: f64 = 300.0;

/// What it may take of the memory, in mebibytes.
const MOST_MEBIBYTES: f64 = 80.0;

/// Measures both: from the start of the process to the answer of a run, after which nobody asks.
pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    let plugins = PLUGINS.len() * PUBLISHERS.len();
    eprintln!("starts with {plugins} plugins");
    let lockgate = Lockgate::new("start")?;
    let run = filled(&lockgate).await?;
    let (mut millis, mut resident, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let begun = Instant::now();
        let server = lockgate.start(&lockgate.ready()).await?;
        Connection::open(server.address).await?.ask(&run).await?;
        millis.push(begun.elapsed().as_secs_f64() * 1e3);
        let footprint = server.footprint()?;
        resident.push(footprint.resident + footprint.page_tables);
        tables.push(footprint.page_tables);
    }
    report.held(
        format!("a host with {plugins} cached plugins: from its start to the end of a run"),
        &Samples::new(millis),
        Unit::Millis,
        Bound::AtMost(MOST_MILLIS),
    );
    report.held(
        format!("a host with {plugins} plugins, idle: resident memory and page tables"),
        &Samples::new(resident),
        Unit::Mebibytes,
        Bound::AtMost(MOST_MEBIBYTES),
    );
    report.info(
        format!("a host with {plugins} plugins, idle: page tables"),
        &Samples::new(tables),
        Unit::Mebibytes,
    );
    Ok(())
}

/// Fills a host with plugins, and with a flow of each so that all of them are in use. Gives the run of one.
async fn filled(lockgate: &Lockgate) -> Result<Case> {
    let server = lockgate.start(&lockgate.ready()).await?;
    let mut connection = Connection::open(server.address).await?;
    for publisher in PUBLISHERS {
        let key = lockgate.new_key(publisher)?;
        for (plugin, node, output) in PLUGINS {
            let bytes = marked(component(plugin)?, publisher);
            connection.ask(&upload(&key, &bytes)).await?;
            let name = format!("{publisher}-{plugin}");
            let text = format!(
                "flow: {name}\nnodes:\n  n: {{ use: {publisher}:{plugin}/{node} }}\noutput: {{ n: n.{output} }}\n"
            );
            connection.ask(&lockgate.put(&name, &text)).await?;
        }
    }
    Ok(lockgate.run("three-text", &json!("春天"), "春天"))
}

/// A component that does the same and is another: with a custom section, which nobody reads.
fn marked(mut component: Vec<u8>, mark: &str) -> Vec<u8> {
    const NAME: &[u8] = b"mark";
    let (name, mark) = (NAME, mark.as_bytes());
    // A section's kind and length, and its name's length. Each is below 128, so that one byte says it.
    component.extend([0, (1 + name.len() + mark.len()) as u8, name.len() as u8]);
    component.extend(name);
    component.extend(mark);
    component
}
