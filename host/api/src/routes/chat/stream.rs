//! The answer of a chat in pieces, as it is written.

use std::collections::VecDeque;
use std::time::Duration;

use axum::response::Response;
use axum::response::sse::Event;
use futures::stream;
use lockgate_model::Value as PortValue;
use lockgate_service::runs::AnswerParts;
use serde_json::{Value, json};

use super::complete::Attended;
use super::told;
use crate::problem::Problem;
use crate::sse;

/// What is streamed.
#[derive(Debug)]
pub(super) struct Streamed {
    /// When it was asked for: seconds since 1970.
    pub(super) created: i64,
    /// The flow.
    pub(super) model: String,
    /// The output that is the answer.
    pub(super) answer: String,
    /// Whether the last piece says what was used.
    pub(super) include_usage: bool,
}

/// A stream that is being written.
struct Writing {
    run: Attended,
    streamed: Streamed,
    /// The answer as it is written, nothing of it masked: it is the client's. None: it comes whole.
    parts: Option<AnswerParts>,
    /// What is ready to be sent.
    pieces: VecDeque<Event>,
    /// What was sent of the answer.
    sent: String,
    is_over: bool,
}

/// The pieces of the answer. When nobody takes them any more, the run is cancelled.
pub(super) fn answer(run: Attended, streamed: Streamed, heartbeat: Duration) -> Response {
    let parts = run.handle.parts();
    let mut writing = Writing {
        run,
        streamed,
        parts,
        pieces: VecDeque::new(),
        sent: String::new(),
        is_over: false,
    };
    let opening = json!({ "role": "assistant", "content": "" });
    writing.piece(&opening, None);
    let pieces = stream::unfold(writing, async |mut writing| {
        let piece = writing.next().await?;
        Some((piece, writing))
    });
    sse::stream(pieces, heartbeat)
}

impl Writing {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Some(piece);
            }
            if self.is_over {
                return None;
            }
            match self.next_part().await {
                Some(text) => {
                    self.piece(&json!({ "content": text }), None);
                    self.sent.push_str(&text);
                }
                None => self.end().await,
            }
        }
    }

    /// The next text of the node that writes the answer; None when no more comes.
    async fn next_part(&mut self) -> Option<String> {
        let parts = self.parts.as_mut()?;
        loop {
            let text = match parts.next().await? {
                PortValue::Text(text) => Some(text.to_string()),
                PortValue::Json(json) => serde_json::from_str(json.as_str()).ok(),
                PortValue::Binary(_) => None,
            };
            if text.is_some() {
                return text; // a part that is no text is left out
            }
        }
    }

    /// What was not sent yet, why the run failed if it did, and what it used.
    async fn end(&mut self) {
        self.is_over = true;
        let ended = self.run.handle.ended().await.map_err(Problem::from);
        let told = ended.and_then(|view| {
            let text = told::answer(&view, &self.streamed.answer)?;
            Ok((text, told::usage(&view)))
        });
        let (text, usage) = match told {
            Ok(told) => told,
            Err(problem) => {
                let error = problem.to_openai().to_string();
                self.pieces.push_back(Event::default().data(error));
                return;
            }
        };
        // Parts may be joined or cut on their way, but what was sent is the answer's beginning, or there is nothing to add.
        let rest = text.strip_prefix(self.sent.as_str()).unwrap_or_default();
        if !rest.is_empty() {
            self.piece(&json!({ "content": rest }), None);
        }
        self.piece(&json!({}), Some("stop"));
        if self.streamed.include_usage {
            let mut last = self.chunk();
            last["usage"] = json!(usage);
            self.send(&last);
        }
        self.pieces.push_back(Event::default().data("[DONE]"));
    }

    fn piece(&mut self, delta: &Value, finish_reason: Option<&str>) {
        let mut chunk = self.chunk();
        chunk["choices"] = json!([{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        }]);
        if self.streamed.include_usage {
            chunk["usage"] = Value::Null;
        }
        self.send(&chunk);
    }

    fn chunk(&self) -> Value {
        json!({
            "id": told::id(self.run.handle.id()),
            "object": "chat.completion.chunk",
            "created": self.streamed.created,
            "model": self.streamed.model,
            "choices": [],
        })
    }

    fn send(&mut self, chunk: &Value) {
        self.pieces
            .push_back(Event::default().data(chunk.to_string()));
    }
}
