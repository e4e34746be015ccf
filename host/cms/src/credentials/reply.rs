//! What servers answer that lend keys, read without repeating any of it.

use serde::Deserialize;

use super::Credentials;
use super::error::Why;
use crate::Secret;
use crate::http::{Answer, clean};

/// How much of an answer is read.
pub(super) const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// As STS, an instance's metadata and a credentials URI have it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Lent {
    code: Option<String>,
    access_key_id: String,
    access_key_secret: Secret,
    security_token: Secret,
    expiration: String,
}

/// STS's answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sts {
    credentials: Lent,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Coded {
    code: String,
}

impl Lent {
    fn credentials(self, what: &'static str) -> Result<Credentials, Why> {
        let expires = humantime::parse_rfc3339(&self.expiration);
        let expires = expires.map_err(|_| Why::NoAnswer(what))?;
        Ok(Credentials::new(self.access_key_id, self.access_key_secret)
            .with_token(self.security_token)
            .until(expires))
    }
}

/// The flat form, which has to say that it is one.
pub(super) fn flat(what: &'static str, answer: &Answer) -> Result<Credentials, Why> {
    succeeded(what, answer)?;
    let code: Option<Coded> = serde_json::from_slice(&answer.body).ok();
    if code.is_some_and(|coded| coded.code != "Success") {
        return Err(Why::NoSuccess(what));
    }
    // What serde would say may repeat what it read.
    let lent: Lent = serde_json::from_slice(&answer.body).map_err(|_| Why::NoAnswer(what))?;
    match &lent.code {
        Some(_) => lent.credentials(what),
        None => Err(Why::NoSuccess(what)),
    }
}

/// STS's form.
pub(super) fn sts(what: &'static str, answer: &Answer) -> Result<Credentials, Why> {
    succeeded(what, answer)?;
    let sts: Sts = serde_json::from_slice(&answer.body).map_err(|_| Why::NoAnswer(what))?;
    sts.credentials.credentials(what)
}

/// Whether HTTP says that it worked. If not, a code is told where there is one: no message, for STS's repeat what was signed.
pub(super) fn succeeded(what: &'static str, answer: &Answer) -> Result<(), Why> {
    let status = answer.status;
    if status == 200 {
        return Ok(());
    }
    let coded: Option<Coded> = serde_json::from_slice(&answer.body).ok();
    let is_code = |code: &String| {
        code.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    match coded.map(|coded| coded.code).filter(is_code) {
        Some(code) => Err(Why::Refused {
            what,
            status,
            code: clean(&code),
        }),
        None => Err(Why::Status { what, status }),
    }
}
