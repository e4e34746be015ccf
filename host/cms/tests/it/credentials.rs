//! The chain: each place and their order, refreshing before the end, hostile answers, and that no secret is ever said.

mod hostile;
mod places;
mod refresh;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lockgate_cms::{ChainConfig, CredentialChain, Environment};
use lockgate_stand_ins::{Gateway, Identity, Key, Lent, Metadata, UriServer, VirtualTime};
use serde_json::{Value, json};

use crate::support::{Virtual, config, time};

const MINUTE: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

/// What every secret in these tests has in it.
const SECRET: &str = "hush";

/// Where a chain looks, and servers that stand in for the real ones.
struct Place {
    time: VirtualTime,
    home: tempfile::TempDir,
    variables: Arc<Mutex<BTreeMap<String, String>>>,
    metadata: Metadata,
    sts: Identity,
    uri: UriServer,
    gateway: Gateway,
}

/// A key that is lent for so long.
fn lent(name: &str, time: &VirtualTime, lasts: Duration) -> Lent {
    let key = key(name).with_token(&format!("{SECRET}-{name}/token+="));
    let expires = time.now() + lasts;
    Lent { key, expires }
}

fn key(name: &str) -> Key {
    Key::new(name, &format!("{SECRET}-{name}"))
}

impl Place {
    async fn new(time: &VirtualTime) -> Self {
        let start = Metadata::start("a-role", lent("instance", time, HOUR), Some(time));
        let metadata = start.await.expect("metadata");
        let token = format!("{SECRET}.oidc");
        let start = Identity::start(key("own"), &token, lent("role", time, HOUR), Some(time));
        let sts = start.await.expect("STS");
        let uri = UriServer::start(lent("uri", time, HOUR), Some(time));
        Self {
            time: time.clone(),
            home: tempfile::tempdir().expect("a folder"),
            variables: Arc::default(),
            metadata,
            sts,
            uri: uri.await.expect("a URI"),
            gateway: Gateway::start_with(config(time)).await.expect("a gateway"),
        }
    }

    fn set(&self, name: &str, value: impl Into<String>) {
        let mut variables = self.variables.lock().expect("free");
        variables.insert(format!("ALIBABA_CLOUD_{name}"), value.into());
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.home.path().join(path)).expect("removed");
    }

    fn chain(&self) -> CredentialChain {
        let variables = self.variables.clone();
        let get = move |name: &str| variables.lock().expect("free").get(name).cloned();
        let home = Some(self.home.path().to_owned());
        let config = ChainConfig::new(Environment::of(get), home)
            .with_metadata(self.metadata.url())
            .with_sts(self.sts.url());
        CredentialChain::new(config, Arc::new(Virtual(self.time.clone())))
    }

    /// Which key a chain gives: the one key that the gateway takes a report with. Or what it says.
    async fn name(&self, chain: &Arc<CredentialChain>) -> String {
        match chain.get().await {
            Ok(credentials) => {
                let shown = format!("{credentials:?} {chain:?}");
                assert!(!shown.contains(SECRET), "{shown}");
                let id = shown.split('"').nth(1).unwrap_or_default();
                id.to_owned()
            }
            Err(error) => {
                let shown = format!("{error} {error:?} {chain:?}");
                assert!(!shown.contains(SECRET), "{shown}");
                error.to_string()
            }
        }
    }

    async fn fresh(&self) -> String {
        self.name(&Arc::new(self.chain())).await
    }

    fn profile(&self, profile: Value) {
        let file = json!({ "current": "here", "profiles": [{ "name": "x", "mode": 7 }, profile] });
        self.write(".aliyun/config.json", file.to_string());
    }
}

fn run(test: impl AsyncFnOnce(Place)) {
    let time = time();
    let test = async { test(Place::new(&time).await).await };
    time.run(test).expect("a runtime");
}
