//! Why a call did nothing, told apart by what helps.

use crate::CredentialsError;

/// Why CMS did not take a request.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There are no credentials. Nothing was sent.
    #[error("no credentials for CMS: {0}")]
    Credentials(#[from] CredentialsError),
    /// Too many requests. Later, and fewer.
    #[error("CMS takes no more requests for now: {code}")]
    Throttled {
        /// Its code, such as `Throttling.User`.
        code: String,
    },
    /// The same may work at another time: the connection, a timeout, an answer that is none.
    #[error("CMS could not be asked: {reason}")]
    Retryable {
        /// What happened.
        reason: String,
    },
    /// CMS, or what is before it, failed at the request. The same may work at another time, unless the request is the reason.
    #[error("CMS failed: {reason}")]
    Fault {
        /// What it answered.
        reason: String,
    },
    /// The request took too long to arrive, or its nonce came before. The same data in a new request may work.
    #[error("the request is too old, or came before: {code}")]
    Expired {
        /// Its code: `InvalidTimeStamp.Expired` or `SignatureNonceUsed`.
        code: String,
    },
    /// CMS read the request and does not want it.
    #[error("CMS refuses: {0}")]
    Refused(Refusal),
}

/// What CMS says against a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}{message}", if message.is_empty() { "" } else { ": " })]
pub struct Refusal {
    /// What it is about.
    pub kind: RefusalKind,
    /// Its code: `206`, or such as `SignatureDoesNotMatch`.
    pub code: String,
    /// Its words, bounded and without control characters. Empty where they could repeat what was signed.
    pub message: String,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalKind {
    /// Who asks: the key, the signature, the rights. All requests are refused until that is put right.
    Authentication,
    /// What the account has: too many series, or raw values without having paid for them.
    Quota,
    /// An entry or a parameter.
    Parameter,
    /// The request's length.
    TooLarge,
    /// Something else.
    Other,
}
