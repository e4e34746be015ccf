//! What was measured, as a table: a row for each measurement, and whether it keeps its bound.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

use crate::stats::Samples;

/// The rows so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
    missed: usize,
}

/// What a measurement's median may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// What a measurement's numbers are of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// How many times as much.
    Times,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// So many a second.
    PerSecond,
    /// Kibibytes.
    Kibibytes,
    /// Mebibytes.
    Mebibytes,
}

impl Report {
    /// A measurement that informs.
    pub(crate) fn info(&mut self, what: impl Into<String>, samples: &Samples, unit: Unit) {
        self.row(what.into(), samples, unit, String::new(), String::new());
    }

    /// A measurement whose median is held against a bound.
    pub(crate) fn held(
        &mut self,
        what: impl Into<String>,
        samples: &Samples,
        unit: Unit,
        bound: Bound,
    ) {
        let (median, shown) = (samples.median(), bound.show(unit));
        let verdict = if bound.keeps(median) { "ok" } else { "FAIL" };
        self.missed += usize::from(!bound.keeps(median));
        self.row(what.into(), samples, unit, shown, verdict.to_owned());
    }

    /// A measurement that came to no end counts as a missed bound.
    pub(crate) fn failed(&mut self, what: &str, error: &anyhow::Error) {
        self.missed += 1;
        let (what, error) = (what.to_owned(), format!("{error:#}"));
        self.rows
            .push([what, error, String::new(), String::new(), "FAIL".to_owned()]);
    }

    /// How many bounds were missed.
    pub(crate) fn missed(&self) -> usize {
        self.missed
    }

    fn row(&mut self, what: String, samples: &Samples, unit: Unit, bound: String, verdict: String) {
        let (least, most) = (unit.show(samples.least()), unit.show(samples.most()));
        let spread = format!("{least} … {most}");
        self.rows
            .push([what, unit.show(samples.median()), spread, bound, verdict]);
    }
}

impl Bound {
    fn keeps(self, median: f64) -> bool {
        match self {
            Self::AtMost(most) => median <= most,
            Self::AtLeast(least) => median >= least,
        }
    }

    fn show(self, unit: Unit) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {}", unit.show(most)),
            Self::AtLeast(least) => format!("≥ {}", unit.show(least)),
        }
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        let number = match value.abs() {
            ..100.0 => format!("{value:.2}"),
            _ => format!("{value:.0}"),
        };
        match self {
            Self::Times => format!("{number} ×"),
            Self::Micros => format!("{number} µs"),
            Self::Millis => format!("{number} ms"),
            Self::PerSecond => format!("{number} /s"),
            Self::Kibibytes => format!("{number} KiB"),
            Self::Mebibytes => format!("{number} MiB"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_header(["what", "median", "least … most", "bound", ""])
            .add_rows(&self.rows);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_bound_is_counted_and_told() {
        let mut report = Report::default();
        let samples = Samples::new([1.0, 2.0, 9.0]);
        report.held("kept", &samples, Unit::Times, Bound::AtMost(2.0));
        report.held("missed", &samples, Unit::Times, Bound::AtMost(1.9));
        report.held("missed too", &samples, Unit::Times, Bound::AtLeast(2.1));
        report.info("known", &samples, Unit::Micros);
        assert_eq!(report.missed(), 2);
        assert_eq!(report.to_string().matches("FAIL").count(), 2);
    }
}
