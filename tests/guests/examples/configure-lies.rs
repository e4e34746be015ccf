//! Takes back under a configuration what it promised under every one.

use lockgate_test_guests::{Failure, Hostile, Ports, ValueKind, guest, port, ports};

struct ConfigureLies;

impl Hostile for ConfigureLies {
    fn configure(_: String, _: String) -> Result<Ports, Failure> {
        let mut ports = ports();
        ports.inputs.clear();
        ports.outputs[0].kind = ValueKind::Binary;
        ports.outputs.push(port("Bad Name", ValueKind::Text));
        Ok(ports)
    }
}

guest!(ConfigureLies);
