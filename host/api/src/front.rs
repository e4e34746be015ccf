//! What stands before every handler: lets requests in, catches panics, counts answers, and says to each the same things in
//! its headers. One layer, because each costs an allocation a request.

use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;

use crate::api::App;
use crate::problem::{Code, Problem};
use crate::{auth, body, trace};

/// The paths that OpenAI's clients know.
const OPENAI: &str = "/v1/";

/// Serves one request.
pub(crate) async fn serve(State(api): State<App>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let is_openai = request.uri().path().starts_with(OPENAI);
    let admitted = auth::admit(&api, route, &mut request).await;
    let mut traced = None;
    // A client that goes has this dropped where it waits, and the request's span says so.
    let mut answer = match admitted {
        Ok(()) => {
            traced = trace::begin(&api, route, &mut request);
            handle(request, next).await
        }
        Err(problem) => {
            body::discard(request).await;
            problem.into_response()
        }
    };
    if answer.status().is_client_error() || answer.status().is_server_error() {
        answer = told(answer, is_openai);
    }
    api.counts.answered(route, answer.status());
    if let Some(answering) = traced {
        answer = answering.with(answer);
    }
    let headers = answer.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The handler's answer. A panic is the host's fault, and ends this request alone.
async fn handle(request: Request, next: Next) -> Response {
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    handled.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        Problem::new(Code::Internal, "the log of the host says more").into_response()
    })
}

/// An answer that says that something is wrong, in the shape that its path has.
fn told(mut answer: Response, is_openai: bool) -> Response {
    let problem = answer.extensions_mut().remove::<Problem>();
    let problem = match problem {
        Some(problem) if is_openai => problem,
        Some(_) => return answer,
        // axum's own answer where a path has no such method: it has the header `Allow` and no body.
        None if answer.status() == StatusCode::METHOD_NOT_ALLOWED => {
            let allow = answer.headers_mut().remove(header::ALLOW);
            let problem = Problem::new(Code::WrongMethod, "`Allow` says which it has");
            match allow {
                Some(allow) => problem.header(header::ALLOW, allow),
                None => problem,
            }
        }
        None => return answer,
    };
    if is_openai {
        problem.into_openai()
    } else {
        problem.into_response()
    }
}
