//! Where in a template a fault is.

use lockgate_sdk::Failure;
use minijinja::{Error, ErrorKind};

/// An engine's error as a failure that says where in the template it is.
pub(super) fn failure(error: &Error, source: &str) -> Failure {
    let message = match (error.kind(), error.detail()) {
        (ErrorKind::SyntaxError, Some(detail)) => format!("the template does not parse: {detail}"),
        (kind, Some(detail)) => format!("the template cannot be rendered: {kind}: {detail}"),
        (kind, None) => format!("the template cannot be rendered: {kind}"),
    };
    let failure = Failure::invalid_input(message);
    match (error.range(), error.line()) {
        (Some(range), _) => at(failure, source, range.start),
        (None, Some(line)) => failure.at_line("/template", line, 1),
        (None, None) => failure.at("/template"),
    }
}

/// Adds the place of an offset into the template.
pub(super) fn at(failure: Failure, source: &str, offset: usize) -> Failure {
    let before = source.get(..offset).unwrap_or(source);
    let line = 1 + before.matches('\n').count();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = 1 + before[line_start..].chars().count();
    failure.at_line("/template", line, column)
}

/// Where a variable is first used: the first time that its name stands as a word between `{{` or `{%` and their ends.
pub(super) fn of_variable(source: &str, name: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let uses = source.match_indices(name).map(|(at, _)| at);
    let mut uses = uses.filter(|at| {
        let (before, after) = (&source[..*at], &source[at + name.len()..]);
        let opened = before.rfind("{{").max(before.rfind("{%"));
        let closed = before.rfind("}}").max(before.rfind("%}"));
        let is_field = before.trim_end().ends_with('.');
        opened > closed && !is_field && !before.ends_with(is_word) && !after.starts_with(is_word)
    });
    uses.next().unwrap_or(0)
}
