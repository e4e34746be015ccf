//! What a client is told when a request is not done: problem documents (RFC 9457), and OpenAI's shape under `/v1`.
//!
//! All codes are here, each with its status and title, and so is the one translation of the service's errors. A code stays
//! what it is: clients decide by it.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockgate_service::ServiceError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

macro_rules! codes {
    ($($code:ident $word:literal $status:ident $title:literal;)*) => {
        /// What sort of problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $word)] $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The code as clients see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => $word,)* }
            }

            /// The status that it comes with.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status,)* }
            }

            /// One line that is the same each time.
            pub fn title(self) -> &'static str {
                match self { $(Self::$code => $title,)* }
            }
        }
    };
}

codes! {
    InvalidPath "invalid-path" NOT_FOUND "The path names something that there cannot be";
    InvalidQuery "invalid-query" BAD_REQUEST "The query says something that it cannot say";
    InvalidHeader "invalid-header" BAD_REQUEST "A header says something that it cannot say";
    InvalidBody "invalid-body" BAD_REQUEST "The body cannot be read";
    KeyNeeded "key-needed" UNAUTHORIZED "A key is needed";
    KeyUnknown "key-unknown" UNAUTHORIZED "The key is not known, or was revoked";
    Forbidden "forbidden" FORBIDDEN "The key does not allow it";
    BadSignature "bad-signature" FORBIDDEN "It is not signed as it has to be";
    ForeignHost "foreign-host" FORBIDDEN "Without keys, only pages and programs of this machine are answered";
    NotFound "not-found" NOT_FOUND "There is no such thing";
    NoRoute "no-route" NOT_FOUND "There is no such path";
    WrongMethod "wrong-method" METHOD_NOT_ALLOWED "The path has no such method";
    SlowBody "slow-body" REQUEST_TIMEOUT "The body took too long to arrive";
    TooLarge "too-large" PAYLOAD_TOO_LARGE "It has more bytes than it may have";
    WrongMedia "wrong-media" UNSUPPORTED_MEDIA_TYPE "The body is not of a type that is read here";
    DraftChanged "draft-changed" PRECONDITION_FAILED "Somebody else wrote the draft in between";
    ConditionNeeded "condition-needed" PRECONDITION_REQUIRED "Say what you saw before: If-Match or If-None-Match";
    InvalidRequest "invalid-request" UNPROCESSABLE_ENTITY "The request makes no sense";
    BadLines "bad-lines" UNPROCESSABLE_ENTITY "Lines of the batch are not what the flow takes";
    InvalidInput "invalid-input" UNPROCESSABLE_ENTITY "The input is not what the flow takes";
    FlowFaults "flow-faults" UNPROCESSABLE_ENTITY "The flow has faults";
    PluginRefused "plugin-refused" UNPROCESSABLE_ENTITY "The component is no plugin here";
    NotChat "not-chat" UNPROCESSABLE_ENTITY "The flow is none that chats";
    RunFailed "run-failed" UNPROCESSABLE_ENTITY "The run failed";
    IdempotencyMismatch "idempotency-mismatch" UNPROCESSABLE_ENTITY "The Idempotency-Key came with another request before";
    IdempotencyRunning "idempotency-running" CONFLICT "The first request with this Idempotency-Key goes on";
    VersionTaken "version-taken" CONFLICT "The version is there already, with other bytes";
    FlowsWouldBreak "flows-would-break" CONFLICT "Active flows would not run any more, so nothing was changed";
    PluginNeeded "plugin-needed" CONFLICT "Flows need the plugin";
    ActiveVersion "active-version" CONFLICT "The version is the active one";
    FlowNeeded "flow-needed" CONFLICT "Other flows run the flow";
    NotActive "not-active" CONFLICT "No version of the flow is active";
    LockGone "lock-gone" CONFLICT "What the version resolved to is not there any more";
    FlowBroken "flow-broken" CONFLICT "The flow does not run on this host";
    TooMany "too-many" CONFLICT "The project has as many as it may have";
    NotFinished "not-finished" CONFLICT "The run is not finished";
    Finished "finished" CONFLICT "The run is finished";
    CutRun "cut-run" CONFLICT "Values of the run were cut";
    MaskedRun "masked-run" CONFLICT "Values of the run were masked";
    NodeGone "node-gone" CONFLICT "The flow has no such node any more";
    TooManyRequests "too-many-requests" TOO_MANY_REQUESTS "More requests than are answered";
    QueueFull "queue-full" TOO_MANY_REQUESTS "The queue is full";
    Internal "internal" INTERNAL_SERVER_ERROR "The host is at fault";
    Busy "busy" SERVICE_UNAVAILABLE "The host is busy";
    Draining "draining" SERVICE_UNAVAILABLE "The host is about to stop";
}

/// Why a request is not done. It becomes the answer; what it quotes is JSON there and needs no escaping.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Code,
    detail: String,
    extras: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem document (RFC 9457). Some codes have more fields than these.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Problem")]
pub struct ProblemView {
    /// `urn:lockgate:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:lockgate:problem:not-found")]
    pub kind: String,
    /// The code in words; the same each time.
    pub title: &'static str,
    /// The answer's status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// What sort of problem it is; stays what it is from version to version.
    #[schema(value_type = String)]
    pub code: Code,
    /// With `flow-faults`: every fault and its place. With `invalid-input`: the places that do not meet the flow's schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<Value>>,
    /// With `flows-would-break`, `plugin-needed` and `flow-needed`: which flows, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<Vec<Value>>,
}

impl Problem {
    /// A problem, and what is wrong this time as a sentence without its full stop.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            extras: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// With a field more.
    pub(crate) fn with(mut self, field: &'static str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default(); // our own types, and none has a map without text keys
        self.0.extras.insert(field.to_owned(), value);
        self
    }

    /// With a header more.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// With the time after which it is worth another try, at least a second.
    pub(crate) fn retry_after(self, time: Duration) -> Self {
        let seconds = time.as_millis().div_ceil(1000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        self.header(header::RETRY_AFTER, seconds.into())
    }

    /// What sort of problem it is.
    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// The problem as a document.
    pub(crate) fn to_json(&self) -> Value {
        let Parts {
            code,
            detail,
            extras,
            ..
        } = &*self.0;
        let mut document = json!({
            "type": format!("urn:lockgate:problem:{}", code.as_str()),
            "title": code.title(),
            "status": code.status().as_u16(),
            "detail": detail,
            "code": code.as_str(),
        });
        if let Value::Object(fields) = &mut document {
            fields.extend(extras.clone());
        }
        document
    }

    /// The problem as OpenAI's clients read one.
    pub(crate) fn to_openai(&self) -> Value {
        let kind = match self.0.code.status() {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let message = format!("{}: {}", self.0.code.title(), self.0.detail);
        let code = self.0.code.as_str();
        json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
    }

    /// The same problem as an answer under `/v1`.
    pub(crate) fn into_openai(self) -> Response {
        let body = self.to_openai();
        self.answer(&body, "application/json")
    }

    fn answer(self, body: &Value, media: &'static str) -> Response {
        let mut answer = Response::new(Body::from(body.to_string()));
        *answer.status_mut() = self.0.code.status();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        for (name, value) in &self.0.headers {
            headers.insert(name.clone(), value.clone());
        }
        // For `/v1`, where it is said again in another shape.
        answer.extensions_mut().insert(self);
        answer
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.to_json();
        self.answer(&body, "application/problem+json")
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        use ServiceError as E;
        let detail = match &error {
            // What the host's own fault is concerns its log, not its clients.
            E::Internal(_) | E::Store(_) => {
                let reason = error.to_string();
                tracing::error!(reason = %reason.escape_debug(), "a request met a fault of the host");
                String::from("the log of the host says more")
            }
            other => other.to_string(),
        };
        let problem = |code| Self::new(code, detail);
        match error {
            E::NotFound { .. } => problem(Code::NotFound),
            E::Forbidden { needs } => problem(Code::Forbidden).with("needs", needs),
            E::InvalidRequest(_) => problem(Code::InvalidRequest),
            E::TooLarge { most, .. } => problem(Code::TooLarge).with("most_bytes", most),
            E::TooMany { most, .. } => problem(Code::TooMany).with("most", most),
            E::Faults { faults, total } => problem(Code::FlowFaults)
                .with("faults", faults)
                .with("total", total),
            E::PluginRefused(refused) => problem(Code::PluginRefused)
                .with("reason", refused.code)
                .with("findings", refused.findings),
            E::InvalidInput(faults) => problem(Code::InvalidInput).with("faults", faults),
            E::BadLines { lines, total } => problem(Code::BadLines)
                .with("lines", lines)
                .with("total", total),
            E::BadSignature(_) => problem(Code::BadSignature),
            E::VersionTaken { .. } => problem(Code::VersionTaken),
            E::FlowsWouldBreak { flows } => problem(Code::FlowsWouldBreak).with("flows", flows),
            E::PluginNeeded { flows, .. } => problem(Code::PluginNeeded).with("flows", flows),
            E::ActiveVersion { .. } => problem(Code::ActiveVersion),
            E::FlowNeeded { flows, .. } => problem(Code::FlowNeeded).with("flows", flows),
            E::NotActive { .. } => problem(Code::NotActive),
            E::LockGone { .. } => problem(Code::LockGone),
            E::FlowBroken { .. } => problem(Code::FlowBroken),
            E::DraftChanged { etag } => problem(Code::DraftChanged).with("etag", etag),
            E::NotFinished => problem(Code::NotFinished),
            E::Finished => problem(Code::Finished),
            E::CutRun => problem(Code::CutRun),
            E::MaskedRun => problem(Code::MaskedRun),
            E::NodeGone(_) => problem(Code::NodeGone),
            E::IdempotencyMismatch => problem(Code::IdempotencyMismatch),
            E::IdempotencyRunning { run } => problem(Code::IdempotencyRunning).with("run", run),
            E::QueueFull { retry_after } => problem(Code::QueueFull).retry_after(retry_after),
            E::Busy { retry_after, .. } => problem(Code::Busy).retry_after(retry_after),
            E::Draining { retry_after } => problem(Code::Draining).retry_after(retry_after),
            E::Internal(_) | E::Store(_) => problem(Code::Internal),
            other => {
                tracing::error!(
                    code = other.code(),
                    "the interface has no problem for this error"
                );
                Self::new(Code::Internal, "the log of the host says more")
            }
        }
    }
}
