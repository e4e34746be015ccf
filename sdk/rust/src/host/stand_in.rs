//! Stands in for the host where there is no sandbox: in tests, with what [`crate::testing`] put here for the thread.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};

use crate::bindings::lockgate::node::http::Request;
use crate::{Failure, Level, Value, Values};

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Answers a request, as a test has it.
pub(crate) type Service = Box<dyn FnMut(&Request) -> Result<Response, Failure>>;

/// What a call finds in place of the host, and what it left there.
#[derive(Default)]
pub(crate) struct Host {
    /// What the call may not do: `describe` and `configure` call nothing.
    pub(crate) forbidden: bool,
    /// What was called although it was forbidden.
    pub(crate) breaches: Vec<&'static str>,
    /// Lines, in order.
    pub(crate) lines: Vec<(Level, String)>,
    /// Parts of inputs that are still to come, batch by batch.
    pub(crate) incoming: HashMap<String, VecDeque<Result<Vec<Value>, Failure>>>,
    /// Parts of outputs, in order.
    pub(crate) emitted: Values,
    /// Outputs that nobody reads after so many parts.
    pub(crate) readers: HashMap<String, usize>,
    /// Outputs that were told so.
    pub(crate) closed: HashSet<String>,
    /// Answers requests.
    pub(crate) service: Option<Service>,
}

/// Runs `call` with this host, and gives the host back as the call left it.
pub(crate) fn with<T>(host: Host, call: impl FnOnce() -> T) -> (T, Host) {
    let outer = HOST.replace(Some(host));
    let answer = call();
    (answer, HOST.replace(outer).unwrap_or_default())
}

/// Does something with the host of this thread, or says that there is none.
fn ask<T>(function: &'static str, answer: impl FnOnce(&mut Host) -> T) -> Option<T> {
    HOST.with_borrow_mut(|host| {
        let host = host.as_mut()?;
        if host.forbidden {
            host.breaches.push(function);
            return None;
        }
        Some(answer(host))
    })
}

/// Keeps the line, or prints it where a function is called by itself.
pub(crate) fn log(level: Level, message: &str) {
    if ask("log", |host| host.lines.push((level, message.to_owned()))).is_none() {
        eprintln!("{level}: {message}");
    }
}

/// Keeps the part.
pub(crate) fn emit(port: &str, part: &Value) -> bool {
    ask("emit", |host| {
        let sent = host
            .emitted
            .iter()
            .filter(|(name, _)| *name == port)
            .count();
        if host.readers.get(port).is_some_and(|most| sent >= *most) {
            host.closed.insert(port.to_owned());
            return false;
        }
        host.emitted.push(port, part.clone());
        true
    })
    .unwrap_or(false)
}

/// Gives the next batch.
pub(crate) fn next(port: &str) -> Result<Vec<Value>, Failure> {
    ask("next", |host| {
        host.incoming.get_mut(port).and_then(VecDeque::pop_front)
    })
    .flatten()
    .unwrap_or_else(|| Ok(Vec::new()))
}

/// Asks the test's service. Without one the answer is the host's to a node that was granted nothing.
pub(crate) fn send(request: &Request) -> Result<Response, Failure> {
    // The service is a test's own code, which may log: it runs while the host is not borrowed.
    let Some(mut service) = ask("send", |host| host.service.take()).flatten() else {
        return Err(Failure::denied(format!(
            "no service was granted to answer {} {}",
            request.method, request.url
        )));
    };
    let answer = service(request);
    ask("send", |host| host.service = Some(service));
    answer
}

/// A service's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: RefCell<VecDeque<u8>>,
}

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        self.headers.clone()
    }

    pub(crate) fn read(&self, max: u32) -> Result<Vec<u8>, Failure> {
        let mut body = self.body.borrow_mut();
        let most = body.len().min(max as usize);
        Ok(body.drain(..most).collect())
    }
}
