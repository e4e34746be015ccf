//! What is asked of runs.

use std::sync::Arc;

use lockgate_model::{Ident, Kebab};
use lockgate_telemetry::trace::RequestSpan;
use serde_json::{Map, Value as Tree};
use uuid::Uuid;

/// The longest `Idempotency-Key`, in bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;

/// The longest name of a session, in bytes.
pub const MAX_SESSION_BYTES: usize = 128;

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A flow of the project.
    Flow {
        /// Its name.
        flow: Kebab,
        /// Which version; None: the active one, when the run begins.
        version: Option<u32>,
    },
    /// A document that comes with the request. It needs the scope `deploy`.
    Document {
        /// What messages call it, such as a file's name.
        name: String,
        /// Its text, YAML or JSON.
        text: String,
    },
}

/// What starts a run, as its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A request that waits for the end.
    Api,
    /// A request that follows the events.
    Stream,
    /// A request that does not wait.
    Queue,
    /// A line of a batch.
    Batch,
    /// A webhook.
    Webhook,
    /// A chat client.
    Chat,
    /// Somebody who repeats a run from one of its nodes on.
    Rerun,
}

impl Trigger {
    /// The word for it: `api`, `stream`, `queue`, `batch`, `webhook`, `chat` or `rerun`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Stream => "stream",
            Self::Queue => "queue",
            Self::Batch => "batch",
            Self::Webhook => "webhook",
            Self::Chat => "chat",
            Self::Rerun => "rerun",
        }
    }
}

/// A run that somebody asks for.
#[derive(Debug, Clone)]
pub struct RunAsk {
    /// What runs.
    pub target: Target,
    /// Its input.
    pub input: Tree,
    /// Values for variables. They need the scope `deploy`, or a flow that leaves them open.
    pub vars: Map<String, Tree>,
    /// The node to stop at. It needs the scope `deploy`, or a flow that leaves it open.
    pub until: Option<String>,
    /// Outputs that are given instead of being computed: by node, an object of ports and values. They need the scope
    /// `deploy`, or a flow that leaves them open.
    pub pinned: Map<String, Tree>,
    /// The session that it belongs to; at most [`MAX_SESSION_BYTES`].
    pub session: Option<String>,
    /// The run that it was started by.
    pub parent: Option<Uuid>,
    /// What started it.
    pub trigger: Trigger,
    /// The request's `Idempotency-Key`; at most [`MAX_IDEMPOTENCY_KEY_BYTES`]. The same key with the same request within
    /// 24 hours is answered with the same run.
    pub idempotency: Option<String>,
    /// A node and an output of it whose parts are wanted as they are, before anything is masked:
    /// [`super::RunHandle::parts`] has them.
    pub parts: Option<(Ident, Ident)>,
    /// The request that asks for it, if its trace is known.
    pub trace: Option<Arc<RequestSpan>>,
}

impl RunAsk {
    /// A run of a flow's active version, with an input and nothing else.
    pub fn new(flow: Kebab, input: Tree, trigger: Trigger) -> Self {
        Self {
            target: Target::Flow {
                flow,
                version: None,
            },
            input,
            vars: Map::new(),
            until: None,
            pinned: Map::new(),
            session: None,
            parent: None,
            trigger,
            idempotency: None,
            parts: None,
            trace: None,
        }
    }
}

/// A run that is to be repeated, as a whole or from one of its nodes on.
#[derive(Debug, Clone, Default)]
pub struct RerunAsk {
    /// The node: it and what depends on it runs again. What else gave outputs is pinned to them.
    /// None: all of it runs again.
    pub from: Option<String>,
    /// Which version of the flow; None: the one that the run had.
    pub version: Option<u32>,
    /// Values for variables, over those that the run had.
    pub vars: Map<String, Tree>,
    /// As in [`RunAsk`].
    pub idempotency: Option<String>,
    /// As in [`RunAsk`].
    pub trace: Option<Arc<RequestSpan>>,
}

/// Which runs are listed. Everything that is given has to fit.
#[derive(Debug, Clone, Default)]
pub struct RunsQuery {
    /// Runs of this flow.
    pub flow: Option<Kebab>,
    /// Runs that ended like this: `ok`, `failed`, `rejected`, `trapped`, `denied` or `cancelled`.
    pub outcome: Option<String>,
    /// Runs that are `queued`, `running` or `finished`.
    pub state: Option<String>,
    /// Runs that were asked for at this time or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Runs that were asked for before this time.
    pub until_ms: Option<i64>,
    /// Runs of this batch.
    pub batch: Option<Uuid>,
    /// Runs that this started, such as `webhook`.
    pub trigger: Option<String>,
    /// Runs with this label.
    pub label: Option<(String, String)>,
    /// Runs of this session.
    pub session: Option<String>,
    /// Where the list goes on: [`crate::Page::next`] of the piece before.
    pub cursor: Option<String>,
    /// How many at most: 1 to [`crate::MAX_PAGE`]; None: [`crate::USUAL_PAGE`].
    pub limit: Option<u32>,
}

/// Which part of a node's course is asked for.
#[derive(Debug, Clone, Default)]
pub struct NodeAsk {
    /// The node's name; within a sub-flow, the way to it: `chapters[3]/clean`.
    pub node: String,
    /// Elements after this one; None: from the first on.
    pub after: Option<u32>,
    /// How many elements at most: 1 to [`crate::MAX_PAGE`]; None: [`crate::USUAL_PAGE`].
    pub limit: Option<u32>,
}
