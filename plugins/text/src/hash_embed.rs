//! `hash-embed`: a vector for a text, without a model.
//!
//! The hashing trick: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (ICML 2009). Each feature's
//! hash chooses the number that counts it, and whether it counts up or down; so what features that meet by accident add to
//! a product is 0 on average. The hash is XXH64, as xxhash.com specifies it.
//!
//! The vectors are a contract: whatever changes one here makes what people have stored worthless. So may a newer Unicode,
//! for characters that it adds or whose words it lets end elsewhere: look at its notes before updating the crates that
//! know it.

use std::collections::BTreeSet;

use lockgate_sdk::prelude::*;
use twox_hash::XxHash64;
use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

const MIN_DIMENSIONS: usize = 8;
const MAX_DIMENSIONS: usize = 4096;
/// The longest run of words or characters that is a feature. Each size is one more pass over the text.
const MAX_SIZE: usize = 8;
/// What sets the features of words and of characters apart: seeds of the hash.
const WORD_SEED: u64 = 0;
const CHAR_SEED: u64 = 1;
/// Stands behind each word, and before it where its characters are looked at, so that starts and ends of words are
/// features too. No word has one in it.
const EDGE: &str = " ";

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct HashEmbedConfig {
    /// How many numbers the vector has. With more of them fewer features share one.
    #[schemars(range(min = MIN_DIMENSIONS, max = MAX_DIMENSIONS))]
    dimensions: usize,
    /// How many words in a row are a feature: sizes from 1 to 8. In Chinese and Japanese a character is a word.
    #[schemars(inner(range(min = 1, max = MAX_SIZE)))]
    word_ngrams: BTreeSet<usize>,
    /// How many characters in a row, within a word and with its edges, are a feature: sizes from 1 to 8. They find forms
    /// of the same word, and words with a mistake.
    #[schemars(inner(range(min = 1, max = MAX_SIZE)))]
    char_ngrams: BTreeSet<usize>,
}

impl Default for HashEmbedConfig {
    fn default() -> Self {
        Self {
            dimensions: 256,
            word_ngrams: BTreeSet::from([1, 2]),
            char_ngrams: BTreeSet::from([3, 4]),
        }
    }
}

/// A configuration that makes features of a text.
pub(crate) struct Embedder(HashEmbedConfig);

impl Configure for Embedder {
    type Config = HashEmbedConfig;

    fn configure(config: HashEmbedConfig) -> Result<Self> {
        if !(MIN_DIMENSIONS..=MAX_DIMENSIONS).contains(&config.dimensions) {
            let message = format!("a vector has from {MIN_DIMENSIONS} to {MAX_DIMENSIONS} numbers");
            return Err(Failure::invalid_input(message).at("/dimensions"));
        }
        for (pointer, sizes) in [
            ("/word_ngrams", &config.word_ngrams),
            ("/char_ngrams", &config.char_ngrams),
        ] {
            if sizes.iter().any(|size| !(1..=MAX_SIZE).contains(size)) {
                let message = format!("a feature has from 1 to {MAX_SIZE} words or characters");
                return Err(Failure::invalid_input(message).at(pointer));
            }
        }
        if config.word_ngrams.is_empty() && config.char_ngrams.is_empty() {
            let message = "there is no feature: give `word_ngrams` or `char_ngrams` a size";
            return Err(Failure::invalid_input(message).at(""));
        }
        Ok(Self(config))
    }
}

/// Makes a vector of length 1 for a text, by feature hashing: no model, no network, and the same on every system.
///
/// Texts that share words or parts of words have vectors with a higher cosine, which is the sum of the products of their
/// numbers. It finds texts with the same words, not with the same meaning. Upper and lower case, full and half width,
/// and ways to write the same character are one (Unicode NFKC). A text without a word has the vector of zeros.
#[node(
    transform,
    pure,
    output(vector = "The vector: as many numbers as `dimensions` says.")
)]
pub(crate) fn hash_embed(
    /// The text.
    text: String,
    embedder: Config<Embedder>,
) -> Json<Vec<f32>> {
    Json(embed(&text, &embedder.0.0))
}

/// The vector of a text, under a configuration within its bounds.
pub(crate) fn embed(text: &str, config: &HashEmbedConfig) -> Vec<f32> {
    let HashEmbedConfig {
        dimensions,
        word_ngrams,
        char_ngrams,
    } = config;
    let text = text.nfkc().collect::<String>().to_lowercase();
    let words = text.unicode_words().collect::<Vec<_>>();
    let mut counts = Counts(vec![0; *dimensions]);
    // One buffer for all features: they are many, and short.
    let mut feature = String::new();
    for ngram in word_ngrams.iter().flat_map(|size| words.windows(*size)) {
        feature.clear();
        for word in ngram {
            feature.push_str(word);
            feature.push_str(EDGE);
        }
        counts.add(WORD_SEED, &feature);
    }
    if let Some(smallest) = char_ngrams.first() {
        for word in words {
            feature.clear();
            feature.extend([EDGE, word, EDGE]);
            // Every word counts, also one that is too short for any size.
            if feature.chars().count() < *smallest {
                counts.add(CHAR_SEED, &feature);
            }
            for ngram in char_ngrams.iter().flat_map(|size| windows(&feature, *size)) {
                counts.add(CHAR_SEED, ngram);
            }
        }
    }
    counts.normalised()
}

/// Runs of so many characters, one for each place where one fits.
fn windows(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(at, _)| at);
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    starts
        .zip(ends.skip(size - 1))
        .map(|(start, end)| &text[start..end])
}

/// Signed counts of features. Whole numbers, so that no order of adding them rounds differently.
struct Counts(Vec<i64>);

impl Counts {
    fn add(&mut self, seed: u64, feature: &str) {
        let hash = XxHash64::oneshot(seed, feature.as_bytes());
        // The sign is the top bit, the place what the bits below leave over: independent of each other.
        let sign = if hash >> 63 == 0 { 1 } else { -1 };
        let place = (hash & (u64::MAX >> 1)) % self.0.len() as u64;
        self.0[place as usize] += sign;
    }

    /// Divided by the Euclidean norm. IEEE 754 rounds the square root and the quotient, so they are the same everywhere.
    fn normalised(self) -> Vec<f32> {
        let counts = self.0.iter().map(|count| *count as f64);
        let norm = counts.map(|count| count * count).sum::<f64>().sqrt();
        if norm == 0.0 {
            return vec![0.0; self.0.len()];
        }
        let numbers = self.0.into_iter();
        numbers.map(|count| (count as f64 / norm) as f32).collect()
    }
}

#[cfg(test)]
mod tests;
