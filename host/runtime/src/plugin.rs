//! A loaded plugin: a component that was compiled, tied to its version of the contract, and asked what it is.

use std::fmt;
use std::sync::Arc;

use lockgate_model::{CallError, HostFault, Kebab, Limits, Node, PluginId, PluginInfo, PluginName};

use crate::answers::Answers;
use crate::contract::Adapter;
use crate::contract::said::SaidPlugin;
use crate::error::LoadError;
use crate::host::Host;
use crate::loaded::Loaded;
use crate::node::PluginNode;
use crate::sandbox::{Phase, within};
use crate::scan::{Scan, scan};
use crate::schemas::DIGEST;

/// What `describe` may use. It answers at once, but a language's runtime starts before it does.
const DESCRIBE_LIMITS: Limits = Limits {
    fuel: 500_000_000,
    timeout_ms: 10_000,
    memory_bytes: 128 << 20,
    output_bytes: 4 << 20,
    copied_bytes: 1 << 20,
    ..Limits::DEFAULT
};

/// A loaded plugin. Cloning it copies a pointer.
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

impl Plugin {
    /// Loads a component: looks at its outside, compiles it (or finds it compiled), holds its types against the
    /// contract, asks it in a sandbox what it is, and checks the answer whole.
    pub(crate) async fn load(
        host: Arc<Host>,
        publisher: Kebab,
        bytes: Arc<[u8]>,
    ) -> Result<Self, LoadError> {
        let compiling = host.clone();
        let (scan, component) = host
            .threads
            .serve(async move {
                let scan = scan(&bytes)?;
                let component = compiling
                    .compiler
                    .component(&compiling.engine, &scan.digest, &bytes)
                    .await?;
                Ok::<_, LoadError>((scan, component))
            })
            .await?;
        let Scan {
            version,
            imports,
            instances,
            digest,
        } = scan;
        let needs = component.resources_required();
        let needs =
            needs.ok_or_else(|| LoadError::Invalid("it imports a core module".to_owned()))?;
        let places = host
            .places_for(needs.num_memories, needs.num_tables)
            .map_err(LoadError::Invalid)?;
        let bound = host.contracts.bind(version, &component);
        let adapter = bound.map_err(|error| LoadError::WrongType(format!("{error:#}")))?;

        let known = host.compiler.answers(&digest, &DIGEST);
        let known = known.and_then(|answers| Some((answers.plugin().ok()?, answers)));
        let is_known = known.is_some();
        let (adapter, said, answers) = match known {
            Some((said, answers)) => (adapter, said, answers),
            None => {
                let (adapter, said) = ask(&host, adapter, places).await;
                let said = said.map_err(LoadError::Describe)?;
                let answers = Answers::new(&said);
                let failed = |error| LoadError::Describe(HostFault::new(format!("{error}")).into());
                (adapter, said, answers.map_err(failed)?)
            }
        };
        let checked = host.checked_plugin(said, is_known).await;
        let info = checked
            .map_err(LoadError::Describe)?
            .map_err(LoadError::Malformed)?;
        if !is_known {
            host.compiler.keep_answers(&digest, &DIGEST, &answers);
        }
        let name = PluginName {
            publisher,
            name: info.name.clone(),
        };
        let id = PluginId {
            name,
            version: info.version.clone(),
            digest: digest.into(),
        };
        let limits = host.limits;
        Ok(Self(Arc::new(Loaded {
            host,
            adapter,
            id,
            info,
            limits,
            instances,
            places,
            imports,
            answers,
        })))
    }

    /// Which plugin this is.
    pub fn id(&self) -> &PluginId {
        &self.0.id
    }

    /// What it says of itself.
    pub fn info(&self) -> &PluginInfo {
        &self.0.info
    }

    /// The interfaces that it imports: what it may ever ask the host for.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// Its node of this name.
    pub fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        let index = self
            .0
            .info
            .nodes
            .iter()
            .position(|node| node.name.as_str() == name)?;
        Some(Arc::new(PluginNode::new(self.0.clone(), index)))
    }
}

/// Asks a plugin in a sandbox what it is.
async fn ask(
    host: &Arc<Host>,
    adapter: Box<dyn Adapter>,
    places: u32,
) -> (Box<dyn Adapter>, Result<SaidPlugin, CallError>) {
    let asking = host.clone();
    host.on_guest_thread(async move {
        let mut sandbox = asking
            .open_to_ask(Phase::Describe, &DESCRIBE_LIMITS, places)
            .await;
        let (deadline, threads) = (sandbox.deadline(), sandbox.threads);
        let ran = within(adapter.describe(&mut sandbox.store), deadline, threads).await;
        let said = sandbox.close(ran).result;
        (adapter, said)
    })
    .await
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}
