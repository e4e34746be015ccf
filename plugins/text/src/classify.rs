//! `classify`: sorts texts under labels by the words that they share with each label's examples.

use std::collections::BTreeMap;

use lockgate_sdk::prelude::*;

use crate::hash_embed::{HashEmbedConfig, embed};

/// The examples of all labels together: each is one more vector to make and to compare with.
const MAX_EXAMPLES: usize = 1000;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct ClassifyConfig {
    /// The labels, each with examples of what belongs under it: words, or whole texts.
    #[schemars(length(min = 1))]
    labels: BTreeMap<String, Vec<String>>,
    /// How like an example a text has to be: a cosine from 0, no word in common, to 1, the same words. A text that is
    /// less like every example has no label.
    #[serde(default = "default_min_score")]
    #[schemars(range(min = 0.0, max = 1.0))]
    min_score: f32,
}

fn default_min_score() -> f32 {
    0.1
}

/// Labels with the vectors of their examples.
pub(crate) struct Classifier {
    labels: Vec<(String, Vec<Vec<f32>>)>,
    min_score: f32,
    embedding: HashEmbedConfig,
}

impl Configure for Classifier {
    type Config = ClassifyConfig;

    fn configure(config: ClassifyConfig) -> Result<Self> {
        let ClassifyConfig { labels, min_score } = config;
        if !(0.0..=1.0).contains(&min_score) {
            let message = "how like an example a text has to be is from 0 to 1";
            return Err(Failure::invalid_input(message).at("/min_score"));
        }
        if labels.is_empty() {
            let message = "there is no label: name one, with examples";
            return Err(Failure::invalid_input(message).at("/labels"));
        }
        if labels.values().map(Vec::len).sum::<usize>() > MAX_EXAMPLES {
            let message = format!("all labels together have at most {MAX_EXAMPLES} examples");
            return Err(Failure::invalid_input(message).at("/labels"));
        }
        let embedding = HashEmbedConfig::default();
        let labels = labels.into_iter().map(|(label, examples)| {
            let vectors = vectors(&label, &examples, &embedding)?;
            Ok((label, vectors))
        });
        Ok(Self {
            labels: labels.collect::<Result<_>>()?,
            min_score,
            embedding,
        })
    }
}

#[derive(Outputs)]
pub(crate) struct Classified {
    /// The label of each text, in the order of the texts: `null` where it is not enough like any example.
    labels: Json<Vec<Option<String>>>,
    /// How like the nearest example each text is: a cosine, at most 1.
    scores: Json<Vec<f32>>,
}

/// Gives each text the label whose examples it is most like, without a model: likeness is the cosine of the vectors that
/// `hash-embed` makes, so texts with the same words are like, and not those with the same meaning.
///
/// The examples are made into vectors once a call, so a call with many texts costs less than a call for each: with `each`
/// and `batch` a flow gives it lists of them. Of labels that are equally near the first by name is given.
#[node(transform, pure)]
pub(crate) fn classify(
    /// The texts.
    texts: Json<Vec<String>>,
    classifier: Config<Classifier>,
) -> Classified {
    let nearest = texts.0.iter().map(|text| classifier.0.nearest(text));
    let (labels, scores) = nearest.unzip();
    Classified {
        labels: Json(labels),
        scores: Json(scores),
    }
}

impl Classifier {
    fn nearest(&self, text: &str) -> (Option<String>, f32) {
        let vector = embed(text, &self.embedding);
        let scores = self.labels.iter().flat_map(|(label, examples)| {
            let score = |example: &Vec<f32>| cosine(&vector, example);
            examples.iter().map(move |example| (label, score(example)))
        });
        // The first of the best, where `max_by` would give the last.
        let best = scores.fold((None, 0.0), |best, (label, score)| {
            if score > best.1 {
                (Some(label), score)
            } else {
                best
            }
        });
        let (label, score) = best;
        let label = label.filter(|_| score >= self.min_score);
        (label.cloned(), score)
    }
}

/// The vectors of a label's examples. One without a word is like nothing, and so a mistake.
fn vectors(label: &str, examples: &[String], embedding: &HashEmbedConfig) -> Result<Vec<Vec<f32>>> {
    let pointer = format!("/labels/{}", label.replace('~', "~0").replace('/', "~1"));
    if examples.is_empty() {
        let message = format!("the label `{label}` has no example");
        return Err(Failure::invalid_input(message).at(&pointer));
    }
    let vector = |(index, example): (usize, &String)| {
        let vector = embed(example, embedding);
        if vector.iter().all(|number| *number == 0.0) {
            let message = "there is no word in this example";
            return Err(Failure::invalid_input(message).at(&format!("{pointer}/{index}")));
        }
        Ok(vector)
    };
    examples.iter().enumerate().map(vector).collect()
}

/// Of vectors of length 1, or 0 where one of them is all zeros.
fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use lockgate_sdk::testing::{self, Call};
    use lockgate_sdk::{Failure, Value};
    use serde_json::{Value as Tree, json};

    fn call(config: Tree) -> Call<'static> {
        testing::call(&crate::PLUGIN, "classify").config(config)
    }

    fn support() -> Tree {
        json!({ "labels": {
            "access": ["I cannot log in", "reset my password"],
            "billing": ["an invoice is wrong", "refund my payment"],
            "中文": ["发票和付款"],
        } })
    }

    fn classified(config: Tree, texts: Tree) -> (Tree, Vec<f64>) {
        let outcome = call(config).input("texts", texts).run();
        let json = |port| match outcome.output(port) {
            Some(Value::Json(text)) => serde_json::from_str::<Tree>(text).expect("a document"),
            other => json!(format!("{other:?}")),
        };
        let scores = serde_json::from_value(json("scores")).expect("numbers");
        (json("labels"), scores)
    }

    #[test]
    fn a_text_has_the_label_whose_examples_it_is_most_like() {
        let (labels, scores) = classified(
            support(),
            json!([
                "My invoices are wrong!",
                "I forgot the password",
                "发票不对",
                "snow on the hills",
                "",
            ]),
        );
        assert_eq!(labels, json!(["billing", "access", "中文", null, null]));
        assert_eq!(scores.len(), 5);
        assert!(scores[..3].iter().all(|score| *score > 0.1), "{scores:?}");
        assert_eq!(scores[4], 0.0);
    }

    #[test]
    fn a_text_that_is_an_example_is_entirely_like_it() {
        let (_, scores) = classified(support(), json!(["Refund my PAYMENT"]));
        assert!((scores[0] - 1.0).abs() < 1e-6, "{scores:?}");
    }

    #[test]
    fn how_like_it_has_to_be_is_configured() {
        let strict = |min_score: f32| {
            let mut config = support();
            config["min_score"] = json!(min_score);
            classified(config, json!(["a wrong invoice"])).0
        };
        assert_eq!(strict(0.0), json!(["billing"]));
        assert_eq!(strict(1.0), json!([null]));
    }

    #[test]
    fn of_equals_the_first_by_name_is_given() {
        let config = json!({ "labels": { "b": ["same words"], "a": ["same words"] } });
        assert_eq!(classified(config, json!(["same words"])).0, json!(["a"]));
    }

    #[test]
    fn no_texts_have_no_labels() {
        assert_eq!(classified(support(), json!([])), (json!([]), vec![]));
    }

    #[test]
    fn a_configuration_that_cannot_work_is_refused_where_it_is() {
        let refused = |config: Tree| -> Failure {
            let refused = call(config).configure();
            refused.expect_err("no configuration")
        };
        let many = vec!["word"; 1001];
        for (config, path) in [
            (json!({ "labels": {} }), "/labels"),
            (json!({ "labels": { "a": many } }), "/labels"),
            (json!({ "labels": { "a/b": [] } }), "/labels/a~1b"),
            (json!({ "labels": { "a": ["word", "?!"] } }), "/labels/a/1"),
            (
                json!({ "labels": { "a": ["word"] }, "min_score": 2 }),
                "/min_score",
            ),
        ] {
            let place = Some(json!({ "path": path }).to_string());
            assert_eq!(refused(config.clone()).detail, place, "{config}");
        }
    }
}
