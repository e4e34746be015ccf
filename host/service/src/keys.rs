//! Keys: made, found, revoked. A key is shown once, when it is made; what is kept is its SHA-256. It is random, so a plain
//! hash is enough.
//!
//! Works without a running host: `lockgate key` changes the store beside it, and the host looks again after a second.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockgate_model::Kebab;
use lockgate_store::{KeyRow, Store, StoreError};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Caller, Moment, Scope, Scopes, ServiceError, audit};

/// What every key starts with.
pub const KEY_PREFIX: &str = "lg_";

/// The longest name of a key, in bytes.
pub const MAX_KEY_NAME_BYTES: usize = 64;

/// How many flows a key is limited to at most.
pub const MAX_KEY_FLOWS: usize = 100;

/// How long a key that was found is taken to be in force: as long as a revoked one may still be used.
const REMEMBERED: Duration = Duration::from_secs(1);

/// How many keys are remembered; with more, all are forgotten and looked up again.
const MAX_REMEMBERED: usize = 1_024;

/// Keys of a store.
#[derive(Clone)]
pub struct Keys {
    store: Store,
    found: Arc<Mutex<HashMap<[u8; 32], Found>>>,
}

struct Found {
    at: Instant,
    caller: Caller,
}

/// How a key is made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its project.
    pub project: Kebab,
    /// The publisher of the plugins that are uploaded with it.
    pub publisher: Kebab,
    /// What people and the audit log call it: printable, at most [`MAX_KEY_NAME_BYTES`], different from the other keys in
    /// force of its project.
    pub name: String,
    /// What it may do; at least one.
    pub scopes: Vec<Scope>,
    /// The flows that it is limited to, at most [`MAX_KEY_FLOWS`]; None: all.
    pub flows: Option<Vec<Kebab>>,
}

/// A key, without what makes it one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyView {
    /// What names it in rows and logs; no secret.
    pub key: Uuid,
    /// Its project.
    #[schema(value_type = String)]
    pub project: Kebab,
    /// The publisher of the plugins that are uploaded with it.
    #[schema(value_type = String)]
    pub publisher: Kebab,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The flows that it is limited to; null: all.
    #[schema(value_type = Option<Vec<String>>)]
    pub flows: Option<Vec<Kebab>>,
    /// When it was made.
    pub created_at: Moment,
    /// When it was revoked; null: it is in force.
    pub revoked_at: Option<Moment>,
}

/// A key that was made just now.
#[derive(Clone)]
pub struct MadeKey {
    /// What is kept of it.
    pub view: KeyView,
    /// The key itself. Shown once.
    pub secret: String,
}

impl fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MadeKey")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// The keys of a store.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            found: Arc::default(),
        }
    }

    /// Makes a key. `by` is who does, for the audit log.
    ///
    /// # Errors
    ///
    /// Its name is none or taken, it has no scope, or too many flows.
    pub async fn create(&self, new: NewKey, by: &Caller) -> Result<MadeKey, ServiceError> {
        check(&new)?;
        let secret = random(KEY_PREFIX);
        let at = Moment::of(SystemTime::now()).0;
        let scopes: Scopes = new.scopes.into_iter().collect();
        let scopes: Vec<_> = scopes
            .stated()
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect();
        let row = KeyRow {
            id: Uuid::now_v7(),
            project: new.project,
            publisher: new.publisher,
            name: new.name,
            hash: hash(&secret),
            scopes,
            flows: new.flows,
            created_at: at,
            revoked_at: None,
        };
        let detail = json!({ "key": row.id, "scopes": row.scopes, "flows": row.flows });
        let mut audit = audit::row(by, at, "key.create", &row.name, &detail);
        audit.project = row.project.clone();
        match self.store.add_key(row.clone(), audit).await {
            Ok(()) => Ok(MadeKey {
                view: KeyView::from(row),
                secret,
            }),
            Err(StoreError::Taken { .. }) => Err(ServiceError::InvalidRequest(format!(
                "a key in force of the project `{}` has the name `{}` already",
                row.project,
                row.name.escape_debug()
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// All keys of all projects, the oldest first, with those that were revoked.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn list(&self) -> Result<Vec<KeyView>, ServiceError> {
        let keys = self.store.keys().await?;
        Ok(keys.into_iter().map(KeyView::from).collect())
    }

    /// Revokes a key, by its id or by its name where only one key in force has it. A host that runs takes it for at most
    /// a second more.
    ///
    /// # Errors
    ///
    /// There is no such key in force, or more than one.
    pub async fn revoke(&self, which: &str, by: &Caller) -> Result<KeyView, ServiceError> {
        let keys = self.store.keys().await?;
        let id: Option<Uuid> = which.parse().ok();
        let mut fitting = keys.into_iter().filter(|key| {
            key.revoked_at.is_none() && (Some(key.id) == id || id.is_none() && key.name == which)
        });
        let gone = || ServiceError::not_found("key in force", which);
        let mut row = fitting.next().ok_or_else(gone)?;
        if fitting.next().is_some() {
            return Err(ServiceError::InvalidRequest(format!(
                "more than one key has the name `{}`: give its id",
                which.escape_debug()
            )));
        }
        let at = Moment::of(SystemTime::now()).0;
        let mut audit = audit::row(by, at, "key.revoke", &row.name, &json!({ "key": row.id }));
        audit.project = row.project.clone();
        if !self.store.revoke_key(&row.id, at, audit).await? {
            return Err(gone());
        }
        self.remembered().clear();
        row.revoked_at = Some(at);
        Ok(KeyView::from(row))
    }

    /// Who has this key, if it is one that is in force.
    ///
    /// Only keys that are in force are remembered, so that guessing fills no memory; a guess costs one look into an index.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn authenticate(
        &self,
        secret: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<Caller>, ServiceError> {
        if secret.len() != KEY_PREFIX.len() + RANDOM_CHARS || !secret.starts_with(KEY_PREFIX) {
            return Ok(None);
        }
        let hash = hash(secret);
        let now = Instant::now();
        let known = self.remembered().get(&hash).and_then(|found| {
            let is_fresh = now.duration_since(found.at) < REMEMBERED;
            is_fresh.then(|| found.caller.clone())
        });
        let caller = match known {
            Some(caller) => caller,
            None => match self.store.key_by_hash(&hash).await? {
                Some(row) if row.revoked_at.is_none() => self.remember(hash, now, row),
                _ => {
                    self.remembered().remove(&hash);
                    return Ok(None);
                }
            },
        };
        Ok(Some(Caller { address, ..caller }))
    }

    fn remember(&self, hash: [u8; 32], at: Instant, row: KeyRow) -> Caller {
        let scopes = row.scopes.iter().filter_map(|scope| scope.parse().ok());
        let caller = Caller {
            project: row.project,
            publisher: row.publisher,
            key: Some(row.id),
            name: row.name.into(),
            scopes: scopes.collect::<Vec<Scope>>().into_iter().collect(),
            flows: row.flows.map(Arc::from),
            address: None,
        };
        let mut found = self.remembered();
        if found.len() >= MAX_REMEMBERED {
            found.clear();
        }
        let entry = Found {
            at,
            caller: caller.clone(),
        };
        found.insert(hash, entry);
        caller
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<KeyRow> for KeyView {
    fn from(row: KeyRow) -> Self {
        Self {
            key: row.id,
            project: row.project,
            publisher: row.publisher,
            name: row.name,
            scopes: row.scopes,
            flows: row.flows,
            created_at: Moment(row.created_at),
            revoked_at: row.revoked_at.map(Moment),
        }
    }
}

fn check(new: &NewKey) -> Result<(), ServiceError> {
    let name = &new.name;
    let wrong = if name.is_empty() || name.len() > MAX_KEY_NAME_BYTES {
        format!("a key's name has 1 to {MAX_KEY_NAME_BYTES} bytes")
    } else if name.chars().any(char::is_control) || name.trim() != name {
        "a key's name has no control characters, and no space around it".to_owned()
    } else if name.parse::<Uuid>().is_ok() {
        "a key's name is no UUID: that is what ids are".to_owned()
    } else if new.scopes.is_empty() {
        "a key has at least one scope".to_owned()
    } else if new.flows.as_ref().is_some_and(Vec::is_empty) {
        "a key that is limited to flows has at least one".to_owned()
    } else if new.flows.as_ref().is_some_and(|f| f.len() > MAX_KEY_FLOWS) {
        format!("a key is limited to at most {MAX_KEY_FLOWS} flows")
    } else {
        return Ok(());
    };
    Err(ServiceError::InvalidRequest(wrong))
}

/// How many characters 32 bytes are in base64url.
const RANDOM_CHARS: usize = 43;

/// A secret of 32 random bytes: `prefix` and 43 characters of base64url.
pub(crate) fn random(prefix: &str) -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a secret.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use lockgate_store::StoreConfig;

    use super::*;

    #[test]
    fn secrets_are_random_and_as_long_as_they_say() {
        let (one, two) = (random(KEY_PREFIX), random(KEY_PREFIX));
        assert_eq!(one.len(), KEY_PREFIX.len() + RANDOM_CHARS);
        assert_ne!(one, two);
        assert_ne!(hash(&one), hash(&two));
    }

    #[tokio::test]
    async fn a_revoked_key_is_remembered_for_a_second_and_so_many_are_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(StoreConfig::new(folder.path())).await;
        let store = store.expect("a store");
        // A host, and a command beside it.
        let (host, command) = (Keys::new(store.clone()), Keys::new(store));
        let project: Kebab = "default".parse().expect("a name");
        let cli = Caller::host(project.clone(), project.clone(), "cli");
        let new = NewKey {
            project: project.clone(),
            publisher: project,
            name: "k".to_owned(),
            scopes: vec![Scope::Run],
            flows: None,
        };
        let made = command.create(new, &cli).await.expect("a key");
        let found = async || {
            let found = host.authenticate(&made.secret, None).await;
            found.expect("an answer").is_some()
        };
        assert!(found().await);
        command.revoke("k", &cli).await.expect("a key");
        for entry in host.remembered().values_mut() {
            entry.at += REMEMBERED; // as if it were found later: still fresh
        }
        assert!(found().await);
        for entry in host.remembered().values_mut() {
            entry.at = entry.at.checked_sub(3 * REMEMBERED).expect("an uptime");
        }
        assert!(!found().await);
        assert!(
            host.remembered().is_empty(),
            "what is not in force is not remembered"
        );

        let caller = Found {
            at: Instant::now(),
            caller: cli,
        };
        for index in 0..MAX_REMEMBERED {
            let (at, caller) = (caller.at, caller.caller.clone());
            let found = Found { at, caller };
            host.remembered().insert(hash(&index.to_string()), found);
        }
        let row = command.store.keys().await.expect("keys").remove(0);
        host.remember([0; 32], Instant::now(), row);
        assert_eq!(host.remembered().len(), 1);
    }
}
