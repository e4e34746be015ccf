//! The metadata service of an ECS instance, as far as it lends keys.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::{Handler, Reply, Request, Server};
use crate::identity::Lent;
use crate::{Fault, Faults, VirtualTime};

const TOKEN: &str = "/latest/api/token";

const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

/// An instance's metadata. It ends when this is dropped.
#[derive(Debug)]
pub struct Metadata {
    server: Server,
    instance: Arc<Instance>,
}

#[derive(Debug)]
struct Instance {
    time: Option<VirtualTime>,
    faults: Faults,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    role: String,
    lent: Lent,
    /// What is answered instead of the key.
    instead: Option<(u16, String)>,
    v2: bool,
    v1: bool,
    tokens: usize,
    asked: Vec<String>,
}

impl Metadata {
    /// Starts one of an instance with a role. It speaks versions 1 and 2.
    ///
    /// # Errors
    ///
    /// No address is free.
    pub async fn start(role: &str, lent: Lent, time: Option<&VirtualTime>) -> io::Result<Self> {
        let state = State {
            role: role.to_owned(),
            lent,
            instead: None,
            v2: true,
            v1: true,
            tokens: 0,
            asked: Vec::new(),
        };
        let instance = Arc::new(Instance {
            time: time.cloned(),
            faults: Faults::default(),
            state: Mutex::new(state),
        });
        let server = Server::start(instance.clone()).await?;
        Ok(Self { server, instance })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.instance.faults
    }

    /// Lends another key from now on.
    pub fn lend(&self, lent: Lent) {
        self.instance.state().lent = lent;
    }

    /// Answers this where it is asked for the key.
    pub fn answer(&self, status: u16, body: &str) {
        self.instance.state().instead = Some((status, body.to_owned()));
    }

    /// Which versions it speaks: 2, which has tokens, and 1, which does not need them.
    pub fn versions(&self, v2: bool, v1: bool) {
        let mut state = self.instance.state();
        (state.v2, state.v1) = (v2, v1);
    }

    /// What it was asked for: methods and paths.
    pub fn asked(&self) -> Vec<String> {
        self.instance.state().asked.clone()
    }
}

impl Handler for Instance {
    fn fault(&self) -> Option<Fault> {
        self.faults.next()
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut state = self.state();
        state
            .asked
            .push(format!("{} {}", request.method, request.path));
        state.answer(request)
    }

    fn time(&self) -> Option<&VirtualTime> {
        self.time.as_ref()
    }
}

impl Instance {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.path == TOKEN {
            return self.token(request);
        }
        let allowed = match request.header("x-aliyun-ecs-metadata-token") {
            Some(token) => self.v2 && self.knows(token),
            None => self.v1,
        };
        if !allowed {
            return Reply::new(403, "forbidden");
        }
        if request.method != "GET" {
            return Reply::new(405, "not allowed");
        }
        match request.path.strip_prefix(ROLES) {
            Some("") => Reply::new(200, format!("{}\n", self.role)),
            Some(role) if role == self.role => match &self.instead {
                Some((status, body)) => Reply::new(*status, body.as_str()),
                None => Reply::new(200, self.lent.flat()),
            },
            _ => Reply::new(404, "not found"),
        }
    }

    fn token(&mut self, request: &Request) -> Reply {
        let ttl = request.header("x-aliyun-ecs-metadata-token-ttl-seconds");
        let ttl: Option<u32> = ttl.and_then(|ttl| ttl.parse().ok());
        if !self.v2 {
            return Reply::new(404, "not found");
        }
        if request.method != "PUT" || !ttl.is_some_and(|ttl| (1..=21_600).contains(&ttl)) {
            return Reply::new(400, "bad request");
        }
        self.tokens += 1;
        Reply::new(200, format!("metadata-token-{}", self.tokens))
    }

    fn knows(&self, token: &str) -> bool {
        let number = token.strip_prefix("metadata-token-");
        let number: Option<usize> = number.and_then(|number| number.parse().ok());
        number.is_some_and(|number| (1..=self.tokens).contains(&number))
    }
}
