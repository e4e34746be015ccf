//! What a chat gives a flow, and where the parts of the answer come from.

use lockgate_model::{Ident, ValueKind};

use super::node::{PlanNode, Work};
use super::shape::{Nowhere, Shape, Types};
use super::wire::PlanWire;
use crate::document::{Chat, FlowDocument};
use crate::expression::Segment;
use crate::fault::{Code, Findings};

/// What the property of the input that takes what a chat says is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatTakes {
    /// The last message of the user, as text.
    Text,
    /// All messages, as a list of `{role, content}`.
    Messages,
}

/// How a chat talks to a flow.
#[derive(Debug)]
pub(crate) struct PlanChat {
    /// The property of the input that takes what the chat says.
    pub(crate) message: Ident,
    pub(crate) takes: ChatTakes,
    /// The output that answers.
    pub(crate) answer: Ident,
    /// The node and the output of it whose parts are the answer as it is written.
    pub(crate) parts: Option<(u32, u32)>,
}

/// What the property that a chat names takes: text if it may be text, a list otherwise. A fault where it is neither.
pub(super) fn takes(document: &FlowDocument, findings: &mut Findings) -> Option<ChatTakes> {
    const HELP: &str = "text is given the last message of the user, a list all messages";
    let chat = document.chat.as_ref()?;
    let schema = document.input.as_ref();
    let input = schema.map_or(Shape::anything(), |schema| Shape::of(&schema.document));
    let property = input.at(&[Segment::Key(chat.message.as_str().into())]);
    let misfit = match property.map(Shape::types) {
        Ok(types) if types.meet(Types::TEXT) => return Some(ChatTakes::Text),
        Ok(types) if types.meet(Types::LIST) => return Some(ChatTakes::Messages),
        Ok(types) => format!("`input.{}` is {types}", chat.message),
        Err((_, Nowhere::NoParts(types))) => format!("the flow's input is {types}"),
        // That is a fault already: see where it is read.
        Err((_, Nowhere::NoKey(_))) => return None,
    };
    let message = format!("{misfit}, and a chat gives text or a list of messages there");
    findings
        .add(Code::WrongKind, &chat.message_span, message)
        .help(HELP);
    None
}

impl PlanChat {
    pub(super) fn new(
        chat: &Chat,
        takes: ChatTakes,
        nodes: &[PlanNode],
        outputs: &[PlanWire],
    ) -> Self {
        let answer = outputs.iter().find(|wire| wire.name == chat.answer);
        Self {
            message: chat.message.clone(),
            takes,
            answer: chat.answer.clone(),
            parts: answer.and_then(|answer| parts(answer, nodes)),
        }
    }
}

/// The output that an answer is, if its parts can be shown before it is whole. Not where the node is repeated: what was
/// said cannot be taken back.
fn parts(answer: &PlanWire, nodes: &[PlanNode]) -> Option<(u32, u32)> {
    let (node, port) = answer.whole_output()?;
    let from = &nodes[node as usize];
    let Work::Node(work) = &from.work else {
        return None;
    };
    let output = work.runner.ports().outputs.get(port as usize)?;
    let streams = output.streaming && output.kind == ValueKind::Text;
    (streams && from.each.is_none() && from.retry.is_none()).then_some((node, port))
}
