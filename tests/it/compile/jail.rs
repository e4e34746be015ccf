//! The compiling child from outside, as the kernel shows it: what the host gives it, and what it gives up. That a
//! forbidden system call really kills it is tested where the filter is, in `host/runtime/src/compile/jail.rs`.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Host;
use crate::support::{guests, host};

#[tokio::test]
async fn the_host_gives_it_no_environment_and_no_folder() -> Result<()> {
    let script = "/bin/cat /proc/$$/environ > $FOLDER/environment; pwd > $FOLDER/where; exec $LOCKGATE \"$@\"";
    let host = Host::new(script)?;
    host.loads(guests::built("guests/echo-c")?).await?;
    assert_eq!(host.said("environment")?, "");
    assert_eq!(host.said("where")?, "/\n");
    Ok(())
}

#[test]
fn it_locks_itself_in_before_it_reads() -> Result<()> {
    let child = Locked::started(256 << 20, 7)?;
    assert_eq!(
        child.field("status", "Seccomp:")?,
        "2",
        "a filter is in force"
    );
    assert_eq!(child.field("status", "NoNewPrivs:")?, "1");
    assert_eq!(
        child.field("status", "Threads:")?,
        "1",
        "a filter holds for the thread that set it"
    );
    let mut files = Vec::new();
    for file in std::fs::read_dir(format!("/proc/{}/fd", child.0.id()))? {
        files.push(file?.file_name());
    }
    files.sort();
    assert_eq!(
        files,
        ["0", "1", "2"],
        "whatever the host was started with is closed"
    );
    let memory = (256_u64 << 20).to_string();
    for (limit, most) in [
        ("Max address space", memory.as_str()),
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max open files", "16"),
    ] {
        let found = child.field("limits", limit)?;
        let found: Vec<_> = found.split_whitespace().take(2).collect();
        assert_eq!(found, [most, most], "{limit}: soft and hard");
    }
    let seconds = child.field("limits", "Max cpu time")?;
    let seconds: Vec<_> = seconds.split_whitespace().take(2).collect();
    assert_eq!(seconds, ["7", "8"], "a signal, and a second later the end");
    Ok(())
}

/// A compiling child that waits for its input.
struct Locked(Child);

impl Locked {
    fn started(memory_bytes: u64, cpu_seconds: u64) -> Result<Self> {
        let child = Command::new(host::lockgate()?)
            .arg("compile-component")
            .args([memory_bytes.to_string(), cpu_seconds.to_string()])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut child = Self(child);
        // The filter is the last thing that it does before it reads.
        while child.field("status", "Seccomp:")? != "2" {
            ensure!(
                child.0.try_wait()?.is_none(),
                "it ended before it was locked in"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(child)
    }

    /// What follows `name` in a file of the kernel's about this process.
    fn field(&self, file: &str, name: &str) -> Result<String> {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        Ok(line
            .with_context(|| format!("{name} in {text}"))?
            .trim()
            .to_owned())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
