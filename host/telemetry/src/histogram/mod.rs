//! Histograms: where a value belongs ([`scale`]), where many threads count ([`Recorder`]), and what was counted
//! ([`Sketch`]).

mod recorder;
mod scale;
mod sketch;

pub(crate) use recorder::Recorder;
pub use scale::SCALE;
pub use sketch::Sketch;
