//! What makes a flow one that chat clients can talk to.

use std::ops::Range;

use lockgate_model::Ident;

use super::keys::Keys;
use super::{Wire, parse_name};
use crate::fault::{Code, Findings};
use crate::read::Tree;
use crate::schema::InputSchema;

/// The keys of `chat`.
const KEYS: &[&str] = &["answer", "message"];

/// Where a chat's messages go in, and where the answer comes out.
#[derive(Debug, Clone)]
pub(crate) struct Chat {
    /// The property of the input that takes the messages.
    pub(crate) message: Ident,
    pub(crate) message_span: Range<usize>,
    /// The output of the flow that is the answer.
    pub(crate) answer: Ident,
    pub(crate) answer_span: Range<usize>,
}

/// Reads a `chat`.
pub(super) fn read(tree: &Tree, findings: &mut Findings) -> Option<Chat> {
    let shape = "`chat` is a map such as `{ message: prompt, answer: reply }`";
    let keys = Keys::new(tree, KEYS, findings, shape)?;
    let message = keys.require("message", tree, findings);
    let answer = keys.require("answer", tree, findings);
    let mut name = |entry: Option<&crate::read::Entry>, key| {
        let value = &entry?.value;
        Some((parse_name(value, findings, key)?, value.span.clone()))
    };
    let (message, answer) = (name(message, "message"), name(answer, "answer"));
    let ((message, message_span), (answer, answer_span)) = (message?, answer?);
    Some(Chat {
        message,
        message_span,
        answer,
        answer_span,
    })
}

impl Chat {
    /// Checks that the flow has what the chat names.
    pub(super) fn check(
        &self,
        input: Option<&InputSchema>,
        outputs: &[Wire],
        findings: &mut Findings,
    ) {
        if let Some(properties) = input.and_then(InputSchema::properties)
            && !properties.contains_key(self.message.as_str())
        {
            let names = properties.keys().map(String::as_str);
            let near = findings.did_you_mean(self.message.as_str(), names);
            let message = format!("the flow's input has no property `{}`", self.message);
            let help = near.unwrap_or_else(|| {
                "`message` names the property of the input that takes what the chat says".to_owned()
            });
            findings
                .add(Code::UnknownInput, &self.message_span, message)
                .help(help);
        }
        if !outputs.iter().any(|wire| wire.name == self.answer) {
            let names = outputs.iter().map(|wire| wire.name.as_str());
            let near = findings.did_you_mean(self.answer.as_str(), names);
            let message = format!("the flow has no output `{}`", self.answer);
            let help =
                near.unwrap_or_else(|| "`answer` names one of the keys of `output`".to_owned());
            findings
                .add(Code::UnknownOutput, &self.answer_span, message)
                .help(help);
        }
    }
}
