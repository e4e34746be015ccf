//! What the compiling child gives up before it reads a stranger's bytes: memory and time beyond its limits, every file,
//! the network, and all system calls but the few that a compiler needs.
//!
//! Limits work everywhere. Landlock needs Linux 5.13 and seccomp a filter for the architecture; where the kernel has no
//! Landlock, seccomp alone keeps files and sockets away, because it lets nothing be opened.

use std::collections::BTreeMap;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
};
use rlimit::Resource;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};

/// Why the child is not locked in. It compiles nothing then.
#[derive(Debug, thiserror::Error)]
pub(super) enum JailError {
    #[error("a resource limit was not set: {0}")]
    Limit(#[from] std::io::Error),
    #[error("Landlock refused the rules: {0}")]
    Landlock(#[from] landlock::RulesetError),
    #[error("seccomp refused the filter: {0}")]
    Seccomp(#[from] seccompiler::Error),
    #[error("no seccomp filter for this processor: {0}")]
    Backend(#[from] seccompiler::BackendError),
}

/// Locks the process in. There is no way back.
pub(super) fn enter(memory_bytes: u64, cpu_seconds: u64) -> Result<(), JailError> {
    for (resource, most) in [
        (Resource::AS, memory_bytes),
        (Resource::FSIZE, 0),
        (Resource::CORE, 0),
        (Resource::NOFILE, 16),
    ] {
        resource.set(most, most)?;
    }
    // The kernel says SIGXCPU at the first and SIGKILL at the second; at the same second it would only kill.
    Resource::CPU.set(cpu_seconds, cpu_seconds.saturating_add(1))?;
    close_inherited_files()?;
    forbid_files_and_network()?;
    seccompiler::apply_filter(&filter()?)?;
    Ok(())
}

/// Closes all but the three standard streams: what the host was started with and passed on without knowing.
fn close_inherited_files() -> std::io::Result<()> {
    #[expect(
        unsafe_code,
        reason = "no safe name for it; nothing here owns a file but the standard streams"
    )]
    let closed = unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    if closed == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

/// Landlock: no file, no folder, no TCP port, as far as the kernel knows them.
fn forbid_files_and_network() -> Result<(), JailError> {
    let abi = ABI::V5;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(())
}

/// seccomp: what is not listed kills the process. Memory, the three open streams, time, random numbers for hash maps,
/// locks, and the end.
fn filter() -> Result<BpfProgram, JailError> {
    let allowed = [
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_statx,
        libc::SYS_lseek,
        libc::SYS_poll,
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_madvise,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_tgkill,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    let rules: BTreeMap<i64, Vec<SeccompRule>> =
        allowed.into_iter().map(|call| (call, Vec::new())).collect();
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        architecture,
    )?;
    Ok(filter.try_into()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, ExitStatus};

    use super::enter;

    /// Says to this program, run again, what to try once it is locked in.
    const TRY: &str = "LOCKGATE_TEST_TRIES";

    /// Runs this program again, locked in, to try one thing. There is no way back, so it takes a process of its own.
    fn locked_in(tries: &str) -> ExitStatus {
        Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "compile::jail::tests::inside",
                "--test-threads=1",
            ])
            .env(TRY, tries)
            .output()
            .expect("this program runs again")
            .status
    }

    /// The other side of [`locked_in`]. Run by itself it tries nothing.
    #[test]
    fn inside() {
        let Ok(tries) = std::env::var(TRY) else {
            return;
        };
        enter(4 << 30, 60).expect("locked in");
        match tries.as_str() {
            "file" => drop(std::fs::File::open("/etc/passwd")),
            "folder" => drop(std::fs::read_dir("/")),
            "socket" => drop(std::net::TcpStream::connect("127.0.0.1:9")),
            "program" => drop(Command::new("/bin/true").status()),
            _ => {}
        }
        // Past the end of the test the harness does what a compiler never does.
        std::process::exit(0);
    }

    #[test]
    fn whatever_reaches_outside_is_the_end() {
        for tries in ["file", "folder", "socket", "program"] {
            let status = locked_in(tries);
            assert_eq!(status.signal(), Some(libc::SIGSYS), "{tries}: {status}");
        }
        assert_eq!(locked_in("nothing").code(), Some(0));
    }
}
