//! A chat is completed: one run of the flow.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use lockgate_service::runs::{RunAsk, RunHandle, Trigger};
use lockgate_service::{Moment, Scope};
use serde_json::{Map, Value};
use std::time::SystemTime;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::request::ChatRequest;
use super::stream::{self, Streamed};
use super::told::{self, Choice, Completion, Said};
use crate::api::App;
use crate::body::Given;
use crate::extract::Who;
use crate::problem::{Code, Problem};
use crate::trace::{TraceHeaders, Traced};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(complete_chat))
}

/// Says the next message of a chat: a run of the flow. It is cancelled when the client goes away.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "chat", params(TraceHeaders), request_body = ChatRequest, responses(
    (status = 200, description = "The answer: whole, or in pieces that end with `[DONE]`.", content(
        (Completion = "application/json"),
        (String = "text/event-stream"),
    )),
    (status = 404, description = "There is no such flow."),
    (status = 409, description = "The flow cannot run now."),
    (status = 422, description = "The flow is none that chats, does not take it, or failed."),
))]
async fn complete_chat(
    State(api): State<App>,
    Who(caller): Who,
    Traced(trace): Traced,
    Given(request): Given<ChatRequest>,
) -> Result<Response, Problem> {
    let flow = &request.model.0;
    caller.may_with(Scope::Run, flow)?;
    let registry = api.service.registry();
    let plan = registry.resolve(&caller.project, flow, None).await?.plan;
    let (Some((message, answer)), Some(takes)) = (plan.chat(), plan.chat_takes()) else {
        let detail = format!("the flow `{flow}` has no `chat`");
        return Err(Problem::new(Code::NotChat, detail));
    };
    let mut input = Map::new();
    input.insert(message.to_string(), request.said(takes)?);
    let is_stream = request.stream.unwrap_or_default();
    let parts = plan.chat_stream().filter(|_| is_stream);
    let mut ask = RunAsk::new(flow.clone(), Value::Object(input), Trigger::Chat);
    ask.parts = parts.map(|(node, port)| (node.clone(), port.clone()));
    ask.trace = trace;
    let handle = api.service.runs().start(&caller, ask).await?;
    let run = Attended::new(handle);
    let created = Moment::of(SystemTime::now()).0 / 1000;
    if is_stream {
        let streamed = Streamed {
            created,
            model: flow.to_string(),
            answer: answer.to_string(),
            include_usage: request.include_usage(),
        };
        return Ok(stream::answer(run, streamed, api.config.heartbeat));
    }
    let view = run.handle.ended().await?;
    let content = told::answer(&view, answer.as_str())?;
    let completion = Completion {
        id: told::id(run.handle.id()),
        object: "chat.completion",
        created,
        model: flow.to_string(),
        choices: [Choice {
            index: 0,
            message: Said {
                role: "assistant",
                content,
                refusal: None,
            },
            finish_reason: "stop",
            logprobs: None,
        }],
        usage: told::usage(&view),
    };
    Ok(Json(completion).into_response())
}

/// A run that ends with the request that it answers. To cancel one that is over does nothing.
#[derive(Debug)]
pub(super) struct Attended {
    pub(super) handle: RunHandle,
}

impl Attended {
    fn new(handle: RunHandle) -> Self {
        Self { handle }
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.handle.cancel();
    }
}
