//! JSON Schemas that strangers wrote, evaluated in a sandbox: by a component that is built into the host, with fuel, and
//! never natively. A chain of `allOf` that doubles at each link, or a pattern that backtracks, runs out of fuel there.

use std::sync::{Arc, LazyLock};

use lockgate_model::{CallError, HostFault, Json, Limits, SchemaFault};
use wasmtime::Store;
use wasmtime::component::Linker;

use crate::contract::said;
use crate::host::Host;
use crate::sandbox::{Phase, State, within};
use crate::scan::digest;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/schema@0.1.0",
        world: "evaluator",
        ownership: Borrowing { duplicate_if_necessary: true },
        exports: { default: async },
    });
}

/// The evaluator, as `make guests` builds it.
static COMPONENT: &[u8] = include_bytes!(env!("LOCKGATE_SCHEMA_COMPONENT"));

/// The evaluator's digest.
pub(crate) static DIGEST: LazyLock<String> = LazyLock::new(|| digest(COMPONENT));

/// What one evaluation may use.
const LIMITS: Limits = Limits {
    fuel: 500_000_000,
    timeout_ms: 10_000,
    memory_bytes: 128 << 20,
    output_bytes: 1 << 20,
    copied_bytes: 1 << 20,
    ..Limits::DEFAULT
};

/// The longest path or message of a fault that is kept, in bytes. A document's keys can be as long as the document.
const MAX_FAULT_BYTES: usize = 1 << 10;

/// The evaluator, ready to be instantiated.
pub(crate) struct Schemas(bindings::EvaluatorPre<State>);

impl Schemas {
    async fn instance(&self, store: &mut Store<State>) -> wasmtime::Result<bindings::Evaluator> {
        let instance = self.0.instantiate_async(&mut *store).await?;
        store.data_mut().mark_instantiated();
        Ok(instance)
    }
}

impl Host {
    /// Says of each schema why it is none, if it is none.
    pub(crate) async fn compile_schemas(
        self: &Arc<Self>,
        schemas: &[Json],
    ) -> Result<Vec<Option<String>>, CallError> {
        if schemas.is_empty() {
            return Ok(Vec::new());
        }
        let (host, schemas) = (self.clone(), schemas.to_vec());
        self.on_guest_thread(async move {
            let evaluator = host.evaluator().await?;
            let schemas: Vec<_> = schemas.iter().map(Json::as_str).collect();
            let mut sandbox = host.open_to_ask(Phase::Run, &LIMITS, 1).await;
            let (deadline, threads, store) =
                (sandbox.deadline(), sandbox.threads, &mut sandbox.store);
            let answer = async {
                let instance = evaluator.instance(store).await?;
                instance
                    .lockgate_schema_evaluation()
                    .call_compile(store, &schemas)
                    .await
            };
            let ran = within(answer, deadline, threads).await;
            sandbox.close(ran).result
        })
        .await
    }

    /// Holds each document against its schema, and gives the faults of each.
    pub(crate) async fn check_schemas(
        self: &Arc<Self>,
        pairs: Vec<(Json, Json)>,
    ) -> Result<Vec<Vec<SchemaFault>>, CallError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let host = self.clone();
        self.on_guest_thread(async move {
            let evaluator = host.evaluator().await?;
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(schema, json)| (schema.as_str(), json.as_str()))
                .collect();
            let mut sandbox = host.open_to_ask(Phase::Run, &LIMITS, 1).await;
            let (deadline, threads, store) =
                (sandbox.deadline(), sandbox.threads, &mut sandbox.store);
            let answer = async {
                let instance = evaluator.instance(store).await?;
                instance
                    .lockgate_schema_evaluation()
                    .call_check(store, &pairs)
                    .await
            };
            let ran = within(answer, deadline, threads).await;
            let faults = sandbox.close(ran).result?;
            let fault =
                |fault: bindings::exports::lockgate::schema::evaluation::Fault| SchemaFault {
                    path: said::bounded(fault.path, MAX_FAULT_BYTES),
                    message: said::bounded(fault.message, MAX_FAULT_BYTES),
                };
            Ok(faults
                .into_iter()
                .map(|faults| faults.into_iter().map(fault).collect())
                .collect())
        })
        .await
    }

    /// The evaluator, compiled at its first use.
    async fn evaluator(self: &Arc<Self>) -> Result<&Schemas, CallError> {
        let load = || async {
            let host = self.clone();
            let compiled = self
                .threads
                .serve(async move {
                    host.compiler
                        .component(&host.engine, &DIGEST, COMPONENT)
                        .await
                })
                .await
                .map_err(|error| {
                    HostFault::new(format!("the built-in schema evaluator: {error}"))
                })?;
            let failed =
                |error| HostFault::new(format!("the built-in schema evaluator: {error:#}"));
            let linker = Linker::<State>::new(&self.engine);
            let pre = linker.instantiate_pre(&compiled).map_err(failed)?;
            Ok::<_, HostFault>(Schemas(bindings::EvaluatorPre::new(pre).map_err(failed)?))
        };
        Ok(self.schemas.get_or_try_init(load).await?)
    }
}
