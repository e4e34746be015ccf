//! What bounds a connection.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{ask, raw};
use crate::host::Host;

#[tokio::test]
async fn a_head_that_does_not_come() {
    let host = Host::with(|config| config.idle_time = Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(host.address).await.expect("it listens");
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost:")
        .await
        .expect("sent");
    let mut answer = Vec::new();
    // It ends; without the limit it would not.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_does_not_come() {
    let host = Host::with(|config| {
        config.body_time = Duration::from_millis(50);
        config.json_bytes = 1024;
    })
    .await;
    let key = host.key("slow", lockgate_service::Scope::Admin, None).await;
    let head = format!(
        "POST /api/v1/flows/a/runs HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: 9\r\n\r\n{{"
    );
    let told = raw(host.address, head.as_bytes()).await;
    insta::assert_snapshot!(told.show());
}

#[tokio::test]
async fn heads_that_are_too_large() {
    let host = Host::start().await;
    let long = ask("GET /healthz").header("x", &"a".repeat(40 << 10));
    assert_eq!(long.send(host.address).await.status, 431);
    let mut many = ask("GET /healthz");
    for at in 0..200 {
        many = many.header(&format!("x-{at}"), "a");
    }
    assert_eq!(many.send(host.address).await.status, 431);
}

#[tokio::test]
async fn connections_beyond_the_bound_wait() {
    let host = Host::with(|config| config.connections = NonZeroU32::MIN).await;
    let first = TcpStream::connect(host.address).await.expect("it listens");
    let second = tokio::spawn(ask("GET /healthz").send_to(host.address));
    drop(first);
    assert_eq!(second.await.expect("it ends").status, 200);
}

#[tokio::test]
async fn it_stops() {
    let mut host = Host::start().await;
    let mut idle = TcpStream::connect(host.address).await.expect("it listens");
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .expect("sent");
    let mut some = [0; 12];
    idle.read_exact(&mut some).await.expect("an answer");
    assert_eq!(&some, b"HTTP/1.1 200");
    host.stop();
    (&mut host.serving).await.expect("it ends");
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("its end");
    assert!(TcpStream::connect(host.address).await.is_err());
}
