//! The patterns that come with the host. Each is found by its shape, and then checked: by its check digit where it has one,
//! and by what is around it, so that a part of a digest, of a time or of a longer number is none.

use std::ops::Range;

use super::config::MaskConfig;
use super::pattern::Check;

/// The names of the patterns that come with the host, and of what stands for a stream that was not kept.
pub(super) const NAMES: [&str; 5] = ["keys", "phones", "ids", "emails", super::REST];

/// What only keys begin with.
macro_rules! words {
    () => {
        concat!(
            r"sk-|sk_live_|sk_test_|rk_live_|whsec_|lg_|gh[pousr]_|github_pat_|glpat-|npm_|hf_|",
            r"xox[abeoprs]-|AIza|AKIA|ASIA|LTAI|STS\.)",
        )
    };
}

/// What begins with a word of its own that only keys begin with.
const KEYS: &str = concat!(r"\b(?:", words!(), "[A-Za-z0-9_-]{12,}");

/// The same, looked for in all texts.
const KEYS_LOOK: &str = concat!("(?:", words!(), "[A-Za-z0-9_-]{8}");

/// A JWT: the first part is a JSON object.
const JWT: &str = r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*";

/// A header of HTTP, or what was cut from one.
const BEARER: &str = r"(?i)\bbearer[ \t]+[A-Za-z0-9._~+/-]{12,}=*";

/// A private key in PEM, with line breaks or with what stands for them in JSON; also one without its end. No line within it
/// begins with hyphens, so nothing is read twice.
const PEM: &str = concat!(
    r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----",
    r"(?:[A-Za-z0-9+/=\s\\:,.]|-[A-Za-z0-9])*",
    r"(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----)?",
);

/// 138 0013 8000, in one or in three.
const MOBILE: &str = r"(?:(?:\+|00)?86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{4}){2}";

/// `+`, the country, and groups.
const INTERNATIONAL: &str = r"\+[1-9][0-9]{0,14}(?:[ .-]?\(?[0-9]{1,5}\)?){0,6}";

/// A resident's ID: region, day of birth, number, check digit.
const RESIDENT: &str = r"[1-9][0-9]{5}[ -]?(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[ -]?[0-9]{3}[0-9Xx]";

/// A payment card, in one or in groups.
const CARD: &str = concat!(
    r"[2-6][0-9]{3}(?:[ -]?[0-9]{4}){2}(?:[ -]?[0-9]{1,7}){1,2}",
    r"|3[0-9]{3}[ -]?[0-9]{6}[ -]?[0-9]{4,5}",
);

/// An address: one that no schema of addresses refuses, and no file's name.
const EMAIL: &str = r"\b[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}";

/// Endings of files that have `@` in their names, such as `logo@2x.png`.
const FILES: [&str; 9] = [
    "avif", "css", "gif", "jpeg", "jpg", "js", "png", "svg", "webp",
];

/// The regions that resident IDs begin with.
const REGIONS: &[u8] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91,
];

/// A pattern that comes with the host.
pub(super) struct Builtin {
    pub(super) name: &'static str,
    pub(super) expression: &'static str,
    pub(super) check: Check,
}

/// Those that are on.
pub(super) fn chosen(config: &MaskConfig) -> Vec<Builtin> {
    let all: [(bool, &'static str, &'static str, Check); 9] = [
        (config.keys, "keys", KEYS, key),
        (config.keys, "keys", JWT, whole),
        (config.keys, "keys", BEARER, key),
        (config.keys, "keys", PEM, whole),
        (config.phones, "phones", MOBILE, mobile),
        (config.phones, "phones", INTERNATIONAL, international),
        (config.ids, "ids", RESIDENT, resident),
        (config.ids, "ids", CARD, card),
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
        KEYS_LOOK,
        "eyJ[A-Za-z0-9_-]{4}",
        r"(?i)bearer[ \t]",
        "PRIVATE KEY",
    ];
    let keys = keys.into_iter().filter(|_| config.keys);
    let numbers = (config.phones || config.ids).then_some("[0-9](?:[ -]?[0-9]){10}");
    let international = config.phones.then_some(r"\+[1-9]");
    let emails = config.emails.then_some("[A-Za-z0-9._%+-]@[A-Za-z0-9-]");
    keys.chain(numbers).chain(international).chain(emails)
}

/// The expression says all.
pub(super) fn whole(_: &[u8], found: Range<usize>) -> Result<usize, usize> {
    Ok(found.end)
}

/// Words with hyphens have no digits; then no part of them is a key either.
fn key(text: &[u8], found: Range<usize>) -> Result<usize, usize> {
    let has_digit = text[found.clone()].iter().any(u8::is_ascii_digit);
    has_digit.then_some(found.end).ok_or(found.end)
}

fn mobile(text: &[u8], found: Range<usize>) -> Result<usize, usize> {
    number(text, &found, |_| true)
}

fn international(text: &[u8], found: Range<usize>) -> Result<usize, usize> {
    number(text, &found, |number| {
        let is_grouped = number[1..].iter().any(|byte| !byte.is_ascii_digit());
        // One without groups may be a count with its sign.
        let shortest = if is_grouped { 9 } else { 10 };
        (shortest..=15).contains(&digits(number).count())
    })
}

fn resident(text: &[u8], found: Range<usize>) -> Result<usize, usize> {
    number(text, &found, |number| {
        is_resident(number) && is_apart(text, &found)
    })
}

fn card(text: &[u8], found: Range<usize>) -> Result<usize, usize> {
    number(text, &found, |number| {
        let place = found.start..found.start + number.len();
        is_card(number) && is_apart(text, &place)
    })
}

/// The longest part of what was found, from its beginning, that is one and a number by itself. Within its first digits, none
/// begins.
fn number(
    text: &[u8],
    found: &Range<usize>,
    is_one: impl Fn(&[u8]) -> bool,
) -> Result<usize, usize> {
    let is_free = begins_number(text, found.start);
    let mut ends = cuts(text, found.clone()).filter(|_| is_free);
    let end = ends.find(|&end| ends_number(text, end) && is_one(&text[found.start..end]));
    end.ok_or_else(|| {
        let rest = &text[found.start + 1..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        found.start + 1 + digits.count()
    })
}

fn is_resident(number: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECK: &[u8; 11] = b"10X98765432";
    let region = digits(number).take(2).fold(0, |all, one| all * 10 + one);
    let weighed = digits(number)
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight);
    let check = CHECK[(weighed.sum::<u32>() % 11) as usize];
    let is_known = REGIONS.iter().any(|&known| u32::from(known) == region);
    is_known && number.last().map(u8::to_ascii_uppercase) == Some(check)
}

/// Whether an issuer has numbers that begin so and are that long, and the check digit is right.
fn is_card(number: &[u8]) -> bool {
    let count = digits(number).count();
    let first = digits(number).take(4).fold(0, |all, one| all * 10 + one);
    let is_issued = match first {
        4000..=4999 => matches!(count, 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => count == 16,
        3400..=3499 | 3700..=3799 => count == 15,
        3000..=3099 | 3600..=3699 | 3800..=3999 => count == 14,
        3528..=3589 | 6000..=6999 => (16..=19).contains(&count),
        _ => false,
    };
    let odd = count % 2;
    let sum: u32 = digits(number)
        .enumerate()
        .map(|(at, digit)| match at % 2 == odd {
            true => digit * 2 / 10 + digit * 2 % 10,
            false => digit,
        })
        .sum();
    is_issued && sum.is_multiple_of(10)
}

fn email(text: &[u8], found: Range<usize>) -> Result<usize, usize> {
    let address = &text[found.clone()];
    let ending = address.rsplit(|&byte| byte == b'.').next();
    let is_file = FILES
        .iter()
        .any(|file| ending.is_some_and(|ending| ending.eq_ignore_ascii_case(file.as_bytes())));
    // Each part of a file's name would be one again.
    (!is_file).then_some(found.end).ok_or(found.end)
}

fn digits(number: &[u8]) -> impl Iterator<Item = u32> {
    let digits = number.iter().filter(|byte| byte.is_ascii_digit());
    digits.map(|digit| u32::from(digit - b'0'))
}

/// Where what was found may end, the longest first: at its end, and before each of its groups.
fn cuts(text: &[u8], found: Range<usize>) -> impl Iterator<Item = usize> {
    let is_between = move |&at: &usize| !text[at].is_ascii_digit() && text[at - 1].is_ascii_digit();
    let groups = (found.start + 2..found.end).rev().filter(is_between);
    std::iter::once(found.end).chain(groups)
}

/// Whether a number can begin there: not within a word, a longer number or a fraction.
fn begins_number(text: &[u8], start: usize) -> bool {
    let before = |count: usize| start.checked_sub(count).map(|place| text[place]);
    let is_in_word = before(1).is_some_and(|byte| byte.is_ascii_alphanumeric());
    let is_fraction =
        before(1) == Some(b'.') && before(2).is_some_and(|byte| byte.is_ascii_digit());
    !(is_in_word || is_fraction)
}

/// Whether a number can end there: the word does, and no fraction comes.
fn ends_number(text: &[u8], end: usize) -> bool {
    let (next, then) = (text.get(end), text.get(end + 1));
    let is_in_word = next.is_some_and(u8::is_ascii_alphanumeric);
    let has_fraction = next == Some(&b'.') && then.is_some_and(u8::is_ascii_digit);
    !(is_in_word || has_fraction)
}

/// Whether no group of letters and digits is tied to it with a hyphen, as those of a UUID are.
fn is_apart(text: &[u8], found: &Range<usize>) -> bool {
    let is_tied = |hyphen: Option<usize>, beyond: Option<usize>| {
        let at = |place: Option<usize>| place.and_then(|place| text.get(place));
        at(hyphen) == Some(&b'-') && at(beyond).is_some_and(u8::is_ascii_alphanumeric)
    };
    let start = found.start;
    !is_tied(start.checked_sub(1), start.checked_sub(2))
        && !is_tied(Some(found.end), Some(found.end + 1))
}
