//! The places that may have credentials, in the order in which they are asked.

use std::path::Path;
use std::sync::Arc;

use super::config::{ChainConfig, Environment};
use super::error::{NotGiven, Why};
use super::sts::{self, Role};
use super::{Credentials, ini, instance, profile, uri};
use crate::Clock;

/// A place that may have credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    Environment,
    Oidc,
    Profile,
    Ini,
    Instance,
    Uri,
}

/// The order of the official SDKs.
pub(super) const ORDER: [Provider; 6] = [
    Provider::Environment,
    Provider::Oidc,
    Provider::Profile,
    Provider::Ini,
    Provider::Instance,
    Provider::Uri,
];

/// Where providers look.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) environment: Environment,
    home: Option<std::path::PathBuf>,
    pub(super) metadata: String,
    pub(super) sts: Option<String>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Places {
    pub(super) fn new(config: ChainConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            environment: config.environment,
            home: config.home,
            metadata: config.metadata,
            sts: config.sts,
            clock,
        }
    }

    pub(super) fn home(&self) -> Result<&Path, Why> {
        self.home.as_deref().ok_or(Why::Homeless)
    }
}

impl Provider {
    /// Its credentials, checked.
    pub(super) async fn credentials(self, places: &Places) -> Result<Credentials, NotGiven> {
        let given = match self {
            Self::Environment => environment(places),
            Self::Oidc => Box::pin(oidc(places)).await,
            Self::Profile => Box::pin(profile::credentials(places)).await,
            Self::Ini => Box::pin(ini::credentials(places)).await,
            Self::Instance => Box::pin(instance::role(places, None)).await,
            Self::Uri => Box::pin(uri::credentials(places)).await,
        };
        let now = places.clock.now();
        let checked = given.and_then(|credentials| credentials.checked(now));
        checked.map_err(|why| NotGiven {
            place: self.name(),
            why,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Oidc => "OIDC role",
            Self::Profile => "~/.aliyun/config.json",
            Self::Ini => "credentials file",
            Self::Instance => "ECS instance",
            Self::Uri => "credentials URI",
        }
    }
}

fn environment(places: &Places) -> Result<Credentials, Why> {
    let need = |name| places.environment.get(name).ok_or(Why::Unset(name));
    let id = need("ALIBABA_CLOUD_ACCESS_KEY_ID")?;
    let credentials = Credentials::new(id, need("ALIBABA_CLOUD_ACCESS_KEY_SECRET")?);
    Ok(
        match places.environment.get("ALIBABA_CLOUD_SECURITY_TOKEN") {
            Some(token) => credentials.with_token(token),
            None => credentials,
        },
    )
}

async fn oidc(places: &Places) -> Result<Credentials, Why> {
    let need = |name| places.environment.get(name).ok_or(Why::Unset(name));
    let role = Role {
        arn: need("ALIBABA_CLOUD_ROLE_ARN")?,
        ..Role::default()
    };
    let provider = need("ALIBABA_CLOUD_OIDC_PROVIDER_ARN")?;
    let file = need("ALIBABA_CLOUD_OIDC_TOKEN_FILE")?;
    sts::with_oidc(places, role, provider, file.into()).await
}
