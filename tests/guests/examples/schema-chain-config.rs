//! The schema of its configuration doubles at each link: 2^40 checks in 2 KB.

use lockgate_test_guests::{Hostile, PluginInfo, doubling_schema, guest, plugin};

struct SchemaChainConfig;

impl Hostile for SchemaChainConfig {
    fn describe() -> PluginInfo {
        let mut plugin = plugin();
        plugin.nodes[0].config_schema = doubling_schema();
        plugin
    }
}

guest!(SchemaChainConfig);
