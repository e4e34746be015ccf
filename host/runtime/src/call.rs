//! One call: inputs checked, a fresh sandbox, outputs checked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lockgate_model::{
    Breach, Call, CallEnd, CallError, Exhausted, Failure, FailureKind, Ident, Input, Json, Limit,
    Limits, Outputs, Port, Ports, Receipt, SchemaFault, Value, ValueKind,
};

use crate::contract::GuestCall;
use crate::contract::said::{self, SaidOutputs};
use crate::host::{Entry, Exit};
use crate::loaded::Loaded;
use crate::sandbox::{Phase, Streams, within};
use crate::threads::PerThread;

/// A node with its configuration and limits.
pub(crate) struct Configured {
    pub(crate) plugin: Arc<Loaded>,
    pub(crate) config: Json,
    pub(crate) limits: Limits,
    pub(crate) ports: PerThread<Ports>,
    /// Which of the plugin's nodes it is.
    pub(crate) index: usize,
}

impl Configured {
    /// The node's name within its plugin.
    fn name(&self) -> &str {
        self.plugin.info.nodes[self.index].name.as_str()
    }
}

/// Makes one call of a configured node. To be polled on a guest thread.
pub(crate) async fn run(node: &Configured, call: Call) -> CallEnd {
    let Call {
        id,
        attempt,
        inputs,
        sink,
    } = call;
    let ports = node.ports.mine();
    let inputs = match Inputs::sorted(ports, inputs) {
        Ok(inputs) => inputs,
        Err(failure) => {
            return CallEnd {
                result: Err(failure.into()),
                receipt: Receipt::default(),
            };
        }
    };
    let mut check = Duration::ZERO;
    if let Err(error) = check_inputs(node, ports, &inputs.whole, &mut check).await {
        let receipt = Receipt {
            input_bytes: inputs.bytes,
            check,
            ..Receipt::default()
        };
        return CallEnd {
            result: Err(error),
            receipt,
        };
    }

    let guest_call = GuestCall {
        node: node.name(),
        inputs: &inputs.whole,
        config: node.config.as_str(),
        call_id: &id,
        attempt,
        deadline_ms: node.limits.timeout_ms,
    };
    let entry = Entry {
        phase: Phase::Run,
        limits: &node.limits,
        streams: Streams::new(ports.clone(), sink, inputs.streaming),
        places: node.plugin.places,
    };
    let mut sandbox = node.plugin.host.open(entry).await;
    let (deadline, threads) = (sandbox.deadline(), sandbox.threads);
    let ran = within(
        node.plugin.adapter.run(&mut sandbox.store, guest_call),
        deadline,
        threads,
    )
    .await;
    let Exit {
        result,
        mut receipt,
        streams,
    } = sandbox.close(ran);
    receipt.input_bytes = inputs.bytes;
    receipt.instances = node.plugin.instances;

    let result = match result {
        Ok(Ok(said)) => outputs(node, ports, said, streams, &mut receipt).await,
        Ok(Err(failure)) => Err(failure.into()),
        Err(error) => Err(error),
    };
    let result = match result {
        Ok(outputs) => check_outputs(node, ports, &outputs, &mut check)
            .await
            .map(|()| outputs),
        Err(error) => Err(error),
    };
    receipt.check = check;
    CallEnd { result, receipt }
}

/// The inputs of a call, those whose ports stream apart from the others.
struct Inputs {
    whole: Vec<(Ident, Value)>,
    streaming: Vec<(Ident, Input)>,
    bytes: u64,
}

impl Inputs {
    fn sorted(ports: &Ports, inputs: Vec<(Ident, Input)>) -> Result<Self, Failure> {
        let refuse = |what: String| Err(Failure::new(FailureKind::InvalidInput, what));
        let mut sorted = Self {
            whole: Vec::with_capacity(inputs.len()),
            streaming: Vec::new(),
            bytes: 0,
        };
        let mut required = ports.inputs.iter().filter(|port| port.required).count();
        for (name, input) in inputs {
            let Some(port) = ports.input(name.as_str()) else {
                return refuse(format!("the node has no input `{name}`"));
            };
            if sorted.has(&name) {
                return refuse(format!("the input `{name}` is there twice"));
            }
            required -= usize::from(port.required);
            if let Input::Value(value) = &input {
                if !port.kind.admits(value.kind()) {
                    return refuse(format!(
                        "the input `{name}` takes {}, not {}",
                        port.kind,
                        value.kind()
                    ));
                }
                sorted.bytes += value.size() as u64;
            }
            match input {
                input if port.streaming => sorted.streaming.push((name, input)),
                Input::Value(value) => sorted.whole.push((name, value)),
                Input::Parts(_) => return refuse(format!("the input `{name}` takes no parts")),
            }
        }
        if required > 0 {
            let missing = ports
                .inputs
                .iter()
                .find(|port| port.required && !sorted.has(&port.name));
            return refuse(format!(
                "the input `{}` is missing",
                missing.map_or("?", |port| port.name.as_str())
            ));
        }
        Ok(sorted)
    }

    fn has(&self, name: &Ident) -> bool {
        self.whole.iter().any(|(there, _)| there == name)
            || self.streaming.iter().any(|(there, _)| there == name)
    }
}

/// What the node gave, held against its ports and joined with what it sent in parts.
async fn outputs(
    node: &Configured,
    ports: &Ports,
    said: SaidOutputs,
    streams: Streams,
    receipt: &mut Receipt,
) -> Result<Outputs, CallError> {
    let ports = &ports.outputs;
    let allowed = node.limits.output_bytes;
    let mut outputs: Outputs = Vec::with_capacity(said.len());
    for (name, value) in said {
        let Some(port) = ports.iter().find(|port| port.name.as_str() == name) else {
            return Err(Breach::UnknownOutput {
                port: said::cut(&name),
            }
            .into());
        };
        if outputs.iter().any(|(given, _)| *given == port.name) {
            return Err(Breach::TwiceGiven { port: name }.into());
        }
        let given = receipt.output_bytes.saturating_add(value.size() as u64);
        if given > allowed {
            return Err(Exhausted {
                limit: Limit::OutputBytes,
                allowed,
                backtrace: Vec::new(),
            }
            .into());
        }
        receipt.output_bytes = given;
        outputs.push((port.name.clone(), value.checked(port).await?));
    }
    for (name, value) in streams.into_joined() {
        // An output that is given whole as well is what was given.
        if !outputs.iter().any(|(given, _)| *given == name) {
            outputs.push((name, value));
        }
    }
    for port in ports.iter().filter(|port| port.required) {
        if !outputs.iter().any(|(given, _)| *given == port.name) {
            outputs.push((port.name.clone(), empty_stream(port)?));
        }
    }
    Ok(outputs)
}

/// What a required output is that was neither given nor sent a part of: an empty stream, if the port streams and what is
/// empty can be told.
fn empty_stream(port: &Port) -> Result<Value, Breach> {
    match port.kind {
        ValueKind::Text if port.streaming => Ok(Value::text("")),
        ValueKind::Json if port.streaming => Ok(Value::Json(Json::list([]))),
        _ => Err(Breach::MissingOutput {
            port: port.name.to_string(),
        }),
    }
}

async fn check_inputs(
    node: &Configured,
    ports: &Ports,
    inputs: &[(Ident, Value)],
    spent: &mut Duration,
) -> Result<(), CallError> {
    let refused = |port: String, reason| {
        let message = format!("the input `{port}` does not meet its schema: {reason}");
        Failure::new(FailureKind::InvalidInput, message).into()
    };
    check(node, &ports.inputs, inputs, spent, refused).await
}

async fn check_outputs(
    node: &Configured,
    ports: &Ports,
    outputs: &[(Ident, Value)],
    spent: &mut Duration,
) -> Result<(), CallError> {
    let refused = |port, reason| Breach::AgainstSchema { port, reason }.into();
    check(node, &ports.outputs, outputs, spent, refused).await
}

/// Holds the documents among `values` against the schemas of their ports, all in one sandbox. Most ports have no schema,
/// and then this costs nothing.
async fn check(
    node: &Configured,
    ports: &[Port],
    values: &[(Ident, Value)],
    spent: &mut Duration,
    refused: impl Fn(String, String) -> CallError,
) -> Result<(), CallError> {
    let mut names = Vec::new();
    let mut pairs: Vec<(Json, Json)> = Vec::new();
    for (name, value) in values {
        let port = ports.iter().find(|port| port.name == *name);
        if let (Some(schema), Value::Json(json)) =
            (port.and_then(|port| port.schema.as_ref()), value)
        {
            names.push(name);
            pairs.push((schema.clone(), json.clone()));
        }
    }
    if pairs.is_empty() {
        return Ok(());
    }
    let begun = Instant::now();
    // Boxed: a sandbox within this one would make every call's future as large as both, and most calls have no schema.
    let faults = Box::pin(node.plugin.host.check_schemas(pairs)).await;
    *spent += begun.elapsed();
    let faults = faults?;
    match names
        .iter()
        .zip(&faults)
        .find_map(|(name, faults)| Some((name, faults.first()?)))
    {
        None => Ok(()),
        Some((name, SchemaFault { path, message })) if path.is_empty() => {
            Err(refused(name.to_string(), message.clone()))
        }
        Some((name, SchemaFault { path, message })) => {
            Err(refused(name.to_string(), format!("at {path}: {message}")))
        }
    }
}
