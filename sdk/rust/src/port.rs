//! What a node says of its inputs and outputs.

use crate::schema::Direction;
use crate::{PortType, ValueKind};

pub use crate::bindings::lockgate::node::types::{Port, Ports};

impl Port {
    /// A required input that carries `T`. Its name starts with a letter a-z and has letters a-z, digits and _ after it.
    pub fn input<T: PortType>(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(
            name.into(),
            summary.into(),
            T::KIND,
            T::schema(Direction::In),
        )
    }

    /// An output that carries `T` and that every successful call gives.
    pub fn output<T: PortType>(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(
            name.into(),
            summary.into(),
            T::KIND,
            T::schema(Direction::Out),
        )
    }

    /// An input that a flow may leave out, or an output that a call may leave out.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    pub(crate) fn in_parts(mut self) -> Self {
        self.streaming = true;
        self
    }

    fn new(name: String, summary: String, kind: ValueKind, schema: Option<String>) -> Self {
        Self {
            name,
            summary,
            kind,
            required: true,
            streaming: false,
            schema,
        }
    }
}

impl Ports {
    /// None at all.
    pub const fn none() -> Self {
        Self {
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }
}
