//! How often somebody may ask: each key so many requests a second, and each address so many without a good key.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use uuid::Uuid;

use crate::problem::{Code, Problem};

/// How many addresses are told apart at most. Over that, those that come new share one limit.
const MAX_ADDRESSES: usize = 10_000;

/// How many keys are remembered before those that had a rest are forgotten. There are no more than the store has.
const MAX_KEYS: usize = 10_000;

/// What is left to everybody who asks.
pub(crate) struct Limits {
    keys: DefaultKeyedRateLimiter<Uuid>,
    failures: DefaultKeyedRateLimiter<IpAddr>,
    others: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Limits {
    /// `key_requests` a second for each key, `failed_requests` a minute for each address.
    pub(crate) fn new(key_requests: NonZeroU32, failed_requests: NonZeroU32) -> Self {
        Self {
            keys: RateLimiter::keyed(Quota::per_second(key_requests)),
            failures: RateLimiter::keyed(Quota::per_minute(failed_requests)),
            others: RateLimiter::direct(Quota::per_minute(failed_requests)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request with a good key.
    pub(crate) fn key(&self, key: &Uuid) -> Result<(), Problem> {
        if let Err(until) = self.keys.check_key(key) {
            if self.keys.len() > MAX_KEYS {
                self.keys.retain_recent();
            }
            return Err(self.refused(&until, "the key"));
        }
        Ok(())
    }

    /// Counts a request without a good key.
    pub(crate) fn failure(&self, address: IpAddr) -> Result<(), Problem> {
        let address = whose(address);
        if self.failures.len() >= MAX_ADDRESSES {
            self.failures.retain_recent();
            if self.failures.len() >= MAX_ADDRESSES {
                let checked = self.others.check();
                return checked.map_err(|until| self.refused(&until, "the address"));
            }
        }
        let checked = self.failures.check_key(&address);
        checked.map_err(|until| self.refused(&until, "the address"))
    }

    fn refused(
        &self,
        until: &NotUntil<<DefaultClock as governor::clock::Clock>::Instant>,
        whose: &str,
    ) -> Problem {
        let wait: Duration = until.wait_time_from(self.clock.now());
        let detail = format!("{whose} made more requests than are answered in this time");
        Problem::new(Code::TooManyRequests, detail).retry_after(wait)
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

/// Whoever has one IPv6 address has the other 2⁶⁴ of its network too.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_address() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(whose(address("2001:db8::1")), address("2001:db8::"));
        assert_eq!(whose(address("::ffff:10.0.0.1")), address("10.0.0.1"));
        assert_eq!(whose(address("10.0.0.1")), address("10.0.0.1"));
    }

    #[test]
    fn who_asks_too_often_is_told_when_to_come_back() {
        let limits = Limits::new(NonZeroU32::MIN, NonZeroU32::MIN);
        let key = Uuid::nil();
        assert!(limits.key(&key).is_ok());
        let problem = limits.key(&key).expect_err("the second at once");
        assert_eq!(problem.code(), Code::TooManyRequests);
        let address = "10.0.0.1".parse().expect("an address");
        assert!(limits.failure(address).is_ok());
        assert!(limits.failure(address).is_err());
    }
}
