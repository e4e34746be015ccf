//! Sends texts for ever, whether anybody reads them or not.

use lockgate_test_guests::{
    Answer, Call, Failure, Hostile, PluginInfo, Port, Ports, Value, ValueKind, guest, node, plugin,
    port, streaming,
};

struct Heedless;

fn ports() -> Ports {
    Ports {
        outputs: vec![Port {
            streaming: true,
            ..port("out", ValueKind::Text)
        }],
        ..lockgate_test_guests::ports()
    }
}

impl Hostile for Heedless {
    fn describe() -> PluginInfo {
        let mut node = node();
        node.ports = ports();
        PluginInfo {
            nodes: vec![node],
            ..plugin()
        }
    }

    fn configure(_: String, _: String) -> Result<Ports, Failure> {
        Ok(ports())
    }

    fn run(_: Call) -> Answer {
        let part = Value::Text("and on ".to_owned());
        loop {
            let _is_read = streaming::emit("out", &part);
        }
    }
}

guest!(Heedless);
