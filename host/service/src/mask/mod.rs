//! Masking: what must not be kept (keys, phone numbers, ID numbers, e-mail addresses, an operator's own patterns) is found in
//! what is about to be recorded of a run, and a mark such as `[masked:phones]` stands in its place.
//!
//! It happens once, where events enter a run's journal: so what followers see and what is stored are the same, and there is
//! no place from which an original could be read later. Whoever waits for a run's answer gets that beside the journal.
//!
//! Belongs here: what is looked for and how, in text, in documents, in bytes, in streams. Does not belong here: what becomes
//! of a masked run (`runs`).
//!
//! It looks at text, and at strings, keys and whole numbers of documents, never at JSON as text: so what is masked is JSON
//! still. Most texts hold nothing, and one look over their bytes says so.

mod amounts;
mod around;
mod builtin;
mod config;
mod document;
mod event;
mod keys;
mod log;
mod numbers;
mod parts;
mod pattern;
mod steps;
#[cfg(test)]
mod tests;
mod wide;

use std::fmt;
use std::ops::Range;

use lockgate_model::Kebab;
use regex_automata::meta::Regex;
use regex_syntax::hir::Hir;

pub use config::{MAX_PATTERN_BYTES, MAX_PATTERNS, MaskConfig, MaskError};
pub(crate) use parts::Streams;
use pattern::{Check, Pattern};
use wide::Narrow;

/// The name of what stands for the rest of a stream that could not be looked at whole.
const REST: &str = "rest";

/// How often a text is looked over again because of what was found in it. Only a text that is made for it needs more than two.
const MAX_ROUNDS: usize = 8;

/// What stands before a place after something that is masked: the end of a mark.
const BLOT: u8 = b']';

/// Finds what is masked, and masks it.
pub struct Mask {
    patterns: Vec<Pattern>,
    /// Whether keys are masked.
    has_keys: bool,
    /// Matches wherever one of the patterns does, and elsewhere: one look over a text. None: nothing is masked.
    look: Option<Regex>,
}

/// Something that is masked: where it is, and the pattern's name.
type Found<'a> = (Range<usize>, &'a str);

impl Mask {
    /// Makes ready what is configured.
    ///
    /// # Errors
    ///
    /// One of the operator's own patterns cannot be.
    pub fn new(config: &MaskConfig) -> Result<Self, MaskError> {
        let mut patterns = Vec::new();
        let mut loose = Vec::new();
        for one in builtin::chosen(config) {
            patterns.push(made(one.name, one.expression, one.check)?.0);
        }
        for look in builtin::looks(config) {
            let read = pattern::read(look).map_err(|error| too_large(config, &error))?;
            loose.push(read);
        }
        let given = config.patterns.len();
        if given > MAX_PATTERNS {
            return Err(MaskError::TooMany { given });
        }
        let names = config.patterns.keys().map(String::as_str);
        let marks: Vec<_> = builtin::NAMES.into_iter().chain(names).map(mark).collect();
        for (name, expression) in &config.patterns {
            let (pattern, read) = own(name, expression, &marks)?;
            loose.push(pattern::loosened(&read));
            patterns.push(pattern);
        }
        // Each is small by itself; all together may be too much for one automaton, with the largest of classes.
        let looks = |loose: &[Hir]| {
            let built = Regex::builder().build_many_from_hir(loose);
            built.map_err(|error| too_large(config, &error.to_string()))
        };
        let look = match loose.is_empty() {
            true => None,
            false => Some(looks(&loose)?),
        };
        Ok(Self {
            patterns,
            has_keys: config.keys,
            look,
        })
    }

    /// Whether there is something in a text that is masked.
    pub fn finds(&self, text: &str) -> bool {
        self.name_in(text).is_some()
    }

    /// The name of a pattern that is in the text, if one is.
    pub(crate) fn name_in(&self, text: &str) -> Option<&str> {
        self.found(text.as_bytes(), 0).first().map(|one| one.1)
    }

    /// The text with marks in it; None where it holds nothing.
    pub(crate) fn text(&self, text: &str) -> Option<String> {
        let masked = self.bytes(text.as_bytes())?;
        // Marks are put in place of whole characters.
        Some(into_text(masked))
    }

    /// The bytes with marks in them; None where they hold nothing.
    fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let found = self.found(bytes, 0);
        (!found.is_empty()).then(|| marked(bytes, 0..bytes.len(), &found))
    }

    /// Whether a look over the text says that something may be in it.
    fn may_be_in(&self, text: &[u8], from: usize) -> bool {
        let look = self.look.as_ref();
        look.is_some_and(|look| look.is_match(regex_automata::Input::new(text).range(from..)))
    }

    /// All that is in the text from `from` on, in order and apart.
    fn found(&self, text: &[u8], from: usize) -> Vec<Found<'_>> {
        let mut found = Vec::new();
        if !self.may_be_in(text, from) {
            return found;
        }
        // What is next to something that is masked is no part of its word any more, so it is looked for again.
        let mut rest = text.to_vec();
        for _ in 0..MAX_ROUNDS {
            let mut more = self.found_once(&mut rest, from);
            more.retain(|one| !is_known(one, &found));
            if more.is_empty() {
                break;
            }
            found.append(&mut more);
            found = apart(found);
            blot(&mut rest, &found);
        }
        found
    }

    /// What each pattern finds. The text is as before when it is done.
    fn found_once(&self, text: &mut [u8], from: usize) -> Vec<Found<'_>> {
        let mut found = Vec::new();
        let narrow = Narrow::of(text);
        if !narrow.is_same() {
            let start = narrow.place(from);
            let mut bytes = narrow.bytes.to_vec();
            if self.may_be_in(&bytes, start) {
                for pattern in self.patterns.iter().filter(|pattern| !pattern.is_own) {
                    pattern.find_into(&mut bytes, start, &mut found);
                }
            }
            for (place, _) in &mut found {
                *place = narrow.in_text(place.start)..narrow.in_text(place.end);
            }
        }
        let is_same = narrow.is_same();
        drop(narrow);
        for pattern in self
            .patterns
            .iter()
            .filter(|pattern| is_same || pattern.is_own)
        {
            pattern.find_into(text, from, &mut found);
        }
        found
    }
}

/// Whether it is in one of those that are known, which are in order and apart.
fn is_known(one: &Found<'_>, known: &[Found<'_>]) -> bool {
    steps::did(1 + known.len().checked_ilog2().unwrap_or(0) as usize);
    let at = known.partition_point(|known| known.0.end < one.0.end);
    known
        .get(at)
        .is_some_and(|known| known.0.start <= one.0.start)
}

/// In their order; those that overlap as one, under the name of the longest.
fn apart(mut found: Vec<Found<'_>>) -> Vec<Found<'_>> {
    found.sort_by_key(|(place, _)| place.start);
    found.dedup_by(|next, before| {
        let overlaps = next.0.start < before.0.end;
        if overlaps {
            if next.0.len() > before.0.len() {
                before.1 = next.1;
            }
            before.0.end = before.0.end.max(next.0.end);
        }
        overlaps
    });
    found
}

/// Puts in place of what was found what is part of no word, as a mark is.
fn blot(text: &mut [u8], found: &[Found<'_>]) {
    for (place, _) in found {
        text[place.clone()].fill(BLOT);
    }
}

fn made(name: &str, expression: &str, check: Check) -> Result<(Pattern, Hir), MaskError> {
    let read = pattern::read(expression);
    let made = read.and_then(|read| Ok((Pattern::new(name, &read, check)?, read)));
    made.map_err(|reason| MaskError::NotRegex {
        name: name.to_owned(),
        reason,
    })
}

/// A pattern of an operator's own.
fn own(name: &str, expression: &str, marks: &[String]) -> Result<(Pattern, Hir), MaskError> {
    if name.parse::<Kebab>().is_err() || builtin::NAMES.contains(&name) {
        let name = name.chars().take(64).collect();
        return Err(MaskError::BadName { name });
    }
    let bytes = expression.len();
    if bytes > MAX_PATTERN_BYTES {
        let name = name.to_owned();
        return Err(MaskError::TooLong { name, bytes });
    }
    let (mut pattern, read) = made(name, expression, builtin::whole)?;
    pattern.is_own = true;
    let name = name.to_owned();
    // One that can match nothing does so somewhere, if not in the empty text.
    if read.properties().minimum_len() == Some(0) {
        return Err(MaskError::MatchesEmpty { name });
    }
    let is_in = |mark: &&String| pattern.is_in(mark.as_bytes());
    if let Some(mark) = marks.iter().find(is_in).cloned() {
        return Err(MaskError::MatchesMark { name, mark });
    }
    Ok((pattern, read))
}

fn too_large(config: &MaskConfig, reason: &str) -> MaskError {
    MaskError::NotRegex {
        name: config
            .patterns
            .keys()
            .next_back()
            .cloned()
            .unwrap_or_default(),
        reason: format!("together with the others: {reason}"),
    }
}

/// What stands for something that is masked.
fn mark(name: &str) -> String {
    format!("[masked:{name}]")
}

/// A part of the text with marks for what was found; all of that is in the part, or beyond it.
fn marked(text: &[u8], part: Range<usize>, found: &[Found<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(part.len());
    let mut at = part.start;
    for (place, name) in found.iter().filter(|(place, _)| place.end <= part.end) {
        out.extend_from_slice(&text[at..place.start]);
        out.extend_from_slice(mark(name).as_bytes());
        at = place.end;
    }
    out.extend_from_slice(&text[at..part.end]);
    out
}

/// Bytes that are text, as that.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.patterns.iter().map(|pattern| &*pattern.name);
        f.debug_tuple("Mask")
            .field(&names.collect::<Vec<_>>())
            .finish()
    }
}
