//! From a component's bytes to code in the host: compiled in a child process that has nothing to lose, kept in a cache
//! that only the host writes.
//!
//! The compiler reads a stranger's bytes, and what it gives back runs in the host. So it works in a process of its own,
//! with limits on time and memory, no files, no network and no environment; one at a time, so that a row of slow
//! components takes one core and not all.

mod cache;
mod child;
mod jail;

pub use cache::CacheError;
pub use child::compile_component;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use wasmtime::Engine;
use wasmtime::component::Component;

pub(crate) use cache::Cache;
use cache::Entry;

use crate::answers::Answers;

/// The most bytes of code that the child may give back: eight times the largest component.
const MAX_CODE_BYTES: u64 = 512 << 20;

/// The most bytes of the child's words that are kept.
const MAX_COMPLAINT_BYTES: u64 = 16 << 10;

/// How to compile.
#[derive(Debug, Clone)]
pub struct CompilerConfig {
    /// A program and its first arguments that end up in [`compile_component`]: the host's own, as a rule.
    pub command: Vec<PathBuf>,
    /// The longest that one component may take on the wall, and on the processor.
    pub timeout: Duration,
    /// The most address space that the child may have, in bytes.
    pub memory_bytes: u64,
}

impl CompilerConfig {
    /// Compiling by `command`, within two minutes and 4 GiB: a Python component of 18 MB took 13 s and 322 MiB.
    pub fn new(command: Vec<PathBuf>) -> Self {
        Self {
            command,
            timeout: Duration::from_secs(120),
            memory_bytes: 4 << 30,
        }
    }
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The compiler says that the bytes are no valid component.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// It took too long.
    #[error("compiling took longer than {} s", .0.as_secs())]
    TooSlow(Duration),
    /// It took more memory, or gave back more code, than it may.
    #[error("compiling took more than the {} MiB of memory that it may", .0 >> 20)]
    TooLarge(u64),
    /// It asks for larger memories or tables, or for more of them, than the sandbox has for any component.
    #[error("the sandbox has no room for it: {0}")]
    NoRoom(String),
    /// The compiling process could not be run, or ended in a way that it should not.
    #[error("the compiling process failed: {0}")]
    Failed(String),
}

/// Compiles components, or finds them compiled.
pub(crate) struct Compiler {
    config: CompilerConfig,
    cache: Option<Cache>,
    one_at_a_time: Mutex<()>,
}

impl Compiler {
    pub(crate) fn new(config: CompilerConfig, cache: Option<Cache>) -> Self {
        Self {
            config,
            cache,
            one_at_a_time: Mutex::new(()),
        }
    }

    /// The component of these bytes, whose SHA-256 is `digest`. To be called on a service thread.
    pub(crate) async fn component(
        &self,
        engine: &Engine,
        digest: &str,
        wasm: &[u8],
    ) -> Result<Component, CompileError> {
        let found = |cache: &Cache| map(engine, &cache.get(engine, digest)?).ok();
        if let Some(component) = self.cache.as_ref().and_then(found) {
            return Ok(component);
        }
        let _turn = self.one_at_a_time.lock().await;
        // Another may have compiled the same while this one waited.
        if let Some(component) = self.cache.as_ref().and_then(found) {
            return Ok(component);
        }
        let code = self.compile(wasm).await?;
        let component = load(engine, &code).map_err(refused)?;
        if let Some(cache) = &self.cache {
            match cache.put(engine, digest, &code) {
                // From now on it runs where it lies.
                Ok(()) => return Ok(found(cache).unwrap_or(component)),
                Err(error) => tracing::warn!(%error, digest, "a compiled component was not kept"),
            }
        }
        Ok(component)
    }

    /// What the plugin with this digest answered before, if the evaluator with the digest `judge` found it to be right.
    pub(crate) fn answers(&self, digest: &str, judge: &str) -> Option<Answers> {
        Answers::read(&self.cache.as_ref()?.said(digest, judge)?)
    }

    /// Keeps that.
    pub(crate) fn keep_answers(&self, digest: &str, judge: &str, answers: &Answers) {
        let Some(cache) = &self.cache else {
            return;
        };
        let written = answers.written().map_err(std::io::Error::other);
        let kept = written.and_then(|written| cache.put_said(digest, judge, &written));
        if let Err(error) = kept {
            tracing::warn!(%error, digest, "what a plugin answered was not kept");
        }
    }

    async fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        let mut child = self.spawn().map_err(|error| {
            CompileError::Failed(format!(
                "{} does not start: {error}",
                self.config.command[0].display()
            ))
        })?;
        match tokio::time::timeout(self.config.timeout, converse(&mut child, wasm)).await {
            Ok(answer) => self.judge(answer?),
            Err(_) => Err(CompileError::TooSlow(self.config.timeout)), // dropping the child kills it
        }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let (program, arguments) = self
            .config
            .command
            .split_first()
            .ok_or(std::io::ErrorKind::InvalidInput)?;
        Command::new(program)
            .args(arguments)
            .arg(self.config.memory_bytes.to_string())
            .arg(self.config.timeout.as_secs().to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    fn judge(&self, answer: Answer) -> Result<Vec<u8>, CompileError> {
        use std::os::unix::process::ExitStatusExt as _;
        let status = answer.status;
        if answer.code.len() as u64 > MAX_CODE_BYTES {
            Err(CompileError::TooLarge(self.config.memory_bytes))
        } else if status.success() {
            Ok(answer.code)
        } else if status.code() == Some(child::INVALID) {
            Err(CompileError::Invalid(answer.complaint))
        } else if status.signal() == Some(rustix::process::Signal::XCPU.as_raw()) {
            Err(CompileError::TooSlow(self.config.timeout))
        } else if status.code() == Some(child::OUT_OF_MEMORY)
            || status.signal() == Some(rustix::process::Signal::ABORT.as_raw())
        {
            // Rust's allocator aborts when there is no more.
            Err(CompileError::TooLarge(self.config.memory_bytes))
        } else {
            Err(CompileError::Failed(format!(
                "{status}: {}",
                answer.complaint
            )))
        }
    }
}

/// What the child gave back.
struct Answer {
    code: Vec<u8>,
    complaint: String,
    status: std::process::ExitStatus,
}

/// Writes and reads at the same time: each side may be waiting for the other.
async fn converse(child: &mut Child, wasm: &[u8]) -> Result<Answer, CompileError> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(CompileError::Failed(
            "its standard streams are not there".to_owned(),
        ));
    };
    let write = async move {
        // A child that refuses early closes its end: its answer says more than this error.
        let _ = stdin.write_all(wasm).await;
    };
    let (mut code, mut complaint) = (Vec::new(), Vec::new());
    let mut stdout = stdout.take(MAX_CODE_BYTES + 1);
    let mut stderr = stderr.take(MAX_COMPLAINT_BYTES);
    let read = async {
        tokio::try_join!(
            stdout.read_to_end(&mut code),
            stderr.read_to_end(&mut complaint)
        )
    };
    let ((), read) = tokio::join!(write, read);
    read.map_err(|error| CompileError::Failed(error.to_string()))?;
    let status = child
        .wait()
        .await
        .map_err(|error| CompileError::Failed(error.to_string()))?;
    Ok(Answer {
        code,
        complaint: String::from_utf8_lossy(&complaint).trim().to_owned(),
        status,
    })
}

/// Why the engine does not take what the child compiled: the sandbox has no room for such a component, or it is no code.
fn refused(error: wasmtime::Error) -> CompileError {
    let reason = format!("{error:#}");
    // wasmtime has no public type for it.
    if reason.contains("pooling allocator requirements") {
        CompileError::NoRoom(reason)
    } else {
        CompileError::Failed(reason)
    }
}

/// Makes code of compiled bytes that come straight from the child.
fn load(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "wasmtime trusts compiled code; ours comes from the child"
    )]
    unsafe {
        Component::deserialize(engine, code)
    }
}

/// Makes code of a cache entry whose seal was checked.
fn map(engine: &Engine, entry: &Entry) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "wasmtime trusts compiled code; ours is sealed by the host, and its file is never written again"
    )]
    unsafe {
        Component::deserialize_file(engine, entry.path())
    }
}
