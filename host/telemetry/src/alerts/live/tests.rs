use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::*;
use uuid::Uuid;

use super::feed::MOST_MINUTES;
use super::*;
use crate::alerts::check::{Message, check};
use crate::alerts::moment::Minute;
use crate::alerts::past::{Answer, Ended, KnownSince, Minutes, Series};
use crate::alerts::receivers::Log;
use crate::alerts::rule::Rule;
use crate::alerts::state::StateError;
use crate::alerts::tests::{Jumping, rule};
use crate::{
    ByOutcome, FlowId, FlowPoint, Gauges, NodeId, NodePoint, Outcome, Sketch, TICKS_PER_SECOND,
    Tokens,
};

/// The clock of [`Jumping`] begins here, which is the beginning of a minute.
const START: Minute = Minute(1_800_000_000 / 60);

/// A run of a flow with one node.
#[derive(Debug, Clone)]
struct Done {
    /// When it ended, in tens of seconds since the start.
    at: u64,
    flow: &'static str,
    outcome: Outcome,
    seconds: u64,
    tokens: u64,
}

impl Done {
    fn ended(&self) -> Moment {
        Moment::of_ms(START.start().ms() + self.at * 10_000 + 5_000)
    }

    fn run(&self, number: usize) -> RunEnded {
        RunEnded {
            run: Uuid::from_u128(number as u128),
            project: "default".into(),
            flow: self.flow.into(),
            version: 1,
            outcome: self.outcome,
            took: Duration::from_secs(self.seconds),
            at: self.ended(),
            failed_node: self.outcome.is_error().then(|| "write".into()),
        }
    }

    fn points(&self) -> (FlowPoint, NodePoint) {
        let id = Arc::new(FlowId {
            project: "default".into(),
            flow: self.flow.into(),
            version: 1,
        });
        let mut sketch = Sketch::new();
        sketch.record(self.seconds * TICKS_PER_SECOND);
        let mut durations = ByOutcome::default();
        durations.add_to(self.outcome, &sketch);
        let node = NodePoint {
            id: Arc::new(NodeId {
                flow: Arc::clone(&id),
                node: "write".into(),
                plugin: "lockgate:text".into(),
                plugin_version: "1.0.0".into(),
            }),
            counts: NodeCounts {
                durations: durations.clone(),
                tokens: Tokens {
                    input: self.tokens,
                    output: 0,
                },
                ..NodeCounts::default()
            },
        };
        (FlowPoint { id, durations }, node)
    }
}

/// What the collector takes of ten seconds.
fn snapshot(runs: &[Done], ten: u64, depth: u64) -> Arc<Snapshot> {
    let at = |ten: u64| START.start().time() + Duration::from_secs(10 * ten);
    let points = runs.iter().filter(|run| run.at == ten).map(Done::points);
    let (flows, nodes) = points.unzip();
    Arc::new(Snapshot {
        from: at(ten),
        to: at(ten + 1),
        flows,
        nodes,
        models: Vec::new(),
        gauges: Gauges {
            queue_depth: depth,
            ..Gauges::default()
        },
        own: Vec::new(),
    })
}

/// A past in memory.
#[derive(Debug, Default)]
struct Kept {
    snapshots: Vec<Arc<Snapshot>>,
    runs: Vec<RunEnded>,
}

impl Past for Kept {
    fn minutes<'a>(&'a self, of: &'a Series, span: Range<Minute>) -> Answer<'a, Minutes> {
        let mut minutes = Minutes::new();
        for snapshot in &self.snapshots {
            let minute = Moment::of(snapshot.from).minute();
            if span.contains(&minute) {
                of.add(snapshot, minutes.entry(minute).or_default());
            }
        }
        futures::future::ready(Ok(minutes)).boxed()
    }

    fn gauges(&self, span: Range<Minute>) -> Answer<'_, BTreeMap<Minute, Gauges>> {
        let mut kept = BTreeMap::new();
        let mut timeline = Timeline::default();
        for snapshot in &self.snapshots {
            let passed = timeline.take(snapshot);
            for (range, is_new) in [(&passed.before, false), (&passed.after, true)] {
                for minute in (range.start.0..range.end.0).map(Minute) {
                    if !passed.was_there(minute) {
                        kept.remove(&minute);
                    } else if is_new || !kept.contains_key(&minute) {
                        kept.insert(minute, snapshot.gauges);
                    }
                }
            }
            if let Some((open, true)) = timeline.open() {
                kept.insert(open, snapshot.gauges);
            }
        }
        kept.retain(|minute, _| span.contains(minute));
        futures::future::ready(Ok(kept)).boxed()
    }

    fn known_since(&self) -> Answer<'_, KnownSince> {
        let first = self.snapshots.first();
        let known = KnownSince {
            minutes: first.map(|snapshot| Moment::of(snapshot.from).minute()),
            runs: self.runs.first().map(|run| run.at),
        };
        futures::future::ready(Ok(known)).boxed()
    }

    fn runs<'a>(
        &'a self,
        project: &'a Kebab,
        flow: Option<&'a Kebab>,
        span: Range<Moment>,
        most: usize,
    ) -> Answer<'a, Ended> {
        let of = |run: &&RunEnded| {
            *run.project == *project.as_str()
                && flow.is_none_or(|flow| flow.as_str() == &*run.flow)
                && span.contains(&run.at)
        };
        let found: Vec<_> = self.runs.iter().filter(of).cloned().collect();
        let first = found.len().saturating_sub(most);
        let ended = Ended {
            runs: found[first..].to_vec(),
            is_all: first == 0,
        };
        futures::future::ready(Ok(ended)).boxed()
    }
}

/// A state in memory.
#[derive(Debug, Default)]
struct InMemory(Mutex<Option<String>>);

impl AlertState for InMemory {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>, StateError>> {
        let text = self.0.lock().expect("no panic").clone();
        futures::future::ready(Ok(text)).boxed()
    }

    fn save(&self, text: String) -> BoxFuture<'_, Result<(), StateError>> {
        *self.0.lock().expect("no panic") = Some(text);
        futures::future::ready(Ok(())).boxed()
    }
}

fn rules(silence_minutes: u64, holds_for: u64) -> Vec<Rule> {
    let conditions = [
        "2 runs in a row of flow poem over 5 s",
        "3 runs in a row of all flows not ok",
        "error rate of poem over 40 % for 3 min",
        "trap rate of node poem/write over 20 % for 2 min",
        "P90 of node poem/write over 6 s for 2 min",
        "average of all flows over 4 s for 5 min",
        "runs of flow poem below 2 for 4 min",
        "errors of all flows over 3 for 6 min",
        "tokens of the day over 80 % of the budget",
        "tokens of flow poem over 400 for 3 min",
        "queue depth over 3 for 2 min",
    ];
    let rule = |(number, when): (usize, &&str)| {
        let mut rule = rule(&format!("r{number}"), when);
        rule.silence = Duration::from_secs(60 * silence_minutes);
        if !rule.when.is_of_runs() {
            rule.holds_for = Duration::from_secs(60 * holds_for);
        }
        rule
    };
    conditions.iter().enumerate().map(rule).collect()
}

struct Host {
    alerts: Alerts,
}

/// A host that starts, so many tens of seconds after the start.
async fn host(rules: Vec<Rule>, state: &Arc<InMemory>, past: &Kept, ten: u64) -> Host {
    let clock = Jumping::default();
    clock.sleep(Duration::from_secs(10 * ten)).await;
    let receivers: Receivers = vec![("log".parse().expect("a name"), Arc::new(Log))];
    let set = RuleSet {
        rules,
        ..RuleSet::default()
    };
    let state = Arc::clone(state) as Arc<dyn AlertState>;
    let alerts = Alerts::new(set, receivers, state, Arc::new(clock), Own::default());
    alerts.start(past).await.expect("a past");
    Host { alerts }
}

/// What was told, in an order that does not depend on when rules were looked at.
type Said = Vec<(String, Moment, Change, String, Vec<Uuid>)>;

fn sorted(mut said: Said) -> Said {
    said.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    said
}

fn said(notices: Vec<Notice>) -> Said {
    let one = |notice: Notice| {
        let Notice {
            rule,
            at,
            change,
            runs,
            ..
        } = notice;
        (rule, at, change, notice.told.value, runs)
    };
    notices.into_iter().map(one).collect()
}

/// Runs hosts one after the other over the same time, each from where the one before stopped, and gives what they told, and
/// the past that is left.
async fn live(
    rules: &[Rule],
    runs: &[Done],
    depths: &[u64],
    restarts: &[u64],
    every: u64,
) -> (Said, Kept) {
    let state = Arc::new(InMemory::default());
    let mut past = Kept::default();
    let mut all = Vec::new();
    let mut current = host(rules.to_vec(), &state, &past, 0).await;
    let tens = depths.len() as u64 * 6;
    for ten in 0..tens {
        if restarts.contains(&ten) && ten > 0 {
            current.alerts.save().await;
            current = host(rules.to_vec(), &state, &past, ten).await;
        }
        for (number, run) in runs.iter().enumerate().filter(|(_, run)| run.at == ten) {
            let run = run.run(number);
            current.alerts.run_ended(run.clone());
            past.runs.push(run);
        }
        let snapshot = snapshot(runs, ten, depths[(ten / 6) as usize]);
        current.alerts.take(&snapshot);
        past.snapshots.push(snapshot);
        // A host that stops has looked at what there was: it does so when it is closed.
        if ten % every == 0 || restarts.contains(&(ten + 1)) || ten + 1 == tens {
            all.extend(said(current.alerts.evaluate()));
        }
    }
    (sorted(all), past)
}

async fn checked(rules: &[Rule], past: &Kept, minutes: u64) -> Said {
    let span = START.start()..Minute(START.0 + minutes).start();
    let report = check(rules, 0, past, span).await.expect("a past");
    let mut all = Vec::new();
    for finding in report.rules {
        for firing in finding.firings {
            for message in firing.messages {
                let Message {
                    at,
                    change,
                    value,
                    runs,
                } = message;
                all.push((finding.rule.clone(), at, change, value, runs));
            }
        }
    }
    sorted(all)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn runs(minutes: u64) -> impl Strategy<Value = Vec<Done>> {
    let outcomes = vec![
        Outcome::Ok,
        Outcome::Ok,
        Outcome::Failed,
        Outcome::Trapped,
        Outcome::Cancelled,
    ];
    let one = (
        0..minutes * 6,
        prop::sample::select(vec!["poem", "poem", "other"]),
        prop::sample::select(outcomes),
        1_u64..10,
        0_u64..200,
    );
    let one = one.prop_map(|(at, flow, outcome, seconds, tokens)| Done {
        at,
        flow,
        outcome,
        seconds,
        tokens,
    });
    prop::collection::vec(one, 0..60).prop_map(|mut runs| {
        runs.sort_by_key(|run| run.at);
        // Two that end at once have no order that a store could keep.
        runs.dedup_by_key(|run| run.at);
        runs
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_past_comes_out_as_it_did_live(
        runs in runs(30), depths in prop::collection::vec(0_u64..8, 30),
        silence in 1_u64..12, holds_for in 0_u64..3, every in 1_u64..20,
    ) {
        block_on(async {
            let rules = rules(silence, holds_for);
            let (live, past) = live(&rules, &runs, &depths, &[], every).await;
            let checked = checked(&rules, &past, 30).await;
            prop_assert_eq!(live, checked);
            Ok(())
        })?;
    }

    #[test]
    fn a_host_that_starts_again_tells_what_it_would_have_told(
        runs in runs(30), depths in prop::collection::vec(0_u64..8, 30),
        silence in 1_u64..12, holds_for in 0_u64..3,
        restarts in prop::collection::vec(1_u64..180, 1..4),
    ) {
        block_on(async {
            let rules = rules(silence, holds_for);
            let (whole, _) = live(&rules, &runs, &depths, &[], 1).await;
            let (parts, _) = live(&rules, &runs, &depths, &restarts, 1).await;
            prop_assert_eq!(parts, whole);
            Ok(())
        })?;
    }
}

fn failed(at: u64) -> Done {
    Done {
        at,
        flow: "poem",
        outcome: Outcome::Failed,
        seconds: 1,
        tokens: 100,
    }
}

#[test]
fn a_notice_names_the_last_runs_behind_it() {
    block_on(async {
        let runs: Vec<_> = (0..8).map(failed).collect();
        let rules = [rule("bad", "8 runs in a row of poem not ok")];
        let (told, _) = live(&rules, &runs, &[0; 3], &[], 1).await;
        let ids: Vec<_> = (3..8).rev().map(Uuid::from_u128).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].4, ids);
        assert_eq!((told[0].2, told[0].3.as_str()), (Change::Fired, "8"));
    });
}

#[test]
fn what_was_not_looked_at_when_a_host_was_killed_is_told_by_the_next() {
    block_on(async {
        let rules = vec![rule("bad", "2 runs in a row of poem not ok")];
        let state = Arc::new(InMemory::default());
        let mut past = Kept::default();
        let first = host(rules.clone(), &state, &past, 0).await;
        first.alerts.save().await;
        // It is killed before it looks at these.
        past.runs = [failed(1), failed(2)]
            .iter()
            .enumerate()
            .map(|(n, run)| run.run(n))
            .collect();
        drop(first);
        let second = host(rules.clone(), &state, &past, 4).await;
        let waiting = second.alerts.courier.waiting();
        assert_eq!(waiting["log"].len(), 1);
        second.alerts.save().await;
        // Killed again before it is delivered: it is not lost, and not told twice.
        let third = host(rules, &state, &past, 5).await;
        assert_eq!(third.alerts.courier.waiting(), waiting);
        let project = "default".parse().expect("a name");
        let views = third.alerts.views(&project);
        assert!(matches!(views[0].phase, Phase::Firing { told: true, .. }));
        assert_eq!(views[0].value.as_deref(), Some("2"));
    });
}

#[test]
fn a_first_start_tells_nothing_of_what_was_before() {
    block_on(async {
        let rules = vec![rule("bad", "2 runs in a row of poem not ok")];
        let past = Kept {
            runs: [failed(1), failed(2)]
                .iter()
                .enumerate()
                .map(|(n, run)| run.run(n))
                .collect(),
            ..Kept::default()
        };
        let host = host(rules, &Arc::default(), &past, 60).await;
        assert!(host.alerts.evaluate().is_empty() && host.alerts.courier.waiting().is_empty());
        // But it is remembered: one more is the third.
        host.alerts.run_ended(failed(61).run(3));
        let told = host.alerts.evaluate();
        assert_eq!(told[0].told.value, "3");
    });
}

#[test]
fn a_rule_that_waits_for_something_else_is_another_rule() {
    block_on(async {
        let state = Arc::new(InMemory::default());
        let first = host(
            vec![rule("bad", "1 runs in a row of poem not ok")],
            &state,
            &Kept::default(),
            0,
        )
        .await;
        first.alerts.run_ended(failed(1).run(1));
        assert_eq!(first.alerts.evaluate().len(), 1);
        first.alerts.save().await;
        let changed = vec![rule("bad", "1 runs in a row of poem failed")];
        let second = host(changed, &state, &Kept::default(), 2).await;
        let project = "default".parse().expect("a name");
        assert_eq!(second.alerts.views(&project)[0].phase, Phase::Quiet);
        // Who was told is told that nobody looks any more, once.
        let waiting = |host: &Host| {
            let waiting = host.alerts.courier.waiting();
            let of_log = waiting.get("log").cloned().unwrap_or_default();
            let changes = of_log.iter().map(|notice| notice.change);
            changes.collect::<Vec<_>>()
        };
        assert_eq!(waiting(&second), [Change::Fired, Change::Withdrawn]);
        second.alerts.save().await;
        let none = self::host(Vec::new(), &state, &Kept::default(), 3).await;
        assert_eq!(waiting(&none), [Change::Fired, Change::Withdrawn]);
        let nobody = "nobody".parse().expect("a name");
        assert!(second.alerts.views(&nobody).is_empty());
    });
}

#[test]
fn a_state_that_makes_no_sense_is_none() {
    block_on(async {
        let state = Arc::new(InMemory(Mutex::new(Some("{\"seen\": 3}".to_owned()))));
        let host = host(
            vec![rule("bad", "1 runs in a row of poem not ok")],
            &state,
            &Kept::default(),
            0,
        )
        .await;
        host.alerts.run_ended(failed(1).run(1));
        assert_eq!(host.alerts.evaluate().len(), 1);
    });
}

#[test]
fn more_runs_than_fit_are_counted() {
    block_on(async {
        let own = Own::default();
        let set = RuleSet {
            rules: vec![rule("bad", "1 runs in a row of poem not ok")],
            ..RuleSet::default()
        };
        let state: Arc<InMemory> = Arc::default();
        let alerts = Alerts::new(
            set,
            Vec::new(),
            state,
            Arc::new(Jumping::default()),
            own.clone(),
        );
        for number in 0..MOST_RUNS + 3 {
            alerts.run_ended(failed(1).run(number));
        }
        assert_eq!(own.all().iter().map(|count| count.total).sum::<u64>(), 3);
        assert_eq!(alerts.evaluate().len(), 1);
    });
}

/// A snapshot of nothing, from one second after the start to another.
fn nothing(from: u64, to: u64) -> Arc<Snapshot> {
    let at = |second: u64| START.start().time() + Duration::from_secs(second);
    Arc::new(Snapshot {
        from: at(from),
        to: at(to),
        flows: Vec::new(),
        nodes: Vec::new(),
        models: Vec::new(),
        gauges: Gauges::default(),
        own: Vec::new(),
    })
}

#[test]
fn of_minutes_in_which_nobody_was_there_nothing_is_known() {
    let mut feed = Feed::new(vec![None]);
    let spans = [
        (0, 50),
        (50, 70),
        (70, 190),  // late, and there
        (190, 311), // it slept
        (311, 350),
        (350, 420),
        (420, 425),
    ];
    for (from, to) in spans {
        assert_eq!(feed.take(&nothing(from, to)), 0);
    }
    let minutes = feed.over.iter();
    let minutes: Vec<_> = minutes
        .map(|over| (over.minute.0 - START.0, over.gauges.is_some()))
        .collect();
    let expected = [true, true, true, false, false, false, true];
    let expected: Vec<_> = (0..).zip(expected).collect();
    assert_eq!(minutes, expected);
    assert!(feed.take(&nothing(425, 60 * 1_000)) > 0);
    assert_eq!(feed.over.len(), MOST_MINUTES);
    assert!(feed.over.iter().all(|over| over.gauges.is_none()));
}

/// What a host tells of a rule that waits for too few runs, and what a check finds, where these are the snapshots.
async fn told_of(when: &str, spans: &[(u64, u64)], minutes: u64) -> (Vec<Change>, usize) {
    let rules = vec![rule("few", when)];
    let mut past = Kept::default();
    let host = host(rules.clone(), &Arc::default(), &past, 0).await;
    let mut told = Vec::new();
    for (from, to) in spans {
        let snapshot = nothing(*from, *to);
        host.alerts.take(&snapshot);
        past.snapshots.push(snapshot);
        told.extend(
            host.alerts
                .evaluate()
                .into_iter()
                .map(|notice| notice.change),
        );
    }
    (told, checked(&rules, &past, minutes).await.len())
}

#[test]
fn a_machine_that_slept_is_not_a_flow_that_stopped() {
    block_on(async {
        let few = "runs of flow poem below 1 for 1 h";
        // There for 10 minutes, away for two hours, there for 59 whole minutes.
        let minute = |at: u64| (60 * at, 60 * (at + 1));
        let mut spans: Vec<_> = (0..10).map(minute).collect();
        spans.push((600, 7_830));
        spans.push((7_830, 7_860));
        spans.extend((131..190).map(minute));
        assert_eq!(told_of(few, &spans, 190).await, (vec![], 0));
        spans.push(minute(190));
        assert_eq!(told_of(few, &spans, 191).await, (vec![Change::Fired], 1));
    });
}

#[test]
fn the_minute_that_a_host_begins_in_is_not_one_in_which_nothing_ran() {
    block_on(async {
        let few = vec![rule("few", "runs of flow poem below 1 for 1 min")];
        // It begins 50 seconds into a minute; one that was there half a minute before goes on.
        for (before, expected) in [(vec![], 0), (vec![nothing(0, 20)], 1)] {
            let past = Kept {
                snapshots: before,
                ..Kept::default()
            };
            let host = host(few.clone(), &Arc::default(), &past, 5).await;
            host.alerts.take(&nothing(50, 60));
            assert_eq!(host.alerts.evaluate().len(), expected);
            host.alerts.take(&nothing(60, 120));
            assert_eq!(host.alerts.evaluate().len(), 1 - expected);
        }
    });
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_rules() {
    block_on(async {
        let rules = vec![
            rule("rows", "1 runs in a row of poem not ok"),
            rule("few", "runs of flow poem below 1 for 1 min"),
        ];
        let state = Arc::default();
        let past = Kept::default();
        // Eight hours later than it is.
        let hours = 8 * 3_600;
        let first = host(rules.clone(), &state, &past, hours / 10).await;
        first.alerts.run_ended(failed(hours / 10).run(1));
        first.alerts.take(&nothing(hours, hours + 60));
        assert_eq!(first.alerts.evaluate().len(), 2);
        // It is set right.
        first.alerts.take(&nothing(30, 30));
        for from in [30, 60, 120] {
            first.alerts.take(&nothing(from, (from + 60) / 60 * 60));
        }
        let mut ok = failed(7).run(2);
        ok.outcome = Outcome::Ok;
        first.alerts.run_ended(ok);
        first.alerts.run_ended(failed(8).run(3));
        let told = said(first.alerts.evaluate());
        let changes: Vec<_> = told.iter().map(|told| (told.0.as_str(), told.2)).collect();
        // Within an hour nobody is told again, whatever the clock said before.
        assert_eq!(changes, [("rows", Change::Over)]);
        for minute in 3..70 {
            first.alerts.take(&nothing(60 * minute, 60 * (minute + 1)));
        }
        let told = said(first.alerts.evaluate());
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].0.as_str(), told[0].2), ("few", Change::Again));
        // What was seen in the future is not what the next host has seen.
        first.alerts.save().await;
        let next = host(rules, &state, &past, 70 * 6).await;
        let seen = next.alerts.rules().seen;
        assert_eq!(seen.runs, Moment::of_ms(START.start().ms() + 70 * 60_000));
    });
}

#[test]
fn of_rules_that_fire_all_the_time_a_part_is_told() {
    block_on(async {
        let mut often = rule("often", "1 runs in a row of poem not ok");
        let mut queue = rule("queue", "queue depth over 0 for 1 min");
        (often.silence, queue.silence) = (Duration::from_secs(1), Duration::from_secs(60));
        let runs = (0..10_000).map(|number: u64| {
            let mut run = failed(0).run(usize::try_from(number).expect("small"));
            run.at = Moment::of_ms(START.start().ms() + number * 1_000);
            if number % 2 == 1 {
                run.outcome = Outcome::Ok;
            }
            run
        });
        let snapshots = (0..6_000).map(|ten| snapshot(&[], ten, 1));
        let past = Kept {
            runs: runs.collect(),
            snapshots: snapshots.collect(),
        };
        let span = START.start()..Minute(START.0 + 1_000).start();
        let report = check(&[often, queue], 0, &past, span)
            .await
            .expect("a past");
        let [often, queue] = &report.rules[..] else {
            unreachable!("two rules");
        };
        assert_eq!(often.firings.len() as u64 + often.more, 5_000);
        assert!(often.firings.len() <= 200, "{}", often.firings.len());
        let messages = often.firings.iter().map(|firing| firing.messages.len());
        assert!(messages.sum::<usize>() <= 400);
        assert!(often.firings.iter().all(|firing| firing.until.is_some()));
        let [firing] = &queue.firings[..] else {
            unreachable!("one firing");
        };
        assert_eq!((firing.messages.len(), firing.more_messages), (400, 600));
    });
}

#[test]
fn what_is_not_kept_is_not_judged() {
    block_on(async {
        let rules = [
            rule("few", "runs of flow poem below 1 for 1 min"),
            rule("rows", "1 runs in a row of poem not ok"),
        ];
        let past = Kept {
            runs: vec![failed(60).run(1)],
            snapshots: (30..120).map(|ten| snapshot(&[], ten, 0)).collect(),
        };
        let span = START.start()..Minute(START.0 + 20).start();
        let report = check(&rules, 0, &past, span).await.expect("a past");
        let from = |index: usize| report.rules[index].from;
        assert_eq!(from(0), Minute(START.0 + 5).start());
        assert_eq!(from(1), failed(60).ended());
        assert_eq!(
            report.rules[0].firings[0].fired,
            Minute(START.0 + 6).start()
        );
        // Nothing at all is kept.
        let (none, span) = (Kept::default(), START.start()..START.end());
        let report = check(&rules, 0, &none, span).await.expect("a past");
        assert_eq!(report.rules[0].from, START.end());
    });
}

/// A past that takes for ever, and counts how often it is asked for runs.
#[derive(Default)]
struct Slow(std::sync::atomic::AtomicUsize, bool);

impl Past for Slow {
    fn minutes<'a>(&'a self, _: &'a Series, _: Range<Minute>) -> Answer<'a, Minutes> {
        futures::future::ready(Ok(Minutes::new())).boxed()
    }

    fn gauges(&self, _: Range<Minute>) -> Answer<'_, BTreeMap<Minute, Gauges>> {
        futures::future::ready(Ok(BTreeMap::new())).boxed()
    }

    fn runs<'a>(
        &'a self,
        _: &'a Kebab,
        _: Option<&'a Kebab>,
        _: Range<Moment>,
        _: usize,
    ) -> Answer<'a, Ended> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if self.1 {
            return futures::future::pending().boxed();
        }
        futures::future::ready(Ok(Ended::default())).boxed()
    }

    fn known_since(&self) -> Answer<'_, KnownSince> {
        futures::future::ready(Ok(KnownSince::default())).boxed()
    }
}

#[tokio::test]
async fn a_host_starts_however_long_the_past_takes_and_reads_runs_once() {
    let alerts = || {
        let set = RuleSet {
            rules: rules(1, 0),
            ..RuleSet::default()
        };
        let (state, clock) = (Arc::new(InMemory::default()), Arc::new(Jumping::default()));
        Alerts::new(set, Vec::new(), state, clock, Own::default())
    };
    let past = Slow::default();
    alerts().start(&past).await.expect("a past");
    assert_eq!(past.0.into_inner(), 1);
    let stuck = Slow(Default::default(), true);
    let alerts = alerts();
    let error = alerts.start(&stuck).await.expect_err("too long");
    assert!(error.to_string().contains("too long"), "{error}");
    // It goes on with nothing.
    alerts.run_ended(failed(1).run(1));
    alerts.take(&nothing(0, 60));
    alerts.evaluate();
}

#[tokio::test]
async fn it_looks_delivers_and_keeps_until_it_is_stopped() {
    let state = Arc::new(InMemory::default());
    let host = host(
        vec![rule("bad", "1 runs in a row of poem not ok")],
        &state,
        &Kept::default(),
        0,
    )
    .await;
    host.alerts.run_ended(failed(1).run(1));
    let delivered = async {
        loop {
            let text = state
                .0
                .lock()
                .expect("no panic")
                .clone()
                .unwrap_or_default();
            if text.contains("firing") && text.contains("\"waiting\":{}") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    host.alerts.run(Duration::from_secs(5), delivered).await;
    host.alerts.close(Duration::from_secs(5)).await;
    assert!(host.alerts.courier.waiting().is_empty());
}
