//! Streams of server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use lockgate_service::runs::RunEvents;

use crate::extract;
use crate::problem::{Code, Problem};

/// The number of the last event that a client that comes back has seen.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The events of a run, each with its number as its id; ends with the run's last. An event that cannot be read any more is
/// the last one, with the name `problem`.
pub(crate) fn run(events: RunEvents, heartbeat: Duration) -> Response {
    let events = events.scan(false, |failed, line| {
        let event = match line {
            _ if *failed => None,
            Ok(line) => Some(Event::default().id(line.seq.to_string()).data(line.json)),
            Err(error) => {
                *failed = true;
                let problem = Problem::from(error).to_json().to_string();
                Some(Event::default().event("problem").data(problem))
            }
        };
        std::future::ready(event)
    });
    stream(events, heartbeat)
}

/// An answer of events, with comments in between while there are none.
pub(crate) fn stream(
    events: impl Stream<Item = Event> + Send + 'static,
    heartbeat: Duration,
) -> Response {
    let keep_alive = KeepAlive::new().interval(heartbeat);
    let events = events.map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(keep_alive).into_response()
}

/// The number of the last event that the client has seen; 0 if it says none.
pub(crate) fn last_seen(headers: &HeaderMap) -> Result<u64, Problem> {
    match extract::header(headers, &LAST_EVENT_ID)? {
        None | Some("") => Ok(0),
        Some(seen) => seen.parse().map_err(|_| {
            let detail = "`Last-Event-ID` has to be the id of an event, which is a number";
            Problem::new(Code::InvalidHeader, detail)
        }),
    }
}
