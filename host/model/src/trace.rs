//! The name of a trace: of everything that one request caused, on whichever machines.

use std::fmt;

use serde::{Serialize, Serializer};

/// Names a trace. Never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

impl TraceId {
    /// Reads 32 hexadecimal digits, in lower case, that are not all zeros.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.bytes();
        let is_plain = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !digits.into_iter().all(is_plain) {
            return None;
        }
        let number = u128::from_str_radix(text, 16).ok()?;
        (number != 0).then(|| Self(number.to_be_bytes()))
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_32_digits_that_are_not_all_zeros() {
        let text = "0af7651916cd43dd8448eb211c80319c";
        let id = TraceId::read(text).expect("a name");
        assert_eq!(id.to_string(), text);
        assert_eq!(
            serde_json::to_string(&id).expect("JSON"),
            format!("\"{text}\"")
        );
        for wrong in [
            "",
            "00000000000000000000000000000000",
            "0AF7651916CD43DD8448EB211C80319C",
            "0af7651916cd43dd8448eb211c80319",
            "0af7651916cd43dd8448eb211c80319c0",
            "+af7651916cd43dd8448eb211c80319c",
            "éééééééééééééééé",
        ] {
            assert_eq!(TraceId::read(wrong), None, "{wrong}");
        }
    }
}
