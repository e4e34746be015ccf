//! A Markov chain of order 2: what followed the last two tokens in what was read, or else the last one.
//!
//! What was read is at most two thousand tokens, so nothing is counted before it is asked for: each step looks through all
//! of it, and an answer has fewer steps than tables of it would have entries.

use std::collections::{BTreeMap, BTreeSet};

use crate::corpus::Language;
use crate::token::{self, Kind};

/// What a token that was not seen behind two is worth of one that was seen behind one: the α of "stupid back-off" (Brants
/// et al., "Large Language Models in Machine Translation", 2007).
const BACK_OFF: f64 = 0.4;
/// How much likelier a token is that stands in the prompt.
const TOPIC_BIAS: f64 = 3.0;
/// How many tokens of a prompt are read: a step looks at all of them, and a prompt is as long as its author likes.
const MAX_PROMPT_TOKENS: usize = 1024;
/// What is longer is no word that is worth saying again.
const MAX_WORD_BYTES: usize = 48;
/// A word that makes up more than this share of the corpus says nothing about a prompt that has it: `the`, `的`.
const COMMON_SHARE: f64 = 1.0 / 80.0;
/// The shortest word of a script with blanks that says something about a prompt.
const MIN_TELLING_CHARS: usize = 3;

/// A token of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(usize);

/// Where a sentence ends and the next may begin: stands before, between and after all sentences.
pub(crate) const BREAK: Id = Id(0);

/// What was read: the corpus of a language, and then a prompt.
#[derive(Debug)]
pub(crate) struct Chain {
    language: Language,
    vocabulary: Vec<Word>,
    /// By the word in lower case.
    ids: BTreeMap<String, Id>,
    read: Vec<Id>,
    /// Where in `read` the corpus ends. Both it and the prompt begin with the break that stands there.
    corpus_end: usize,
    /// The words of the prompt that say something about it.
    topic: BTreeSet<Id>,
}

#[derive(Debug)]
struct Word {
    text: String,
    kind: Kind,
}

impl Chain {
    /// Reads a language's corpus and a prompt.
    pub(crate) fn about(prompt: &str) -> Self {
        let start = token::split(prompt).take(MAX_PROMPT_TOKENS);
        let words = start.filter(|token| token.kind == Kind::Word);
        let mut chain = Self {
            language: Language::of(words.map(|word| word.text)),
            vocabulary: vec![Word {
                text: String::new(),
                kind: Kind::Other,
            }],
            ids: BTreeMap::new(),
            read: vec![BREAK],
            corpus_end: 0,
            topic: BTreeSet::new(),
        };
        for sentence in chain.language.sentences() {
            chain.read_line(&sentence.to_lowercase(), usize::MAX);
        }
        chain.corpus_end = chain.read.len() - 1;
        let mut left = MAX_PROMPT_TOKENS;
        for line in prompt.lines() {
            left -= chain.read_line(line, left);
        }
        let prompt = chain.prompt().iter().copied().collect::<BTreeSet<_>>();
        chain.topic = prompt.into_iter().filter(|id| chain.tells(*id)).collect();
        chain
    }

    /// How a token is written.
    pub(crate) fn text(&self, id: Id) -> &str {
        &self.vocabulary[id.0].text
    }

    /// The beginnings of an answer, each as good as the other: pairs of the prompt's words that the corpus has too, or else
    /// such words, or else the prompt's own. None for a prompt that says nothing.
    pub(crate) fn openings(&self) -> Vec<(&[Id], f64)> {
        let corpus = self.corpus();
        let is_known_pair =
            |pair: &[Id]| self.tells_any(pair) && corpus.windows(2).any(|other| other == pair);
        let known_pairs = self
            .prompt()
            .windows(2)
            .map(is_known_pair)
            .collect::<Vec<_>>();
        // Where pairs overlap, the first: the others begin in the middle of what the corpus has.
        let pairs = self.prompt().windows(2).enumerate();
        let first_pairs =
            pairs.filter(|(at, _)| known_pairs[*at] && (*at == 0 || !known_pairs[*at - 1]));
        let words = || {
            let words = self.prompt().chunks(1);
            words.filter(|word| self.tells_any(word))
        };
        let choices = [
            first_pairs.map(|(_, pair)| pair).collect::<Vec<_>>(),
            words().filter(|word| corpus.contains(&word[0])).collect(),
            words().collect(),
        ];
        let best = choices.into_iter().find(|openings| !openings.is_empty());
        let best = best.unwrap_or_default().into_iter();
        best.map(|opening| (opening, 1.0)).collect()
    }

    /// What may follow, each with how likely it is. `BREAK` among it: the sentence ends here. Never empty for a token
    /// that was read.
    pub(crate) fn next(&self, before: Id, last: Id) -> Vec<(Id, f64)> {
        let mut behind_one = BTreeMap::<Id, u32>::new();
        let mut behind_two = BTreeMap::<Id, u32>::new();
        for at in 1..self.read.len() {
            if self.read[at - 1] != last {
                continue;
            }
            *behind_one.entry(self.read[at]).or_default() += 1;
            // A sentence begins whatever stood before.
            if last != BREAK && at >= 2 && self.read[at - 2] == before {
                *behind_two.entry(self.read[at]).or_default() += 1;
            }
        }
        let sum_one = f64::from(behind_one.values().sum::<u32>());
        let sum_two = f64::from(behind_two.values().sum::<u32>());
        let likelihood = |(id, count): (Id, u32)| {
            let likely = match behind_two.get(&id) {
                Some(count) => f64::from(*count) / sum_two,
                None => BACK_OFF * f64::from(count) / sum_one,
            };
            let bias = if self.topic.contains(&id) {
                TOPIC_BIAS
            } else {
                1.0
            };
            (id, likely * bias)
        };
        behind_one.into_iter().map(likelihood).collect()
    }

    /// Reads a line, at most so many tokens of it. How many they were.
    fn read_line(&mut self, line: &str, most: usize) -> usize {
        let mut count = 0;
        let mut in_sentence = false;
        for token in token::split(line).take(most) {
            count += 1;
            let is_readable = token.kind != Kind::Other && token.text.len() <= MAX_WORD_BYTES;
            // No sentence begins with a mark.
            if !is_readable || (!in_sentence && token.kind != Kind::Word) {
                continue;
            }
            let id = self.id(token.text, token.kind);
            self.read.push(id);
            in_sentence = token.kind != Kind::End;
            if !in_sentence {
                self.read.push(BREAK);
            }
        }
        if in_sentence {
            let full_stop = self.id(self.language.full_stop(), Kind::End);
            self.read.extend([full_stop, BREAK]);
        }
        count
    }

    /// The number of a token, a new one where it was not read before. It is written as it was read first.
    fn id(&mut self, text: &str, kind: Kind) -> Id {
        let new = Id(self.vocabulary.len());
        let id = *self.ids.entry(text.to_lowercase()).or_insert(new);
        if id == new {
            let text = text.to_owned();
            self.vocabulary.push(Word { text, kind });
        }
        id
    }

    fn corpus(&self) -> &[Id] {
        &self.read[..=self.corpus_end]
    }

    fn prompt(&self) -> &[Id] {
        &self.read[self.corpus_end..]
    }

    fn tells_any(&self, ids: &[Id]) -> bool {
        let are_words = ids
            .iter()
            .all(|id| self.vocabulary[id.0].kind == Kind::Word);
        are_words && ids.iter().any(|id| self.topic.contains(id))
    }

    /// Whether a word says something about the prompt that has it.
    fn tells(&self, id: Id) -> bool {
        let Word { text, kind } = &self.vocabulary[id.0];
        let is_short = text.is_ascii() && text.len() < MIN_TELLING_CHARS;
        let corpus = self.corpus();
        let count = corpus.iter().filter(|other| **other == id).count();
        *kind == Kind::Word && !is_short && count as f64 <= COMMON_SHARE * corpus.len() as f64
    }
}

#[cfg(test)]
mod tests;
