//! Load on an HTTP server: a number of connections, each of which sends its next request when it has the answer to the last.
//!
//! Belongs here: the client, which every server meets alike, and what it counts. It speaks as much HTTP/1.1 as that takes: connections
//! that are kept, and answers that say their length.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest that a server may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer that is read, head and body.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// A request, and what is expected of its answer.
#[derive(Debug)]
pub(crate) struct Case {
    request: Vec<u8>,
    expected: String,
}

impl Case {
    /// A request whose answer is a success with `expected` in its body. `headers` are whole lines.
    pub(crate) fn new(
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
        expected: impl Into<String>,
    ) -> Self {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n"
        );
        Self {
            request: [head.as_bytes(), body].concat(),
            expected: expected.into(),
        }
    }

    /// A `POST` of JSON.
    pub(crate) fn post(
        path: &str,
        headers: &str,
        body: &Value,
        expected: impl Into<String>,
    ) -> Self {
        let headers = format!("content-type: application/json\r\n{headers}");
        Self::new(
            "POST",
            path,
            &headers,
            body.to_string().as_bytes(),
            expected,
        )
    }
}

/// What a server did under load.
#[derive(Debug)]
pub(crate) struct Load {
    /// Right answers a second.
    pub(crate) rate: f64,
    /// How long each answer took, in microseconds, the shortest first.
    micros: Vec<f64>,
}

impl Load {
    /// The time within which this share of the answers came, in microseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let last = self.micros.len() - 1;
        self.micros[((last as f64) * share).round() as usize]
    }
}

/// Loads the server at `address` for `time`, with each connection going through `cases` from another one on.
///
/// # Errors
///
/// Any answer but the expected one: a server that fails fast must not look fast.
pub(crate) async fn load(
    address: SocketAddr,
    cases: &Arc<[Case]>,
    connections: usize,
    time: Duration,
) -> Result<Load> {
    let opened = (0..connections).map(|_| Connection::open(address));
    let opened = try_join_all(opened).await?;
    let begun = Instant::now();
    let each = opened.into_iter().enumerate().map(|(at, mut connection)| {
        let cases = cases.clone();
        tokio::spawn(async move {
            let mut micros = Vec::new();
            for case in cases.iter().cycle().skip(at) {
                let asked = Instant::now();
                if asked - begun >= time {
                    break;
                }
                connection.ask(case).await?;
                micros.push(asked.elapsed().as_secs_f64() * 1e6);
            }
            anyhow::Ok(micros)
        })
    });
    let each = try_join_all(each).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut micros = Vec::new();
    for one in each {
        micros.extend(one?);
    }
    ensure!(!micros.is_empty(), "no answer came");
    micros.sort_by(f64::total_cmp);
    let rate = micros.len() as f64 / seconds;
    Ok(Load { rate, micros })
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        ensure!(
            address.ip().is_loopback(),
            "only this machine is put under load"
        );
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let answer = Vec::new();
        Ok(Self { stream, answer })
    }

    /// Sends a request, and gives the body of its answer.
    pub(crate) async fn ask(&mut self, case: &Case) -> Result<&[u8]> {
        self.stream.write_all(&case.request).await?;
        let read = tokio::time::timeout(PATIENCE, self.read()).await;
        let (status, body) = read.context("no answer")??;
        let body = &self.answer[body..];
        let right = contains(body, case.expected.as_bytes());
        if !(200..300).contains(&status) || !right {
            let body = String::from_utf8_lossy(&body[..body.len().min(500)]);
            bail!("answered {status}: {}", body.escape_debug());
        }
        Ok(body)
    }

    /// Reads an answer: its status, and where its body begins.
    async fn read(&mut self) -> Result<(u16, usize)> {
        self.answer.clear();
        let head = loop {
            if let Some(at) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let text = std::str::from_utf8(&self.answer[..head])?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.context("no status")?.parse()?;
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let (_, length) = length.context("an answer that does not say its length")?;
        let end = head + 4 + length.trim().parse::<usize>()?;
        ensure!(end <= MAX_ANSWER_BYTES, "an answer that is too long");
        while self.answer.len() < end {
            self.more().await?;
        }
        ensure!(self.answer.len() == end, "more than was asked for");
        Ok((status, head + 4))
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(
            self.answer.len() < MAX_ANSWER_BYTES,
            "an answer that is too long"
        );
        self.answer.reserve(8 << 10);
        let read = self.stream.read_buf(&mut self.answer).await?;
        ensure!(read > 0, "the connection ended");
        Ok(())
    }
}

fn contains(body: &[u8], expected: &[u8]) -> bool {
    expected.is_empty() || body.windows(expected.len()).any(|part| part == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every request on a connection with these bytes.
    async fn server(answer: &'static [u8]) -> Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut asked = [0; 1 << 10];
                    while stream.read(&mut asked).await.is_ok_and(|read| read > 0) {
                        if stream.write_all(answer).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Ok(address)
    }

    fn cases() -> Arc<[Case]> {
        vec![Case::post("/", "", &Value::Null, "right")].into()
    }

    #[tokio::test]
    async fn right_answers_are_counted() -> Result<()> {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\"right\"\n";
        let address = server(answer).await?;
        let load = load(address, &cases(), 3, Duration::from_millis(20)).await?;
        assert!(load.rate > 0.0 && load.percentile(0.5) <= load.percentile(0.99));
        Ok(())
    }

    #[tokio::test]
    async fn other_answers_are_no_measurement() -> Result<()> {
        for answer in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"[..],
            b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nright",
            b"HTTP/1.1 200 OK\r\n\r\nright",
            b"right\r\n\r\n",
        ] {
            let address = server(answer).await?;
            let loaded = load(address, &cases(), 1, Duration::from_secs(20)).await;
            assert!(loaded.is_err());
        }
        Ok(())
    }
}
