//! Alerts: which rules fire, and when rules would have fired.

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use lockgate_service::{Caller, Moment, Scope};
use lockgate_telemetry::alerts::check::{self, Finding, Firing, Message};
use lockgate_telemetry::alerts::config::AlertsConfig;
use lockgate_telemetry::alerts::{self, Change, Condition, Phase, Rule, RuleView};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::alerting::Alerting;
use crate::api::{Answer, App};
use crate::body::Given;
use crate::extract::{Text, Who};
use crate::problem::{Code, Problem};
use crate::time::Time;

/// How far back rules are looked at where nobody says otherwise.
const WEEK_MS: i64 = 7 * 24 * 3_600_000;

/// How many rules are looked at in one request.
const MOST_RULES: usize = 50;

/// How long one request looks at rules.
const LONGEST: Duration = Duration::from_secs(30);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_alerts))
        .routes(routes!(check_alerts))
}

/// The rules in force.
#[derive(Debug, Serialize, ToSchema)]
struct AlertsView {
    /// In the order of their file.
    rules: Vec<AlertView>,
}

/// A rule, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
struct AlertView {
    /// Its name.
    rule: String,
    /// What it waits for.
    #[schema(example = "3 runs in a row of flow poem over 5 s")]
    condition: String,
    /// `info`, `warning` or `critical`.
    severity: &'static str,
    /// Who is told.
    tell: Vec<String>,
    /// `quiet`; `pending`, where its condition holds and not yet for long enough; or `firing`.
    state: &'static str,
    /// From when on its condition holds.
    since: Option<Moment>,
    /// The last value while it fires, for people.
    value: Option<String>,
    /// Whether somebody was told that it fires. Within its silence time nobody is.
    told: bool,
}

/// What is to be tried on the past.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckBody {
    /// The text of a file of rules. Left out: the rules in force.
    rules: Option<String>,
    /// From when on, as RFC 3339. Left out: a week ago. At most 31 days are looked at.
    #[schema(value_type = Option<String>, format = "date-time")]
    since: Option<Text<Time>>,
    /// Until when. Left out: now.
    #[schema(value_type = Option<String>, format = "date-time")]
    until: Option<Text<Time>>,
}

/// What rules would have done.
#[derive(Debug, Serialize, ToSchema)]
struct CheckView {
    /// The beginning of what was looked at.
    from: Moment,
    /// Its end.
    to: Moment,
    /// By rule, in their order.
    rules: Vec<FindingView>,
    /// Rules of the body that the key may not see what they are about. The queue is that of the whole host: rules about it are
    /// tried with the scope `admin`, or where they are in force.
    left_out: Vec<String>,
}

/// What one rule would have done.
#[derive(Debug, Serialize, ToSchema)]
struct FindingView {
    /// Its name.
    rule: String,
    /// Its condition.
    condition: String,
    /// From when on it was looked at: later than was asked for where what was before is not kept.
    from: Moment,
    /// When it would have fired, the first 200 times.
    firings: Vec<FiringView>,
    /// How many times more it would have fired, after these.
    more: u64,
    /// Whether there were more runs in a day than are looked at, so that firings may be missing.
    cut: bool,
}

/// A time in which a rule fires.
#[derive(Debug, Serialize, ToSchema)]
struct FiringView {
    /// From when on its condition held.
    since: Moment,
    /// When it began to fire.
    fired: Moment,
    /// When it was over; null where it goes on.
    until: Option<Moment>,
    /// The value that was farthest beyond the bound: seconds, a share or a count.
    worst: f64,
    /// The same, for people.
    worst_told: String,
    /// What would have been told, the first 400 messages of a rule. Nothing, where it was within the silence time.
    messages: Vec<MessageView>,
    /// How many times more, after these.
    more_messages: u64,
}

/// Something that would have been told.
#[derive(Debug, Serialize, ToSchema)]
struct MessageView {
    /// When.
    at: Moment,
    /// `fired`, `again`, `over`, `forgotten` or `withdrawn`.
    change: &'static str,
    /// The value, for people.
    value: String,
    /// The last runs behind it, the newest first; at most 5.
    runs: Vec<Uuid>,
}

/// The rules in force, and which of them fire. It needs the scope `read`.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts",
    responses((status = 200, body = AlertsView, description = "The rules.")))]
async fn get_alerts(State(api): State<App>, Who(caller): Who) -> Answer<AlertsView> {
    caller.may(Scope::Read)?;
    let alerting = api.alerting.as_ref();
    let Some(in_force) = alerting.and_then(|alerting| alerting.in_force.as_ref()) else {
        return Ok(Json(AlertsView { rules: Vec::new() }));
    };
    let seen = |view: &RuleView| {
        let mut rules = in_force.rules.rules.iter();
        rules.any(|rule| rule.name.as_str() == view.rule && sees(&caller, rule))
    };
    let views = in_force.alerts.views(&caller.project).into_iter();
    let rules = views.filter(seen).map(AlertView::from).collect();
    Ok(Json(AlertsView { rules }))
}

/// When rules would have fired: those of the body, or those in force. Nobody is told. It needs the scope `read`.
#[utoipa::path(post, path = "/api/v1/alerts/check", tag = "alerts", request_body = CheckBody, responses(
    (status = 200, body = CheckView, description = "When they would have fired."),
    (status = 404, description = "The body has no rules, and the host looks at none."),
    (status = 422, description = "The rules have faults, or the span is empty."),
))]
async fn check_alerts(
    State(api): State<App>,
    Who(caller): Who,
    Given(body): Given<CheckBody>,
) -> Answer<CheckView> {
    caller.may(Scope::Read)?;
    let alerting = api.alerting.as_ref().ok_or_else(no_rules)?;
    let _place = alerting.place()?;
    let is_own = body.rules.is_some();
    let (rules, utc_offset) = rules(alerting, body.rules).await?;
    let may_try = |rule: &Rule| sees(&caller, rule) && (!is_own || is_tried(&caller, rule));
    let (seen, mut hidden): (Vec<_>, Vec<_>) = rules.into_iter().partition(may_try);
    if !is_own {
        // Nobody learns of rules in force that are not shown to them.
        hidden.clear();
    }
    if seen.len() > MOST_RULES {
        let detail = format!("at most {MOST_RULES} rules are looked at at once");
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let now = Moment::of(SystemTime::now());
    let until = body.until.map_or(now.0, |until| until.0.0.min(now.0));
    let since = body
        .since
        .map_or(until.saturating_sub(WEEK_MS), |since| since.0.0);
    let span = moment(since)..moment(until);
    if span.is_empty() {
        let detail = "`since` has to be before `until`, and before now";
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let checking = Box::pin(check::check(&seen, utc_offset, &*alerting.past, span));
    let report = tokio::time::timeout(LONGEST, checking).await;
    let report = report.map_err(|_| {
        let detail = "it takes too long: ask for a shorter time, or fewer rules";
        Problem::new(Code::Busy, detail)
    })?;
    let report = report.map_err(|error| {
        tracing::error!(%error, "the past cannot be read");
        Problem::new(Code::Internal, "the log of the host says more")
    })?;
    Ok(Json(CheckView {
        from: told(report.from),
        to: told(report.to),
        rules: report.rules.into_iter().map(FindingView::from).collect(),
        left_out: hidden.iter().map(|rule| rule.name.to_string()).collect(),
    }))
}

fn no_rules() -> Problem {
    let detail = "the host looks at no rules: send some, or have it started with `alerts.file`";
    Problem::new(Code::NotFound, detail)
}

async fn rules(alerting: &Alerting, text: Option<String>) -> Result<(Vec<Rule>, i32), Problem> {
    let Some(text) = text else {
        let set = &alerting.in_force.as_ref().ok_or_else(no_rules)?.rules;
        return Ok((set.rules.clone(), set.utc_offset));
    };
    // Apart, because a text may be long.
    let parsed = tokio::task::spawn_blocking(move || AlertsConfig::parse("rules", &text));
    let parsed = parsed.await.map_err(|error| {
        tracing::error!(%error, "rules cannot be read");
        Problem::new(Code::Internal, "the log of the host says more")
    })?;
    let config = parsed.map_err(|faults| {
        let problem = Problem::new(Code::InvalidRequest, "the rules have faults");
        let fault = |fault: String| json!({ "message": fault });
        let faults: Vec<_> = faults.into_iter().map(fault).collect();
        problem.with("faults", faults)
    })?;
    Ok((config.rules.rules, config.rules.utc_offset))
}

/// Whether a key may try a rule of its own: the queue is that of the whole host, minute by minute.
fn is_tried(caller: &Caller, rule: &Rule) -> bool {
    !matches!(rule.when, Condition::Queue { .. }) || caller.may(Scope::Admin).is_ok()
}

/// Whether a key may see what a rule is about. A key of some flows does not see all of them together, nor the queue.
fn sees(caller: &Caller, rule: &Rule) -> bool {
    let flow = rule.when.subject().and_then(|subject| subject.flow());
    let of_flow = caller
        .flows
        .as_deref()
        .is_none_or(|flows| flow.is_some_and(|flow| flows.contains(flow)));
    rule.project == caller.project && of_flow
}

fn moment(ms: i64) -> alerts::Moment {
    alerts::Moment::of_ms(ms.max(0).unsigned_abs())
}

fn told(moment: alerts::Moment) -> Moment {
    Moment(i64::try_from(moment.ms()).unwrap_or(i64::MAX))
}

impl From<RuleView> for AlertView {
    fn from(view: RuleView) -> Self {
        let (state, since, is_told) = match view.phase {
            Phase::Quiet => ("quiet", None, false),
            Phase::Pending { since } => ("pending", Some(since), false),
            Phase::Firing { since, told, .. } => ("firing", Some(since), told),
        };
        Self {
            rule: view.rule,
            condition: view.condition,
            severity: view.severity.word(),
            tell: view.tell,
            state,
            since: since.map(told),
            value: view.value,
            told: is_told,
        }
    }
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        Self {
            rule: finding.rule,
            condition: finding.condition,
            from: told(finding.from),
            more: finding.more,
            firings: finding.firings.into_iter().map(FiringView::from).collect(),
            cut: finding.cut,
        }
    }
}

impl From<Firing> for FiringView {
    fn from(firing: Firing) -> Self {
        Self {
            since: told(firing.since),
            fired: told(firing.fired),
            until: firing.until.map(told),
            worst: firing.worst,
            worst_told: firing.worst_told,
            more_messages: firing.more_messages,
            messages: firing.messages.into_iter().map(MessageView::from).collect(),
        }
    }
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        Self {
            at: told(message.at),
            change: match message.change {
                Change::Fired => "fired",
                Change::Again => "again",
                Change::Over => "over",
                Change::Forgotten => "forgotten",
                Change::Withdrawn => "withdrawn",
            },
            value: message.value,
            runs: message.runs,
        }
    }
}
