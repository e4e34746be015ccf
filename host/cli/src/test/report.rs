//! What `lockgate test` prints: a line a case, what is wrong with those that fail, and a sum.

use std::path::PathBuf;

use anstream::println;
use anstyle::{AnsiColor, Style};
use lockgate_flow::{Mismatch, RunFailure};
use lockgate_model::escaped;
use serde_json::json;

use super::Outcome;
use super::diff::{Side, diff, one_line};
use crate::exit::Failed;
use crate::quantity;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Prints outcomes as they come, and counts them.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    left_out: usize,
    passed: usize,
    failed: usize,
    /// The flow whose name was printed last.
    flow: Option<PathBuf>,
}

impl Report {
    pub(super) fn new(json: bool, left_out: usize) -> Self {
        Self {
            json,
            left_out,
            passed: 0,
            failed: 0,
            flow: None,
        }
    }

    pub(super) fn add(&mut self, outcome: &Outcome) {
        let passed = outcome.mismatches.is_empty();
        *(if passed {
            &mut self.passed
        } else {
            &mut self.failed
        }) += 1;
        if self.json {
            // Standard output of a program: without the styles that a terminal would have.
            std::println!("{}", line(outcome));
            return;
        }
        if self.flow.as_ref() != Some(&outcome.task.flow) {
            let flow = escaped(&outcome.task.flow.display().to_string());
            println!("{BOLD}{flow}{BOLD:#}");
            self.flow = Some(outcome.task.flow.clone());
        }
        let name = escaped(outcome.task.case.name());
        let took = quantity::time(outcome.took);
        let (style, mark) = if passed { (GOOD, '✓') } else { (BAD, '✗') };
        println!("  {style}{mark}{style:#} {name}  {FAINT}{took}{FAINT:#}");
        if !passed {
            let file = escaped(&outcome.task.cases.display().to_string());
            println!(
                "    {FAINT}{file}:{}{FAINT:#}",
                outcome.task.case.place().line
            );
        }
        for mismatch in &outcome.mismatches {
            tell(mismatch);
        }
    }

    /// Prints the sum, and says how the command ends.
    pub(super) fn end(self) -> Result<(), Failed> {
        let Self {
            passed,
            failed,
            left_out,
            ..
        } = self;
        if !self.json {
            let left_out = match left_out {
                0 => String::new(),
                left_out => format!(", {left_out} left out"),
            };
            let style = if failed == 0 { GOOD } else { BAD };
            println!("\n{style}{passed} passed, {failed} failed{style:#}{left_out}");
        }
        if failed == 0 {
            Ok(())
        } else {
            Err(Failed::Run)
        }
    }
}

/// An outcome for programs.
fn line(outcome: &Outcome) -> serde_json::Value {
    json!({
        "flow": outcome.task.flow.display().to_string(),
        "case": outcome.task.case.name(),
        "line": outcome.task.case.place().line,
        "passed": outcome.mismatches.is_empty(),
        "took_us": u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX),
        "mismatches": outcome.mismatches,
    })
}

fn tell(mismatch: &Mismatch) {
    match mismatch {
        Mismatch::Output { expected, actual } => {
            println!("    the output is another: {BAD}- expected{BAD:#}, {GOOD}+ given{GOOD:#}");
            for line in diff(expected, actual) {
                let (style, mark) = match line.side {
                    Side::Expected => (BAD, '-'),
                    Side::Actual => (GOOD, '+'),
                    Side::Both | Side::LeftOut => (Style::new(), ' '),
                };
                println!("      {style}{mark} {}{style:#}", line.text);
            }
        }
        Mismatch::Where {
            expression,
            line,
            reason,
            values,
        } => {
            let [expression, reason] = [expression, reason].map(|text| escaped(text));
            println!("    `{expression}` on line {line}: {reason}");
            for (reference, value) in values {
                println!("      {} is {}", escaped(reference), one_line(value));
            }
        }
        Mismatch::Failed(failure) => println!("    it failed: {}", told(failure)),
        Mismatch::NotFailed { output } => {
            println!("    it did not fail, and gave {}", one_line(output));
        }
        Mismatch::OtherFailure { expected, actual } => {
            println!("    it failed in another way: {BAD}- expected{BAD:#}, {GOOD}+ given{GOOD:#}");
            println!("      {BAD}- {}{BAD:#}", escaped(expected));
            println!("      {GOOD}+ {}{GOOD:#}", told(actual));
        }
        Mismatch::Node {
            node,
            expected,
            actual,
        } => println!("    the node `{node}` was to {expected}, and {actual}"),
        // Kinds that are newer than this report are still told, as programs hear of them.
        other => println!("    {}", one_line(&json!(other))),
    }
}

fn told(failure: &RunFailure) -> String {
    escaped(&failure.to_string())
}
