//! The parts that travel while a call runs: inputs that its guest reads with `next`, outputs that it sends with `emit`.

use std::sync::Arc;

use lockgate_model::{
    Breach, CallSink, Elements, Failure, FailureKind, Ident, Input, Joiner, PartReader, Ports,
    Value,
};

use super::Stop;
use crate::contract::said::{self, SaidValue};

/// How many elements of a list are handed over at once.
const ELEMENTS_AT_ONCE: usize = 1_000;

/// The streaming inputs and outputs of one call.
pub(crate) struct Streams {
    ports: Arc<Ports>,
    sink: Arc<dyn CallSink>,
    readers: Vec<(Ident, Reader)>,
    sent: Vec<(Ident, Joiner)>,
}

enum Reader {
    Whole(Value),
    Elements(Elements),
    Parts(Box<dyn PartReader>),
    Complete,
}

impl Reader {
    /// A value that came whole is one part, or a JSON list's elements: the way back from how parts are joined.
    fn of(value: Value) -> Self {
        let elements = match &value {
            Value::Json(json) => json.elements(),
            _ => None,
        };
        elements.map_or(Self::Whole(value), Self::Elements)
    }
}

impl Streams {
    /// `inputs` are those whose ports stream.
    pub(crate) fn new(
        ports: Arc<Ports>,
        sink: Arc<dyn CallSink>,
        inputs: Vec<(Ident, Input)>,
    ) -> Self {
        let reader = |(port, input)| match input {
            Input::Value(value) => (port, Reader::of(value)),
            Input::Parts(parts) => (port, Reader::Parts(parts)),
        };
        Self {
            ports,
            sink,
            readers: inputs.into_iter().map(reader).collect(),
            sent: Vec::new(),
        }
    }

    /// Where lines and parts of this call go.
    pub(crate) fn sink(&self) -> &Arc<dyn CallSink> {
        &self.sink
    }

    /// The next parts of an input.
    pub(crate) async fn next(&mut self, port: &str) -> Result<Vec<Value>, Failure> {
        let Some((_, reader)) = self
            .readers
            .iter_mut()
            .find(|(name, _)| name.as_str() == port)
        else {
            return self.nothing_to_read(port);
        };
        match reader {
            Reader::Complete => Ok(Vec::new()),
            Reader::Whole(value) => {
                let value = value.clone();
                *reader = Reader::Complete;
                Ok(vec![value])
            }
            Reader::Elements(elements) => {
                let next: Vec<_> = elements.take(ELEMENTS_AT_ONCE).map(Value::Json).collect();
                if next.is_empty() {
                    *reader = Reader::Complete;
                }
                Ok(next)
            }
            Reader::Parts(parts) => {
                let next = parts.next().await;
                if next.as_ref().map_or(true, Vec::is_empty) {
                    *reader = Reader::Complete;
                }
                next
            }
        }
    }

    /// An input that is there but not wired is complete at once; one that does not stream is the node's mistake.
    fn nothing_to_read(&self, port: &str) -> Result<Vec<Value>, Failure> {
        if self.ports.input(port).is_some_and(|port| port.streaming) {
            return Ok(Vec::new());
        }
        let message = format!(
            "`{}` is no streaming input of this node",
            port.escape_debug()
        );
        Err(Failure::new(FailureKind::InvalidInput, message))
    }

    /// Takes one part of an output: checked against the port's declaration and the parts before it, kept to be joined.
    pub(crate) async fn accept(
        &mut self,
        port: String,
        part: SaidValue,
    ) -> Result<(Ident, Value), Stop> {
        let Some(declared) = self.ports.output(&port) else {
            return Err(Breach::UnknownOutput {
                port: said::cut(&port),
            }
            .into());
        };
        if !declared.streaming {
            return Err(Breach::BadPart {
                port,
                reason: "the port does not stream",
            }
            .into());
        }
        let value = part.checked(declared).await?;
        let name = declared.name.clone();
        match self.sent.iter_mut().find(|(sent, _)| *sent == name) {
            None => self.sent.push((name.clone(), Joiner::start(value.clone()))),
            Some((_, joiner)) => joiner.push(value.clone()).map_err(|_| Breach::BadPart {
                port,
                reason: "it is of another kind or media type than the parts before it",
            })?,
        }
        Ok((name, value))
    }

    /// The outputs that came in parts, each joined.
    pub(crate) fn into_joined(self) -> Vec<(Ident, Value)> {
        self.sent
            .into_iter()
            .map(|(port, joiner)| (port, joiner.finish()))
            .collect()
    }
}
