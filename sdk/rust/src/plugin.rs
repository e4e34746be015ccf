//! A plugin: the nodes of one component.

use crate::bindings::lockgate::node::types::{Call, NodeInfo, PluginInfo};
use crate::{Failure, Node, Ports, Result, Values, names, node};

/// A plugin, as [`crate::plugin!`] makes it.
#[derive(Debug)]
pub struct Plugin {
    name: &'static str,
    version: &'static str,
    summary: &'static str,
    nodes: &'static [NodeEntry],
}

/// One node of a plugin.
#[doc(hidden)]
#[derive(Debug)]
pub struct NodeEntry {
    name: &'static str,
    describe: fn() -> NodeInfo,
    configure: fn(&str) -> Result<Ports>,
    run: fn(Call) -> Result<Values>,
}

impl NodeEntry {
    /// The entry of a node.
    pub const fn of<N: Node>() -> Self {
        Self {
            name: N::NAME,
            describe: node::describe::<N>,
            configure: node::configure::<N>,
            run: node::run::<N>,
        }
    }
}

impl Plugin {
    /// A plugin. One with a name that it cannot have, or with two nodes of the same name, does not compile.
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        version: &'static str,
        summary: &'static str,
        nodes: &'static [NodeEntry],
    ) -> Self {
        let name = names::node_name(name);
        let mut one = 0;
        while one < nodes.len() {
            let mut other = one + 1;
            while other < nodes.len() {
                assert!(
                    !names::same(nodes[one].name, nodes[other].name),
                    "two nodes of this plugin have the same name"
                );
                other += 1;
            }
            one += 1;
        }
        Self {
            name,
            version,
            summary,
            nodes,
        }
    }

    /// What the plugin says of itself.
    pub fn describe(&self) -> PluginInfo {
        PluginInfo {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            summary: self.summary.to_owned(),
            nodes: self.nodes.iter().map(|node| (node.describe)()).collect(),
        }
    }

    /// Checks a configuration of a node, and says which ports the node has under it.
    ///
    /// # Errors
    ///
    /// The node's own, or `invalid-input` where there is no such node.
    pub fn configure(&self, node: &str, config: &str) -> Result<Ports> {
        (self.node(node)?.configure)(config)
    }

    /// Makes a call.
    ///
    /// # Errors
    ///
    /// The node's own, or `invalid-input` where there is no such node or input, or a value of another kind.
    pub fn run(&self, call: Call) -> Result<Values> {
        (self.node(&call.node)?.run)(call)
    }

    fn node(&self, name: &str) -> Result<&NodeEntry> {
        self.nodes
            .iter()
            .find(|node| node.name == name)
            .ok_or_else(|| {
                let names = self.nodes.iter().map(|node| format!("`{}`", node.name));
                Failure::invalid_input(format!(
                    "the plugin `{}` has no node `{name}`; it has {}",
                    self.name,
                    names.collect::<Vec<_>>().join(", ")
                ))
            })
    }
}

/// Makes nodes a plugin: a static `PLUGIN`, and in WebAssembly the component's exports. Once in a crate.
///
/// ```
/// use lockgate_sdk::prelude::*;
///
/// /// Writes a text in capitals.
/// #[node(transform, pure, output(text = "The text in capitals."))]
/// fn upper(
///     /// Any text.
///     text: String,
/// ) -> String {
///     text.to_uppercase()
/// }
///
/// lockgate_sdk::plugin! {
///     name: "shout",
///     summary: "Makes texts loud.",
///     nodes: [upper],
/// }
/// ```
///
/// `name`, `version` and `summary` may be left out, in this order, and are the package's name, version and description
/// then.
#[macro_export]
macro_rules! plugin {
    (
        $(name: $name:expr,)?
        $(version: $version:expr,)?
        $(summary: $summary:expr,)?
        nodes: [$($node:path),+ $(,)?] $(,)?
    ) => {
        /// This crate's plugin.
        pub static PLUGIN: $crate::Plugin = $crate::Plugin::new(
            $crate::__first!($($name,)? ::core::env!("CARGO_PKG_NAME"),),
            $crate::__first!($($version,)? ::core::env!("CARGO_PKG_VERSION"),),
            $crate::__first!($($summary,)? ::core::env!("CARGO_PKG_DESCRIPTION"),),
            &[$($crate::__private::NodeEntry::of::<$node>()),+],
        );

        $crate::__export!(PLUGIN);
    };
}

/// The first of its arguments.
#[doc(hidden)]
#[macro_export]
macro_rules! __first {
    ($first:expr, $($others:expr,)*) => {
        $first
    };
}

/// The component's exports.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($plugin:ident) => {
        const _: () = {
            use $crate::__private::bindings::{exports, lockgate};

            struct Component;

            impl exports::lockgate::node::plugin::Guest for Component {
                fn describe() -> lockgate::node::types::PluginInfo {
                    $plugin.describe()
                }

                fn configure(node: String, config: String) -> $crate::Result<$crate::Ports> {
                    $plugin.configure(&node, &config)
                }

                fn run(call: lockgate::node::types::Call) -> $crate::Result<Vec<(String, $crate::Value)>> {
                    $plugin.run(call).map(Vec::from)
                }
            }

            $crate::__private::bindings::export_plugin!(Component with_types_in $crate::__private::bindings);
        };
    };
}

/// Natively there is no host to export to: [`crate::testing`] calls the plugin.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($plugin:ident) => {};
}
