//! A host for a test: a folder, a store, a loader, and who asks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lockgate_flow::Plan;
use lockgate_model::{Kebab, PluginName};
use lockgate_service::flows::{Put, Saved};
use lockgate_service::plugins::{Activation, Upload, UploadDone, Uploaded};
use lockgate_service::{Caller, Flows, Plugins, Registry, RegistryConfig, ServiceError};
use lockgate_store::{Store, StoreConfig};
use tempfile::TempDir;

use crate::fakes::{FakeLoader, component};

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) config: RegistryConfig,
    pub(crate) loader: Arc<FakeLoader>,
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) plugins: Plugins,
    pub(crate) flows: Flows,
    pub(crate) me: Caller,
}

pub(crate) fn kebab(name: &str) -> Kebab {
    name.parse().unwrap()
}

pub(crate) fn plugin(name: &str) -> PluginName {
    name.parse().unwrap()
}

pub(crate) const ACTIVE: Upload = Upload {
    activate: Some(true),
    replace: false,
};

pub(crate) const NOT_ACTIVE: Upload = Upload {
    activate: Some(false),
    replace: false,
};

/// A flow whose nodes use these, one each: `text/run@1`, or `flow:other`.
pub(crate) fn flow(name: &str, uses: &[&str]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("flow: {name}\nnodes:\n");
    for (index, used) in uses.iter().enumerate() {
        writeln!(text, "  n{index}: {{ use: \"{used}\" }}").unwrap();
    }
    text + "output: { text: n0.text }\n"
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(RegistryConfig::default()).await
    }

    pub(crate) async fn with(config: RegistryConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let loader = Arc::new(FakeLoader::new());
        let (store, registry) = open(folder.path(), &loader, &config).await;
        Self {
            plugins: Plugins::new(registry.clone()),
            flows: Flows::new(registry.clone()),
            me: Caller::host(kebab("default"), kebab("lockgate"), "me"),
            folder,
            config,
            loader,
            store,
            registry,
        }
    }

    /// The same host after a restart.
    pub(crate) async fn reopened(self) -> Self {
        let Self {
            folder,
            config,
            loader,
            store,
            registry,
            plugins,
            flows,
            me,
        } = self;
        drop((registry, plugins, flows));
        store.close().await;
        let (store, registry) = open(folder.path(), &loader, &config).await;
        Self {
            plugins: Plugins::new(registry.clone()),
            flows: Flows::new(registry.clone()),
            me,
            folder,
            config,
            loader,
            store,
            registry,
        }
    }

    pub(crate) async fn upload(
        &self,
        bytes: Vec<u8>,
        upload: Upload,
    ) -> Result<UploadDone, ServiceError> {
        match self.plugins.upload(&self.me, bytes, upload).await? {
            Uploaded::Done(done) => Ok(*done),
            Uploaded::Compiling(_) => panic!("nothing here takes long"),
        }
    }

    /// Uploads versions with the node `run`, each active after the one before.
    pub(crate) async fn active(&self, name: &str, versions: &[&str]) {
        for version in versions {
            let done = self.upload(component(name, version), ACTIVE).await.unwrap();
            assert!(done.plugin.active, "{name}@{version}");
        }
    }

    pub(crate) async fn activate(
        &self,
        name: &str,
        version: &str,
    ) -> Result<Activation, ServiceError> {
        let version = version.parse().unwrap();
        self.plugins
            .activate(&self.me, &plugin(name), &version)
            .await
    }

    pub(crate) async fn save(&self, name: &str, text: &str) -> Result<Saved, ServiceError> {
        self.put(name, text, true).await
    }

    pub(crate) async fn put(
        &self,
        name: &str,
        text: &str,
        activate: bool,
    ) -> Result<Saved, ServiceError> {
        let put = Put {
            activate,
            format: None,
        };
        self.flows
            .put(&self.me, &kebab(name), text.to_owned(), put)
            .await
    }

    /// A flow with these uses, saved and active.
    pub(crate) async fn flow(&self, name: &str, uses: &[&str]) -> Saved {
        self.save(name, &flow(name, uses)).await.unwrap()
    }

    /// The plan in force of a flow.
    pub(crate) async fn plan(&self, name: &str) -> Arc<Plan> {
        self.resolve(name, None).await.unwrap().plan
    }

    pub(crate) async fn resolve(
        &self,
        name: &str,
        version: Option<u32>,
    ) -> Result<lockgate_service::Resolved, ServiceError> {
        let project = &self.me.project;
        self.registry.resolve(project, &kebab(name), version).await
    }

    /// What the nodes of a flow's plan in force are: `text@1.0.0`, or the nodes of a flow in brackets.
    pub(crate) async fn runs(&self, name: &str) -> String {
        told(&*self.plan(name).await)
    }

    /// The lock in force of each flow: its version, revision and digest.
    pub(crate) async fn locks(&self) -> BTreeMap<String, (u32, u32, String)> {
        let mut locks = BTreeMap::new();
        for flow in self.flows.list(&self.me).await.unwrap() {
            if flow.active.is_none() || flow.broken.is_some() {
                continue;
            }
            let name = flow.flow.as_str();
            let resolved = self.resolve(name, None).await.unwrap();
            let lock = (
                resolved.version,
                resolved.revision,
                resolved.lock.to_string(),
            );
            locks.insert(name.to_owned(), lock);
        }
        locks
    }

    /// The path of a component's file.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// What the nodes of a plan are.
pub(crate) fn told(plan: &Plan) -> String {
    let nodes = plan.nodes().iter().map(|node| match node.flow() {
        Some(flow) => format!("{}[{}]", flow.name(), told(flow)),
        None => {
            let plugin = node.plugin().unwrap();
            format!("{}@{}", plugin.name, plugin.version)
        }
    });
    nodes.collect::<Vec<_>>().join(" ")
}

async fn open(
    folder: &Path,
    loader: &Arc<FakeLoader>,
    config: &RegistryConfig,
) -> (Store, Arc<Registry>) {
    let store = Store::open(StoreConfig::new(folder)).await.unwrap();
    let registry = Registry::open(store.clone(), loader.clone(), config.clone()).await;
    (store, Arc::new(registry.unwrap()))
}
