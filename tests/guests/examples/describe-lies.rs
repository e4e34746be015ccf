//! Nothing that it says of itself is right.

use lockgate_test_guests::{Hostile, PluginInfo, Port, ValueKind, guest, node, plugin, port};

struct DescribeLies;

impl Hostile for DescribeLies {
    fn describe() -> PluginInfo {
        let mut liar = node();
        liar.name = "\u{1b}]0;pwned\u{7}".to_owned();
        liar.summary = "x".repeat(1 << 20);
        liar.config_schema = r#"{"type": "no-such-type"}"#.to_owned();
        liar.ports.inputs = vec![port("twin", ValueKind::Text), port("twin", ValueKind::Text)];
        liar.ports.outputs = vec![
            port("input", ValueKind::Text),
            Port {
                schema: Some("{".to_owned()),
                ..port("json", ValueKind::Json)
            },
            Port {
                schema: Some("{}".to_owned()),
                ..port("text", ValueKind::Text)
            },
        ];
        PluginInfo {
            name: "Not Kebab".to_owned(),
            version: "one".to_owned(),
            nodes: vec![liar, node(), node()],
            ..plugin()
        }
    }
}

guest!(DescribeLies);
