//! What a plugin says of itself, checked whole: every fault is named at once, and only what is right becomes a
//! [`PluginInfo`].

use std::collections::HashSet;
use std::sync::Arc;

use lockgate_model::{CallError, Ident, Json, Kebab, NodeInfo, PluginInfo, Port, Ports, ValueKind};

use crate::contract::said::{self, SaidNode, SaidPlugin, SaidPort, SaidPorts};
use crate::host::Host;

const MAX_NODES: usize = 256;
const MAX_PORTS: usize = 64;
const MAX_SUMMARY_BYTES: usize = 1024;
const MAX_SCHEMA_BYTES: usize = 64 << 10;
const MAX_VERSION_BYTES: usize = 64;

/// Faults beyond these are counted and not listed.
const MAX_FAULTS: usize = 50;

impl Host {
    /// Checks a plugin's description. The inner error is every fault of it; the outer one says that a schema in it could
    /// not be looked at within the evaluator's limits, or that the host failed. With `compiled` the evaluator had no fault
    /// to find in its schemas before.
    pub(crate) async fn checked_plugin(
        self: &Arc<Self>,
        said: SaidPlugin,
        compiled: bool,
    ) -> Result<Result<PluginInfo, Vec<String>>, CallError> {
        let mut checker = Checker::default();
        let plugin = checker.plugin(said);
        if compiled {
            checker.schemas.clear();
        }
        let faults = self.faults(checker).await?;
        Ok(plugin.filter(|_| faults.is_empty()).ok_or(faults))
    }

    /// Checks the ports that a node says it has under a configuration. With `compiled` the evaluator had no fault to find in
    /// their schemas before.
    pub(crate) async fn checked_ports(
        self: &Arc<Self>,
        said: SaidPorts,
        declared: &Ports,
        compiled: bool,
    ) -> Result<Result<Ports, Vec<String>>, CallError> {
        let mut checker = Checker::default();
        let ports = checker.ports("", said);
        if let Some(ports) = &ports {
            checker.still_there("input", &declared.inputs, &ports.inputs);
            checker.still_there("output", &declared.outputs, &ports.outputs);
            // What every configuration has was compiled when the plugin was loaded.
            let known: HashSet<_> = schemas(declared).map(Json::as_str).collect();
            checker
                .schemas
                .retain(|(_, schema)| !compiled && !known.contains(schema.as_str()));
        }
        let faults = self.faults(checker).await?;
        Ok(ports.filter(|_| faults.is_empty()).ok_or(faults))
    }

    async fn faults(self: &Arc<Self>, checker: Checker) -> Result<Vec<String>, CallError> {
        let Checker {
            mut faults,
            schemas,
        } = checker;
        let (places, schemas): (Vec<_>, Vec<_>) = schemas.into_iter().unzip();
        for (place, fault) in places.iter().zip(self.compile_schemas(&schemas).await?) {
            if let Some(fault) = fault {
                faults.push(format!(
                    "{place} is no JSON Schema (2020-12): {}",
                    fault.escape_debug()
                ));
            }
        }
        if faults.len() > MAX_FAULTS {
            let more = faults.split_off(MAX_FAULTS).len();
            faults.push(format!("and {more} more"));
        }
        Ok(faults)
    }
}

fn schemas(ports: &Ports) -> impl Iterator<Item = &Json> {
    ports
        .inputs
        .iter()
        .chain(&ports.outputs)
        .filter_map(|port| port.schema.as_ref())
}

/// Collects faults, and schemas to be compiled, each with the place that it stands in.
#[derive(Default)]
struct Checker {
    faults: Vec<String>,
    schemas: Vec<(String, Json)>,
}

impl Checker {
    fn plugin(&mut self, said: SaidPlugin) -> Option<PluginInfo> {
        let name = self.kebab("the plugin's name", &said.name);
        let version = self.version(&said.version);
        let summary = self.summary("the plugin", said.summary);
        if said.nodes.is_empty() {
            self.faults.push("the plugin has no nodes".to_owned());
        }
        if said.nodes.len() > MAX_NODES {
            self.faults.push(format!(
                "the plugin has {} nodes; {MAX_NODES} is the most",
                said.nodes.len()
            ));
            return None;
        }
        let nodes: Vec<_> = said.nodes.into_iter().map(|node| self.node(node)).collect();
        let nodes: Vec<_> = nodes.into_iter().collect::<Option<_>>()?;
        let mut seen = HashSet::new();
        for node in nodes.iter().filter(|node| !seen.insert(&node.name)) {
            self.faults
                .push(format!("two nodes are called `{}`", node.name));
        }
        Some(PluginInfo {
            name: name?,
            version: version?,
            summary: summary?,
            nodes,
        })
    }

    fn node(&mut self, said: SaidNode) -> Option<NodeInfo> {
        let name = self.kebab("a node's name", &said.name);
        let place = match &name {
            Some(name) => format!("node `{name}`: "),
            None => format!("node `{}`: ", said::cut(&said.name).escape_debug()),
        };
        let summary = self.summary(&format!("{place}it"), said.summary);
        let ports = self.ports(&place, said.ports);
        let config_schema = self.schema(
            format!("{place}the configuration's schema"),
            said.config_schema,
        );
        Some(NodeInfo {
            name: name?,
            summary: summary?,
            kind: said.kind,
            ports: ports?,
            config_schema: config_schema?,
            pure: said.pure,
        })
    }

    fn ports(&mut self, place: &str, said: SaidPorts) -> Option<Ports> {
        let inputs = self.side(place, "input", said.inputs);
        let outputs = self.side(place, "output", said.outputs);
        Some(Ports {
            inputs: inputs?,
            outputs: outputs?,
        })
    }

    fn side(&mut self, place: &str, side: &str, said: Vec<SaidPort>) -> Option<Vec<Port>> {
        if said.len() > MAX_PORTS {
            self.faults.push(format!(
                "{place}it has {} {side}s; {MAX_PORTS} is the most",
                said.len()
            ));
            return None;
        }
        let ports: Vec<_> = said
            .into_iter()
            .map(|port| self.port(place, side, port))
            .collect();
        let ports: Vec<_> = ports.into_iter().collect::<Option<_>>()?;
        let mut seen = HashSet::new();
        for port in ports.iter().filter(|port| !seen.insert(&port.name)) {
            self.faults
                .push(format!("{place}two {side}s are called `{}`", port.name));
        }
        Some(ports)
    }

    fn port(&mut self, place: &str, side: &str, said: SaidPort) -> Option<Port> {
        let name: Option<Ident> = match said.name.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.faults
                    .push(format!("{place}an {side}'s name: {error}"));
                None
            }
        };
        let port_place = format!("{place}{side} `{}`: ", said::cut(&said.name).escape_debug());
        let summary = self.summary(&format!("{port_place}it"), said.summary);
        let schema = match said.schema {
            None => Some(None),
            Some(_) if matches!(said.kind, ValueKind::Text | ValueKind::Binary) => {
                self.faults.push(format!(
                    "{port_place}it has a JSON Schema, but carries {}",
                    said.kind
                ));
                None
            }
            Some(schema) => self
                .schema(format!("{port_place}its schema"), schema)
                .map(Some),
        };
        let (kind, required, streaming) = (said.kind, said.required, said.streaming);
        Some(Port {
            name: name?,
            summary: summary?,
            kind,
            required,
            streaming,
            schema: schema?,
        })
    }

    /// A port that a node has under every configuration has to be there under this one, as it was.
    fn still_there(&mut self, side: &str, declared: &[Port], now: &[Port]) {
        for port in declared {
            match now.iter().find(|other| other.name == port.name) {
                None => {
                    let fault = format!(
                        "the {side} `{}` is missing, which `describe` promises",
                        port.name
                    );
                    self.faults.push(fault);
                }
                Some(other) if (other.kind, other.streaming) != (port.kind, port.streaming) => {
                    let fault = format!(
                        "the {side} `{}` is not what `describe` says that it is",
                        port.name
                    );
                    self.faults.push(fault);
                }
                Some(_) => {}
            }
        }
    }

    fn schema(&mut self, place: String, text: String) -> Option<Json> {
        if text.len() > MAX_SCHEMA_BYTES {
            self.faults.push(format!(
                "{place} has {} bytes; {MAX_SCHEMA_BYTES} is the most",
                text.len()
            ));
            return None;
        }
        match Json::parse(text) {
            Ok(schema) => {
                self.schemas.push((place, schema.clone()));
                Some(schema)
            }
            Err(error) => {
                self.faults.push(format!("{place} is {error}"));
                None
            }
        }
    }

    fn kebab(&mut self, what: &str, text: &str) -> Option<Kebab> {
        text.parse()
            .map_err(|error| self.faults.push(format!("{what}: {error}")))
            .ok()
    }

    fn version(&mut self, text: &str) -> Option<semver::Version> {
        let version = text
            .parse()
            .ok()
            .filter(|_| text.len() <= MAX_VERSION_BYTES);
        if version.is_none() {
            let text = said::cut(text);
            let fault = format!(
                "the version `{}` is not a semantic version such as 1.2.3",
                text.escape_debug()
            );
            self.faults.push(fault);
        }
        version
    }

    fn summary(&mut self, whose: &str, summary: String) -> Option<String> {
        if summary.len() <= MAX_SUMMARY_BYTES {
            return Some(summary);
        }
        let bytes = summary.len();
        self.faults.push(format!(
            "{whose} has a summary of {bytes} bytes; {MAX_SUMMARY_BYTES} is the most"
        ));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_model::NodeKind;

    fn port(name: &str) -> SaidPort {
        let (name, summary) = (name.to_owned(), String::new());
        SaidPort {
            name,
            summary,
            kind: ValueKind::Text,
            required: true,
            streaming: false,
            schema: None,
        }
    }

    fn node(name: &str) -> SaidNode {
        SaidNode {
            name: name.to_owned(),
            summary: String::new(),
            kind: NodeKind::Transform,
            ports: SaidPorts {
                inputs: vec![port("a")],
                outputs: vec![port("a")],
            },
            config_schema: "{}".to_owned(),
            pure: true,
        }
    }

    fn plugin(nodes: Vec<SaidNode>) -> SaidPlugin {
        let summary = String::new();
        SaidPlugin {
            name: "p".to_owned(),
            version: "1.2.3-rc.1".to_owned(),
            summary,
            nodes,
        }
    }

    #[test]
    fn what_is_right_has_no_faults() {
        let mut checker = Checker::default();
        assert!(checker.plugin(plugin(vec![node("n")])).is_some());
        assert!(checker.faults.is_empty(), "{:?}", checker.faults);
        assert_eq!(checker.schemas.len(), 1);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let mut bad = node("N ode");
        bad.summary = "x".repeat(MAX_SUMMARY_BYTES + 1);
        bad.ports.inputs = vec![port("a-b"), port("x"), port("x")];
        bad.ports.outputs = vec![SaidPort {
            schema: Some("{}".to_owned()),
            ..port("y")
        }];
        bad.config_schema = "{".to_owned();
        let mut said = plugin(vec![bad, node("n"), node("n")]);
        said.name = "P\u{1b}".to_owned();
        said.version = "1.2".to_owned();
        let mut checker = Checker::default();
        assert!(checker.plugin(said).is_none());
        for part in [
            "the plugin's name: `P\\u{1b}`",
            "the version `1.2`",
            "a node's name: `N ode`",
            "node `N ode`: it has a summary of 1025 bytes",
            "node `N ode`: an input's name: `a-b`",
            "node `N ode`: output `y`: it has a JSON Schema, but carries text",
            "node `N ode`: the configuration's schema is not a JSON document",
        ] {
            assert!(
                checker.faults.iter().any(|fault| fault.contains(part)),
                "{part}: {:#?}",
                checker.faults
            );
        }
    }

    #[test]
    fn the_same_name_twice_is_a_fault() {
        let mut twice = node("n");
        twice.ports.inputs = vec![port("x"), port("x")];
        let mut checker = Checker::default();
        checker.plugin(plugin(vec![twice, node("n")]));
        assert_eq!(
            checker.faults,
            [
                "node `n`: two inputs are called `x`",
                "two nodes are called `n`"
            ]
        );
    }

    #[test]
    fn too_many_of_anything_is_a_fault() {
        let mut wide = node("n");
        wide.ports.inputs = (0..=MAX_PORTS)
            .map(|index| port(&format!("p{index}")))
            .collect();
        for said in [
            plugin(Vec::new()),
            plugin((0..=MAX_NODES).map(|_| node("n")).collect()),
            plugin(vec![wide]),
        ] {
            let mut checker = Checker::default();
            checker.plugin(said);
            assert_eq!(checker.faults.len(), 1, "{:?}", checker.faults);
        }
    }
}
