//! Samples of one measurement, and what is said of them.

/// Samples of one measurement; at least one.
#[derive(Debug, Clone)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// What `samples` are, in any order.
    pub(crate) fn new(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        assert!(!sorted.is_empty(), "nothing was measured");
        sorted.sort_by(f64::total_cmp);
        Self(sorted)
    }

    /// Each over `divisor`.
    pub(crate) fn over(&self, divisor: f64) -> Self {
        Self::new(self.0.iter().map(|sample| sample / divisor))
    }

    /// One over each.
    pub(crate) fn inverse(&self) -> Self {
        Self::new(self.0.iter().map(|sample| 1.0 / sample))
    }

    /// The one in the middle. One neighbour on the machine that takes its turn moves the mean, and not this.
    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 {
            self.0[middle]
        } else {
            (self.0[middle - 1] + self.0[middle]) / 2.0
        }
    }

    /// The least.
    pub(crate) fn least(&self) -> f64 {
        self.0[0]
    }

    /// The most.
    pub(crate) fn most(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        assert_eq!(Samples::new([3.0, 100.0, 1.0]).median(), 3.0);
        assert_eq!(Samples::new([4.0, 1.0, 2.0, 100.0]).median(), 3.0);
        assert_eq!(Samples::new([7.0]).median(), 7.0);
    }

    #[test]
    fn the_spread_is_from_the_least_to_the_most() {
        let samples = Samples::new([2.0, -1.0, 9.0]);
        assert_eq!((samples.least(), samples.most()), (-1.0, 9.0));
    }
}
