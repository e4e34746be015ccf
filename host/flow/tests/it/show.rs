//! Plans as people and Mermaid read them.

use std::sync::Arc;

use lockgate_flow::{Faults, FlowCatalog, FlowDocument, Plan, plan};
use lockgate_model::Kebab;

use crate::fakes::Fakes;

const REPORT: &str = r#"
flow: report
input:
  type: object
  required: [topics, text]
  properties:
    topics: { type: array, items: { type: string } }
    text: { type: string }
    "a\u001b[31m] --> b": { type: string }
vars: { tone: plain, most: 3 }
nodes:
  clean:
    use: text/clean
    in: { text: input.text }
    limits: { fuel: 5000, memory: 16MiB }
    timeout: 500ms
  speak:
    use: test/speak
    in: { prompt: clean.text, system: 'input["a\u001b[31m] --> b"]' }
    when: size(clean.text) > 3 && vars.tone != '"]'
  again:
    use: test/speak
    in: { prompt: speak.text }
  chapters:
    use: flow:chapter
    each: input.topics
    concurrency: 2
    in: { topic: item }
    cache: 10m
    on_failure: continue
  other:
    use: flow:chapter
    in: { topic: "'<b>' + again.text" }
    retry: { attempts: 4, kinds: [upstream, timeout] }
  pick:
    use: echo/echo
    in: { value: "first(other.text, clean.text)" }
  joined:
    use: text/join
    each: input.topics
    batch: 20
    in: { parts: item }
output:
  text: pick.value
  chapters: chapters.text
  joined: joined.text
  spoken: "has(again.text)"
  constant: "'`'"
"#;

const CHAPTER: &str = "
flow: chapter
input: { type: object, required: [topic], properties: { topic: { type: string } } }
nodes:
  title: { use: text/upper, in: { text: input.topic } }
output: { text: title.text }
";

struct Chapters;

impl FlowCatalog for Chapters {
    fn find(&self, _: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        FlowDocument::parse("chapter.yaml", CHAPTER).map(|document| Some(Arc::new(document)))
    }

    fn names(&self) -> Vec<Kebab> {
        vec!["chapter".parse().expect("a name")]
    }
}

async fn report() -> Plan {
    let document = FlowDocument::parse("report.yaml", REPORT).expect("a document");
    let planned = plan(&document, &Fakes::new(), &Chapters, &[]).await;
    let messages = |faults: Faults| -> Vec<_> {
        let messages = faults.iter().map(|fault| fault.message.clone());
        messages.collect()
    };
    planned.map_err(messages).expect("a plan")
}

#[tokio::test]
async fn a_plan_reads_as_text() {
    let text = report().await.to_text();
    assert!(!text.contains(['\u{1b}', '\t']), "{text:?}");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn a_plan_is_a_chart() {
    let chart = report().await.to_mermaid();
    assert!(!chart.contains(['\u{1b}', '`']), "{chart:?}");
    insta::assert_snapshot!(chart);
}
