//! What a chat client is told.

use lockgate_service::runs::{ReceiptDoc, RunView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::{Code, Problem};

/// The answer, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Completion {
    /// `chatcmpl-` and the run's id.
    pub(super) id: String,
    /// `chat.completion`.
    pub(super) object: &'static str,
    /// When it was asked for: seconds since 1970.
    pub(super) created: i64,
    /// The flow.
    pub(super) model: String,
    /// One.
    pub(super) choices: [Choice; 1],
    /// What was used.
    pub(super) usage: Usage,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Choice {
    /// 0.
    pub(super) index: u32,
    /// What the flow says.
    pub(super) message: Said,
    /// `stop`.
    pub(super) finish_reason: &'static str,
    /// Null.
    pub(super) logprobs: Option<Value>,
}

/// What the flow says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Said {
    /// `assistant`.
    pub(super) role: &'static str,
    /// The text.
    pub(super) content: String,
    /// Null.
    pub(super) refusal: Option<String>,
}

/// The tokens that the nodes of the run used together, as their receipts say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Usage {
    /// Tokens of prompts.
    pub(super) prompt_tokens: u64,
    /// Tokens of completions.
    pub(super) completion_tokens: u64,
    /// Both.
    pub(super) total_tokens: u64,
    /// Which of the prompts' tokens were special.
    pub(super) prompt_tokens_details: PromptTokens,
}

/// Which tokens of prompts were special.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct PromptTokens {
    /// Those that a service had in a cache.
    pub(super) cached_tokens: u64,
}

/// How a run's answer is called.
pub(super) fn id(run: Uuid) -> String {
    format!("chatcmpl-{run}")
}

/// The text that the output of this name is, or why there is none.
pub(super) fn answer(run: &RunView, output: &str) -> Result<String, Problem> {
    let summary = &run.summary;
    let outcome = summary.outcome.as_deref().unwrap_or("running");
    if outcome != "ok" {
        let reason = match &run.error {
            Some(error) => error.message.clone(),
            None => format!("the run ended as {outcome}"),
        };
        let problem = Problem::new(Code::RunFailed, reason);
        return Err(problem.with("run", summary.run));
    }
    let outputs = run.output.as_ref().map(lockgate_service::Doc::to_tree);
    let value = outputs.and_then(|mut outputs| outputs.get_mut(output).map(Value::take));
    match value {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Ok(other.to_string()),
        // An output that needs a node which was skipped is left out.
        None => Ok(String::new()),
    }
}

/// What the nodes of the run used. A node's receipt has that of its elements and of the flow that it runs in it.
pub(super) fn usage(run: &RunView) -> Usage {
    let whole = run
        .receipts
        .iter()
        .filter(|told| told.within.is_empty() && told.index.is_none());
    let mut sum = Usage::default();
    for told in whole {
        if let Some(tokens) = Tokens::of(&told.receipt) {
            sum.prompt_tokens = sum.prompt_tokens.saturating_add(tokens.input_tokens);
            sum.completion_tokens = sum.completion_tokens.saturating_add(tokens.output_tokens);
            let cached = &mut sum.prompt_tokens_details.cached_tokens;
            *cached = cached.saturating_add(tokens.cached_tokens.unwrap_or_default());
        }
    }
    sum.total_tokens = sum.prompt_tokens.saturating_add(sum.completion_tokens);
    sum
}

/// What a receipt says of tokens.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    cached_tokens: Option<u64>,
}

impl Tokens {
    fn of(receipt: &ReceiptDoc) -> Option<Self> {
        #[derive(Deserialize)]
        struct Receipt {
            usage: Option<Tokens>,
        }
        match receipt {
            ReceiptDoc::Made(receipt) => {
                let usage = receipt.usage.as_ref()?;
                Some(Self {
                    input_tokens: usage.input_tokens,
                    output_tokens: usage.output_tokens,
                    cached_tokens: usage.cached_tokens,
                })
            }
            ReceiptDoc::Kept(text) => serde_json::from_str::<Receipt>(text.get()).ok()?.usage,
        }
    }
}
