//! Clients that are slow, and requests that are too large: they are refused, and nobody else notices.

use anyhow::{Result, ensure};
use serde_json::json;

use super::client::{Client, Request};
use super::host::Site;

/// How many clients are slow at once.
const SLOW: usize = 100;

#[test]
fn slow_clients_are_let_go_and_hold_nobody_up() -> Result<()> {
    let site = Site::new()?.set("LOCKGATE_SERVER_IDLE_TIME", "1s");
    let site = site.set("LOCKGATE_SERVER_BODY_TIME", "1s");
    let key = site.key(&["read", "run"])?;
    let host = site.start()?;
    let client = host.client(&key);
    let mut slow = Vec::new();
    for at in 0..SLOW {
        let mut connection = client.connect()?;
        // Nothing, half a line, or half a head.
        connection.raw(
            [
                &b""[..],
                b"GET /healthz HT",
                b"GET /healthz HTTP/1.1\r\nhost: ",
            ][at % 3],
        )?;
        slow.push(connection);
    }
    ensure!(client.ask(Request::get("/healthz"))?.status == 200);
    for mut connection in slow {
        // An answer that it was too slow, or none; but an end.
        if let Ok(answer) = connection.answer() {
            ensure!(answer.status == 408, "{}", answer.told());
            ensure!(connection.answer().is_err(), "the connection goes on");
        }
    }

    let mut connection = client.connect()?;
    let head = format!(
        "POST /api/v1/flows/check HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
    );
    connection.raw(head.as_bytes())?;
    let answer = connection.answer()?;
    ensure!(answer.problem(408)? == "slow-body", "{}", answer.told());
    Ok(())
}

#[test]
fn what_is_too_large_is_refused() -> Result<()> {
    let site = Site::new()?.set("LOCKGATE_SERVER_JSON_BYTES", "64KiB");
    let site = site.set("LOCKGATE_SERVER_PLUGIN_BYTES", "128KiB");
    let key = site.key(&["deploy"])?;
    let host = site.start()?;
    let client = host.client(&key);
    let large = "x".repeat(200 << 10);
    let requests = [
        Request::post("/api/v1/flows/check", &json!({ "document": large })),
        Request::new("PUT", "/api/v1/flows/one").body("application/yaml", large.clone()),
        Request::new("POST", "/api/v1/plugins").body("application/wasm", large.clone()),
    ];
    for request in requests {
        ensure!(refused(&client, request)?, "it was taken");
    }

    // A head with too much in it, or with too many fields.
    let long = Request::get("/healthz").header("x-long", large);
    let many = (0..2_000).fold(Request::get("/healthz"), |request, at| {
        request.header(&format!("x-{at}"), "1")
    });
    let path = Request::get(format!("/{}", "x".repeat(100 << 10)));
    for request in [long, many, path] {
        let mut connection = client.connect()?;
        // It may have stopped reading before all was sent.
        let _ = connection.send(request);
        if let Ok(answer) = connection.answer() {
            ensure!(
                [400, 414, 431].contains(&answer.status),
                "{}",
                answer.told()
            );
        }
    }

    // What is no HTTP at all.
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        &[0; 64],
    ] {
        let mut connection = client.connect()?;
        connection.raw(bytes)?;
        drop(connection);
    }
    ensure!(client.ask(Request::get("/healthz"))?.status == 200);
    Ok(())
}

/// Whether a body is refused for its size. The server need not read it to its end, so the client may be cut off while it sends.
fn refused(client: &Client, request: Request) -> Result<bool> {
    let mut connection = client.connect()?;
    let _ = connection.send(request);
    let Ok(answer) = connection.answer() else {
        return Ok(true);
    };
    Ok(answer.problem(413)? == "too-large")
}
