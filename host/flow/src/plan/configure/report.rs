//! What a node says against its configuration, at the place in the document that it means.

use std::ops::Range;

use lockgate_model::{CallError, ConfigureError, Failure, SchemaFault};
use serde_json::Value as Tree;

use crate::document::NodeEntry;
use crate::excerpt::{clipped, quoted};
use crate::fault::{Code, Findings};
use crate::source::{Source, floor_boundary};

/// Reports an error. `overridden` are the settings that come from outside the document.
pub(super) fn report(
    source: &Source,
    entry: &NodeEntry,
    error: &ConfigureError,
    overridden: &[&str],
    findings: &mut Findings,
) {
    let uses = entry
        .reference()
        .map(ToString::to_string)
        .unwrap_or_default();
    match error {
        ConfigureError::Schema(faults) => {
            for fault in faults {
                report_schema(entry, fault, overridden, findings);
            }
        }
        ConfigureError::Node(CallError::Failed(failure)) => {
            let mut place = Detail::of(failure);
            let outside = place
                .as_ref()
                .and_then(|place| outside(&place.path, overridden));
            if let (Some(place), Some(_)) = (&mut place, &outside) {
                place.line = None; // a line of what was set is no line of the document
            }
            let at = place
                .and_then(|place| place.find(source, entry))
                .unwrap_or_else(|| config_place(entry));
            let message = format!(
                "`{uses}` refuses its configuration: {}",
                clipped(&failure.message)
            );
            findings
                .add(Code::ConfigRefused, &at, message)
                .maybe_help(outside);
        }
        ConfigureError::Node(error) => {
            let message = format!(
                "`{uses}` broke while it looked at its configuration: {}",
                clipped(&error.to_string())
            );
            findings
                .add(Code::NodeBroke, &entry.use_span, message)
                .help("this is a fault of the plugin, not of the flow");
        }
        ConfigureError::Ports(faults) => {
            for fault in faults {
                let message = format!(
                    "`{uses}` describes ports that no node can have: {}",
                    clipped(fault)
                );
                findings
                    .add(Code::NodeBroke, &entry.use_span, message)
                    .help("this is a fault of the plugin, not of the flow");
            }
        }
    }
}

fn report_schema(
    entry: &NodeEntry,
    fault: &SchemaFault,
    overridden: &[&str],
    findings: &mut Findings,
) {
    let at = match &entry.config {
        Some(config) if !fault.path.is_empty() => {
            let (value, key) = config.at_pointer(&fault.path);
            // A key shows more than a map that goes on for lines.
            match (value.as_scalar(), key) {
                (None, Some(key)) => key.clone(),
                _ => value.span.clone(),
            }
        }
        _ => config_place(entry),
    };
    let subject = if fault.path.is_empty() {
        "the configuration".to_owned()
    } else {
        format!("`{}`", quoted(fault.path.trim_start_matches('/')))
    };
    let message = format!("{subject} does not fit: {}", clipped(&fault.message));
    findings
        .add(Code::ConfigSchema, &at, message)
        .maybe_help(outside(&fault.path, overridden));
}

fn config_place(entry: &NodeEntry) -> Range<usize> {
    match &entry.config {
        // The span of a map in block style goes on to the next key.
        Some(config) => config.span.start..config.span.start + 1,
        None => entry.use_span.clone(),
    }
}

fn outside(path: &str, overridden: &[&str]) -> Option<String> {
    let key = path.split('/').nth(1)?;
    overridden
        .contains(&key)
        .then(|| format!("`{}` was set from outside the document", quoted(key)))
}

/// Where in the configuration a node says that a fault is.
struct Detail {
    path: String,
    line: Option<usize>,
    column: usize,
}

impl Detail {
    fn of(failure: &Failure) -> Option<Self> {
        let detail = failure.detail.as_ref()?.to_tree();
        let number = |key| {
            detail
                .get(key)
                .and_then(Tree::as_u64)
                .and_then(|number| usize::try_from(number).ok())
        };
        Some(Self {
            path: detail.get("path")?.as_str()?.to_owned(),
            line: number("line"),
            column: number("column").unwrap_or(1),
        })
    }

    fn find(&self, source: &Source, entry: &NodeEntry) -> Option<Range<usize>> {
        let (value, _) = entry.config.as_ref()?.at_pointer(&self.path);
        let text = &value.as_scalar()?.text;
        let Some(line) = self.line else {
            return Some(value.span.clone());
        };
        let before: usize = text
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        let line = text.get(before..)?.lines().next().unwrap_or_default();
        let column = line
            .char_indices()
            .nth(self.column.saturating_sub(1))
            .map_or(line.len(), |(at, _)| at);
        let start = floor_boundary(text, before + column);
        let end = text[start..]
            .chars()
            .next()
            .map_or(start, |c| start + c.len_utf8());
        Some(value.place_within(source, &(start..end)))
    }
}
