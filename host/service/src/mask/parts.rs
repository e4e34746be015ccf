//! Streams: a secret may come in several parts of one.
//!
//! The end of a stream so far is held back where more text decides whether, or how far, it is something that is masked; the
//! rest goes on at once. So a follower is behind by a word, or by the digits of a number, and the parts that are let go are,
//! end to end, what masking the whole text gives. Each pattern's automaton says what is open, an operator's patterns' too.

use std::collections::HashMap;

use lockgate_model::{At, Blob, Ident, RunEvent, Value};

use super::around::{LOOK_BEHIND, escape_until};
use super::document::is_text;
use super::log::Logs;
use super::wide::{Narrow, half};
use super::{Found, Mask, REST, blot, into_text, mark, marked};

/// The most that is held back of one stream, in bytes: a private key is shorter. What could be longer is not kept in parts.
const MAX_HELD: usize = 16 << 10;

/// From here on, what is held is looked at anew when it has grown by a quarter only: many small parts of a long one would
/// take time with its square.
const LOOK_AT_EACH: usize = 256;

/// The streams of a run that have not ended, and its logs.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    parts: HashMap<At, Vec<Stream>>,
    logs: Logs,
}

/// What one attempt sends on one output.
#[derive(Debug)]
struct Stream {
    attempt: u32,
    port: Ident,
    /// The media type of bytes; None for text.
    media_type: Option<std::sync::Arc<str>>,
    /// What was held became too long: nothing of it goes on.
    is_stopped: bool,
    /// The end of what was let go, as it was.
    before: Vec<u8>,
    held: Vec<u8>,
    /// How much of what is held was not looked at.
    fresh: usize,
}

/// What goes on of a stream.
#[derive(Debug, Default)]
struct Gone {
    bytes: Vec<u8>,
    masked: bool,
}

impl Streams {
    /// A part as it may be recorded, if one may be now, and whether something was masked. An event of another sort stays as
    /// it is.
    pub(crate) fn part(&mut self, mask: &Mask, event: RunEvent) -> (Option<RunEvent>, bool) {
        let RunEvent::NodePart {
            at,
            attempt,
            port,
            part,
        } = &event
        else {
            return (Some(event), false);
        };
        let (bytes, media_type) = match part {
            Value::Text(text) => (text.as_bytes(), None),
            Value::Binary(blob) => (&blob.data[..], Some(&blob.media_type)),
            Value::Json(_) => return document(mask, event),
        };
        if bytes.is_empty() {
            return (Some(event), false);
        }
        let streams = match self.parts.get_mut(at) {
            Some(streams) => streams,
            None => self.parts.entry(at.clone()).or_default(),
        };
        let known = streams
            .iter()
            .position(|one| one.attempt == *attempt && one.port == *port);
        let known = known.unwrap_or_else(|| {
            let media_type = media_type.map(|said| match mask.text(said) {
                Some(masked) => masked.into(),
                None => std::sync::Arc::clone(said),
            });
            streams.push(Stream::new(*attempt, port.clone(), media_type));
            streams.len() - 1
        });
        let stream = &mut streams[known];
        let was_empty = stream.held.is_empty();
        let gone = stream.push(mask, bytes);
        if was_empty && !gone.masked && gone.bytes == bytes {
            return (Some(event), false);
        }
        let masked = gone.masked;
        let goes_on = !gone.bytes.is_empty();
        (goes_on.then(|| stream.event(at, gone.bytes)), masked)
    }

    /// Masks what a log's line has of a private key that began before it. Whether something was masked.
    pub(crate) fn line(&mut self, mask: &Mask, event: &mut RunEvent) -> bool {
        match event {
            RunEvent::NodeLog { at, line, .. } => self.logs.line(mask, at, line),
            _ => false,
        }
    }

    /// The ends of all streams of a node, or of an element of it: no more comes of them. Whether something was masked.
    pub(crate) fn end(&mut self, mask: &Mask, at: &At) -> (Vec<RunEvent>, bool) {
        self.logs.end(at);
        let streams = self.parts.remove(at).unwrap_or_default();
        ends(mask, at, streams)
    }

    /// The ends of all streams.
    pub(crate) fn end_all(&mut self, mask: &Mask) -> (Vec<RunEvent>, bool) {
        let mut all = (Vec::new(), false);
        for (at, streams) in self.parts.drain() {
            let (events, masked) = ends(mask, &at, streams);
            all.0.extend(events);
            all.1 |= masked;
        }
        all
    }
}

fn ends(mask: &Mask, at: &At, streams: Vec<Stream>) -> (Vec<RunEvent>, bool) {
    let mut any = false;
    let mut events = Vec::new();
    for mut stream in streams {
        let gone = stream.look(mask, true);
        any |= gone.masked;
        if !gone.bytes.is_empty() {
            events.push(stream.event(at, gone.bytes));
        }
    }
    (events, any)
}

/// A document is a whole by itself.
fn document(mask: &Mask, mut event: RunEvent) -> (Option<RunEvent>, bool) {
    let masked = match &mut event {
        RunEvent::NodePart { part, .. } => mask.value(part),
        _ => false,
    };
    (Some(event), masked)
}

impl Stream {
    fn new(attempt: u32, port: Ident, media_type: Option<std::sync::Arc<str>>) -> Self {
        Self {
            attempt,
            port,
            media_type,
            is_stopped: false,
            before: Vec::new(),
            held: Vec::new(),
            fresh: 0,
        }
    }

    fn event(&self, at: &At, bytes: Vec<u8>) -> RunEvent {
        let part = match &self.media_type {
            None => Value::text(into_text(bytes)),
            Some(media_type) => Value::Binary(Blob {
                media_type: std::sync::Arc::clone(media_type),
                data: bytes.into(),
            }),
        };
        RunEvent::NodePart {
            at: at.clone(),
            attempt: self.attempt,
            port: self.port.clone(),
            part,
        }
    }

    /// What goes on when this comes.
    fn push(&mut self, mask: &Mask, part: &[u8]) -> Gone {
        if self.is_stopped {
            return Gone::default();
        }
        let media_type = self.media_type.as_deref();
        if media_type.is_some_and(|media_type| !is_text(media_type, part)) {
            let mut gone = self.look(mask, true);
            gone.bytes.extend_from_slice(part);
            let end = part.len().saturating_sub(LOOK_BEHIND);
            self.before = part[end..].to_vec();
            return gone;
        }
        self.held.extend_from_slice(part);
        self.fresh += part.len();
        let is_long = self.held.len() > LOOK_AT_EACH;
        if is_long && self.fresh < self.held.len() / 4 {
            return Gone::default();
        }
        self.look(mask, false)
    }

    /// What goes on of what is held: all of it if nothing more comes.
    fn look(&mut self, mask: &Mask, is_end: bool) -> Gone {
        let from = self.before.len();
        let mut text = std::mem::take(&mut self.before);
        text.append(&mut self.held);
        self.fresh = 0;
        let found = mask.found(&text, from);
        let mut to = text.len();
        let mut blotted = text.clone();
        if !is_end {
            to = before_any(&text, from, &found, mask.open_from(&text, from));
            // What comes after something that is masked is looked at as what comes after a mark.
            blot(&mut blotted[..to], &found[..count(&found, to)]);
            if count(&found, to) > 0 {
                let open = mask.open_from(&blotted, from);
                to = before_any(&text, from, &found, to.min(open));
            }
        }
        let mut gone = Gone {
            bytes: marked(&text, from..to, &found),
            masked: count(&found, to) > 0,
        };
        if text.len() - to > MAX_HELD {
            self.is_stopped = true;
            gone.bytes.extend_from_slice(mark(REST).as_bytes());
            gone.masked = true;
            return gone;
        }
        self.held = text.split_off(to);
        blotted.truncate(to);
        blotted.drain(..to.saturating_sub(LOOK_BEHIND));
        self.before = blotted;
        gone
    }
}

/// How much of what was found ends until there.
fn count(found: &[Found<'_>], to: usize) -> usize {
    found.partition_point(|(place, _)| place.end <= to)
}

/// The place, or the beginning of what was found around it, with the escape before that: without it, a word would begin
/// elsewhere.
fn before_any(text: &[u8], from: usize, found: &[Found<'_>], to: usize) -> usize {
    let next = count(found, to);
    let around = found.get(next).map_or(to, |(place, _)| place.start.min(to));
    let escape = escape_until(text, around).unwrap_or(around);
    let known = found[..next].last().map_or(from, |(place, _)| place.end);
    escape.max(known)
}

impl Mask {
    /// From where on more text decides what is found; the text's end if nothing is open.
    fn open_from(&self, text: &[u8], from: usize) -> usize {
        // Some expressions are walked over the same text again and again. Where that takes too long, it is not told.
        let mut steps = (text.len() - from) * 16 * self.patterns.len() + (16 << 10);
        // The rest of a character may make it a digit.
        let mut to = (text.len() - half(text)).max(from);
        let narrow = Narrow::of(text);
        for pattern in &self.patterns {
            if pattern.is_own {
                to = pattern.first_open(text, from, to, &mut steps).unwrap_or(to);
                continue;
            }
            let (from, until) = (narrow.place(from), narrow.place(to));
            let open = pattern.first_open(&narrow.bytes, from, until, &mut steps);
            to = open.map_or(to, |open| narrow.in_text(open));
        }
        to
    }
}
