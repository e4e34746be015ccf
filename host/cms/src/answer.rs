//! What an answer of the gateway means. HTTP's status alone does not say it: a body that refuses comes with 200, too.

use serde::Deserialize;

use crate::credentials::Credentials;
use crate::http::{Answer, clean};
use crate::{CallError, Refusal, RefusalKind, encode};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    code: Option<Code>,
    #[serde(default)]
    message: Option<String>,
}

/// CMS writes a string; other services of the same gateway a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Text(String),
    Number(u64),
}

/// Whether a request was taken, and if not, why.
pub(crate) fn classify(answer: &Answer, credentials: &Credentials) -> Result<(), CallError> {
    let body: Option<Body> = serde_json::from_slice(&answer.body).ok();
    let code = body.as_ref().and_then(|body| body.code.as_ref());
    let code = code.map(|code| match code {
        Code::Text(text) => clean(text),
        Code::Number(number) => number.to_string(),
    });
    let message = body.and_then(|body| body.message).unwrap_or_default();
    let refused = |kind, code| {
        let message = match kind {
            // It repeats what the server would have signed, token and all.
            RefusalKind::Authentication => String::new(),
            _ => without_secrets(&message, credentials),
        };
        Err(CallError::Refused(Refusal {
            kind,
            code,
            message,
        }))
    };
    let Some(code) = code else {
        return match answer.status {
            200 => Err(retryable("its answer has no code".to_owned())),
            429 => Err(CallError::Throttled {
                code: "HTTP 429".to_owned(),
            }),
            413 | 414 | 431 => refused(RefusalKind::TooLarge, format!("HTTP {}", answer.status)),
            status @ 500.. => Err(fault(format!("HTTP {status}"))),
            // Something between here and CMS answers: a proxy, a portal.
            status => Err(retryable(format!("HTTP {status} without a code"))),
        };
    };
    // Words mean the same whatever the status, and say more than it.
    match (answer.status, code.as_str()) {
        (200, "200") => Ok(()),
        (429, _) | (200, "429") => Err(CallError::Throttled { code }),
        (408, _) | (200, "408") => Err(retryable(format!("it waited too long: {code}"))),
        _ if is_throttling(&code) => Err(CallError::Throttled { code }),
        _ if is_expired(&code) => Err(CallError::Expired { code }),
        _ if is_authentication(&code) => refused(RefusalKind::Authentication, code),
        (status @ 500.., _) => Err(fault(format!("HTTP {status}, {code}"))),
        _ if is_fault(&code) => Err(fault(code)),
        (200, "206") if is_quota(&message) => refused(RefusalKind::Quota, code),
        (200, "206" | "400") => refused(RefusalKind::Parameter, code),
        (200, "401" | "403") => refused(RefusalKind::Authentication, code),
        (200, "413") | (413 | 414 | 431, _) => refused(RefusalKind::TooLarge, code),
        (200, number) if number.starts_with('5') => {
            Err(fault(format!("its answer has the code {code}")))
        }
        (401 | 403, _) => refused(RefusalKind::Authentication, code),
        _ if is_parameter(&code) => refused(RefusalKind::Parameter, code),
        _ => refused(RefusalKind::Other, code),
    }
}

fn retryable(reason: String) -> CallError {
    CallError::Retryable { reason }
}

fn fault(reason: String) -> CallError {
    CallError::Fault { reason }
}

/// What 206 says of the account. It says it of entries, too.
fn is_quota(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("time series") || message.contains("original value")
}

fn is_throttling(code: &str) -> bool {
    code.starts_with("Throttling")
}

fn is_expired(code: &str) -> bool {
    code == "SignatureNonceUsed" || code.starts_with("InvalidTimeStamp")
}

fn is_fault(code: &str) -> bool {
    code.starts_with("ServiceUnavailable") || code.starts_with("InternalError")
}

fn is_parameter(code: &str) -> bool {
    ["Missing", "Invalid", "Illegal"]
        .iter()
        .any(|prefix| code.starts_with(prefix))
}

fn is_authentication(code: &str) -> bool {
    const PREFIXES: [&str; 9] = [
        "InvalidAccessKeyId",
        "InvalidSecurityToken",
        "MissingSecurityToken",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "InvalidSignature",
        "Forbidden",
        "NoPermission",
        "UnauthorizedOperation",
    ];
    PREFIXES.iter().any(|prefix| code.starts_with(prefix))
}

/// The words of a refusal, or none if there is something in them that was secret, as it is or encoded.
fn without_secrets(message: &str, credentials: &Credentials) -> String {
    let secrets = [
        Some(credentials.access_key_secret.expose()),
        credentials
            .security_token
            .as_ref()
            .map(|token| token.expose()),
    ];
    let repeated = secrets.into_iter().flatten().any(|secret| {
        let once = encode(secret);
        message.contains(secret) || message.contains(&once) || message.contains(&encode(&once))
    });
    if repeated {
        String::new()
    } else {
        clean(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> String {
        let credentials = Credentials::new("id", "the secret").with_token("a/token");
        let body = body.as_bytes().to_vec().into();
        match classify(&Answer { status, body }, &credentials) {
            Ok(()) => "taken".to_owned(),
            Err(CallError::Credentials(_)) => "credentials".to_owned(),
            Err(CallError::Throttled { code }) => format!("throttled {code}"),
            Err(CallError::Retryable { .. }) => "retryable".to_owned(),
            Err(CallError::Fault { .. }) => "fault".to_owned(),
            Err(CallError::Expired { .. }) => "expired".to_owned(),
            Err(CallError::Refused(refusal)) => format!("{:?} {refusal}", refusal.kind),
        }
    }

    #[test]
    fn each_answer_has_its_meaning() {
        let refused = |code: &str| format!(r#"{{"Code":"{code}","Message":"why\u001b"}}"#);
        for (status, body, meaning) in [
            (200, refused("200"), "taken"),
            (200, r#"{"Code":200}"#.to_owned(), "taken"),
            (
                200,
                r#"{"Code":"206","Message":"reach max time series num"}"#.to_owned(),
                "Quota 206: reach max time series num",
            ),
            (
                200,
                r#"{"Code":"206","Message":"not allowed original value, please upgrade service"}"#
                    .to_owned(),
                "Quota 206: not allowed original value, please upgrade service",
            ),
            (
                200,
                r#"{"Code":"206","Message":"type is invalid"}"#.to_owned(),
                "Parameter 206: type is invalid",
            ),
            (200, refused("400"), "Parameter 400: why "),
            (200, refused("403"), "Authentication 403"),
            (200, refused("500"), "fault"),
            (200, refused("429"), "throttled 429"),
            (200, refused("408"), "retryable"),
            // What comes with 400 at other times.
            (200, refused("Throttling.Api"), "throttled Throttling.Api"),
            (200, refused("InternalError"), "fault"),
            (200, refused("ServiceUnavailable"), "fault"),
            (200, refused("SignatureNonceUsed"), "expired"),
            (200, refused("InvalidTimeStamp.Expired"), "expired"),
            (
                200,
                refused("InvalidAccessKeyId.NotFound"),
                "Authentication InvalidAccessKeyId.NotFound",
            ),
            (
                200,
                refused("MissingTimestamp"),
                "Parameter MissingTimestamp: why ",
            ),
            (200, refused("302"), "Other 302: why "),
            (200, String::new(), "retryable"),
            (200, "<html>".to_owned(), "retryable"),
            (200, r#"{"Code":{}}"#.to_owned(), "retryable"),
            (302, String::new(), "retryable"),
            (404, "<html>".to_owned(), "retryable"),
            (400, refused("Throttling.User"), "throttled Throttling.User"),
            (429, String::new(), "throttled HTTP 429"),
            (400, refused("SignatureNonceUsed"), "expired"),
            (400, refused("InvalidTimeStamp.Expired"), "expired"),
            (
                400,
                refused("SignatureDoesNotMatch"),
                "Authentication SignatureDoesNotMatch",
            ),
            (
                404,
                refused("InvalidAccessKeyId.NotFound"),
                "Authentication InvalidAccessKeyId.NotFound",
            ),
            (
                403,
                refused("Forbidden.RAM"),
                "Authentication Forbidden.RAM",
            ),
            (
                400,
                refused("MissingTimestamp"),
                "Parameter MissingTimestamp: why ",
            ),
            (
                400,
                refused("UnsupportedOperation"),
                "Other UnsupportedOperation: why ",
            ),
            (414, String::new(), "TooLarge HTTP 414"),
            (503, refused("ServiceUnavailable"), "fault"),
            (408, String::new(), "retryable"),
            (411, String::new(), "retryable"),
            (500, "\u{0}".to_owned(), "fault"),
        ] {
            assert_eq!(told(status, &body), meaning, "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_secrets() {
        for secret in [
            "the secret",
            "the%20secret",
            "the%2520secret",
            "a/token",
            "a%252Ftoken",
        ] {
            let body = format!(r#"{{"Code":"400","Message":"not {secret}"}}"#);
            assert_eq!(told(200, &body), "Parameter 400");
        }
        let long = format!(r#"{{"Code":"400","Message":"{}"}}"#, "a".repeat(100_000));
        assert!(told(200, &long).len() < 400);
    }
}
