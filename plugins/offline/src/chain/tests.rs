//! What an answer opens with, and how it goes on.

use super::*;

fn id(chain: &Chain, word: &str) -> Id {
    *chain.ids.get(word).expect("a word that was read")
}

fn openings(prompt: &str) -> Vec<String> {
    let chain = Chain::about(prompt);
    let openings = chain.openings().into_iter();
    let text = |(opening, _): (&[Id], f64)| {
        let words = opening.iter().map(|id| chain.text(*id));
        words.collect::<Vec<_>>().join(" ")
    };
    openings.map(text).collect()
}

#[test]
fn an_answer_opens_with_what_prompt_and_corpus_share() {
    assert_eq!(
        openings("Write a poem about the sea!"),
        ["a poem", "the sea"]
    );
    assert_eq!(openings("Poem, please: SEA"), ["poem", "sea"]);
    assert_eq!(openings("请写一首关于 春天 的诗。"), ["一 首", "春 天"]);
    assert_eq!(openings("Wasmtime, of it"), ["Wasmtime"]);
    assert_eq!(openings("?! \n 🦀 of"), [""; 0]);
}

#[test]
fn two_tokens_weigh_more_than_one_and_the_topic_more_than_others() {
    let chain = Chain::about("red sky. red sea. blue sky");
    let (red, blue) = (id(&chain, "red"), id(&chain, "blue"));
    let (sea, sky) = (id(&chain, "sea"), id(&chain, "sky"));
    let weight = |followers: &[(Id, f64)], id: Id| {
        let found = followers.iter().find(|(other, _)| *other == id);
        found.map(|(_, weight)| *weight)
    };
    let after_red = chain.next(BREAK, red);
    assert_eq!(weight(&after_red, sky), Some(0.5 * TOPIC_BIAS));
    assert_eq!(weight(&after_red, sea), Some(0.5 * TOPIC_BIAS));
    // `blue` has `line` and `sky` behind it; `thin blue` only `line`.
    let (thin, line) = (id(&chain, "thin"), id(&chain, "line"));
    let after_blue = chain.next(thin, blue);
    assert_eq!(weight(&after_blue, line), Some(1.0));
    assert_eq!(weight(&after_blue, sky), Some(BACK_OFF * 0.5 * TOPIC_BIAS));
}

#[test]
fn everything_that_was_read_goes_on() {
    for prompt in ["", "a", "春", "\u{1b}[2J (…) 'x'\r\n\r\n-- # y:", "a. b! c"] {
        let chain = Chain::about(prompt);
        for pair in chain.read.windows(2) {
            assert!(!chain.next(pair[0], pair[1]).is_empty(), "{prompt:?}");
        }
    }
}

#[test]
fn a_long_prompt_is_read_from_its_start_and_no_further() {
    let chain = Chain::about(&"word ".repeat(MAX_PROMPT_TOKENS * 2));
    assert_eq!(chain.prompt().len(), 1 + MAX_PROMPT_TOKENS + 2);
    let chain = Chain::about(&"x".repeat(1_000_000));
    assert_eq!(chain.prompt(), [BREAK]);
}
