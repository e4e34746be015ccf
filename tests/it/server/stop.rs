//! A server is asked to end: what goes on ends first, what waits is kept, and nothing new begins.

use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::client::Request;
use super::host::{Site, queued, run, save, upload};
use super::marker;

/// Takes a while: a call for each element.
const SLOW: &str = "
flow: slow
nodes:
  each: { use: test:marker/mark, each: input.list, in: { value: item } }
output: { last: each.text }
";

fn input(elements: usize) -> Value {
    json!({ "list": vec![0; elements] })
}

#[test]
fn what_goes_on_ends_and_what_waits_is_kept() -> Result<()> {
    let site = Site::new()?.set("LOCKGATE_QUEUE_AT_ONCE", 1);
    let key = site.key(&["deploy"])?;
    let mut host = site.start()?;
    let client = host.client(&key);
    upload(&client, &marker::version(0)?)?;
    save(&client, "slow", SLOW)?;
    let accepted = (0..20).map(|_| {
        let answer = client.expect(202, queued("slow", &input(500)))?;
        Ok(answer["run"].as_str().context("no id")?.to_owned())
    });
    let accepted = accepted.collect::<Result<Vec<_>>>()?;

    let waiting = {
        let client = client.clone();
        thread::spawn(move || client.expect(200, run("slow", &input(9_000))))
    };
    host.wait_for("a run goes on", |_| {
        let path = "/api/v1/runs?state=running&trigger=api";
        let running = client.expect(200, Request::get(path))?;
        Ok(running["items"] != json!([]) || waiting.is_finished())
    })?;
    host.terminate()?;
    let ended = waiting.join().map_err(|_| anyhow!("the client broke"))??;
    ensure!(ended["outcome"] == "ok", "{ended}");
    let (status, said) = host.ended()?;
    ensure!(status.success(), "{status}: {said}");

    host = site.start()?;
    let client = host.client(&key);
    host.wait_for("the queue is empty", |_| {
        let queue = client.expect(200, Request::get("/api/v1/queue"))?;
        Ok(queue["depth"] == 0 && queue["running"] == 0)
    })?;
    for run in accepted {
        let run = client.expect(200, Request::get(format!("/api/v1/runs/{run}")))?;
        ensure!(run["outcome"] == "ok", "{run}");
        ensure!(run["lost_attempts"].is_null(), "a stop is no crash: {run}");
    }
    Ok(())
}

#[test]
fn two_servers_do_not_share_a_folder() -> Result<()> {
    let site = Site::new()?;
    let _host = site.start()?;
    let said = site.refused(&["--listen", "127.0.0.1:0"])?;
    ensure!(!said.contains("panicked"), "{said}");
    Ok(())
}
