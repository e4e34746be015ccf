//! What connects a flow, as it is seen while it is connected: also what does not fit, and what leads to nothing.

use lockgate_model::{Ident, Json, ValueKind};

use super::Room;
use super::places::Places;
use super::view::{EdgeFrom, EdgeSource, EdgeTarget, EdgeTo, ExaminedEdge, ExaminedType};
use crate::document::{Expr, NodeEntry};
use crate::expression::{Body, Reference, Segment, write_path};
use crate::plan::kinds::{Target, Wanted};
use crate::plan::references::{Known, Resolver};
use crate::plan::shape::{Shape, Types};

/// What an expression's value is for.
#[derive(Clone, Copy)]
pub(in crate::plan) enum Slot<'d> {
    When(&'d NodeEntry),
    Each(&'d NodeEntry),
    Input(&'d NodeEntry, &'d Ident),
    Output(&'d Ident),
    Label(&'d Ident),
}

impl Slot<'_> {
    /// What messages call it.
    pub(in crate::plan) fn name(&self) -> &str {
        match self {
            Self::When(_) => "when",
            Self::Each(_) => "each",
            Self::Input(_, name) | Self::Output(name) | Self::Label(name) => name.as_str(),
        }
    }

    fn view(&self) -> EdgeTo {
        let (of, node, port) = match self {
            Self::When(node) => (EdgeTarget::When, Some(node), None),
            Self::Each(node) => (EdgeTarget::Each, Some(node), None),
            Self::Input(node, name) => (EdgeTarget::In, Some(node), Some(name)),
            Self::Output(name) => (EdgeTarget::Output, None, Some(name)),
            Self::Label(name) => (EdgeTarget::Label, None, Some(name)),
        };
        EdgeTo {
            of,
            node: node.map(|node| node.key.to_string()),
            port: port.map(ToString::to_string),
        }
    }
}

/// Looks on while a flow is connected.
pub(in crate::plan) struct Watch<'d> {
    pub(super) places: Places<'d>,
    pub(super) edges: Vec<ExaminedEdge>,
    pub(super) edges_room: Room,
}

impl Watch<'_> {
    /// A reference that an expression makes. `known` is None where it leads to nothing.
    pub(in crate::plan) fn saw(
        &mut self,
        resolver: &Resolver<'_>,
        slot: Slot<'_>,
        expr: &Expr,
        reference: &Reference,
        known: Option<&Known<'_>>,
        target: &Target<'_>,
    ) {
        let Some(from) = from(resolver, reference) else {
            return;
        };
        let to = slot.view();
        let texts = [&from.node, &from.port, &to.node, &to.port];
        let texts = texts.into_iter().flatten().map(String::len);
        if !self.edges_room.take(texts.sum::<usize>() + from.path.len()) {
            return;
        }
        let gives = known.map(|known| self.known(known)).unwrap_or_default();
        let takes = self.taken(target);
        let body = expr.expression.as_ref().map(|expression| &expression.body);
        self.edges.push(ExaminedEdge {
            from,
            to,
            expression: self.places.of(&expr.scalar.span),
            reference: self.places.of(&resolver.place(expr, reference)),
            hands_over: !matches!(body, Some(Body::Computed(_))),
            streams: false,
            gives,
            takes,
        });
    }

    fn known(&mut self, known: &Known<'_>) -> ExaminedType {
        self.typed(Some(known.kind), known.shape)
    }

    fn taken(&mut self, target: &Target<'_>) -> ExaminedType {
        let of_type = |types: Types| ExaminedType {
            kind: Some(ValueKind::Json),
            types: types.words(),
            schema: None,
        };
        match target.wanted {
            Wanted::Value(kind) => self.typed(kind, target.shape),
            Wanted::Truth => of_type(Types::BOOLEAN),
            Wanted::List => of_type(Types::LIST),
        }
    }

    fn typed(&mut self, kind: Option<ValueKind>, shape: Shape<'_>) -> ExaminedType {
        // What a text is and bytes are is said by the kind.
        if kind != Some(ValueKind::Json) {
            return ExaminedType {
                kind,
                ..ExaminedType::default()
            };
        }
        // What was looked through is paid for, also where it is of no use.
        let schema = self
            .edges_room
            .has_schemas()
            .then(|| shape.schema())
            .flatten();
        let schema = schema.map(|(schema, is_whole)| (Json::from(schema), is_whole));
        let schema = schema.filter(|(json, _)| self.edges_room.take_schema(json));
        let schema = schema.filter(|(_, is_whole)| *is_whole);
        ExaminedType {
            kind,
            types: shape.types().words(),
            schema: schema.map(|(json, _)| json),
        }
    }
}

/// What a reference refers to, as it is written; None where it begins with nothing that an edge can come from.
fn from(resolver: &Resolver<'_>, reference: &Reference) -> Option<EdgeFrom> {
    let (of, node) = match &*reference.root {
        "input" => (EdgeSource::Input, None),
        "vars" => (EdgeSource::Vars, None),
        root => {
            resolver.indices.get(root)?;
            (EdgeSource::Node, Some(root.to_owned()))
        }
    };
    let (port, rest) = match reference.path.split_first() {
        Some((Segment::Key(key), rest)) => (Some(key.to_string()), rest),
        _ => (None, &*reference.path),
    };
    let mut path = String::new();
    // Writing to a String does not fail.
    let _ = write_path(rest, &mut path);
    if path.starts_with('.') {
        path.remove(0);
    }
    Some(EdgeFrom {
        of,
        node,
        port,
        path,
    })
}
