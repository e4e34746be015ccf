//! What runs did, in numbers.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use lockgate_model::{Ident, Kebab};
use lockgate_service::stats::{By, CompareAsk, CompareView, StatsAsk, StatsView};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Answer, App};
use crate::extract::{Query, Text, Who};
use crate::problem::{Code, Problem};
use crate::time::Time;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(flow_stats))
        .routes(routes!(compare_stats))
}

/// Which runs are counted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatsQuery {
    /// The flow.
    #[param(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "poem")]
    flow: Text<Kebab>,
    /// What there is a row for. Left out: nodes.
    #[param(inline)]
    by: Option<By>,
    /// From when on: RFC 3339, rounded down to a minute, an hour or a day. Left out: for the last 24 hours.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<Text<Time>>,
    /// Until when: RFC 3339, rounded up to a minute, an hour or a day, or to now. Left out: now.
    #[param(value_type = Option<String>, format = "date-time")]
    until: Option<Text<Time>>,
    /// One version of the flow. Left out: all of them.
    #[param(minimum = 1, maximum = 4_294_967_295_u32)]
    version: Option<u32>,
}

/// Which two versions are compared.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CompareQuery {
    /// The first: a flow and its version.
    #[param(value_type = String, max_length = 75, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*@[1-9][0-9]{0,8}$", example = "poem@3")]
    a: Text<FlowVersion>,
    /// The second, which is told to be faster or slower.
    #[param(value_type = String, max_length = 75, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*@[1-9][0-9]{0,8}$", example = "poem@4")]
    b: Text<FlowVersion>,
    /// One node of both. Left out: whole runs.
    #[param(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9_]*$", example = "clean")]
    node: Option<Text<Ident>>,
    /// From when on: RFC 3339, rounded down to a minute, an hour or a day. Left out: everything that is kept.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<Text<Time>>,
    /// Until when: RFC 3339, rounded up to a minute, an hour or a day, or to now. Left out: now.
    #[param(value_type = Option<String>, format = "date-time")]
    until: Option<Text<Time>>,
}

/// What runs of a flow did: counts, outcomes, durations, fuel, memory and tokens, by node or by version, and over time. It
/// needs the scope `read`.
#[utoipa::path(get, path = "/api/v1/stats", tag = "runs", params(StatsQuery), responses(
    (status = 200, body = StatsView, description = "The numbers."),
    (status = 404, description = "There is no such flow, or no such version of it."),
    (status = 422, description = "A part of the query makes no sense."),
))]
async fn flow_stats(
    State(api): State<App>,
    Who(caller): Who,
    Query(query): Query<StatsQuery>,
) -> Answer<StatsView> {
    let ask = StatsAsk {
        flow: query.flow.0,
        by: query.by.unwrap_or_default(),
        since_ms: query.since.map(|since| since.0.0),
        until_ms: query.until.map(|until| until.0.0),
        version: query.version,
    };
    Ok(Json(api.service.stats().get(&caller, ask).await?))
}

/// Whether one version of a flow is faster or slower than another, or no different, with a confidence interval of 95 %. It
/// needs the scope `read`.
#[utoipa::path(get, path = "/api/v1/stats/compare", tag = "runs", params(CompareQuery), responses(
    (status = 200, body = CompareView, description = "How they compare."),
    (status = 404, description = "There is no such version, or neither has such a node."),
    (status = 422, description = "A part of the query makes no sense."),
))]
async fn compare_stats(
    State(api): State<App>,
    Who(caller): Who,
    Query(query): Query<CompareQuery>,
) -> Answer<CompareView> {
    let ask = CompareAsk {
        a: query.a.0.there_may_be()?,
        b: query.b.0.there_may_be()?,
        node: query.node.map(|node| node.0.to_string()),
        since_ms: query.since.map(|since| since.0.0),
        until_ms: query.until.map(|until| until.0.0),
    };
    Ok(Json(api.service.stats().compare(&caller, ask).await?))
}

/// The longest name of a flow.
const MAX_NAME_BYTES: usize = 64;

/// A version of a flow, as it is written in one word.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FlowVersion {
    /// None for a name that is too long for any flow, which only says that there is none.
    flow: Option<Kebab>,
    version: u32,
}

/// A text is no version of a flow.
#[derive(Debug, thiserror::Error)]
#[error("a version of a flow is written as `poem@3`")]
struct NoFlowVersion;

impl FromStr for FlowVersion {
    type Err = NoFlowVersion;

    fn from_str(text: &str) -> Result<Self, NoFlowVersion> {
        let (flow, version) = text.split_once('@').ok_or(NoFlowVersion)?;
        // `parse` takes a sign and leading zeros, too.
        let is_number = version.starts_with(|digit| matches!(digit, '1'..='9'));
        let version = version.parse().ok().filter(|_| is_number);
        // A pattern cannot say how long a part of it is, so that is not a question of form.
        let short = flow.get(..MAX_NAME_BYTES).filter(|short| *short != flow);
        let short = short.map(|short| short.trim_end_matches('-'));
        let is_long = short.is_some_and(|short| short.parse::<Kebab>().is_ok());
        let flow = match flow.parse() {
            Ok(flow) => Some(flow),
            Err(_) if is_long => None,
            Err(_) => return Err(NoFlowVersion),
        };
        Ok(Self {
            flow,
            version: version.ok_or(NoFlowVersion)?,
        })
    }
}

impl FlowVersion {
    /// The flow and the version, unless there can be none.
    fn there_may_be(self) -> Result<(Kebab, u32), Problem> {
        let none = || Problem::new(Code::NotFound, "no flow has a name as long as that");
        Ok((self.flow.ok_or_else(none)?, self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_flows_are_read_from_one_word() {
        let read: FlowVersion = "my-poem@12".parse().expect("a version");
        let flow = read.flow.as_ref().map(Kebab::as_str);
        assert_eq!((flow, read.version), (Some("my-poem"), 12));
        let long: FlowVersion = format!("{}@1", "x".repeat(65)).parse().expect("a form");
        assert_eq!(long.flow, None);
        for none in [
            "",
            "poem",
            "poem@",
            "@3",
            "poem@0",
            "poem@03",
            "poem@+3",
            "poem@3@4",
            "Poem@3",
            "poem@4294967296",
            "poem@-1",
            "poem@3 ",
        ] {
            assert!(none.parse::<FlowVersion>().is_err(), "{none}");
        }
    }
}
