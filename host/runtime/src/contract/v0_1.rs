//! Version 0.1.0 of the contract: what its guests import, and how what they say becomes the internal form.

use bindings::lockgate::node::{http, log, streaming, types};
use futures::future::BoxFuture;
use lockgate_model::{Failure, FailureKind, LogLevel, NodeKind, Value, ValueKind};
use wasmtime::component::{HasSelf, InstancePre, Linker, Resource};
use wasmtime::{Result, Store};

use super::said::{self, SaidNode, SaidOutputs, SaidPlugin, SaidPort, SaidPorts, SaidValue};
use super::{Adapter, GuestCall};
use crate::sandbox::State;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/node@0.1.0",
        world: "node",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: {
            "lockgate:node/streaming": async | trappable,
            "lockgate:node/http": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: { "lockgate:node/http.response": super::NoResponse },
    });
}

/// No request is answered until there are grants, so no response exists.
#[derive(Debug, Clone, Copy)]
#[expect(
    unreachable_pub,
    reason = "wasmtime's macro re-exports it from its own public module"
)]
pub enum NoResponse {}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    bindings::Node::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

/// A component of this version.
pub(super) struct V0_1(bindings::NodePre<State>);

impl V0_1 {
    pub(super) fn new(pre: InstancePre<State>) -> Result<Self> {
        Ok(Self(bindings::NodePre::new(pre)?))
    }

    async fn instance(&self, store: &mut Store<State>) -> Result<bindings::Node> {
        let instance = self.0.instantiate_async(&mut *store).await?;
        store.data_mut().mark_instantiated();
        Ok(instance)
    }
}

impl Adapter for V0_1 {
    fn describe<'a>(&'a self, store: &'a mut Store<State>) -> BoxFuture<'a, Result<SaidPlugin>> {
        Box::pin(async move {
            let instance = self.instance(store).await?;
            Ok(plugin_info(
                instance.lockgate_node_plugin().call_describe(store).await?,
            ))
        })
    }

    fn configure<'a>(
        &'a self,
        store: &'a mut Store<State>,
        node: &'a str,
        config: &'a str,
    ) -> BoxFuture<'a, Result<Result<SaidPorts, Failure>>> {
        Box::pin(async move {
            let instance = self.instance(store).await?;
            let said = instance
                .lockgate_node_plugin()
                .call_configure(store, node, config)
                .await?;
            Ok(said.map(ports).map_err(failure))
        })
    }

    fn run<'a>(
        &'a self,
        store: &'a mut Store<State>,
        call: GuestCall<'a>,
    ) -> BoxFuture<'a, Result<Result<SaidOutputs, Failure>>> {
        Box::pin(async move {
            let instance = self.instance(store).await?;
            let inputs: Vec<_> = call
                .inputs
                .iter()
                .map(|(port, value)| (port.as_str(), lowered(value)))
                .collect();
            let said = instance
                .lockgate_node_plugin()
                .call_run(
                    store,
                    bindings::exports::lockgate::node::plugin::Call {
                        node: call.node,
                        inputs: &inputs,
                        config: call.config,
                        call_id: call.call_id,
                        attempt: call.attempt,
                        deadline_ms: call.deadline_ms,
                    },
                )
                .await?;
            Ok(match said {
                Ok(outputs) => Ok(outputs
                    .into_iter()
                    .map(|(port, value)| (port, raised(value)))
                    .collect()),
                Err(said) => Err(failure(said)),
            })
        })
    }
}

impl types::Host for State {}

impl log::Host for State {
    fn log(&mut self, level: log::Level, message: String) -> Result<()> {
        self.only_in_run("log")?;
        self.meter.copy(message.len())?;
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.logs.line(level, &message);
        Ok(())
    }
}

impl streaming::Host for State {
    async fn emit(&mut self, port: String, part: types::ValueResult) -> Result<bool> {
        self.only_in_run("emit")?;
        let part = raised(part);
        self.meter.copy(port.len() + part.size())?;
        self.meter.give_part(part.size())?;
        let (port, part) = self.streams.accept(port, part).await?;
        let sink = self.streams.sink().clone();
        Ok(sink.part(&port, &part).await)
    }

    async fn next(
        &mut self,
        port: String,
    ) -> Result<Result<Vec<types::ValueResult>, types::Failure>> {
        self.only_in_run("next")?;
        match self.streams.next(&port).await {
            Ok(parts) => {
                self.meter.copy(parts.iter().map(Value::size).sum())?;
                Ok(Ok(parts.iter().map(handed_over).collect()))
            }
            Err(failure) => Ok(Err(said_failure(failure))),
        }
    }
}

impl http::Host for State {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> Result<Result<Resource<NoResponse>, types::Failure>> {
        self.only_in_run("send")?;
        let header = |(name, value): &(String, http::HeaderValue)| name.len() + header_size(value);
        let headers: usize = request.headers.iter().map(header).sum();
        self.meter
            .copy(request.method.len() + request.url.len() + headers + request.body.len())?;
        let message = "this plugin has no grant to send requests; an operator can give one";
        Ok(Err(said_failure(Failure::new(
            FailureKind::Denied,
            message,
        ))))
    }
}

impl http::HostResponse for State {
    async fn status(&mut self, response: Resource<NoResponse>) -> Result<u16> {
        match *self.resource(&response)? {}
    }

    async fn headers(&mut self, response: Resource<NoResponse>) -> Result<Vec<(String, String)>> {
        match *self.resource(&response)? {}
    }

    async fn read(
        &mut self,
        response: Resource<NoResponse>,
        _: u32,
    ) -> Result<Result<Vec<u8>, types::Failure>> {
        match *self.resource(&response)? {}
    }

    async fn drop(&mut self, response: Resource<NoResponse>) -> Result<()> {
        match *self.resource(&response)? {}
    }
}

fn header_size(value: &http::HeaderValue) -> usize {
    match value {
        http::HeaderValue::Text(text) => text.len(),
        http::HeaderValue::Secret(secret) => secret.prefix.len() + secret.name.len(),
    }
}

fn plugin_info(said: types::PluginInfo) -> SaidPlugin {
    let types::PluginInfo {
        name,
        version,
        summary,
        nodes,
    } = said;
    SaidPlugin {
        name,
        version,
        summary,
        nodes: nodes.into_iter().map(node_info).collect(),
    }
}

fn node_info(said: types::NodeInfo) -> SaidNode {
    SaidNode {
        name: said.name,
        summary: said.summary,
        kind: match said.kind {
            types::NodeKind::Template => NodeKind::Template,
            types::NodeKind::Validator => NodeKind::Validator,
            types::NodeKind::Adapter => NodeKind::Adapter,
            types::NodeKind::Transform => NodeKind::Transform,
        },
        ports: ports(said.ports),
        config_schema: said.config_schema,
        pure: said.pure,
    }
}

fn ports(said: types::Ports) -> SaidPorts {
    let all = |ports: Vec<types::Port>| ports.into_iter().map(port).collect();
    SaidPorts {
        inputs: all(said.inputs),
        outputs: all(said.outputs),
    }
}

fn port(said: types::Port) -> SaidPort {
    let types::Port {
        name,
        summary,
        kind,
        required,
        streaming,
        schema,
    } = said;
    let kind = match kind {
        types::ValueKind::Text => ValueKind::Text,
        types::ValueKind::Json => ValueKind::Json,
        types::ValueKind::Binary => ValueKind::Binary,
        types::ValueKind::Any => ValueKind::Any,
    };
    SaidPort {
        name,
        summary,
        kind,
        required,
        streaming,
        schema,
    }
}

fn failure(said: types::Failure) -> Failure {
    let kind = match said.kind {
        types::FailureKind::InvalidInput => FailureKind::InvalidInput,
        types::FailureKind::Rejected => FailureKind::Rejected,
        types::FailureKind::Upstream => FailureKind::Upstream,
        types::FailureKind::RateLimited => FailureKind::RateLimited,
        types::FailureKind::Denied => FailureKind::Denied,
        types::FailureKind::Internal => FailureKind::Internal,
    };
    said::failure(kind, said.message, said.detail, said.retry_after_ms)
}

fn said_failure(failure: Failure) -> types::Failure {
    let kind = match failure.kind {
        FailureKind::InvalidInput => types::FailureKind::InvalidInput,
        FailureKind::Rejected => types::FailureKind::Rejected,
        FailureKind::Upstream => types::FailureKind::Upstream,
        FailureKind::RateLimited => types::FailureKind::RateLimited,
        FailureKind::Denied => types::FailureKind::Denied,
        FailureKind::Internal => types::FailureKind::Internal,
    };
    let detail = failure.detail.map(|detail| detail.as_str().to_owned());
    types::Failure {
        kind,
        message: failure.message,
        detail,
        retry_after_ms: failure.retry_after_ms,
    }
}

/// From the guest's side to ours.
fn raised(said: types::ValueResult) -> SaidValue {
    match said {
        types::ValueResult::Text(text) => SaidValue::Text(text),
        types::ValueResult::Json(text) => SaidValue::Json(text),
        types::ValueResult::Binary(blob) => SaidValue::Binary {
            media_type: blob.media_type,
            data: blob.data,
        },
    }
}

/// From our side to the guest's, as an argument of a call: borrowed, so that nothing is copied but into the sandbox.
fn lowered(value: &Value) -> types::ValueParam<'_> {
    match value {
        Value::Text(text) => types::ValueParam::Text(text),
        Value::Json(json) => types::ValueParam::Json(json.as_str()),
        Value::Binary(blob) => types::ValueParam::Binary(types::BlobParam {
            media_type: &blob.media_type,
            data: &blob.data,
        }),
    }
}

/// From our side to the guest's, as the result of a host call, which has to be owned.
fn handed_over(value: &Value) -> types::ValueResult {
    match value {
        Value::Text(text) => types::ValueResult::Text(text.as_ref().to_owned()),
        Value::Json(json) => types::ValueResult::Json(json.as_str().to_owned()),
        Value::Binary(blob) => types::ValueResult::Binary(types::BlobResult {
            media_type: blob.media_type.as_ref().to_owned(),
            data: blob.data.to_vec(),
        }),
    }
}
