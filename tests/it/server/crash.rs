//! A server is killed in the middle of its work: nothing that was accepted is lost, and what had ended is not done again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::client::{Client, Request};
use super::host::{Host, Site, queued, save, upload};
use super::marker;

/// How many times a server is killed.
const KILLS: u64 = 50;

/// How many clients queue runs until then.
const CLIENTS: usize = 4;

/// How many queued runs go on at once.
const AT_ONCE: usize = 4;

/// How many runs are queued when the server is killed that repeats only those that were running.
const QUEUED: usize = 1_000;

/// Takes a while: a call for each element.
const SLOW: &str = "
flow: slow
nodes:
  each: { use: test:marker/mark, each: input.list, in: { value: item } }
output: { last: each.text }
";

fn site() -> Result<Site> {
    let site = Site::new()?.set("LOCKGATE_SERVER_KEY_REQUESTS", 1_000_000);
    let site = site.set("LOCKGATE_QUEUE_AT_ONCE", AT_ONCE);
    // A run that is killed again and again is no poison here.
    Ok(site.set("LOCKGATE_QUEUE_ATTEMPTS", 100))
}

fn input(elements: usize) -> Value {
    json!({ "list": vec![0; elements] })
}

#[test]
fn no_accepted_run_is_lost_whenever_the_server_is_killed() -> Result<()> {
    let site = site()?;
    let key = site.key(&["deploy"])?;
    let mut host = site.start()?;
    let client = host.client(&key);
    upload(&client, &marker::version(0)?)?;
    save(&client, "slow", SLOW)?;
    let mut accepted = Vec::new();
    for kill in 0..KILLS {
        accepted.extend(until_killed(host, &key, kill)?);
        host = site.start()?;
    }
    ensure!(!accepted.is_empty(), "nothing was accepted");
    let client = host.client(&key);
    drained(&mut host, &client)?;
    for run in &accepted {
        let run = client.expect(200, Request::get(format!("/api/v1/runs/{run}")))?;
        ensure!(
            run["state"] == "finished" && run["outcome"] == "ok",
            "{run}"
        );
    }
    let dead = client.expect(200, Request::get("/api/v1/queue/dead"))?;
    ensure!(dead["items"] == json!([]), "{dead}");
    Ok(())
}

/// Queues runs from all sides, kills the server somewhere in between, and gives the runs that it had accepted.
fn until_killed(host: Host, key: &str, kill: u64) -> Result<Vec<String>> {
    // As good as random, and the same each time: after how many answers, and how long after the last of them.
    let random = (kill + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let answers = (random >> 59) as usize;
    let pause = Duration::from_micros((random >> 40) % 4_000);
    let client = host.client(key);
    let (count, accepted) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| -> Result<()> {
                let mut connection = client.connect()?;
                loop {
                    // It ends with the server.
                    let answer = connection.ask(queued("slow", &input(20)))?.expect(202)?;
                    let run = answer["run"].as_str().context("no id")?.to_owned();
                    accepted.lock().map_err(|_| anyhow!("broken"))?.push(run);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while count.load(Ordering::Relaxed) < answers {
            thread::sleep(Duration::from_micros(100));
        }
        thread::sleep(pause);
        host.kill()
    })?;
    accepted.into_inner().map_err(|_| anyhow!("broken"))
}

#[test]
fn a_kill_repeats_only_the_queued_runs_that_went_on() -> Result<()> {
    let site = site()?;
    let key = site.key(&["deploy"])?;
    let mut host = site.start()?;
    let client = host.client(&key);
    upload(&client, &marker::version(0)?)?;
    save(&client, "slow", SLOW)?;
    let accepted = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<String>> {
                    let mut connection = client.connect()?;
                    let runs = (0..QUEUED / CLIENTS).map(|_| {
                        let answer = connection.ask(queued("slow", &input(400)))?;
                        let answer = answer.expect(202)?;
                        Ok(answer["run"].as_str().context("no id")?.to_owned())
                    });
                    runs.collect()
                })
            })
            .collect();
        let runs = clients
            .into_iter()
            .map(|client| client.join().map_err(|_| anyhow!("a client broke"))?);
        runs.collect::<Result<Vec<_>>>()
    })?
    .concat();
    let before = finished(&client)?;
    host.kill()?;

    host = site.start()?;
    let client = host.client(&key);
    drained(&mut host, &client)?;
    let after = finished(&client)?;
    ensure!(before.len() < QUEUED, "all had ended before the kill");
    ensure!(after.len() == QUEUED && accepted.iter().all(|run| after.contains_key(run)));
    ensure!(after.values().all(|run| run["outcome"] == "ok"));
    let repeated = after.values().filter(|run| run["lost_attempts"] == 1);
    let repeated: Vec<_> = repeated.collect();
    ensure!(
        repeated.len() <= AT_ONCE,
        "{} were repeated",
        repeated.len()
    );
    for (run, before) in &before {
        ensure!(after[run] == *before, "{run} was done again");
    }
    Ok(())
}

/// Waits until no run waits and none goes on.
fn drained(host: &mut Host, client: &Client) -> Result<()> {
    host.wait_for("the queue is empty", |_| {
        let queue = client.expect(200, Request::get("/api/v1/queue"))?;
        Ok(queue["depth"] == 0 && queue["running"] == 0)
    })
}

/// All runs that ended, by their ids, as the list has them.
fn finished(client: &Client) -> Result<BTreeMap<String, Value>> {
    let mut runs = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/runs?state=finished&limit=100{cursor}");
        let page = client.expect(200, Request::get(path))?;
        for run in page["items"].as_array().context("no list")? {
            let id = run["run"].as_str().context("no id")?;
            runs.insert(id.to_owned(), run.clone());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(runs),
        }
    }
}
