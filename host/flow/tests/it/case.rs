//! A case: a folder with a flow, the flows that it runs, and how it is run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use lockgate_flow::{
    Engine, EngineConfig, Faults, FlowCatalog, FlowDocument, MemoryCache, Plan, RunRequest,
};
use lockgate_model::{Clock as _, Kebab};
use serde::Deserialize;
use serde_json::{Map, Value as Tree};

use crate::account::{self, Account};
use crate::clock::VirtualClock;
use crate::scripted::Scripted;

/// A case's `run.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    engine: Limits,
    runs: Vec<Run>,
}

/// What the engine is configured with; its own defaults where it says nothing.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    places: Option<u32>,
    calls_per_flow: Option<u32>,
    calls_per_node: Option<u32>,
    calls_per_run: Option<u64>,
    elements: Option<usize>,
}

/// One run. All begin together, unless they say otherwise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    input: Tree,
    #[serde(default)]
    vars: Map<String, Tree>,
    until: Option<String>,
    #[serde(default)]
    pinned: Map<String, Tree>,
    project: Option<String>,
    /// When it begins.
    #[serde(default)]
    at_ms: u64,
    /// How long after it began it is cancelled.
    cancel_ms: Option<u64>,
}

/// A case that was read.
pub(crate) struct Case {
    pub(crate) name: String,
    folder: PathBuf,
    flow: String,
    script: Script,
}

impl Case {
    /// Reads a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let name = folder.file_name().and_then(|name| name.to_str());
        let name = name.expect("a name").to_owned();
        let read = |file: &str| {
            let text = std::fs::read_to_string(folder.join(file));
            text.unwrap_or_else(|error| unreadable(&name, file, &error))
        };
        let flow = read("flow.yaml");
        let script = serde_json::from_str(&read("run.json"));
        let script = script.unwrap_or_else(|error| unreadable(&name, "run.json", &error));
        let folder = folder.to_owned();
        Self {
            name,
            folder,
            flow,
            script,
        }
    }

    /// The sentences of the format that it shows: the comment that its flow opens with.
    pub(crate) fn shows(&self) -> String {
        let comment = self.flow.lines().map_while(|line| line.strip_prefix('#'));
        comment.map(str::trim).collect::<Vec<_>>().join(" ")
    }

    /// Plans and runs it, and writes down what happened.
    pub(crate) fn play(&self) -> String {
        let clock = VirtualClock::default();
        clock.runtime().block_on(async {
            match self.plan(&clock).await {
                Ok(plan) => self.run_all(&Arc::new(plan), &clock).await,
                Err(faults) => refused(&faults),
            }
        })
    }

    async fn plan(&self, clock: &VirtualClock) -> Result<Plan, Faults> {
        let document = FlowDocument::parse("flow.yaml", &self.flow)?;
        let nodes = Scripted {
            clock: clock.clone(),
        };
        lockgate_flow::plan(&document, &nodes, &Folder(&self.folder), &[]).await
    }

    async fn run_all(&self, plan: &Arc<Plan>, clock: &VirtualClock) -> String {
        let host = Arc::new(clock.clone());
        let cache = MemoryCache::new(MemoryCache::DEFAULT_BYTES, host.clone());
        let engine = Engine::with(self.script.engine.config(), host, Arc::new(cache), None);
        let runs = (1..).zip(&self.script.runs);
        let runs = runs.map(|(number, run)| run.play(number, &engine, plan, clock));
        let accounts = join_all(runs).await;
        if let [only] = accounts.as_slice() {
            return only.clone();
        }
        let titled = (1..).zip(accounts);
        let titled = titled.map(|(number, account)| format!("run {number}\n{account}"));
        titled.collect::<Vec<_>>().join("\n")
    }
}

impl Run {
    async fn play(
        &self,
        number: u32,
        engine: &Arc<Engine>,
        plan: &Arc<Plan>,
        clock: &VirtualClock,
    ) -> String {
        if self.at_ms > 0 {
            clock.sleep(Duration::from_millis(self.at_ms)).await;
        }
        let mut request = RunRequest::new(format!("r{number}"), self.input.clone());
        request.vars = self.vars.clone();
        request.until = self.until.clone();
        request.pinned = self.pinned.clone();
        if let Some(project) = &self.project {
            request.project = project.as_str().into();
        }
        let account = Arc::new(Account::new(clock.clone()));
        let run = Box::pin(engine.run(Arc::clone(plan), request, account.clone()));
        let ended = match self.cancel_ms {
            None => Some(run.await),
            Some(ms) => match select(run, clock.sleep(Duration::from_millis(ms))).await {
                Either::Left((result, _)) => Some(result),
                Either::Right(_) => None,
            },
        };
        let ended = match ended {
            None => "cancelled".to_owned(),
            Some(Ok(output)) => format!("output {}", account::output(&output)),
            Some(Err(error)) => format!("error {error}"),
        };
        format!("{}{ended}\n", account.lines())
    }
}

impl Limits {
    fn config(&self) -> EngineConfig {
        let usual = EngineConfig::default();
        EngineConfig {
            places: self.places.unwrap_or(usual.places),
            calls_per_flow: self.calls_per_flow,
            calls_per_node: self.calls_per_node,
            calls_per_run: self.calls_per_run.unwrap_or(usual.calls_per_run),
            elements: self.elements.unwrap_or(usual.elements),
            seed: Some(7),
        }
    }
}

/// The flows beside a case's flow.
struct Folder<'a>(&'a Path);

impl FlowCatalog for Folder<'_> {
    fn find(&self, name: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        let file = match name.as_str() {
            "t" => "flow.yaml".to_owned(), // every case's own flow
            name => format!("{name}.yaml"),
        };
        let text = std::fs::read_to_string(self.0.join(&file)).ok();
        let document = text
            .map(|text| FlowDocument::parse(&file, &text))
            .transpose()?;
        Ok(document.map(Arc::new))
    }

    fn names(&self) -> Vec<Kebab> {
        let files = std::fs::read_dir(self.0).expect("the folder").flatten();
        let names = files.filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            name.strip_suffix(".yaml")?.parse().ok()
        });
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names
    }
}

/// The faults of a flow, with their places.
fn refused(faults: &Faults) -> String {
    let lines = faults.iter().map(|fault| {
        let place = fault
            .place
            .map(|place| format!("{}:{}", place.line, place.column));
        let help = fault.help.as_ref().map(|help| format!("\n  {help}"));
        let (place, help) = (place.unwrap_or_default(), help.unwrap_or_default());
        format!("{place} {}: {}{help}\n", fault.code, fault.message)
    });
    format!("refused\n{}", lines.collect::<String>())
}

fn unreadable<T>(case: &str, file: &str, error: &dyn std::error::Error) -> T {
    std::panic::resume_unwind(Box::new(format!("{case}/{file}: {error}")))
}
