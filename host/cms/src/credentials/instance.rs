//! The role of the ECS instance that this runs on, by its metadata service: version 2, which hands out a token first, and version 1
//! where that does not work and is not forbidden.

use std::time::Duration;

use reqwest::header::CONTENT_LENGTH;
use reqwest::{RequestBuilder, Url};
use zeroize::Zeroizing;

use super::Credentials;
use super::error::Why;
use super::provider::Places;
use super::reply::{self, MAX_ANSWER_BYTES};
use crate::http;
use crate::http::Answer;

const METADATA: &str = "the instance's metadata";

const DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";

/// It is on this machine's own link, or nowhere.
const PATIENCE: Duration = Duration::from_secs(1);

const TOKEN: &str = "/latest/api/token";

const ROLES: &str = "/latest/meta-data/ram/security-credentials/";

/// How long a token is for. One is asked for at each refresh.
const TOKEN_SECONDS: &str = "21600";

const MAX_TOKEN_BYTES: usize = 4096;

/// The key of a role. Without a name it is the instance's.
pub(super) async fn role(places: &Places, name: Option<String>) -> Result<Credentials, Why> {
    let environment = &places.environment;
    if environment.is_true(DISABLED) {
        return Err(Why::Disabled(DISABLED));
    }
    let base = Url::parse(&places.metadata).map_err(|_| Why::Address(METADATA))?;
    // No proxy can reach what is on this machine's own link, and none should see the answer.
    let client = http::client(&base, false).map_err(exchange)?;
    let metadata = Metadata {
        places,
        client,
        base,
    };
    let token = match metadata.token().await {
        Ok(token) => Some(token),
        Err(why) if environment.is_true("ALIBABA_CLOUD_IMDSV1_DISABLED") => return Err(why),
        Err(_) => None,
    };
    let name = match name.or_else(|| environment.get("ALIBABA_CLOUD_ECS_METADATA")) {
        Some(name) => name,
        None => metadata.role(token.as_ref()).await?,
    };
    let is_char = |char: char| char.is_ascii_alphanumeric() || "._@-".contains(char);
    if !(1..=64).contains(&name.len()) || !name.chars().all(is_char) {
        return Err(Why::Role);
    }
    let answer = metadata
        .get(&format!("{ROLES}{name}"), token.as_ref())
        .await?;
    reply::flat(METADATA, &answer)
}

struct Metadata<'a> {
    places: &'a Places,
    client: reqwest::Client,
    base: Url,
}

impl Metadata<'_> {
    async fn token(&self) -> Result<Zeroizing<String>, Why> {
        let ttl = "X-aliyun-ecs-metadata-token-ttl-seconds";
        let request = self.client.put(self.url(TOKEN));
        let request = request.header(ttl, TOKEN_SECONDS);
        let request = request.header(CONTENT_LENGTH, "0");
        let token = text(&self.send(request).await?)?;
        let is_token = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !is_token {
            return Err(Why::NoAnswer(METADATA));
        }
        Ok(token)
    }

    /// The role that the instance has: the first line of a list of one.
    async fn role(&self, token: Option<&Zeroizing<String>>) -> Result<String, Why> {
        let answer = self.get(ROLES, token).await?;
        let text = text(&answer)?;
        Ok(text.lines().next().unwrap_or_default().trim().to_owned())
    }

    async fn get(&self, path: &str, token: Option<&Zeroizing<String>>) -> Result<Answer, Why> {
        let mut request = self.client.get(self.url(path));
        if let Some(token) = token {
            request = request.header("X-aliyun-ecs-metadata-token", token.as_str());
        }
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Why> {
        let answer = http::exchange(request, &self.places.clock, PATIENCE, MAX_ANSWER_BYTES);
        let answer = answer.await.map_err(exchange)?;
        reply::succeeded(METADATA, &answer)?;
        Ok(answer)
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }
}

fn text(answer: &Answer) -> Result<Zeroizing<String>, Why> {
    let text = std::str::from_utf8(&answer.body).map_err(|_| Why::NoAnswer(METADATA))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn exchange(source: http::ExchangeError) -> Why {
    let what = METADATA;
    Why::Exchange { what, source }
}
