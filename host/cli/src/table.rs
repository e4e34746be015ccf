//! Tables for people: what calls cost.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use lockgate_model::{Limit, Limits, Receipt};

/// One call in the trace of a run.
#[derive(Debug)]
pub(crate) struct CallRow {
    /// The node's name in the flow.
    pub(crate) node: String,
    /// How it ended.
    pub(crate) outcome: String,
    /// What it used; nothing if it was cut off.
    pub(crate) receipt: Option<Receipt>,
}

/// The calls of a run, in the order in which they ended.
pub(crate) fn trace(rows: &[CallRow]) -> String {
    let mut table = plain(["node", "outcome", "time", "fuel", "memory"]);
    for CallRow {
        node,
        outcome,
        receipt,
    } in rows
    {
        let [time, fuel, memory] = match receipt {
            Some(receipt) => [
                self::time(receipt.total()),
                number(receipt.fuel),
                bytes(receipt.memory_bytes),
            ],
            None => ["", "", ""].map(str::to_owned),
        };
        table.add_row([node, outcome, &time, &fuel, &memory]);
    }
    right(&mut table, 2..=4);
    table.to_string()
}

/// What one call used of each of its limits, and where its time went.
pub(crate) fn receipt(receipt: &Receipt, limits: &Limits) -> String {
    let mut table = plain(["", "used", "limit"]);
    let used = |limit| match limit {
        Limit::Fuel => number(receipt.fuel),
        Limit::Timeout => time(receipt.total()),
        Limit::Memory => bytes(receipt.memory_bytes),
        Limit::Instances => number(receipt.instances.into()),
        Limit::Resources => number(receipt.resources.into()),
        Limit::CopiedBytes => bytes(receipt.copied_bytes),
        Limit::LogBytes => bytes(receipt.log_bytes),
        Limit::OutputBytes => bytes(receipt.output_bytes),
    };
    for limit in Limit::ALL {
        let allowed = match limit {
            Limit::Timeout => time(limits.timeout()),
            Limit::Fuel | Limit::Instances | Limit::Resources => number(limits.get(limit)),
            _ => bytes(limits.get(limit)),
        };
        table.add_row([limit.to_string(), used(limit), allowed]);
        if limit == Limit::Timeout {
            for (part, spent) in [
                ("  waiting for a place", receipt.queue),
                ("  making the instance", receipt.instantiate),
                ("  the guest", receipt.guest),
                ("  waiting in the host", receipt.host_wait),
                ("  checking schemas", receipt.check),
            ] {
                table.add_row([part.to_owned(), time(spent), String::new()]);
            }
        }
    }
    right(&mut table, 1..=2);
    table.to_string()
}

/// A table without lines, as columns of text.
pub(crate) fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

fn right(table: &mut Table, columns: std::ops::RangeInclusive<usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

pub(crate) fn time(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..10_000 => format!("{micros} µs"),
        10_000..10_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

/// A number with a thin gap between its thousands.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_well() {
        assert_eq!(number(0), "0");
        assert_eq!(number(1_234_567), "1 234 567");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(128 << 20), "128.0 MiB");
        assert_eq!(time(Duration::from_micros(9_999)), "9999 µs");
        assert_eq!(time(Duration::from_millis(30_000)), "30.0 s");
    }
}
