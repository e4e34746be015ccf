//! What a component asks its host for.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload};

/// Prints the imports of the component in a file, a line each.
pub(crate) fn print(component: &Path) -> Result<()> {
    let bytes =
        fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let names = names(&bytes).with_context(|| format!("cannot read {}", component.display()))?;
    for name in names {
        // A file from a stranger: what a terminal would act on is shown instead.
        println!("{}", name.escape_debug());
    }
    Ok(())
}

/// Names of a component's imports, in its order.
pub(crate) fn names(component: &[u8]) -> Result<Vec<String>> {
    if !Parser::is_component(component) {
        bail!("it is not a component");
    }
    let mut names = Vec::new();
    // Modules and components inside have imports too, which the component itself satisfies.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    names.push(import?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
