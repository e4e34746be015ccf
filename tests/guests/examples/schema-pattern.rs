//! Its schema has a pattern that is small and compiles to gigabytes.

use lockgate_test_guests::{Hostile, PluginInfo, guest, plugin};

struct SchemaPattern;

impl Hostile for SchemaPattern {
    fn describe() -> PluginInfo {
        let mut plugin = plugin();
        plugin.nodes[0].config_schema = r#"{"pattern": "((a{1,999}){1,999}){1,999}$"}"#.to_owned();
        plugin
    }
}

guest!(SchemaPattern);
