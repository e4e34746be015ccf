//! Files that others depend on: written whole or not at all, and only if they change.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// Makes `path` a file with these bytes, with the folders above it.
///
/// A file that has the bytes already keeps its time, so that what is built from it is not built again. Another one is
/// replaced in one step: whoever reads it meanwhile gets the old bytes or the new ones.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    replace(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    share(&file)?;
    file.persist(path)?;
    Ok(())
}

/// Temporary files are their owner's alone; a component is for everybody who may read the folder.
#[cfg(unix)]
fn share(file: &NamedTempFile) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::Permissions::from_mode(0o644);
    file.as_file().set_permissions(mode)?;
    Ok(())
}

#[cfg(not(unix))]
fn share(_: &NamedTempFile) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_leave_the_file_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below/it.wasm");
        write_if_changed(&path, b"one").expect("written with the folders above");
        // A file without write permission would be replaced all the same: its time is what tells.
        let old = fs::File::open(&path).expect("there");
        let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
        old.set_modified(past).expect("the owner may");

        write_if_changed(&path, b"one").expect("nothing to do");
        let kept = fs::metadata(&path).and_then(|file| file.modified());
        assert_eq!(kept.expect("there"), past);

        write_if_changed(&path, b"two").expect("replaced");
        assert_eq!(fs::read(&path).expect("there"), b"two");
        let beside = fs::read_dir(folder.path().join("below")).expect("there");
        assert_eq!(beside.count(), 1, "no temporary file stays");
    }
}
