//! What it costs to count the end of one node.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use lockgate_model::FlowSeries;
use lockgate_telemetry::{Bounds, Counts, Own};

use super::series::{NODES, count, series};
use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;

/// How many series there are.
const SERIES: usize = 1_000;

/// How many threads count at once.
const THREADS: usize = 2;

/// How many nodes each of them counts in a round.
const CALLS: usize = 1_000_000;

/// How many rounds there are.
const ROUNDS: usize = 7;

/// What one may take, in microseconds.
const MOST_MICROS: f64 = 0.3;

/// Measures it.
pub(super) fn measure(report: &mut Report) {
    eprintln!("{THREADS} threads count in {SERIES} series");
    let counts = Counts::new(Bounds::default(), Own::default());
    let flows: Vec<_> = (0..SERIES / NODES)
        .map(|flow| series(&counts, flow))
        .collect();
    round(&flows); // histograms are made when they are first written to
    let micros = (0..ROUNDS).map(|_| round(&flows));
    report.held(
        format!("counting a node, {THREADS} threads over {SERIES} series"),
        &Samples::new(micros),
        Unit::Micros,
        Bound::AtMost(MOST_MICROS),
    );
}

/// Microseconds a node.
fn round(flows: &[Arc<dyn FlowSeries>]) -> f64 {
    let together = Barrier::new(THREADS + 1);
    let seconds = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    let begun = Instant::now();
                    // Steps that share no divisor with the number of series, so that each is met as often, in no order.
                    let mut at = thread * SERIES / THREADS;
                    for call in 0..CALLS {
                        at = (at + 617) % SERIES;
                        let flow = &flows[at / NODES];
                        count(&**black_box(flow), at % NODES, 100 + call as u64 % 1_000);
                    }
                    begun.elapsed().as_secs_f64()
                })
            })
            .collect();
        together.wait();
        let ended = threads.into_iter().filter_map(|thread| thread.join().ok());
        ended.sum::<f64>() / THREADS as f64
    });
    seconds / CALLS as f64 * 1e6
}
