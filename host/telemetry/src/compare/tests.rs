use fastrand::Rng;

use super::*;

/// Logarithmically normal durations around `middle`.
fn runs(rng: &mut Rng, count: u64, middle: f64, spread: f64) -> ByOutcome {
    let mut sketch = Sketch::new();
    for _ in 0..count {
        // Box and Muller's way to a normal distribution.
        let (a, b) = (1.0 - rng.f64(), rng.f64());
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        sketch.record((middle * (normal * spread).exp()) as u64);
    }
    all_ok(&sketch)
}

fn all_ok(sketch: &Sketch) -> ByOutcome {
    let mut runs = ByOutcome::default();
    runs.add_to(Outcome::Ok, sketch);
    runs
}

fn constant(count: u64, value: u64) -> ByOutcome {
    let mut sketch = Sketch::new();
    (0..count).for_each(|_| sketch.record(value));
    all_ok(&sketch)
}

fn with_errors(ok: u64, failed: u64) -> ByOutcome {
    let mut runs = constant(ok, 1_000);
    runs.add_to(Outcome::Failed, constant(failed, 10).of(Outcome::Ok));
    runs
}

/// How many of 200 pairs get this verdict.
fn share_of(verdict: Verdict, count: u64, factor: f64, spread: f64) -> usize {
    let pairs = (0..200).filter(|&seed| {
        let rng = &mut Rng::with_seed(seed);
        let first = runs(rng, count, 20e6, spread);
        let second = runs(rng, count, 20e6 * factor, spread);
        compare(&first, &second).verdict == verdict
    });
    pairs.count()
}

#[test]
fn the_same_is_no_different() {
    for spread in [0.02, 0.1, 0.5] {
        let found = share_of(Verdict::Same, 1_000, 1.0, spread);
        assert!(found >= 190, "{spread}: {found} of 200");
    }
    // Where the two cannot be told apart, a difference is claimed seldom.
    let slower = share_of(Verdict::Slower, 50, 1.0, 1.0);
    let faster = share_of(Verdict::Faster, 50, 1.0, 1.0);
    assert!(slower + faster <= 20, "{slower} {faster}");
}

#[test]
fn a_fifth_slower_is_slower_and_the_other_way_round_it_is_faster() {
    for spread in [0.02, 0.1, 0.5] {
        let slower = share_of(Verdict::Slower, 1_000, 1.2, spread);
        assert!(slower >= 195, "{spread}: {slower} of 200");
        let faster = share_of(Verdict::Faster, 1_000, 1.0 / 1.2, spread);
        assert!(faster >= 195, "{spread}: {faster} of 200");
    }
}

#[test]
fn the_interval_has_the_true_ratio_in_it_as_often_as_it_says() {
    for (count, spread) in [(30, 0.5), (200, 1.0), (1_000, 0.3)] {
        let hits = (0..400).filter(|&seed| {
            let rng = &mut Rng::with_seed(seed);
            let first = runs(rng, count, 3e6, spread);
            let second = runs(rng, count, 3e6 * 1.5, spread);
            let ratio = compare(&first, &second).ratio.expect("runs");
            (ratio.low..ratio.high).contains(&1.5)
        });
        let hits = hits.count();
        assert!(
            (364..=396).contains(&hits),
            "{count} {spread}: {hits} of 400"
        );
    }
}

#[test]
fn few_runs_cannot_tell() {
    let found = share_of(Verdict::TooFew, MIN_COMPARED - 1, 3.0, 0.1);
    assert_eq!(found, 200);
    // An interval of so few would not be what it says: Student's t is only near.
    for count in [2, MIN_COMPARED - 1] {
        let few = compare(&constant(1_000, 500), &constant(count, 900));
        assert_eq!((few.verdict, few.ratio), (Verdict::TooFew, None));
    }
    let unclear = share_of(Verdict::Unclear, 40, 1.0, 1.5);
    assert!(unclear >= 180, "{unclear}");
    let none = compare(&ByOutcome::default(), &constant(1_000, 5));
    assert_eq!((none.verdict, none.ratio), (Verdict::TooFew, None));
    assert_eq!(none.errors, ErrorVerdict::Unclear);
}

#[test]
fn what_hardly_varies_is_compared_to_better_than_a_bucket() {
    // All bounds of buckets lie between some of these pairs.
    for value in (100_000..210_000).step_by(1_500) {
        let first = constant(500, value);
        let same = compare(&first, &constant(500, value * 103 / 100));
        let ratio = same.ratio.expect("runs").estimate;
        assert!((ratio - 1.03).abs() < 0.001, "{value}: {ratio}");
        assert_eq!(same.verdict, Verdict::Same, "{value}");
        let slower = compare(&first, &constant(500, value * 107 / 100));
        assert_eq!(slower.verdict, Verdict::Slower, "{value}");
    }
}

#[test]
fn a_few_that_took_for_ever_do_not_make_a_version_slower() {
    let mut sketch = constant(1_000, 150_000).of(Outcome::Ok).clone();
    (0..3).for_each(|_| sketch.record(150_000 * 1_000));
    let comparison = compare(&constant(1_000, 150_000), &all_ok(&sketch));
    assert_eq!(comparison.verdict, Verdict::Same, "{comparison:?}");
}

/// Runs around `middle` of which a share takes `tail` instead.
fn with_tail(rng: &mut Rng, middle: f64, share: f64, tail: f64) -> ByOutcome {
    let mut sketch = Sketch::new();
    for _ in 0..4_000 {
        let value = if rng.f64() < share { tail } else { middle };
        sketch.record((value * (1.0 + (rng.f64() - 0.5) * 0.006)) as u64);
    }
    all_ok(&sketch)
}

#[test]
fn a_tail_does_not_move_what_most_runs_take() {
    // Main duration, the second's as a multiple, and the share of each that takes 300 times as long.
    for (factor, shares) in [
        (1.0, (0.003, 0.003)),
        (1.0, (0.0, 0.005)),
        (1.0, (0.0, 0.003)),
        (1.01, (0.003, 0.003)),
        (1.04, (0.01, 0.0)),
    ] {
        let (mut hits, mut wrong) = (0, 0);
        for seed in 0..200 {
            let rng = &mut Rng::with_seed(seed);
            let middle = 100_000.0 * (1.0 + rng.f64());
            let tail = 300.0 * middle;
            let first = with_tail(rng, middle, shares.0, tail);
            let second = with_tail(rng, middle * factor, shares.1, tail);
            let compared = compare(&first, &second);
            let ratio = compared.ratio.expect("runs");
            let truth = f64::ln(factor) + (shares.1 - shares.0) * f64::ln(300.0);
            hits += usize::from((ratio.low..ratio.high).contains(&truth.exp()));
            wrong += usize::from(matches!(
                compared.verdict,
                Verdict::Slower | Verdict::Faster
            ));
        }
        assert!(hits >= 186, "{factor} {shares:?}: {hits} of 200");
        // Where there is a difference, to claim it is not wrong.
        if shares.0 == shares.1 {
            assert!(wrong <= 14, "{factor} {shares:?}: {wrong} of 200");
        }
    }
}

#[test]
fn runs_that_fail_early_are_not_fast_and_are_counted_as_errors() {
    let comparison = compare(&with_errors(1_000, 0), &with_errors(500, 500));
    assert_eq!(comparison.verdict, Verdict::Same);
    assert_eq!(comparison.errors, ErrorVerdict::More);
    let back = compare(&with_errors(500, 500), &with_errors(1_000, 0));
    assert_eq!(back.errors, ErrorVerdict::Fewer);
    let same = compare(&with_errors(1_000, 10), &with_errors(1_000, 12));
    assert_eq!(same.errors, ErrorVerdict::Same);
    let few = compare(&with_errors(10, 0), &with_errors(10, 1));
    assert_eq!(few.errors, ErrorVerdict::Unclear);
}

#[test]
fn differences_of_shares_are_newcombes() {
    // Examples (a) and (h) of his table II, method 10.
    let found = difference((48, 80), (56, 70)).expect("runs");
    assert!((found.estimate - 0.2).abs() < 1e-9);
    assert!((found.low - 0.0524).abs() < 5e-5, "{found:?}");
    assert!((found.high - 0.3339).abs() < 5e-5, "{found:?}");
    let found = difference((0, 10), (10, 10)).expect("runs");
    assert!((found.low - 0.6075).abs() < 5e-5, "{found:?}");
    assert!((found.high - 1.0).abs() < 5e-5, "{found:?}");
}
