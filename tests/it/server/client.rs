//! A client of HTTP/1.1, small and blocking, that hides nothing: an answer is its status, its head and its body.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The longest that a test waits for a byte: no measure of the server, but an end for a test that would hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whom to ask, with what key.
#[derive(Debug, Clone)]
pub(super) struct Client {
    address: SocketAddr,
    key: Option<String>,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn new(address: SocketAddr, key: Option<&str>) -> Self {
        let key = key.map(str::to_owned);
        Self { address, key }
    }

    /// Connects, asks, and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// There is no answer, or not a whole one.
    pub(super) fn ask(&self, request: Request) -> Result<Answer> {
        self.connect()?.ask(request)
    }

    /// Asks, and holds the answer against a status.
    pub(super) fn expect(&self, status: u16, request: Request) -> Result<Value> {
        self.ask(request)?.expect(status)
    }

    /// A connection that is kept.
    pub(super) fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream: BufReader::new(stream),
            key: self.key.clone(),
        })
    }
}

impl Request {
    pub(super) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub(super) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", path).body("application/json", body.to_string())
    }

    pub(super) fn put(path: impl Into<String>, body: &Value) -> Self {
        Self::new("PUT", path).body("application/json", body.to_string())
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path)
    }

    pub(super) fn body(self, media: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut with = self.header("content-type", media);
        with.body = body.into();
        with
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A connection that is kept.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    key: Option<String>,
}

impl Connection {
    /// Asks, and reads the answer to its end.
    pub(super) fn ask(&mut self, request: Request) -> Result<Answer> {
        self.send(request)?;
        self.answer()
    }

    /// Sends a request whole.
    pub(super) fn send(&mut self, request: Request) -> Result<()> {
        let Request {
            method,
            path,
            headers,
            body,
        } = request;
        let named = |name: &str| headers.iter().any(|(given, _)| given == name);
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !named("host") {
            head += "host: localhost\r\n";
        }
        if let Some(key) = self.key.as_ref().filter(|_| !named("authorization")) {
            head += &format!("authorization: Bearer {key}\r\n");
        }
        for (name, value) in &headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        self.raw(head.as_bytes())?;
        self.raw(&body)
    }

    /// Sends bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// Reads an answer to its end.
    pub(super) fn answer(&mut self) -> Result<Answer> {
        let mut head = String::new();
        loop {
            let before = head.len();
            let read = self.stream.read_line(&mut head)?;
            ensure!(read > 0, "the connection ended");
            if &head[before..] == "\r\n" {
                break;
            }
        }
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let mut answer = Answer {
            status,
            head,
            body: Vec::new(),
        };
        match answer.header("content-length") {
            Some(length) => {
                answer.body.resize(length.parse()?, 0);
                self.stream.read_exact(&mut answer.body)?;
            }
            None if answer.header("transfer-encoding").is_some() => {
                self.chunks(&mut answer.body)?
            }
            None => {}
        }
        Ok(answer)
    }

    /// A body that says its length piece by piece.
    fn chunks(&mut self, body: &mut Vec<u8>) -> Result<()> {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim_end(), 16)?;
            let from = body.len();
            body.resize(from + length + 2, 0);
            self.stream.read_exact(&mut body[from..])?;
            body.truncate(from + length);
            if length == 0 {
                return Ok(());
            }
        }
    }
}

impl Answer {
    /// A field of the head.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self
            .head
            .split("\r\n")
            .filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.trim())
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| self.told())
    }

    /// The body as JSON of an answer with this status; null if there is no body.
    pub(super) fn expect(&self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "{}", self.told());
        match self.body.is_empty() {
            true => Ok(Value::Null),
            false => self.json(),
        }
    }

    /// The code of a problem, which has this status.
    pub(super) fn problem(&self, status: u16) -> Result<String> {
        let media = self.header("content-type");
        ensure!(media == Some("application/problem+json"), "{}", self.told());
        let problem = self.expect(status)?;
        ensure!(problem["status"] == status, "{problem}");
        let code = problem["code"].as_str().context("no code")?;
        ensure!(problem["type"] == format!("urn:lockgate:problem:{code}"));
        Ok(code.to_owned())
    }

    /// All of it, for a message.
    pub(super) fn told(&self) -> String {
        format!("{}{}", self.head, String::from_utf8_lossy(&self.body))
    }
}
