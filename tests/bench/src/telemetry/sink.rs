//! Where a host's telemetry goes: a server that takes everything, one that never answers, and nobody.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What CMS says where it took a request. Read as an answer of OpenTelemetry's protocol, it would not do: that is empty.
const CMS_TOOK_IT: &str = r#"{"RequestId":"1","Message":"success","Code":"200"}"#;

/// The longest head of a request.
const MAX_HEAD_BYTES: usize = 256 << 10;

/// A sink that listens for as long as it is held.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

impl Sink {
    /// It takes everything.
    pub(super) async fn answering() -> Result<Self> {
        Self::listening(true).await
    }

    /// It takes connections, and never answers.
    pub(super) async fn hanging() -> Result<Self> {
        Self::listening(false).await
    }

    /// Nobody listens there.
    pub(super) async fn dead() -> Result<Self> {
        let mut sink = Self::listening(false).await?;
        if let Some(serving) = sink.serving.take() {
            serving.abort();
            let _ = serving.await; // aborted
        }
        Ok(sink)
    }

    async fn listening(answers: bool) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                match answers {
                    true => drop(tokio::spawn(serve(stream))),
                    false => silent.push(stream),
                }
            }
        });
        Ok(Self {
            address,
            serving: Some(serving),
        })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Answers each request of a connection.
async fn serve(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    while let Some(is_cms) = request(&mut stream, &mut bytes).await {
        let (kind, body) = match is_cms {
            true => ("application/json", CMS_TOOK_IT),
            false => ("application/x-protobuf", ""),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads a request, and says whether it is one for CMS. None: the connection ended, or speaks something else.
async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<bool> {
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if bytes.len() > MAX_HEAD_BYTES || stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let is_cms = text.contains("action=putcustommetric");
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(Some(0), |length| length.trim().parse().ok())?;
    let whole = head.checked_add(length)?;
    while bytes.len() < whole {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    bytes.drain(..whole);
    Some(is_cms)
}
