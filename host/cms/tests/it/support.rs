//! What the tests share: a time that jumps, data that can be told apart, clients of a stand-in.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use lockgate_cms::{
    Client, Clock, CredentialChain, Credentials, Datum, Dimensions, Endpoint, MetricName, Period,
    Statistic, SystemClock,
};
use lockgate_stand_ins::{Gateway, GatewayConfig, Key, VirtualTime};

/// When virtual time begins, in milliseconds since 1970.
pub(crate) const BEGAN_MS: u64 = 1_763_730_000_000;

/// Virtual time as the crate's clock.
#[derive(Debug, Clone)]
pub(crate) struct Virtual(pub(crate) VirtualTime);

impl Clock for Virtual {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.0.sleep(duration))
    }

    fn patience(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.0.patience(duration))
    }
}

/// A time that jumps, from [`BEGAN_MS`] on.
pub(crate) fn time() -> VirtualTime {
    VirtualTime::new(SystemTime::UNIX_EPOCH + Duration::from_millis(BEGAN_MS))
}

/// The key that gateways take.
pub(crate) fn key() -> Key {
    Key::new("testid", "testsecret")
}

/// A gateway in a time.
pub(crate) fn config(time: &VirtualTime) -> GatewayConfig {
    GatewayConfig::new(key()).in_time(time)
}

/// A client of a gateway by the machine's clock.
pub(crate) fn client(gateway: &Gateway) -> Client {
    client_by(gateway, Arc::new(SystemClock))
}

/// A client of a gateway in a time.
pub(crate) fn client_in(gateway: &Gateway, time: &VirtualTime) -> Client {
    client_by(gateway, Arc::new(Virtual(time.clone())))
}

fn client_by(gateway: &Gateway, clock: Arc<dyn Clock>) -> Client {
    let chain = CredentialChain::fixed(Credentials::new("testid", "testsecret"));
    client_with(gateway, chain, clock)
}

pub(crate) fn client_with(
    gateway: &Gateway,
    chain: CredentialChain,
    clock: Arc<dyn Clock>,
) -> Client {
    let endpoint = Endpoint::at(&gateway.url()).expect("an address");
    Client::new(endpoint, Arc::new(chain), clock).expect("a client")
}

/// A datum of a series, about a moment after [`BEGAN_MS`].
pub(crate) fn datum(series: u64, ms: u64) -> Datum {
    let dimensions = Dimensions::new()
        .with("series", series.to_string())
        .expect("kept");
    let statistics = [
        (Statistic::Sum, series as f64),
        (Statistic::SampleCount, 1.0),
    ];
    let name = MetricName::new("latency").expect("a name");
    Datum::aggregated(name, dimensions, Period::Minute, statistics, BEGAN_MS + ms).expect("a datum")
}
