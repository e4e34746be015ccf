//! What a node's function returns.

use crate::{Port, PortType, Result, Values};

/// The outputs of a node: a struct whose fields are its output ports.
///
/// ```
/// use lockgate_sdk::prelude::*;
///
/// #[derive(Outputs)]
/// struct Halves {
///     /// What stands before the separator.
///     before: String,
///     /// What stands after it, if it is there.
///     after: Option<String>,
/// }
/// ```
///
/// `#[port(name)]` on a field gives the port another name than the field's. A function that has no outputs, or sends
/// them all in parts, returns `()`; one whose outputs follow from its configuration returns [`Values`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a node's outputs",
    label = "not outputs",
    note = "derive `Outputs` for a struct with a field for each output",
    note = "or say `#[node(…, output(name = \"What it is.\"))]` if this is the only output's value",
    note = "a function that can fail returns `Result<…>` by that name"
)]
pub trait Outputs: Sized {
    /// The ports, in order.
    fn ports() -> Vec<Port>;

    /// The values.
    fn into_values(self) -> Result<Values>;
}

/// The type of one output: a [`PortType`], or an `Option` of one for an output that a call may leave out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an output",
    label = "not a type of a port",
    note = "an output is `String`, `Json<T>`, `Blob` or `Value`, or an `Option` of one of them"
)]
pub trait Output: Sized {
    /// The port.
    fn port(name: &str, summary: &str) -> Port;

    /// Adds the value, if there is one.
    fn give(self, port: &str, values: &mut Values) -> Result<()>;
}

impl<T: PortType> Output for T {
    fn port(name: &str, summary: &str) -> Port {
        Port::output::<T>(name, summary)
    }

    fn give(self, port: &str, values: &mut Values) -> Result<()> {
        values.push(port, self.into_value()?);
        Ok(())
    }
}

impl<T: PortType> Output for Option<T> {
    fn port(name: &str, summary: &str) -> Port {
        Port::output::<T>(name, summary).optional()
    }

    fn give(self, port: &str, values: &mut Values) -> Result<()> {
        self.map_or(Ok(()), |value| value.give(port, values))
    }
}

impl Outputs for () {
    fn ports() -> Vec<Port> {
        Vec::new()
    }

    fn into_values(self) -> Result<Values> {
        Ok(Values::default())
    }
}

/// Outputs whose ports [`crate::Configure::ports`] names.
impl Outputs for Values {
    fn ports() -> Vec<Port> {
        Vec::new()
    }

    fn into_values(self) -> Result<Values> {
        Ok(self)
    }
}
