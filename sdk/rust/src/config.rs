//! A node's configuration: typed, described, and checked before anything runs.

use std::ops::Deref;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::node::{Description, Incoming, ParamSpec, Role};
use crate::{Failure, Param, Ports, Result, schema};

/// The configuration of a node, as a parameter of its function.
///
/// `T` is a struct with serde's `Deserialize` and `JsonSchema`, whose doc comments become descriptions and whose
/// defaults become the schema's. Keys that it does not know are refused.
///
/// ```
/// use lockgate_sdk::prelude::*;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Options {
///     /// What to put between the parts.
///     #[serde(default)]
///     separator: String,
/// }
///
/// /// Joins texts.
/// #[node(transform, pure, output(text = "All of them."))]
/// fn join(
///     /// The texts.
///     parts: Json<Vec<String>>,
///     options: Config<Options>,
/// ) -> String {
///     parts.0.join(&options.separator)
/// }
/// ```
///
/// Or `T` is something that is made from such a struct and may refuse it: see [`Configure`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Config<T>(pub T);

impl<T> Deref for Config<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What is made from a configuration: a compiled pattern, a template.
///
/// It is made when a flow is saved, so that a configuration that does not work is refused where it is written, and
/// again for each call, which runs in an instance of its own. A plain configuration struct is made from itself.
///
/// ```
/// use lockgate_sdk::prelude::*;
///
/// /// A list of words.
/// struct Words(Vec<String>);
///
/// #[derive(Deserialize, JsonSchema)]
/// struct WordsConfig {
///     /// The words, separated by commas.
///     words: String,
/// }
///
/// impl Configure for Words {
///     type Config = WordsConfig;
///
///     fn configure(config: WordsConfig) -> Result<Self> {
///         if config.words.is_empty() {
///             return Err(Failure::invalid_input("there are no words: write at least one").at("/words"));
///         }
///         Ok(Self(config.words.split(',').map(str::to_owned).collect()))
///     }
/// }
/// ```
pub trait Configure: Sized {
    /// What the flow's author writes.
    type Config: DeserializeOwned + JsonSchema;

    /// Makes it, or says what is wrong with the configuration: an `invalid-input` failure that says where with
    /// [`Failure::at`] or [`Failure::at_line`]. Calls nothing of the host's.
    fn configure(config: Self::Config) -> Result<Self>;

    /// The ports that the node has under this configuration, beside those of its function: a template's variables, say.
    /// The inputs arrive in a parameter of type [`crate::Values`]; the outputs are given by returning one. Asked when a flow
    /// is saved, and not when the node runs: what takes time and only finds ports, or what is wrong with them, belongs here.
    fn ports(&self) -> Result<Ports> {
        Ok(Ports::none())
    }
}

impl<C: DeserializeOwned + JsonSchema> Configure for C {
    type Config = C;

    fn configure(config: C) -> Result<Self> {
        Ok(config)
    }
}

impl<T: Configure> Param for Config<T> {
    const ROLE: Role = Role::Config;

    fn describe(_: &ParamSpec, description: &mut Description) {
        description.config_schema = Some(schema::of_config::<T::Config>());
    }

    fn configure(config: &str, ports: &mut Ports) -> Result<()> {
        let more = make::<T>(config)?.ports()?;
        ports.inputs.extend(more.inputs);
        ports.outputs.extend(more.outputs);
        Ok(())
    }

    fn take(_: &'static ParamSpec, call: &mut Incoming<'_>) -> Result<Self> {
        make(call.config).map(Self)
    }
}

fn make<T: Configure>(config: &str) -> Result<T> {
    let config = schema::parse(config).map_err(|fault| {
        Failure::invalid_input(format!("the configuration does not fit: {fault}"))
            .at(&fault.pointer)
    })?;
    T::configure(config)
}
