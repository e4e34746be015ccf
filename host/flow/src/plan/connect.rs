//! Every reference finds what it refers to, and every input a value.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use lockgate_model::{Ports, ValueKind};

use super::configure::Configured;
use super::kinds::{self, Ends};
use super::{Origin, PlanWire, Root, WireSource};
use crate::coerce::{self, kind_name};
use crate::document::{FlowDocument, NodeEntry, Wire};
use crate::excerpt::{clipped, quoted};
use crate::expression::{Body, Expression, Reference, Segment};
use crate::fault::{Code, Findings};

/// What is connected, by the document's indices.
pub(super) struct Connections {
    pub(super) wires: Vec<Vec<PlanWire>>,
    pub(super) outputs: Vec<PlanWire>,
    /// Of each node, the nodes that its expressions name, each once, whatever else is wrong with them.
    pub(super) needs: Vec<Vec<usize>>,
}

/// Connects everything. What is faulty is reported and left out.
pub(super) fn connect(
    document: &FlowDocument,
    configured: &[Option<Configured>],
    indices: &HashMap<&str, usize>,
    findings: &mut Findings,
) -> Connections {
    let mut connector = Connector {
        document,
        configured,
        indices,
        findings,
    };
    let mut wires = Vec::with_capacity(document.nodes.len());
    for (index, entry) in document.nodes.iter().enumerate() {
        let ports = configured[index]
            .as_ref()
            .map(|configured| configured.runner.ports());
        let inputs = entry
            .wires
            .iter()
            .filter_map(|wire| connector.input(entry, wire, ports));
        wires.push(inputs.collect());
        if let Some(ports) = ports {
            report_missing(entry, ports, connector.findings);
        }
    }
    let outputs = document
        .outputs
        .iter()
        .filter_map(|wire| connector.output(wire))
        .collect();
    let needs = document
        .nodes
        .iter()
        .map(|entry| needs(entry, indices))
        .collect();
    Connections {
        wires,
        outputs,
        needs,
    }
}

fn needs(entry: &NodeEntry, indices: &HashMap<&str, usize>) -> Vec<usize> {
    let expressions = entry.exprs().filter_map(|expr| expr.expression.as_ref());
    let references = expressions.flat_map(|expression| &expression.references);
    // A node may not be called `input`; if one is, that is a fault of its own.
    let references = references.filter(|reference| &*reference.root != "input");
    let nodes: BTreeSet<usize> = references
        .filter_map(|reference| indices.get(&*reference.root).copied())
        .collect();
    nodes.into_iter().collect()
}

fn report_missing(entry: &NodeEntry, ports: &Ports, findings: &mut Findings) {
    let is_wired = |name: &str| entry.wires.iter().any(|wire| wire.name.as_str() == name);
    for port in ports
        .inputs
        .iter()
        .filter(|port| port.required && !is_wired(port.name.as_str()))
    {
        let message = format!(
            "the node `{}` does not wire the input `{}`, which it requires",
            quoted(&entry.key),
            port.name
        );
        findings
            .add(Code::MissingInput, &entry.key_span, message)
            .help(format!(
                "it takes {}: `in: {{ {}: … }}`",
                kind_name(port.kind),
                port.name
            ));
    }
}

struct Connector<'a> {
    document: &'a FlowDocument,
    configured: &'a [Option<Configured>],
    indices: &'a HashMap<&'a str, usize>,
    findings: &'a mut Findings,
}

impl Connector<'_> {
    /// An input of a node. Its expression is looked at even where the node's ports are not known.
    fn input(&mut self, entry: &NodeEntry, wire: &Wire, ports: Option<&Ports>) -> Option<PlanWire> {
        let port = ports.and_then(|ports| ports.input(wire.name.as_str()));
        if let (Some(ports), None) = (ports, port) {
            let names = || ports.inputs.iter().map(|port| port.name.as_str());
            let message = format!(
                "the node `{}` has no input `{}`",
                quoted(&entry.key),
                wire.name
            );
            let near = self.findings.did_you_mean(wire.name.as_str(), names());
            let help = near.unwrap_or_else(|| format!("its inputs: {}", list(names())));
            self.findings
                .add(Code::UnknownInput, &wire.name_span, message)
                .help(help);
        }
        let from = self.source(wire, port.map(|port| port.kind))?;
        let port = port?;
        Some(self.wire(wire, port.kind, port.required, from))
    }

    fn output(&mut self, wire: &Wire) -> Option<PlanWire> {
        let from = self.source(wire, Some(ValueKind::Any))?;
        Some(self.wire(wire, ValueKind::Any, false, from))
    }

    fn wire(&self, wire: &Wire, kind: ValueKind, required: bool, from: WireSource) -> PlanWire {
        PlanWire {
            name: wire.name.clone(),
            kind,
            required,
            from,
            at: wire.expr.scalar.span.start,
        }
    }

    /// Where a wire's value comes from. `to` is what the port takes, where that is known.
    fn source(&mut self, wire: &Wire, to: Option<ValueKind>) -> Option<WireSource> {
        let expression = wire.expr.expression.as_ref()?;
        let mut origins = Vec::with_capacity(expression.references.len());
        for (reference, valued) in expression.references.iter().zip(&expression.valued) {
            origins.push(self.origin(wire, reference, *valued, expression, to));
        }
        let origins: Vec<Origin> = origins.into_iter().collect::<Option<_>>()?;
        match expression.body {
            Body::Lone => origins.into_iter().next().map(WireSource::Lone),
            Body::First => {
                let message = "`first` stands within another expression here";
                self.findings
                    .add(Code::BadExpression, &wire.expr.scalar.span, message);
                None
            }
            Body::Computed(_) => self.computed(wire, expression, origins, to),
        }
    }

    fn computed(
        &mut self,
        wire: &Wire,
        expression: &Arc<Expression>,
        origins: Vec<Origin>,
        to: Option<ValueKind>,
    ) -> Option<WireSource> {
        if to == Some(ValueKind::Binary) {
            let message = format!(
                "the input `{}` takes bytes, and expressions do not compute bytes",
                wire.name
            );
            self.findings
                .add(Code::WrongKind, &wire.expr.scalar.span, message)
                .help("refer to an output that gives bytes, and to nothing else");
            return None;
        }
        if !origins.is_empty() {
            return Some(WireSource::Computed(Arc::clone(expression), origins.into()));
        }
        // Without references it is the same at each run, and its faults are known now.
        let result = expression
            .compute(&[])
            .map_err(|error| (Code::FailingExpression, error));
        let value = result.and_then(|result| {
            coerce::computed(result, to.unwrap_or(ValueKind::Any))
                .map_err(|error| (Code::WrongKind, error))
        });
        match value {
            Ok(value) => Some(WireSource::Constant(value)),
            Err((code, error)) => {
                let help = (code == Code::WrongKind)
                    .then(|| "`string(…)` makes text of a value".to_owned());
                self.findings
                    .add(
                        code,
                        &wire.expr.scalar.span,
                        format!("this expression fails: {}", clipped(&error.to_string())),
                    )
                    .maybe_help(help);
                None
            }
        }
    }

    /// What a reference refers to, if it is there and fits.
    fn origin(
        &mut self,
        wire: &Wire,
        reference: &Reference,
        valued: bool,
        expression: &Expression,
        to: Option<ValueKind>,
    ) -> Option<Origin> {
        if &*reference.root == "input" {
            return Some(Origin {
                root: Root::Input,
                path: reference.path.clone().into(),
            });
        }
        let Some(&node) = self.indices.get(&*reference.root) else {
            self.report_name(wire, &reference.root);
            return None;
        };
        let entry = &self.document.nodes[node];
        let at = self.place(wire, reference);
        // Without ports there is a fault already, and nothing to look the rest up in.
        let ports = self.configured[node]
            .as_ref()
            .map(|configured| configured.runner.ports());
        let Some(Segment::Key(output)) = reference.path.first() else {
            let names =
                ports.map(|ports| list(ports.outputs.iter().map(|port| port.name.as_str())));
            let message = format!(
                "`{}` is a node, and an expression names one of its outputs",
                quoted(&entry.key)
            );
            self.findings
                .add(Code::UnknownOutput, &at, message)
                .maybe_help(names.map(|names| format!("its outputs: {names}")));
            return None;
        };
        let ports = ports?;
        let Some(port) = ports
            .outputs
            .iter()
            .position(|port| port.name.as_str() == &**output)
        else {
            let names = || ports.outputs.iter().map(|port| port.name.as_str());
            let message = format!(
                "the node `{}` has no output `{}`",
                quoted(&entry.key),
                quoted(output)
            );
            let near = self.findings.did_you_mean(output, names());
            let help = near.unwrap_or_else(|| format!("its outputs: {}", list(names())));
            self.findings
                .add(Code::UnknownOutput, &at, message)
                .help(help);
            return None;
        };
        let path = &reference.path[1..];
        let given = ports.outputs[port].kind;
        let lone = matches!(expression.body, Body::Lone);
        let ends = Ends {
            given,
            path,
            valued,
            lone,
            to,
        };
        if let Some((message, help)) = kinds::misfit(reference, &ends) {
            let help = help.map(str::to_owned);
            self.findings
                .add(Code::WrongKind, &at, message)
                .maybe_help(help);
            return None;
        }
        let root = Root::Output {
            node: u32::try_from(node).ok()?,
            port: u32::try_from(port).ok()?,
        };
        Some(Origin {
            root,
            path: path.into(),
        })
    }

    fn report_name(&mut self, wire: &Wire, root: &str) {
        let at = wire.expr.place_of(&self.document.source, root);
        let names = self
            .document
            .nodes
            .iter()
            .map(|node| &*node.key)
            .chain(["input"]);
        let help = match root {
            "vars" | "item" | "index" | "failure" => Some(format!(
                "`{root}` belongs to the format, but this version does not have it yet"
            )),
            _ => self.findings.did_you_mean(root, names),
        };
        let help = help.unwrap_or_else(|| {
            "expressions know `input` and the flow's nodes; text stands in quotes".to_owned()
        });
        self.findings
            .add(
                Code::UnknownName,
                &at,
                format!("there is no node `{}` in this flow", quoted(root)),
            )
            .help(help);
    }

    fn place(&self, wire: &Wire, reference: &Reference) -> Range<usize> {
        let written = match reference.path.first() {
            Some(Segment::Key(key)) => format!("{}.{key}", reference.root),
            _ => reference.root.to_string(),
        };
        wire.expr.place_of(&self.document.source, &written)
    }
}

/// Names for a message, the first of many.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let names: Vec<_> = names.take(MOST + 1).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > MOST => format!("{}, …", names[..MOST].join(", ")),
        _ => names.join(", "),
    }
}
