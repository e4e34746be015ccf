//! A document of cases is read.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::case::Case;
use super::check;
use super::expect::{Expect, Named};
use crate::document::{Keys, literal, text};
use crate::excerpt::quoted;
use crate::fault::{Code, Faults, Findings};
use crate::plan::Plan;
use crate::read::{self, Tree};
use crate::source::Source;

/// The keys of a case.
const KEYS: &[&str] = &["expect", "input", "name", "pinned", "until", "vars"];

/// A document of cases that was read. What is wrong with it is kept until it is held against its flow, so that it is
/// reported together with what only the flow knows.
#[derive(Debug)]
pub struct CaseDocument {
    source: Source,
    findings: Findings,
    cases: Vec<Case>,
}

impl CaseDocument {
    /// Reads a YAML or JSON document. `name` is what messages call it: its file's name, say.
    ///
    /// # Errors
    ///
    /// Where the text is no document at all. Everything else that is wrong is reported by [`Self::check`].
    pub fn parse(name: &str, text: &str) -> Result<Self, Faults> {
        let source = Source::new(name, text);
        let mut findings = Findings::default();
        let Some(tree) = read::read(&source, &mut findings) else {
            return Err(findings.into_faults(&source));
        };
        let cases = read_all(&tree, &source, &mut findings);
        Ok(Self {
            source,
            findings,
            cases,
        })
    }

    /// The cases, held against the flow that they are of.
    ///
    /// # Errors
    ///
    /// Every fault of the document: what reading it found, and what the flow does not have.
    pub fn check(self, plan: &Plan) -> Result<Vec<Arc<Case>>, Faults> {
        let mut findings = self.findings;
        for case in &self.cases {
            check::check(case, plan, &mut findings);
        }
        findings.into_result(&self.source)?;
        Ok(self.cases.into_iter().map(Arc::new).collect())
    }

    /// What is wrong with the document whatever its flow is: for a flow that is faulty itself.
    ///
    /// # Errors
    ///
    /// Every fault that reading it found.
    pub fn check_alone(self) -> Result<(), Faults> {
        self.findings.into_result(&self.source)
    }
}

fn read_all(tree: &Tree, source: &Source, findings: &mut Findings) -> Vec<Case> {
    let shape = "a document of test cases is a map with the key `cases`";
    let Some(keys) = Keys::new(tree, &["cases"], findings, shape) else {
        return Vec::new();
    };
    let Some(entry) = keys.require("cases", tree, findings) else {
        return Vec::new();
    };
    let Some(elements) = entry.value.as_list() else {
        let message = format!(
            "`cases` is {}, and has to be a list of cases",
            entry.value.type_name()
        );
        findings.add(Code::WrongType, &entry.value.span, message);
        return Vec::new();
    };
    if elements.is_empty() {
        findings
            .add(
                Code::Empty,
                &entry.value.span,
                "`cases` is empty, and tests nothing",
            )
            .help("a case has a `name`, an `input`, and says what to `expect`");
    }
    let mut names = HashSet::new();
    let mut cases = Vec::new();
    for element in elements {
        let Some(case) = read_case(element, source, findings) else {
            continue;
        };
        if !names.insert(case.name.text.clone()) {
            let message = format!("two cases are called `{}`", quoted(&case.name.text));
            findings
                .add(Code::DuplicateName, &case.name.span, message)
                .help("a report tells cases apart by their names");
        }
        cases.push(case);
    }
    cases
}

fn read_case(tree: &Tree, source: &Source, findings: &mut Findings) -> Option<Case> {
    let shape = "a case is a map with the keys `name` and `expect`";
    let keys = Keys::new(tree, KEYS, findings, shape)?;
    let name = keys
        .require("name", tree, findings)
        .and_then(|entry| Named::read(&entry.value, "name", findings));
    if let Some(name) = &name
        && name.text.trim().is_empty()
    {
        let message = "this name is empty: say what the case shows";
        findings.add(Code::Empty, &name.span, message);
    }
    let input = match keys.get("input") {
        Some(entry) => literal(&entry.value, findings).unwrap_or_default(),
        None => Json::Object(Map::new()),
    };
    let mut object = |key: &str, what: &str| match keys.get(key) {
        Some(entry) => literal_map(&entry.value, key, what, findings),
        None => Map::new(),
    };
    let vars = object("vars", "names to values");
    let pinned = object("pinned", "nodes to their outputs");
    let until = keys
        .get("until")
        .and_then(|entry| Named::read(&entry.value, "until", findings));
    let expect = keys
        .require("expect", tree, findings)
        .map(|entry| Expect::read(&entry.value, source, findings))?;
    let name = name?;
    Some(Case {
        place: source.place(name.span.start),
        name,
        input,
        vars,
        pinned,
        until,
        expect,
        tree: tree.clone(),
    })
}

fn literal_map(value: &Tree, key: &str, what: &str, findings: &mut Findings) -> Map<String, Json> {
    match literal(value, findings) {
        Some(Json::Object(map)) => map,
        Some(_) => {
            let message = format!(
                "`{key}` is {}, and has to be a map of {what}",
                value.type_name()
            );
            findings.add(Code::WrongType, &value.span, message);
            Map::new()
        }
        None => Map::new(),
    }
}

impl Named {
    /// Reads a text that has to be one.
    pub(super) fn read(value: &Tree, key: &str, findings: &mut Findings) -> Option<Self> {
        text(value, findings, key).map(|text| Self {
            text: text.into(),
            span: value.span.clone(),
        })
    }
}
