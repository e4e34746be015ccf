//! Parts that travel from sandbox to sandbox while both nodes run.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use lockgate_flow::{Engine, EngineConfig, FlowDocument, NoFlows, RunJournal, RunRequest, plan};
use lockgate_model::{NodeOutcome, RunEvent};
use lockgate_runtime::{Catalog, Runtime};
use serde_json::{Value as Tree, json};

use crate::support::host;

/// What came of a run.
struct Ran {
    output: Tree,
    events: Vec<Arc<RunEvent>>,
}

impl Ran {
    /// Whether a node started without its text: it comes in parts then.
    fn is_piped(&self, node: &str) -> Result<bool> {
        let mut starts = self.events.iter().filter_map(|event| match &**event {
            RunEvent::NodeStarted { at, inputs, .. } if at.node.as_str() == node => Some(inputs),
            _ => None,
        });
        let inputs = starts
            .next()
            .with_context(|| format!("{node} never started"))?;
        Ok(inputs.is_empty())
    }

    fn end_of(&self, node: &str) -> Result<&NodeOutcome> {
        let mut ends = self.events.iter().filter_map(|event| match &**event {
            RunEvent::NodeFinished { at, outcome, .. } if at.node.as_str() == node => Some(outcome),
            _ => None,
        });
        ends.next().with_context(|| format!("{node} never ended"))
    }
}

async fn run(places: u32, guests: &[&str], nodes: &str, output: &str, input: Tree) -> Result<Ran> {
    let runtime = host::private(places)?;
    let catalog = catalog(&runtime, guests).await?;
    let text = format!("flow: t\nnodes:\n{nodes}\noutput: {{ {output} }}\n");
    let faulty = |faults: lockgate_flow::Faults| {
        let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
        anyhow!("{}", all.join("\n"))
    };
    let document = FlowDocument::parse("t.yaml", &text).map_err(faulty)?;
    let plan = plan(&document, &catalog, &NoFlows, &[]).await;
    let plan = Arc::new(plan.map_err(faulty)?);
    let engine = Engine::new(EngineConfig {
        places,
        ..EngineConfig::default()
    });
    let journal = RunJournal::new("r", engine.clock());
    let heard = journal.clone();
    let running = async move { engine.run(plan, RunRequest::new("r", input), heard).await };
    let output = runtime.spawn(running).await?;
    let mut follower = journal.follow(0);
    let mut events = Vec::new();
    while let Some(more) = follower.next().await {
        events.extend(more.into_iter().map(|recorded| recorded.event));
    }
    Ok(Ran { output, events })
}

async fn catalog(runtime: &Runtime, guests: &[&str]) -> Result<Catalog> {
    let mut catalog = Catalog::default();
    let house = "lockgate".parse()?;
    for guest in guests {
        let file: PathBuf = host::target()?.join(guest).with_extension("wasm");
        catalog.add_file(runtime, &house, &file).await?;
    }
    Ok(catalog)
}

/// Four languages pass a text on, each while the one before it still sends; with fewer places than nodes each waits for
/// the one before, and the text is the same.
#[tokio::test]
async fn languages_pass_parts_on_to_each_other() -> Result<()> {
    let guests = [
        "plugins/offline",
        "plugins/echo",
        "guests/echo-c",
        "guests/echo-js",
    ];
    let nodes =
        "  model: { use: offline/model, in: { prompt: input.prompt }, with: { max_tokens: 200 } }
  rust: { use: echo/stream, in: { text: model.text } }
  c: { use: echo-c/stream, in: { text: rust.text } }
  js: { use: echo-js/stream, in: { text: c.text } }";
    let input = json!({"prompt": "Write a poem about the sea!"});
    let mut texts = Vec::new();
    for places in [16, 3] {
        let output = "text: js.text, made: model.text";
        let ran = run(places, &guests, nodes, output, input.clone()).await?;
        // The nodes in C and JavaScript write in capitals what they pass on.
        let made = ran.output["made"].as_str().map(str::to_uppercase);
        ensure!(
            ran.output["text"].as_str() == made.as_deref(),
            "{}",
            ran.output
        );
        for reader in ["rust", "c", "js"] {
            let is_piped = ran.is_piped(reader)?;
            ensure!(
                is_piped == (places > 3),
                "{places} places: is {reader} piped? {is_piped}"
            );
        }
        texts.push(ran.output);
    }
    ensure!(texts[0] == texts[1], "{texts:?}");
    Ok(())
}

/// A validator says no in the middle of a text: who makes it hears that nobody reads and ends, or is ended, whichever
/// comes first; one that does not heed is always ended.
#[tokio::test]
async fn a_validator_stops_a_stream_in_the_middle() -> Result<()> {
    for (guest, node, never_ends) in [
        (
            "plugins/offline",
            "offline/model, in: { prompt: input.prompt }, with: { max_tokens: 4096 }",
            false,
        ),
        ("guests/heedless", "hostile/node", true),
    ] {
        let output = if never_ends { "out" } else { "text" };
        let nodes = format!(
            "  makes: {{ use: {node} }}\n  check: {{ use: validate/length, with: {{ max_chars: 25 }}, in: {{ text: makes.{output} }}, on_failure: continue }}"
        );
        let ran = run(
            4,
            &[guest, "plugins/validate"],
            &nodes,
            "why: check.failure.kind",
            json!({"prompt": "Write a poem about the sea!"}),
        )
        .await?;
        ensure!(ran.output == json!({"why": "rejected"}), "{}", ran.output);
        match ran.end_of("makes")? {
            NodeOutcome::Cancelled => {}
            NodeOutcome::Ok(outputs) => {
                ensure!(!never_ends, "{guest} came to an end by itself");
                let text = outputs.iter().find(|(name, _)| name.as_str() == "text");
                let size = text.map_or(0, |(_, text)| text.size());
                // What fits in the pipe it may have sent; not what it could have made.
                ensure!((25..2_000).contains(&size), "it made {size} bytes");
            }
            outcome => ensure!(false, "{guest}: {}", outcome.word()),
        }
    }
    Ok(())
}
