//! Which bucket a value belongs to: OpenTelemetry's exponential buckets of scale 3, eight an octave.
//!
//! A bucket `k` holds the values in `(2^((k-1)/8), 2^(k/8)]`. From its geometric middle no value in it is farther than
//! 4.5 %, whatever its size, which is why a percentile read from buckets is true to 5 %. OpenTelemetry counts its
//! buckets by their lower bound: its index is one less.
//! Source: <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>

/// OpenTelemetry's name for eight buckets an octave.
pub const SCALE: i32 = 3;

/// Buckets an octave.
const PER_OCTAVE: u32 = 1 << SCALE;

/// How many buckets there are: one for 1, and eight for each octave of a `u64`.
pub(crate) const BUCKETS: usize = 64 * PER_OCTAVE as usize + 1;

/// `2^63 · 2^(j/8)`, rounded down: the bounds within an octave, of a value that is shifted up to its highest bit.
const BOUNDS: [u64; PER_OCTAVE as usize - 1] = [
    10_058_158_527_438_640_870,
    10_968_499_650_544_839_023,
    11_961_233_684_655_323_370,
    13_043_817_825_332_782_212,
    14_224_384_202_002_324_189,
    15_511_800_964_685_064_948,
    16_915_738_899_553_466_670,
];

/// The bucket of a value. 0 has none, and is counted apart.
pub(crate) fn bucket(value: u64) -> Option<u16> {
    let zeros = value.checked_ilog2().map(|log| 63 - log)?;
    let octave = 63 - zeros;
    let index = if value.is_power_of_two() {
        octave * PER_OCTAVE
    } else {
        let shifted = value << zeros;
        let above = BOUNDS.iter().map(|&bound| u32::from(shifted > bound));
        octave * PER_OCTAVE + 1 + above.sum::<u32>()
    };
    u16::try_from(index).ok()
}

/// The middle of a bucket, by ratio.
pub(crate) fn middle(bucket: u16) -> f64 {
    ((f64::from(bucket) - 0.5) / f64::from(PER_OCTAVE)).exp2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn powers_of_two_are_the_greatest_of_their_buckets() {
        assert_eq!(bucket(0), None);
        for octave in 0..64_u32 {
            let value = 1_u64 << octave;
            assert_eq!(bucket(value), Some((octave * PER_OCTAVE) as u16));
            if octave > 3 {
                assert_eq!(bucket(value + 1), Some((octave * PER_OCTAVE + 1) as u16));
            }
        }
        let last = bucket(u64::MAX).map(usize::from);
        assert_eq!(last, Some(BUCKETS - 1));
    }

    proptest! {
        #[test]
        fn a_value_lies_between_the_bounds_of_its_bucket(value in 2_u64..1 << 52) {
            let index = bucket(value).expect("it is not 0");
            let exact = (value as f64).log2() * f64::from(PER_OCTAVE);
            // Where a bound is nearer than a real number can tell, either side is right.
            prop_assert!(exact <= f64::from(index) + 1e-9, "{exact} {index}");
            prop_assert!(exact > f64::from(index) - 1.0 - 1e-9, "{exact} {index}");
            let off = (middle(index) / value as f64 - 1.0).abs();
            prop_assert!(off < 0.045, "{off}");
        }

        #[test]
        fn buckets_are_in_the_order_of_values(a in 1_u64.., b in 1_u64..) {
            prop_assert_eq!(bucket(a.min(b)).min(bucket(a.max(b))), bucket(a.min(b)));
        }
    }
}
