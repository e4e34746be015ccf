//! What is before and after something: whether a word or a number begins there, and whether a number ends.
//!
//! Text is often within text: JSON in a string, a logged value, a URL. There, the letter before a number may be the end of
//! an escape, `\n` or `%2B`, and no part of a word.

use std::ops::Range;

/// How many bytes before something decide whether it is something: a label after an escape.
pub(super) const LOOK_BEHIND: usize = 16;

/// How many bytes after it do.
pub(super) const LOOK_AHEAD: usize = 4;

/// What stands for one character: in JSON and in most languages, and in URLs. It is one for [`escape_at`] too.
macro_rules! escape {
    () => {
        r"\\(?:[nrtbf]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})|%[0-9A-Fa-f]{2}"
    };
}
pub(super) use escape;

/// What people write before a number, without a space between.
const LABELS: [&str; 19] = [
    "tel",
    "phone",
    "telephone",
    "mobile",
    "mob",
    "cell",
    "cellphone",
    "contact",
    "call",
    "fax",
    "sms",
    "id",
    "idno",
    "idcard",
    "card",
    "no",
    "num",
    "number",
    "ph",
];

/// How long the escape at the beginning of the text is; 0: there is none.
pub(super) fn escape_at(text: &[u8]) -> usize {
    let (digits, before) = match text {
        [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..] => (0, 2),
        [b'\\', b'u', ..] => (4, 2),
        [b'\\', b'x', ..] => (2, 2),
        [b'%', ..] => (2, 1),
        _ => return 0,
    };
    let coded = text.get(before..before + digits);
    match coded.is_some_and(|coded| coded.iter().all(u8::is_ascii_hexdigit)) {
        true => before + digits,
        false => 0,
    }
}

/// Where the escape ends that the place is within.
pub(super) fn escape_over(text: &[u8], place: usize) -> Option<usize> {
    let mut ends = escapes_before(text, place).map(|(_, end)| end);
    ends.find(|&end| end > place)
}

/// Where the escape begins that the place is within, or at the end of.
pub(super) fn escape_until(text: &[u8], place: usize) -> Option<usize> {
    let mut escapes = escapes_before(text, place);
    escapes
        .find(|&(_, end)| end >= place)
        .map(|(start, _)| start)
}

/// Whether an escape ends there.
fn ends_escape(text: &[u8], place: usize) -> bool {
    escapes_before(text, place).any(|(_, end)| end == place)
}

/// The escapes that begin shortly before.
fn escapes_before(text: &[u8], place: usize) -> impl Iterator<Item = (usize, usize)> {
    let starts = place.saturating_sub(6)..place;
    let all = starts.map(|start| (start, start + escape_at(&text[start..])));
    all.filter(|(start, end)| end > start)
}

/// Whether no letter or digit is before the place, but for an escape's.
fn begins_word(text: &[u8], start: usize) -> bool {
    let before = text[..start].last();
    !before.is_some_and(u8::is_ascii_alphanumeric) || ends_escape(text, start)
}

/// Whether a number can begin there: not within a word, a longer number or a fraction.
pub(super) fn begins_number(text: &[u8], start: usize) -> bool {
    match &text[..start] {
        [.., digit, b'.'] if digit.is_ascii_digit() => is_listed(text, start - 1),
        before => begins_word(text, start) || is_labelled(before),
    }
}

/// Whether the text ends with a label.
fn is_labelled(text: &[u8]) -> bool {
    LABELS.iter().any(|label| {
        let start = text.len().checked_sub(label.len());
        start.is_some_and(|start| {
            text[start..].eq_ignore_ascii_case(label.as_bytes()) && begins_word(text, start)
        })
    })
}

/// Whether what ends at the point is the number of a list's item.
fn is_listed(text: &[u8], point: usize) -> bool {
    let before = text[..point].iter().rev();
    let digits = before.take(3).take_while(|byte| byte.is_ascii_digit());
    let start = point - digits.count();
    (1..=2).contains(&(point - start)) && text[start] != b'0' && begins_line(text, start)
}

/// Whether a line begins there, in text within text too.
pub(super) fn begins_line(text: &[u8], start: usize) -> bool {
    let before = &text[..start];
    before.is_empty()
        || [&b"\n"[..], br"\n", b"%0A", b"%0a"]
            .iter()
            .any(|end| before.ends_with(end))
}

/// Whether a number can end there: the word does, and no fraction comes but the one that tables write of whole numbers.
pub(super) fn ends_number(text: &[u8], end: usize) -> bool {
    let begins_word = |rest: &[u8]| rest.first().is_some_and(u8::is_ascii_alphanumeric);
    let begins_fraction =
        |rest: &[u8]| rest.first() == Some(&b'.') && rest.get(1).is_some_and(u8::is_ascii_digit);
    match &text[end..] {
        [b'.', b'0', rest @ ..] => !(begins_word(rest) || begins_fraction(rest)),
        rest => !(begins_word(rest) || begins_fraction(rest)) || is_extension(rest),
    }
}

/// Whether the text begins with an extension: `x12`, `ext 12`.
fn is_extension(rest: &[u8]) -> bool {
    let word = rest.get(..3);
    match rest {
        [b'x' | b'X', digit, ..] if digit.is_ascii_digit() => true,
        _ => {
            word.is_some_and(|word| word.eq_ignore_ascii_case(b"ext"))
                && !rest.get(3).is_some_and(u8::is_ascii_alphabetic)
        }
    }
}

/// Whether a byte after something can be one of those that decide about it.
pub(super) fn is_tying(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

/// Whether no group of letters and digits is tied to it with a hyphen, as those of a UUID are.
pub(super) fn is_apart(text: &[u8], place: &Range<usize>) -> bool {
    let is_tied_after =
        matches!(&text[place.end..], [b'-', tied, ..] if tied.is_ascii_alphanumeric());
    !(is_tied_before(text, place.start) || is_tied_after)
}

/// Whether such a group is before it.
pub(super) fn is_tied_before(text: &[u8], start: usize) -> bool {
    matches!(&text[..start], [.., tied, b'-'] if tied.is_ascii_alphanumeric())
}
