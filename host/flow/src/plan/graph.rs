//! A plan as a Mermaid flowchart.
//!
//! Belongs here: which boxes and arrows there are. Text of a document stands in quotes, and everything in it that could
//! mean something to Mermaid, or to the HTML that it makes, is written as a number: no document draws anything but its
//! own boxes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::text::uses;
use super::{Origin, Plan, PlanExpr, PlanNode, Root, WireSource};
use crate::excerpt;
use crate::expression::write_path;

impl Plan {
    /// The plan as a Mermaid flowchart: a box for each node, with a double edge where it runs a flow; an arrow for each
    /// input that a value goes to. An arrow is thick where the value goes in parts, and dashed where it may be missing.
    pub fn to_mermaid(&self) -> String {
        let mut chart = Chart::default();
        for (index, node) in (0..).zip(&self.nodes) {
            chart.node(index, node);
            if let Some(when) = &node.when {
                chart.arrows(self, when, "when", Style::Whole, End::Node(index));
            }
            if let Some(each) = &node.each {
                chart.arrows(self, &each.items, "each", Style::Whole, End::Node(index));
            }
            for wire in &node.wires {
                let style = match (wire.piped, wire.required) {
                    (true, _) => Style::Piped,
                    (false, true) => Style::Whole,
                    (false, false) => Style::Optional,
                };
                chart.arrows(
                    self,
                    &wire.expr,
                    wire.name.as_str(),
                    style,
                    End::Node(index),
                );
            }
        }
        for wire in &self.outputs {
            let name = wire.name.as_str();
            chart.arrows(self, &wire.expr, name, Style::Whole, End::Output);
        }
        chart.into_text()
    }
}

#[derive(Default)]
struct Chart {
    boxes: String,
    arrows: String,
    /// The ends that arrows touch.
    ends: BTreeSet<End>,
}

/// What an arrow touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Input,
    Vars,
    Node(u32),
    Output,
}

#[derive(Debug, Clone, Copy)]
enum Style {
    Whole,
    /// It may be missing.
    Optional,
    /// It goes in parts.
    Piped,
}

impl Chart {
    fn node(&mut self, index: u32, node: &PlanNode) {
        let (open, close) = match node.flow() {
            Some(_) => ("[[", "]]"),
            None => ("[", "]"),
        };
        let mut label = format!("{}<br/>{}", quoted(node.name.as_str()), quoted(&uses(node)));
        if node.each.is_some() {
            label.push_str("<br/>each");
        }
        // Writing to a String does not fail.
        let _ = writeln!(self.boxes, "  n{index}{open}\"{label}\"{close}");
    }

    /// An arrow from everything that an expression reads.
    fn arrows(&mut self, plan: &Plan, expr: &PlanExpr, port: &str, style: Style, to: End) {
        let mut drawn = BTreeSet::new();
        for (place, origin) in expr.from.origins().iter().enumerate() {
            let Some((from, what)) = source(plan, origin) else {
                continue;
            };
            if !drawn.insert((from, what.clone())) {
                continue;
            }
            let style = match style {
                Style::Whole if may_be_missing(expr, place, origin) => Style::Optional,
                style => style,
            };
            self.ends.extend([from, to]);
            let label = match what.as_str() {
                "" => quoted(port),
                what => format!("{} → {}", quoted(what), quoted(port)),
            };
            let (start, end) = match style {
                Style::Whole => ("--", "-->"),
                Style::Optional => ("-.", ".->"),
                Style::Piped => ("==", "==>"),
            };
            let _ = writeln!(
                self.arrows,
                "  {} {start} \"{label}\" {end} {}",
                from.id(),
                to.id()
            );
        }
    }

    fn into_text(self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for end in &self.ends {
            if !matches!(end, End::Node(_)) {
                let id = end.id();
                let _ = writeln!(text, "  {id}([{}])", id.trim_start_matches("the_"));
            }
        }
        text + &self.boxes + &self.arrows
    }
}

impl End {
    fn id(self) -> String {
        match self {
            Self::Input => "the_input".to_owned(),
            Self::Vars => "the_vars".to_owned(),
            Self::Node(index) => format!("n{index}"),
            Self::Output => "the_output".to_owned(),
        }
    }
}

/// Where a reference comes from, and what it reads there. None for the element of an `each`: it comes with the list.
fn source(plan: &Plan, origin: &Origin) -> Option<(End, String)> {
    let (from, mut what) = match origin.root {
        Root::Input => (End::Input, String::new()),
        Root::Vars => (End::Vars, String::new()),
        Root::Item | Root::Index => return None,
        Root::Failure { node } => (End::Node(node), "failure".to_owned()),
        Root::Output { node, port } => {
            let port = &plan.nodes[node as usize].outputs[port as usize];
            (End::Node(node), port.name.to_string())
        }
    };
    let _ = write_path(&origin.path, &mut what);
    Some((from, what.trim_start_matches('.').to_owned()))
}

/// Whether an expression has a value where what it reads here is not there.
fn may_be_missing(expr: &PlanExpr, place: usize, origin: &Origin) -> bool {
    match &expr.from {
        WireSource::First(_) => true,
        WireSource::Computed(expression, _) => !expression.valued[place],
        WireSource::Constant(_) | WireSource::Lone(_) => {
            matches!(origin.root, Root::Failure { .. })
        }
    }
}

/// Text that stands for itself between Mermaid's quotes.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in excerpt::quoted(text).chars() {
        let is_plain = character.is_alphanumeric() || " _-./:@,…".contains(character);
        if is_plain {
            out.push(character);
        } else {
            let _ = write!(out, "#{};", u32::from(character));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn nothing_ends_the_quotes_or_becomes_html() {
        assert_eq!(quoted("text/clean@1.2"), "text/clean@1.2");
        assert_eq!(quoted("a\"] --> b"), "a#34;#93; --#62; b");
        assert_eq!(
            quoted("<img src=x>#35;`"),
            "#60;img src#61;x#62;#35;35#59;#96;"
        );
        assert!(!quoted("a\nclick n0 call x()").contains(['\n', '(']));
    }
}
