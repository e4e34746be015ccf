//! What a reference refers to, and what is known of it before anything runs.

use std::collections::HashMap;
use std::ops::Range;

use lockgate_model::ValueKind;

use super::configure::Configured;
use super::shape::{Nowhere, Shape};
use super::wire::{Origin, Root};
use crate::coerce::kind_name;
use crate::document::{Expr, FlowDocument, NodeEntry, OnFailure};
use crate::excerpt::quoted;
use crate::expression::{Reference, Segment};
use crate::fault::{Code, Findings};

/// The output that every node has beside its own, where it may fail without ending the run.
const FAILURE: &str = "failure";

/// Finds what references refer to.
#[derive(Clone, Copy)]
pub(super) struct Resolver<'a> {
    pub(super) document: &'a FlowDocument,
    pub(super) configured: &'a [Option<Configured>],
    pub(super) indices: &'a HashMap<&'a str, usize>,
}

/// Which names an expression knows beside `input` and `vars`.
#[derive(Clone, Copy)]
pub(super) struct Names<'n> {
    /// What is known of `item`, where there is one.
    pub(super) element: Option<Shape<'n>>,
}

impl Names<'_> {
    /// The flow's nodes.
    pub(super) const NODES: Self = Self { element: None };
}

/// What is known of what a reference refers to.
#[derive(Clone, Copy)]
pub(super) struct Known<'n> {
    /// The kind of the value. A part of a document is a document.
    pub(super) kind: ValueKind,
    /// It is an output as it is, and no part of a document.
    pub(super) is_whole: bool,
    /// It can hold bytes as `{"media_type", "base64"}`: a run's input does, and the elements of a list.
    pub(super) may_be_bytes: bool,
    pub(super) shape: Shape<'n>,
}

impl<'n> Known<'n> {
    fn part(shape: Shape<'n>) -> Self {
        Self {
            kind: ValueKind::Json,
            is_whole: false,
            may_be_bytes: false,
            shape,
        }
    }
}

impl<'a> Resolver<'a> {
    /// What a reference refers to. What is wrong is reported.
    pub(super) fn resolve<'n>(
        &self,
        expr: &Expr,
        reference: &Reference,
        names: Names<'n>,
        findings: &mut Findings,
    ) -> Option<(Origin, Known<'n>)>
    where
        'a: 'n,
    {
        let path = &*reference.path;
        let (root, shape, may_be_bytes) = match (&*reference.root, names.element) {
            ("input", _) => {
                let schema = self.document.input.as_ref();
                let shape = schema.map_or(Shape::anything(), |schema| Shape::of(&schema.document));
                (Root::Input, shape, true)
            }
            ("vars", _) => {
                self.check_var(expr, reference, findings)?;
                (Root::Vars, Shape::anything(), false)
            }
            ("item", Some(shape)) => (Root::Item, shape, true),
            ("index", Some(_)) => (Root::Index, Shape::number(), false),
            _ => return self.resolve_output(expr, reference, names, findings),
        };
        let shape = self.follow(expr, reference, 0, shape, findings)?;
        let origin = Origin {
            root,
            path: path.into(),
        };
        let known = Known {
            may_be_bytes,
            ..Known::part(shape)
        };
        Some((origin, known))
    }

    /// A flow that has variables has those: a name that is none of them is one that was written wrong.
    fn check_var(&self, expr: &Expr, reference: &Reference, findings: &mut Findings) -> Option<()> {
        let vars = &self.document.vars;
        let Some(Segment::Key(name)) = reference.path.first() else {
            return Some(());
        };
        if vars.is_empty() || vars.iter().any(|var| var.name.as_str() == &**name) {
            return Some(());
        }
        let names = || vars.iter().map(|var| var.name.as_str());
        let near = findings.did_you_mean(name, names());
        let help = near.unwrap_or_else(|| format!("its variables: {}", list(names())));
        let message = format!("the flow has no variable `{}`", quoted(name));
        findings
            .add(Code::UnknownName, &self.place(expr, reference), message)
            .help(help);
        None
    }

    fn resolve_output<'n>(
        &self,
        expr: &Expr,
        reference: &Reference,
        names: Names<'n>,
        findings: &mut Findings,
    ) -> Option<(Origin, Known<'n>)>
    where
        'a: 'n,
    {
        let Some(&index) = self.indices.get(&*reference.root) else {
            self.report_name(expr, &reference.root, names, findings);
            return None;
        };
        let entry = &self.document.nodes[index];
        let configured = self.configured[index].as_ref();
        let node = u32::try_from(index).ok()?;
        let Some(Segment::Key(output)) = reference.path.first() else {
            let names = configured.map(|configured| list(configured.output_names()));
            let message = format!(
                "`{}` is a node, and an expression names one of its outputs",
                quoted(&entry.key)
            );
            findings
                .add(Code::UnknownOutput, &self.place(expr, reference), message)
                .maybe_help(names.map(|names| format!("its outputs: {names}")));
            return None;
        };
        if &**output == FAILURE {
            self.check_failure(expr, reference, entry, findings)?;
            let shape = self.follow(expr, reference, 1, Shape::failure(), findings)?;
            let origin = Origin {
                root: Root::Failure { node },
                path: reference.path[1..].into(),
            };
            return Some((origin, Known::part(shape)));
        }
        // Without ports there is a fault already, and nothing to look the rest up in.
        let configured = configured?;
        let position = configured.output_names().position(|name| name == &**output);
        let Some(position) = position else {
            let names = || configured.output_names();
            let near = findings.did_you_mean(output, names());
            let help = near.unwrap_or_else(|| format!("its outputs: {}", list(names())));
            let (key, output) = (quoted(&entry.key), quoted(output));
            let message = format!("the node `{key}` has no output `{output}`");
            findings
                .add(Code::UnknownOutput, &self.place(expr, reference), message)
                .help(help);
            return None;
        };
        let kind = configured.outputs[position].kind;
        let origin = Origin {
            root: Root::Output {
                node,
                port: u32::try_from(position).ok()?,
            },
            path: reference.path[1..].into(),
        };
        let shape = configured.shape(position);
        if origin.path.is_empty() {
            let known = Known {
                kind,
                is_whole: true,
                may_be_bytes: false,
                shape,
            };
            return Some((origin, known));
        }
        if !matches!(kind, ValueKind::Json | ValueKind::Any) {
            let reference_text = quoted(&reference.to_string());
            let message = format!(
                "`{reference_text}` looks into {}, which has no fields",
                kind_name(kind)
            );
            findings.add(Code::WrongKind, &self.place(expr, reference), message);
            return None;
        }
        let shape = self.follow(expr, reference, 1, shape, findings)?;
        Some((origin, Known::part(shape)))
    }

    fn check_failure(
        &self,
        expr: &Expr,
        reference: &Reference,
        entry: &NodeEntry,
        findings: &mut Findings,
    ) -> Option<()> {
        if entry.on_failure == OnFailure::Continue {
            return Some(());
        }
        let key = quoted(&entry.key);
        let message = format!("`{key}.failure` is never there: the run ends when `{key}` fails");
        findings
            .add(Code::UnknownOutput, &self.place(expr, reference), message)
            .help(format!(
                "write `on_failure: continue` at `{key}`, and the run goes on without its outputs"
            ));
        None
    }

    /// Follows a path from the segment `from` on. What cannot be there is reported.
    fn follow<'n>(
        &self,
        expr: &Expr,
        reference: &Reference,
        from: usize,
        shape: Shape<'n>,
        findings: &mut Findings,
    ) -> Option<Shape<'n>> {
        let (index, nowhere) = match shape.at(&reference.path[from..]) {
            Ok(shape) => return Some(shape),
            Err(nowhere) => nowhere,
        };
        let index = from + index;
        let before = Reference {
            root: reference.root.clone(),
            path: reference.path[..index].to_vec(),
        };
        let before = quoted(&before.to_string());
        let (message, help) = match (&reference.path[index], nowhere) {
            (Segment::Key(key), Nowhere::NoKey(properties)) => {
                let names = || {
                    properties
                        .into_iter()
                        .flatten()
                        .map(|(name, _)| name.as_str())
                };
                let near = findings.did_you_mean(key, names());
                let message = format!("`{before}` never has `{}`", quoted(key));
                let all = || format!("its schema allows: {}", quoted(&list(names())));
                (message, Some(near.unwrap_or_else(all)))
            }
            (Segment::Key(key), Nowhere::NoParts(types)) => (
                format!(
                    "`{before}` is {types}, which has no field `{}`",
                    quoted(key)
                ),
                None,
            ),
            (Segment::Index(_), nowhere) => {
                let types = match nowhere {
                    Nowhere::NoParts(types) => types.to_string(),
                    Nowhere::NoKey(_) => "no list".to_owned(),
                };
                (
                    format!("`{before}` is {types}, which has no elements"),
                    None,
                )
            }
        };
        findings
            .add(Code::WrongKind, &self.place(expr, reference), message)
            .maybe_help(help);
        None
    }

    fn report_name(&self, expr: &Expr, root: &str, names: Names<'_>, findings: &mut Findings) {
        let at = expr.place_of(&self.document.source, root);
        if names.element.is_none() && matches!(root, "item" | "index") {
            findings
                .add(Code::UnknownName, &at, format!("there is no `{root}` here"))
                .help("a node with `each` has it in its inputs: the element of the list, or its place in it");
            return;
        }
        let nodes = self.document.nodes.iter().map(|node| &*node.key);
        let elements = names.element.map(|_| ["item", "index"]);
        let known = nodes
            .chain(["input", "vars"])
            .chain(elements.into_iter().flatten());
        let help = findings.did_you_mean(root, known).unwrap_or_else(|| {
            "expressions know `input`, `vars` and the flow's nodes; text stands in quotes"
                .to_owned()
        });
        let message = format!("there is no node `{}` in this flow", quoted(root));
        findings.add(Code::UnknownName, &at, message).help(help);
    }

    /// Where a reference stands in the document.
    pub(super) fn place(&self, expr: &Expr, reference: &Reference) -> Range<usize> {
        let written = match reference.path.first() {
            Some(Segment::Key(key)) => format!("{}.{key}", reference.root),
            _ => reference.root.to_string(),
        };
        expr.place_of(&self.document.source, &written)
    }
}

/// Names for a message, the first of many.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let names: Vec<_> = names.take(MOST + 1).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > MOST => format!("{}, …", names[..MOST].join(", ")),
        _ => names.join(", "),
    }
}
