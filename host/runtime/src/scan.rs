//! What a file is, from its outside: read before anything compiles it, in one pass that is linear in its length.

use sha2::{Digest as _, Sha256};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Instance, Parser, Payload,
};

use lockgate_model::Limits;

use crate::contract::{Version, said};
use crate::error::LoadError;

/// The largest component, in bytes. A Python component with its interpreter has 18 MB.
const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// The most names that an error lists.
const MAX_LISTED: usize = 20;

/// The most levels of components in components. Composed plugins have two or three; each level costs the compiler
/// memory out of all proportion to the file.
const MAX_NESTING: usize = 50;

/// What the outside of a component says.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) version: Version,
    /// The interfaces that it imports, in its order.
    pub(crate) imports: Vec<String>,
    /// How many core instances one instance of it is made of.
    pub(crate) instances: u32,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub(crate) digest: String,
}

/// Reads the names that a component imports and exports, and refuses what no host of this version can run.
pub(crate) fn scan(bytes: &[u8]) -> Result<Scan, LoadError> {
    if bytes.len() > MAX_COMPONENT_BYTES {
        return Err(LoadError::TooLarge {
            bytes: bytes.len(),
            most: MAX_COMPONENT_BYTES,
        });
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    if Parser::is_core_wasm(bytes) {
        return Err(LoadError::CoreModule);
    }
    let outside = outside(bytes).map_err(|error| LoadError::Invalid(error.to_string()))?;
    let Outside {
        imports,
        exports,
        instances,
        nesting,
    } = outside;
    if nesting > MAX_NESTING {
        return Err(LoadError::Invalid(format!(
            "its components are nested {nesting} deep; {MAX_NESTING} is the most"
        )));
    }
    let Some(version) = Version::of(exports.iter().map(String::as_str)) else {
        return Err(LoadError::NoContract {
            exports: listed(exports),
        });
    };
    let foreign: Vec<String> = imports
        .iter()
        .filter(|name| !version.offers(name))
        .cloned()
        .collect();
    if !foreign.is_empty() {
        return Err(LoadError::NotOffered {
            imports: listed(foreign),
        });
    }
    // Each component can make the one before it many times over: a file of a kilobyte asks for a billion instances, and
    // compiling would unfold them all.
    if instances > Limits::MAX.instances {
        return Err(LoadError::Invalid(format!(
            "it is made of {instances} core instances; {} is the most",
            Limits::MAX.instances
        )));
    }
    Ok(Scan {
        version,
        imports,
        instances,
        digest: digest(bytes),
    })
}

/// The names of the component's own imports and exports, not those of what is nested in it, and how many core instances
/// it makes, those of what is nested in it included.
#[derive(Default)]
struct Outside {
    imports: Vec<String>,
    exports: Vec<String>,
    instances: u32,
    nesting: usize,
}

/// A component that is being read: the core instances that it makes, and those that each component in its index space
/// makes when it is instantiated.
#[derive(Default)]
struct Level {
    is_module: bool,
    makes: u32,
    components: Vec<u32>,
}

impl Level {
    fn component(&self, index: u32) -> u32 {
        self.components.get(index as usize).copied().unwrap_or(0) // validation refuses an index that is not there
    }
}

fn outside(bytes: &[u8]) -> wasmparser::Result<Outside> {
    let mut outside = Outside::default();
    // The components that enclose what is being read, the outermost first. A core module has a level too, without use.
    let mut levels = vec![Level::default()];
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        let outermost = levels.len() == 1;
        let nested_module = matches!(payload, Payload::ModuleSection { .. });
        if nested_module || matches!(payload, Payload::ComponentSection { .. }) {
            levels.push(Level {
                is_module: nested_module,
                ..Level::default()
            });
            outside.nesting = outside.nesting.max(levels.len());
            continue;
        }
        let (enclosing, level) = match levels.split_last_mut() {
            Some((level, enclosing)) => (enclosing, level),
            None => break,
        };
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    if let ComponentTypeRef::Component(_) = import.ty {
                        level.components.push(0);
                    }
                    if outermost {
                        outside.imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        level.components.push(level.component(export.index));
                    }
                    if outermost {
                        outside.exports.push(export.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    match alias? {
                        ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::Component,
                            count,
                            index,
                        } => {
                            // The component itself is 0, the one around it 1, and so on.
                            let from = enclosing.len().checked_sub(count as usize);
                            let from = from.map(|at| enclosing.get(at).unwrap_or(level));
                            let makes = from.map_or(0, |from| from.component(index));
                            level.components.push(makes);
                        }
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Component,
                            ..
                        } => {
                            level.components.push(0);
                        }
                        _ => {}
                    }
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let Instance::Instantiate { .. } = instance? {
                        level.makes = level.makes.saturating_add(1);
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    if let ComponentInstance::Instantiate {
                        component_index, ..
                    } = instance?
                    {
                        level.makes = level.makes.saturating_add(level.component(component_index));
                    }
                }
            }
            Payload::End(_) => {
                let (makes, is_module) = (level.makes, level.is_module);
                match enclosing.last_mut() {
                    None => outside.instances = makes,
                    Some(parent) => {
                        if !is_module {
                            parent.components.push(makes);
                        }
                        levels.pop();
                    }
                }
            }
            _ => {}
        }
    }
    Ok(outside)
}

fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MAX_LISTED);
    names.truncate(MAX_LISTED);
    let names: Vec<_> = names.iter().map(|name| said::cut(name)).collect();
    let mut list = names.join(", ").escape_debug().to_string();
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    list
}

/// SHA-256 of the bytes, in lower-case hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
