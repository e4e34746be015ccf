//! A server that hands out keys, named by a variable.

use std::time::Duration;

use reqwest::Url;

use super::Credentials;
use super::error::Why;
use super::provider::Places;
use super::reply::{self, MAX_ANSWER_BYTES};
use crate::http;

const URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn credentials(places: &Places) -> Result<Credentials, Why> {
    let uri = places.environment.get(URI).ok_or(Why::Unset(URI))?;
    let uri = Url::parse(&uri).ok();
    let uri = uri
        .filter(|uri| matches!(uri.scheme(), "http" | "https"))
        .ok_or(Why::Address(URI))?;
    let exchange = |source| Why::Exchange { what: URI, source };
    let request = http::client(&uri, true).map_err(exchange)?.get(uri);
    let answer = http::exchange(request, &places.clock, PATIENCE, MAX_ANSWER_BYTES);
    reply::flat(URI, &answer.await.map_err(exchange)?)
}
