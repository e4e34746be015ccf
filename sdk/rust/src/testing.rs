//! Calls a plugin natively, with a stand-in for the host: what a node's tests use.
//!
//! A node's function can also be called as the function that it is. This goes the way of a host: configuration and
//! inputs by name, kinds checked, lines and parts collected.
//!
//! ```
//! use lockgate_sdk::{prelude::*, testing};
//!
//! /// Greets.
//! #[node(transform, pure, output(text = "A greeting."))]
//! fn greet(
//!     /// Whom to greet.
//!     name: String,
//! ) -> String {
//!     format!("Hello, {name}!")
//! }
//!
//! lockgate_sdk::plugin! { name: "example", nodes: [greet] }
//!
//! let outcome = testing::call(&PLUGIN, "greet").input("name", "春").run();
//! assert_eq!(outcome.output("text"), Some(&"Hello, 春!".into()));
//!
//! let failure = testing::call(&PLUGIN, "greet").run().result.expect_err("no input");
//! assert_eq!(failure.message, "the input `name` is missing");
//! ```

use std::cell::RefCell;

use crate::bindings::lockgate::node::types;
use crate::host::stand_in::{self, Host};
use crate::{Failure, Level, Plugin, Port, Ports, Result, Value, ValueKind, Values, http};

/// Starts a call of a node of a plugin. Its configuration is `{}` and it has no inputs, until they are given.
pub fn call<'a>(plugin: &'a Plugin, node: &str) -> Call<'a> {
    Call {
        plugin,
        call: types::Call {
            node: node.to_owned(),
            inputs: Vec::new(),
            config: "{}".to_owned(),
            call_id: "test".to_owned(),
            attempt: 1,
            deadline_ms: 30_000,
        },
        host: Host::default(),
    }
}

/// A call that is being put together.
pub struct Call<'a> {
    plugin: &'a Plugin,
    call: types::Call,
    host: Host,
}

impl Call<'_> {
    /// Sets the configuration.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "json!({…}) reads better without an ampersand"
    )]
    pub fn config(mut self, config: serde_json::Value) -> Self {
        self.call.config = config.to_string();
        self
    }

    /// Gives an input: text as `&str` or `String`, a JSON document as `json!(…)`, bytes as a `Blob`.
    #[must_use]
    pub fn input(mut self, port: &str, value: impl Into<Value>) -> Self {
        self.call.inputs.push((port.to_owned(), value.into()));
        self
    }

    /// Gives a streaming input, part by part.
    #[must_use]
    pub fn parts<V: Into<Value>>(mut self, port: &str, parts: impl IntoIterator<Item = V>) -> Self {
        let batches = parts.into_iter().map(|part| Ok(vec![part.into()]));
        self.host
            .incoming
            .entry(port.to_owned())
            .or_default()
            .extend(batches);
        self
    }

    /// Lets a streaming input fail after the parts given so far.
    #[must_use]
    pub fn breaks(mut self, port: &str, failure: Failure) -> Self {
        self.host
            .incoming
            .entry(port.to_owned())
            .or_default()
            .push_back(Err(failure));
        self
    }

    /// Lets the reader of a streaming output go after so many parts.
    #[must_use]
    pub fn reader_leaves(mut self, port: &str, after: usize) -> Self {
        self.host.readers.insert(port.to_owned(), after);
        self
    }

    /// Answers the node's requests.
    #[must_use]
    pub fn service(
        mut self,
        mut answer: impl FnMut(&http::Request) -> Result<Answer> + 'static,
    ) -> Self {
        self.host.service = Some(Box::new(move |request| {
            let Answer {
                status,
                headers,
                body,
            } = answer(&request.into())?;
            Ok(stand_in::Response {
                status,
                headers,
                body: RefCell::new(body.into()),
            })
        }));
        self
    }

    /// Checks the configuration, as a host does when a flow is saved.
    ///
    /// # Errors
    ///
    /// The node's own, and `internal` where it called the host, which `configure` may not.
    pub fn configure(self) -> Result<Ports> {
        let host = Host {
            forbidden: true,
            ..Host::default()
        };
        let (ports, host) = stand_in::with(host, || {
            self.plugin.configure(&self.call.node, &self.call.config)
        });
        match host.breaches.first() {
            Some(function) => Err(Failure::internal(format!(
                "the node called `{function}` in `configure`, which may call nothing"
            ))),
            None => ports,
        }
    }

    /// Makes the call: first `configure`, then `run`, as in a flow.
    pub fn run(self) -> Outcome {
        let Self { plugin, call, host } = self;
        let again = Call {
            plugin,
            call: call.clone(),
            host: Host::default(),
        };
        let ports = match again.configure() {
            Ok(ports) => ports,
            Err(failure) => return Outcome::failed(failure),
        };
        let (result, host) = stand_in::with(host, || plugin.run(call));
        let result = result.and_then(|values| whole(&ports, values, &host.emitted));
        Outcome {
            result,
            lines: host.lines,
            parts: host.emitted,
        }
    }
}

/// What a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// How a call ended, and what it sent on its way.
#[derive(Debug)]
pub struct Outcome {
    /// The outputs, parts joined, or why there are none. An output that the node does not declare, a wrong kind and a
    /// missing output are `internal` failures.
    pub result: Result<Values>,
    /// The lines of the log.
    pub lines: Vec<(Level, String)>,
    parts: Values,
}

impl Outcome {
    /// The value of an output, if the call gave one.
    pub fn output(&self, port: &str) -> Option<&Value> {
        self.result.as_ref().ok()?.get(port)
    }

    /// The parts that were sent on a streaming output.
    pub fn parts(&self, port: &str) -> Vec<&Value> {
        let of_port = self.parts.iter().filter(|(name, _)| *name == port);
        of_port.map(|(_, part)| part).collect()
    }

    fn failed(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            lines: Vec::new(),
            parts: Values::default(),
        }
    }
}

/// Holds what a node gave against what it declares, and joins its parts.
fn whole(ports: &Ports, mut values: Values, parts: &Values) -> Result<Values> {
    for (name, part) in parts.iter() {
        match ports.outputs.iter().find(|port| port.name == name) {
            Some(port) if port.streaming => fits(port, part)?,
            _ => return Err(breach(name, "sent a part on", "is not a streaming output")),
        }
    }
    for port in ports.outputs.iter().filter(|port| port.streaming) {
        let sent = parts.iter().filter(|(name, _)| *name == port.name);
        let joined = join(sent.map(|(_, part)| part)).or_else(|| empty_stream(port));
        // What is given stands, even where parts were sent.
        if let (None, Some(joined)) = (values.get(&port.name), joined) {
            values.push(port.name.clone(), joined);
        }
    }
    for (name, value) in values.iter() {
        match ports.outputs.iter().find(|port| port.name == name) {
            Some(port) => fits(port, value)?,
            None => return Err(breach(name, "gave", "it does not declare")),
        }
    }
    let mut required = ports.outputs.iter().filter(|port| port.required);
    match required.find(|port| values.get(&port.name).is_none()) {
        Some(port) => Err(breach(
            &port.name,
            "did not give",
            "it declares as required",
        )),
        None => Ok(values),
    }
}

/// A required output of which no part was sent, where its kind says what is empty.
fn empty_stream(port: &Port) -> Option<Value> {
    match port.kind {
        ValueKind::Text if port.required => Some(Value::Text(String::new())),
        ValueKind::Json if port.required => Some(Value::Json("[]".to_owned())),
        _ => None,
    }
}

fn fits(port: &Port, value: &Value) -> Result<()> {
    if port.kind.admits(value.kind()) {
        return Ok(());
    }
    Err(breach(
        &port.name,
        &format!("gave {} on", value.kind()),
        &format!("carries {}", port.kind),
    ))
}

fn breach(port: &str, did: &str, why: &str) -> Failure {
    Failure::internal(format!("the node {did} the output `{port}`, which {why}"))
}

/// Text and bytes end to end, JSON documents as the elements of a list.
fn join<'a>(parts: impl Iterator<Item = &'a Value>) -> Option<Value> {
    let mut documents = Vec::new();
    let mut joined = None;
    for part in parts {
        match (&mut joined, part) {
            (None, Value::Json(_)) => joined = Some(Value::Json(String::new())),
            (None, first) => joined = Some(first.clone()),
            (Some(Value::Text(text)), Value::Text(part)) => text.push_str(part),
            (Some(Value::Binary(blob)), Value::Binary(part)) => {
                blob.data.extend_from_slice(&part.data)
            }
            _ => {}
        }
        if let Value::Json(document) = part {
            documents.push(document.as_str());
        }
    }
    match joined {
        Some(Value::Json(_)) => Some(Value::Json(format!("[{}]", documents.join(",")))),
        other => other,
    }
}
