//! Phone numbers, ID numbers and card numbers: found by their shape, then by their digits and by what is around them, so
//! that a part of a digest, of a time, of an amount or of a longer number is none.

use std::ops::Range;

use super::around::{
    begins_line, begins_number, ends_number, escape_over, is_apart, is_tied_before,
};
use super::pattern::Checked;

/// 138 0013 8000, in one or in three.
pub(super) const MOBILE: &str = r"(?:(?:\+|00)?86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{4}){2}";

/// `+`, the country, and groups.
pub(super) const INTERNATIONAL: &str = r"\+[1-9][0-9]{0,14}(?:[ .-]?\(?[0-9]{1,5}\)?){0,6}";

/// A fixed line of mainland China, with its area and something between, and an extension; or a number of a service.
pub(super) const FIXED: &str = concat!(
    r"(?:(?:\+|00)?86[ -]?)?",
    r"(?:(?:0(?:10|2[0-9])-|\(0(?:10|2[0-9])\)[ -]?)[2-9][0-9]{3}[ -]?[0-9]{4}",
    r"|(?:0[3-9][0-9]{2}-|\(0[3-9][0-9]{2}\)[ -]?)[2-9][0-9]{2,3}[ -]?[0-9]{4})(?:-[0-9]{1,6})?",
    r"|[48]00-(?:[0-9]{3}-?[0-9]{4}|[0-9]{4}-[0-9]{3})|[48]00[0-9]-[0-9]{3}-[0-9]{3}",
);

/// The same, looked for in all texts.
pub(super) const FIXED_LOOK: &str = r"0[0-9]{2,3}(?:-|\)[ -]?)[2-9][0-9]{2}|[48]00[0-9]?-[0-9]{3}";

/// A resident's ID: region, day of birth, number, check digit.
pub(super) const RESIDENT: &str = concat!(
    r"[1-9][0-9]{5}[ -]?(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])",
    r"[ -]?[0-9]{3}[0-9Xx]",
);

/// A payment card, in one or in groups.
pub(super) const CARD: &str = concat!(
    r"[2-6][0-9]{3}(?:[ -]?[0-9]{4}){2}(?:[ -]?[0-9]{1,7}){1,2}",
    r"|3[0-9]{3}[ -]?[0-9]{6}[ -]?[0-9]{4,5}",
);

/// The regions that resident IDs begin with.
const REGIONS: &[u8] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91,
];

pub(super) fn mobile(text: &[u8], found: Range<usize>) -> Checked {
    number(text, &found, |_| true)
}

pub(super) fn international(text: &[u8], found: Range<usize>) -> Checked {
    let may_be_added = begins_line(text, found.start);
    number(text, &found, |number| {
        is_international(number, may_be_added)
    })
}

/// What is tied to its end is an extension; no group of a UUID has nothing before it.
pub(super) fn fixed(text: &[u8], found: Range<usize>) -> Checked {
    let is_tied = is_tied_before(text, found.start);
    number(text, &found, |number| {
        !is_tied && digits(number).count() >= 10
    })
}

pub(super) fn resident(text: &[u8], found: Range<usize>) -> Checked {
    number(text, &found, |number| {
        is_resident(number) && is_apart(text, &found)
    })
}

pub(super) fn card(text: &[u8], found: Range<usize>) -> Checked {
    number(text, &found, |number| {
        let place = found.start..found.start + number.len();
        is_card(number) && is_apart(text, &place)
    })
}

/// The longest part of what was found, from its beginning, that is one and a number by itself. Within its first digits, none
/// begins.
fn number(text: &[u8], found: &Range<usize>, is_one: impl Fn(&[u8]) -> bool) -> Checked {
    let start = found.start;
    if let Some(end) = escape_over(text, start) {
        return Err(end); // its digits are an escape's
    }
    let is_free = begins_number(text, start);
    let mut ends = cuts(text, found.clone()).filter(|_| is_free);
    let end = ends.find(|&end| ends_number(text, end) && is_one(&text[start..end]));
    end.map(|end| start..end).ok_or_else(|| {
        // Behind a sign, one may begin that has none.
        let first = text[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        start + first.count().max(1)
    })
}

/// Where what was found may end, the longest first: at its end, and before each of its groups.
fn cuts(text: &[u8], found: Range<usize>) -> impl Iterator<Item = usize> {
    let is_between = move |&at: &usize| !text[at].is_ascii_digit() && text[at - 1].is_ascii_digit();
    let groups = (found.start + 2..found.end).rev().filter(is_between);
    std::iter::once(found.end).chain(groups)
}

fn digits(number: &[u8]) -> impl Iterator<Item = u32> {
    let digits = number.iter().filter(|byte| byte.is_ascii_digit());
    digits.map(|digit| u32::from(digit - b'0'))
}

/// The first digits as a number.
fn first(number: &[u8], count: usize) -> u32 {
    digits(number)
        .take(count)
        .fold(0, |all, one| all * 10 + one)
}

/// Whether a country has such numbers, and it is no date, amount or count with its sign. Where lines of a text are added to
/// another, each has one.
fn is_international(number: &[u8], may_be_added: bool) -> bool {
    let between = number[1..].iter().filter(|byte| !byte.is_ascii_digit());
    let between: Vec<_> = between.copied().collect();
    let is_date = matches!(first(number, 4), 1900..2100)
        && matches!(number, [_, _, _, _, _, b'-', _, _, b'-', ..]);
    let lengths = match (first(number, 1), first(number, 2)) {
        (1 | 7, _) => 11..=11,
        (_, 86) => 11..=13,
        _ if !is_country(number) => return false,
        _ if !between.is_empty() => 9..=15,
        _ if may_be_added => 11..=13,
        _ => 10..=15,
    };
    !is_date && between != [b'.'] && lengths.contains(&digits(number).count())
}

/// Whether it begins with a country's code, or with a service's that has one, of two or three digits.
fn is_country(number: &[u8]) -> bool {
    let has_two = matches!(
        first(number, 2),
        20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 90..=95 | 98
    );
    let has_three = matches!(
        first(number, 3),
        211..=213 | 216 | 218 | 220..=269 | 290 | 291 | 297..=299 | 350..=359 | 370..=378 | 380..=383 | 385..=387 | 389
            | 420 | 421 | 423 | 500..=509 | 590..=599 | 670 | 672..=683 | 685..=692 | 800 | 808 | 850 | 852 | 853
            | 855 | 856 | 870 | 878 | 880..=883 | 886 | 888 | 960..=968 | 970..=977 | 979 | 992..=996 | 998
    );
    has_two || has_three
}

fn is_in(known: &[u8], number: u32) -> bool {
    known.iter().any(|&known| u32::from(known) == number)
}

fn is_resident(number: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECK: &[u8; 11] = b"10X98765432";
    let last = number.last().map(u8::to_ascii_uppercase);
    let length = digits(number).count() + usize::from(last == Some(b'X'));
    let weighed = digits(number)
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight);
    let check = CHECK[(weighed.sum::<u32>() % 11) as usize];
    length == 18 && last == Some(check) && is_in(REGIONS, first(number, 2)) && is_day(number)
}

/// Whether the day of birth is one that there is.
fn is_day(number: &[u8]) -> bool {
    let part = |from: usize, count: usize| {
        digits(number)
            .skip(from)
            .take(count)
            .fold(0, |all, one| all * 10 + one)
    };
    let (year, month, day) = (part(6, 4), part(10, 2), part(12, 2));
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=days).contains(&day)
}

/// Whether an issuer has numbers that begin so and are that long, and the check digit is right.
fn is_card(number: &[u8]) -> bool {
    let count = digits(number).count();
    let is_issued = match first(number, 4) {
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
