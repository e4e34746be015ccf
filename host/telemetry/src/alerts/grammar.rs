//! The sentence that a condition is written as, read.
//!
//! ```text
//! condition = COUNT "runs in a row of" flow test
//!           | measure "of" subject side QUANTITY "for" WINDOW
//!           | "queue" ("depth" | "age") side QUANTITY "for" WINDOW
//!           | "tokens of the day" ["of" flow] "over" (PERCENT "of the budget" | COUNT)
//! test      = side TIME | "not ok" | "failed" | "rejected" | "trapped" | "denied"
//! measure   = statistic ["time" | "fuel"] | "error rate" | "trap rate" | "retry rate"
//!           | "runs" | "calls" | "errors" | "traps" | "retries" | "tokens" | "fuel"
//! statistic = "P50" … "P99.9" | "average" | "maximum"
//! subject   = flow | "node" FLOW["@"VERSION]"/"NODE
//! flow      = "all flows" | ["flow"] FLOW["@"VERSION]
//! side      = "over" | "below"
//! ```
//!
//! Words may stand apart by any white space; a unit may touch its number.

use lockgate_model::{Ident, Kebab};

use super::condition::{
    Condition, Measure, QueueMeasure, RunTest, Statistic, Subject, Summed, Window,
};
use super::quantity::{Comparison, PERCENT, Quantity, TIMES, Unit};
use crate::Outcome;

/// The most runs in a row that are asked for.
const MOST_IN_A_ROW: u64 = 1_000;

/// The longest sentence, in bytes.
const MAX_BYTES: usize = 500;

/// What is wrong with a sentence, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at column {column}: {message}")]
pub struct NoCondition {
    /// The character that it is about, from 1.
    pub column: usize,
    /// What was expected, and what was found.
    pub message: String,
}

impl std::str::FromStr for Condition {
    type Err = NoCondition;

    fn from_str(text: &str) -> Result<Self, NoCondition> {
        if text.len() > MAX_BYTES {
            return Err(NoCondition {
                column: 1,
                message: format!("a condition has at most {MAX_BYTES} bytes"),
            });
        }
        let mut words = Words::new(text);
        let condition = condition(&mut words)?;
        match words.peek() {
            None => Ok(condition),
            Some(_) => Err(words.expected("the end of the condition")),
        }
    }
}

fn condition(words: &mut Words<'_>) -> Read<Condition> {
    if words.is_number() {
        return in_a_row(words);
    }
    if words.take("queue") {
        return queue(words);
    }
    let at = words.at;
    if words.take("tokens") && words.take("of") && words.take("the") {
        words.word("day")?;
        return tokens_of_day(words);
    }
    words.at = at;
    measured(words)
}

fn in_a_row(words: &mut Words<'_>) -> Read<Condition> {
    let count = words.number("how many runs", 1, 1, MOST_IN_A_ROW)?;
    for word in ["runs", "in", "a", "row", "of"] {
        words.word(word)?;
    }
    let of = flow(words)?;
    let test = if words.take("not") {
        words.word("ok")?;
        RunTest::NotOk
    } else if let Some(outcome) = words.one_of(&BAD, |outcome| outcome.word()) {
        RunTest::Ended(outcome)
    } else if let Some(side) = words.one_of(&SIDES, side_word) {
        RunTest::Time(side, quantity(words, Unit::Time)?)
    } else {
        return Err(words.expected(
            "`over` or `below` and a time, `not ok`, `failed`, `rejected`, `trapped` or `denied`",
        ));
    };
    Ok(Condition::InARow {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        of,
        test,
    })
}

const BAD: [Outcome; 4] = [
    Outcome::Failed,
    Outcome::Rejected,
    Outcome::Trapped,
    Outcome::Denied,
];

const SIDES: [Comparison; 2] = [Comparison::Over, Comparison::Below];

fn side_word(side: Comparison) -> &'static str {
    match side {
        Comparison::Over => "over",
        Comparison::Below => "below",
    }
}

fn side(words: &mut Words<'_>) -> Read<Comparison> {
    let found = words.one_of(&SIDES, side_word);
    found.ok_or_else(|| words.expected("`over` or `below`"))
}

fn queue(words: &mut Words<'_>) -> Read<Condition> {
    let (measure, unit) = if words.take("depth") {
        (QueueMeasure::Depth, Unit::Count)
    } else if words.take("age") {
        (QueueMeasure::Age, Unit::Time)
    } else {
        return Err(words.expected("`depth` or `age`"));
    };
    Ok(Condition::Queue {
        measure,
        comparison: side(words)?,
        bound: quantity(words, unit)?,
        window: window(words, Window::LONGEST)?,
    })
}

fn tokens_of_day(words: &mut Words<'_>) -> Read<Condition> {
    let of = if words.take("of") {
        flow(words)?
    } else {
        Subject::All
    };
    words.word("over")?;
    let at = words.at;
    let bound = words.amount("a percentage of the budget, or how many tokens")?;
    let bound = if words.take("%") {
        for word in ["of", "the", "budget"] {
            words.word(word)?;
        }
        words.scaled(at, &bound, Unit::Share, PERCENT)?
    } else {
        words.scaled(at, &bound, Unit::Count, 1)?
    };
    Ok(Condition::TokensOfDay { of, bound })
}

fn measured(words: &mut Words<'_>) -> Read<Condition> {
    let at = words.at;
    let (measure, is_calls) = measure(words)?;
    words.word("of")?;
    let of = subject(words)?;
    let is_node = of.node().is_some();
    let fault = match measure {
        Measure::Fuel(_) if !is_node => {
            Some("the fuel of single calls is known of nodes: write `of node FLOW/NODE`")
        }
        Measure::RetryRate if !is_node => Some(
            "a retry rate is for each call of a node: write `of node FLOW/NODE`, or count `retries`",
        ),
        Measure::Sum(Summed::Runs) if is_node != is_calls => {
            Some("flows have `runs`, nodes have `calls`")
        }
        _ => None,
    };
    if let Some(fault) = fault {
        return Err(words.fault(at, fault.to_owned()));
    }
    let comparison = side(words)?;
    let bound = quantity(words, measure.unit())?;
    let longest = if measure.is_histogram() {
        Window::LONGEST_OF_HISTOGRAMS
    } else {
        Window::LONGEST
    };
    Ok(Condition::Measured {
        measure,
        of,
        comparison,
        bound,
        window: window(words, longest)?,
    })
}

/// A measure, and whether it was called `calls`.
fn measure(words: &mut Words<'_>) -> Read<(Measure, bool)> {
    for (word, rate) in [
        ("error", Measure::ErrorRate),
        ("trap", Measure::TrapRate),
        ("retry", Measure::RetryRate),
    ] {
        if words.take(word) {
            words.word("rate")?;
            return Ok((rate, false));
        }
    }
    if words.take("calls") {
        return Ok((Measure::Sum(Summed::Runs), true));
    }
    if let Some(summed) = words.one_of(&Summed::ALL, Summed::word) {
        return Ok((Measure::Sum(summed), false));
    }
    let Some(statistic) = statistic(words)? else {
        return Err(words.expected(
            "a number of runs, a statistic such as `P99`, `average` or `maximum`, `error rate`, `trap rate`, \
             `retry rate`, `runs`, `calls`, `errors`, `traps`, `retries`, `tokens`, `fuel` or `queue`",
        ));
    };
    if words.take("fuel") {
        return Ok((Measure::Fuel(statistic), false));
    }
    words.take("time");
    Ok((Measure::Time(statistic), false))
}

fn statistic(words: &mut Words<'_>) -> Read<Option<Statistic>> {
    for (word, statistic) in [
        ("average", Statistic::Average),
        ("maximum", Statistic::Maximum),
    ] {
        if words.take(word) {
            return Ok(Some(statistic));
        }
    }
    let Some(share) = words.peek().and_then(|word| word.strip_prefix(['P', 'p'])) else {
        return Ok(None);
    };
    if !share.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(None);
    }
    let thousandths = scale(share, 10).and_then(|thousandths| u16::try_from(thousandths).ok());
    let Some(thousandths) = thousandths.filter(|share| (1..1000).contains(share)) else {
        return Err(words.expected("a percentile from P0.1 to P99.9"));
    };
    words.at += 1;
    Ok(Some(Statistic::Percentile(thousandths)))
}

fn subject(words: &mut Words<'_>) -> Read<Subject> {
    if !words.take("node") {
        return flow(words);
    }
    const NODE: &str = "a node as `FLOW/NODE`";
    let at = words.at;
    let text = words.any(NODE)?;
    let Some((in_flow, node)) = text.split_once('/') else {
        return Err(words.fault(at, format!("expected {NODE}, found `{}`", shown(text))));
    };
    let (name, version) = versioned(words, at, in_flow)?;
    let node: Result<Ident, _> = node.parse();
    let node = node.map_err(|error| words.fault(at, format!("a node's name: {error}")))?;
    Ok(Subject::Node(name, version, node))
}

fn flow(words: &mut Words<'_>) -> Read<Subject> {
    if words.take("all") {
        words.word("flows")?;
        return Ok(Subject::All);
    }
    words.take("flow");
    let at = words.at;
    let text = words
        .any("the name of a flow, `all flows`, or `node` and a node where nodes are measured")?;
    let (name, version) = versioned(words, at, text)?;
    Ok(Subject::Flow(name, version))
}

fn versioned(words: &Words<'_>, at: usize, text: &str) -> Read<(Kebab, Option<u32>)> {
    let (name, version) = match text.split_once('@') {
        None => (text, None),
        Some((name, version)) => {
            let number = version.parse().ok().filter(|&number: &u32| number > 0);
            let number = number.ok_or_else(|| {
                let message = format!("`{}` is no version: one is a number from 1", shown(version));
                words.fault(at, message)
            })?;
            (name, Some(number))
        }
    };
    let name: Result<Kebab, _> = name.parse();
    let name = name.map_err(|error| words.fault(at, format!("a flow's name: {error}")))?;
    Ok((name, version))
}

fn quantity(words: &mut Words<'_>, unit: Unit) -> Read<Quantity> {
    let what = match unit {
        Unit::Time => "a time such as `5 s`",
        Unit::Share => "a percentage such as `5 %`",
        Unit::Count => "a whole number",
    };
    let at = words.at;
    let number = words.amount(what)?;
    let of = match unit {
        Unit::Count => 1,
        Unit::Share => {
            words.word("%")?;
            PERCENT
        }
        Unit::Time => {
            let found = words.one_of(&TIMES, |(name, _)| name);
            let found = found.ok_or_else(|| words.expected("`ms`, `s`, `min` or `h`"))?;
            found.1
        }
    };
    words.scaled(at, &number, unit, of)
}

fn window(words: &mut Words<'_>, longest: u16) -> Read<Window> {
    words.word("for")?;
    let at = words.at;
    let number = words.amount("a number of minutes or hours")?;
    let of = words.one_of(&[("min", 1), ("h", 60), ("d", 24 * 60)], |(name, _)| name);
    let (_, of) = of.ok_or_else(|| words.expected("`min`, `h` or `d`"))?;
    let minutes = scale(&number, of);
    let window = minutes.filter(|&minutes| minutes <= longest.into());
    window.and_then(Window::new).ok_or_else(|| {
        let message = format!("a window has whole minutes, from 1 min to {longest} min here");
        words.fault(at, message)
    })
}

type Read<T> = Result<T, NoCondition>;

/// The words of a sentence, each with its column; units and numbers apart.
struct Words<'t> {
    words: Vec<(usize, &'t str)>,
    at: usize,
    end: usize,
}

impl<'t> Words<'t> {
    fn new(text: &'t str) -> Self {
        let mut words = Vec::new();
        let mut rest = text;
        let mut column = 1;
        while let Some(c) = rest.chars().next() {
            if c.is_whitespace() {
                rest = &rest[c.len_utf8()..];
                column += 1;
                continue;
            }
            let word = first_word(rest);
            words.push((column, word));
            column += word.chars().count();
            rest = &rest[word.len()..];
        }
        Self {
            words,
            at: 0,
            end: column,
        }
    }

    fn peek(&self) -> Option<&'t str> {
        self.words.get(self.at).map(|(_, word)| *word)
    }

    fn is_number(&self) -> bool {
        self.peek()
            .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.peek() == Some(word);
        self.at += usize::from(is);
        is
    }

    fn one_of<T: Copy>(&mut self, all: &[T], word: impl Fn(T) -> &'static str) -> Option<T> {
        let found = all
            .iter()
            .copied()
            .find(|&one| self.peek() == Some(word(one)));
        self.at += usize::from(found.is_some());
        found
    }

    fn word(&mut self, word: &str) -> Read<()> {
        if self.take(word) {
            return Ok(());
        }
        Err(self.expected(&format!("`{word}`")))
    }

    fn any(&mut self, what: &str) -> Read<&'t str> {
        let word = self.peek().ok_or_else(|| self.expected(what))?;
        self.at += 1;
        Ok(word)
    }

    /// A number, as it is written.
    fn amount(&mut self, what: &str) -> Read<String> {
        if !self.is_number() {
            return Err(self.expected(what));
        }
        let word = self.any(what)?;
        Ok(word.replace('_', ""))
    }

    fn number(&mut self, what: &str, of: u64, least: u64, most: u64) -> Read<u64> {
        let at = self.at;
        let text = self.amount(what)?;
        let number = scale(&text, of).filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            let message = format!("{what}: a whole number from {least} to {most}");
            self.fault(at, message)
        })
    }

    fn scaled(&self, at: usize, number: &str, unit: Unit, of: u64) -> Read<Quantity> {
        let amount = scale(number, of);
        let amount = amount.ok_or_else(|| {
            let message = match unit {
                Unit::Time => "times are told to the microsecond, and are no longer than years",
                Unit::Share => "percentages have at most four digits behind the point",
                Unit::Count => "expected a whole number",
            };
            self.fault(at, message.to_owned())
        })?;
        Ok(Quantity { unit, amount })
    }

    fn expected(&self, what: &str) -> NoCondition {
        let found = match self.peek() {
            Some(word) => format!("`{}`", shown(word)),
            None => "the end".to_owned(),
        };
        self.fault(self.at, format!("expected {what}, found {found}"))
    }

    fn fault(&self, at: usize, message: String) -> NoCondition {
        let column = self.words.get(at).map_or(self.end, |(column, _)| *column);
        NoCondition { column, message }
    }
}

/// A word; or a number without its unit, if it begins with one.
fn first_word(text: &str) -> &str {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let ends = |c: char| {
        let goes_on = c.is_ascii_digit() || c == '.' || c == '_';
        c.is_whitespace() || (is_number && !goes_on)
    };
    let end = text.find(ends).unwrap_or(text.len());
    &text[..end]
}

/// A number as it is written, times `of`: exactly, or not at all.
fn scale(text: &str, of: u64) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || part.len() > 12 {
        return None;
    }
    let ten = 10_u64.pow(u32::try_from(part.len()).ok()?);
    let rest = u128::from(part.parse::<u64>().ok()?) * u128::from(of);
    if rest % u128::from(ten) != 0 {
        return None;
    }
    let rest = u64::try_from(rest / u128::from(ten)).ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(of)?
        .checked_add(rest)
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(64).collect();
    lockgate_model::escaped(&short)
}

#[cfg(test)]
mod tests;
