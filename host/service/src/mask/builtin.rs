//! The patterns that come with the host. Each is found by its shape, and then checked.

use std::ops::Range;

use super::around::{escape_at, escape_over};
use super::config::MaskConfig;
use super::pattern::{Check, Checked};
use super::{keys, numbers, wide};

/// The names of the patterns that come with the host, and of what stands for a stream that was not kept.
pub(super) const NAMES: [&str; 5] = ["keys", PHONES, "ids", "emails", super::REST];

/// The name of those that find phone numbers.
pub(super) const PHONES: &str = "phones";

/// An address: one that no schema of addresses refuses, and no file's name. In a URL, or in JSON that some programs write,
/// its sign is escaped.
const EMAIL: &str =
    r"\b[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}(?:@|%40|\\u0040)(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}";

/// The same, looked for in all texts.
const EMAIL_LOOK: &str = r"[A-Za-z0-9._%+-](?:@|%40|\\u0040)[A-Za-z0-9-]";

/// Endings of files that have `@` in their names, such as `logo@2x.png`.
const FILES: [&str; 9] = [
    "avif", "css", "gif", "jpeg", "jpg", "js", "png", "svg", "webp",
];

/// A pattern that comes with the host.
pub(super) struct Builtin {
    pub(super) name: &'static str,
    pub(super) expression: &'static str,
    pub(super) check: Check,
}

/// Those that are on.
pub(super) fn chosen(config: &MaskConfig) -> Vec<Builtin> {
    let all: [(bool, &'static str, &'static str, Check); 11] = [
        (config.keys, "keys", keys::KEYS, keys::key),
        (config.keys, "keys", keys::STS, keys::after_escape),
        (config.keys, "keys", keys::JWT, keys::after_escape),
        (config.keys, "keys", keys::BEARER, keys::key),
        (config.keys, "keys", keys::PEM, whole),
        (config.phones, PHONES, numbers::MOBILE, numbers::mobile),
        (
            config.phones,
            PHONES,
            numbers::INTERNATIONAL,
            numbers::international,
        ),
        (config.phones, PHONES, numbers::FIXED, numbers::fixed),
        (config.ids, "ids", numbers::RESIDENT, numbers::resident),
        (config.ids, "ids", numbers::CARD, numbers::card),
        (config.emails, "emails", EMAIL, email),
    ];
    let on = all.into_iter().filter(|(is_on, ..)| *is_on);
    on.map(|(_, name, expression, check)| Builtin {
        name,
        expression,
        check,
    })
    .collect()
}

/// What matches wherever one of those that are on does. All texts are looked over with it, so it counts as little as can be:
/// the automaton of one that counts has a state for each way in which a text can be at several places of it at once.
pub(super) fn looks(config: &MaskConfig) -> impl Iterator<Item = &'static str> {
    let keys = [
        keys::KEYS_LOOK,
        "CAIS[A-Za-z0-9+/%]",
        "eyJ[A-Za-z0-9_-]{4}",
        r"(?i)bearer(?:[ \t]|%20)",
        "PRIVATE KEY",
    ];
    let keys = keys.into_iter().filter(|_| config.keys);
    let numbers = (config.phones || config.ids).then_some("[0-9](?:[ -]?[0-9]){10}");
    let phones = [r"\+[1-9]", numbers::FIXED_LOOK];
    let phones = phones.into_iter().filter(|_| config.phones);
    let emails = config.emails.then_some(EMAIL_LOOK);
    let wide = (config.phones || config.ids || config.emails).then_some(wide::LOOK);
    keys.chain(numbers).chain(phones).chain(emails).chain(wide)
}

/// The expression says all.
pub(super) fn whole(_: &[u8], found: Range<usize>) -> Checked {
    Ok(found)
}

fn email(text: &[u8], found: Range<usize>) -> Checked {
    let ending = text[found.clone()].rsplit(|&byte| byte == b'.').next();
    let is_file = FILES
        .iter()
        .any(|file| ending.is_some_and(|ending| ending.eq_ignore_ascii_case(file.as_bytes())));
    // Each part of a file's name would be one again.
    let start = address_start(text, &found).filter(|_| !is_file);
    start.map(|start| start..found.end).ok_or(found.end)
}

/// Where an address begins that seems to begin there: the first letters may be an escape's, or several.
fn address_start(text: &[u8], found: &Range<usize>) -> Option<usize> {
    let mut start = found.start;
    loop {
        let escape = start + escape_at(&text[start..]);
        start = match escape_over(text, start) {
            Some(end) => end,
            None if escape > start => escape,
            None => break,
        };
    }
    let ends = |signs: &&[u8]| {
        let mut parts = text.get(start..found.end)?.windows(signs.len());
        parts.position(|part| part.eq_ignore_ascii_case(signs))
    };
    let signs = [&b"@"[..], b"%40", br"\u0040"];
    let length = signs.iter().filter_map(ends).min()?;
    let mut name = text[start..start + length].iter();
    let begins = name.position(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')?;
    Some(start + begins)
}
