//! One node of a plugin, and the same node with a configuration.

use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_model::{
    Call, CallEnd, ConfigureError, Json, Limits, Node, NodeInfo, NodeRunner, PluginId, Ports,
};

use crate::call::{self, Configured};
use crate::contract::said::SaidPorts;
use crate::loaded::Loaded;
use crate::sandbox::{Phase, within};
use crate::schemas::DIGEST;
use crate::threads::{PerThread, on_guest_thread};

/// What `configure` may use: it may compile a template, a pattern or a schema.
const CONFIGURE_LIMITS: Limits = Limits {
    fuel: 1_000_000_000,
    timeout_ms: 10_000,
    memory_bytes: 128 << 20,
    output_bytes: 4 << 20,
    copied_bytes: 1 << 20,
    ..Limits::DEFAULT
};

/// One node of a plugin.
pub(crate) struct PluginNode {
    plugin: Arc<Loaded>,
    index: usize,
}

impl PluginNode {
    /// The node at `index` of the plugin's description.
    pub(crate) fn new(plugin: Arc<Loaded>, index: usize) -> Self {
        Self { plugin, index }
    }

    async fn configured(&self, config: Json, limits: Limits) -> Result<Configured, ConfigureError> {
        let (host, info) = (&self.plugin.host, self.info());
        let known = self
            .plugin
            .answers
            .ports(info.name.as_str(), config.as_str());
        let is_known = known.is_some();
        let said = match known {
            Some(known) => known,
            None => self.ask(&config).await?,
        };
        let written = serde_json::to_string(&said);
        let ports = host
            .checked_ports(said, &info.ports, is_known)
            .await?
            .map_err(ConfigureError::Ports)?;
        if let (false, Ok(written)) = (is_known, written) {
            self.remember(&config, written).await;
        }
        Ok(Configured {
            plugin: self.plugin.clone(),
            index: self.index,
            config,
            // Whoever asks: what the pools and tables are made for is the most.
            limits: limits.at_most(&Limits::MAX),
            ports: PerThread::new(|| ports.copied()),
        })
    }

    /// Holds a configuration against its schema, and asks the node which ports it has with it.
    async fn ask(&self, config: &Json) -> Result<SaidPorts, ConfigureError> {
        let (host, info) = (&self.plugin.host, self.info());
        let checked = host
            .check_schemas(vec![(info.config_schema.clone(), config.clone())])
            .await?;
        let faults: Vec<_> = checked.into_iter().flatten().collect();
        if !faults.is_empty() {
            return Err(ConfigureError::Schema(faults));
        }
        let (plugin, name, asked) = (self.plugin.clone(), info.name.clone(), config.clone());
        let said = host
            .on_guest_thread(async move {
                let mut sandbox = plugin
                    .host
                    .open_to_ask(Phase::Configure, &CONFIGURE_LIMITS, plugin.places)
                    .await;
                let (deadline, threads) = (sandbox.deadline(), sandbox.threads);
                let said =
                    plugin
                        .adapter
                        .configure(&mut sandbox.store, name.as_str(), asked.as_str());
                let ran = within(said, deadline, threads).await;
                sandbox.close(ran).result
            })
            .await?
            .map_err(lockgate_model::CallError::from)?;
        Ok(said)
    }

    /// Remembers which ports the node has with a configuration, also for the next start.
    async fn remember(&self, config: &Json, ports: String) {
        let (plugin, name) = (self.plugin.clone(), self.info().name.clone());
        if plugin
            .answers
            .remember(name.as_str(), config.as_str(), ports)
        {
            let threads = &self.plugin.host.threads;
            let keeping = threads.serve(async move {
                let compiler = &plugin.host.compiler;
                compiler.keep_answers(&plugin.id.digest, &DIGEST, &plugin.answers);
            });
            keeping.await;
        }
    }
}

impl Node for PluginNode {
    fn info(&self) -> &NodeInfo {
        &self.plugin.info.nodes[self.index]
    }

    fn plugin(&self) -> &PluginId {
        &self.plugin.id
    }

    fn limits(&self) -> &Limits {
        &self.plugin.limits
    }

    fn configure(
        &self,
        config: Json,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Arc<dyn NodeRunner>, ConfigureError>> {
        Box::pin(async move {
            let configured = Arc::new(self.configured(config, limits).await?);
            Ok(Arc::new(PluginRunner(configured)) as Arc<dyn NodeRunner>)
        })
    }
}

struct PluginRunner(Arc<Configured>);

impl NodeRunner for PluginRunner {
    fn ports(&self) -> &Ports {
        self.0.ports.mine()
    }

    fn places(&self) -> u32 {
        self.0.plugin.places
    }

    fn keeps_time(&self) -> bool {
        true
    }

    fn run(&self, call: Call) -> BoxFuture<'_, CallEnd> {
        if on_guest_thread() {
            return Box::pin(call::run(&self.0, call));
        }
        let node = self.0.clone();
        Box::pin(
            self.0
                .plugin
                .host
                .threads
                .spawn(async move { call::run(&node, call).await }),
        )
    }
}
