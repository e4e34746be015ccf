//! The work of the nodes of the cases, and what it is done with.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use lockgate_model::{
    CallError, CallSink, Clock as _, Failure, FailureKind, Ident, Input, Json, LogLevel, Outputs,
    PartReader, Value,
};
use serde_json::{Value as Tree, json};

use crate::clock::VirtualClock;
use crate::script::Script;

/// What an attempt gives.
type Given = Result<Outputs, CallError>;

/// What a node does.
pub(crate) type Work = for<'t> fn(&'t mut Task<'_>) -> BoxFuture<'t, Given>;

/// One attempt at a node of a case.
pub(crate) struct Task<'a> {
    pub(crate) id: Arc<str>,
    pub(crate) version: &'a str,
    pub(crate) fuel: u64,
    pub(crate) script: &'a Script,
    pub(crate) inputs: Vec<(Ident, Input)>,
    pub(crate) sink: Arc<dyn CallSink>,
    pub(crate) clock: &'a VirtualClock,
}

/// The parts of an input: as they come, or of one that is there whole.
enum Parts {
    Whole(VecDeque<Value>),
    Piped(Box<dyn PartReader>, VecDeque<Value>),
}

impl Task<'_> {
    /// Sleeps, logs, works and fails as the script says.
    pub(crate) async fn attempt(&mut self, attempt: u32, work: Work) -> Given {
        self.sleep(self.script.sleep(attempt)).await;
        for line in &self.script.log {
            self.sink.log(LogLevel::Info, line);
        }
        let texts: Vec<_> = self
            .inputs
            .iter()
            .filter_map(|(_, input)| whole(input))
            .collect();
        let texts: Vec<_> = texts.iter().map(text_of).collect();
        let failure = self.script.failure(attempt, &texts);
        match failure {
            Some(error) if !self.script.late => Err(error),
            Some(error) => work(self).await.and(Err(error)),
            None => work(self).await,
        }
    }

    async fn sleep(&mut self, time: Duration) {
        if !time.is_zero() {
            self.clock.sleep(time).await;
        }
    }

    fn value(&self, port: &str) -> Option<Value> {
        let found = self.inputs.iter().find(|(name, _)| name.as_str() == port);
        whole(&found?.1)
    }

    fn text(&self, port: &str) -> String {
        self.value(port).as_ref().map(text_of).unwrap_or_default()
    }

    /// What a port that streams gives its node.
    fn parts(&mut self, port: &str) -> Parts {
        let found = self
            .inputs
            .iter()
            .position(|(name, _)| name.as_str() == port);
        match found.map(|index| self.inputs.swap_remove(index).1) {
            None => Parts::Whole(VecDeque::new()),
            Some(Input::Parts(reader)) => Parts::Piped(reader, VecDeque::new()),
            Some(Input::Value(value)) => {
                let elements = match &value {
                    Value::Json(json) => json.elements(),
                    _ => None,
                };
                let elements = elements.map(|elements| elements.map(Value::Json).collect());
                Parts::Whole(elements.unwrap_or_else(|| [value].into()))
            }
        }
    }

    /// Sends a part; false if nobody reads.
    async fn send(&mut self, port: &str, part: &Value) -> bool {
        self.sleep(self.script.pause()).await;
        self.sink.part(&name(port), part).await
    }
}

impl Parts {
    async fn next(&mut self) -> Result<Option<Value>, CallError> {
        match self {
            Self::Whole(parts) => Ok(parts.pop_front()),
            Self::Piped(reader, parts) => {
                if parts.is_empty() {
                    parts.extend(reader.next().await?);
                }
                Ok(parts.pop_front())
            }
        }
    }
}

/// Gives what it gets, after `ms` milliseconds.
pub(crate) async fn echo(task: &mut Task<'_>) -> Given {
    let ms = task.text("ms").parse().unwrap_or(0);
    task.sleep(Duration::from_millis(ms)).await;
    let value = task.value("value").ok_or_else(|| missing("value"))?;
    Ok(vec![(name("value"), value)])
}

/// Gives its optional output, unless it is silent.
pub(crate) async fn maybe(task: &mut Task<'_>) -> Given {
    let value = task.value("also").unwrap_or_else(|| Value::text("given"));
    Ok(match task.script.silent {
        true => Vec::new(),
        false => vec![(name("value"), value)],
    })
}

pub(crate) async fn upper(task: &mut Task<'_>) -> Given {
    Ok(text(task.text("text").to_uppercase()))
}

pub(crate) async fn words(task: &mut Task<'_>) -> Given {
    let text = task.text("text");
    Ok(document("words", text.split_whitespace().collect()))
}

pub(crate) async fn join(task: &mut Task<'_>) -> Given {
    let Some(Value::Json(words)) = task.value("words") else {
        return Err(missing("words"));
    };
    let words: Vec<_> = words.elements().into_iter().flatten().collect();
    let words: Vec<_> = words
        .into_iter()
        .map(|word| text_of(&Value::Json(word)))
        .collect();
    Ok(text(words.join(" ")))
}

/// Gives the elements of a list, in capitals, but for those that it loses.
pub(crate) async fn batch(task: &mut Task<'_>) -> Given {
    let Some(Value::Json(items)) = task.value("items") else {
        return Err(missing("items"));
    };
    let items = items.elements().into_iter().flatten();
    let items = items.map(|item| Tree::from(text_of(&Value::Json(item)).to_uppercase()));
    Ok(document("items", items.skip(task.script.lose).collect()))
}

/// Says which call it is, of which version of its plugin, with how much fuel.
pub(crate) async fn about(task: &mut Task<'_>) -> Given {
    let about = json!({"call": &*task.id, "version": task.version, "fuel": task.fuel});
    Ok(document("about", about))
}

/// Streams its prompt word by word, and counts tokens.
pub(crate) async fn model(task: &mut Task<'_>) -> Given {
    let prompt = task.text("text");
    let words: Vec<_> = prompt.split_inclusive(' ').collect();
    for word in &words {
        task.send("text", &Value::text(*word)).await;
    }
    let usage = json!({"provider": "test", "model": "parrot", "input_tokens": words.len(), "output_tokens": words.len()});
    let mut outputs = text(prompt);
    outputs.extend(document("usage", usage));
    Ok(outputs)
}

/// Gives text in parts, and a note.
pub(crate) async fn source(task: &mut Task<'_>) -> Given {
    let mut all = String::new();
    let script = task.script;
    for part in script.all_parts() {
        let part = part.as_str().expect("parts of a text are texts");
        let fill = script.bytes.saturating_sub(part.len());
        let part = format!("{part}{}", ".".repeat(fill));
        all.push_str(&part);
        if !task.send("text", &Value::text(part)).await {
            task.sink.log(LogLevel::Info, "nobody reads");
            break;
        }
    }
    let mut outputs = text(all);
    if !task.script.silent {
        outputs.push((name("note"), Value::text("a note")));
    }
    Ok(outputs)
}

/// Gives a list element by element; only at its end if it has no pauses.
pub(crate) async fn list(task: &mut Task<'_>) -> Given {
    if !task.script.pause().is_zero() {
        let script = task.script;
        for part in script.all_parts() {
            task.send("items", &Value::Json(part.into())).await;
        }
    }
    Ok(document(
        "items",
        task.script.all_parts().cloned().collect(),
    ))
}

/// Gives the parts that it reads in capitals, each as it comes; at its end if it is silent.
pub(crate) async fn through(task: &mut Task<'_>) -> Given {
    let mut parts = task.parts("text");
    let mut all = String::new();
    let mut left = task.script.take;
    while left != Some(0)
        && let Some(part) = parts.next().await?
    {
        let part = text_of(&part).to_uppercase();
        all.push_str(&part);
        if !task.script.silent && !task.send("text", &Value::text(part)).await {
            break;
        }
        left = left.map(|left| left - 1);
    }
    Ok(text(all))
}

/// Reads parts and gives them at the end, with a bar between them.
pub(crate) async fn collect(task: &mut Task<'_>) -> Given {
    let mut parts = task.parts("text");
    let mut all = Vec::new();
    while task.script.take.is_none_or(|most| all.len() < most)
        && let Some(part) = parts.next().await?
    {
        let part = text_of(&part);
        task.sink.log(LogLevel::Info, &format!("read {part:.8}"));
        all.push(part);
        let pause = task.script.pause();
        task.sleep(pause).await;
    }
    Ok(text(all.join("|")))
}

/// Reads elements and gives them as a list.
pub(crate) async fn gather(task: &mut Task<'_>) -> Given {
    let mut parts = task.parts("items");
    let mut all = Vec::new();
    while let Some(part) = parts.next().await? {
        task.sink
            .log(LogLevel::Info, &format!("read {}", text_of(&part)));
        all.push(Tree::from(text_of(&part)));
    }
    Ok(document("items", all.into()))
}

/// Reads a part of each of its inputs by turns.
pub(crate) async fn zip(task: &mut Task<'_>) -> Given {
    let (mut left, mut right) = (task.parts("left"), task.parts("right"));
    let mut all = String::new();
    while let (Some(left), Some(right)) = (left.next().await?, right.next().await?) {
        all.push_str(&text_of(&left));
        all.push_str(&text_of(&right));
    }
    Ok(text(all))
}

fn text(text: String) -> Outputs {
    vec![(name("text"), Value::text(text))]
}

fn document(port: &str, tree: Tree) -> Outputs {
    vec![(name(port), Value::Json(Json::from(&tree)))]
}

fn missing(port: &str) -> CallError {
    Failure::new(FailureKind::InvalidInput, format!("no `{port}`")).into()
}

fn whole(input: &Input) -> Option<Value> {
    match input {
        Input::Value(value) => Some(value.clone()),
        Input::Parts(_) => None,
    }
}

/// A value as text: a document's string without its quotes.
fn text_of(value: &Value) -> String {
    let tree = serde_json::to_value(value).expect("a value is JSON");
    tree.as_str()
        .map_or_else(|| tree.to_string(), str::to_owned)
}

fn name(name: &str) -> Ident {
    name.parse().expect("a name")
}
