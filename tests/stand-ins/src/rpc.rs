//! Requests of Alibaba Cloud's RPC style, checked as its gateway does: the form of the query, who signed it, when, and whether it came
//! before.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::percent_decode_str;
use sha1::Sha1;

use crate::http::{Reply, Request, said};

/// How far a timestamp may be from the server's clock.
const TOLERANCE: Duration = Duration::from_secs(15 * 60);

/// The parameters that each signed request has.
const COMMON: [&str; 9] = [
    "Format",
    "Version",
    "AccessKeyId",
    "SignatureMethod",
    "SignatureVersion",
    "SignatureNonce",
    "Timestamp",
    "Action",
    "Signature",
];

/// What signed requests may have, too. The older SDK sends the last two.
const OPTIONAL: [&str; 3] = ["SecurityToken", "RegionId", "SignatureType"];

/// A key that a server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The token that has to come with it.
    pub token: Option<String>,
}

impl Key {
    /// One of these texts, without a token.
    pub fn new(id: &str, secret: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            token: None,
        }
    }

    /// One with a token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }
}

/// The nonces that came, until their timestamps would be too old anyway.
#[derive(Debug, Default)]
pub(crate) struct Nonces(HashMap<(String, String), SystemTime>);

/// The parameters of a query, each once.
pub(crate) fn parameters(request: &Request) -> Result<BTreeMap<String, String>, Reply> {
    let refused = |message: &str| said(400, "InvalidParameter", message);
    if request.path != "/" {
        return Err(said(404, "InvalidAction.NotFound", "the path is not /"));
    }
    if !matches!(request.method.as_str(), "GET" | "POST") {
        return Err(said(405, "UnsupportedHTTPMethod", "neither GET nor POST"));
    }
    if !request.body.is_empty() {
        return Err(refused("the body is not empty"));
    }
    let mut parameters = BTreeMap::new();
    for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name), decode(value)) else {
            return Err(refused("the query is no UTF-8"));
        };
        if parameters.insert(name, value).is_some() {
            return Err(refused("a parameter comes twice"));
        }
    }
    Ok(parameters)
}

/// Checks who signed a request. Gives the action, and what is its own of the parameters.
pub(crate) fn authenticate(
    request: &Request,
    version: &str,
    keys: &[Key],
    nonces: &mut Nonces,
    now: SystemTime,
) -> Result<(String, BTreeMap<String, String>), Reply> {
    let all = parameters(request)?;
    for name in COMMON {
        if all.get(name).is_none_or(String::is_empty) {
            return Err(said(400, &format!("Missing{name}"), "it is mandatory"));
        }
    }
    for (name, value, code) in [
        ("Format", "JSON", "InvalidFormat"),
        ("Version", version, "InvalidVersion"),
        ("SignatureMethod", "HMAC-SHA1", "InvalidSignatureMethod"),
        ("SignatureVersion", "1.0", "InvalidSignatureVersion"),
    ] {
        if !all[name].eq_ignore_ascii_case(value) {
            return Err(said(400, code, "not what this server knows"));
        }
    }
    let key = keys.iter().find(|key| key.id == all["AccessKeyId"]);
    let key = key.ok_or_else(|| said(404, "InvalidAccessKeyId.NotFound", "there is none"))?;
    match (&key.token, all.get("SecurityToken")) {
        (None, None) => {}
        (Some(wanted), Some(given)) if wanted == given => {}
        (Some(_), None) => return Err(said(400, "MissingSecurityToken", "it is mandatory")),
        _ => {
            return Err(said(
                400,
                "InvalidSecurityToken.Malformed",
                "not of this key",
            ));
        }
    }
    let signed = string_to_sign(&request.method, &all);
    if !verifies(&signed, &key.secret, &all["Signature"]) {
        // As the real one does, with all that was signed.
        let message = format!("not matched: server string to sign is:{signed}");
        return Err(said(400, "SignatureDoesNotMatch", &message));
    }
    nonces.check(&key.id, &all["SignatureNonce"], &all["Timestamp"], now)?;
    let own = |(name, _): &(String, String)| {
        !COMMON.contains(&name.as_str()) && !OPTIONAL.contains(&name.as_str())
    };
    let action = all["Action"].clone();
    Ok((action, all.into_iter().filter(own).collect()))
}

impl Nonces {
    fn check(
        &mut self,
        key: &str,
        nonce: &str,
        timestamp: &str,
        now: SystemTime,
    ) -> Result<(), Reply> {
        let at = (timestamp.len() == 20).then(|| humantime::parse_rfc3339(timestamp).ok());
        let Some(at) = at.flatten() else {
            return Err(said(
                400,
                "InvalidTimeStamp.Format",
                "not as 2016-02-23T12:46:24Z",
            ));
        };
        let apart = now.duration_since(at).or_else(|_| at.duration_since(now));
        if apart.unwrap_or_default() > TOLERANCE {
            return Err(said(
                400,
                "InvalidTimeStamp.Expired",
                "more than 15 minutes",
            ));
        }
        self.0.retain(|_, at| *at + 2 * TOLERANCE > now);
        let before = self.0.insert((key.to_owned(), nonce.to_owned()), at);
        match before {
            Some(_) => Err(said(400, "SignatureNonceUsed", "it came before")),
            None => Ok(()),
        }
    }
}

fn verifies(signed: &str, secret: &str, signature: &str) -> bool {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()) else {
        return false;
    };
    mac.update(signed.as_bytes());
    let given = BASE64_STANDARD.decode(signature);
    given.is_ok_and(|given| mac.verify_slice(&given).is_ok())
}

pub(crate) fn string_to_sign(method: &str, parameters: &BTreeMap<String, String>) -> String {
    let signed = parameters.iter().filter(|(name, _)| *name != "Signature");
    let pairs: Vec<_> = signed
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    format!("{method}&{}&{}", encode("/"), encode(&pairs.join("&")))
}

/// As forms are decoded: one of the official SDKs sends `+` for a space.
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', "%20");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.ok().map(|text| text.into_owned())
}

/// Byte by byte, as the documentation says it.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
