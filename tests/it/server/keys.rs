//! Who may do what: nobody without a key, nobody more than the key says, and under `--dev` only this machine.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::client::{Client, Request};
use super::host::{Site, run, save, upload};
use super::marker;

const FLOW: &str = "
flow: NAME
nodes:
  a: { use: test:marker/mark, in: { value: input } }
output: { a: a.text }
";

fn flow(name: &str) -> String {
    FLOW.replace("NAME", name)
}

fn put(name: &str) -> Request {
    let request = Request::new("PUT", format!("/api/v1/flows/{name}"));
    request.body("application/yaml", flow(name))
}

/// What a request is refused with: its code.
fn refusal(client: &Client, status: u16, request: Request) -> Result<String> {
    client.ask(request)?.problem(status)
}

#[test]
fn without_a_key_nothing_but_health_answers() -> Result<()> {
    let host = Site::new()?.start()?;
    let stranger = host.stranger();
    for path in ["/healthz", "/readyz"] {
        ensure!(stranger.ask(Request::get(path))?.status == 200);
    }
    let asked = [
        Request::get("/api/v1/flows"),
        Request::get("/api/v1/runs"),
        Request::get("/openapi.json"),
        Request::get("/metrics"),
        Request::get("/api/v1/no-such-thing"),
        run("poem", &json!({})),
        put("poem"),
        Request::new("POST", "/api/v1/plugins").body("application/wasm", "component"),
    ];
    for request in asked {
        ensure!(refusal(&stranger, 401, request.clone())? == "key-needed");
        let unknown = format!("Bearer lg_{}", "A".repeat(43));
        let unknown = request.header("authorization", unknown);
        ensure!(refusal(&stranger, 401, unknown)? == "key-unknown");
    }
    // In the shape that its clients read.
    let models = stranger.ask(Request::get("/v1/models"))?.expect(401)?;
    ensure!(models["error"]["code"] == "key-needed", "{models}");
    Ok(())
}

#[test]
fn a_key_does_what_its_scopes_say_and_no_more() -> Result<()> {
    let site = Site::new()?;
    let host = site.start()?;
    let deploy = host.client(&site.key(&["deploy"])?);
    upload(&deploy, &marker::version(0)?)?;
    save(&deploy, "one", &flow("one"))?;
    save(&deploy, "two", &flow("two"))?;

    let run_only = host.client(&site.key(&["run"])?);
    let ran = run_only.expect(200, run("one", &json!(1)))?;
    let path = format!("/api/v1/runs/{}", ran["run"].as_str().context("no id")?);
    run_only.expect(200, Request::get(&path))?;
    let other = deploy.expect(200, run("one", &json!(2)))?;
    let theirs = format!("/api/v1/runs/{}", other["run"].as_str().context("no id")?);
    let seen = run_only.ask(Request::get(theirs))?;
    ensure!([403, 404].contains(&seen.status), "{}", seen.told());
    ensure!(refusal(&run_only, 403, put("three"))? == "forbidden");
    let until = json!({ "input": 1, "until": "a" });
    let until = Request::post("/api/v1/flows/one/runs", &until);
    ensure!(refusal(&run_only, 403, until)? == "forbidden");

    let read = host.client(&site.key(&["read"])?);
    read.expect(200, Request::get(&path))?;
    read.expect(200, Request::get("/api/v1/flows"))?;
    ensure!(refusal(&read, 403, run("one", &json!(1)))? == "forbidden");
    ensure!(refusal(&read, 403, Request::delete("/api/v1/flows/one"))? == "forbidden");
    ensure!(refusal(&read, 403, Request::get("/api/v1/audit"))? == "forbidden");

    let made = site.command(&["key", "create", "--scope", "run", "--flow", "one"])?;
    let limited = host.client(made.trim());
    limited.expect(200, run("one", &json!(1)))?;
    let two = limited.ask(run("two", &json!(1)))?;
    ensure!([403, 404].contains(&two.status), "{}", two.told());
    Ok(())
}

#[test]
fn a_revoked_key_is_unknown_and_none_is_kept_in_clear() -> Result<()> {
    let site = Site::new()?;
    let mut host = site.start()?;
    let create = ["key", "create", "--scope", "read", "--name", "gone"];
    let secret = site.command(&create)?.trim().to_owned();
    let client = host.client(&secret);
    client.expect(200, Request::get("/api/v1/flows"))?;
    site.command(&["key", "revoke", "gone"])?;
    host.wait_for("the key is revoked", |_| {
        let answer = client.ask(Request::get("/api/v1/flows"))?;
        Ok(answer.status == 401 && answer.problem(401)? == "key-unknown")
    })?;
    for file in fs::read_dir(site.data())? {
        let path = file?.path();
        if path.is_file() {
            let bytes = fs::read(&path)?;
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            ensure!(!found, "{} has the key", path.display());
        }
    }
    Ok(())
}

#[test]
fn without_keys_only_this_machine_is_answered() -> Result<()> {
    let site = Site::new()?;
    for address in ["0.0.0.0:0", "[::]:0"] {
        let said = site.refused(&["--dev", "--listen", address])?;
        ensure!(said.contains("loopback"), "{said}");
    }
    let site = site.option("--dev");
    let host = site.start()?;
    let client = host.stranger();
    ensure!(host.said()?.contains("no keys"), "it does not say so");
    let flows = || Request::get("/api/v1/flows");
    let port = host.address.port();
    for good in ["localhost", "127.0.0.1", "[::1]"] {
        for name in [good.to_owned(), format!("{good}:{port}")] {
            client.expect(200, flows().header("host", name.clone()))?;
            let origin = format!("http://{name}");
            client.expect(200, flows().header("origin", origin))?;
        }
    }
    for bad in [
        "example.com",
        "localhost.example.com",
        "127.0.0.1.example.com",
    ] {
        let host = flows().header("host", bad);
        ensure!(
            refusal(&client, 403, host)? == "foreign-host",
            "Host: {bad}"
        );
        let origin = flows().header("origin", format!("https://{bad}"));
        ensure!(
            refusal(&client, 403, origin)? == "foreign-host",
            "Origin: {bad}"
        );
    }
    let origin = flows().header("origin", "null");
    ensure!(
        refusal(&client, 403, origin)? == "foreign-host",
        "Origin: null"
    );
    Ok(())
}
