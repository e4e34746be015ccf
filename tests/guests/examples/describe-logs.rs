//! Calls the host where it may not: when it is asked what it is.

use lockgate_test_guests::log::{Level, log};
use lockgate_test_guests::{Hostile, PluginInfo, guest, plugin};

struct DescribeLogs;

impl Hostile for DescribeLogs {
    fn describe() -> PluginInfo {
        log(Level::Info, "hello");
        plugin()
    }
}

guest!(DescribeLogs);
