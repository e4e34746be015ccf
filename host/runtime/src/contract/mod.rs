//! The contract between host and plugins, version by version: `wit/node@…/node.wit`.
//!
//! A component's version is read from the name of the interface that it exports, before it is compiled or instantiated.
//! Each version is one adapter, one file, onto the one internal form in [`said`] and [`lockgate_model`]; everything else
//! in this crate is the same for all of them. A new version is a new file and a line in [`Version`].

pub(crate) mod said;
mod v0_1;

use futures::future::BoxFuture;
use lockgate_model::Failure;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Result, Store};

use crate::sandbox::{self, State};
use said::{SaidOutputs, SaidPlugin, SaidPorts};

/// A version of the contract that this host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V0_1,
}

impl Version {
    /// Every version, the newest first.
    const ALL: [Self; 1] = [Self::V0_1];

    /// The interface that a component of this version exports.
    pub(crate) fn export(self) -> &'static str {
        match self {
            Self::V0_1 => "lockgate:node/plugin@0.1.0",
        }
    }

    /// The interfaces of this version that the host offers.
    fn imports(self) -> &'static [&'static str] {
        match self {
            Self::V0_1 => &[
                "lockgate:node/types@0.1.0",
                "lockgate:node/log@0.1.0",
                "lockgate:node/streaming@0.1.0",
                "lockgate:node/http@0.1.0",
            ],
        }
    }

    /// The version of the component that exports these names.
    pub(crate) fn of<'a>(mut exports: impl Iterator<Item = &'a str>) -> Option<Self> {
        exports.find_map(|export| {
            Self::ALL
                .into_iter()
                .find(|version| version.export() == export)
        })
    }

    /// Whether a component of this version may import `name`.
    pub(crate) fn offers(self, name: &str) -> bool {
        self.imports().contains(&name) || sandbox::offers(name)
    }
}

/// The linkers of all versions, made once.
pub(crate) struct Contracts {
    v0_1: Linker<State>,
}

impl Contracts {
    pub(crate) fn new(engine: &Engine) -> Result<Self> {
        let mut v0_1 = Linker::new(engine);
        sandbox::add_to_linker(&mut v0_1)?;
        v0_1::add_to_linker(&mut v0_1)?;
        Ok(Self { v0_1 })
    }

    /// Ties a component to the host's side of its version. Fails if an import or export is not of the right type.
    pub(crate) fn bind(&self, version: Version, component: &Component) -> Result<Box<dyn Adapter>> {
        match version {
            Version::V0_1 => {
                let pre: InstancePre<State> = self.v0_1.instantiate_pre(component)?;
                Ok(Box::new(v0_1::V0_1::new(pre)?))
            }
        }
    }
}

/// One call of a node, in the internal form.
pub(crate) struct GuestCall<'a> {
    pub(crate) node: &'a str,
    pub(crate) inputs: &'a [(lockgate_model::Ident, lockgate_model::Value)],
    pub(crate) config: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) attempt: u32,
    pub(crate) deadline_ms: u64,
}

/// A component of one version of the contract. Each function makes a fresh instance in the store that it is given, which
/// nobody uses again. The outer error is the sandbox's, the inner one is the node's own.
pub(crate) trait Adapter: Send + Sync {
    fn describe<'a>(&'a self, store: &'a mut Store<State>) -> BoxFuture<'a, Result<SaidPlugin>>;

    fn configure<'a>(
        &'a self,
        store: &'a mut Store<State>,
        node: &'a str,
        config: &'a str,
    ) -> BoxFuture<'a, Result<Result<SaidPorts, Failure>>>;

    fn run<'a>(
        &'a self,
        store: &'a mut Store<State>,
        call: GuestCall<'a>,
    ) -> BoxFuture<'a, Result<Result<SaidOutputs, Failure>>>;
}
