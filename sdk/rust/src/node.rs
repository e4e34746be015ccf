//! A node as the host sees it: what `#[node]` makes of a function.

use std::collections::HashSet;

use crate::bindings::lockgate::node::types::{Call, NodeInfo};
use crate::{CallInfo, Failure, Ports, Result, Values, names, schema};

pub use crate::bindings::lockgate::node::types::NodeKind;

/// A node. `#[node]` implements it for a type of the function's name; nobody else needs to.
pub trait Node {
    /// Kebab-case.
    const NAME: &'static str;
    /// One line for people.
    const SUMMARY: &'static str;
    /// Its role in a flow.
    const KIND: NodeKind;
    /// Whether equal inputs and configuration give equal outputs.
    const PURE: bool;
    /// The function's parameters.
    #[doc(hidden)]
    const PARAMS: &'static [ParamSpec];

    /// Adds ports and configuration schema.
    #[doc(hidden)]
    fn describe(description: &mut Description);

    /// Checks a configuration, and adds the ports that come with it.
    #[doc(hidden)]
    fn configure(config: &str, ports: &mut Ports) -> Result<()>;

    /// Makes a call.
    #[doc(hidden)]
    fn run(call: Incoming<'_>) -> Result<Values>;
}

/// What a parameter of a node's function is.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An input.
    Port,
    /// An output that is sent in parts.
    OutputPort,
    /// The configuration.
    Config,
    /// The inputs that the configuration adds.
    OtherInputs,
    /// Anything else.
    Other,
}

/// A parameter of a node's function.
#[doc(hidden)]
#[derive(Debug)]
pub struct ParamSpec {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) role: Role,
}

impl ParamSpec {
    /// A parameter. One that is a port has a name that a port can have, or this does not compile.
    pub const fn new(name: &'static str, summary: &'static str, role: Role) -> Self {
        let name = match role {
            Role::Port | Role::OutputPort => names::port_name(name),
            Role::Config | Role::OtherInputs | Role::Other => name,
        };
        Self {
            name,
            summary,
            role,
        }
    }
}

/// What `describe` says of a node's ports and configuration.
#[doc(hidden)]
#[derive(Debug)]
pub struct Description {
    /// The ports.
    pub ports: Ports,
    /// The configuration's schema, for a node that has one.
    pub(crate) config_schema: Option<String>,
}

/// A call on its way to the node's function.
#[doc(hidden)]
#[derive(Debug)]
pub struct Incoming<'a> {
    pub(crate) params: &'static [ParamSpec],
    pub(crate) inputs: Values,
    pub(crate) config: &'a str,
    pub(crate) info: CallInfo,
}

impl Incoming<'_> {
    /// Refuses inputs that nobody took.
    pub fn finish(&self) -> Result<()> {
        let Some((port, _)) = self.inputs.iter().next() else {
            return Ok(());
        };
        let inputs = self
            .declared()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>();
        Err(Failure::invalid_input(if inputs.is_empty() {
            format!("there is no input `{port}`: the node takes none")
        } else {
            format!(
                "there is no input `{port}`: the node takes {}",
                inputs.join(", ")
            )
        }))
    }

    /// Takes what no parameter stands for.
    pub(crate) fn take_undeclared(&mut self) -> Values {
        let (declared, others) = std::mem::take(&mut self.inputs)
            .into_iter()
            .partition::<Vec<_>, _>(|(port, _)| self.declared().any(|name| name == port));
        self.inputs = declared.into();
        others.into()
    }

    fn declared(&self) -> impl Iterator<Item = &'static str> {
        let inputs = self.params.iter().filter(|param| param.role == Role::Port);
        inputs.map(|param| param.name)
    }
}

pub(crate) fn describe<N: Node>() -> NodeInfo {
    let Description {
        ports,
        config_schema,
    } = description::<N>();
    NodeInfo {
        name: N::NAME.to_owned(),
        summary: N::SUMMARY.to_owned(),
        kind: N::KIND,
        ports,
        config_schema: config_schema.unwrap_or_else(|| schema::NOTHING.to_owned()),
        pure: N::PURE,
    }
}

pub(crate) fn configure<N: Node>(config: &str) -> Result<Ports> {
    check_absent_config::<N>(config)?;
    let mut ports = description::<N>().ports;
    N::configure(config, &mut ports)?;
    check_names("input", ports.inputs.iter().map(|port| &*port.name))?;
    check_names("output", ports.outputs.iter().map(|port| &*port.name))?;
    Ok(ports)
}

pub(crate) fn run<N: Node>(call: Call) -> Result<Values> {
    // A pure node asks nothing of the host, and its component has no import: its panics are traps without words. Other
    // nodes have imports anyway, and a line in the log is worth one more.
    #[cfg(target_arch = "wasm32")]
    if !N::PURE {
        crate::log::panics();
    }
    check_absent_config::<N>(&call.config)?;
    N::run(Incoming {
        params: N::PARAMS,
        inputs: call.inputs.into(),
        config: &call.config,
        info: CallInfo {
            id: call.call_id,
            attempt: call.attempt,
            deadline_ms: call.deadline_ms,
        },
    })
}

fn description<N: Node>() -> Description {
    let mut description = Description {
        ports: Ports::none(),
        config_schema: None,
    };
    N::describe(&mut description);
    description
}

/// A node without configuration takes `{}`. Seen without a parser, which its component then does not hold.
fn check_absent_config<N: Node>(config: &str) -> Result<()> {
    let has_config = N::PARAMS.iter().any(|param| param.role == Role::Config);
    let mut letters = config.bytes().filter(|byte| !byte.is_ascii_whitespace());
    if has_config
        || (letters.next(), letters.next(), letters.next()) == (Some(b'{'), Some(b'}'), None)
    {
        return Ok(());
    }
    Err(Failure::invalid_input(format!(
        "the node `{}` has no configuration: leave it empty",
        N::NAME
    ))
    .at(""))
}

/// Ports that come with a configuration are only as good as what it holds.
fn check_names<'a>(which: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if let Some(fault) = names::port_name_fault(name) {
            let message = format!(
                "the configuration adds the {which} `{name}`, which cannot be: the name {fault}"
            );
            return Err(Failure::invalid_input(message));
        }
        if !seen.insert(name) {
            let message =
                format!("the configuration adds the {which} `{name}`, which the node has already");
            return Err(Failure::invalid_input(message));
        }
    }
    Ok(())
}
