//! Files that may have secrets in them: read anew whenever they are needed, and never more than a bound.

use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use super::error::Why;
use crate::Clock;
use crate::clock::disk_works;

/// The text of a file.
pub(super) async fn read(
    path: &Path,
    max: u64,
    clock: &Arc<dyn Clock>,
) -> Result<Zeroizing<String>, Why> {
    let _works = disk_works(clock);
    let unreadable = |error: std::io::Error| Why::Unreadable {
        path: path.to_owned(),
        kind: error.kind(),
    };
    // A pipe would never end, and a folder is none.
    if !tokio::fs::metadata(path)
        .await
        .map_err(unreadable)?
        .is_file()
    {
        return Err(Why::NoFile {
            path: path.to_owned(),
            form: "file",
        });
    }
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut text = Zeroizing::new(String::new());
    file.take(max + 1)
        .read_to_string(&mut text)
        .await
        .map_err(unreadable)?;
    if text.len() as u64 > max {
        return Err(Why::TooLong {
            path: path.to_owned(),
            max,
        });
    }
    Ok(text)
}
