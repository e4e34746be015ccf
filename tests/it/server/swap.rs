//! Plugins are swapped while runs go on: no run fails, none mixes versions, flows follow, a rollback brings the former locks, and what
//! nobody uses is freed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::client::{Client, Request};
use super::host::{Site, run, save, upload};
use super::marker;

/// How many clients run flows meanwhile.
const CLIENTS: usize = 64;

/// How many times another version is made active.
const SWAPS: u32 = 50;

/// How many versions take turns.
const VERSIONS: u32 = 5;

/// After how many swaps an upload fails: 10 in all.
const SWAPS_PER_FAULT: u32 = 5;

/// Three nodes, one after another, each of which says what it is of.
const MARKED: &str = "
flow: marked
input:
  type: object
  properties: { value: {} }
nodes:
  a: { use: test:marker/mark, in: { value: input.value } }
  b: { use: test:marker/mark, in: { value: a.text } }
  c: { use: test:marker/mark, in: { value: b.text } }
output: { a: a.text, b: b.text, c: c.text }
";

/// Runs the other, with a node of its own before it and after it.
const OUTER: &str = "
flow: outer
nodes:
  before: { use: test:marker/mark, in: { value: input.value } }
  marked: { use: 'flow:marked', in: { value: before.text } }
  after: { use: test:marker/mark, in: { value: marked.c } }
output: { before: before.text, a: marked.a, b: marked.b, c: marked.c, after: after.text }
";

/// Takes one version, whatever is active.
const FIRM: &str = "
flow: firm
nodes:
  a: { use: 'test:marker/mark@=1.0.0', in: { value: input.value } }
output: { a: a.text }
";

/// A run that ended: its id, the revision of the lock that it went by, and the version that all of its nodes were of.
#[derive(Debug)]
struct Ran {
    run: String,
    revision: u64,
    version: String,
}

#[test]
fn runs_meet_one_version_each_while_plugins_are_swapped() -> Result<()> {
    let site = Site::new()?.set("LOCKGATE_SERVER_KEY_REQUESTS", 1_000_000);
    let key = site.key(&["deploy"])?;
    let host = site.start()?;
    let client = host.client(&key);
    for minor in 0..VERSIONS {
        upload(&client, &marker::version(minor)?)?;
    }
    for (name, text) in [("marked", MARKED), ("outer", OUTER), ("firm", FIRM)] {
        save(&client, name, text)?;
    }

    let over = AtomicBool::new(false);
    let ran = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|at| {
                let (client, over) = (&client, &over);
                scope.spawn(move || runs(client, ["marked", "outer", "firm"][at % 3], over))
            })
            .collect();
        let swapped = swaps(&client);
        over.store(true, Ordering::Relaxed);
        let ran = clients.into_iter().map(|client| {
            let ran = client.join().map_err(|_| anyhow!("a client broke"));
            ran.and_then(|ran| ran)
        });
        let ran = ran.collect::<Result<Vec<_>>>();
        swapped.and(ran)
    })?;

    let locks = versions_of(&client, "marked")?;
    let mut seen = BTreeMap::new();
    for ran in ran.iter().step_by(3).flatten() {
        let locked = locks.get(&ran.revision).context("a lock of its own")?;
        ensure!(*locked == ran.version, "{ran:?} went by {locked}");
        *seen.entry(ran.version.as_str()).or_insert(0) += 1;
    }
    ensure!(seen.len() > 1, "no run met a swap: {seen:?}");
    for ran in ran.iter().skip(2).step_by(3).flatten() {
        ensure!(ran.version == "1.0.0", "a range let {ran:?} through");
    }
    // What was answered is what was kept.
    for ran in ran.iter().step_by(3).filter_map(|ran| ran.last()) {
        let kept = client.expect(200, Request::get(format!("/api/v1/runs/{}", ran.run)))?;
        ensure!(one_version(&kept)? == ran.version, "{kept}");
        ensure!(kept["revision"] == ran.revision, "{kept}");
    }
    Ok(())
}

/// What a client does: runs a flow until the swaps are over.
fn runs(client: &Client, flow: &str, over: &AtomicBool) -> Result<Vec<Ran>> {
    let mut connection = client.connect()?;
    let mut ran = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let answer = connection
            .ask(run(flow, &json!({ "value": "春" })))?
            .expect(200)?;
        ran.push(Ran {
            run: answer["run"].as_str().context("no id")?.to_owned(),
            revision: answer["revision"].as_u64().context("no revision")?,
            version: one_version(&answer)?,
        });
    }
    Ok(ran)
}

/// The version that every node of a run said it was of.
fn one_version(run: &Value) -> Result<String> {
    ensure!(run["outcome"] == "ok", "{run}");
    let output = run["output"].as_object().context("no output")?;
    let mut versions: Vec<_> = output.values().filter_map(Value::as_str).collect();
    versions.dedup();
    ensure!(versions.len() == 1, "a run mixed versions: {run}");
    Ok(versions[0].to_owned())
}

/// Makes one version after another active, and uploads in between what has to be refused.
fn swaps(client: &Client) -> Result<()> {
    let mut locks = BTreeMap::new();
    for swap in 0..SWAPS {
        // Not in a row: neighbours of a version are others each time.
        let minor = swap * 3 % VERSIONS;
        let version = format!("1.{minor}.0");
        activate(client, &version)?;
        let answer = client.expect(200, run("marked", &json!({ "value": swap })))?;
        ensure!(one_version(&answer)? == version, "the flow did not follow");
        let lock = lock(client, "marked")?;
        let former = locks.entry(version).or_insert_with(|| lock.clone());
        ensure!(*former == lock, "a rollback brought another lock");
        if swap % SWAPS_PER_FAULT == 0 {
            refused(client, swap / SWAPS_PER_FAULT, minor)?;
            ensure!(
                self::lock(client, "marked")? == lock,
                "a refusal changed a lock"
            );
        }
    }
    Ok(())
}

fn activate(client: &Client, version: &str) -> Result<Value> {
    let path = "/api/v1/plugins/test:marker/active";
    client.expect(200, Request::put(path, &json!({ "version": version })))
}

/// The digest of the newest lock of a flow.
fn lock(client: &Client, flow: &str) -> Result<String> {
    let locks = client.expect(200, Request::get(format!("/api/v1/flows/{flow}/locks")))?;
    let digest = locks[0]["digest"].as_str().context("no digest")?;
    Ok(digest.to_owned())
}

/// An upload that fails: the same version with other bytes, one that would break the flows, or nothing that is a plugin.
fn refused(client: &Client, kind: u32, minor: u32) -> Result<()> {
    let (component, status, code) = match kind % 3 {
        0 => (marker::other(minor)?, 409, "version-taken"),
        1 => (marker::without_mark(9)?, 409, "flows-would-break"),
        _ => (b"no component".to_vec(), 422, "plugin-refused"),
    };
    let request = Request::new("POST", "/api/v1/plugins?activate=true");
    let answer = client.ask(request.body("application/wasm", component))?;
    ensure!(answer.problem(status)? == code, "{}", answer.told());
    Ok(())
}

/// For each revision of a flow's lock the version that its nodes are locked to.
fn versions_of(client: &Client, flow: &str) -> Result<BTreeMap<u64, String>> {
    let locks = client.expect(200, Request::get(format!("/api/v1/flows/{flow}/locks")))?;
    let locks = locks.as_array().context("no list")?.iter().map(|lock| {
        let nodes = lock["nodes"].as_array().context("no nodes")?;
        let version = nodes[0]["version"].as_str().context("no version")?;
        ensure!(
            nodes.iter().all(|node| node["version"] == version),
            "{lock}"
        );
        let revision = lock["revision"].as_u64().context("no revision")?;
        Ok((revision, version.to_owned()))
    });
    locks.collect()
}

#[test]
fn what_nobody_uses_any_more_is_freed() -> Result<()> {
    former_versions_are_freed(&Site::new()?)
}

#[test]
fn what_nobody_uses_any_more_is_freed_on_older_kernels() -> Result<()> {
    let site = Site::new()?;
    former_versions_are_freed(&site.set("LOCKGATE_SANDBOX_PAGE_SCAN", false))
}

fn former_versions_are_freed(site: &Site) -> Result<()> {
    const OTHERS: u32 = 9;
    let key = site.key(&["deploy"])?;
    let mut host = site.start()?;
    let client = host.client(&key);
    let mut digests = Vec::new();
    let mut upload_next = |minor| -> Result<()> {
        let uploaded = upload(&client, &marker::version(minor)?)?;
        let digest = uploaded["plugin"]["digest"].as_str().context("no digest")?;
        digests.push(digest.trim_start_matches("sha256:").to_owned());
        Ok(())
    };
    upload_next(0)?;
    save(&client, "marked", MARKED)?;
    client.expect(200, run("marked", &json!({ "value": 0 })))?;
    // Each version is held by a flow of its own, and let go with that.
    for minor in 1..=OTHERS {
        upload_next(minor)?;
        let name = format!("firm-{minor}");
        let text = FIRM.replace("firm", &name);
        save(
            &client,
            &name,
            &text.replace("1.0.0", &format!("1.{minor}.0")),
        )?;
        client.expect(200, run("marked", &json!({ "value": minor })))?;
    }
    let all = codes(&host.maps()?, &digests);
    // The first is only what was active once.
    ensure!(all >= OTHERS as usize, "{all} of {digests:?}");
    for minor in 1..=OTHERS {
        client.expect(204, Request::delete(format!("/api/v1/flows/firm-{minor}")))?;
    }
    let mut now = 0;
    let freed = host.wait_for("the former versions are freed", |host| {
        now = codes(&host.maps()?, &digests);
        Ok(now <= 1)
    });
    freed.with_context(|| format!("{all} pieces of code at most, {now} now"))
}

/// Of how many of these components a process has compiled code: executable memory that is of an entry of the cache.
fn codes(maps: &str, digests: &[String]) -> usize {
    let executable = maps.lines().filter(|line| {
        let rights = line.split_whitespace().nth(1).unwrap_or_default();
        rights.contains('x') && line.contains(".code")
    });
    let of = |line: &str| digests.iter().any(|digest| line.contains(digest.as_str()));
    executable.filter(|line| of(line)).count()
}
