//! Calls of CMS: one request each, tried once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_LENGTH;

use crate::clock::timestamp;
use crate::credentials::Credentials;
use crate::http::{self, ExchangeError};
use crate::signature::query;
use crate::{CallError, Clock, CredentialChain, Datum, Endpoint, Rule, answer, sign};

/// How many entries a report has at most. The API's page says so; the page about limits says 100.
pub const MAX_ENTRIES: usize = 21;

/// How long the entries of a report may be together, as a part of a query. CMS takes 256 KiB, but not everything between here and there
/// takes such an address.
pub const MAX_QUERY_BYTES: usize = 16 * 1024;

/// The version of the API.
const VERSION: &str = "2019-01-01";

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Calls CMS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
    credentials: Arc<CredentialChain>,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
}

impl Client {
    /// A client of a gateway.
    ///
    /// # Errors
    ///
    /// The machine has no certificates that a server could be known by.
    pub fn new(
        endpoint: Endpoint,
        credentials: Arc<CredentialChain>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CallError> {
        let http = http::client(&endpoint.url, true)?;
        Ok(Self {
            endpoint,
            credentials,
            clock,
            http,
        })
    }

    /// Reports entries: all or none are taken, and nothing is tried again.
    ///
    /// # Errors
    ///
    /// As [`CallError`] has them. More than [`MAX_ENTRIES`], and no entry at all, are refused by CMS.
    pub async fn put_custom_metric(&self, data: &[Datum]) -> Result<(), CallError> {
        let entries = data.iter().zip(1..);
        let parameters = entries.flat_map(|(datum, index)| datum.parameters(index));
        self.call("PutCustomMetric", parameters.collect()).await
    }

    /// Makes an alarm rule, or changes the one of the same id.
    ///
    /// # Errors
    ///
    /// As [`CallError`] has them.
    pub async fn put_custom_metric_rule(&self, rule: &Rule) -> Result<(), CallError> {
        self.call("PutCustomMetricRule", rule.parameters()).await
    }

    /// The endpoint that it calls.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whose key signs what it sends.
    pub fn credentials(&self) -> &CredentialChain {
        &self.credentials
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Each call has a nonce and a timestamp of its own: the gateway takes none twice.
    async fn call(
        &self,
        action: &str,
        mut parameters: BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        let credentials = self.credentials.get().await?;
        let now = timestamp(&self.clock);
        parameters.extend(common(action, VERSION, &credentials, now));
        let signature = sign("POST", &parameters, credentials.access_key_secret.expose());
        parameters.insert("Signature".to_owned(), signature);
        let mut url = self.endpoint.url.clone();
        url.set_query(Some(&query(parameters.iter())));
        // There is no body, and servers may insist on being told so.
        let request = self.http.post(url).header(CONTENT_LENGTH, "0");
        let answer = http::exchange(request, &self.clock, PATIENCE, MAX_ANSWER_BYTES).await?;
        let taken = answer::classify(&answer, &credentials);
        if is_about_who_asks(&taken) {
            self.credentials.doubt(&credentials);
        }
        taken
    }
}

/// What every signed request says beside its own parameters.
pub(crate) fn common(
    action: &str,
    version: &str,
    credentials: &Credentials,
    now: String,
) -> impl Iterator<Item = (String, String)> {
    let token = credentials.security_token.as_ref();
    let nonce = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    [
        ("Format", "JSON".to_owned()),
        ("Version", version.to_owned()),
        ("AccessKeyId", credentials.access_key_id.clone()),
        ("SignatureMethod", "HMAC-SHA1".to_owned()),
        ("SignatureVersion", "1.0".to_owned()),
        ("SignatureNonce", nonce.to_string()),
        ("Timestamp", now),
        ("Action", action.to_owned()),
    ]
    .into_iter()
    .chain(token.map(|token| ("SecurityToken", token.expose().to_owned())))
    .map(|(name, value)| (name.to_owned(), value))
}

fn is_about_who_asks(taken: &Result<(), CallError>) -> bool {
    let kind = crate::RefusalKind::Authentication;
    matches!(taken, Err(CallError::Refused(refusal)) if refusal.kind == kind)
}

impl From<ExchangeError> for CallError {
    fn from(error: ExchangeError) -> Self {
        Self::Retryable {
            reason: error.to_string(),
        }
    }
}
