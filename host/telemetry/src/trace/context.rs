//! Where a trace goes on: [W3C Trace Context](https://www.w3.org/TR/trace-context/), as requests carry it in the headers
//! `traceparent` and `tracestate`.
//!
//! What cannot be read counts as not there, as the standard has it: the request is served, and a new trace begins.

use std::fmt;
use std::sync::Arc;

use lockgate_model::TraceId;

use super::SpanId;

/// The header that names the trace and the span that a request comes from.
pub const TRACEPARENT: &str = "traceparent";

/// The header with what tracing systems want to be told again.
pub const TRACESTATE: &str = "tracestate";

/// The flag of a trace whose spans are recorded.
const SAMPLED: u8 = 0b01;

/// The flag of a trace whose id is random, which samplers count on.
const RANDOM: u8 = 0b10;

/// The longest `tracestate` that is passed on, in bytes: what the standard asks for.
const MAX_STATE_BYTES: usize = 512;

/// How many members a `tracestate` may have.
const MAX_MEMBERS: usize = 32;

/// Members that are longer go first where there is too much.
const LARGE_MEMBER_BYTES: usize = 128;

/// The longest key and the longest value of a member.
const MAX_MEMBER_PART: usize = 256;

/// Where a trace goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The span that causes what goes on; None where the trace begins.
    pub parent: Option<SpanId>,
    /// The flags of the trace, those that this host knows.
    pub flags: u8,
    /// What tracing systems want to be told again, as it came.
    pub state: Option<Arc<str>>,
}

impl TraceContext {
    /// The beginning of a trace, which is not sampled.
    pub fn begin() -> Self {
        let trace = loop {
            let id: [u8; 16] = rand::random();
            if id != [0; 16] {
                break TraceId(id);
            }
        };
        Self {
            trace,
            parent: None,
            flags: RANDOM,
            state: None,
        }
    }

    /// Reads the headers of a request. None where they say no trace that can be gone on with.
    pub fn read<'h>(
        traceparent: &str,
        tracestate: impl IntoIterator<Item = &'h str>,
    ) -> Option<Self> {
        let mut fields = traceparent.trim_matches([' ', '\t']).splitn(5, '-');
        let version = hex::<1>(fields.next()?)?[0];
        let trace = TraceId::read(fields.next()?)?;
        let parent = hex::<8>(fields.next()?)?;
        let [flags] = hex::<1>(fields.next()?)?;
        let has_more = fields.next().is_some();
        // A later version may say more after another dash; this one may not, and 255 is none.
        if version == u8::MAX || (version == 0 && has_more) || parent == [0; 8] {
            return None;
        }
        Some(Self {
            trace,
            parent: Some(SpanId(parent)),
            flags: flags & (SAMPLED | RANDOM),
            state: state(tracestate),
        })
    }

    /// Whether spans of the trace are recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The same trace, recorded or not.
    #[must_use]
    pub fn sampled(mut self, is_sampled: bool) -> Self {
        self.flags = (self.flags & !SAMPLED) | if is_sampled { SAMPLED } else { 0 };
        self
    }

    /// The same trace, for what `span` causes.
    #[must_use]
    pub fn below(&self, span: SpanId) -> Self {
        Self {
            parent: Some(span),
            ..self.clone()
        }
    }

    /// What a request that `span` makes says in its header `traceparent`. Its `tracestate` is [`TraceContext::state`].
    pub fn traceparent(&self, span: SpanId) -> impl fmt::Display {
        fmt::from_fn(move |f| write!(f, "00-{}-{span}-{:02x}", self.trace, self.flags))
    }
}

/// So many bytes, as hexadecimal digits in lower case.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(digits[0])? << 4 | digit(digits[1])?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// The members of all `tracestate` headers, in their order. None where there are none, or one is none.
fn state<'h>(headers: impl IntoIterator<Item = &'h str>) -> Option<Arc<str>> {
    let mut members: Vec<&str> = Vec::new();
    for header in headers {
        for member in header.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue; // the standard lets members be empty
            }
            let key = key(member)?;
            let is_twice = members.iter().any(|known| {
                known
                    .strip_prefix(key)
                    .is_some_and(|rest| rest.starts_with('='))
            });
            if is_twice || members.len() >= MAX_MEMBERS {
                return None;
            }
            members.push(member);
        }
    }
    shorten(&mut members);
    (!members.is_empty()).then(|| members.join(",").into())
}

/// The key of a member that is one.
fn key(member: &str) -> Option<&str> {
    let (key, value) = member.split_once('=')?;
    let starts = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let fits = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '*' | '/' | '@')
    };
    let is_key = starts && key.len() <= MAX_MEMBER_PART && key.chars().all(fits);
    let is_printed = |c: char| matches!(c, ' '..='~') && c != '=';
    let is_value =
        !value.is_empty() && value.len() <= MAX_MEMBER_PART && value.chars().all(is_printed);
    (is_key && is_value).then_some(key)
}

/// Leaves members out until the rest may be passed on: large ones first, and then from the end, where the oldest are.
fn shorten(members: &mut Vec<&str>) {
    while bytes(members) > MAX_STATE_BYTES {
        let is_large = |member: &&str| member.len() > LARGE_MEMBER_BYTES;
        match members.iter().rposition(is_large) {
            Some(large) => drop(members.remove(large)),
            None => drop(members.pop()),
        }
    }
}

fn bytes(members: &[&str]) -> usize {
    let commas = members.len().saturating_sub(1);
    members.iter().map(|member| member.len()).sum::<usize>() + commas
}

#[cfg(test)]
mod tests;
