//! Where the chain looks: the variables, the home folder, and the servers.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The metadata of an ECS instance, on any of them.
const METADATA: &str = "http://100.100.100.200";

/// The variables that a program was started with, or what stands for them.
#[derive(Clone)]
pub struct Environment(Arc<Get>);

type Get = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// Asks a function for each variable.
    pub fn of(get: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(get))
    }

    /// A variable. One that is empty counts as one that is not set.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(…)")
    }
}

/// Where a chain looks.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    pub(super) environment: Environment,
    pub(super) home: Option<PathBuf>,
    pub(super) metadata: String,
    pub(super) sts: Option<String>,
}

impl ChainConfig {
    /// Looks where this process would: its variables, its user's home folder, this machine's metadata, Alibaba Cloud's STS.
    pub fn from_process() -> Self {
        Self::new(
            Environment::of(|name| std::env::var(name).ok()),
            std::env::home_dir(),
        )
    }

    /// Looks into these variables and this home folder.
    pub fn new(environment: Environment, home: Option<PathBuf>) -> Self {
        Self {
            environment,
            home,
            metadata: METADATA.to_owned(),
            sts: None,
        }
    }

    /// Asks another server for the metadata of the instance: `http://` and a host.
    #[must_use]
    pub fn with_metadata(mut self, url: impl Into<String>) -> Self {
        self.metadata = url.into();
        self
    }

    /// Asks another server than Alibaba Cloud's STS: `https://` or `http://`, and a host.
    #[must_use]
    pub fn with_sts(mut self, url: impl Into<String>) -> Self {
        self.sts = Some(url.into());
        self
    }
}
