//! Gives a long document that its own port's schema refuses.

use lockgate_test_guests::{
    Answer, Call, Failure, Hostile, PluginInfo, Ports, Value, guest, output, plugin, ports,
};

struct AgainstSchema;

fn strict() -> Ports {
    let mut ports = ports();
    ports.outputs[1].schema = Some(r#"{"type": "integer"}"#.to_owned());
    ports
}

impl Hostile for AgainstSchema {
    fn describe() -> PluginInfo {
        let mut plugin = plugin();
        plugin.nodes[0].ports = strict();
        plugin
    }

    fn configure(_: String, _: String) -> Result<Ports, Failure> {
        Ok(strict())
    }

    fn run(_: Call) -> Answer {
        output("json", Value::Json(format!("{:?}", "x".repeat(1 << 20))))
    }
}

guest!(AgainstSchema);
