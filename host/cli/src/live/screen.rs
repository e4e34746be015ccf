//! A block of lines at the end of a terminal that is drawn again and again.

use std::io;

use console::{Term, measure_text_width};

use super::draw::Canvas;

/// Standard error, where it is a terminal that can move its cursor.
#[derive(Debug)]
pub(super) struct Screen {
    term: Term,
    /// The width of each line of the block that is there now.
    drawn: Vec<usize>,
}

impl Screen {
    /// None where standard error is no terminal, or one that only prints (`TERM=dumb`, or none).
    pub(super) fn open() -> Option<Self> {
        let term = Term::buffered_stderr();
        (term.is_term() && !console::is_dumb()).then_some(Self {
            term,
            drawn: Vec::new(),
        })
    }

    /// What there is to draw on now. A window can become another size.
    pub(super) fn canvas(&self) -> Canvas {
        let (height, width) = self.term.size();
        Canvas {
            width: width.max(1).into(),
            height: height.into(),
            has_colors: console::colors_enabled_stderr(),
        }
    }

    /// Puts `lines` in the place of the block, and `above` before it, where it stays.
    pub(super) fn draw(&mut self, above: &[String], lines: &[String]) -> io::Result<()> {
        self.term.move_cursor_up(self.height())?;
        self.term.write_str("\r")?;
        self.term.clear_to_end_of_screen()?;
        for line in above.iter().chain(lines) {
            self.term.write_line(line)?;
        }
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        self.term.flush()
    }

    /// How many lines of the terminal the block takes: one that became narrower since has broken its lines.
    fn height(&self) -> usize {
        let width = self.canvas().width;
        let lines = self.drawn.iter().map(|drawn| drawn.div_ceil(width).max(1));
        lines.sum()
    }
}
