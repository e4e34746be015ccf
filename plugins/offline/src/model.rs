//! `model`: a language model of a few dozen sentences, with the ports of a large one.

use std::hash::Hasher as _;

use lockgate_sdk::prelude::*;
use twox_hash::XxHash64;

use crate::chain::Chain;
use crate::chance::Chance;
use crate::failing::Fail;
use crate::stop::{Passed, Stops};
use crate::token::{self, Writer};
use crate::walk::Walk;

/// What `usage` calls the provider.
const PROVIDER: &str = "offline";
const MAX_MODEL_CHARS: usize = 128;
const MAX_TOKENS: u32 = 4096;
const MAX_TEMPERATURE: f64 = 2.0;
const MAX_STOPS: usize = 4;
const MAX_STOP_CHARS: usize = 64;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Options {
    /// What `usage` calls the model. Any name will do, a service's too. Each has answers of its own.
    #[schemars(length(min = 1, max = MAX_MODEL_CHARS))]
    model: String,
    /// The most tokens of the answer. More of them continue the same answer.
    #[schemars(range(min = 1, max = MAX_TOKENS))]
    max_tokens: u32,
    /// 0 chooses the likeliest token each time, 1 each as often as it is likely, 2 more evenly.
    #[schemars(range(min = 0.0, max = MAX_TEMPERATURE))]
    temperature: f64,
    /// Another seed gives another answer, the same seed the same. At temperature 0 there is but one.
    seed: u64,
    /// The answer ends before the first of these texts.
    #[schemars(length(max = MAX_STOPS), inner(length(min = 1, max = MAX_STOP_CHARS)))]
    stop: Vec<String>,
    /// Lets calls fail on purpose, to try out what a flow does then. Without it none does.
    #[schemars(with = "Fail")] // not `null`, so that a fault in it is told where it is
    fail: Option<Fail>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            model: "markov-1".to_owned(),
            max_tokens: 64,
            temperature: 1.0,
            seed: 0,
            stop: Vec::new(),
            fail: None,
        }
    }
}

/// Options within their bounds.
pub(crate) struct Checked(Options);

impl Configure for Checked {
    type Config = Options;

    fn configure(options: Options) -> Result<Self> {
        let refuse =
            |pointer: &str, message: String| Err(Failure::invalid_input(message).at(pointer));
        let chars = |text: &str| text.chars().count();
        if !(1..=MAX_MODEL_CHARS).contains(&chars(&options.model)) {
            let message = format!("a model's name has from 1 to {MAX_MODEL_CHARS} characters");
            return refuse("/model", message);
        }
        if !(1..=MAX_TOKENS).contains(&options.max_tokens) {
            let message = format!("an answer has from 1 to {MAX_TOKENS} tokens");
            return refuse("/max_tokens", message);
        }
        if !(0.0..=MAX_TEMPERATURE).contains(&options.temperature) {
            let message = format!("a temperature is from 0 to {MAX_TEMPERATURE}");
            return refuse("/temperature", message);
        }
        if options.stop.len() > MAX_STOPS {
            return refuse(
                "/stop",
                format!("there are at most {MAX_STOPS} texts to stop at"),
            );
        }
        let fits = |stop: &String| (1..=MAX_STOP_CHARS).contains(&chars(stop));
        if let Some(at) = options.stop.iter().position(|stop| !fits(stop)) {
            let message = format!("a text to stop at has from 1 to {MAX_STOP_CHARS} characters");
            return refuse(&format!("/stop/{at}"), message);
        }
        if let Some(fail) = &options.fail {
            fail.check()?;
        }
        Ok(Self(options))
    }
}

/// What a call used.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Usage {
    /// `offline`.
    provider: String,
    /// The model's name in the configuration.
    model: String,
    /// Tokens of `prompt` and `system`: words, which are single characters in Chinese, and marks of punctuation.
    input_tokens: u64,
    /// Tokens of the answer.
    output_tokens: u64,
}

/// Writes one to three sentences that have to do with the prompt, in English or Chinese. There is no network and no key.
///
/// It has the ports of a node that asks a chat model, and stands in for one where a flow is written, tested or shown. It
/// is pure: prompt, system and configuration decide every token. They do so whichever attempt it is, because an attempt
/// that `fail` lets fail gives no outputs that could differ.
#[node(adapter, pure, output(usage = "What the call used."))]
pub(crate) fn model(
    /// What to write about.
    prompt: String,
    /// What a chat model would be told first. It changes the answer, and the answer is not about it.
    system: Option<String>,
    options: Config<Checked>,
    call: CallInfo,
    /// The answer, token by token.
    #[port(text)]
    mut answer: Emit<String>,
) -> Result<Json<Usage>> {
    let options = options.0.0;
    let fail_if_due = |made_tokens| match &options.fail {
        Some(fail) => fail.due(call.attempt, made_tokens),
        None => Ok(()),
    };
    fail_if_due(0)?;
    let system = system.unwrap_or_default();
    let mut usage = Usage {
        provider: PROVIDER.to_owned(),
        input_tokens: count(&prompt) + count(&system),
        output_tokens: 0,
        model: options.model,
    };
    let seed = seed(options.seed, [&usage.model, &system, &prompt]);
    let chain = Chain::about(&prompt);
    let walk = Walk::new(&chain, Chance::new(seed, options.temperature));
    let mut writer = Writer::default();
    let mut stops = Stops::new(&options.stop);
    for (made, token) in (0..options.max_tokens).zip(walk) {
        fail_if_due(made)?;
        usage.output_tokens += 1;
        let (text, is_last) = match stops.pass(&writer.write(token)) {
            Passed::Text(text) => (text, false),
            Passed::Last(text) => (text, true),
        };
        // Nothing is held back for long enough to be worth an empty part.
        let is_read = text.is_empty() || answer.send(text)?;
        if !is_read {
            return Ok(Json(usage));
        }
        if is_last {
            break;
        }
    }
    fail_if_due(u32::MAX)?;
    let rest = stops.rest();
    if !rest.is_empty() {
        answer.send(rest)?;
    }
    Ok(Json(usage))
}

fn count(text: &str) -> u64 {
    token::split(text).count() as u64
}

/// One number of all that decides an answer. XXH64, which is the same on every system; each text ends with its length, so
/// that none can pass for another.
fn seed(seed: u64, texts: [&str; 3]) -> u64 {
    let mut hasher = XxHash64::with_seed(seed);
    for text in texts {
        hasher.write(text.as_bytes());
        hasher.write(&(text.len() as u64).to_le_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
