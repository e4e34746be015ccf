//! What a plugin answered when it was asked what it is, and which ports its nodes have under a configuration. Neither may call
//! anything, so the same question has the same answer; it is kept beside the plugin's code, and a host that starts asks nothing
//! again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::contract::said::{SaidPlugin, SaidPorts};
use crate::scan::digest;

/// How many configurations of a plugin's nodes are remembered: those that came last.
const MOST_CONFIGURATIONS: usize = 64;

/// The longest ports that are remembered, in bytes as JSON.
const MAX_PORTS_BYTES: usize = 64 << 10;

/// The answers of one plugin that were found to be right, as JSON and not as what they become: that is checked each time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answers {
    plugin: String,
    configured: Mutex<Vec<Configured>>,
}

/// The ports of a node under a configuration.
#[derive(Debug, Serialize, Deserialize)]
struct Configured {
    node: String,
    /// The configuration's digest.
    config: String,
    ports: String,
}

impl Answers {
    /// Those of a plugin that has said nothing but what it is.
    pub(crate) fn new(plugin: &SaidPlugin) -> serde_json::Result<Self> {
        Ok(Self {
            plugin: serde_json::to_string(plugin)?,
            configured: Mutex::default(),
        })
    }

    /// Those that were written before.
    pub(crate) fn read(written: &[u8]) -> Option<Self> {
        serde_json::from_slice(written).ok()
    }

    /// As they are kept.
    pub(crate) fn written(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// What it is.
    pub(crate) fn plugin(&self) -> serde_json::Result<SaidPlugin> {
        serde_json::from_str(&self.plugin)
    }

    /// Which ports a node has under a configuration, if that was asked before.
    pub(crate) fn ports(&self, node: &str, config: &str) -> Option<SaidPorts> {
        let config = digest(config.as_bytes());
        let configured = self.configured();
        let mut configured = configured.iter();
        let known = configured.find(|known| known.node == node && known.config == config)?;
        serde_json::from_str(&known.ports).ok()
    }

    /// Remembers that. Whether there is something new to keep.
    pub(crate) fn remember(&self, node: &str, config: &str, ports: String) -> bool {
        if ports.len() > MAX_PORTS_BYTES {
            return false;
        }
        let config = digest(config.as_bytes());
        let mut configured = self.configured();
        // Two may have asked at once.
        configured.retain(|known| known.node != node || known.config != config);
        if configured.len() >= MOST_CONFIGURATIONS {
            configured.remove(0);
        }
        configured.push(Configured {
            node: node.to_owned(),
            config,
            ports,
        });
        true
    }

    fn configured(&self) -> MutexGuard<'_, Vec<Configured>> {
        self.configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Answers {
        let plugin = SaidPlugin {
            name: "text".to_owned(),
            version: "1.0.0".to_owned(),
            summary: String::new(),
            nodes: Vec::new(),
        };
        Answers::new(&plugin).expect("JSON")
    }

    #[test]
    fn what_was_asked_is_known_and_nothing_else() {
        let answers = answers();
        assert!(answers.ports("clean", "{}").is_none());
        let ports = r#"{"inputs":[],"outputs":[]}"#;
        assert!(answers.remember("clean", "{}", ports.to_owned()));
        let again = Answers::read(&answers.written().expect("JSON")).expect("the same");
        assert_eq!(again.plugin().expect("what it is").name, "text");
        assert!(again.ports("clean", "{}").is_some());
        assert!(again.ports("clean", r#"{"a":1}"#).is_none());
        assert!(again.ports("upper", "{}").is_none());
    }

    #[test]
    fn there_are_few_and_they_are_short() {
        let answers = answers();
        assert!(!answers.remember("clean", "{}", " ".repeat(MAX_PORTS_BYTES + 1)));
        let ports = r#"{"inputs":[],"outputs":[]}"#;
        for number in 0..=MOST_CONFIGURATIONS {
            answers.remember("clean", &number.to_string(), ports.to_owned());
            answers.remember("clean", &number.to_string(), ports.to_owned());
        }
        assert_eq!(answers.configured().len(), MOST_CONFIGURATIONS);
        assert!(answers.ports("clean", "0").is_none(), "the first went");
        assert!(answers.ports("clean", "1").is_some());
    }
}
