//! A way through the chain, which is an answer: how it begins, when it ends, and that it does not go round in circles.

use std::collections::{BTreeSet, VecDeque};

use crate::chain::{BREAK, Chain, Id};
use crate::chance::Chance;

/// An answer has at most so many sentences, unless its tokens are used up before.
const MAX_SENTENCES: u32 = 3;
/// How much less likely two tokens are to follow each other again in one answer. Without it the likeliest way goes round
/// in circles.
const REPEATED: f64 = 0.1;

/// A way through the chain: the tokens of an answer.
pub(crate) struct Walk<'a> {
    chain: &'a Chain,
    chance: Chance,
    before: Id,
    last: Id,
    /// What comes next without a choice.
    opening: VecDeque<Id>,
    /// Which tokens have followed each other.
    said: BTreeSet<(Id, Id)>,
    /// How many sentences are still to end.
    sentences: u32,
}

impl<'a> Walk<'a> {
    /// A way that begins with one of the chain's openings.
    pub(crate) fn new(chain: &'a Chain, mut chance: Chance) -> Self {
        let opening = chance.choose(&chain.openings()).unwrap_or_default();
        let lengths = (1..=MAX_SENTENCES).map(|sentences| (sentences, 1.0));
        let sentences = chance.choose(&lengths.collect::<Vec<_>>()).unwrap_or(1);
        Self {
            chain,
            chance,
            before: BREAK,
            last: BREAK,
            opening: opening.iter().copied().collect(),
            said: BTreeSet::new(),
            sentences,
        }
    }

    fn step(&mut self) -> Option<Id> {
        let next = match self.opening.pop_front() {
            Some(next) => next,
            None => {
                let mut choices = self.chain.next(self.before, self.last);
                for (next, weight) in &mut choices {
                    if self.said.contains(&(self.last, *next)) {
                        *weight *= REPEATED;
                    }
                }
                self.chance.choose(&choices)?
            }
        };
        self.said.insert((self.last, next));
        self.before = std::mem::replace(&mut self.last, next);
        Some(next)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let mut next = self.step()?;
        while next == BREAK {
            self.sentences = self.sentences.saturating_sub(1);
            if self.sentences == 0 {
                return None;
            }
            next = self.step()?;
        }
        Some(self.chain.text(next))
    }
}
