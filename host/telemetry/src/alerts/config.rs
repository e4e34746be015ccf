//! The file that has rules and receivers, such as `alerts.toml`.
//!
//! ```toml
//! utc_offset = "+08:00"                          # when days begin; left out: UTC
//! public_url = "https://flows.example.com"       # how links begin
//! logstore = { project = "ops", logstore = "lockgate" }
//!
//! [receivers.group]
//! kind = "dingtalk"
//! token_env = "DINGTALK_TOKEN"                   # or token_file
//! secret_file = "/run/secrets/dingtalk"          # or secret_env
//! at = { mobiles = ["13800000000"] }
//!
//! [receivers.hook]
//! kind = "webhook"
//! url = "https://hooks.example.com/lockgate"
//! secret_env = "HOOK_SECRET"
//!
//! [receivers.journal]
//! kind = "log"
//!
//! [cms]
//! contact_groups = ["ops"]                       # whom rules in CMS tell
//!
//! [[rules]]
//! name = "poem-slow"
//! when = "3 runs in a row of flow poem over 5 s"
//! severity = "critical"                          # or info; left out: warning
//! tell = ["group", "journal"]                    # left out: all receivers
//! silence = "30 min"                             # left out: 1 h
//!
//! [[rules]]
//! name = "summaries-fail"
//! when = "error rate of summarize over 5 % for 5 min"
//! at_least = 20                                  # runs or calls in the window; left out: 1
//! holds_for = "2 min"                            # left out: told at once
//!
//! [[rules]]
//! name = "tokens"
//! when = "tokens of the day over 80 % of the budget"
//! budget = 2_000_000
//! ```
//!
//! Secrets stand in variables or files, never here. Every fault of a file is told, each with its line and rule.

mod read;

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lockgate_model::Kebab;
use reqwest::{Client, Url};
use serde::Deserialize;

use super::message::Links;
use super::receivers::{At, DingTalk, Log, Receiver, Receivers, Webhook};
use super::rule::{Rule, Severity};
use super::secret::Secret;

/// The most bytes of a file that are read.
pub const MAX_BYTES: usize = 1 << 20;

/// The most rules.
pub const MAX_RULES: usize = 200;

/// The most receivers.
const MAX_RECEIVERS: usize = 50;

/// The most people that a robot calls by name, and the longest of their numbers: all stand in each message.
const MAX_MOBILES: usize = 50;
const MAX_MOBILE_BYTES: usize = 32;

/// The most bytes of a file that has a secret.
const MAX_SECRET_BYTES: u64 = 4096;

/// What a file says, checked.
#[derive(Debug, Clone, Default)]
pub struct AlertsConfig {
    /// The rules, when days begin, and what links begin with.
    pub rules: RuleSet,
    /// Who can be told, by name.
    pub receivers: BTreeMap<Kebab, ReceiverConfig>,
    /// What rules need that are put into CMS.
    pub cms: CmsConfig,
}

/// The rules, and what all of them share.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// By how many minutes the clocks differ from UTC after which days begin. Default: 0.
    pub utc_offset: i32,
    /// What links begin with. Default: there are none.
    pub links: Links,
}

/// A rule as a file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name, in kebab-case.
    pub name: String,
    /// Whose flows it is about. Default: `default`.
    pub project: Option<String>,
    /// Its condition ([`grammar`](super::grammar)).
    pub when: String,
    /// For how long that has to hold before anybody is told. Default: not at all.
    pub holds_for: Option<String>,
    /// How many runs or calls a share or a statistic has to be of. Default: 1.
    pub at_least: Option<u64>,
    /// Tokens that a day may cost.
    pub budget: Option<u64>,
    /// How bad it is. Default: `warning`.
    #[serde(default)]
    pub severity: Severity,
    /// Who is told. Default: every receiver.
    pub tell: Option<Vec<String>>,
    /// How long nobody is told again. Default: an hour.
    pub silence: Option<String>,
}

/// A receiver as a file has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ReceiverConfig {
    /// A robot of DingTalk.
    DingTalk(DingTalkConfig),
    /// A server that takes JSON.
    Webhook(WebhookConfig),
    /// The host's own log.
    Log(LogConfig),
}

/// A robot of DingTalk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DingTalkConfig {
    /// The variable that has its access token.
    pub token_env: Option<String>,
    /// The file that has it.
    pub token_file: Option<PathBuf>,
    /// The variable that has the secret that messages are signed with. Default: they are not signed.
    pub secret_env: Option<String>,
    /// The file that has it.
    pub secret_file: Option<PathBuf>,
    /// Who is called by name. Default: nobody.
    pub at: At,
    /// Where robots are reached. Default: [`DingTalk::URL`].
    pub url: Option<String>,
}

/// A server that takes JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Its address: `https`, or `http` on this machine.
    pub url: Option<String>,
    /// The variable that has its address, where that is a secret.
    pub url_env: Option<String>,
    /// The file that has it.
    pub url_file: Option<PathBuf>,
    /// The variable that has the secret that messages are signed with. Default: they are not signed.
    pub secret_env: Option<String>,
    /// The file that has it.
    pub secret_file: Option<PathBuf>,
}

/// The host's own log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {}

/// What rules need that are put into CMS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CmsConfig {
    /// The contact groups of CMS that are told.
    pub contact_groups: Vec<String>,
    /// What CMS calls, too. Default: nothing.
    pub webhook: Option<String>,
}

impl AlertsConfig {
    /// Reads the text of a file, which faults call `file`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it: sentences that begin with the file and the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<String>> {
        read::parse(file, text)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As for [`Self::parse`]; or the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, Vec<String>> {
        let file = path.display().to_string();
        let text = bounded(path, MAX_BYTES as u64);
        let text = text.map_err(|error| vec![format!("{file}: {error}")])?;
        Self::parse(&file, &text)
    }

    /// Makes the receivers, with their secrets: `variable` gives an environment variable. `client` is asked once, and only
    /// where a receiver needs it: see [`receivers::client`](super::receivers::client).
    ///
    /// # Errors
    ///
    /// Everything that is missing, as sentences that begin with the receiver.
    pub fn receivers(
        &self,
        client: &dyn Fn() -> Result<Client, reqwest::Error>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Receivers, Vec<String>> {
        let client = LazyCell::new(|| client().map_err(|error| error.to_string()));
        let mut faults = Vec::new();
        let mut receivers = Vec::new();
        for (name, config) in &self.receivers {
            match config.receiver(&|| LazyCell::force(&client).clone(), variable) {
                Ok(receiver) => receivers.push((name.clone(), receiver)),
                Err(fault) => faults.push(format!("receiver `{name}`: {fault}")),
            }
        }
        if faults.is_empty() {
            Ok(receivers)
        } else {
            Err(faults)
        }
    }
}

impl ReceiverConfig {
    fn receiver(
        &self,
        client: &dyn Fn() -> Result<Client, String>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Arc<dyn Receiver>, String> {
        let secret = |what: &str, env: &Option<String>, file: &Option<PathBuf>| {
            secret(what, env.as_deref(), file.as_deref(), variable)
        };
        Ok(match self {
            Self::Log(_) => Arc::new(Log),
            Self::DingTalk(config) => {
                let token = secret("token", &config.token_env, &config.token_file)?;
                let token = token.ok_or("give `token_env` or `token_file`")?;
                let signs = secret("secret", &config.secret_env, &config.secret_file)?;
                let url = address(config.url.as_deref().unwrap_or(DingTalk::URL))?;
                let at = config.at.clone();
                let is_number = |mobile: &String| (1..=MAX_MOBILE_BYTES).contains(&mobile.len());
                if at.mobiles.len() > MAX_MOBILES || !at.mobiles.iter().all(is_number) {
                    return Err(format!(
                        "`at.mobiles` has {MAX_MOBILES} numbers at most, each of {MAX_MOBILE_BYTES} characters at most"
                    ));
                }
                Arc::new(DingTalk::new(client()?, url, token, signs, at))
            }
            Self::Webhook(config) => {
                let hidden = secret("url", &config.url_env, &config.url_file)?;
                let shown = config.url.as_deref();
                let url = hidden.as_ref().map(Secret::expose).or(shown);
                let url = address(url.ok_or("give `url`, `url_env` or `url_file`")?)?;
                let signs = secret("secret", &config.secret_env, &config.secret_file)?;
                Arc::new(Webhook::new(client()?, url, signs))
            }
        })
    }
}

/// A secret from where it is said to be; None where nothing is said.
fn secret(
    what: &str,
    env: Option<&str>,
    file: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Secret>, String> {
    let (text, place) = match (env, file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(format!("give `{what}_env` or `{what}_file`, and not both"));
        }
        (Some(name), None) => {
            let text = variable(name).ok_or_else(|| format!("the variable {name} is not set"))?;
            (text, name.to_owned())
        }
        (None, Some(path)) => {
            let place = path.display().to_string();
            let text = bounded(path, MAX_SECRET_BYTES);
            (text.map_err(|error| format!("{place}: {error}"))?, place)
        }
    };
    let text = zeroize::Zeroizing::new(text);
    match text.trim() {
        "" => Err(format!("{place} is empty")),
        text => Ok(Some(text.into())),
    }
}

/// An address that a secret, or what is signed with one, may go to. The address is not told: it may have a token in it.
fn address(text: &str) -> Result<Url, String> {
    const RULE: &str = "an address begins with https://, or with http:// on this machine";
    let url = Url::parse(text).map_err(|error| format!("{error}: {RULE}"))?;
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |ip: std::net::IpAddr| ip.is_loopback();
    let is_here = host == "localhost" || ip.parse().is_ok_and(is_loopback);
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => Err(RULE.to_owned()),
    }
}

fn bounded(path: &Path, most: u64) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(most + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > most {
        let message = format!("it has more than {most} bytes");
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            message,
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
