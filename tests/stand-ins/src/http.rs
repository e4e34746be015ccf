//! A server of HTTP/1.1, as far as these stand-ins need it, with its hands on the connection: it can reset one, and let one hang.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::{Fault, VirtualTime};

/// The longest request that is read.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

const MAX_HEADERS: usize = 64;

/// What was asked.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it does not say how long it is, which servers may insist on where there can be a body.
    fn lacks_length(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT") && self.header("content-length").is_none()
    }
}

/// What is answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { status, body }
    }
}

/// What answers.
pub(crate) trait Handler: Send + Sync + 'static {
    /// What happens to the next request.
    fn fault(&self) -> Option<Fault>;

    fn answer(&self, request: &Request) -> Reply;

    /// The time in which answers are held back, if it is not the machine's.
    fn time(&self) -> Option<&VirtualTime>;
}

/// A server. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    listens: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(handler: Arc<impl Handler>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (listens, listening) = watch::channel(true);
        let task = tokio::spawn(serve(listener, address, listening, handler));
        Ok(Self {
            address,
            listens,
            task,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether it takes connections. Those that it has are cut when it stops.
    pub(crate) fn listen(&self, listens: bool) {
        self.listens.send_replace(listens);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    mut listening: watch::Receiver<bool>,
    handler: Arc<impl Handler>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let wanted = *listening.borrow_and_update();
        if !wanted {
            listener = None;
            connections.shutdown().await;
        } else if listener.is_none() {
            // The port is this process's own, and nobody took it meanwhile, unless by a rare chance: then it stays closed.
            listener = TcpListener::bind(address).await.ok();
        }
        tokio::select! {
            changed = listening.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
            accepted = accept(listener.as_ref()) => if let Ok(stream) = accepted {
                connections.spawn(connection(stream, handler.clone()));
            },
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

async fn connection(mut stream: TcpStream, handler: Arc<impl Handler>) {
    let _ = stream.set_nodelay(true);
    let mut read = Vec::new();
    while let Ok(Some(request)) = next(&mut stream, &mut read).await {
        if request.lacks_length() {
            let reply = Reply::new(411, "<html>Length Required</html>");
            let _ = write(&mut stream, &reply).await;
            return;
        }
        let fault = handler.fault();
        match &fault {
            Some(Fault::Reset) => return reset(stream),
            Some(Fault::Hang) => return hang(&mut stream, &handler).await,
            Some(Fault::Slow(duration)) => slow(&mut stream, *duration, &handler).await,
            _ => {}
        }
        let reply = match &fault {
            Some(Fault::Throttled) => error(400, "Throttling.User"),
            Some(Fault::Error { status, code }) => error(*status, code),
            Some(Fault::Refused { code, message }) => said(200, code, message),
            Some(Fault::Garbage(bytes)) => Reply::new(200, bytes.clone()),
            _ => handler.answer(&request),
        };
        match fault {
            Some(Fault::ResetAfter) => return reset(stream),
            Some(Fault::HangAfter) => return hang(&mut stream, &handler).await,
            _ => {}
        }
        if write(&mut stream, &reply).await.is_err() {
            return;
        }
    }
}

/// An error as the gateway has them.
pub(crate) fn error(status: u16, code: &str) -> Reply {
    said(status, code, "as it was told to")
}

pub(crate) fn said(status: u16, code: &str, message: &str) -> Reply {
    let body = serde_json::json!({ "RequestId": "stand-in", "Code": code, "Message": message });
    Reply::new(status, body.to_string())
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Holds the answer back until the client goes away.
async fn hang(stream: &mut TcpStream, handler: &Arc<impl Handler>) {
    let _hold = handler.time().map(VirtualTime::hold);
    gone(stream).await;
}

/// Holds the answer back for as long, or until the client goes away.
async fn slow(stream: &mut TcpStream, duration: Duration, handler: &Arc<impl Handler>) {
    let Some(time) = handler.time() else {
        return tokio::time::sleep(duration).await;
    };
    let _hold = time.hold();
    tokio::select! {
        () = time.sleep(duration) => {}
        () = gone(stream) => {}
    }
}

/// Who waits for an answer says nothing, so what can be read is the end.
async fn gone(stream: &mut TcpStream) {
    let mut ignored = [0; 64];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}

async fn write(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    let length = reply.body.len();
    let head = format!(
        "HTTP/1.1 {} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n",
        reply.status
    );
    let mut whole = head.into_bytes();
    whole.extend_from_slice(&reply.body);
    stream.write_all(&whole).await
}

/// The next request of a connection. None where it ended, or what came is no request.
async fn next(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        match parse(read) {
            Ok(Some((request, length))) => {
                read.drain(..length);
                return Ok(Some(request));
            }
            Ok(None) if read.len() < MAX_REQUEST_BYTES => {}
            _ => return Ok(None),
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

/// A request and its length, if it is whole.
fn parse(read: &[u8]) -> Result<Option<(Request, usize)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(read)? else {
        return Ok(None);
    };
    let headers: Vec<_> = parsed
        .headers
        .iter()
        .map(|header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_ascii_lowercase(), value)
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0_usize);
    let Some(body) = read.get(head..head.saturating_add(length)) else {
        return Ok(None);
    };
    let target = parsed.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.to_vec(),
    };
    Ok(Some((request, head + length)))
}
