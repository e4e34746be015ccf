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

/// The greatest value of a bucket.
pub(crate) fn greatest(bucket: u16) -> u64 {
    let (octave, within) = (
        u32::from(bucket) / PER_OCTAVE,
        u32::from(bucket) % PER_OCTAVE,
    );
    match within.checked_sub(1) {
        None => 1_u64.checked_shl(octave).unwrap_or(u64::MAX),
        Some(bound) => BOUNDS[bound as usize] >> (63 - octave),
    }
}

/// The least value of a bucket.
pub(crate) fn least(bucket: u16) -> u64 {
    let below = bucket.checked_sub(1).map_or(0, greatest);
    below.saturating_add(1)
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

    /// `a · b`, of numbers in digits of 32 bits, the lowest first.
    fn times(a: &[u32], b: &[u32]) -> Vec<u32> {
        let mut product = vec![0; a.len() + b.len()];
        for (i, &x) in a.iter().enumerate() {
            let mut carry = 0;
            for (j, &y) in b.iter().enumerate() {
                let sum = u64::from(product[i + j]) + u64::from(x) * u64::from(y) + carry;
                product[i + j] = sum as u32;
                carry = sum >> 32;
            }
            product[i + b.len()] = carry as u32;
        }
        product
    }

    /// Whether `value` to the power of 8 is at most 2 to the power of `bits`.
    fn is_at_most(value: u64, bits: usize) -> bool {
        let mut power = vec![value as u32, (value >> 32) as u32];
        for _ in 0..3 {
            power = times(&power, &power);
        }
        let (word, bit) = (bits / 32, 1 << (bits % 32));
        let high = power[word..].iter().rposition(|&digit| digit != 0);
        match high {
            None => true,
            Some(0) if power[word] == bit => power[..word].iter().all(|&digit| digit == 0),
            Some(0) => power[word] < bit,
            Some(_) => false,
        }
    }

    #[test]
    fn bounds_are_exact() {
        assert!(is_at_most(2, 8) && !is_at_most(3, 8) && is_at_most(1 << 63, 504));
        for (number, &bound) in BOUNDS.iter().enumerate() {
            let bits = 8 * 63 + number + 1;
            assert!(is_at_most(bound, bits), "{bound} is too much");
            assert!(!is_at_most(bound + 1, bits), "{bound} is too little");
        }
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below() {
        for octave in 10..64 {
            for (number, &bound) in BOUNDS.iter().enumerate() {
                let bound = bound >> (63 - octave);
                let below = (octave * PER_OCTAVE) as u16 + number as u16 + 1;
                assert_eq!(bucket(bound), Some(below), "2^{octave}, {number}");
                assert_eq!(bucket(bound + 1), Some(below + 1), "2^{octave}, {number}");
                assert_eq!((greatest(below), least(below + 1)), (bound, bound + 1));
            }
        }
        assert_eq!((least(0), greatest(0)), (1, 1));
        assert_eq!(greatest(BUCKETS as u16 - 1), u64::MAX);
    }

    proptest! {
        #[test]
        fn a_value_lies_between_the_bounds_of_its_bucket(value in 2_u64..1 << 52) {
            let index = bucket(value).expect("it is not 0");
            let exact = (value as f64).log2() * f64::from(PER_OCTAVE);
            // Where a bound is nearer than a real number can tell, either side is right.
            prop_assert!(exact <= f64::from(index) + 1e-9, "{exact} {index}");
            prop_assert!(exact > f64::from(index) - 1.0 - 1e-9, "{exact} {index}");
            prop_assert!((least(index)..=greatest(index)).contains(&value));
            let off = (middle(index) / value as f64 - 1.0).abs();
            prop_assert!(off < 0.045, "{off}");
        }

        #[test]
        fn buckets_are_in_the_order_of_values(a in 1_u64.., b in 1_u64..) {
            prop_assert_eq!(bucket(a.min(b)).min(bucket(a.max(b))), bucket(a.min(b)));
        }
    }
}
