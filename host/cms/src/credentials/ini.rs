//! The INI file that the SDKs of several languages share: a section a profile.

use std::path::PathBuf;

use configparser::ini::Ini;

use super::error::Why;
use super::provider::Places;
use super::sts::{self, Role};
use super::{Credentials, instance};
use crate::http::clean;

/// The longest file that is read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

pub(super) async fn credentials(places: &Places) -> Result<Credentials, Why> {
    let environment = &places.environment;
    let path = match environment.get("ALIBABA_CLOUD_CREDENTIALS_FILE") {
        Some(path) => PathBuf::from(path),
        None => places.home()?.join(".alibabacloud/credentials"),
    };
    let text = super::file::read(&path, MAX_FILE_BYTES, &places.clock).await?;
    let name = environment.get("ALIBABA_CLOUD_PROFILE");
    let name = name.unwrap_or_else(|| "default".to_owned());
    let mut ini = Ini::new_cs();
    // What it would say repeats the line.
    if ini.read(text.to_string()).is_err() {
        return Err(Why::NoFile {
            path,
            form: "INI file",
        });
    }
    if !ini.sections().contains(&name) {
        return Err(Why::NoProfile {
            path,
            name: clean(&name),
        });
    }
    Section { ini, name }.credentials(places).await
}

struct Section {
    ini: Ini,
    name: String,
}

impl Section {
    async fn credentials(&self, places: &Places) -> Result<Credentials, Why> {
        match self.need("type")?.as_str() {
            "access_key" => self.key(),
            "sts" => Ok(self.key()?.with_token(self.need("security_token")?)),
            "ram_role_arn" => {
                let key = self.key()?;
                sts::with_key(places, self.role()?, &key).await
            }
            "oidc_role_arn" => {
                let provider = self.need("oidc_provider_arn")?;
                let file = self.need("oidc_token_file_path")?;
                sts::with_oidc(places, self.role()?, provider, file.into()).await
            }
            "ecs_ram_role" => instance::role(places, self.get("role_name")).await,
            kind => Err(Why::Mode(clean(kind))),
        }
    }

    fn key(&self) -> Result<Credentials, Why> {
        let id = self.need("access_key_id")?;
        Ok(Credentials::new(id, self.need("access_key_secret")?))
    }

    fn role(&self) -> Result<Role, Why> {
        Ok(Role {
            arn: self.need("role_arn")?,
            session: self.get("role_session_name"),
            policy: self.get("policy"),
            ..Role::default()
        })
    }

    fn get(&self, field: &str) -> Option<String> {
        let value = self.ini.get(&self.name, field);
        value.filter(|value| !value.is_empty())
    }

    fn need(&self, field: &'static str) -> Result<String, Why> {
        self.get(field).ok_or(Why::NoField(field))
    }
}
