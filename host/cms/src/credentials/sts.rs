//! STS, which lends a role's key: to who has a token of an OIDC provider, or a key that may take the role.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::CONTENT_LENGTH;
use zeroize::Zeroizing;

use super::Credentials;
use super::error::Why;
use super::provider::Places;
use super::reply::{self, MAX_ANSWER_BYTES};
use crate::clock::timestamp;
use crate::endpoint::is_region;
use crate::signature::query;
use crate::{client, http, sign};

const STS: &str = "STS";

const VERSION: &str = "2015-04-01";

const PATIENCE: Duration = Duration::from_secs(10);

/// How long a key is lent for, in seconds, if nothing else is asked for; and what may be asked for.
const USUAL_SECONDS: u64 = 3_600;
const SECONDS: std::ops::RangeInclusive<u64> = 900..=43_200;

/// The longest token of an OIDC provider. It has to fit into an address.
const MAX_TOKEN_BYTES: u64 = 16 * 1024;

/// A role to take.
#[derive(Default)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session: Option<String>,
    pub(super) seconds: Option<u64>,
    pub(super) policy: Option<String>,
    pub(super) external_id: Option<String>,
    /// Of the server to ask. If there is none, the variables say which.
    pub(super) region: Option<String>,
    pub(super) in_vpc: Option<bool>,
}

/// Takes a role with a token of an OIDC provider. The file is read each time: what writes it replaces the token.
pub(super) async fn with_oidc(
    places: &Places,
    role: Role,
    provider_arn: String,
    token_file: PathBuf,
) -> Result<Credentials, Why> {
    let token = super::file::read(&token_file, MAX_TOKEN_BYTES, &places.clock).await?;
    let mut parameters = role.parameters(places, "AssumeRoleWithOIDC");
    let now = timestamp(&places.clock);
    let own = [
        ("Format", "JSON".to_owned()),
        ("Version", VERSION.to_owned()),
        ("Timestamp", now),
        ("OIDCProviderArn", provider_arn),
        ("OIDCToken", token.trim().to_owned()),
    ];
    parameters.extend(own.map(|(name, value)| (name.to_owned(), value)));
    ask(places, &role, parameters).await
}

/// Takes a role with a key.
pub(super) async fn with_key(
    places: &Places,
    role: Role,
    key: &Credentials,
) -> Result<Credentials, Why> {
    let mut parameters = role.parameters(places, "AssumeRole");
    let now = timestamp(&places.clock);
    parameters.extend(client::common("AssumeRole", VERSION, key, now));
    let signature = sign("POST", &parameters, key.access_key_secret.expose());
    parameters.insert("Signature".to_owned(), signature);
    ask(places, &role, parameters).await
}

async fn ask(
    places: &Places,
    role: &Role,
    parameters: BTreeMap<String, String>,
) -> Result<Credentials, Why> {
    let mut url = role.url(places)?;
    let query = Zeroizing::new(query(parameters.iter()));
    url.set_query(Some(&query));
    let exchange = |source| Why::Exchange { what: STS, source };
    let request = http::client(&url, true).map_err(exchange)?.post(url);
    let request = request.header(CONTENT_LENGTH, "0");
    let answer = http::exchange(request, &places.clock, PATIENCE, MAX_ANSWER_BYTES);
    let answer = answer.await.map_err(exchange)?;
    reply::sts(STS, &answer)
}

impl Role {
    fn parameters(&self, places: &Places, action: &str) -> BTreeMap<String, String> {
        let variable = || places.environment.get("ALIBABA_CLOUD_ROLE_SESSION_NAME");
        let session = self.session.clone().or_else(variable);
        let seconds = self.seconds.unwrap_or(USUAL_SECONDS);
        let seconds = seconds.clamp(*SECONDS.start(), *SECONDS.end());
        [
            ("Action", Some(action.to_owned())),
            ("RoleArn", Some(self.arn.clone())),
            (
                "RoleSessionName",
                session.or_else(|| Some("lockgate-cms".to_owned())),
            ),
            ("DurationSeconds", Some(seconds.to_string())),
            ("Policy", self.policy.clone()),
            ("ExternalId", self.external_id.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
        .collect()
    }

    fn url(&self, places: &Places) -> Result<Url, Why> {
        if let Some(sts) = &places.sts {
            return Url::parse(sts).map_err(|_| Why::Address("STS"));
        }
        let variable = || places.environment.get("ALIBABA_CLOUD_STS_REGION");
        let region = self.region.clone().filter(|region| !region.is_empty());
        let in_vpc = self.in_vpc.unwrap_or_else(|| {
            places
                .environment
                .is_true("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED")
        });
        let host = match region.or_else(variable) {
            Some(region) if !is_region(&region) => return Err(Why::Region("STS's region")),
            Some(region) if in_vpc => format!("sts-vpc.{region}.aliyuncs.com"),
            Some(region) => format!("sts.{region}.aliyuncs.com"),
            None => "sts.aliyuncs.com".to_owned(),
        };
        Url::parse(&format!("https://{host}")).map_err(|_| Why::Address("STS"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{ChainConfig, Environment};
    use super::*;
    use crate::SystemClock;

    fn url(role: &Role, variables: &[(&str, &str)]) -> Result<String, String> {
        let variables: BTreeMap<_, _> = variables
            .iter()
            .map(|(name, value)| (format!("ALIBABA_CLOUD_{name}"), (*value).to_owned()))
            .collect();
        let environment = Environment::of(move |name| variables.get(name).cloned());
        let places = Places::new(ChainConfig::new(environment, None), Arc::new(SystemClock));
        let url = role.url(&places);
        url.map(|url| url.to_string())
            .map_err(|why| why.to_string())
    }

    #[test]
    fn the_server_is_the_roles_or_the_variables() {
        let of = |region: Option<&str>, in_vpc| Role {
            region: region.map(str::to_owned),
            in_vpc,
            ..Role::default()
        };
        let region = ("STS_REGION", "cn-beijing");
        let vpc = ("VPC_ENDPOINT_ENABLED", "true");
        for (role, variables, host) in [
            (of(None, None), &[][..], "sts.aliyuncs.com"),
            (of(None, None), &[region], "sts.cn-beijing.aliyuncs.com"),
            (
                of(None, None),
                &[region, vpc],
                "sts-vpc.cn-beijing.aliyuncs.com",
            ),
            (
                of(None, Some(false)),
                &[region, vpc],
                "sts.cn-beijing.aliyuncs.com",
            ),
            // There is none without a region.
            (of(None, Some(true)), &[], "sts.aliyuncs.com"),
            (
                of(Some("cn-hangzhou"), Some(true)),
                &[region],
                "sts-vpc.cn-hangzhou.aliyuncs.com",
            ),
            (of(Some(""), None), &[region], "sts.cn-beijing.aliyuncs.com"),
        ] {
            assert_eq!(url(&role, variables), Ok(format!("https://{host}/")));
        }
    }

    #[test]
    fn a_region_cannot_name_another_server() {
        let refused = Err("STS's region is no name of a region".to_owned());
        for region in ["evil.example/", "a@evil", "a.b", "x#", "-", "A"] {
            let role = Role {
                region: Some(region.to_owned()),
                ..Role::default()
            };
            assert_eq!(url(&role, &[]), refused, "{region}");
            assert_eq!(url(&Role::default(), &[("STS_REGION", region)]), refused);
        }
    }
}
