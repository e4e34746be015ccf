//! How the command's memory goes back to the system.

/// From here on, in bytes, what is freed goes back at once: what is this large is a body or a component, as a rule.
const LARGE: libc::c_int = 1 << 20;

/// Has large memory given back as soon as it is freed. By itself the C library keeps places of the largest size that was
/// ever freed, up to 32 MiB each, for each of its arenas: a host that read its plugins once would go on to hold as much.
pub(crate) fn give_back_what_is_large() {
    #[cfg(target_env = "gnu")]
    #[expect(
        unsafe_code,
        reason = "a setting of the C library, made before there is another thread"
    )]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE); // it refuses sizes that are larger than half an arena, and this is not
    }
}
