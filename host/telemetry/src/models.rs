//! The calls of model services, as OpenTelemetry's GenAI conventions count them: by provider and model; and by project, because
//! which models a project uses is its own affair.
//!
//! Both names are a node's text, so they are held to plain characters, and there is room for a bounded number of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockgate_model::Usage;

use crate::histogram::Sketch;
use crate::names::OTHER;
use crate::snapshot::{ModelId, ModelPoint};

/// How many models are told apart. Those beyond are counted together.
const MAX_MODELS: usize = 200;

/// The longest name of a provider or a model that is told apart, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// What models were used for since they were drained. Model services take long, so a lock is nothing to their callers.
#[derive(Debug, Default)]
pub(crate) struct Models(Mutex<HashMap<ModelId, Counted>>);

#[derive(Debug, Default)]
struct Counted {
    duration: Sketch,
    input: Sketch,
    output: Sketch,
}

impl Models {
    /// Counts one call of a node of this project that used a model.
    pub(crate) fn count(&self, project: &Arc<str>, usage: &Usage, ticks: u64) {
        let mut id = ModelId {
            project: Arc::clone(project),
            provider: plain(&usage.provider),
            model: plain(&usage.model),
        };
        let mut models = self.models();
        if models.len() >= MAX_MODELS && !models.contains_key(&id) {
            id = ModelId {
                project: OTHER.into(),
                provider: OTHER.into(),
                model: OTHER.into(),
            };
        }
        let counted = models.entry(id).or_default();
        counted.duration.record(ticks);
        counted.input.record(usage.input_tokens);
        counted.output.record(usage.output_tokens);
    }

    /// Takes out what was counted since the last time. Models stay known, so that which ones are told apart does not change.
    pub(crate) fn drain(&self) -> Vec<ModelPoint> {
        let mut models = self.models();
        let used = models
            .iter_mut()
            .filter(|(_, counted)| !counted.duration.is_empty());
        used.map(|(id, counted)| {
            let Counted {
                duration,
                input,
                output,
            } = std::mem::take(counted);
            ModelPoint {
                id: Arc::new(id.clone()),
                duration,
                input_tokens: input,
                output_tokens: output,
            }
        })
        .collect()
    }

    fn models(&self) -> MutexGuard<'_, HashMap<ModelId, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node's text as the name of a series: letters, digits and `._:/@-`, and no more than fits.
pub(crate) fn plain(text: &str) -> Arc<str> {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || "._:/@-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = text.chars().take(MAX_NAME_BYTES).map(keep).collect();
    if name.is_empty() {
        OTHER.into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(provider: &str, model: &str) -> Usage {
        Usage {
            provider: provider.to_owned(),
            model: model.to_owned(),
            input_tokens: 3,
            output_tokens: 5,
            cached_tokens: None,
        }
    }

    #[test]
    fn names_are_plain_and_bounded() {
        let models = Models::default();
        let project = "default".into();
        for number in 0..2 * MAX_MODELS {
            models.count(&project, &usage("p\n{\"", &format!("m{number}")), 1);
        }
        let drained = models.drain();
        assert_eq!(drained.len(), MAX_MODELS + 1);
        assert!(
            drained
                .iter()
                .all(|point| &*point.id.provider == "p___" || point.id.is_other())
        );
        let other = drained.iter().find(|point| point.id.is_other());
        let other = other.expect("those beyond");
        assert_eq!(other.output_tokens.count(), MAX_MODELS as u64);
        assert_eq!(other.output_tokens.sum(), 5 * MAX_MODELS as u64);
        assert!(models.drain().is_empty());
        assert_eq!(plain("").as_ref(), OTHER);
        assert_eq!(plain(&"x".repeat(1_000)).len(), MAX_NAME_BYTES);
    }
}
