//! The signature of a request, as Alibaba Cloud's RPC style has it: HMAC-SHA1 over the sorted parameters.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use zeroize::Zeroizing;

/// What RFC 3986 calls unreserved stays as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A text as signatures and queries have it: all but `A-Za-z0-9-_.~` as `%XX`.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The signature of a request's parameters. A parameter `Signature` is left out of it.
///
/// ```
/// let parameters = [("Action", "DescribeRegions"), ("Format", "XML"), ("AccessKeyId", "testid")];
/// let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
/// assert_eq!(lockgate_cms::sign("GET", &parameters, "testsecret").len(), 28);
/// ```
pub fn sign(method: &str, parameters: &BTreeMap<String, String>, secret: &str) -> String {
    let key = Zeroizing::new(format!("{secret}&"));
    // HMAC takes keys of any length: the other arm is never reached, and no server takes what it gives.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    mac.update(string_to_sign(method, parameters).as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// What is signed. The map's order is the order of bytes, which is what the signature asks for: `.10.` comes before `.2.`.
pub fn string_to_sign(method: &str, parameters: &BTreeMap<String, String>) -> String {
    let signed = parameters.iter().filter(|(name, _)| *name != "Signature");
    format!("{method}&%2F&{}", encode(&query(signed)))
}

/// Parameters as a query.
pub(crate) fn query<'a>(parameters: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, RESERVED));
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> BTreeMap<String, String> {
        [
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Format", "XML"),
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("Version", "2014-05-26"),
            ("SignatureVersion", "1.0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn the_published_answer() {
        assert_eq!(
            sign("GET", &published(), "testsecret"),
            "OLeaidS1JvxuMvnyHOwuJ+uX5qY="
        );
    }

    #[test]
    fn a_signature_is_not_signed_and_all_else_is() {
        let mut parameters = published();
        parameters.insert("Signature".to_owned(), "anything".to_owned());
        let signed = sign("GET", &parameters, "testsecret");
        assert_eq!(signed, "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
        assert_ne!(sign("POST", &parameters, "testsecret"), signed);
        assert_ne!(sign("GET", &parameters, "testsecret2"), signed);
        parameters.insert("More".to_owned(), String::new());
        assert_ne!(sign("GET", &parameters, "testsecret"), signed);
    }

    #[test]
    fn what_is_reserved_is_encoded() {
        assert_eq!(encode("aZ0-_.~"), "aZ0-_.~");
        assert_eq!(encode(" +*/=&%\n"), "%20%2B%2A%2F%3D%26%25%0A");
        assert_eq!(encode("春"), "%E6%98%A5");
    }
}
