//! A robot in a group of DingTalk.
//!
//! It takes 20 messages a minute, and then none for ten. So what comes together in a busy minute goes out as one message, by
//! the [`Courier`](super::Courier). HTTP 200 says little: what counts is `errcode` in the body.
//! Source: <https://open.dingtalk.com/document/robots/custom-robot-access>

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::webhook::sign;
use super::{Receiver, SendError, http};
use crate::alerts::machine::Change;
use crate::alerts::message::Notice;
use crate::alerts::secret::Secret;

/// How many messages a robot is sent in a minute. It takes 20, counted as they arrive.
const A_MINUTE: usize = 18;

/// How long it takes none after too many.
const LIMITED: Duration = Duration::from_secs(600);

/// What it calls too many messages.
const TOO_MANY: [i64; 3] = [130_101, 410_100, 660_026];

/// What else it says then.
const TOO_MANY_WORDS: [&str; 3] = ["too fast", "限流", "太快"];

/// The longest time to wait that the gateway before it is believed, in seconds.
const LONGEST_WAIT_S: u64 = 600;

/// The longest text of a message, in bytes. A robot takes 20,000 in all.
const MAX_TEXT_BYTES: usize = 15_000;

/// A robot in a group.
pub struct DingTalk {
    client: Client,
    url: Url,
    token: Secret,
    secret: Option<Secret>,
    at: At,
}

/// Who in the group is called by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct At {
    /// Their mobile numbers.
    pub mobiles: Vec<String>,
    /// All of them.
    pub all: bool,
}

#[derive(Deserialize)]
struct Answer {
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

/// What the gateway before it says to too many messages, with HTTP 200.
#[derive(Deserialize)]
struct Punished {
    /// In seconds.
    wait: u64,
}

impl DingTalk {
    /// Where robots are reached.
    pub const URL: &str = "https://oapi.dingtalk.com/robot/send";

    /// A robot by its access token. With the secret that it was given, messages are signed.
    pub fn new(client: Client, url: Url, token: Secret, secret: Option<Secret>, at: At) -> Self {
        Self {
            client,
            url,
            token,
            secret,
            at,
        }
    }

    async fn post(&self, notices: &[Notice], lost: u64, now: SystemTime) -> Result<(), SendError> {
        let request = self.client.post(self.address(now));
        let body = http::exchange(request.json(&self.body(notices, lost))).await?;
        if let Ok(answer) = serde_json::from_slice::<Answer>(&body) {
            return answer.outcome();
        }
        Err(match serde_json::from_slice::<Punished>(&body) {
            Ok(Punished { wait }) => {
                SendError::TooMany(Duration::from_secs(wait.clamp(1, LONGEST_WAIT_S)))
            }
            Err(_) => SendError::Failed("the answer is none of a DingTalk robot".to_owned()),
        })
    }

    fn address(&self, now: SystemTime) -> Url {
        let mut url = self.url.clone();
        let mut query = url.query_pairs_mut();
        query.append_pair("access_token", self.token.expose());
        if let Some(secret) = &self.secret {
            let ms = now
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis();
            let ms = ms.to_string();
            let signed = sign(secret, &[ms.as_bytes(), b"\n", secret.expose().as_bytes()]);
            query.append_pair("timestamp", &ms);
            query.append_pair("sign", &STANDARD.encode(signed));
        }
        drop(query);
        url
    }

    fn body(&self, notices: &[Notice], lost: u64) -> serde_json::Value {
        let mut text = text(notices, lost);
        for mobile in &self.at.mobiles {
            // Only who stands in the text is called.
            text.push_str(&format!(" @{}", escaped(mobile)));
        }
        json!({
            "msgtype": "markdown",
            "markdown": {"title": title(notices), "text": text},
            "at": {"atMobiles": self.at.mobiles, "isAtAll": self.at.all},
        })
    }
}

impl Answer {
    /// Only what will never pass is given up: codes are many, and not all are documented.
    fn outcome(self) -> Result<(), SendError> {
        let said = format!("{}: {}", self.errcode, http::clean(&self.errmsg));
        match self.errcode {
            0 => Ok(()),
            code if TOO_MANY.contains(&code) => Err(SendError::TooMany(LIMITED)),
            _ if TOO_MANY_WORDS.iter().any(|word| self.errmsg.contains(word)) => {
                Err(SendError::TooMany(LIMITED))
            }
            // Its security settings, its token, and what may be in a message.
            310_000
            | 300_001
            | 300_005
            | 400_013
            | 40_035
            | 400_100..=400_109
            | 430_100..=430_109 => Err(SendError::Refused(said)),
            _ => Err(SendError::Failed(said)),
        }
    }
}

impl Receiver for DingTalk {
    fn a_minute(&self) -> Option<usize> {
        Some(A_MINUTE)
    }

    fn send<'a>(
        &'a self,
        notices: &'a [Notice],
        lost: u64,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        self.post(notices, lost, now).boxed()
    }
}

/// What a notification shows: it is not markdown.
fn title(notices: &[Notice]) -> String {
    match notices {
        [one] => format!("{}: {}", word(one.change), one.rule),
        many => {
            let rules: BTreeSet<_> = many.iter().map(|notice| &notice.rule).collect();
            format!("{} alerts of {} rules", many.len(), rules.len())
        }
    }
}

/// One notice with all that is known; of several, a line each.
fn text(notices: &[Notice], lost: u64) -> String {
    let mut text = match notices {
        [one] => whole(one),
        many => {
            let mut text = format!("### {}\n\n", escaped(&title(many)));
            let lines = many.iter().map(short);
            for (told, line) in lines.enumerate() {
                if text.len() + line.len() > MAX_TEXT_BYTES {
                    let more = many.len() - told;
                    text.push_str(&format!(
                        "- and {more} more: the host's list of alerts has them\n"
                    ));
                    break;
                }
                text.push_str(&line);
            }
            text
        }
    };
    if lost > 0 {
        text.push_str(&format!("\n\n{lost} alerts before could not be told.\n"));
    }
    text
}

fn whole(notice: &Notice) -> String {
    let subject = [
        Some(("project", notice.project.clone())),
        notice.flow.clone().map(|flow| match notice.version {
            Some(version) => ("flow", format!("{flow}@{version}")),
            None => ("flow", flow),
        }),
        notice.node.clone().map(|node| ("node", node)),
        Some(("value", notice.told.value.clone())),
        Some(("worst", notice.told.worst.clone())).filter(|_| notice.change != Change::Fired),
        Some(("threshold", notice.told.threshold.clone())),
        Some(("since", notice.since.to_string())),
        Some(("at", notice.at.to_string())),
        Some(("fired before, untold", notice.muted.to_string())).filter(|_| notice.muted > 0),
    ];
    let mut text = format!(
        "### {} {}: {}\n\n{}\n\n",
        sign_of(notice),
        word(notice.change),
        escaped(&notice.rule),
        escaped(&notice.condition)
    );
    for (name, value) in subject.into_iter().flatten() {
        text.push_str(&format!("- {name}: **{}**\n", escaped(&value)));
    }
    let links = [("runs", &notice.links.runs), ("log", &notice.links.logs)];
    let links = links.into_iter().filter_map(|(name, link)| {
        let link = link.as_deref()?;
        Some(format!("[{name}]({})", address(link)))
    });
    let runs = notice
        .runs
        .iter()
        .zip(notice.run_links())
        .map(|(run, link)| {
            let run = run.to_string();
            // The end of an id is what tells runs of the same time apart.
            let end = run.rsplit('-').next().unwrap_or_default();
            format!("[run …{end}]({})", address(&link))
        });
    let links: Vec<_> = links.chain(runs).collect();
    if !links.is_empty() {
        text.push_str(&format!("\n{}\n", links.join(" · ")));
    }
    text
}

fn short(notice: &Notice) -> String {
    let link = notice.links.runs.as_deref();
    let link = link.map_or_else(String::new, |link| format!(" [runs]({})", address(link)));
    format!("- {} {}{link}\n", sign_of(notice), escaped(&notice.line()))
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Fired => "alert",
        Change::Again => "still",
        Change::Over => "over",
        Change::Forgotten => "nothing more seen",
        Change::Withdrawn => "looked at no more",
    }
}

fn sign_of(notice: &Notice) -> &'static str {
    use crate::alerts::rule::Severity;
    match (notice.change, notice.severity) {
        (Change::Over | Change::Forgotten, _) => "🟢",
        (Change::Withdrawn, _) => "⚪",
        (_, Severity::Info) => "🔵",
        (_, Severity::Warning) => "🟠",
        (_, Severity::Critical) => "🔴",
    }
}

/// Text that stays text in markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in lockgate_model::escaped(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// An address that cannot end the link that it is in.
fn address(link: &str) -> String {
    let encoded = link.replace('(', "%28").replace(')', "%29");
    encoded.replace(char::is_whitespace, "%20")
}

impl std::fmt::Debug for DingTalk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DingTalk")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
