//! The folders of plugins and flows: loaded when the server starts, and under `--dev` again when a file changes.
//!
//! A folder is where things come from, not what is in force: at a start, what is there already with the same bytes is left
//! as it is, so that a version that somebody rolled back stays back. Under `--dev` the files are what counts: each is made
//! active, and a plugin of the same version is replaced. A file that goes away takes nothing with it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use lockgate_flow::FlowDocument;
use lockgate_model::Kebab;
use lockgate_service::flows::Put;
use lockgate_service::plugins::{Upload, UploadDone, UploadStatus, Uploaded};
use lockgate_service::{Caller, Service, ServiceError};

use super::say::{self, complain, resolved, say};
use crate::flows::ENDINGS;
use crate::{check, test};

/// The largest file that is read as a plugin: more than a component may have, so that its own error says so.
const MAX_PLUGIN_BYTES: u64 = 128 << 20;

/// How many plugins are uploaded at once.
const AT_ONCE: usize = 4;

/// How often an upload that is being compiled is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The folders, and what was seen of them.
pub(super) struct Folders {
    service: Arc<Service>,
    caller: Caller,
    dev: bool,
    plugins: Option<PathBuf>,
    flows: Option<PathBuf>,
    seen: BTreeMap<PathBuf, Seen>,
    /// What was refused, and what was said of it: it is tried again when anything changes, and said again if it is something
    /// else.
    refused: BTreeMap<PathBuf, String>,
}

/// A file, as far as a change of it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    changed: Option<SystemTime>,
    bytes: u64,
}

impl Folders {
    /// Folders of which nothing was seen yet. An empty path is no folder.
    pub(super) fn new(
        service: Arc<Service>,
        caller: Caller,
        dev: bool,
        plugins: &Path,
        flows: &Path,
    ) -> Self {
        let folder = |path: &Path| Some(path.to_owned()).filter(|p| !p.as_os_str().is_empty());
        Self {
            service,
            caller,
            dev,
            plugins: folder(plugins),
            flows: folder(flows),
            seen: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// The folders that there are.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.plugins, &self.flows]
            .into_iter()
            .filter_map(|folder| folder.as_deref())
    }

    /// Loads what is new and what has changed since, and if there is any, what was refused then: plugins first, because
    /// flows need them. Says what became of each.
    pub(super) async fn load(&mut self) {
        let is_plugin = |path: &Path| ending(path) == "wasm";
        let mut plugins = self.changed(self.plugins.clone(), is_plugin);
        let is_flow = |path: &Path| ENDINGS.contains(&ending(path)) && !test::files::is_cases(path);
        let mut flows = self.changed(self.flows.clone(), is_flow);
        if plugins.is_empty() && flows.is_empty() {
            return;
        }
        self.refused.retain(|path, _| path.is_file());
        for path in self.refused.keys() {
            let files = if is_plugin(path) {
                &mut plugins
            } else {
                &mut flows
            };
            if !files.contains(path) {
                files.push(path.clone());
            }
        }
        self.load_plugins(plugins).await;
        self.load_flows(flows).await;
    }

    /// The files of a folder that are to be loaded, in the order of their names.
    fn changed(&mut self, folder: Option<PathBuf>, is: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let Some(folder) = folder else {
            return Vec::new();
        };
        let files = match files(&folder) {
            Ok(files) => files,
            Err(error) => {
                complain(format_args!("error: {}: {error}", folder.display()));
                return Vec::new();
            }
        };
        let mut changed = Vec::new();
        for (path, now) in files.into_iter().filter(|(path, _)| is(path)) {
            if self.seen.get(&path) != Some(&now) {
                self.seen.insert(path.clone(), now);
                changed.push(path);
            }
        }
        changed
    }

    /// Uploads several at once, and makes them active in their order.
    async fn load_plugins(&mut self, files: Vec<PathBuf>) {
        let uploads = futures::stream::iter(files.into_iter().map(|file| {
            let (service, caller) = (Arc::clone(&self.service), self.caller.clone());
            let replace = self.dev;
            async move {
                let done = upload(&service, &caller, &file, replace).await;
                (file, done)
            }
        }));
        let mut uploads = uploads.buffered(AT_ONCE);
        let (mut loaded, mut refused) = (Vec::new(), Vec::new());
        while let Some((file, done)) = uploads.next().await {
            let active = match done {
                Ok(done) => self.activate(*done).await,
                Err(error) => Err(error),
            };
            match active {
                Ok(line) => {
                    say(line);
                    loaded.push(file);
                }
                Err(error) => refused.push((file, error)),
            }
        }
        drop(uploads);
        self.remember(loaded, refused);
    }

    async fn activate(&self, done: UploadDone) -> Result<String, ServiceError> {
        let plugin = done.plugin;
        let what = format!("plugin {} {}", plugin.plugin, plugin.version);
        let state = match done.created {
            true => "uploaded",
            false => "was there",
        };
        let is_wanted = done.created || !plugin.candidate || self.dev;
        if plugin.active && !done.created {
            return Ok(format!("{what}: {state}, active"));
        }
        if !is_wanted {
            return Ok(format!("{what}: {state}, not active: another version is"));
        }
        let (Ok(name), Ok(version)) = (plugin.plugin.parse(), plugin.version.parse()) else {
            return Err(ServiceError::Internal("a plugin has no name".to_owned()));
        };
        let plugins = self.service.plugins();
        let activation = plugins.activate(&self.caller, &name, &version).await?;
        let flows = resolved(&activation.flows);
        Ok(format!("{what}: {state}, active{flows}"))
    }

    /// Saves flows. One that runs another may come before it, so those that are refused are tried again as long as some are
    /// not.
    async fn load_flows(&mut self, mut files: Vec<PathBuf>) {
        let mut loaded = Vec::new();
        while !files.is_empty() {
            let mut left = Vec::new();
            let before = files.len();
            for file in files {
                match self.save(&file).await {
                    Ok(line) => {
                        say(line);
                        loaded.push(file);
                    }
                    Err(error) => left.push((file, error)),
                }
            }
            if left.len() == before {
                return self.remember(loaded, left);
            }
            files = left.into_iter().map(|(file, _)| file).collect();
        }
        self.remember(loaded, Vec::new());
    }

    async fn save(&self, file: &Path) -> Result<String, ServiceError> {
        let text = check::read(file)
            .map_err(|error| ServiceError::InvalidRequest(format!("{error:#}")))?;
        let document = FlowDocument::parse(&file.display().to_string(), &text)?;
        let Some(name) = document.name().cloned() else {
            let reason = "the document has no `flow`: its name".to_owned();
            return Err(ServiceError::InvalidRequest(reason));
        };
        let put = Put {
            activate: self.dev,
            format: None,
        };
        let flows = self.service.flows();
        let saved = flows.put(&self.caller, &name, text, put).await?;
        let what = format!("flow {name} version {}", saved.version);
        let state = match saved.created {
            true => "saved",
            false => "was there",
        };
        let mut others: Vec<_> = saved.flows;
        let mut is_active = saved.active;
        let is_wanted = saved.created || self.has_no_active(&name).await?;
        if !is_active && is_wanted {
            let activation = flows.activate(&self.caller, &name, saved.version).await?;
            others = activation.flows;
            is_active = true;
        }
        others.retain(|other| other.flow != name);
        let others = resolved(&others);
        Ok(match is_active {
            true => format!("{what}: {state}, active{others}"),
            false => format!("{what}: {state}, not active: another version is"),
        })
    }

    /// As after a start that was ended between saving a flow and making it active.
    async fn has_no_active(&self, flow: &Kebab) -> Result<bool, ServiceError> {
        let flow = self.service.flows().one(&self.caller, flow).await?;
        Ok(flow.summary.active.is_none())
    }

    /// Says why files were refused, unless that was said of them before.
    fn remember(&mut self, loaded: Vec<PathBuf>, refused: Vec<(PathBuf, ServiceError)>) {
        for file in loaded {
            self.refused.remove(&file);
        }
        for (file, error) in refused {
            let reason = format!("{error:?}");
            let before = self.refused.insert(file.clone(), reason.clone());
            if before.is_none_or(|before| before != reason) {
                say::refused(&file, &error);
            }
        }
    }
}

async fn upload(
    service: &Service,
    caller: &Caller,
    file: &Path,
    replace: bool,
) -> Result<Box<UploadDone>, ServiceError> {
    let bytes = read(file).map_err(|error| ServiceError::InvalidRequest(error.to_string()))?;
    let upload = Upload {
        activate: Some(false), // it is done in the order of the files, when all before are
        replace,
    };
    let id = match service.plugins().upload(caller, bytes, upload).await? {
        Uploaded::Done(done) => return Ok(done),
        Uploaded::Compiling(id) => id,
    };
    loop {
        tokio::time::sleep(LOOK).await;
        match service.plugins().upload_status(caller, id).await? {
            UploadStatus::Compiling => {}
            UploadStatus::Done(done) => return Ok(done),
            UploadStatus::Refused(error) => return Err(error),
        }
    }
}

fn ending(path: &Path) -> &str {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.unwrap_or_default()
}

/// The files of a folder, in the order of their names. One that goes away meanwhile is left out.
fn files(folder: &Path) -> io::Result<BTreeMap<PathBuf, Seen>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Ok(meta) = std::fs::metadata(&path) else {
            continue;
        };
        if meta.is_file() {
            let seen = Seen {
                changed: meta.modified().ok(),
                bytes: meta.len(),
            };
            files.insert(path, seen);
        }
    }
    Ok(files)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(file)?
        .take(MAX_PLUGIN_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
