//! `~/.aliyun/config.json`, which the command `aliyun` writes: profiles, one of which is current.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::Why;
use super::provider::Places;
use super::sts::{self, Role};
use super::{Credentials, instance};
use crate::Secret;
use crate::http::clean;

/// The longest file that is read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct File<'a> {
    #[serde(default)]
    current: String,
    /// Each is read by itself: another profile may be of a form that is not known here.
    #[serde(borrow, default)]
    profiles: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// The command writes empty texts for what a profile does not have.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    mode: String,
    access_key_id: String,
    access_key_secret: Secret,
    sts_token: Secret,
    ram_role_name: String,
    ram_role_arn: String,
    ram_session_name: String,
    role_session_name: String,
    expired_seconds: Option<u64>,
    policy: String,
    external_id: String,
    sts_region: String,
    enable_vpc: Option<bool>,
    oidc_provider_arn: String,
    oidc_token_file: String,
}

pub(super) async fn credentials(places: &Places) -> Result<Credentials, Why> {
    const DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
    if places.environment.is_true(DISABLED) {
        return Err(Why::Disabled(DISABLED));
    }
    let path = places.home()?.join(".aliyun/config.json");
    let text = super::file::read(&path, MAX_FILE_BYTES, &places.clock).await?;
    let wanted = places.environment.get("ALIBABA_CLOUD_PROFILE");
    let profile = find(&path, &text, wanted)?;
    profile.credentials(places).await
}

fn find(path: &Path, text: &str, wanted: Option<String>) -> Result<Profile, Why> {
    let no_file = || Why::NoFile {
        path: path.to_owned(),
        form: "configuration of the command `aliyun`",
    };
    let file: File<'_> = serde_json::from_str(text).map_err(|_| no_file())?;
    let wanted = wanted.unwrap_or(file.current);
    let is_wanted = |profile: &&&RawValue| {
        let name: Option<Name> = serde_json::from_str(profile.get()).ok();
        name.is_some_and(|name| name.name == wanted)
    };
    let found = file.profiles.iter().find(is_wanted);
    let found = found.ok_or_else(|| Why::NoProfile {
        path: path.to_owned(),
        name: clean(&wanted),
    })?;
    serde_json::from_str(found.get()).map_err(|_| no_file())
}

impl Profile {
    async fn credentials(self, places: &Places) -> Result<Credentials, Why> {
        match self.mode.as_str() {
            "AK" => self.key(),
            "StsToken" => {
                let token = self.sts_token.clone();
                if token.expose().is_empty() {
                    return Err(Why::NoField("sts_token"));
                }
                Ok(self.key()?.with_token(token))
            }
            "RamRoleArn" => {
                let key = self.key()?;
                let session = some(&self.ram_session_name);
                sts::with_key(places, self.role(session)?, &key).await
            }
            "EcsRamRole" => instance::role(places, some(&self.ram_role_name)).await,
            "OIDC" => {
                let provider = some(&self.oidc_provider_arn);
                let provider = provider.ok_or(Why::NoField("oidc_provider_arn"))?;
                let file = some(&self.oidc_token_file);
                let file = file.ok_or(Why::NoField("oidc_token_file"))?;
                let session = some(&self.role_session_name);
                let session = session.or_else(|| some(&self.ram_session_name));
                sts::with_oidc(places, self.role(session)?, provider, file.into()).await
            }
            mode => Err(Why::Mode(clean(mode))),
        }
    }

    fn key(&self) -> Result<Credentials, Why> {
        let id = some(&self.access_key_id).ok_or(Why::NoField("access_key_id"))?;
        if self.access_key_secret.expose().is_empty() {
            return Err(Why::NoField("access_key_secret"));
        }
        Ok(Credentials::new(id, self.access_key_secret.clone()))
    }

    fn role(&self, session: Option<String>) -> Result<Role, Why> {
        Ok(Role {
            arn: some(&self.ram_role_arn).ok_or(Why::NoField("ram_role_arn"))?,
            session,
            seconds: self.expired_seconds.filter(|&seconds| seconds > 0),
            policy: some(&self.policy),
            external_id: some(&self.external_id),
            region: some(&self.sts_region),
            in_vpc: self.enable_vpc,
        })
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
