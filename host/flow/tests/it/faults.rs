//! Every fault, as a terminal shows it: a document in `tests/faults`, and its report beside it.
//!
//! `cargo insta review`, or `INSTA_UPDATE=always cargo test -p lockgate-flow`, writes the reports anew.

use std::collections::BTreeSet;
use std::path::Path;

use lockgate_flow::{Code, Faults, Override};
use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::fakes::Fakes;

/// The code that no flow in the folder shows: it would have to be a megabyte.
const ELSEWHERE: [Code; 1] = [Code::DocumentTooLarge];

pub(crate) fn render(faults: &Faults) -> String {
    let mut text = String::new();
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(120);
    handler.render_report(&mut text, faults).expect("a report");
    text
}

/// The settings that a document's comments ask for: `# set node.key=value`.
fn overrides(text: &str) -> Vec<Override> {
    let settings = text.lines().filter_map(|line| line.strip_prefix("# set "));
    settings
        .map(|setting| setting.parse().expect("a setting"))
        .collect()
}

#[test]
fn every_fault_is_shown_with_its_place() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    let mut shown = BTreeSet::from(ELSEWHERE);
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a document");
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("a name");
        let faults = runtime
            .block_on(Fakes::new().plan_with(&text, &overrides(&text)))
            .expect_err(name);
        shown.extend(faults.iter().map(|fault| fault.code));
        let report = render(&faults);
        let is_safe =
            |c: char| c == '\n' || !(c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
        assert!(report.chars().all(is_safe), "{name} reaches a terminal raw");
        insta::with_settings!({ snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, report);
        });
    }
    let missing: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !shown.contains(code))
        .collect();
    assert!(
        missing.is_empty(),
        "no document in tests/faults has {missing:?}"
    );
}
