//! Traces of requests that start runs: where they go on, and their spans.
//!
//! Belongs here: the headers, and when a request is over. Does not belong here: what is recorded, and what spans say, which is
//! `lockgate-telemetry`'s.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, Method, StatusCode, header, request};
use axum::response::Response;
use futures::{StreamExt as _, stream};
use lockgate_telemetry::trace::{RequestHead, RequestSpan, TRACEPARENT, TRACESTATE, TraceContext};
use utoipa::IntoParams;

use crate::api::{Api, App};

/// The routes that start runs, all by POST.
const STARTS: [&str; 8] = [
    "/api/v1/flows/{name}/runs",
    "/api/v1/flows/{name}/runs/stream",
    "/api/v1/runs",
    "/api/v1/runs/stream",
    "/api/v1/runs/{run}/rerun",
    "/api/v1/flows/{name}/batches",
    WEBHOOK,
    "/v1/chat/completions",
];

/// The one of them that needs no key.
const WEBHOOK: &str = "/webhooks/{flow}/{token}";

/// Where a trace goes on, as W3C Trace Context has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it says what headers there are, which are read by their names"
)]
pub(crate) struct TraceHeaders {
    /// The trace and the span that the request comes from. The run goes on in this trace. One that cannot be read counts as
    /// none: then a trace begins.
    #[param(example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    traceparent: Option<String>,
    /// What tracing systems want to be told again.
    #[param(example = "congo=t61rcWkgMzE")]
    tracestate: Option<String>,
}

/// The request that a handler answers, as its trace knows it.
#[derive(Debug)]
pub(crate) struct Traced(pub(crate) Option<Arc<RequestSpan>>);

impl FromRequestParts<App> for Traced {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut request::Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.remove::<Arc<RequestSpan>>()))
    }
}

/// Finds where the trace of a request goes on, if it is one that may start runs. It is answered, or not, when what is given
/// back is dropped.
pub(crate) fn begin(api: &Api, route: Option<&str>, request: &mut Request) -> Option<Answering> {
    if request.method() != Method::POST {
        return None;
    }
    // The pattern, and never the path: names of flows are many, and the token of a webhook is a secret.
    let route = STARTS.into_iter().find(|known| Some(*known) == route)?;
    let head = RequestHead {
        method: "POST",
        route,
        came: SystemTime::now(),
    };
    let came = came(request.headers()).map(|context| api.service.without_secrets(context));
    let span = RequestSpan::begin(api.service.tracer(), came, head);
    request.extensions_mut().insert(Arc::clone(&span));
    let is_told = api.service.tracer().config().is_some();
    is_told.then_some(Answering { span, status: None })
}

/// What the headers say. A second `traceparent` makes both of them none.
fn came(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    let states = headers.get_all(TRACESTATE).iter();
    // What is not ASCII is no member, and makes the whole none.
    let states = states.map(|state| state.to_str().unwrap_or("?"));
    TraceContext::read(parent, states)
}

/// A request that is answered; that is over when this is dropped.
pub(crate) struct Answering {
    span: Arc<RequestSpan>,
    /// None until there is an answer.
    status: Option<StatusCode>,
}

impl Answering {
    /// Goes on until the answer is over.
    pub(crate) fn with(mut self, answer: Response) -> Response {
        self.status = Some(answer.status());
        if is_stream(&answer) {
            return to_its_end(answer, self);
        }
        answer
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // Anybody can be refused at a webhook, or hang up, as often as they like, and say that it has to be recorded.
        let is_refused = self.status.is_none_or(|status| status.is_client_error());
        if self.span.head().route == WEBHOOK && is_refused {
            return;
        }
        let status = self.status.map(|status| status.as_u16());
        self.span.answered(status, SystemTime::now());
    }
}

fn is_stream(answer: &Response) -> bool {
    let media = answer.headers().get(header::CONTENT_TYPE);
    media.is_some_and(|media| media.as_bytes().starts_with(b"text/event-stream"))
}

/// The same answer, which is over when its last byte is sent, or nobody takes it any more.
fn to_its_end(answer: Response, answering: Answering) -> Response {
    answer.map(|body| {
        let pieces = (body.into_data_stream(), answering);
        Body::from_stream(stream::unfold(pieces, async |(mut body, answering)| {
            let piece = body.next().await?;
            Some((piece, (body, answering)))
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The routes that take the headers, as the document says it.
    #[test]
    fn the_routes_that_take_a_trace_are_those_that_say_so() {
        let document = crate::openapi(false);
        let paths = document["paths"].as_object().expect("paths");
        let takes = |operation: &serde_json::Value| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters
                .filter(|one| one["in"] == "header")
                .any(|one| one["name"] == TRACEPARENT)
        };
        let mut told: Vec<_> = paths
            .iter()
            .filter(|(_, item)| takes(&item["post"]))
            .map(|(path, _)| path.as_str())
            .collect();
        let mut known = STARTS.to_vec();
        told.sort_unstable();
        known.sort_unstable();
        assert_eq!(told, known);
    }

    #[test]
    fn a_second_traceparent_makes_both_none() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        assert_eq!(came(&headers), None);
        headers.append(TRACEPARENT, parent.parse().expect("a value"));
        headers.append(TRACESTATE, "a=1".parse().expect("a value"));
        headers.append(TRACESTATE, "b=2".parse().expect("a value"));
        let context = came(&headers).expect("a context");
        assert_eq!(context.state.as_deref(), Some("a=1,b=2"));
        headers.append(TRACESTATE, "c=é".parse().expect("a value"));
        assert_eq!(came(&headers).expect("a context").state, None);
        headers.append(TRACEPARENT, parent.parse().expect("a value"));
        assert_eq!(came(&headers), None);
    }
}
