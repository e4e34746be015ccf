//! A server in a process of its own, on a port of the loopback interface, for as long as it is held.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::load::{Case, Connection};
use crate::guests::built;
use crate::memory::Footprint;

/// The longest that a server may take to answer for the first time. Python imports a lot.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that runs. It is killed when it is let go.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    process: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command`, which listens on `address`, and waits until it answers `ready` as expected. What it says goes to `folder/log`.
    pub(crate) async fn start(
        command: &mut Command,
        address: SocketAddr,
        folder: &Path,
        ready: &Case,
    ) -> Result<Self> {
        let log = folder.join("log");
        let said = File::create(&log)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .with_context(|| {
                format!(
                    "{}: `make bench` installs it",
                    command.get_program().display()
                )
            })?;
        let mut server = Self {
            address,
            process,
            log,
        };
        server.answers(ready).await?;
        Ok(server)
    }

    /// Asks until the answer is the expected one, on a connection that is kept from the first that is taken.
    async fn answers(&mut self, ready: &Case) -> Result<()> {
        let begun = Instant::now();
        let mut connection = None;
        loop {
            if let Some(ended) = self.process.try_wait()? {
                bail!("it ended, {ended}: {}", self.log.display());
            }
            if connection.is_none() {
                connection = Connection::open(self.address).await.ok();
            }
            if let Some(open) = &mut connection {
                match open.ask(ready).await {
                    Ok(_) => return Ok(()),
                    Err(error) if begun.elapsed() > PATIENCE => {
                        let log = self.log.display().to_string();
                        return Err(error.context(log));
                    }
                    Err(_) => connection = None,
                }
            } else if begun.elapsed() > PATIENCE {
                bail!("it does not listen: {}", self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// What it takes of the machine's memory.
    pub(crate) fn footprint(&self) -> Result<Footprint> {
        Footprint::of(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on. Somebody may take it before the server does; then the server says so.
pub(crate) fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// An empty folder for what a server keeps.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let folder = built()?.join("bench/http").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
