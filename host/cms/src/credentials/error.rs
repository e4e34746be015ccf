//! Why there are no credentials: what was tried, and why each gave none.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::http::ExchangeError;

/// No place had credentials.
#[derive(Debug, Clone)]
pub struct CredentialsError {
    /// The places, in the order in which they were tried.
    pub tried: Vec<NotGiven>,
}

/// A place that had none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{place}: {why}")]
pub struct NotGiven {
    /// Which, as `environment`.
    pub place: &'static str,
    pub(super) why: Why,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tried) in self.tried.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{tried}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CredentialsError {}

/// Why a place has none. It quotes paths and names of variables, and nothing that was in them.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Why {
    #[error("{0} is not set")]
    Unset(&'static str),
    #[error("{0}=true")]
    Disabled(&'static str),
    #[error("there is no home folder")]
    Homeless,
    #[error("{} cannot be read: {}", path.display(), kind)]
    Unreadable { path: PathBuf, kind: io::ErrorKind },
    #[error("{} has more than {max} bytes", path.display())]
    TooLong { path: PathBuf, max: u64 },
    #[error("{} is no {form}", path.display())]
    NoFile { path: PathBuf, form: &'static str },
    #[error("{} has no profile {name:?}", path.display())]
    NoProfile { path: PathBuf, name: String },
    #[error("its profile has the mode {0:?}, which is not known here")]
    Mode(String),
    #[error("its profile has no {0}")]
    NoField(&'static str),
    #[error("{0} is no address")]
    Address(&'static str),
    #[error("{0} is no name of a region")]
    Region(&'static str),
    #[error("the instance has no role of a name that can be one")]
    Role,
    #[error("{what}: {source}")]
    Exchange {
        what: &'static str,
        source: ExchangeError,
    },
    #[error("{what}: HTTP {status}")]
    Status { what: &'static str, status: u16 },
    #[error("{what}: HTTP {status}, {code}")]
    Refused {
        what: &'static str,
        status: u16,
        code: String,
    },
    #[error("{0}: the answer is not what it should be")]
    NoAnswer(&'static str),
    #[error("{0}: the answer does not say `\"Code\":\"Success\"`")]
    NoSuccess(&'static str),
    #[error("{0} is missing, too long, or has characters that it cannot have")]
    NotOne(&'static str),
    #[error("what it gives has expired")]
    Expired,
}
