//! The cases of `tests/cases`: one function runs them all. Its README says what a case is made of.
//!
//! `cargo insta review`, or `INSTA_UPDATE=always cargo test -p lockgate-flow`, writes their accounts anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::case::Case;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// All cases, by their names.
fn cases() -> Vec<Case> {
    let entries = std::fs::read_dir(folder()).expect("the folder");
    let mut folders: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.iter().map(|folder| Case::read(folder)).collect()
}

#[test]
fn every_case_goes_as_its_account_says() {
    let mut wrong = Vec::new();
    for case in cases() {
        // One that goes wrong does not hide the others.
        let is_right = std::panic::catch_unwind(|| {
            let account = case.play();
            let folder = folder().join(&case.name);
            insta::with_settings!({ snapshot_path => folder, prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!("account", account);
            });
        });
        if is_right.is_err() {
            wrong.push(case.name);
        }
    }
    assert!(wrong.is_empty(), "other than their accounts say: {wrong:?}");
}

/// `tests/cases/index.snap` lists the sentences of the format, and which cases show each.
#[test]
fn every_case_quotes_what_it_shows() {
    let mut sentences: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for case in cases() {
        let shows = case.shows();
        assert!(!shows.is_empty(), "{} opens without a comment", case.name);
        sentences.entry(shows).or_default().push(case.name);
    }
    let lines = sentences
        .iter()
        .map(|(sentence, cases)| format!("{sentence}\n  {}\n", cases.join(" ")));
    insta::with_settings!({ snapshot_path => folder(), prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("index", lines.collect::<String>());
    });
}
