//! Tables for people: what calls cost.

use comfy_table::{CellAlignment, Table, presets};
use lockgate_model::{Limit, Limits, Receipt, SkipReason};

use crate::live::{Nodes, Row, Stage};
use crate::quantity::{bytes, number, time};

/// The nodes of a run, and what their calls cost: the elements of an `each` in one row, and nodes of flows that a node
/// runs below it, where they are counted too. Tokens have a column where a node counted some.
pub(crate) fn trace(nodes: &Nodes) -> String {
    let rows = nodes.rows();
    let has_usage = rows.iter().any(|(_, row)| row.receipt.usage.is_some());
    let mut header = vec![
        "node", "outcome", "attempts", "queue", "time", "fuel", "memory",
    ];
    header.extend(has_usage.then_some("tokens"));
    let columns = header.len();
    let mut table = plain(header);
    for (depth, row) in rows {
        let mut cells = vec![named(depth, row), outcome(row)];
        cells.extend(cost(row));
        cells.extend(has_usage.then(|| tokens(row)));
        table.add_row(cells);
    }
    right(&mut table, 2..=columns - 1);
    let table = table.to_string();
    let lines: Vec<_> = table.lines().map(str::trim_end).collect();
    lines.join("\n")
}

fn named(depth: usize, row: &Row) -> String {
    let indent = "  ".repeat(depth);
    match row.times() {
        Some(times) => format!("{indent}{} ×{times}", row.name),
        None => format!("{indent}{}", row.name),
    }
}

fn outcome(row: &Row) -> String {
    let failed = row.elements.map_or(0, |elements| elements.failed);
    match (row.stage(), &row.skipped) {
        (Stage::Ok, _) if failed > 0 => format!("ok, {failed} failed"),
        (Stage::Ok, _) => "ok".to_owned(),
        (Stage::Failed, _) => row.failure.unwrap_or("failed").to_owned(),
        (Stage::Cached, _) => "cached".to_owned(),
        (Stage::Pinned, _) => "pinned".to_owned(),
        (Stage::Cancelled, _) => "cancelled".to_owned(),
        (Stage::Skipped, Some(SkipReason::Needs(node))) => format!("skipped: needs {node}"),
        (Stage::Skipped, _) => "skipped: when".to_owned(),
        (Stage::Waiting | Stage::Running | Stage::Retrying, _) => "not run".to_owned(),
    }
}

/// Attempts, queue, time, fuel and memory; nothing where there was no call.
fn cost(row: &Row) -> [String; 5] {
    let receipt = &row.receipt;
    let calls = &receipt.calls;
    if receipt.attempts == 0 {
        return [const { String::new() }; 5];
    }
    let attempts = match receipt.cache_hits {
        0 => number(receipt.attempts.into()),
        hits => format!("{} + {hits} cached", number(receipt.attempts.into())),
    };
    [
        attempts,
        time(calls.queue),
        time(calls.total()),
        number(calls.fuel),
        bytes(calls.memory_bytes),
    ]
}

/// Tokens read and written.
fn tokens(row: &Row) -> String {
    let usage = row.receipt.usage.as_ref();
    usage.map_or_else(String::new, |usage| {
        format!(
            "{} in, {} out",
            number(usage.input_tokens),
            number(usage.output_tokens)
        )
    })
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
pub(crate) fn plain<'h>(header: impl IntoIterator<Item = &'h str>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(header.into_iter().collect::<Vec<_>>());
    table
}

fn right(table: &mut Table, columns: std::ops::RangeInclusive<usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
