//! What one call of a node may use up.

use lockgate_model::Limit;

use super::keys::Keys;
use super::{NodeEntry, quantity};
use crate::fault::{Code, Findings};
use crate::read::Tree;

/// The keys of `limits`; `timeout` stands beside it.
const LIMIT_KEYS: &[&str] = &[
    "copied_bytes",
    "fuel",
    "instances",
    "log_bytes",
    "memory",
    "output_bytes",
    "resources",
];

/// Reads a `limits`.
pub(super) fn read_all(node: &mut NodeEntry, tree: &Tree, findings: &mut Findings) {
    let help = tree
        .as_map()
        .and_then(|entries| entries.iter().find(|entry| &*entry.key == "timeout"));
    if let Some(entry) = help {
        findings
            .add(
                Code::UnknownKey,
                &entry.key_span,
                "`timeout` does not stand under `limits`",
            )
            .help("it stands beside it, as a key of the node");
        return;
    }
    let shape = "`limits` is a map such as `{ memory: 16MiB, fuel: 1000000 }`";
    if Keys::new(tree, LIMIT_KEYS, findings, shape).is_none() {
        return;
    }
    for entry in tree.as_map().unwrap_or_default() {
        if let Some(limit) = Limit::ALL
            .into_iter()
            .find(|limit| limit.key() == &*entry.key)
        {
            read(node, limit, &entry.value, findings);
        }
    }
}

/// Reads one limit.
pub(super) fn read(node: &mut NodeEntry, limit: Limit, value: &Tree, findings: &mut Findings) {
    let text = value.as_scalar().map_or("", |scalar| &scalar.text);
    let (read, example) = match limit {
        Limit::Timeout => (
            quantity::milliseconds(text),
            "a time such as `200ms`, `5s` or `2m`",
        ),
        Limit::Fuel | Limit::Instances | Limit::Resources => {
            (text.parse().ok(), "a whole number such as `100`")
        }
        Limit::Memory | Limit::CopiedBytes | Limit::LogBytes | Limit::OutputBytes => (
            quantity::size(text),
            "a size such as `16MiB`, `64 KiB` or `1000`",
        ),
    };
    match read {
        Some(read) => {
            node.limits.set(limit, read);
            node.limit_spans.push((limit, value.span.clone()));
        }
        None => {
            let message = format!("`{}` is {example}, and this is not", limit.key());
            findings.add(Code::BadQuantity, &value.span, message);
        }
    }
}
