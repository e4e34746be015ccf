//! Signed deliveries: `X-Lockgate-Signature: v1=` and the hexadecimal HMAC-SHA-256 of `timestamp.body`.
//!
//! A delivery is taken for five minutes before and after its timestamp, and once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Delivery;
use crate::ServiceError;

/// How far a timestamp may be from the host's clock, in seconds.
pub(super) const TOLERANCE_S: i64 = 300;

/// How many deliveries are remembered. While there are as many within the tolerance, no signed delivery is taken.
const MAX_REMEMBERED: usize = 65_536;

/// The signature of a delivery that was checked.
pub(super) type Signed = [u8; 32];

/// Checks who signed a delivery, and when.
pub(super) fn check(
    secret: &[u8],
    delivery: &Delivery<'_>,
    now_ms: i64,
) -> Result<Signed, ServiceError> {
    let (Some(timestamp), Some(signature)) = (delivery.timestamp, delivery.signature) else {
        return Err(ServiceError::BadSignature(
            "a delivery here is signed: X-Lockgate-Timestamp and X-Lockgate-Signature are missing",
        ));
    };
    let bad = || ServiceError::BadSignature("the signature is not one of this delivery");
    let given = signature
        .strip_prefix("v1=")
        .and_then(unhex)
        .ok_or_else(bad)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)
        .map_err(|_| ServiceError::Internal("a webhook's secret is no key".into()))?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(delivery.body);
    // In constant time. Only who knows the secret is told that the time is wrong.
    mac.verify_slice(&given).map_err(|_| bad())?;
    let at: i64 = timestamp.parse().map_err(|_| {
        ServiceError::BadSignature("X-Lockgate-Timestamp is no number of seconds since 1970")
    })?;
    if (now_ms / 1_000).abs_diff(at) > TOLERANCE_S.unsigned_abs() {
        return Err(ServiceError::BadSignature(
            "the delivery is older than five minutes, or from the future",
        ));
    }
    Ok(given)
}

fn unhex(text: &str) -> Option<Signed> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Deliveries that were taken, until they would be too old anyway.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<HashMap<Signed, i64>>);

impl Seen {
    /// Remembers a delivery; an error if it was taken before, or if no more can be remembered.
    pub(super) fn add(&self, signed: Signed, now_ms: i64) -> Result<(), ServiceError> {
        self.add_within(signed, now_ms, MAX_REMEMBERED)
    }

    fn add_within(&self, signed: Signed, now_ms: i64, most: usize) -> Result<(), ServiceError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A timestamp may be ahead by the tolerance, and is taken for that long after it too.
        let kept_ms = 2 * 1_000 * TOLERANCE_S;
        if seen.len() >= most {
            seen.retain(|_, at| now_ms.saturating_sub(*at) <= kept_ms);
        }
        if seen.contains_key(&signed) {
            return Err(ServiceError::BadSignature("the delivery came before"));
        }
        if seen.len() >= most {
            return Err(ServiceError::Busy {
                what: "as many signed deliveries as it can remember",
                retry_after: Duration::from_secs(60),
            });
        }
        seen.insert(signed, now_ms);
        Ok(())
    }

    /// Forgets a delivery that came to nothing, so that it can come again.
    pub(super) fn remove(&self, signed: &Signed) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(signed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::idempotency::hex;

    const SECRET: &[u8] = b"whs_secret";
    const NOW_MS: i64 = 1_000_000_000;

    fn sign(timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("a key");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1={}", hex(&mac.finalize().into_bytes()))
    }

    fn checked(timestamp: &str, signature: &str) -> Result<Signed, ServiceError> {
        let delivery = Delivery {
            body: b"{}",
            timestamp: Some(timestamp),
            signature: Some(signature),
            idempotency: None,
            address: None,
            trace: None,
        };
        check(SECRET, &delivery, NOW_MS)
    }

    #[test]
    fn only_who_knows_the_secret_signs_and_only_for_five_minutes() {
        for (timestamp, fits) in [
            ("1000000", true),
            ("999700", true),
            ("1000300", true),
            ("999699", false),
            ("1000301", false),
            ("-9223372036854775808", false),
            ("soon", false),
            ("", false),
        ] {
            let signature = sign(timestamp, b"{}");
            assert_eq!(checked(timestamp, &signature).is_ok(), fits, "{timestamp}");
        }
        let good = sign("1000000", b"{}");
        for bad in [
            "",
            "v1=",
            &good[3..],
            &good.replace("v1", "v2"),
            &good[..good.len() - 1],
            &sign("1000000", b"{ }"),
            &sign("1000001", b"{}"),
            "v1=éééééééééééééééééééééééééééééééé",
        ] {
            assert!(checked("1000000", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_delivery_is_taken_once_and_none_is_while_too_many_are_remembered() {
        let seen = Seen::default();
        assert!(seen.add_within([1; 32], 0, 2).is_ok());
        assert!(matches!(
            seen.add_within([1; 32], 0, 2),
            Err(ServiceError::BadSignature(_))
        ));
        assert!(seen.add_within([2; 32], 300_000, 2).is_ok());
        assert!(matches!(
            seen.add_within([3; 32], 600_000, 2),
            Err(ServiceError::Busy { .. })
        ));
        assert!(seen.add_within([3; 32], 600_001, 2).is_ok());
        seen.remove(&[3; 32]);
        assert!(seen.add_within([3; 32], 600_001, 2).is_ok());
    }
}
