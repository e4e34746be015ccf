//! Choices by chance, the same ones for the same seed.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// Chooses.
///
/// The numbers are xoshiro256++'s (Blackman and Vigna, 2018), seeded through SplitMix64. They are the same on every system,
/// and what is computed from them is the sandbox's arithmetic, which is the same everywhere too.
#[derive(Debug)]
pub(crate) struct Chance {
    numbers: Xoshiro256PlusPlus,
    temperature: f64,
}

impl Chance {
    /// At temperature 0 the likeliest is chosen, at 1 each as often as it is likely, above that more evenly.
    pub(crate) fn new(seed: u64, temperature: f64) -> Self {
        Self {
            numbers: Xoshiro256PlusPlus::seed_from_u64(seed),
            temperature,
        }
    }

    /// One of these, each with a weight above 0. `None` where there are none.
    pub(crate) fn choose<T: Copy>(&mut self, weighted: &[(T, f64)]) -> Option<T> {
        let (mut chosen, mut top) = *weighted.first()?;
        for (one, weight) in weighted {
            if *weight > top {
                (chosen, top) = (*one, *weight);
            }
        }
        if self.temperature == 0.0 {
            return Some(chosen);
        }
        // Of the largest weight, so that no power of it is infinite.
        let exponent = 1.0 / self.temperature;
        let sharpened = |weight: f64| (weight / top).powf(exponent);
        let sum: f64 = weighted.iter().map(|(_, weight)| sharpened(*weight)).sum();
        let mut left = self.fraction() * sum;
        for (one, weight) in weighted {
            left -= sharpened(*weight);
            if left < 0.0 {
                return Some(*one);
            }
        }
        Some(chosen) // rounding has left a little
    }

    /// From 0 to below 1: 53 bits, all that a `f64` holds.
    fn fraction(&mut self) -> f64 {
        const BITS: u32 = f64::MANTISSA_DIGITS;
        (self.numbers.next_u64() >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEIGHTED: [(char, f64); 3] = [('a', 1.0), ('b', 6.0), ('c', 3.0)];

    fn counts(temperature: f64) -> [usize; 3] {
        let mut chance = Chance::new(7, temperature);
        let chosen = (0..10_000)
            .map(|_| chance.choose(&WEIGHTED).expect("one of three"))
            .collect::<Vec<_>>();
        WEIGHTED.map(|(one, _)| chosen.iter().filter(|other| **other == one).count())
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(Chance::new(0, 1.0).choose::<char>(&[]), None);
    }

    #[test]
    fn temperature_sharpens_and_flattens() {
        assert_eq!(counts(0.0), [0, 10_000, 0]);
        assert_eq!(counts(1e-9), [0, 10_000, 0]);
        let [a, b, c] = counts(1.0);
        assert!(a.abs_diff(1000) < 150 && b.abs_diff(6000) < 250 && c.abs_diff(3000) < 250);
        let [flat_a, flat_b, _] = counts(2.0);
        assert!(flat_a > a && flat_b < b);
    }

    #[test]
    fn a_seed_is_a_sequence() {
        let sequence = |seed| {
            let mut chance = Chance::new(seed, 1.0);
            [(); 40].map(|()| chance.choose(&WEIGHTED))
        };
        assert_eq!(sequence(1), sequence(1));
        assert_ne!(sequence(1), sequence(2));
    }
}
