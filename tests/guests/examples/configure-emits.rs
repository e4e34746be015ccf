//! Calls the host where it may not: when it is asked about a configuration.

use lockgate_test_guests::{Failure, Hostile, Ports, Value, guest, ports, streaming};

struct ConfigureEmits;

impl Hostile for ConfigureEmits {
    fn configure(_: String, _: String) -> Result<Ports, Failure> {
        streaming::emit("parts", &Value::Text(String::new()));
        Ok(ports())
    }
}

guest!(ConfigureEmits);
