//! The lines of a view: what is known of a run, as text of a width. No clock, no terminal.

use std::time::{Duration, SystemTime};

use console::{Style, measure_text_width, truncate_str};
use lockgate_model::SkipReason;

use super::state::{Elements, Nodes, Row, Stage};
use crate::quantity::{count, number, time};

/// The most lines that a view has, however many nodes there are.
const MAX_LINES: usize = 20;

/// The widest that names are aligned to.
const MAX_NAME_WIDTH: usize = 32;

const BAR_WIDTH: usize = 16;

/// How long each of them is seen.
const SPINNER_STEP: Duration = Duration::from_millis(100);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// What there is to draw on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) has_colors: bool,
}

/// The view at a moment: a line for each node, as far as there is room, and a last line for those without one, or for the
/// run when it is over.
pub(super) fn draw(nodes: &Nodes, canvas: Canvas, now: SystemTime) -> Vec<String> {
    let rows = nodes.rows();
    let outcome = nodes.run.outcome;
    // The line below the cursor is the terminal's own, and the last of the view is the run's.
    let room = MAX_LINES.min(canvas.height.saturating_sub(1)).max(2) - 1;
    let shown = chosen(
        &rows,
        room - usize::from(rows.len() > room && outcome.is_some()),
    );
    let width = shown.iter().map(|&place| name_width(&rows[place]));
    let width = width.max().unwrap_or(0).min(MAX_NAME_WIDTH);
    let mut lines: Vec<_> = shown
        .iter()
        .map(|&place| line(&rows[place], width, canvas, now))
        .collect();
    if shown.len() < rows.len() {
        lines.push(rest(&rows, &shown));
    }
    if let Some(outcome) = outcome {
        lines.push(summary(nodes, outcome, canvas, now));
    }
    let fit = |line: String| truncate_str(&line, canvas.width, "…").into_owned();
    lines.into_iter().map(fit).collect()
}

/// The places of the rows that are shown: what goes on first, then what failed, what comes, and what is over.
fn chosen(rows: &[(usize, &Row)], room: usize) -> Vec<usize> {
    let mut places: Vec<_> = (0..rows.len()).collect();
    places.sort_by_key(|&place| match rows[place].1.stage() {
        Stage::Running | Stage::Retrying => 0,
        Stage::Failed => 1,
        Stage::Waiting => 2,
        _ => 3,
    });
    places.truncate(room);
    places.sort_unstable();
    places
}

fn name_width((depth, row): &(usize, &Row)) -> usize {
    2 * depth + row.name.len()
}

fn line((depth, row): &(usize, &Row), width: usize, canvas: Canvas, now: SystemTime) -> String {
    let took = row.took(now);
    let (mark, style) = mark(row.stage(), took.unwrap_or_default());
    let mark = style.force_styling(canvas.has_colors).apply_to(mark);
    let name = format!("{}{}", "  ".repeat(*depth), row.name);
    let time = took.map(time).unwrap_or_default();
    let line = format!(
        "{mark} {name:<width$}  {time:>9}  {}",
        details(row).join("  ")
    );
    let room = canvas.width.saturating_sub(measure_text_width(&line) + 2);
    let line = match last_columns(row, room) {
        Some(tail) => {
            let dim = Style::new().dim().force_styling(canvas.has_colors);
            format!("{}  {}", line.trim_end(), dim.apply_to(tail))
        }
        None => line,
    };
    line.trim_end().to_owned()
}

fn mark(stage: Stage, took: Duration) -> (&'static str, Style) {
    let style = Style::new();
    match stage {
        Stage::Waiting => ("·", style.dim()),
        Stage::Running => {
            let step = took.as_millis() / SPINNER_STEP.as_millis();
            (SPINNER[step as usize % SPINNER.len()], style.cyan())
        }
        Stage::Retrying => ("↻", style.yellow()),
        Stage::Ok => ("✓", style.green()),
        Stage::Cached => ("⚡", style.green()),
        Stage::Pinned => ("✓", style.dim()),
        Stage::Skipped => ("↷", style.dim()),
        Stage::Failed => ("✗", style.red()),
        Stage::Cancelled => ("✗", style.dim()),
    }
}

/// What is worth saying of a node, beside its name and its time.
fn details(row: &Row) -> Vec<String> {
    let stage = row.stage();
    let mut details = Vec::new();
    match (row.elements, row.times()) {
        (Some(elements), _) => details.push(bar(elements)),
        (None, Some(times)) => details.push(format!("×{times}")),
        (None, None) => {}
    }
    match (stage, row.failure, &row.skipped) {
        (Stage::Failed, Some(kind), _) => details.push(kind.to_owned()),
        (Stage::Skipped, _, Some(SkipReason::When)) => details.push("skipped: when".to_owned()),
        (Stage::Skipped, _, Some(SkipReason::Needs(node))) => {
            details.push(format!("skipped: needs {node}"));
        }
        (Stage::Cached, ..) => details.push("cached".to_owned()),
        (Stage::Pinned, ..) => details.push("pinned".to_owned()),
        (Stage::Cancelled, ..) => details.push("cancelled".to_owned()),
        _ => {}
    }
    if row.retries > 0 {
        details.push(count(row.retries as usize, "retry", "retries"));
    }
    if row.receipt.calls.fuel > 0 {
        details.push(format!("{} fuel", number(row.receipt.calls.fuel)));
    }
    details
}

fn bar(elements: Elements) -> String {
    let Elements {
        total,
        done,
        failed,
    } = elements;
    // An empty list is done.
    let filled = match total {
        0 => BAR_WIDTH,
        _ => BAR_WIDTH * done.min(total) as usize / total as usize,
    };
    let failed = match failed {
        0 => String::new(),
        _ => format!(", {failed} failed"),
    };
    let (full, empty) = ("━".repeat(filled), "─".repeat(BAR_WIDTH - filled));
    format!("{full}{empty} {done}/{total}{failed}")
}

/// As much of the end of what a running node streams as fits.
fn last_columns(row: &Row, room: usize) -> Option<String> {
    let is_running = matches!(row.stage(), Stage::Running | Stage::Retrying);
    let tail = row.tail().trim_end();
    if !is_running || tail.is_empty() || room < 8 {
        return None;
    }
    if measure_text_width(tail) <= room {
        return Some(tail.to_owned());
    }
    let mut start = tail.len();
    let mut width = 1; // the mark that something was left out
    for (at, character) in tail.char_indices().rev() {
        width += measure_text_width(character.encode_utf8(&mut [0; 4]));
        if width > room {
            break;
        }
        start = at;
    }
    Some(format!("…{}", &tail[start..]))
}

/// The rows without a line of their own, counted.
fn rest(rows: &[(usize, &Row)], shown: &[usize]) -> String {
    let hidden = rows.len() - shown.len();
    let is_hidden = |place: &usize| shown.binary_search(place).is_err();
    let stages = (0..rows.len()).filter(is_hidden);
    let (mut going, mut failed, mut waiting, mut over) = (0, 0, 0, 0);
    for place in stages {
        *match rows[place].1.stage() {
            Stage::Running | Stage::Retrying => &mut going,
            Stage::Failed => &mut failed,
            Stage::Waiting => &mut waiting,
            _ => &mut over,
        } += 1;
    }
    let counts = [
        (going, "running"),
        (failed, "failed"),
        (waiting, "waiting"),
        (over, "done"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    format!("  … and {hidden} more: {}", counts.join(", "))
}

fn summary(nodes: &Nodes, outcome: &str, canvas: Canvas, now: SystemTime) -> String {
    let style = match outcome {
        "ok" => Style::new().green(),
        _ => Style::new().red(),
    };
    let outcome = style
        .bold()
        .force_styling(canvas.has_colors)
        .apply_to(outcome);
    let total = nodes.total();
    let calls = count(total.attempts as usize, "call", "calls");
    let took = time(nodes.run.took(now));
    format!(
        "{outcome} in {took}: {calls}, {} fuel",
        number(total.calls.fuel)
    )
}

#[cfg(test)]
mod tests;
