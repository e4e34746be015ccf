//! Compiling: in a child that has nothing to lose, within its limits, once; and nothing is run that it did not write.

mod jail;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lockgate_model::Limits;
use lockgate_runtime::{CompileError, LoadError, Plugin, Runtime, RuntimeConfig};
use tempfile::TempDir;

use crate::support::{calls, guests, host, wat};

/// A host with a cache of its own, whose compiler runs through a script.
struct Host {
    folder: TempDir,
    config: RuntimeConfig,
}

impl Host {
    /// `script` is a shell's, and sees `$LOCKGATE` (the program and its subcommand), `$FOLDER` (for what it writes) and
    /// the arguments of the host.
    fn new(script: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut config = host::config()?;
        let variables = format!(
            "LOCKGATE='{} compile-component'; FOLDER='{}';",
            host::lockgate()?.display(),
            folder.path().display()
        );
        let script = format!("{variables} {script}");
        config.compiler.command = ["/bin/sh", "-c", &script, "sh"].map(PathBuf::from).to_vec();
        config.cache = Some(folder.path().join("cache"));
        config.places = 4;
        Ok(Self { folder, config })
    }

    /// One that counts how often it compiles.
    fn counting() -> Result<Self> {
        Self::new("echo compiles >> $FOLDER/count; exec $LOCKGATE \"$@\"")
    }

    /// A runtime, as if the host was started again.
    fn started(&self) -> Result<Runtime> {
        host::start(self.config.clone())
    }

    async fn loads(&self, component: Vec<u8>) -> Result<Plugin, LoadError> {
        calls::load(&self.started().expect("a runtime starts"), component).await
    }

    fn said(&self, file: &str) -> Result<String> {
        let bytes = fs::read(self.folder.path().join(file))
            .with_context(|| format!("the script wrote no {file}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn compiled(&self) -> usize {
        self.said("count").map_or(0, |count| count.lines().count())
    }

    fn entries(&self) -> Result<Vec<PathBuf>> {
        let mut entries = Vec::new();
        for file in fs::read_dir(self.folder.path().join("cache"))? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "code") {
                entries.push(path);
            }
        }
        entries.sort();
        Ok(entries)
    }
}

/// The component under test and the built-in evaluator of schemas.
const BOTH: usize = 2;

#[tokio::test]
async fn what_was_compiled_once_is_found_again() -> Result<()> {
    let host = Host::counting()?;
    let echo = guests::built("guests/echo-c")?;
    runs(&host.loads(echo.clone()).await?).await?;
    assert_eq!((host.compiled(), host.entries()?.len()), (BOTH, BOTH));
    runs(&host.loads(echo).await?).await?;
    assert_eq!(host.compiled(), BOTH);
    Ok(())
}

#[tokio::test]
async fn a_damaged_entry_is_rebuilt() -> Result<()> {
    let host = Host::counting()?;
    let echo = guests::built("guests/echo-c")?;
    host.loads(echo.clone()).await?;
    for entry in host.entries()? {
        let mut bytes = fs::read(&entry)?;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&entry, bytes)?;
    }
    runs(&host.loads(echo.clone()).await?).await?;
    assert_eq!(host.compiled(), 2 * BOTH);
    runs(&host.loads(echo).await?).await?;
    assert_eq!(host.compiled(), 2 * BOTH, "the rebuilt entries are good");
    Ok(())
}

#[tokio::test]
async fn an_entry_of_another_host_is_rebuilt() -> Result<()> {
    let (host, other) = (Host::counting()?, Host::counting()?);
    let echo = guests::built("guests/echo-c")?;
    host.loads(echo.clone()).await?;
    other.loads(echo.clone()).await?;
    for (ours, theirs) in host.entries()?.iter().zip(other.entries()?) {
        assert_eq!(ours.file_name(), theirs.file_name());
        fs::copy(theirs, ours)?;
    }
    runs(&host.loads(echo).await?).await?;
    assert_eq!(host.compiled(), 2 * BOTH);
    Ok(())
}

#[tokio::test]
async fn a_folder_that_others_can_write_is_no_cache() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let host = Host::counting()?;
    let cache = host.folder.path().join("cache");
    fs::create_dir(&cache)?;
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777))?;
    let refused = Runtime::start(host.config.clone()).map(|_| ());
    let message = refused.expect_err("refused").to_string();
    assert!(message.contains("chmod 700"), "{message}");
    Ok(())
}

#[tokio::test]
async fn components_are_compiled_one_at_a_time() -> Result<()> {
    let script = "/bin/mkdir $FOLDER/busy || echo two >> $FOLDER/overlap; $LOCKGATE \"$@\"; /bin/rmdir $FOLDER/busy";
    let host = Host::new(script)?;
    let runtime = host.started()?;
    let guests = ["spin", "fill", "sleep", "wait", "spin"].map(guests::hostile);
    let guests = guests.into_iter().collect::<Result<Vec<_>>>()?;
    let loads = guests.into_iter().map(|guest| calls::load(&runtime, guest));
    futures::future::try_join_all(loads).await?;
    assert!(
        host.said("overlap").is_err(),
        "two were compiled at the same time"
    );
    assert_eq!(
        host.entries()?.len(),
        4 + 1,
        "the guest that was loaded twice was compiled once"
    );
    Ok(())
}

#[tokio::test]
async fn a_child_that_takes_too_long_is_killed() -> Result<()> {
    let mut host = Host::new("echo $$ > $FOLDER/pid; while :; do :; done")?;
    host.config.compiler.timeout = Duration::from_secs(1);
    let error = host
        .loads(guests::built("guests/echo-c")?)
        .await
        .expect_err("it never ends");
    assert!(
        matches!(error, LoadError::Compile(CompileError::TooSlow(_))),
        "{error}"
    );
    let child = Path::new("/proc").join(host.said("pid")?.trim());
    while child.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_component_that_is_slow_to_compile_is_given_up() -> Result<()> {
    let mut config = host::config()?;
    config.compiler.timeout = Duration::from_secs(1);
    config.cache = None;
    let error = calls::load(&host::start(config)?, endless_to_compile()?)
        .await
        .expect_err("too slow");
    assert!(
        matches!(error, LoadError::Compile(CompileError::TooSlow(_))),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_component_that_takes_much_memory_to_compile_is_given_up() -> Result<()> {
    let mut config = host::config()?;
    config.compiler.memory_bytes = 128 << 20;
    config.cache = None;
    let error = calls::load(&host::start(config)?, endless_to_compile()?)
        .await
        .expect_err("too large");
    assert!(
        matches!(error, LoadError::Compile(CompileError::TooLarge(_))),
        "{error}"
    );
    Ok(())
}

/// What a child gives back is checked, and what it says is bounded and told.
#[tokio::test]
async fn a_child_that_fails_is_an_error_and_not_a_plugin() -> Result<()> {
    for (script, says) in [
        ("exit 0", "the compiling process failed: "),
        ("echo code", "the compiling process failed: "),
        (
            "/usr/bin/head -c 100000 /dev/zero",
            "the compiling process failed: ",
        ),
        ("echo why >&2; exit 7", "exit status: 7: why"),
        ("kill -9 $$", "signal: 9"),
        ("exec /no/such/program", "127"),
    ] {
        let mut host = Host::new(script)?;
        host.config.compiler.timeout = Duration::from_secs(20);
        let error = host
            .loads(guests::built("guests/echo-c")?)
            .await
            .expect_err(script);
        let said = error.to_string();
        let failed = matches!(error, LoadError::Compile(CompileError::Failed(_)));
        ensure!(
            failed && said.contains(says) && said.len() < 20_000,
            "{script}: {said:.1000}"
        );
        ensure!(host.entries()?.is_empty(), "{script}: it was kept");
    }
    Ok(())
}

#[tokio::test]
async fn a_compiler_that_is_not_there_is_named() -> Result<()> {
    let mut config = host::config()?;
    config.cache = None;
    config.compiler.command = vec!["/no/such/compiler".into()];
    let error = calls::load(&host::start(config)?, guests::built("guests/echo-c")?)
        .await
        .expect_err("no compiler");
    assert!(
        error
            .to_string()
            .contains("/no/such/compiler does not start"),
        "{error}"
    );
    Ok(())
}

/// Less than a megabyte that keeps Cranelift busy for minutes and takes gigabytes: a function of thirty thousand values
/// that are all alive around a loop.
fn endless_to_compile() -> Result<Vec<u8>> {
    const VALUES: usize = 30_000;
    let load = |at: usize| format!("(local.set {at} (i32.load (local.get {})))", at - 1);
    let add = |at: usize| {
        format!(
            "(local.set {at} (i32.add (local.get {at}) (i32.load (local.get {}))))",
            at - 1
        )
    };
    wat::component(&format!(
        "(func (param i32) {} {} (loop {} (br_if 0 (local.get 1))))",
        "(local i32)".repeat(VALUES),
        (1..=VALUES).map(load).collect::<String>(),
        (1..=VALUES).map(add).collect::<String>(),
    ))
}

async fn runs(plugin: &Plugin) -> Result<()> {
    let echo = calls::configured(plugin, "echo", "{}", Limits::DEFAULT).await?;
    echo.run(calls::call(vec![("value", calls::text("x"))]))
        .await
        .result?;
    Ok(())
}
