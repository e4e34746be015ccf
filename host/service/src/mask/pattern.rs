//! One pattern: where it is in a text, and whether a text that goes on may still become it.

use std::ops::Range;
use std::sync::Arc;

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson;
use regex_automata::util::pool::Pool;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Capture, Hir, HirKind, Look, Repetition};

use super::around::{LOOK_AHEAD, is_tying};
use super::{BLOT, steps};

/// What one pattern's automaton may have, in bytes. Classes of Unicode, such as `\w`, take some ten thousand each.
const MAX_AUTOMATON_BYTES: usize = 1 << 20;

/// How deep a pattern may nest.
const MAX_NESTING: u32 = 32;

/// Where in the text it is, of what was found, if it is what it looks like; or else from where on it is looked for again. That
/// is no place where the same would be found again and again: a text can be made of such places.
pub(super) type Checked = Result<Range<usize>, usize>;

/// What decides that, of a text and a place in it.
pub(super) type Check = fn(&[u8], Range<usize>) -> Checked;

type Caches = Pool<Cache, Box<dyn Fn() -> Cache + Send + Sync>>;

/// One pattern.
pub(super) struct Pattern {
    pub(super) name: Arc<str>,
    /// Whether it is one of the operator's own.
    pub(super) is_own: bool,
    regex: Regex,
    check: Check,
    /// The same expression, walked byte by byte.
    walk: DFA,
    caches: Caches,
    /// The bytes that a match can begin with.
    begins: Box<[bool; 256]>,
    /// The longest match, in bytes; None: there is no longest.
    longest: Option<usize>,
}

/// How a text goes on from a place.
enum Fate {
    /// No match begins there that more text could change.
    Settled,
    /// More text decides.
    Open,
}

impl Pattern {
    pub(super) fn new(name: &str, expression: &Hir, check: Check) -> Result<Self, String> {
        let size = Some(MAX_AUTOMATON_BYTES);
        let regex = Regex::builder()
            .configure(Regex::config().nfa_size_limit(size).utf8_empty(false))
            .build_from_hir(expression)
            .map_err(|error| error.to_string())?;
        let walk = walker(expression)?;
        let mut begins = Box::new([false; 256]);
        first_bytes(&walker(&loosened(expression))?, &mut begins);
        let again = walk.clone();
        Ok(Self {
            name: name.into(),
            is_own: false,
            regex,
            check,
            walk,
            caches: Pool::new(Box::new(move || again.create_cache())),
            begins,
            longest: expression.properties().maximum_len(),
        })
    }

    /// Adds all places from `from` on where it is. The text is as before when it is done.
    pub(super) fn find_into<'a>(
        &'a self,
        text: &mut [u8],
        from: usize,
        found: &mut Vec<(Range<usize>, &'a str)>,
    ) {
        let mut ends = Vec::new();
        let mut at = from;
        while let Some(one) = self.regex.search(&Input::new(text).range(at..)) {
            steps::did(one.end() - at);
            at = match (self.check)(text, one.range()) {
                Ok(place) if !place.is_empty() => {
                    let end = place.end;
                    found.push((place, &*self.name));
                    // What comes next comes after a mark.
                    ends.push((end - 1, text[end - 1]));
                    text[end - 1] = BLOT;
                    end
                }
                Ok(_) => one.start() + 1,
                Err(next) => next.max(one.start() + 1),
            };
            if at >= text.len() {
                break;
            }
        }
        for (place, byte) in ends {
            text[place] = byte;
        }
    }

    /// Whether it is anywhere in the text, whatever is around it.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// The first place from `from` on, before `to`, where more text decides whether or how far it is there. It takes one from
    /// `steps` for each byte that it looks at; where there are none left, that is the place.
    pub(super) fn first_open(
        &self,
        text: &[u8],
        from: usize,
        to: usize,
        steps: &mut usize,
    ) -> Option<usize> {
        let mut cache = self.caches.get();
        // What begins before is over.
        let near = self
            .longest
            .and_then(|longest| text.len().checked_sub(longest + LOOK_AHEAD));
        let from = from.max(near.unwrap_or(0));
        let is_start = |at: usize| self.begins[usize::from(text[at])];
        (from..to).filter(|&at| is_start(at)).find(|&at| {
            match self.fate(&mut cache, text, at, steps) {
                Some(Fate::Settled) => false,
                Some(Fate::Open) | None => true,
            }
        })
    }

    /// None: it cannot be told.
    fn fate(&self, cache: &mut Cache, text: &[u8], at: usize, steps: &mut usize) -> Option<Fate> {
        let input = Input::new(text).range(at..).anchored(Anchored::Yes);
        let mut state = self.walk.start_state_forward(cache, &input).ok()?;
        let mut has_matched = false;
        for (place, &byte) in text.iter().enumerate().skip(at) {
            *steps = steps.checked_sub(1)?;
            steps::did(1);
            state = self.walk.next_state(cache, state, byte).ok()?;
            if state.is_dead() {
                // What is around a match decides about it too.
                let after = &text[place..];
                let is_near = after.len() < LOOK_AHEAD && after.iter().all(|&byte| is_tying(byte));
                return Some(if has_matched && is_near {
                    Fate::Open
                } else {
                    Fate::Settled
                });
            }
            if state.is_quit() {
                return None;
            }
            has_matched |= state.is_match();
        }
        Some(Fate::Open)
    }
}

/// Reads an expression. Where words begin and end is a matter of ASCII letters: text in Chinese has no spaces.
pub(super) fn read(expression: &str) -> Result<Hir, String> {
    let parsed = regex_syntax::ParserBuilder::new()
        .nest_limit(MAX_NESTING)
        .build()
        .parse(expression)
        .map_err(|error| error.to_string())?;
    Ok(with_looks(&parsed, &|look| {
        Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            other => other,
        })
    }))
}

/// The expression without what it asks of the text around: it matches wherever the expression does, and elsewhere.
pub(super) fn loosened(expression: &Hir) -> Hir {
    with_looks(expression, &|_| Hir::empty())
}

fn with_looks(expression: &Hir, put: &dyn Fn(Look) -> Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(|part| with_looks(part, put)).collect();
    match expression.kind() {
        HirKind::Look(look) => put(*look),
        HirKind::Repetition(repeated) => Hir::repetition(Repetition {
            sub: Box::new(with_looks(&repeated.sub, put)),
            ..repeated.clone()
        }),
        // Nobody asks for groups.
        HirKind::Capture(Capture { sub, .. }) => with_looks(sub, put),
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => expression.clone(),
    }
}

fn walker(expression: &Hir) -> Result<DFA, String> {
    let compiled = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(MAX_AUTOMATON_BYTES)),
        )
        .build_from_hir(expression)
        .map_err(|error| error.to_string())?;
    let config = DFA::config()
        .match_kind(MatchKind::LeftmostFirst)
        .skip_cache_capacity_check(true);
    DFA::builder()
        .configure(config)
        .build_from_nfa(compiled)
        .map_err(|error| error.to_string())
}

/// Notes the bytes after which a walk is not over. What the walker cannot tell may begin with anything.
fn first_bytes(walk: &DFA, begins: &mut [bool; 256]) {
    let mut cache = walk.create_cache();
    for (byte, begins) in (0..=u8::MAX).zip(begins) {
        let input = Input::new(&[]).anchored(Anchored::Yes);
        let start = walk.start_state_forward(&mut cache, &input).ok();
        let next = start.and_then(|start| walk.next_state(&mut cache, start, byte).ok());
        *begins = next.is_none_or(|state| !state.is_dead());
    }
}
