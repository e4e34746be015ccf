//! Servers that lend keys: STS, and one that stands behind a credentials URI.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::http::{Handler, Reply, Request, Server, said};
use crate::rpc::{Key, Nonces, authenticate, parameters};
use crate::{Fault, Faults, Now, VirtualTime};

/// A key that is lent until a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lent {
    /// The key, with its token.
    pub key: Key,
    /// Until when.
    pub expires: SystemTime,
}

impl Lent {
    fn json(&self) -> Value {
        json!({
            "AccessKeyId": self.key.id,
            "AccessKeySecret": self.key.secret,
            "SecurityToken": self.key.token,
            "Expiration": humantime::format_rfc3339_seconds(self.expires).to_string(),
        })
    }

    /// As an instance's metadata and a credentials URI have it.
    pub(crate) fn flat(&self) -> String {
        let mut flat = self.json();
        flat["Code"] = json!("Success");
        flat.to_string()
    }
}

/// STS: lends a role's key to who has an OIDC provider's token, or a key that may take the role. It ends when this is dropped.
#[derive(Debug)]
pub struct Identity {
    server: Server,
    sts: Arc<Sts>,
}

#[derive(Debug)]
struct Sts {
    key: Key,
    oidc_token: Mutex<String>,
    now: SecretNow,
    time: Option<VirtualTime>,
    faults: Faults,
    lent: Mutex<Lent>,
    nonces: Mutex<Nonces>,
    asked: Mutex<Vec<BTreeMap<String, String>>>,
}

/// For `Debug`.
struct SecretNow(Now);

impl std::fmt::Debug for SecretNow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Identity {
    /// Starts one that lends a key to who has `key`, or the token `oidc_token`.
    ///
    /// # Errors
    ///
    /// No address is free.
    pub async fn start(
        key: Key,
        oidc_token: &str,
        lent: Lent,
        time: Option<&VirtualTime>,
    ) -> io::Result<Self> {
        let now: Now = time.map_or_else(|| Arc::new(SystemTime::now) as Now, VirtualTime::teller);
        let sts = Arc::new(Sts {
            key,
            oidc_token: Mutex::new(oidc_token.to_owned()),
            now: SecretNow(now),
            time: time.cloned(),
            faults: Faults::default(),
            lent: Mutex::new(lent),
            nonces: Mutex::default(),
            asked: Mutex::default(),
        });
        let server = Server::start(sts.clone()).await?;
        Ok(Self { server, sts })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.sts.faults
    }

    /// Lends another key from now on.
    pub fn lend(&self, lent: Lent) {
        *lock(&self.sts.lent) = lent;
    }

    /// Takes another token from now on, and no longer the one before.
    pub fn expect_token(&self, oidc_token: &str) {
        oidc_token.clone_into(&mut lock(&self.sts.oidc_token));
    }

    /// What was asked, and granted: the parameters of each request.
    pub fn asked(&self) -> Vec<BTreeMap<String, String>> {
        lock(&self.sts.asked).clone()
    }
}

impl Handler for Sts {
    fn fault(&self) -> Option<Fault> {
        self.faults.next()
    }

    fn answer(&self, request: &Request) -> Reply {
        match self.assume(request) {
            Ok(reply) => reply,
            Err(reply) => reply,
        }
    }

    fn time(&self) -> Option<&VirtualTime> {
        self.time.as_ref()
    }
}

impl Sts {
    fn assume(&self, request: &Request) -> Result<Reply, Reply> {
        let all = parameters(request)?;
        match all.get("Action").map(String::as_str) {
            Some("AssumeRole") => {
                let keys = std::slice::from_ref(&self.key);
                let now = (self.now.0)();
                authenticate(request, "2015-04-01", keys, &mut lock(&self.nonces), now)?;
                need(&all, &["RoleArn", "RoleSessionName"])?;
            }
            Some("AssumeRoleWithOIDC") => {
                need(&all, &["Version", "Timestamp", "Format"])?;
                need(
                    &all,
                    &["RoleArn", "RoleSessionName", "OIDCProviderArn", "OIDCToken"],
                )?;
                if all.contains_key("Signature") {
                    return Err(said(400, "InvalidParameter", "this is not signed"));
                }
                if all["Version"] != "2015-04-01" {
                    return Err(said(400, "InvalidVersion", "not 2015-04-01"));
                }
                if all["OIDCToken"] != *lock(&self.oidc_token) {
                    // As the real one does, with what it was given.
                    let message = format!("the token {} is not valid", all["OIDCToken"]);
                    return Err(said(400, "AuthenticationFail.OIDCToken.Invalid", &message));
                }
            }
            _ => return Err(said(404, "InvalidAction.NotFound", "there is none")),
        }
        let seconds = all
            .get("DurationSeconds")
            .map(|seconds| seconds.parse::<u32>());
        if !seconds
            .is_none_or(|seconds| seconds.is_ok_and(|seconds| (900..=43_200).contains(&seconds)))
        {
            return Err(said(
                400,
                "InvalidParameter.DurationSeconds",
                "900 to 43200",
            ));
        }
        lock(&self.asked).push(all);
        let body = json!({ "RequestId": "stand-in", "Credentials": lock(&self.lent).json() });
        Ok(Reply::new(200, body.to_string()))
    }
}

fn need(parameters: &BTreeMap<String, String>, names: &[&str]) -> Result<(), Reply> {
    let is_missing = |name: &&&str| parameters.get(**name).is_none_or(String::is_empty);
    match names.iter().find(is_missing) {
        Some(name) => Err(said(400, &format!("Missing{name}"), "it is mandatory")),
        None => Ok(()),
    }
}

/// What stands behind a credentials URI. It ends when this is dropped.
#[derive(Debug)]
pub struct UriServer {
    server: Server,
    uri: Arc<Uri>,
}

#[derive(Debug)]
struct Uri {
    time: Option<VirtualTime>,
    faults: Faults,
    lent: Mutex<Lent>,
}

impl UriServer {
    /// Starts one that lends a key to whoever asks.
    ///
    /// # Errors
    ///
    /// No address is free.
    pub async fn start(lent: Lent, time: Option<&VirtualTime>) -> io::Result<Self> {
        let uri = Arc::new(Uri {
            time: time.cloned(),
            faults: Faults::default(),
            lent: Mutex::new(lent),
        });
        let server = Server::start(uri.clone()).await?;
        Ok(Self { server, uri })
    }

    /// The URI.
    pub fn uri(&self) -> String {
        format!("{}/credentials?of=test", self.server.url())
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.uri.faults
    }

    /// Lends another key from now on.
    pub fn lend(&self, lent: Lent) {
        *lock(&self.uri.lent) = lent;
    }
}

impl Handler for Uri {
    fn fault(&self) -> Option<Fault> {
        self.faults.next()
    }

    fn answer(&self, request: &Request) -> Reply {
        match (
            request.method.as_str(),
            request.path.as_str(),
            request.query.as_str(),
        ) {
            ("GET", "/credentials", "of=test") => Reply::new(200, lock(&self.lent).flat()),
            _ => Reply::new(404, "not found"),
        }
    }

    fn time(&self) -> Option<&VirtualTime> {
        self.time.as_ref()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
