//! The calls of model services, as OpenTelemetry's GenAI conventions count them: by provider and model; and by project, because
//! which models a project uses is its own affair.
//!
//! Both names are a node's text, so that anything may stand there: an address, a key. What does not look like a name, and what
//! the host masks elsewhere, counts as [`OTHER`]; and there is room for a bounded number of them, and for so many of one project.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockgate_model::Usage;

use crate::counts::IDLE;
use crate::histogram::Sketch;
use crate::names::OTHER;
use crate::own::{DROPPED, Own};
use crate::snapshot::{ModelId, ModelPoint};

/// How many models are told apart. Those beyond are counted together, by project.
const MAX_MODELS: usize = 200;

/// How many of them one project may have.
const MAX_OF_PROJECT: usize = 50;

/// The longest name of a provider or a model, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Says of a name whether something in it is masked elsewhere.
type IsSecret = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// What models were used for since they were drained. Model services take long, so a lock is nothing to their callers.
#[derive(Default)]
pub(crate) struct Models {
    own: Own,
    is_secret: Option<IsSecret>,
    held: Mutex<HashMap<ModelId, Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    duration: Sketch,
    /// Durations of calls that failed, by why.
    failed: BTreeMap<&'static str, Sketch>,
    input: Sketch,
    output: Sketch,
    /// How long it was not used.
    idle: Duration,
}

impl Models {
    /// None yet. What cannot be told apart is counted in `own`.
    pub(crate) fn new(own: Own) -> Self {
        Self {
            own,
            ..Self::default()
        }
    }

    /// With names that this finds something in told as none.
    pub(crate) fn with_secrets(mut self, is_secret: IsSecret) -> Self {
        self.is_secret = Some(is_secret);
        self
    }

    /// Counts one call of a node of this project that used a model, and gives which one it was.
    pub(crate) fn count(&self, project: &Arc<str>, usage: &Usage, ticks: u64) -> ModelId {
        let mut id = ModelId {
            project: Arc::clone(project),
            provider: name(&usage.provider),
            model: name(&usage.model),
        };
        if !self.held().contains_key(&id) {
            // To look for secrets takes a while: once for each name that is told apart, and nobody waits for it.
            id.provider = self.unless_secret(id.provider);
            id.model = self.unless_secret(id.model);
        }
        self.add(&id, |counted| {
            counted.duration.record(ticks);
            counted.input.record(usage.input_tokens);
            counted.output.record(usage.output_tokens);
        });
        id
    }

    /// Counts one call that failed, of a node that used this model before: it does not say which one it would have been.
    pub(crate) fn failed(&self, id: &ModelId, kind: &'static str, ticks: u64) {
        self.add(id, |counted| {
            counted.failed.entry(kind).or_default().record(ticks);
        });
    }

    fn add(&self, id: &ModelId, count: impl FnOnce(&mut Counted)) {
        let mut held = self.held();
        let mut overflow = None;
        if !held.contains_key(id) && !has_room(&held, &id.project) {
            overflow = Some(ModelId {
                project: Arc::clone(&id.project),
                provider: OTHER.into(),
                model: OTHER.into(),
            });
        }
        let is_overflow = overflow.is_some();
        let counted = held
            .entry(overflow.unwrap_or_else(|| id.clone()))
            .or_default();
        counted.idle = Duration::ZERO;
        count(counted);
        drop(held);
        if is_overflow {
            self.own.add(DROPPED, "too many models to tell apart", 1);
        }
    }

    /// Takes out what was counted since the last time, so long ago. Models stay known for a while, so that which ones are told
    /// apart does not change all the time.
    pub(crate) fn drain(&self, since: Duration) -> Vec<ModelPoint> {
        let mut held = self.held();
        let mut points = Vec::new();
        held.retain(|id, counted| {
            if counted.duration.is_empty() && counted.failed.is_empty() {
                counted.idle += since;
                return counted.idle < IDLE;
            }
            let counted = std::mem::take(counted);
            points.push(ModelPoint {
                id: Arc::new(id.clone()),
                duration: counted.duration,
                failed: counted.failed,
                input_tokens: counted.input,
                output_tokens: counted.output,
            });
            true
        });
        points
    }

    fn unless_secret(&self, name: Arc<str>) -> Arc<str> {
        match &self.is_secret {
            Some(is_secret) if &*name != OTHER && is_secret(&name) => OTHER.into(),
            _ => name,
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ModelId, Counted>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one more model of this project is told apart.
fn has_room(held: &HashMap<ModelId, Counted>, project: &Arc<str>) -> bool {
    let of_project = held.keys().filter(|id| id.project == *project).count();
    held.len() < MAX_MODELS && of_project < MAX_OF_PROJECT
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models").finish_non_exhaustive()
    }
}

/// A node's text as the name of a series: letters, digits and `._:/@-`, as they are. Everything else is [`OTHER`].
pub(crate) fn name(text: &str) -> Arc<str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
    if (1..=MAX_NAME_BYTES).contains(&text.len()) && text.chars().all(fits) {
        text.into()
    } else {
        OTHER.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn usage(provider: &str, model: &str) -> Usage {
        Usage {
            provider: provider.to_owned(),
            model: model.to_owned(),
            input_tokens: 3,
            output_tokens: 5,
            cached_tokens: None,
        }
    }

    fn count(models: &Models, project: &str, model: &str) {
        models.count(&project.into(), &usage("p", model), 1);
    }

    fn dropped(own: &Own) -> u64 {
        own.all().iter().map(|count| count.total).sum()
    }

    #[test]
    fn what_does_not_look_like_a_name_is_none() {
        for good in ["gpt-4o", "acme/m:1@eu.x", &"x".repeat(MAX_NAME_BYTES)] {
            assert_eq!(name(good).as_ref(), good);
        }
        for bad in [
            "",
            "138 0013 8000",
            "p\n{\"",
            "春天",
            &"x".repeat(MAX_NAME_BYTES + 1),
        ] {
            assert_eq!(name(bad).as_ref(), OTHER, "{bad}");
        }
    }

    #[test]
    fn a_project_takes_no_other_projects_room() {
        let own = Own::default();
        let models = Models::new(own.clone());
        for number in 0..2 * MAX_MODELS {
            count(&models, "greedy", &format!("m{number}"));
        }
        count(&models, "other", "m");
        let drained = models.drain(Duration::ZERO);
        assert_eq!(drained.len(), MAX_OF_PROJECT + 2);
        let other = drained.iter().find(|point| point.id.is_other());
        let other = other.expect("those beyond");
        assert_eq!(&*other.id.project, "greedy");
        let beyond = (2 * MAX_MODELS - MAX_OF_PROJECT) as u64;
        assert_eq!(other.output_tokens.count(), beyond);
        assert_eq!(other.output_tokens.sum(), 5 * beyond);
        assert_eq!(dropped(&own), beyond);
        let of_other = drained.iter().find(|point| &*point.id.project == "other");
        assert_eq!(of_other.map(|point| &*point.id.model), Some("m"));
        assert!(models.drain(Duration::ZERO).is_empty());
    }

    #[test]
    fn all_projects_together_are_bounded_and_what_is_not_used_makes_room() {
        let own = Own::default();
        let models = Models::new(own.clone());
        for number in 0..2 * MAX_MODELS {
            count(
                &models,
                &format!("project-{}", number % 10),
                &format!("m{number}"),
            );
        }
        assert_eq!(models.drain(Duration::ZERO).len(), MAX_MODELS + 10);
        assert_eq!(dropped(&own), MAX_MODELS as u64);
        // One is used all the time, and the others are not.
        for _ in 0..2 {
            count(&models, "project-0", "m0");
            assert_eq!(models.drain(HOUR).len(), 1);
        }
        count(&models, "project-0", "new");
        count(&models, "project-0", "m0");
        let drained = models.drain(Duration::ZERO);
        assert!(
            drained.iter().all(|point| !point.id.is_other()),
            "{drained:?}"
        );
    }

    #[test]
    fn a_name_with_something_secret_in_it_is_none() {
        let models = Models::new(Own::default());
        let models = models.with_secrets(Box::new(|name| name.contains('@')));
        let project = "default".into();
        for _ in 0..2 {
            models.count(&project, &usage("acme", "somebody@example.com"), 1);
            models.count(&project, &usage("a@b.cn", "m-1"), 1);
        }
        let drained = models.drain(Duration::ZERO);
        let mut names: Vec<_> = drained
            .iter()
            .map(|point| {
                (
                    &*point.id.provider,
                    &*point.id.model,
                    point.duration.count(),
                )
            })
            .collect();
        names.sort_unstable();
        assert_eq!(names, [(OTHER, "m-1", 2), ("acme", OTHER, 2)]);
    }
}
