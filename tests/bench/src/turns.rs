//! Two things measured in turns, in many short rounds.
//!
//! What else happens on a machine slows both of a round alike, so the ratio of a round says more than either of its
//! times, and the median of many rounds says more than any of them.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::stats::Samples;

/// How long one turn takes: long beside the clock and a hop between threads, short beside a slice of the scheduler's (3 ms
/// and more), so that most turns of a busy machine are not interrupted at all.
const TURN: Duration = Duration::from_millis(1);

/// How many rounds a measurement has that a bound is held against.
pub(crate) const BOUND_ROUNDS: u32 = 1_501;

/// How many rounds a measurement has that only informs.
pub(crate) const INFO_ROUNDS: u32 = 201;

/// What two things took, in microseconds for one unit of work.
#[derive(Debug)]
pub(crate) struct Pair {
    /// What is measured.
    pub(crate) ours: Samples,
    /// What it is measured against.
    pub(crate) theirs: Samples,
    /// Ours over theirs, round by round.
    pub(crate) ratio: Samples,
    /// Ours less theirs, round by round.
    pub(crate) difference: Samples,
}

/// Measures `ours` and `theirs` in turns. Each does as many units of work as it is told, one after another, and says how
/// long that took.
pub(crate) async fn in_turns(
    rounds: u32,
    mut ours: impl AsyncFnMut(u32) -> Result<Duration>,
    mut theirs: impl AsyncFnMut(u32) -> Result<Duration>,
) -> Result<Pair> {
    let (our_units, their_units) = (units(&mut ours).await?, units(&mut theirs).await?);
    let mut times = Vec::with_capacity(rounds as usize);
    for round in 0..rounds {
        // Who goes first changes without a rhythm: a neighbour on the machine may have one.
        if round.wrapping_mul(0x9E37_79B9) < 1 << 31 {
            let our_time = each(&mut ours, our_units).await?;
            times.push((our_time, each(&mut theirs, their_units).await?));
        } else {
            let their_time = each(&mut theirs, their_units).await?;
            times.push((each(&mut ours, our_units).await?, their_time));
        }
    }
    Ok(Pair {
        ours: Samples::new(times.iter().map(|(ours, _)| *ours)),
        theirs: Samples::new(times.iter().map(|(_, theirs)| *theirs)),
        ratio: Samples::new(times.iter().map(|(ours, theirs)| ours / theirs)),
        difference: Samples::new(times.iter().map(|(ours, theirs)| ours - theirs)),
    })
}

/// How many units of work fill a turn. Warms up on the way.
async fn units(work: &mut impl AsyncFnMut(u32) -> Result<Duration>) -> Result<u32> {
    let begun = Instant::now();
    let mut units = 1;
    loop {
        let took = work(units).await?;
        if took >= TURN || begun.elapsed() > 100 * TURN {
            return Ok(units);
        }
        units *= 2;
    }
}

async fn each(work: &mut impl AsyncFnMut(u32) -> Result<Duration>, units: u32) -> Result<f64> {
    Ok(work(units).await?.as_secs_f64() * 1e6 / f64::from(units))
}
