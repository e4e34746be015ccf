//! Keys, tokens and private keys.

use std::ops::Range;

use super::around::{escape, escape_at};
use super::pattern::Checked;

/// What only keys begin with.
macro_rules! words {
    () => {
        concat!(
            r"sk-|sk_live_|sk_test_|rk_live_|whsec_|lg_|gh[pousr]_|github_pat_|glpat-|npm_|hf_|",
            r"xox[abeoprs]-|AIza|AKIA|ASIA|AKID|AKLT|LTAI|STS\.)",
        )
    };
}

/// Those that no word or name begins with: what is random behind them may have no digit.
const ISSUED: [&[u8]; 15] = [
    b"sk_live_",
    b"sk_test_",
    b"rk_live_",
    b"whsec_",
    b"ghp_",
    b"gho_",
    b"ghu_",
    b"ghs_",
    b"ghr_",
    b"github_pat_",
    b"glpat-",
    b"AIza",
    b"AKID",
    b"AKLT",
    b"LTAI",
];

/// What begins with a word of its own that only keys begin with.
pub(super) const KEYS: &str = concat!(r"(?:\b|", escape!(), ")(?:", words!(), "[A-Za-z0-9_-]{12,}");

/// The same, looked for in all texts.
pub(super) const KEYS_LOOK: &str = concat!("(?:", words!(), "[A-Za-z0-9_-]{8}");

/// A token of Alibaba Cloud's STS, in base64.
pub(super) const STS: &str = concat!(
    r"(?:\b|",
    escape!(),
    ")CAIS(?:[A-Za-z0-9+/]|%2[BbFf]){60,}(?:=|%3[Dd]){0,2}",
);

/// A JWT: the first part is a JSON object.
pub(super) const JWT: &str = concat!(
    r"(?:\b|",
    escape!(),
    r")eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
);

/// A header of HTTP, or what was cut from one.
pub(super) const BEARER: &str = concat!(
    r"(?i)(?:\b|",
    escape!(),
    r")bearer(?:[ \t]|%20)+[A-Za-z0-9._~+/-]{12,}=*",
);

/// A private key in PEM, with line breaks or with what stands for them in JSON; also one without its end. No line within it
/// begins with hyphens, so nothing is read twice.
pub(super) const PEM: &str = concat!(
    r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----",
    r"(?:[A-Za-z0-9+/=\s\\:,.]|-[A-Za-z0-9])*",
    r"(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----)?",
);

/// The expression says all, but for an escape before.
pub(super) fn after_escape(text: &[u8], found: Range<usize>) -> Checked {
    Ok(found.start + escape_at(&text[found.clone()])..found.end)
}

/// Words with hyphens have no digits, as keys have; then no part of them is a key either.
pub(super) fn key(text: &[u8], found: Range<usize>) -> Checked {
    let place = found.start + escape_at(&text[found.clone()])..found.end;
    let key = &text[place.clone()];
    let is_key = key.iter().any(u8::is_ascii_digit) || is_issued(key);
    is_key.then_some(place).ok_or(found.end)
}

/// Whether it is a key that by chance has no digit: one word behind what it begins with.
fn is_issued(key: &[u8]) -> bool {
    let word = |random: &[u8]| {
        random
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count()
    };
    if key.starts_with(b"AKIA") || key.starts_with(b"ASIA") {
        return word(key) == 20 && key[..20].iter().all(u8::is_ascii_uppercase);
    }
    let mut random = ISSUED.iter().filter_map(|issued| key.strip_prefix(*issued));
    random.any(|random| word(random) >= 12)
}
