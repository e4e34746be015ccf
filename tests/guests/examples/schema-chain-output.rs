//! The schema of an output doubles at each link.

use lockgate_test_guests::{
    Answer, Call, Failure, Hostile, PluginInfo, Ports, Value, doubling_schema, guest, output,
    plugin, ports,
};

struct SchemaChainOutput;

fn endless() -> Ports {
    let mut ports = ports();
    ports.outputs[1].schema = Some(doubling_schema());
    ports
}

impl Hostile for SchemaChainOutput {
    fn describe() -> PluginInfo {
        let mut plugin = plugin();
        plugin.nodes[0].ports = endless();
        plugin
    }

    fn configure(_: String, _: String) -> Result<Ports, Failure> {
        Ok(endless())
    }

    fn run(_: Call) -> Answer {
        output("json", Value::Json("1".to_owned()))
    }
}

guest!(SchemaChainOutput);
