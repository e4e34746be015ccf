//! A server's no: a problem document (RFC 9457), as a person reads it.

use std::fmt;

use lockgate_model::{escaped, escaped_lines};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::connection::body;

/// The most bytes of a problem that are read.
const MAX_BYTES: usize = 4 << 20;

/// The most that is shown of anything there can be many of.
const MAX_SHOWN: usize = 20;

/// Why a server did not do what it was asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// What sort of problem it is, in kebab-case.
    pub(crate) code: String,
    title: String,
    detail: String,
    /// What is wrong with a document, or with an input.
    pub(crate) faults: Vec<ServerFault>,
    /// Each single fault of a component.
    findings: Vec<String>,
    /// Flows that are in the way.
    flows: Vec<FlowInTheWay>,
}

/// One thing that is wrong with a document. Its places count from 1.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServerFault {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) line: Option<usize>,
    pub(crate) column: Option<usize>,
    pub(crate) help: Option<String>,
    /// Where in an input: a JSON pointer.
    path: Option<String>,
}

/// A flow that would break, or that needs what was to go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FlowInTheWay {
    flow: String,
    version: Option<u32>,
    faults: Vec<ServerFault>,
}

impl Problem {
    /// Reads an answer that is a no. One that is no problem document (a proxy's, say) is told by its status.
    pub(super) async fn of(response: Response) -> Self {
        let status = response.status();
        let text = body(response, MAX_BYTES).await.unwrap_or_default();
        Self::read(status, &text)
    }

    /// A problem that an answer tells of.
    pub(super) fn told(problem: serde_json::Value) -> Self {
        serde_json::from_value(problem).unwrap_or_default()
    }

    fn read(status: StatusCode, text: &[u8]) -> Self {
        let mut problem: Self = serde_json::from_slice(text).unwrap_or_default();
        problem.status = status;
        problem
    }

    /// What to do about it, where that is not in the detail.
    fn help(&self) -> Option<&'static str> {
        match (self.code.as_str(), self.status) {
            (_, StatusCode::UNAUTHORIZED) => Some(
                "set LOCKGATE_KEY to a key of this server: `lockgate key create` makes one beside its data",
            ),
            ("version-taken", _) => Some("give the plugin another version, or push the same bytes"),
            ("", StatusCode::NOT_FOUND) => Some("is this a Lockgate server? See `--server`"),
            (_, StatusCode::TOO_MANY_REQUESTS) => Some("try again in a moment"),
            _ => None,
        }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = [&self.detail, &self.title]
            .into_iter()
            .find(|text| !text.is_empty());
        match said {
            Some(said) => write!(f, "{}", escaped_lines(said))?,
            None => write!(f, "the server says no")?,
        }
        match self.code.as_str() {
            "" => write!(f, " (HTTP {})", self.status.as_u16())?,
            code => write!(f, " ({})", escaped(code))?,
        }
        for fault in self.faults.iter().take(MAX_SHOWN) {
            write!(f, "\n  {fault}")?;
        }
        for finding in self.findings.iter().take(MAX_SHOWN) {
            write!(f, "\n  - {}", escaped(finding))?;
        }
        for flow in self.flows.iter().take(MAX_SHOWN) {
            write!(f, "\n  {flow}")?;
        }
        if let Some(help) = self.help() {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ServerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        } else if let Some(path) = &self.path {
            let path = if path.is_empty() {
                "the input itself"
            } else {
                path
            };
            write!(f, "{}: ", escaped(path))?;
        }
        write!(f, "{}", escaped(&self.message))?;
        match &self.help {
            Some(help) => write!(f, " ({})", escaped(help)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FlowInTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", escaped(&self.flow))?;
        if let Some(version) = self.version {
            write!(f, "@{version}")?;
        }
        for fault in self.faults.iter().take(MAX_SHOWN) {
            write!(f, "\n    {fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_an_error() {
        let text = r#"{"type":"urn:lockgate:problem:flows-would-break","title":"Flows would break","status":409,
            "detail":"1 flow(s) would not run any more, so nothing was changed","code":"flows-would-break",
            "flows":[{"flow":"poem","version":3,"faults":[{"code":"unknown-node","message":"no \u001bnode","line":4,"column":10}]}]}"#;
        let problem = Problem::read(StatusCode::CONFLICT, text.as_bytes());
        assert_eq!(
            problem.to_string(),
            "1 flow(s) would not run any more, so nothing was changed (flows-would-break)\n  poem@3\n    4:10: no \\u{1b}node"
        );
    }

    #[test]
    fn what_is_no_problem_document_is_told_by_its_status() {
        let problem = Problem::read(StatusCode::BAD_GATEWAY, b"<html>oh</html>");
        assert_eq!(problem.to_string(), "the server says no (HTTP 502)");
    }
}
