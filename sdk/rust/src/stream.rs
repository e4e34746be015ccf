//! Inputs and outputs that travel in parts.

use std::marker::PhantomData;
use std::vec::IntoIter;

use crate::node::{Description, Incoming, ParamSpec, Role};
use crate::{Failure, Param, Port, PortType, Result, Value, host};

/// An input that comes in parts: an iterator that waits for each.
///
/// It ends when the input is complete, or with a failure when its producer failed, and then the parts before it are
/// not the whole. `?` on each part, or `collect::<Result<Vec<_>>>()`, passes that failure on.
///
/// ```
/// # use lockgate_sdk::prelude::*;
/// /// Counts the parts of a text.
/// #[node(transform, pure, output(count = "How many parts there were."))]
/// fn count(
///     /// The text.
///     text: Parts<String>,
/// ) -> Result<Json<usize>> {
///     Ok(Json(text.collect::<Result<Vec<_>>>()?.len()))
/// }
/// # lockgate_sdk::plugin! { name: "example", nodes: [count] }
/// # let outcome = lockgate_sdk::testing::call(&PLUGIN, "count").parts("text", ["a", "b"]).run();
/// # assert_eq!(outcome.output("count"), Some(&serde_json::json!(2).into()));
/// ```
#[derive(Debug)]
pub struct Parts<T> {
    port: &'static str,
    ready: IntoIter<Value>,
    complete: bool,
    carries: PhantomData<T>,
}

impl<T: PortType> Iterator for Parts<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(part) = self.ready.next() {
            return Some(T::from_value(part).map_err(|failure| failure.about_input(self.port)));
        }
        if self.complete {
            return None;
        }
        match host::next(self.port) {
            Ok(parts) => {
                self.complete = parts.is_empty();
                self.ready = parts.into_iter();
                self.next()
            }
            Err(failure) => {
                self.complete = true;
                Some(Err(failure))
            }
        }
    }
}

/// An output that is sent in parts.
///
/// It is a parameter of the node's function, because parts are sent while the function runs. What is not sent is not
/// there: the host joins the parts, text and bytes end to end, JSON documents as the elements of a list.
#[derive(Debug)]
pub struct Emit<T> {
    port: &'static str,
    carries: PhantomData<T>,
}

impl<T: PortType> Emit<T> {
    /// Sends the next part, and waits while its readers are behind. `false`: nobody reads any more, so a node that makes
    /// its parts at some cost can stop.
    ///
    /// # Errors
    ///
    /// A [`crate::Json`] that cannot be serialised is the node's own fault, an `internal` failure.
    pub fn send(&mut self, part: T) -> Result<bool> {
        Ok(host::emit(self.port, &part.into_value()?))
    }
}

impl<T: PortType> Param for Parts<T> {
    const ROLE: Role = Role::Port;

    fn describe(spec: &ParamSpec, description: &mut Description) {
        let port = Port::input::<T>(spec.name, spec.summary).in_parts();
        description.ports.inputs.push(port);
    }

    fn take(spec: &'static ParamSpec, _: &mut Incoming<'_>) -> Result<Self> {
        Ok(Self {
            port: spec.name,
            ready: Vec::new().into_iter(),
            complete: false,
            carries: PhantomData,
        })
    }
}

impl<T: PortType> Param for Emit<T> {
    const ROLE: Role = Role::OutputPort;

    fn describe(spec: &ParamSpec, description: &mut Description) {
        let port = Port::output::<T>(spec.name, spec.summary).in_parts();
        description.ports.outputs.push(port);
    }

    fn take(spec: &'static ParamSpec, _: &mut Incoming<'_>) -> Result<Self, Failure> {
        Ok(Self {
            port: spec.name,
            carries: PhantomData,
        })
    }
}
