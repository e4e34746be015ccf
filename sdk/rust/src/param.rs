//! What a node's function can ask for: each parameter's type says what it is.

use crate::node::{Description, Incoming, ParamSpec, Role};
use crate::{Failure, Port, PortType, Ports, Result, Values};

/// The type of a parameter of a node's function.
///
/// | type | what it is |
/// | --- | --- |
/// | `String`, [`crate::Json`], [`crate::Blob`], [`crate::Value`] | an input, named like the parameter |
/// | `Option` of one of these | an input that a flow may leave out |
/// | [`crate::Parts`] | an input that comes in parts |
/// | [`crate::Emit`] | an output that is sent in parts |
/// | [`crate::Config`] | the configuration |
/// | [`Values`] | the inputs that the configuration adds |
/// | [`CallInfo`] | the call's identity and deadline |
#[diagnostic::on_unimplemented(
    message = "a node cannot have a parameter of type `{Self}`",
    label = "not a parameter's type",
    note = "an input is `String`, `Json<T>` (T with serde and JsonSchema), `Blob` or `Value`, an `Option` of one of them, or `Parts<…>`",
    note = "the configuration is `Config<T>`, an output in parts is `Emit<…>`"
)]
pub trait Param: Sized {
    /// What such a parameter is.
    #[doc(hidden)]
    const ROLE: Role;

    /// Adds what is known without a configuration.
    #[doc(hidden)]
    fn describe(spec: &ParamSpec, description: &mut Description);

    /// Checks the configuration, and adds the ports that come with it.
    #[doc(hidden)]
    fn configure(_config: &str, _ports: &mut Ports) -> Result<()> {
        Ok(())
    }

    /// Takes the argument out of a call.
    #[doc(hidden)]
    fn take(spec: &'static ParamSpec, call: &mut Incoming<'_>) -> Result<Self>;
}

/// What a call knows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallInfo {
    /// Names one element of one node of one run, whatever the attempt: an idempotency key for services.
    pub id: String,
    /// 1 at the first attempt.
    pub attempt: u32,
    /// Milliseconds from the call's start until the host ends it.
    pub deadline_ms: u64,
}

impl<T: PortType> Param for T {
    const ROLE: Role = Role::Port;

    fn describe(spec: &ParamSpec, description: &mut Description) {
        let port = Port::input::<T>(spec.name, spec.summary);
        description.ports.inputs.push(port);
    }

    fn take(spec: &'static ParamSpec, call: &mut Incoming<'_>) -> Result<Self> {
        <Option<T> as Param>::take(spec, call)?
            .ok_or_else(|| Failure::invalid_input(format!("the input `{}` is missing", spec.name)))
    }
}

impl<T: PortType> Param for Option<T> {
    const ROLE: Role = Role::Port;

    fn describe(spec: &ParamSpec, description: &mut Description) {
        let port = Port::input::<T>(spec.name, spec.summary).optional();
        description.ports.inputs.push(port);
    }

    fn take(spec: &'static ParamSpec, call: &mut Incoming<'_>) -> Result<Self> {
        call.inputs
            .take(spec.name)
            .map(T::from_value)
            .transpose()
            .map_err(|failure| failure.about_input(spec.name))
    }
}

impl Param for Values {
    const ROLE: Role = Role::OtherInputs;

    fn describe(_: &ParamSpec, _: &mut Description) {}

    fn take(_: &'static ParamSpec, call: &mut Incoming<'_>) -> Result<Self> {
        Ok(call.take_undeclared())
    }
}

impl Param for CallInfo {
    const ROLE: Role = Role::Other;

    fn describe(_: &ParamSpec, _: &mut Description) {}

    fn take(_: &'static ParamSpec, call: &mut Incoming<'_>) -> Result<Self> {
        Ok(call.info.clone())
    }
}

impl Failure {
    /// Completes the sentence that a [`PortType`] began.
    pub(crate) fn about_input(mut self, port: &str) -> Self {
        self.message.insert_str(0, &format!("the input `{port}` "));
        self
    }
}
