//! What only this host may read: the inputs of runs that wait, and the secrets of webhooks.
//!
//! XChaCha20-Poly1305 with the key in `host.key`. What a thing belongs to (a run's id) is authenticated with it, so that
//! nobody can exchange two of them in the database. The nonce is random and stands before the rest.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::{Result, StoreError};

const NONCE: usize = 24;

/// The host's key.
pub(crate) struct HostKey(XChaCha20Poly1305);

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostKey(…)")
    }
}

impl HostKey {
    /// Reads the key of a file; makes both if there is no file. Nobody else may be doing this at the same time.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let unusable = |doing| {
            move |source: io::Error| StoreError::File {
                path: file.to_owned(),
                doing,
                source: source.into(),
            }
        };
        match File::open(file) {
            Ok(opened) => read(opened, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(file).map_err(unusable("made"))
            }
            Err(error) => Err(unusable("read")(error)),
        }
    }

    /// Seals something that belongs to `of`.
    pub(crate) fn seal(&self, of: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload {
            msg: plain,
            aad: of,
        };
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), payload)
            // Only what is longer than 256 GiB cannot be sealed.
            .map_err(|_| StoreError::TooLarge {
                what: "what is sealed",
                bytes: plain.len() as u64,
                max: 256 << 30,
            })?;
        let mut whole = Vec::with_capacity(NONCE + sealed.len());
        whole.extend_from_slice(&nonce);
        whole.extend_from_slice(&sealed);
        Ok(whole)
    }

    /// Opens it again. None if it was not sealed with this key for `of`, or was changed.
    pub(crate) fn open_sealed(&self, of: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: rest, aad: of };
        let plain = self.0.decrypt(&XNonce::from(*nonce), payload).ok()?;
        Some(Zeroizing::new(plain))
    }

    fn of(bytes: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(*bytes)))
    }
}

fn read(mut opened: File, file: &Path) -> Result<HostKey> {
    let refused = |problem: String| StoreError::HostKey {
        file: file.to_owned(),
        problem,
    };
    let unreadable = |source: io::Error| StoreError::File {
        path: file.to_owned(),
        doing: "read",
        source: source.into(),
    };
    let mode = opened.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(refused(format!(
            "may be read by others (its mode is {mode:04o}): run `chmod 600` on it; if others could read it, remove it while \
             nothing waits in the queue, and a new one is made"
        )));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let mut rest = [0; 1];
    let whole = opened.read_exact(&mut *bytes).is_ok();
    if !whole || opened.read(&mut rest).map_err(unreadable)? != 0 {
        return Err(refused(
            "is not 32 bytes long: restore it from a backup, or remove it, and a new one is made; runs that wait become dead \
             letters, and webhooks lose their secrets"
                .to_owned(),
        ));
    }
    Ok(HostKey::of(&bytes))
}

/// Writes the whole key before it has its name: a file of that name is never half a key.
fn make(file: &Path) -> io::Result<HostKey> {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
    let unfinished = file.with_extension("key.new");
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    made.write_all(&*bytes)?;
    made.sync_all()?;
    std::fs::rename(&unfinished, file)?;
    if let Some(folder) = file.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(HostKey::of(&bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn what_is_sealed_opens_only_with_its_key_and_for_what_it_belongs_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("host.key");
        let key = HostKey::open(&file).expect("made");
        let sealed = key.seal(b"a", b"secret").expect("sealed");

        let again = HostKey::open(&file).expect("read");
        assert_eq!(
            **again.open_sealed(b"a", &sealed).expect("opens"),
            *b"secret"
        );
        assert_eq!(again.open_sealed(b"b", &sealed), None);

        let other = HostKey::open(&folder.path().join("other.key")).expect("made");
        assert_eq!(other.open_sealed(b"a", &sealed), None);

        for cut in 0..sealed.len() {
            assert_eq!(key.open_sealed(b"a", &sealed[..cut]), None);
            let mut changed = sealed.clone();
            changed[cut] ^= 1;
            assert_eq!(key.open_sealed(b"a", &changed), None);
        }
        assert_ne!(sealed, key.seal(b"a", b"secret").expect("sealed"));
    }

    #[test]
    fn the_key_is_its_owners_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("host.key");
        HostKey::open(&file).expect("made");
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("ours");
        let error = HostKey::open(&file)
            .expect_err("others may read it")
            .to_string();
        assert!(
            error.contains("0640") && error.contains("chmod 600"),
            "{error}"
        );
    }

    #[test]
    fn half_a_key_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        for length in [0, 31, 33] {
            let file = folder.path().join(format!("{length}.key"));
            std::fs::write(&file, vec![1; length]).expect("written");
            std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("ours");
            let error = HostKey::open(&file).expect_err("not 32").to_string();
            assert!(error.contains("32 bytes"), "{error}");
        }
    }
}
