//! Commands about one plugin.

pub(crate) mod call;
pub(crate) mod inspect;

use std::path::Path;

use anyhow::Context as _;
use lockgate_runtime::{Catalog, Plugin};

use crate::args::CacheArgs;
use crate::setup;

/// Loads the one plugin that a command is about.
async fn load(file: &Path, cache: &CacheArgs) -> anyhow::Result<Plugin> {
    let runtime = setup::runtime(cache)?;
    let loaded = Catalog::default()
        .add_file(&runtime, &setup::publisher()?, file)
        .await;
    loaded.with_context(|| file.display().to_string())
}
