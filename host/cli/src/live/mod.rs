//! What a person, or a program, sees of a run while it goes on.
//!
//! On a terminal it is a view, drawn again ten times a second, that ends as a summary; elsewhere a line for what matters.
//! With `--events` it is every event. All of it is made from the run's journal, at its own pace, and holds the run up
//! nowhere. Standard output is the run's result alone: everything here goes to standard error, but for `--events`, where
//! the events are the result.
//!
//! Does not belong here: how a run is started and ended, and what its error means.

mod draw;
mod notes;
mod screen;
#[cfg(test)]
mod script;
mod state;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_flow::Plan;
use lockgate_model::{LogLevel, Recorded, RunEvent, RunOutcome};
use serde_json::Value as Tree;

use crate::table;
use notes::Notes;
use screen::Screen;
pub(crate) use state::{Nodes, Row, Stage};

/// How often the view is drawn.
pub(crate) const FRAME: Duration = Duration::from_millis(100);

/// What of a run is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Show {
    /// Every event, as JSON lines on standard output.
    pub(crate) events: bool,
    /// All log lines, and what the calls cost as a table at the end.
    pub(crate) trace: bool,
}

/// Shows one run.
#[derive(Debug)]
pub(crate) struct View {
    show: Show,
    nodes: Nodes,
    notes: Notes,
    /// Lines that were not written yet.
    lines: Vec<String>,
    /// None where there is nothing to draw on.
    screen: Option<Screen>,
    /// The end of a run that went well: its output is printed from the result, because a journal may have cut it.
    last: Option<Recorded>,
}

impl View {
    pub(crate) fn new(plan: &Arc<Plan>, show: Show) -> Self {
        // Two that write to one terminal would write over each other.
        let is_free = !(show.events && io::stdout().is_terminal());
        let least = match show.trace {
            true => LogLevel::Trace,
            false => LogLevel::Warn,
        };
        Self {
            show,
            nodes: Nodes::new(plan),
            notes: Notes::new(Arc::clone(plan), least),
            lines: Vec::new(),
            screen: Screen::open().filter(|_| is_free),
            last: None,
        }
    }

    /// Takes note of events.
    ///
    /// # Errors
    ///
    /// Where standard output does not take them.
    pub(crate) fn hear(&mut self, events: &[Recorded]) -> io::Result<()> {
        for recorded in events {
            self.nodes.hear(recorded);
            self.lines.extend(self.notes.line(&recorded.event));
        }
        if self.screen.is_none() {
            self.lines.drain(..).for_each(|line| eprintln!("{line}"));
        }
        if self.show.events {
            self.print(events)?;
        }
        Ok(())
    }

    /// Draws the view as it is now, where there is one.
    pub(crate) fn frame(&mut self, now: SystemTime) {
        if let Some(screen) = &mut self.screen {
            let lines = draw::draw(&self.nodes, screen.canvas(), now);
            // A terminal that is gone is no reason to end the run.
            let _ = screen.draw(&self.lines, &lines);
            self.lines.clear();
        }
    }

    /// Shows what stays: after the last event, with the output where there is one.
    ///
    /// # Errors
    ///
    /// Where standard output does not take it.
    pub(crate) fn end(mut self, output: Option<&Tree>, now: SystemTime) -> io::Result<()> {
        if self.show.trace {
            let table = table::trace(&self.nodes);
            match &mut self.screen {
                Some(screen) => {
                    self.lines.extend(table.lines().map(str::to_owned));
                    let _ = screen.draw(&self.lines, &[]);
                }
                None => eprintln!("{table}"),
            }
        } else {
            self.frame(now);
        }
        let Some(output) = output else { return Ok(()) };
        let mut stdout = io::stdout().lock();
        match self.last {
            Some(mut last) => {
                let outcome = RunOutcome::Ok(Arc::new(output.clone()));
                last.event = Arc::new(RunEvent::RunFinished { outcome });
                serde_json::to_writer(&mut stdout, &last)?;
            }
            None => serde_json::to_writer(&mut stdout, output)?,
        }
        writeln!(stdout)?;
        stdout.flush()
    }

    fn print(&mut self, events: &[Recorded]) -> io::Result<()> {
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        for recorded in events {
            if let RunEvent::RunFinished {
                outcome: RunOutcome::Ok(_),
            } = &*recorded.event
            {
                self.last = Some(recorded.clone());
                continue;
            }
            serde_json::to_writer(&mut stdout, recorded)?;
            writeln!(stdout)?;
        }
        stdout.flush()
    }
}

/// Draws a run of which nothing is known but its events, such as one on a server.
#[derive(Debug)]
pub(crate) struct Drawing {
    nodes: Nodes,
    /// Lines that were not written yet.
    lines: Vec<String>,
    screen: Screen,
}

impl Drawing {
    /// None where there is nothing to draw on.
    pub(crate) fn open() -> Option<Self> {
        Some(Self {
            nodes: Nodes::default(),
            lines: Vec::new(),
            screen: Screen::open()?,
        })
    }

    /// Takes note of an event. `line`, fit for a terminal, stays above the drawing.
    pub(crate) fn hear(&mut self, recorded: &Recorded, line: Option<String>) {
        self.nodes.hear(recorded);
        self.lines.extend(line);
    }

    /// Draws the run as it is now.
    pub(crate) fn frame(&mut self, now: SystemTime) {
        let lines = draw::draw(&self.nodes, self.screen.canvas(), now);
        // A terminal that is gone is no reason to stop reading.
        let _ = self.screen.draw(&self.lines, &lines);
        self.lines.clear();
    }
}
