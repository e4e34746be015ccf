//! Every reference finds what it refers to, and every input a value.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lockgate_model::{Port, Ports, ValueKind};

use super::configure::Configured;
use super::examine::{Slot, Watch};
use super::kinds::{self, Target, Valued, Wanted};
use super::node::Each;
use super::references::{Names, Resolver, list};
use super::shape::{self, Shape};
use super::wire::{Origin, PlanExpr, PlanWire, WireSource};
use crate::coerce::{self, kind_name};
use crate::document::{Expr, FlowDocument, NodeEntry, Wire};
use crate::excerpt::{clipped, quoted};
use crate::expression::{Body, Expression};
use crate::fault::{Code, Findings};

/// How many elements of an `each` a node works on at the same time where its flow does not say.
const USUAL_CONCURRENCY: u32 = 8;

/// What is connected, by the document's indices.
pub(super) struct Connections {
    pub(super) nodes: Vec<Connected>,
    pub(super) outputs: Vec<PlanWire>,
    pub(super) labels: Vec<PlanWire>,
    /// Of each node, the nodes that its expressions name, each once, whatever else is wrong with them.
    pub(super) needs: Vec<Vec<usize>>,
}

/// What is connected to a node.
#[derive(Default)]
pub(super) struct Connected {
    pub(super) when: Option<PlanExpr>,
    pub(super) each: Option<Each>,
    pub(super) wires: Vec<PlanWire>,
}

impl Connected {
    /// Puts the plan's index of each node in the place of the document's.
    pub(super) fn move_nodes(&mut self, position: &[u32]) {
        let each = self.each.iter_mut().map(|each| &mut each.items);
        let wired = self.wires.iter_mut().map(|wire| &mut wire.expr);
        for expr in self.when.iter_mut().chain(each).chain(wired) {
            expr.from.move_nodes(position);
        }
    }
}

/// Connects everything. What is faulty is reported and left out. `watch` looks on, where somebody wants to know.
pub(super) fn connect(
    document: &FlowDocument,
    configured: &[Option<Configured>],
    indices: &HashMap<&str, usize>,
    watch: Option<&mut Watch<'_>>,
    findings: &mut Findings,
) -> Connections {
    let resolver = Resolver {
        document,
        configured,
        indices,
    };
    let mut connector = Connector {
        resolver,
        watch,
        findings,
    };
    let mut nodes = Vec::with_capacity(document.nodes.len());
    for (entry, configured) in document.nodes.iter().zip(configured) {
        nodes.push(connector.node(entry, configured.as_ref()));
    }
    let outputs = document.outputs.iter();
    let outputs = outputs.filter_map(|wire| connector.end(wire, Slot::Output(&wire.name)));
    let outputs = outputs.collect();
    // That a label names no node is checked where it is read.
    let labels = document.labels.iter();
    let labels = labels.filter_map(|wire| connector.end(wire, Slot::Label(&wire.name)));
    Connections {
        nodes,
        outputs,
        labels: labels.collect(),
        needs: document
            .nodes
            .iter()
            .map(|entry| needs(entry, indices))
            .collect(),
    }
}

fn needs(entry: &NodeEntry, indices: &HashMap<&str, usize>) -> Vec<usize> {
    let expressions = entry.exprs().filter_map(|expr| expr.expression.as_ref());
    let references = expressions.flat_map(|expression| &expression.references);
    // A node may not be called `input`; if one is, that is a fault of its own.
    let references =
        references.filter(|reference| !lockgate_model::RESERVED.contains(&&*reference.root));
    let nodes: BTreeSet<usize> = references
        .filter_map(|reference| indices.get(&*reference.root).copied())
        .collect();
    nodes.into_iter().collect()
}

/// What is known of the input that a wire goes into.
struct To<'p> {
    kind: ValueKind,
    required: bool,
    port: Option<&'p Port>,
}

impl To<'_> {
    /// Out of the flow: anything fits.
    const OUT: Self = Self {
        kind: ValueKind::Any,
        required: false,
        port: None,
    };
}

struct Connector<'a, 'w, 'd> {
    resolver: Resolver<'a>,
    watch: Option<&'w mut Watch<'d>>,
    findings: &'w mut Findings,
}

impl<'a> Connector<'a, '_, '_> {
    /// A node. Its expressions are looked at even where its ports are not known.
    fn node(&mut self, entry: &'a NodeEntry, configured: Option<&'a Configured>) -> Connected {
        let ports = configured.map(|configured| configured.work.ports());
        let when = entry.when.as_ref();
        let when = when.and_then(|when| self.when(when, entry));
        let (mut each, mut names) = (None, Names::NODES);
        if let Some(items) = &entry.each {
            let (plan, element) = self.each(items, entry);
            each = plan;
            names.element = Some(element);
        }
        let wires = entry.wires.iter();
        let wires = wires.filter_map(|wire| self.input(entry, wire, ports, names));
        let wires = wires.collect();
        if let Some(ports) = ports {
            report_missing(entry, ports, self.findings);
        }
        Connected { when, each, wires }
    }

    fn when(&mut self, expr: &Expr, entry: &NodeEntry) -> Option<PlanExpr> {
        let target = Target {
            wanted: Wanted::Truth,
            shape: Shape::anything(),
        };
        // Whether a constant one is true or false is checked where it is read.
        let (from, _) = self.source(expr, Slot::When(entry), &target, Names::NODES)?;
        let at = expr.scalar.span.start;
        Some(PlanExpr { from, at })
    }

    /// The list that a node goes through, and what is known of `item`.
    fn each(&mut self, expr: &Expr, entry: &NodeEntry) -> (Option<Each>, Shape<'a>) {
        let target = Target {
            wanted: Wanted::List,
            shape: Shape::anything(),
        };
        let Some((from, list)) = self.source(expr, Slot::Each(entry), &target, Names::NODES) else {
            return (None, Shape::anything());
        };
        let element = match entry.batch {
            None => list.any_element(),
            Some(_) => Shape::list(),
        };
        let at = expr.scalar.span.start;
        let each = Each {
            items: PlanExpr { from, at },
            concurrency: entry.concurrency.unwrap_or(USUAL_CONCURRENCY),
            batch: entry.batch,
        };
        (Some(each), element)
    }

    /// An input of a node.
    fn input(
        &mut self,
        entry: &NodeEntry,
        wire: &Wire,
        ports: Option<&Ports>,
        names: Names<'_>,
    ) -> Option<PlanWire> {
        let port = ports.and_then(|ports| ports.input(wire.name.as_str()));
        if let (Some(ports), None) = (ports, port) {
            self.report_unknown_input(entry, wire, ports);
        }
        let to = port.map(|port| To {
            kind: port.kind,
            required: port.required,
            port: Some(port),
        });
        self.wire(wire, Slot::Input(entry, &wire.name), to, names)
    }

    fn report_unknown_input(&mut self, entry: &NodeEntry, wire: &Wire, ports: &Ports) {
        let names = || ports.inputs.iter().map(|port| port.name.as_str());
        let (key, name) = (quoted(&entry.key), &wire.name);
        let near = self.findings.did_you_mean(name.as_str(), names());
        let help = near.unwrap_or_else(|| format!("its inputs: {}", list(names())));
        let message = format!("the node `{key}` has no input `{name}`");
        self.findings
            .add(Code::UnknownInput, &wire.name_span, message)
            .help(help);
    }

    /// A value that leaves the flow.
    fn end(&mut self, wire: &Wire, slot: Slot<'_>) -> Option<PlanWire> {
        self.wire(wire, slot, Some(To::OUT), Names::NODES)
    }

    fn wire(
        &mut self,
        wire: &Wire,
        slot: Slot<'_>,
        to: Option<To<'_>>,
        names: Names<'_>,
    ) -> Option<PlanWire> {
        let schema = to.as_ref().and_then(|to| to.port).and_then(shape::of_port);
        let target = Target {
            wanted: Wanted::Value(to.as_ref().map(|to| to.kind)),
            shape: schema.as_ref().map_or(Shape::anything(), Shape::of),
        };
        let (from, _) = self.source(&wire.expr, slot, &target, names)?;
        let to = to?;
        Some(PlanWire {
            name: wire.name.clone(),
            kind: to.kind,
            required: to.required,
            expr: PlanExpr {
                from,
                at: wire.expr.scalar.span.start,
            },
            piped: false,
        })
    }

    /// Where a value comes from, and what is known of it where it is handed over from one place. `slot` is what the value
    /// is for.
    fn source<'n>(
        &mut self,
        expr: &Expr,
        slot: Slot<'_>,
        target: &Target<'_>,
        names: Names<'n>,
    ) -> Option<(WireSource, Shape<'n>)>
    where
        'a: 'n,
    {
        let expression = expr.expression.as_ref()?;
        let is_lone = !matches!(expression.body, Body::Computed(_));
        let mut shape = Shape::anything();
        let mut origins = Vec::with_capacity(expression.references.len());
        for (reference, valued) in expression.references.iter().zip(&expression.valued) {
            let found = self.resolver.resolve(expr, reference, names, self.findings);
            if let Some(watch) = &mut self.watch {
                let known = found.as_ref().map(|(_, known)| known);
                watch.saw(&self.resolver, slot, expr, reference, known, target);
            }
            let fits = found.and_then(|(origin, known)| {
                let valued = if is_lone {
                    Valued::HandedOver
                } else {
                    Valued::computed(*valued)
                };
                match kinds::misfit(reference, &known, valued, target) {
                    None => Some((origin, known.shape)),
                    Some(misfit) => {
                        let at = self.resolver.place(expr, reference);
                        self.findings
                            .add(Code::WrongKind, &at, misfit.message)
                            .maybe_help(misfit.help);
                        None
                    }
                }
            });
            if let (Some((_, known)), Body::Lone) = (&fits, &expression.body) {
                shape = *known;
            }
            origins.push(fits.map(|(origin, _)| origin));
        }
        let origins: Vec<Origin> = origins.into_iter().collect::<Option<_>>()?;
        let from = match expression.body {
            Body::Lone => WireSource::Lone(origins.into_iter().next()?),
            Body::First => WireSource::First(origins.into()),
            Body::Computed(_) => self.computed(expr, slot.name(), expression, origins, target)?,
        };
        Some((from, shape))
    }

    fn computed(
        &mut self,
        expr: &Expr,
        name: &str,
        expression: &Arc<Expression>,
        origins: Vec<Origin>,
        target: &Target<'_>,
    ) -> Option<WireSource> {
        let to = target.kind();
        if to == Some(ValueKind::Binary) {
            let message =
                format!("the input `{name}` takes bytes, and expressions do not compute bytes");
            self.findings
                .add(Code::WrongKind, &expr.scalar.span, message)
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
                let message = format!("this expression fails: {}", clipped(&error.to_string()));
                self.findings
                    .add(code, &expr.scalar.span, message)
                    .maybe_help(help);
                None
            }
        }
    }
}

fn report_missing(entry: &NodeEntry, ports: &Ports, findings: &mut Findings) {
    let is_wired = |name: &str| entry.wires.iter().any(|wire| wire.name.as_str() == name);
    let required = ports.inputs.iter().filter(|port| port.required);
    for port in required.filter(|port| !is_wired(port.name.as_str())) {
        let (key, name, kind) = (quoted(&entry.key), &port.name, kind_name(port.kind));
        let message =
            format!("the node `{key}` does not wire the input `{name}`, which it requires");
        findings
            .add(Code::MissingInput, &entry.key_span, message)
            .help(format!("it takes {kind}: `in: {{ {name}: … }}`"));
    }
}
