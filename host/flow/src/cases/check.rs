//! A case is held against the flow that it is of: what it names has to be there.

use std::ops::Range;

use lockgate_model::Port;

use super::case::Case;
use super::expect::{End, Named};
use crate::coerce;
use crate::excerpt::{clipped, quoted};
use crate::expression::Segment;
use crate::fault::{Code, Findings};
use crate::plan::{Plan, PlanNode};
use crate::read::{Entry, Tree};

/// Reports what a case names and the flow does not have.
pub(super) fn check(case: &Case, plan: &Plan, findings: &mut Findings) {
    for entry in entries(&case.tree, "vars") {
        if !plan.vars.contains_key(&*entry.key) {
            let known = plan.vars.keys().map(String::as_str);
            let near = findings.did_you_mean(&entry.key, known);
            let message = format!("the flow has no variable `{}`", quoted(&entry.key));
            findings
                .add(Code::UnknownName, &entry.key_span, message)
                .maybe_help(near);
        }
    }
    for entry in entries(&case.tree, "pinned") {
        if let Some((index, node)) = find(plan, &entry.key, &entry.key_span, findings) {
            check_pinned(entry, plan, index, node, findings);
        }
    }
    let expect = &case.expect;
    let mut named: Vec<&Named> = expect.ran.iter().chain(&expect.skipped).collect();
    named.extend(&case.until);
    if let End::Failure { node, .. } = &expect.end {
        named.extend(node);
    }
    for name in named {
        find(plan, &name.text, &name.span, findings);
    }
    for both in &expect.skipped {
        if expect.ran.iter().any(|ran| ran.text == both.text) {
            let message = format!(
                "`{}` cannot be skipped, and run as well",
                quoted(&both.text)
            );
            findings.add(Code::MisplacedKey, &both.span, message);
        }
    }
    check_conditions(case, plan, findings);
}

/// The entries of a map under a key of the case.
fn entries<'a>(case: &'a Tree, key: &str) -> &'a [Entry] {
    let mut entries = case.as_map().unwrap_or_default().iter();
    let found = entries.find(|entry| &*entry.key == key);
    found
        .and_then(|entry| entry.value.as_map())
        .unwrap_or_default()
}

fn find<'p>(
    plan: &'p Plan,
    name: &str,
    span: &Range<usize>,
    findings: &mut Findings,
) -> Option<(u32, &'p PlanNode)> {
    let mut nodes = (0..).zip(plan.nodes());
    let found = nodes.find(|(_, node)| node.name().as_str() == name);
    if found.is_none() {
        let known = plan.nodes().iter().map(|node| node.name().as_str());
        let near = findings.did_you_mean(name, known);
        let message = format!("the flow has no node `{}`", quoted(name));
        findings
            .add(Code::UnknownName, span, message)
            .maybe_help(near);
    }
    found
}

fn check_pinned(entry: &Entry, plan: &Plan, index: u32, node: &PlanNode, findings: &mut Findings) {
    let name = node.name();
    let Some(given) = entry.value.as_map() else {
        let message = format!(
            "what `{name}` is pinned to is {}, and has to be a map of its outputs to values",
            entry.value.type_name()
        );
        findings.add(Code::WrongType, &entry.value.span, message);
        return;
    };
    for output in given {
        match node
            .outputs()
            .iter()
            .find(|port| port.name.as_str() == &*output.key)
        {
            Some(port) => check_value(output, port, findings),
            None => {
                let known = node.outputs().iter().map(|port| port.name.as_str());
                let near = findings.did_you_mean(&output.key, known);
                let message = format!("the node `{name}` has no output `{}`", quoted(&output.key));
                findings
                    .add(Code::UnknownOutput, &output.key_span, message)
                    .maybe_help(near);
            }
        }
    }
    for (at, port) in (0..).zip(node.outputs()) {
        let is_given = given
            .iter()
            .any(|output| *output.key == *port.name.as_str());
        if port.required && !is_given && plan.is_read(index, at) {
            let message = format!(
                "`{name}` is pinned without its output `{}`, which the flow reads",
                port.name
            );
            findings.add(Code::MissingKey, &entry.key_span, message);
        }
    }
}

fn check_value(output: &Entry, port: &Port, findings: &mut Findings) {
    // What JSON cannot say was reported when the case was read.
    let value = output.value.to_json(&mut |_, _| {});
    if let Err(error) = coerce::input_value(&value, port.kind) {
        let message = format!(
            "the output `{}`: {}",
            port.name,
            clipped(&error.to_string())
        );
        findings.add(Code::WrongKind, &output.value.span, message);
    }
}

/// The outputs that conditions name have to be the flow's, or those of the node that it stops at.
fn check_conditions(case: &Case, plan: &Plan, findings: &mut Findings) {
    let End::Output { conditions, .. } = &case.expect.end else {
        return;
    };
    let known: Vec<&str> = match &case.until {
        None => plan.outputs().map(|name| name.as_str()).collect(),
        Some(until) => {
            let mut nodes = plan.nodes().iter();
            match nodes.find(|node| node.name().as_str() == &*until.text) {
                Some(node) => node
                    .outputs()
                    .iter()
                    .map(|port| port.name.as_str())
                    .collect(),
                None => return, // which is reported
            }
        }
    };
    for condition in conditions {
        let references = condition
            .expr
            .expression
            .iter()
            .flat_map(|it| &it.references);
        for reference in references.filter(|it| &*it.root == "output") {
            if let Some(Segment::Key(key)) = reference.path.first()
                && !known.contains(&&**key)
            {
                let near = findings.did_you_mean(key, known.iter().copied());
                let help = near.unwrap_or_else(|| format!("its outputs are {}", known.join(", ")));
                let message = match &case.until {
                    None => format!("the flow has no output `{}`", quoted(key)),
                    Some(until) => {
                        format!("the node `{}` has no output `{}`", until.text, quoted(key))
                    }
                };
                findings
                    .add(Code::UnknownOutput, &condition.expr.scalar.span, message)
                    .help(help);
            }
        }
    }
}
