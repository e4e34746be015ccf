//! The flows beside a flow: those that its nodes can run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lockgate_flow::{Faults, FlowCatalog, FlowDocument};
use lockgate_model::Kebab;

use crate::check;

/// What a flow's file is called behind its name, in the order in which they are looked for.
pub(crate) const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// A folder in which the flow NAME is the file `NAME.yaml`, `NAME.yml` or `NAME.json`.
#[derive(Debug)]
pub(crate) struct FlowFolder(PathBuf);

impl FlowFolder {
    /// The folder that a flow is in.
    pub(crate) fn beside(flow: &Path) -> Self {
        Self(flow.parent().map(Path::to_owned).unwrap_or_default())
    }

    fn file(&self, name: &Kebab) -> Option<PathBuf> {
        let file = |ending| self.0.join(format!("{name}.{ending}"));
        ENDINGS.into_iter().map(file).find(|file| file.is_file())
    }
}

impl FlowCatalog for FlowFolder {
    fn find(&self, name: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        // A file that cannot be read is as good as none: who asked hears that there is no such flow.
        let Some((file, text)) = self
            .file(name)
            .and_then(|file| Some((file.clone(), check::read(&file).ok()?)))
        else {
            return Ok(None);
        };
        FlowDocument::parse(&file.display().to_string(), &text)
            .map(|document| Some(Arc::new(document)))
    }

    fn names(&self) -> Vec<Kebab> {
        let folder = if self.0.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.0
        };
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let name = |file: std::fs::DirEntry| {
            let path = file.path();
            let ending = path.extension()?.to_str()?;
            let stem = path.file_stem()?.to_str()?;
            ENDINGS
                .contains(&ending)
                .then(|| stem.parse().ok())
                .flatten()
        };
        let mut names: Vec<Kebab> = files.filter_map(name).collect();
        names.sort();
        names.dedup();
        names
    }
}
