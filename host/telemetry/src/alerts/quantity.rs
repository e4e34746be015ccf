//! What is measured, and what it is held against: a time, a share or a number.

use std::fmt;

/// What a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Time. Its numbers are seconds.
    Time,
    /// A part of a whole. Its numbers go from 0 to 1, or beyond where things may happen more than once.
    Share,
    /// How many.
    Count,
}

/// What a value is held against: whole numbers, so that it is written as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantity {
    /// Of what.
    pub unit: Unit,
    /// Microseconds, millionths, or how many.
    pub amount: u64,
}

/// On which side of a bound a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// It is greater.
    Over,
    /// It is less.
    Below,
}

/// Units of time with their microseconds, the longest first.
pub(super) const TIMES: [(&str, u64); 4] = [
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
];

/// Millionths in a hundredth.
pub(super) const PERCENT: u64 = 10_000;

impl Unit {
    /// The word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Time => "seconds",
            Self::Share => "share",
            Self::Count => "count",
        }
    }

    /// A measured number, for people: to three digits where it is no whole number.
    pub fn told(self, number: f64) -> String {
        match self {
            Self::Time if number < 1.0 => format!("{} ms", short(number * 1000.0)),
            Self::Time => format!("{} s", short(number)),
            Self::Share => format!("{} %", short(number * 100.0)),
            Self::Count => short(number),
        }
    }
}

impl Quantity {
    /// The number that a measured one is compared with.
    pub fn number(self) -> f64 {
        match self.unit {
            Unit::Time | Unit::Share => self.amount as f64 / 1e6,
            Unit::Count => self.amount as f64,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Count => self.amount.fmt(f),
            Unit::Share => write!(f, "{} %", Decimal(self.amount, PERCENT)),
            Unit::Time => {
                let fits =
                    |&&(_, of): &&(&str, u64)| self.amount > 0 && self.amount.is_multiple_of(of);
                let (name, of) = TIMES.iter().find(fits).unwrap_or(&TIMES[3]);
                write!(f, "{} {name}", Decimal(self.amount, *of))
            }
        }
    }
}

impl Comparison {
    /// Whether a value is on that side.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Over => value > bound,
            Self::Below => value < bound,
        }
    }

    /// The one of two values that is farther on that side.
    pub(super) fn worse(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Over => one.max(other),
            Self::Below => one.min(other),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Over => "over",
            Self::Below => "below",
        })
    }
}

/// An amount in a unit of so many: exactly, without a rounding and without zeros at its end. Units are powers of ten where
/// there is a rest.
struct Decimal(u64, u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(amount, of) = *self;
        let rest = amount % of;
        if rest == 0 {
            return (amount / of).fmt(f);
        }
        let width = of.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        write!(f, "{}.{}", amount / of, digits.trim_end_matches('0'))
    }
}

fn short(number: f64) -> String {
    let places = match number.abs() {
        n if n.fract() == 0.0 || n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{number:.places$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_numbers_are_told_shortly() {
        for (unit, number, told) in [
            (Unit::Time, 0.0123, "12.3 ms"),
            (Unit::Time, 5.2, "5.2 s"),
            (Unit::Time, 130.4, "130 s"),
            (Unit::Share, 0.07345, "7.34 %"),
            (Unit::Share, 1.0, "100 %"),
            (Unit::Count, 1_234_567.0, "1234567"),
            (Unit::Count, 0.0, "0"),
        ] {
            assert_eq!(unit.told(number), told);
        }
    }

    #[test]
    fn bounds_are_told_exactly() {
        for (unit, amount, told) in [
            (Unit::Time, 5_000_000, "5 s"),
            (Unit::Time, 1_500_000, "1500 ms"),
            (Unit::Time, 1_001, "1.001 ms"),
            (Unit::Time, 60_000_000, "1 min"),
            (Unit::Time, 0, "0 ms"),
            (Unit::Share, 50_000, "5 %"),
            (Unit::Share, 1_050, "0.105 %"),
            (Unit::Count, 7, "7"),
        ] {
            assert_eq!(Quantity { unit, amount }.to_string(), told);
        }
    }
}
