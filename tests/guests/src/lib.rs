//! What the hostile guests share: a node that misbehaves is ten lines, and only the misbehaviour is its own.
//!
//! A guest implements [`Hostile`] where it is hostile and inherits the rest, which is a harmless node called `node`. The
//! guests are `examples/NAME.rs`; those that need less than Rust, or what Rust cannot say, are `wat/NAME.wat`. They stand
//! on the bindings alone, not on the SDK, which would keep them from most of this.

pub mod bindings;

pub use bindings::lockgate::node::types::{
    Blob, Call, Failure, FailureKind, NodeInfo, NodeKind, PluginInfo, Port, Ports, Value, ValueKind,
};
pub use bindings::lockgate::node::{http, log, streaming};
pub use bindings::wasi;

/// What `run` gives.
pub type Answer = Result<Vec<(String, Value)>, Failure>;

/// A plugin that is harmless where it does not say otherwise.
pub trait Hostile {
    /// What the plugin says of itself.
    fn describe() -> PluginInfo {
        plugin()
    }

    /// The ports under a configuration.
    fn configure(_node: String, _config: String) -> Result<Ports, Failure> {
        Ok(ports())
    }

    /// Runs the node.
    fn run(_call: Call) -> Answer {
        Ok(Vec::new())
    }
}

impl<T: Hostile> bindings::exports::lockgate::node::plugin::Guest for T {
    fn describe() -> PluginInfo {
        T::describe()
    }

    fn configure(node: String, config: String) -> Result<Ports, Failure> {
        T::configure(node, config)
    }

    fn run(call: Call) -> Answer {
        T::run(call)
    }
}

/// The description of a plugin with one harmless node.
pub fn plugin() -> PluginInfo {
    PluginInfo {
        name: "hostile".to_owned(),
        version: "1.0.0".to_owned(),
        summary: "A guest that tests the host.".to_owned(),
        nodes: vec![node()],
    }
}

/// The harmless node. `prelude/describe.wat` says the same.
pub fn node() -> NodeInfo {
    NodeInfo {
        name: "node".to_owned(),
        summary: String::new(),
        kind: NodeKind::Transform,
        ports: ports(),
        config_schema: "{}".to_owned(),
        pure: false,
    }
}

/// Its ports: none has to be wired, none has to be given.
pub fn ports() -> Ports {
    Ports {
        inputs: vec![
            port("value", ValueKind::Any),
            Port {
                streaming: true,
                ..port("parts", ValueKind::Any)
            },
        ],
        outputs: vec![
            port("text", ValueKind::Text),
            port("json", ValueKind::Json),
            Port {
                streaming: true,
                ..port("parts", ValueKind::Any)
            },
        ],
    }
}

/// A port that is not required and does not stream.
pub fn port(name: &str, kind: ValueKind) -> Port {
    Port {
        name: name.to_owned(),
        summary: String::new(),
        kind,
        required: false,
        streaming: false,
        schema: None,
    }
}

/// The answer of one output.
pub fn output(name: &str, value: Value) -> Answer {
    Ok(vec![(name.to_owned(), value)])
}

/// A text on the output `text`.
pub fn text(text: impl Into<String>) -> Answer {
    output("text", Value::Text(text.into()))
}

/// A JSON Schema of 2 KB that takes 2^40 checks to hold a document against.
pub fn doubling_schema() -> String {
    let links: Vec<_> = (0..40)
        .map(|link| {
            format!(
                r##""{link}":{{"allOf":[{{"$ref":"#/$defs/{0}"}},{{"$ref":"#/$defs/{0}"}}]}}"##,
                link + 1
            )
        })
        .collect();
    format!(
        r##"{{"$ref":"#/$defs/0","$defs":{{{},"40":{{}}}}}}"##,
        links.join(",")
    )
}

/// Makes the type, which is [`Hostile`], the component's plugin.
#[macro_export]
macro_rules! guest {
    ($plugin:ident) => {
        // Natively the exports' names mean nothing, and a linker takes them for something else.
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export_guest!($plugin);
        #[cfg(not(target_arch = "wasm32"))]
        const _: (
            fn() -> $crate::PluginInfo,
            fn($crate::Call) -> $crate::Answer,
        ) = (
            <$plugin as $crate::Hostile>::describe,
            <$plugin as $crate::Hostile>::run,
        );
    };
}
