//! Who asks, and what they may do. Every call of the service takes one; how they proved who they are is [`crate::Keys`]'.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use lockgate_model::Kebab;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ServiceError;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The one project that they see.
    pub project: Kebab,
    /// The publisher of the plugins that they upload.
    pub publisher: Kebab,
    /// Their key; None where the host itself asks, or whoever sits at a loopback address under `--dev`.
    pub key: Option<Uuid>,
    /// What the audit log calls them.
    pub name: Arc<str>,
    /// What they may do.
    pub scopes: Scopes,
    /// The flows that they are limited to; None: all of the project.
    pub flows: Option<Arc<[Kebab]>>,
    /// Where they ask from.
    pub address: Option<IpAddr>,
}

/// One thing that a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything.
    Admin,
    /// Change flows and plugins, run documents and get around validators; and what `run` and `read` allow.
    Deploy,
    /// Start runs, and read and cancel those that the key itself started.
    Run,
    /// Read everything of the project but the audit log.
    Read,
}

/// What a key allows, with what its scopes imply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

/// No scope has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope `{}`: write admin, deploy, run or read", .0.escape_debug())]
pub struct UnknownScope(String);

impl Scope {
    /// All of them, the widest first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Deploy, Self::Run, Self::Read];

    /// The scope's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Deploy => "deploy",
            Self::Run => "run",
            Self::Read => "read",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }

    /// With what it implies.
    fn bits(self) -> u8 {
        match self {
            Self::Admin => Self::Admin.bit() | Self::Deploy.bits(),
            Self::Deploy => Self::Deploy.bit() | Self::Run.bit() | Self::Read.bit(),
            Self::Run | Self::Read => self.bit(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| UnknownScope(text.chars().take(32).collect()))
    }
}

impl Scopes {
    /// Everything.
    pub fn all() -> Self {
        [Scope::Admin].into_iter().collect()
    }

    /// Whether they allow this.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Each of them, the widest first; those that another implies are left out.
    pub fn stated(self) -> Vec<Scope> {
        let mut stated = Vec::new();
        let mut implied = 0;
        for scope in Scope::ALL {
            if self.has(scope) && implied & scope.bit() == 0 {
                stated.push(scope);
                implied |= scope.bits();
            }
        }
        stated
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(
            scopes
                .into_iter()
                .fold(0, |bits, scope| bits | scope.bits()),
        )
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.stated())
    }
}

impl Caller {
    /// The host itself, or whoever sits at a loopback address under `--dev`: admin of a project.
    pub fn host(project: Kebab, publisher: Kebab, name: impl Into<Arc<str>>) -> Self {
        Self {
            project,
            publisher,
            key: None,
            name: name.into(),
            scopes: Scopes::all(),
            flows: None,
            address: None,
        }
    }

    /// Whether they may do this in their project.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Forbidden`] names the scope that is missing.
    pub fn may(&self, scope: Scope) -> Result<(), ServiceError> {
        if self.scopes.has(scope) {
            Ok(())
        } else {
            Err(ServiceError::Forbidden {
                needs: scope.as_str().into(),
            })
        }
    }

    /// Whether they may do this, and are not limited to other flows.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Forbidden`] names the scope, or the flow that the key is not for.
    pub fn may_with(&self, scope: Scope, flow: &Kebab) -> Result<(), ServiceError> {
        self.may(scope)?;
        if self.is_for(flow) {
            Ok(())
        } else {
            Err(ServiceError::Forbidden {
                needs: format!("a key for the flow `{flow}`").into(),
            })
        }
    }

    /// Whether they may do this to the whole project: a key that is limited to flows may not.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Forbidden`] says what is missing.
    pub fn may_everywhere(&self, scope: Scope) -> Result<(), ServiceError> {
        self.may(scope)?;
        if self.flows.is_none() {
            Ok(())
        } else {
            Err(ServiceError::Forbidden {
                needs: "a key that is not limited to flows".into(),
            })
        }
    }

    /// Whether they are not limited to other flows than this one.
    pub fn is_for(&self, flow: &Kebab) -> bool {
        let Some(flows) = &self.flows else {
            return true;
        };
        flows.contains(flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_imply_what_they_say() {
        use Scope::{Admin, Deploy, Read, Run};
        for (given, has, stated) in [
            (vec![Admin], vec![Admin, Deploy, Run, Read], vec![Admin]),
            (vec![Deploy], vec![Deploy, Run, Read], vec![Deploy]),
            (vec![Run], vec![Run], vec![Run]),
            (vec![Read, Run], vec![Run, Read], vec![Run, Read]),
            (vec![Run, Deploy], vec![Deploy, Run, Read], vec![Deploy]),
            (vec![], vec![], vec![]),
        ] {
            let scopes: Scopes = given.iter().copied().collect();
            let allowed: Vec<_> = Scope::ALL.into_iter().filter(|&s| scopes.has(s)).collect();
            assert_eq!(allowed, has, "{given:?}");
            assert_eq!(scopes.stated(), stated, "{given:?}");
        }
        assert_eq!("deploy".parse(), Ok(Deploy));
        assert!("root".parse::<Scope>().is_err());
    }

    #[test]
    fn a_key_is_for_its_flows() {
        let flow = |name: &str| name.parse::<Kebab>().expect("a name");
        let mut caller = Caller::host(flow("default"), flow("lockgate"), "dev");
        assert!(caller.may_with(Scope::Deploy, &flow("a")).is_ok());
        assert!(caller.may_everywhere(Scope::Admin).is_ok());
        caller.flows = Some([flow("a")].into());
        caller.scopes = [Scope::Run].into_iter().collect();
        assert!(caller.may_with(Scope::Run, &flow("a")).is_ok());
        assert!(caller.may_with(Scope::Run, &flow("b")).is_err());
        assert!(caller.may_with(Scope::Read, &flow("a")).is_err());
        assert!(caller.may_everywhere(Scope::Run).is_err());
    }
}
