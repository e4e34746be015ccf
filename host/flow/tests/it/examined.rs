//! What an editor is told of a document: a document in `tests/examined`, and what was found beside it.
//!
//! `INSTA_UPDATE=always cargo test -p lockgate-flow --test it examined` writes the snapshots anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lockgate_flow::{
    Examination, ExaminedFault, Faults, FlowCatalog, FlowDocument, MAX_DOCUMENT_BYTES, NoFlows,
    examine,
};
use lockgate_model::Kebab;
use serde::Serialize;

use crate::fakes::Fakes;

const CHAPTER: &str = "
flow: chapter
description: A chapter.
input: { type: object, required: [topic], properties: { topic: { type: string, description: What it is about. } } }
nodes: { title: { use: text/upper, in: { text: input.topic } } }
output: { text: title.text }
";

struct Chapter;

impl FlowCatalog for Chapter {
    fn find(&self, name: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        let is_it = name.as_str() == "chapter";
        let document = is_it.then(|| FlowDocument::parse("chapter.yaml", CHAPTER));
        Ok(document.transpose()?.map(Arc::new))
    }

    fn names(&self) -> Vec<Kebab> {
        vec!["chapter".parse().expect("a name")]
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// The documents of a folder, by their names.
fn documents(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut documents: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|path| {
            let name = path.file_stem().and_then(|name| name.to_str());
            let text = std::fs::read_to_string(&path).expect("a document");
            (name.expect("a name").to_owned(), text)
        })
        .collect();
    documents.sort();
    documents
}

async fn examined(text: &str) -> Examination {
    match FlowDocument::parse("flow.yaml", text) {
        Ok(document) => examine(&document, &Fakes::new(), &Chapter).await,
        Err(faults) => Examination::from(&faults),
    }
}

/// A line of JSON for each thing, so that a difference shows what it is of.
fn lines(examination: &Examination) -> String {
    fn add<T: Serialize>(page: &mut String, title: &str, things: &[T]) {
        let _ = writeln!(page, "{title}");
        for thing in things {
            let line = serde_json::to_string(thing).expect("json");
            let _ = writeln!(page, "  {line}");
        }
    }
    let Examination {
        flow,
        faults,
        total_faults,
        nodes,
        edges,
        is_cut,
    } = examination;
    let mut page = format!("flow {flow:?}, cut: {is_cut}\n");
    add(&mut page, &format!("{total_faults} faults"), faults);
    add(&mut page, "nodes", nodes);
    add(&mut page, "edges", edges);
    page
}

#[tokio::test]
async fn every_document_is_told_as_its_snapshot_says() {
    let folder = folder("examined");
    for (name, text) in documents(&folder) {
        let lines = lines(&examined(&text).await);
        insta::with_settings!({ snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, lines);
        });
    }
}

/// Examining and planning are one way: they find the same, of every document that shows a fault.
#[tokio::test]
async fn an_examination_has_the_faults_of_a_plan() {
    for (name, text) in documents(&folder("faults")) {
        let Ok(document) = FlowDocument::parse("flow.yaml", &text) else {
            continue;
        };
        let examination = examine(&document, &Fakes::new(), &NoFlows).await;
        let Err(faults) = Fakes::new().plan(&text).await else {
            assert_eq!(examination.total_faults, 0, "{name}");
            continue;
        };
        let shown = |faults: &[ExaminedFault]| -> Vec<String> {
            let texts = faults.iter().map(serde_json::to_string);
            texts.map(|text| text.expect("json")).collect()
        };
        let expected: Vec<_> = faults.iter().map(ExaminedFault::from).collect();
        assert_eq!(shown(&examination.faults), shown(&expected), "{name}");
        assert_eq!(examination.total_faults, faults.total());
    }
}

#[tokio::test]
async fn every_place_is_where_the_document_has_it() {
    let (_, text) = documents(&folder("examined"))
        .into_iter()
        .find(|(name, _)| name == "whole")
        .expect("the document");
    let examination = examined(&text).await;
    let at = |place: &lockgate_flow::ExaminedPlace| -> String {
        let before: usize = text
            .split_inclusive('\n')
            .take(place.line - 1)
            .map(|line| line.chars().count())
            .sum();
        let from = before + place.column - 1;
        text.chars().skip(from).take(place.length).collect()
    };
    for node in &examination.nodes {
        assert_eq!(at(&node.place), node.name);
    }
    let references: Vec<_> = examination
        .edges
        .iter()
        .map(|edge| at(&edge.reference))
        .collect();
    assert!(
        references.contains(&"input.deep".to_owned()),
        "{references:?}"
    );
    for edge in &examination.edges {
        let whole = at(&edge.expression);
        assert!(whole.contains(&at(&edge.reference)), "{whole}");
    }
}

/// A document of a megabyte in one line, whose name of 60 characters would be told with each of its edges, and its input's
/// schema too.
#[tokio::test]
async fn what_is_told_of_a_large_document_is_bounded() {
    let node = "n".repeat(60);
    let schema = format!(
        r#"{{"type": "object", "properties": {{"a": {{"const": "{}"}}}}}}"#,
        "x".repeat(60_000)
    );
    let mut text = format!(r#"{{"flow": "large", "input": {schema}, "nodes": {{"#);
    let mut count = 0;
    while text.len() < MAX_DOCUMENT_BYTES - 2_000 {
        let _ = write!(
            text,
            r#""{node}{count}": {{"use": "echo/echo", "in": {{"value": "[input.a, input, {node}0.value]"}}}}, "#
        );
        count += 1;
    }
    text += r#""last": {"use": "echo/echo", "in": {"value": "input"}}}, "output": {"o": "last.value"}}"#;
    let examination = examined(&text).await;
    assert!(examination.is_cut);
    assert!(!examination.nodes.is_empty() && !examination.edges.is_empty());
    let size = serde_json::to_string(&examination).expect("json").len();
    assert!(size < 32 << 20, "{size} bytes of {count} nodes");
}
