//! Runs as an engine tells of them.

use std::sync::Arc;
use std::time::Duration;

use lockgate_model::{
    CallError, CountedFlow, CountedNode, FlowOrigin, FlowSeries, Ident, Kebab, NodeFinished,
    NodeOutcome, NodeReceipt, PluginId, RunOutcome, Telemetry as _, Usage,
};
use lockgate_telemetry::Counts;
use serde_json::json;

/// A flow of one node.
pub(crate) struct Flow(Arc<dyn FlowSeries>);

impl Flow {
    /// A version of a flow whose node is of `test:p@1.0.0`.
    pub(crate) fn new(
        counts: &Counts,
        project: &str,
        flow: &str,
        version: u32,
        node: &str,
    ) -> Self {
        let kebab = |name: &str| name.parse::<Kebab>().expect("a name");
        let plugin = PluginId {
            name: "test:p".parse().expect("a name"),
            version: semver::Version::new(1, 0, 0),
            digest: "00".into(),
        };
        Self(counts.series(&CountedFlow {
            origin: Some(&FlowOrigin {
                project: kebab(project),
                version,
            }),
            name: &kebab(flow),
            nodes: vec![CountedNode {
                name: &node.parse::<Ident>().expect("a name"),
                plugin: Some(&plugin),
            }],
        }))
    }

    /// A run of it, in which the node is all that takes time.
    pub(crate) fn run(&self, took: Duration) {
        let outcome = NodeOutcome::Ok(Vec::new());
        self.node(&outcome, took, None);
        let output = Arc::new(json!({}));
        self.0.run_finished(&RunOutcome::Ok(output), took);
    }

    /// A run of it in which the node called a model.
    pub(crate) fn model(&self, took: Duration, provider: &str, model: &str) {
        let usage = Usage {
            provider: provider.to_owned(),
            model: model.to_owned(),
            input_tokens: 100,
            output_tokens: 20,
            cached_tokens: None,
        };
        self.node(&NodeOutcome::Ok(Vec::new()), took, Some(usage));
    }

    /// A run of it that failed with this error of its node.
    pub(crate) fn fail(&self, took: Duration, error: CallError) {
        let error = Arc::new(error);
        self.node(&NodeOutcome::Failed(Arc::clone(&error)), took, None);
        let node = lockgate_model::At {
            within: "".into(),
            node: "a".parse().expect("a name"),
            index: None,
        };
        self.0
            .run_finished(&RunOutcome::Failed { node, error }, took);
    }

    fn node(&self, outcome: &NodeOutcome, took: Duration, usage: Option<Usage>) {
        let mut receipt = NodeReceipt {
            attempts: 1,
            usage,
            ..NodeReceipt::default()
        };
        receipt.calls.fuel = 1_000;
        receipt.calls.memory_bytes = 1 << 20;
        self.0.node_finished(&NodeFinished {
            node: 0,
            outcome,
            receipt: &receipt,
            took,
            last_took: took,
        });
    }
}
