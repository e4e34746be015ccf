//! Declares an output as required and does not give it.

use lockgate_test_guests::{Failure, Hostile, PluginInfo, Ports, guest, plugin, ports};

struct Missing;

fn required() -> Ports {
    let mut ports = ports();
    ports.outputs[0].required = true;
    ports
}

impl Hostile for Missing {
    fn describe() -> PluginInfo {
        let mut plugin = plugin();
        plugin.nodes[0].ports = required();
        plugin
    }

    fn configure(_: String, _: String) -> Result<Ports, Failure> {
        Ok(required())
    }
}

guest!(Missing);
