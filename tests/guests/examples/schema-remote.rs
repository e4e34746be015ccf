//! Its schema is somewhere on the network, where the host would have to fetch it.

use lockgate_test_guests::{Hostile, PluginInfo, guest, plugin};

struct SchemaRemote;

impl Hostile for SchemaRemote {
    fn describe() -> PluginInfo {
        let mut plugin = plugin();
        plugin.nodes[0].config_schema = r#"{"$ref": "http://127.0.0.1/schema.json"}"#.to_owned();
        plugin
    }
}

guest!(SchemaRemote);
