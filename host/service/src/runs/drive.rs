//! A run as it is driven, on the guest threads.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use lockgate_flow::{Plan, RunError, RunRequest};
use lockgate_model::Journal;

use super::conduct::refusal;
use super::ending::Ending;
use super::recorder::Recorder;

/// Drives one run. Whatever becomes of the task that does, even if it vanishes, how the run ended is stored.
pub(crate) struct Drive {
    recorder: Arc<Recorder>,
    /// None from where it is about to be stored.
    ending: Option<Ending>,
}

impl Drive {
    pub(crate) fn new(recorder: Arc<Recorder>, ending: Ending) -> Self {
        Self {
            recorder,
            ending: Some(ending),
        }
    }

    /// Drives it to its end, or to where it is told to stop.
    pub(crate) async fn go(mut self, plan: Arc<Plan>, request: RunRequest) {
        let Some(ending) = &self.ending else {
            return;
        };
        let refused = drive(ending, &self.recorder, plan, request).await;
        if let Some(ending) = self.ending.take() {
            end(ending, &self.recorder, refused).await;
        }
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let Some(ending) = self.ending.take() else {
            return;
        };
        let (conductor, recorder) = (Arc::clone(ending.conductor()), Arc::clone(&self.recorder));
        conductor.spawn(async move { end(ending, &recorder, None).await });
    }
}

/// Gives why it never began. Nothing more is written to the journal then.
async fn drive(
    ending: &Ending,
    recorder: &Arc<Recorder>,
    plan: Arc<Plan>,
    request: RunRequest,
) -> Option<RunError> {
    let (engine, live) = (&ending.conductor().engine, ending.live());
    let journal: Arc<dyn Journal> = Arc::clone(recorder) as _;
    let work = AssertUnwindSafe(engine.run(plan, request, journal)).catch_unwind();
    tokio::select! {
        biased;
        done = work => match done {
            Ok(Err(error @ (RunError::Input(_) | RunError::Request(_)))) => Some(error),
            Ok(_) => None, // the recorder heard of it
            Err(_) => {
                tracing::error!(run = %live.birth.id, trace = %live.birth.trace.id(), "the task of a run panicked");
                None
            }
        },
        () = live.stop.told() => None,
    }
}

async fn end(ending: Ending, recorder: &Recorder, refused: Option<RunError>) {
    match refused {
        Some(error) if !ending.live().birth.queued => ending.tell(Err(refusal(error))),
        Some(error) => {
            recorder.refuse(&error.to_string(), &ending.conductor().engine);
            ending.store(recorder).await;
        }
        None => {
            recorder.close();
            ending.store(recorder).await;
        }
    }
}
