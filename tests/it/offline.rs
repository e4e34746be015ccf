//! `offline/model` in the sandbox: the answers that its own tests have natively, part by part, and its failures on purpose.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::{BoxFuture, FutureExt as _};
use lockgate_model::{
    CallEnd, CallError, CallSink, FailureKind, Ident, Limits, LogLevel, NodeRunner, Quiet, Value,
};

use crate::support::calls::{self, Heard};
use crate::support::{guests, host};

const SEA: &str = "Write a poem about the sea!";

/// The sandbox's arithmetic and the machine's choose the same words.
#[tokio::test]
async fn it_answers_as_it_does_natively() -> Result<()> {
    for (prompt, seed, answer, input_tokens) in [
        (SEA, 3, "A poem lets the silence between the hills.", 7),
        (
            "请写一首关于 春天 的诗。",
            1,
            "春天来了，城市是夜里的灯。",
            11,
        ),
        ("Wasmtime", 1, "Wasmtime. The light of rain leaves open.", 1),
        ("", 3, "A poem opens like a gate.", 0),
    ] {
        let heard = Arc::new(Heard::default());
        let node = model(&format!(r#"{{"seed":{seed}}}"#)).await?;
        let end = ask(&*node, prompt, 1, heard.clone()).await;
        let usage = usage(&end)?;
        let (text, _) = calls::text_of(end, "text")?;
        ensure!(text == answer, "{prompt}: {text}");
        let output_tokens = heard.parts().len();
        let expected = format!(
            r#"{{"provider":"offline","model":"markov-1","input_tokens":{input_tokens},"output_tokens":{output_tokens}}}"#
        );
        ensure!(usage == expected, "{prompt}: {usage}");
    }
    Ok(())
}

#[tokio::test]
async fn attempts_fail_on_purpose_until_one_does_not() -> Result<()> {
    let node = model(
        r#"{"fail":{"kind":"rate-limited","until_attempt":3,"after_tokens":2,"retry_after_ms":20}}"#,
    )
    .await?;
    for attempt in [1, 2] {
        let heard = Arc::new(Heard::default());
        let end = ask(&*node, SEA, attempt, heard.clone()).await;
        let (error, _) = calls::error_of(end)?;
        let CallError::Failed(failure) = error else {
            return Err(error.into());
        };
        ensure!(failure.kind == FailureKind::RateLimited, "{failure:?}");
        ensure!(failure.retry_after_ms == Some(20), "{failure:?}");
        ensure!(heard.parts().len() == 2, "{:?}", heard.parts());
    }
    let end = ask(&*node, SEA, 3, Arc::new(Quiet)).await;
    let (text, _) = calls::text_of(end, "text")?;
    ensure!(!text.is_empty());
    Ok(())
}

#[tokio::test]
async fn it_stops_when_nobody_reads() -> Result<()> {
    let node = model(r#"{"max_tokens":4096}"#).await?;
    let end = ask(&*node, SEA, 1, Arc::new(Gone)).await;
    let usage = usage(&end)?;
    ensure!(usage.ends_with(r#""output_tokens":1}"#), "{usage}");
    Ok(())
}

async fn model(config: &str) -> Result<Arc<dyn NodeRunner>> {
    let component = guests::built("plugins/offline")?;
    let plugin = calls::load(&host::shared()?, component).await?;
    Ok(calls::configured(&plugin, "model", config, Limits::DEFAULT).await?)
}

async fn ask(
    node: &dyn NodeRunner,
    prompt: &str,
    attempt: u32,
    sink: Arc<dyn CallSink>,
) -> CallEnd {
    let mut call = calls::heard_call(vec![("prompt", calls::text(prompt))], sink);
    call.attempt = attempt;
    node.run(call).await
}

/// The document on the output `usage`.
fn usage(end: &CallEnd) -> Result<String> {
    let outputs = end.result.as_ref().map_err(Clone::clone)?;
    let found = outputs.iter().find(|(name, _)| name.as_str() == "usage");
    match &found.context("the model says what it used")?.1 {
        Value::Json(usage) => Ok(usage.as_str().to_owned()),
        other => bail!("{other:?} is not JSON"),
    }
}

/// Nobody reads.
struct Gone;

impl CallSink for Gone {
    fn log(&self, _: LogLevel, _: &str) {}

    fn part<'a>(&'a self, _: &'a Ident, _: &'a Value) -> BoxFuture<'a, bool> {
        std::future::ready(false).boxed()
    }
}
