//! Calls of nodes, and what listens to them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use futures::future::{BoxFuture, FutureExt as _};
use lockgate_model::{
    Call, CallEnd, CallError, CallSink, ConfigureError, Failure, Ident, Input, Json, Limits,
    LogLevel, NodeRunner, PartReader, Quiet, Receipt, Value,
};
use lockgate_runtime::{LoadError, Plugin, Runtime};

/// Loads a component as a plugin of the publisher `test`.
pub(crate) async fn load(runtime: &Runtime, component: Vec<u8>) -> Result<Plugin, LoadError> {
    runtime
        .load("test".parse().expect("a name"), component)
        .await
}

/// A node of a plugin, ready to run under `limits`.
pub(crate) async fn configured(
    plugin: &Plugin,
    node: &str,
    config: &str,
    limits: Limits,
) -> Result<Arc<dyn NodeRunner>, ConfigureError> {
    let node = plugin.node(node).expect("the plugin has the node");
    node.configure(Json::parse(config).expect("the test writes JSON"), limits)
        .await
}

/// The node `node` of a component, under `limits`.
pub(crate) async fn ready(
    runtime: &Runtime,
    component: Vec<u8>,
    limits: Limits,
) -> Result<Arc<dyn NodeRunner>> {
    let plugin = load(runtime, component).await?;
    Ok(configured(&plugin, "node", "{}", limits).await?)
}

/// A call of these inputs, with nobody listening.
pub(crate) fn call(inputs: Vec<(&str, Input)>) -> Call {
    heard_call(inputs, Arc::new(Quiet))
}

/// A call of these inputs, to which `sink` listens.
pub(crate) fn heard_call(inputs: Vec<(&str, Input)>, sink: Arc<dyn CallSink>) -> Call {
    let inputs = inputs
        .into_iter()
        .map(|(port, input)| (ident(port), input))
        .collect();
    Call {
        id: "a-test".into(),
        attempt: 1,
        inputs,
        sink,
    }
}

/// A port's name.
pub(crate) fn ident(name: &str) -> Ident {
    name.parse().expect("the test names a port")
}

/// A text, whole.
pub(crate) fn text(text: &str) -> Input {
    Input::Value(Value::text(text))
}

/// The text on an output, or why there is none.
pub(crate) fn text_of(end: CallEnd, port: &str) -> Result<(String, Receipt)> {
    let outputs = end.result?;
    let found = outputs.into_iter().find(|(name, _)| name.as_str() == port);
    match found.with_context(|| format!("no output `{port}`"))?.1 {
        Value::Text(text) => Ok((text.as_ref().to_owned(), end.receipt)),
        other => bail!("{other:?} is not text"),
    }
}

/// Why a call failed.
pub(crate) fn error_of(end: CallEnd) -> Result<(CallError, Receipt)> {
    match end.result {
        Err(error) => Ok((error, end.receipt)),
        Ok(outputs) => bail!("the call gave {outputs:?}"),
    }
}

/// Parts that are there from the start.
pub(crate) fn parts(parts: Vec<Value>) -> Input {
    Input::Parts(Box::new(Ready(parts.into_iter())))
}

struct Ready(std::vec::IntoIter<Value>);

impl PartReader for Ready {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Value>, Failure>> {
        let next = self.0.next().into_iter().collect();
        async { Ok(next) }.boxed()
    }
}

/// Parts that never come.
pub(crate) fn never() -> Input {
    Input::Parts(Box::new(Never))
}

struct Never;

impl PartReader for Never {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Value>, Failure>> {
        std::future::pending().boxed()
    }
}

/// No parts, but their end comes only when all of a number of calls wait for it.
pub(crate) fn together(barrier: Arc<tokio::sync::Barrier>) -> Input {
    Input::Parts(Box::new(Together(barrier)))
}

struct Together(Arc<tokio::sync::Barrier>);

impl PartReader for Together {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Value>, Failure>> {
        async {
            self.0.wait().await;
            Ok(Vec::new())
        }
        .boxed()
    }
}

/// Keeps what a call says while it runs.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    lines: Mutex<Vec<(LogLevel, String)>>,
    parts: Mutex<Vec<(String, Value)>>,
}

impl Heard {
    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<(LogLevel, String)> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The parts so far, each with its port.
    pub(crate) fn parts(&self) -> Vec<(String, Value)> {
        self.parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl CallSink for Heard {
    fn log(&self, level: LogLevel, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push((level, line.to_owned()));
    }

    fn part<'a>(&'a self, port: &'a Ident, part: &'a Value) -> BoxFuture<'a, bool> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.push((port.to_string(), part.clone()));
        std::future::ready(true).boxed()
    }
}

/// A reader that is behind for ever.
pub(crate) struct Stuck;

impl CallSink for Stuck {
    fn log(&self, _: LogLevel, _: &str) {}

    fn part<'a>(&'a self, _: &'a Ident, _: &'a Value) -> BoxFuture<'a, bool> {
        std::future::pending().boxed()
    }
}
