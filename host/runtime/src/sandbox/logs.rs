//! Log lines of one call: from the contract's `log`, and from standard output and standard error.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lockgate_model::{CallSink, Limit, Limits, LogLevel};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::Stop;

/// The longest line that is kept, in bytes; a longer one is cut.
const MAX_LINE_BYTES: usize = 8 << 10;

/// What a guest may write to standard output at once.
const WRITE_AT_ONCE: usize = 4 << 10;

/// Keeps the lines of one call, up to a number of bytes in all.
pub(crate) struct LogBook {
    sink: Arc<dyn CallSink>,
    most_kept: u64,
    most_written: u64,
    kept: AtomicU64,
    /// Bytes that came over standard output and error, kept or not. The meter cannot see these.
    written: AtomicU64,
}

impl LogBook {
    pub(crate) fn new(sink: Arc<dyn CallSink>, limits: &Limits) -> Self {
        Self {
            sink,
            most_kept: limits.log_bytes,
            most_written: limits.copied_bytes,
            kept: AtomicU64::new(0),
            written: AtomicU64::new(0),
        }
    }

    /// Keeps a line, cut to a length, while there is room. The first line that has none says so, and then it is quiet.
    pub(crate) fn line(&self, level: LogLevel, line: &str) {
        let line = &line[..line.floor_char_boundary(MAX_LINE_BYTES)];
        let bytes = line.len() as u64 + 1; // an empty line is not free
        let before = self.kept.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.most_kept {
            self.sink.log(level, line);
        } else if before <= self.most_kept {
            // Never again: what was kept is over the limit from here on.
            self.kept.fetch_add(self.most_kept, Ordering::Relaxed);
            let last = format!(
                "the log is full ({} bytes): later lines of this call are dropped",
                self.most_kept
            );
            self.sink.log(LogLevel::Warn, &last);
        }
    }

    /// Bytes that were kept.
    pub(crate) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed).min(self.most_kept)
    }

    /// Bytes that came over standard output and error.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn wrote(&self, bytes: usize) -> Result<(), Stop> {
        let within = |written: u64| {
            let written = written.checked_add(bytes as u64)?;
            (written <= self.most_written).then_some(written)
        };
        match (self.written).fetch_update(Ordering::Relaxed, Ordering::Relaxed, within) {
            Ok(_) => Ok(()),
            Err(_) => Err(Stop::Exhausted(Limit::CopiedBytes)),
        }
    }
}

/// Standard output or standard error: its lines go to the log book.
#[derive(Clone)]
pub(super) struct LogStream {
    book: Arc<LogBook>,
    level: LogLevel,
    unfinished: Arc<Mutex<Vec<u8>>>,
}

impl LogStream {
    pub(super) fn new(book: Arc<LogBook>, level: LogLevel) -> Self {
        Self {
            book,
            level,
            unfinished: Arc::default(),
        }
    }

    fn push(&self, mut bytes: &[u8]) {
        let mut unfinished = self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            unfinished.extend_from_slice(&bytes[..end]);
            self.finish(&mut unfinished);
            bytes = &bytes[end + 1..];
        }
        unfinished.extend_from_slice(bytes);
        if unfinished.len() > MAX_LINE_BYTES {
            self.finish(&mut unfinished);
        }
    }

    fn finish(&self, line: &mut Vec<u8>) {
        self.book.line(self.level, &String::from_utf8_lossy(line));
        line.clear();
    }
}

/// A last line without an end is a line too.
impl Drop for LogStream {
    fn drop(&mut self) {
        let mut unfinished = self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(&self.unfinished) == 1 && !unfinished.is_empty() {
            self.finish(&mut unfinished);
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    /// For WASI 0.3, which no plugin is offered.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.book
            .wrote(bytes.len())
            .map_err(|stop| StreamError::Trap(stop.into()))?;
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_AT_ONCE)
    }
}

#[async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::BoxFuture;
    use lockgate_model::{Ident, Value};

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl CallSink for Lines {
        fn log(&self, level: LogLevel, line: &str) {
            self.0
                .lock()
                .expect("no test panics with it")
                .push(format!("{level}: {line}"));
        }

        fn part<'a>(&'a self, _: &'a Ident, _: &'a Value) -> BoxFuture<'a, bool> {
            Box::pin(std::future::ready(true))
        }
    }

    fn book(log_bytes: u64) -> (Arc<LogBook>, Arc<Lines>) {
        let lines = Arc::new(Lines::default());
        let limits = Limits {
            log_bytes,
            copied_bytes: 100,
            ..Limits::DEFAULT
        };
        (Arc::new(LogBook::new(lines.clone(), &limits)), lines)
    }

    #[test]
    fn a_full_log_says_so_once() {
        let (book, lines) = book(10);
        for _ in 0..100 {
            book.line(LogLevel::Info, "four");
        }
        let full = "warn: the log is full (10 bytes): later lines of this call are dropped";
        assert_eq!(
            *lines.0.lock().expect("lines"),
            ["info: four", "info: four", full]
        );
        assert_eq!(book.kept(), 10);
    }

    #[test]
    fn long_lines_are_cut_at_a_character() {
        let (book, lines) = book(1 << 20);
        book.line(LogLevel::Info, &"é".repeat(MAX_LINE_BYTES));
        assert_eq!(
            lines.0.lock().expect("lines")[0].len(),
            "info: ".len() + MAX_LINE_BYTES
        );
    }

    #[test]
    fn output_becomes_lines_however_it_is_written() {
        let (book, lines) = book(1 << 20);
        let mut stream = LogStream::new(book, LogLevel::Debug);
        for bytes in [&b"a"[..], b"b\nc", b"\n\nd\xff"] {
            stream.write(Bytes::copy_from_slice(bytes)).expect("room");
        }
        drop(stream);
        let expected = ["debug: ab", "debug: c", "debug: ", "debug: d\u{fffd}"];
        assert_eq!(*lines.0.lock().expect("lines"), expected);
    }

    #[test]
    fn a_flood_of_output_ends_the_call() {
        let (book, _) = book(0);
        let mut stream = LogStream::new(book, LogLevel::Debug);
        stream
            .write(Bytes::from(vec![b'x'; 100]))
            .expect("within the limit");
        assert!(matches!(
            stream.write(Bytes::from_static(b"x")),
            Err(StreamError::Trap(_))
        ));
    }
}
