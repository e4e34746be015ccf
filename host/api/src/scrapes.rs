//! How many scrapes go on at once: each may be long, and has a thread while it goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockgate_model::Kebab;

/// How many of all projects.
const MOST: usize = 8;

/// How many of one project, so that it does not keep the others from theirs. Prometheus comes in pairs.
const MOST_OF_ONE: usize = 2;

/// The scrapes that go on, by project.
#[derive(Debug, Default)]
pub(crate) struct Scrapes(Mutex<HashMap<Kebab, usize>>);

/// One scrape that goes on, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    scrapes: Arc<Scrapes>,
    project: Kebab,
}

impl Scrapes {
    /// Lets a project begin one, if there is room.
    pub(crate) fn begin(self: &Arc<Self>, project: &Kebab) -> Option<Turn> {
        let mut counts = self.counts();
        let all: usize = counts.values().sum();
        let own = counts.get(project).copied().unwrap_or_default();
        if all >= MOST || own >= MOST_OF_ONE {
            return None;
        }
        counts.insert(project.clone(), own + 1);
        Some(Turn {
            scrapes: Arc::clone(self),
            project: project.clone(),
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Kebab, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.scrapes.counts();
        if let Some(count) = counts.get_mut(&self.project) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.project);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_leaves_room_for_the_others_and_all_of_them_for_the_host() {
        let scrapes = Arc::new(Scrapes::default());
        let begin = |number: usize| {
            let project = format!("p-{number}").parse().expect("a name");
            scrapes.begin(&project)
        };
        let held = [begin(0), begin(0)];
        assert!(begin(0).is_none());
        let others: Vec<_> = (1..20).filter_map(begin).collect();
        assert_eq!(others.len(), MOST - MOST_OF_ONE);
        assert!(held.iter().all(Option::is_some));
        drop((held, others));
        assert!(scrapes.counts().is_empty());
        assert!(begin(0).is_some());
    }
}
