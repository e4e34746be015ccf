//! How two versions compare, in sentences.

/// What a server says of how two compare.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared<'t> {
    /// The first, such as `poem@3`.
    pub(super) first: &'t str,
    /// The second.
    pub(super) second: &'t str,
    /// `faster`, `slower`, `no-different`, `unclear` or `too-few`.
    pub(super) verdict: &'t str,
    /// How long the second takes, as a multiple.
    pub(super) ratio: Option<Between>,
    /// How many of each ended with `ok`, and how many have to.
    pub(super) ok: [u64; 2],
    pub(super) needed: u64,
    /// `more`, `fewer`, `no-different` or `unclear`.
    pub(super) errors: &'t str,
    /// Their shares of errors.
    pub(super) shares: [f64; 2],
    /// The second's share less the first's.
    pub(super) difference: Option<Between>,
}

/// An estimate, and between what it lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between {
    pub(super) estimate: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Whether the second is faster, and how sure that is.
pub(super) fn durations(compared: &Compared<'_>) -> String {
    let Compared { first, second, .. } = compared;
    let measured = match compared.ratio {
        Some(ratio) => format!(
            "it takes {} of the time (95 % confidence: {} to {})",
            change(ratio.estimate),
            change(ratio.low),
            change(ratio.high)
        ),
        None => "there is nothing to compare".to_owned(),
    };
    match compared.verdict {
        "faster" => format!("{second} is faster than {first}: {measured}"),
        "slower" => format!("{second} is slower than {first}: {measured}"),
        "no-different" => format!("{second} is no different from {first}: {measured}"),
        "too-few" => format!(
            "too few runs to tell: {first} has {} that ended with ok, {second} has {}, and each needs {}",
            compared.ok[0], compared.ok[1], compared.needed
        ),
        _ => format!("the runs vary too much to tell {second} from {first}: {measured}"),
    }
}

/// Whether the second has more errors.
pub(super) fn errors(compared: &Compared<'_>) -> String {
    let Compared { first, second, .. } = compared;
    let Some(difference) = compared.difference else {
        return "nothing can be said of errors".to_owned();
    };
    let verdict = match compared.errors {
        "more" => "more errors",
        "fewer" => "fewer errors",
        "no-different" => "as many errors",
        _ => "too few runs to tell about errors",
    };
    let [before, after] = compared.shares;
    format!(
        "{verdict}: {} of {second}, {} of {first} (95 % confidence: {} to {} points)",
        percent(after),
        percent(before),
        points(difference.low),
        points(difference.high)
    )
}

/// A multiple in percent.
fn change(ratio: f64) -> String {
    let percent = ratio * 100.0;
    match percent < 1000.0 {
        true => format!("{percent:.0} %"),
        false => format!("{ratio:.0} times"),
    }
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn points(difference: f64) -> String {
    format!("{:+.1}", difference * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(verdict: &'static str, ratio: [f64; 3]) -> Compared<'static> {
        let between = |[estimate, low, high]: [f64; 3]| Between {
            estimate,
            low,
            high,
        };
        Compared {
            first: "poem@3",
            second: "poem@4",
            verdict,
            ratio: Some(between(ratio)),
            ok: [12, 4_000],
            needed: 30,
            errors: "more",
            shares: [0.01, 0.052],
            difference: Some(between([0.042, 0.012, 0.071])),
        }
    }

    #[test]
    fn what_became_of_durations_is_a_sentence() {
        let said = |verdict, ratio| durations(&compared(verdict, ratio));
        assert_eq!(
            said("slower", [1.2, 1.152, 1.25]),
            "poem@4 is slower than poem@3: it takes 120 % of the time (95 % confidence: 115 % to 125 %)"
        );
        assert_eq!(
            said("faster", [0.8, 0.7, 0.9]),
            "poem@4 is faster than poem@3: it takes 80 % of the time (95 % confidence: 70 % to 90 %)"
        );
        assert_eq!(
            said("no-different", [1.0, 0.98, 1.02]),
            "poem@4 is no different from poem@3: it takes 100 % of the time (95 % confidence: 98 % to 102 %)"
        );
        assert_eq!(
            said("too-few", [1.0, 0.5, 20.0]),
            "too few runs to tell: poem@3 has 12 that ended with ok, poem@4 has 4000, and each needs 30"
        );
        assert_eq!(
            said("unclear", [1.1, 0.5, 20.4]),
            "the runs vary too much to tell poem@4 from poem@3: it takes 110 % of the time (95 % confidence: 50 % to 20 times)"
        );
    }

    #[test]
    fn what_became_of_errors_is_a_sentence() {
        let mut some = compared("slower", [1.2, 1.1, 1.3]);
        assert_eq!(
            errors(&some),
            "more errors: 5.2 % of poem@4, 1.0 % of poem@3 (95 % confidence: +1.2 to +7.1 points)"
        );
        some.difference = None;
        assert_eq!(errors(&some), "nothing can be said of errors");
    }
}
