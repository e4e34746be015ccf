//! What a chat client asks for. Much of what OpenAI's models take means nothing to a flow (`temperature`, say) and is
//! passed over; what would change the answer's shape and cannot be had is refused.

use lockgate_flow::ChatTakes;
use lockgate_model::Kebab;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::extract::Text;
use crate::problem::{Code, Problem};
use crate::whole;

/// A request for the next message of a chat. Fields that are not here are passed over.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChatRequest {
    /// The flow's name.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "chat")]
    pub(super) model: Text<Kebab>,
    /// What was said, the oldest first.
    #[schema(min_items = 1)]
    pub(super) messages: Vec<Message>,
    /// Whether the answer comes in pieces.
    pub(super) stream: Option<bool>,
    /// How pieces come.
    pub(super) stream_options: Option<StreamOptions>,
    /// How many answers: one.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schema(minimum = 1, maximum = 1)]
    n: Option<u32>,
}

/// How pieces come.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
pub(super) struct StreamOptions {
    /// Whether the last piece says what was used.
    pub(super) include_usage: Option<bool>,
}

/// One message of a chat.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Message {
    /// Who says it.
    role: Role,
    /// What is said: a text, or a list of parts that are texts. Left out where an assistant only called tools.
    content: Option<Content>,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Role {
    Developer,
    System,
    User,
    Assistant,
    Tool,
    Function,
}

/// What a message says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message.
#[derive(Debug, Deserialize, ToSchema)]
struct Part {
    /// What the part is: `text`.
    #[serde(rename = "type")]
    #[schema(pattern = "^text$")]
    kind: String,
    /// The text.
    text: Option<String>,
}

impl ChatRequest {
    /// What the flow is given.
    pub(super) fn said(&self, takes: ChatTakes) -> Result<Value, Problem> {
        if self.n.is_some_and(|n| n != 1) {
            return Err(refused("`n` has to be 1: a flow answers once"));
        }
        if self.messages.is_empty() {
            return Err(refused("`messages` is empty"));
        }
        match takes {
            ChatTakes::Messages => self.messages.iter().map(Message::to_json).collect(),
            ChatTakes::Text => {
                let last = self.messages.iter().rev().find(|m| m.role == Role::User);
                let last = last.ok_or_else(|| refused("no message has the role `user`"))?;
                Ok(Value::String(last.text()?))
            }
        }
    }

    /// Whether the last piece of a stream says what was used.
    pub(super) fn include_usage(&self) -> bool {
        let options = self.stream_options.unwrap_or_default();
        options.include_usage.unwrap_or_default()
    }
}

impl Message {
    fn to_json(&self) -> Result<Value, Problem> {
        Ok(json!({ "role": self.role, "content": self.text()? }))
    }

    fn text(&self) -> Result<String, Problem> {
        match &self.content {
            None => Ok(String::new()),
            Some(Content::Text(text)) => Ok(text.clone()),
            Some(Content::Parts(parts)) => parts
                .iter()
                .map(|part| match (part.kind.as_str(), &part.text) {
                    ("text", Some(text)) => Ok(text.as_str()),
                    _ => Err(refused(
                        "a flow reads the parts of a message that are `text`, and no others",
                    )),
                })
                .collect(),
        }
    }
}

fn refused(why: &str) -> Problem {
    Problem::new(Code::InvalidRequest, why)
}
