//! Which flows there are, and where their cases stand: those of `NAME.yaml` in `NAME.test.yaml` beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::flows::ENDINGS;

/// What stands between the name of a flow and the ending, in the name of the file of its cases.
const MARK: &str = ".test";

/// The flows that the command line names, each once: a folder stands for those in it, and a file of cases for its flow.
pub(super) fn flows(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut flows = Vec::new();
    for path in named {
        let kind = std::fs::metadata(path).with_context(|| path.display().to_string())?;
        let found = if kind.is_dir() {
            in_folder(path).with_context(|| path.display().to_string())?
        } else {
            BTreeSet::from([flow_of(path)?])
        };
        for flow in found {
            if !flows.contains(&flow) {
                flows.push(flow);
            }
        }
    }
    Ok(flows)
}

fn in_folder(folder: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut flows = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let has_ending = ENDINGS.iter().any(|ending| is_ending(&path, ending));
        if has_ending && path.is_file() {
            flows.insert(flow_of(&path)?);
        }
    }
    Ok(flows)
}

/// Whether a file is one of cases, by its name.
pub(crate) fn is_cases(file: &Path) -> bool {
    flow_name(file).is_some()
}

/// The flow that a file is, or that its cases are of.
pub(super) fn flow_of(file: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = flow_name(file) else {
        return Ok(file.to_owned());
    };
    beside(file, name).with_context(|| {
        format!(
            "{}: the flow of these cases is not there: `{name}.{}`",
            file.display(),
            ENDINGS[0]
        )
    })
}

/// The file with the cases of a flow, if there is one.
pub(super) fn cases_of(flow: &Path) -> Option<PathBuf> {
    beside(flow, &format!("{}{MARK}", stem(flow)?))
}

/// What the file with the cases of a flow is called where there is none.
pub(super) fn usual_cases_of(flow: &Path) -> PathBuf {
    let name = stem(flow).unwrap_or_default();
    flow.with_file_name(format!("{name}{MARK}.{}", ENDINGS[0]))
}

fn beside(file: &Path, name: &str) -> Option<PathBuf> {
    let named = |ending| file.with_file_name(format!("{name}.{ending}"));
    ENDINGS.into_iter().map(named).find(|file| file.is_file())
}

/// The name of the flow that a file of cases is of.
fn flow_name(file: &Path) -> Option<&str> {
    let has_ending = ENDINGS.iter().any(|ending| is_ending(file, ending));
    stem(file)?.strip_suffix(MARK).filter(|_| has_ending)
}

fn is_ending(file: &Path, ending: &str) -> bool {
    file.extension().is_some_and(|found| found == ending)
}

fn stem(file: &Path) -> Option<&str> {
    file.file_stem()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_and_flows_find_each_other() {
        let folder = std::env::temp_dir().join(format!("lockgate-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let at = |name: &str| folder.join(name);
        for name in ["a.yaml", "a.test.yaml", "b.json", "b.test.yml", "notes.txt"] {
            std::fs::write(at(name), "").expect("a file");
        }
        let both = vec![at("a.yaml"), at("b.json")];
        assert_eq!(flows(std::slice::from_ref(&folder)).expect("flows"), both);
        let named = [at("b.test.yml"), at("a.yaml"), folder.clone()];
        let turned = vec![at("b.json"), at("a.yaml")];
        assert_eq!(flows(&named).expect("flows"), turned);
        assert_eq!(cases_of(&at("a.yaml")), Some(at("a.test.yaml")));
        assert_eq!(cases_of(&at("b.json")), Some(at("b.test.yml")));
        assert_eq!(cases_of(&at("c.yaml")), None);
        assert_eq!(usual_cases_of(&at("c.json")), at("c.test.yaml"));
        std::fs::remove_file(at("b.json")).expect("it was there");
        let alone = flows(std::slice::from_ref(&folder)).expect_err("cases without a flow");
        assert!(format!("{alone:#}").contains("`b.yaml`"), "{alone:#}");
        std::fs::remove_dir_all(folder).expect("it was there");
    }
}
