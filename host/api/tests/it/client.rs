//! A client that says exactly what it is told to: one request a connection, byte by byte if need be.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The headers that snapshots have, if they are there.
const SHOWN: [&str; 10] = [
    "content-type",
    "location",
    "etag",
    "allow",
    "www-authenticate",
    "preference-applied",
    "idempotency-replayed",
    "retry-after",
    "cache-control",
    "x-content-type-options",
];

/// Those that every answer has: snapshots show where they are missing.
const ALWAYS: [(&str, &str); 2] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
];

/// A request.
#[derive(Clone)]
pub(crate) struct Ask {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer.
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// `GET /path`, and so on.
pub(crate) fn ask(line: &str) -> Ask {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    Ask {
        method: method.into(),
        path: path.into(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

impl Ask {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    pub(crate) fn body(self, media: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut ask = self.header("content-type", media);
        ask.body = body.into();
        ask
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn yaml(self, body: &str) -> Self {
        self.body("application/yaml", body)
    }

    /// The request as it is sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nconnection: close\r\n",
            self.method, self.path
        );
        if !self.headers.iter().any(|(name, _)| name == "host") {
            head.push_str("host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || ["POST", "PUT"].contains(&self.method.as_str()) {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it and reads the answer to its end.
    pub(crate) async fn send(&self, address: SocketAddr) -> Told {
        raw(address, &self.bytes()).await
    }
}

impl Ask {
    /// The same, for a task of its own.
    pub(crate) async fn send_to(self, address: SocketAddr) -> Told {
        self.send(address).await
    }
}

/// Sends bytes and reads the answer to its end.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Told {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    // A server that answers early may close before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    Told::read(&answer)
}

impl Told {
    fn read(answer: &[u8]) -> Self {
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap_or_default();
        assert!(end > 0, "no head: {:?}", String::from_utf8_lossy(answer));
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.and_then(|status| status.parse().ok());
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let rest = &answer[end + 4..];
        let is_chunked = headers.iter().any(|(name, _)| name == "transfer-encoding");
        Self {
            status: status.expect("a status"),
            headers,
            body: if is_chunked {
                joined(rest)
            } else {
                rest.to_vec()
            },
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        let read = serde_json::from_slice(&self.body);
        assert!(read.is_ok(), "no JSON: {}", self.text());
        read.unwrap_or_default()
    }

    /// The answer as a snapshot has it: without what differs each time.
    pub(crate) fn show(&self) -> String {
        let mut shown = format!("{}\n", self.status);
        for name in SHOWN {
            let always = ALWAYS.iter().find(|(known, _)| *known == name);
            match (self.header(name), always) {
                (value, Some((_, always))) if value == Some(always) => {}
                (None, Some(_)) => shown.push_str(&format!("{name} IS MISSING\n")),
                (Some(value), _) => shown.push_str(&format!("{name}: {value}\n")),
                (None, None) => {}
            }
        }
        if !self.body.is_empty() {
            shown.push('\n');
        }
        let is_json = self
            .header("content-type")
            .is_some_and(|m| m.contains("json") && !m.contains("ndjson"));
        if is_json {
            let mut body = self.json();
            redact(&mut body);
            shown.push_str(&serde_json::to_string_pretty(&body).expect("JSON"));
        } else {
            for line in self.text().lines() {
                shown.push_str(&redacted_line(line));
                shown.push('\n');
            }
        }
        without_ids(&shown)
    }
}

/// Lines of events and results have JSON in them.
fn redacted_line(line: &str) -> String {
    let (prefix, json) = match line.strip_prefix("data: ") {
        Some(json) => ("data: ", json),
        None => ("", line),
    };
    match serde_json::from_str::<Value>(json) {
        Ok(mut value) if value.is_object() => {
            redact(&mut value);
            format!("{prefix}{value}")
        }
        _ => line.to_owned(),
    }
}

/// Takes out what differs each time.
fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let is_number = value.is_number();
                match name.as_str() {
                    "receipt" => *value = "<receipt>".into(),
                    "token" | "secret" => *value = "<secret>".into(),
                    "trace_id" if value.is_string() => *value = "<trace>".into(),
                    "created" if is_number => *value = 0.into(),
                    name if is_number && (name.ends_with("_us") || name.ends_with("_ms")) => {
                        *value = 0.into();
                    }
                    name if (name == "at" || name.ends_with("_at")) && value.is_string() => {
                        *value = "<time>".into()
                    }
                    _ => redact(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

/// Numbers UUIDs by their first mention, and takes digests out.
fn without_ids(text: &str) -> String {
    let mut ids: Vec<String> = Vec::new();
    let mut shown = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(id) = rest.get(..36).filter(|id| is_uuid(id)) {
            let at = ids.iter().position(|known| known == id).unwrap_or_else(|| {
                ids.push(id.to_owned());
                ids.len() - 1
            });
            shown.push_str(&format!("<id {}>", at + 1));
            rest = &rest[36..];
        } else if let Some(digest) = rest.strip_prefix("sha256:") {
            let hex = digest.find(|c: char| !c.is_ascii_hexdigit());
            shown.push_str("<digest>");
            rest = &digest[hex.unwrap_or(digest.len())..];
        } else {
            shown.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    shown
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.as_bytes()[8] == b'-' && text.parse::<uuid::Uuid>().is_ok()
}

/// A body that came in chunks.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunks.windows(2).position(|two| two == b"\r\n") {
        let length = std::str::from_utf8(&chunks[..end]).unwrap_or_default();
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        if length == 0 || chunks.len() < end + 2 + length {
            break;
        }
        body.extend_from_slice(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[(end + 4 + length).min(chunks.len())..];
    }
    body
}
