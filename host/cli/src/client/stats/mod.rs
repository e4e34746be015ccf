//! `lockgate stats`: what runs of a flow did, in numbers, and how two of its versions compare.

mod chart;
mod verdict;

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use comfy_table::{ColumnConstraint, Table};
use reqwest::Method;
use serde_json::Value as Tree;

use super::Connection;
use super::push::word;
use crate::args::StatsArgs;
use crate::exit::Failed;
use crate::quantity::{bytes, number, time};
use crate::table;
use chart::{Glyphs, Joined, chart};
use verdict::{Between, Compared, percent};

/// The most pieces of time that are believed of a server.
const MAX_PIECES: u64 = 1_000;

pub(crate) async fn stats(args: StatsArgs) -> Result<(), Failed> {
    let connection = Connection::new(&args.client)?;
    let mut query = Vec::new();
    if let Some(since) = args.since {
        query.push(("since", humantime::format_rfc3339_millis(since).to_string()));
    }
    let path = match (&args.flow, args.compare.as_slice()) {
        (_, [first, second]) => {
            query.push(("a", first.clone()));
            query.push(("b", second.clone()));
            query.extend(args.node.clone().map(|node| ("node", node)));
            "/api/v1/stats/compare"
        }
        (flow, _) => {
            let flow = flow.as_ref().context("say which flow")?;
            query.push(("flow", flow.to_string()));
            query.push(("by", args.by.clone()));
            query.extend(args.version.map(|version| ("version", version.to_string())));
            "/api/v1/stats"
        }
    };
    let query: Vec<_> = query
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let request = connection.request(Method::GET, path, &query)?;
    let answer = connection.answer(request).await?.body;
    if args.json {
        println!("{answer}");
    } else if args.compare.is_empty() {
        show(&answer);
    } else {
        show_compared(&answer);
    }
    Ok(())
}

/// A row for the flow, and one for each node or version.
fn show(stats: &Tree) {
    println!(
        "{} from {} to {}",
        word(&stats["flow"]),
        word(&stats["from_at"]),
        word(&stats["until_at"])
    );
    let pieces = Pieces::of(stats);
    let glyphs = Glyphs::of_locale(|name| std::env::var(name).ok());
    let by = word(&stats["by"]);
    let over_time = ["count over time", "P95 over time"];
    let header = [by.as_str()].into_iter().chain(COSTS).chain(over_time);
    let mut table = table::plain(header);
    let mut add = |name: String, tally: &Tree| {
        let mut cells = vec![name];
        cells.extend(costs(tally));
        cells.push(chart(&pieces.values(tally, "count"), Joined::Sum, glyphs));
        let p95 = pieces.values(tally, "p95_us");
        cells.push(chart(&p95, Joined::Greatest, glyphs));
        table.add_row(cells);
    };
    add("all runs".to_owned(), &stats["total"]);
    let items = stats["items"].as_array();
    for item in items.into_iter().flatten() {
        add(named(item), item);
    }
    print(table);
    if stats["more"] == true {
        println!("there are more than are shown");
    }
}

fn show_compared(compared: &Tree) {
    let (a, b) = (&compared["a"], &compared["b"]);
    let name = |side: &Tree| {
        let flow = format!("{}@{}", word(&side["flow"]), word(&side["version"]));
        match &compared["node"] {
            Tree::Null => flow,
            node => format!("{} of {flow}", word(node)),
        }
    };
    let mut table = table::plain([""].into_iter().chain(COSTS));
    for side in [a, b] {
        let mut cells = vec![name(side)];
        cells.extend(costs(side));
        table.add_row(cells);
    }
    print(table);
    let (first, second) = (name(a), name(b));
    let (verdict, errors) = (word(&compared["verdict"]), word(&compared["errors"]));
    let ok = |side: &Tree| side["outcomes"]["ok"].as_u64().unwrap_or(0);
    let share = |side: &Tree| side["error_rate"].as_f64().unwrap_or(0.0);
    let compared = Compared {
        first: &first,
        second: &second,
        verdict: &verdict,
        ratio: between(&compared["ratio"]),
        ok: [ok(a), ok(b)],
        needed: compared["needed"].as_u64().unwrap_or(0),
        errors: &errors,
        shares: [share(a), share(b)],
        difference: between(&compared["error_difference"]),
    };
    println!("{}", verdict::durations(&compared));
    println!("{}", verdict::errors(&compared));
}

fn between(interval: &Tree) -> Option<Between> {
    Some(Between {
        estimate: interval["estimate"].as_f64()?,
        low: interval["low"].as_f64()?,
        high: interval["high"].as_f64()?,
    })
}

/// A node with the plugins that it was resolved to, where there were several; or a version.
fn named(item: &Tree) -> String {
    if item["node"].is_null() {
        return word(&item["version"]);
    }
    let name = word(&item["node"]);
    let plugins = item["plugins"].as_array();
    let plugins: Vec<_> = plugins
        .into_iter()
        .flatten()
        .map(|used| format!("{}@{}", word(&used["plugin"]), word(&used["version"])))
        .collect();
    match plugins.len() {
        0 | 1 => name,
        _ => format!("{name} ({})", plugins.join(", then ")),
    }
}

/// What [`costs`] gives.
const COSTS: [&str; 10] = [
    "count",
    "errors",
    "P50",
    "P90",
    "P95",
    "P99",
    "max",
    "fuel, mean",
    "memory, max",
    "tokens",
];

/// Count, errors, percentiles, the greatest, fuel, memory and tokens; nothing where there was none.
fn costs(tally: &Tree) -> [String; 10] {
    let told = |value: &Tree, say: fn(u64) -> String| value.as_u64().map_or_else(String::new, say);
    let took = |name: &str| {
        told(&tally["duration"][name], |us| {
            time(Duration::from_micros(us))
        })
    };
    let count = tally["count"].as_u64().unwrap_or(0);
    let errors = match (count, tally["error_rate"].as_f64()) {
        (0, _) | (_, None) => String::new(),
        (_, Some(share)) => percent(share),
    };
    // Of a flow there is a sum only.
    let fuel = match told(&tally["fuel"]["mean"], number) {
        none if none.is_empty() => told(&tally["fuel"]["sum"], |sum| {
            format!("{} in all", number(sum))
        }),
        mean => mean,
    };
    let tokens = &tally["tokens"];
    let tokens = match (tokens["input"].as_u64(), tokens["output"].as_u64()) {
        (Some(0), Some(0)) | (None, _) | (_, None) => String::new(),
        (Some(input), Some(output)) => format!("{} in, {} out", number(input), number(output)),
    };
    [
        number(count),
        errors,
        took("p50_us"),
        took("p90_us"),
        took("p95_us"),
        took("p99_us"),
        took("max_us"),
        fuel,
        told(&tally["memory"]["max"], bytes),
        tokens,
    ]
}

/// What is left out first where a terminal has no room for it.
const LEAST: [usize; 6] = [12, 10, 9, 8, 4, 11];

fn print(mut table: Table) {
    let terminal = console::Term::stdout();
    if let Some((_, width)) = terminal.size_checked().filter(|_| terminal.is_term()) {
        fit(&mut table, width.into());
    }
    table
        .lines()
        .for_each(|line| println!("{}", line.trim_end()));
}

/// Leaves out columns until a table is no wider than that, as long as there are some that may be.
fn fit(table: &mut Table, width: usize) {
    let is_wide = |table: &Table| {
        let mut lines = table.lines();
        lines.any(|line| console::measure_text_width(line.trim_end()) > width)
    };
    for column in LEAST {
        if !is_wide(table) {
            break;
        }
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
}

/// The pieces of time that points are of.
#[derive(Debug, Clone, Copy)]
struct Pieces {
    from: u64,
    step: u64,
    count: u64,
}

impl Pieces {
    fn of(stats: &Tree) -> Self {
        let from = ms(&stats["from_at"]).unwrap_or(0);
        let until = ms(&stats["until_at"]).unwrap_or(0);
        let step = stats["step_ms"].as_u64().unwrap_or(0).max(1);
        Self {
            from,
            step,
            count: until.saturating_sub(from).div_ceil(step).min(MAX_PIECES),
        }
    }

    /// What the points of a row say of each piece.
    fn values(self, tally: &Tree, name: &str) -> Vec<Option<u64>> {
        let mut values = vec![None; usize::try_from(self.count).unwrap_or(0)];
        let points = tally["points"].as_array();
        for point in points.into_iter().flatten() {
            let Some(since) = ms(&point["at"]).and_then(|at| at.checked_sub(self.from)) else {
                continue;
            };
            let place = usize::try_from(since / self.step).unwrap_or(usize::MAX);
            if let Some(value) = values.get_mut(place) {
                *value = point[name].as_u64();
            }
        }
        values
    }
}

/// A moment in milliseconds since 1970.
fn ms(moment: &Tree) -> Option<u64> {
    let moment = humantime::parse_rfc3339(moment.as_str()?).ok()?;
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn points_stand_where_their_time_is() {
        let stats = json!({
            "from_at": "2026-11-20T00:00:00.000Z", "until_at": "2026-11-20T04:30:00.000Z", "step_ms": 3_600_000,
        });
        let tally = json!({ "points": [
            { "at": "2026-11-20T01:00:00.000Z", "count": 3 },
            { "at": "2026-11-20T04:00:00.000Z", "count": 5 },
            { "at": "2026-11-19T04:00:00.000Z", "count": 7 },
            { "at": "2026-11-21T04:00:00.000Z", "count": 9 },
            { "at": "soon", "count": 9 },
        ] });
        let values = Pieces::of(&stats).values(&tally, "count");
        assert_eq!(values, [None, Some(3), None, None, Some(5)]);
        let hostile = json!({ "from_at": "1970-01-01T00:00:00Z", "until_at": "9999-01-01T00:00:00Z", "step_ms": 0 });
        assert_eq!(Pieces::of(&hostile).count, MAX_PIECES);
        assert_eq!(Pieces::of(&Tree::Null).count, 0);
    }

    #[test]
    fn what_was_not_counted_is_left_empty() {
        let empty =
            costs(&json!({ "count": 0, "error_rate": 0.0, "tokens": { "input": 0, "output": 0 } }));
        assert_eq!(empty[0], "0");
        assert!(empty[1..].iter().all(String::is_empty), "{empty:?}");
        let some = costs(&json!({
            "count": 1_200, "error_rate": 0.0125,
            "duration": { "p50_us": 900, "p90_us": 1, "p95_us": 2, "p99_us": 3, "max_us": 12_000_000 },
            "fuel": { "mean": 12_345, "sum": 1 }, "memory": { "max": 65_536 },
            "tokens": { "input": 3, "output": 4_000 },
        }));
        assert_eq!(some[0], "1 200");
        assert_eq!(some[1], "1.2 %");
        assert_eq!(some[2], "900 µs");
        assert_eq!(some[6], "12.0 s");
        assert_eq!(some[7..], ["12 345", "64.0 KiB", "3 in, 4 000 out"]);
        let flow = costs(&json!({ "count": 1, "fuel": { "sum": 12_345 } }));
        assert_eq!(flow[7], "12 345 in all");
    }

    #[test]
    fn what_a_terminal_has_no_room_for_is_left_out() {
        let drawn = |width| {
            let names: Vec<_> = (0..13).map(|at| format!("column-{at}")).collect();
            let mut table = table::plain(names.iter().map(String::as_str));
            table.add_row(names.clone());
            fit(&mut table, width);
            table.to_string()
        };
        let has = |drawn: &str, at: usize| drawn.contains(&format!("column-{at} "));
        assert!(drawn(200).contains("column-12"));
        let less = drawn(125);
        assert!(!less.contains("column-12") && has(&less, 10), "{less}");
        let least = drawn(10);
        assert!(
            has(&least, 0) && has(&least, 5) && !has(&least, 11),
            "{least}"
        );
    }

    #[test]
    fn a_node_whose_plugin_was_swapped_says_so() {
        let used = |version: &str| json!({ "plugin": "text", "version": version });
        let one = json!({ "node": "clean", "plugins": [used("1.0.0")] });
        assert_eq!(named(&one), "clean");
        let two = json!({ "node": "clean", "plugins": [used("1.0.0"), used("1.1.0")] });
        assert_eq!(named(&two), "clean (text@1.0.0, then text@1.1.0)");
        assert_eq!(named(&json!({ "version": 3 })), "3");
    }
}
