use super::*;
use crate::alerts::condition::Condition;

const GOOD: &str = r#"
utc_offset = "+08:00"
public_url = "https://flows.example.com"
logstore = { project = "ops", logstore = "lockgate" }

[receivers.group]
kind = "dingtalk"
token_env = "TOKEN"
secret_env = "SECRET"
at = { mobiles = ["13800000000"] }

[receivers.hook]
kind = "webhook"
url = "https://hooks.example.com/lockgate"

[receivers.journal]
kind = "log"

[cms]
contact_groups = ["ops"]

[[rules]]
name = "poem-slow"
when = "3 runs in a row of flow poem over 5 s"
severity = "critical"
tell = ["group", "journal"]
silence = "30 min"

[[rules]]
name = "summaries-fail"
when = "error rate of summarize over 5 % for 5 min"
at_least = 20
holds_for = "2 min"

[[rules]]
name = "tokens"
project = "team-a"
when = "tokens of the day over 80 % of the budget"
budget = 2_000_000
"#;

fn faults(text: &str) -> Vec<String> {
    AlertsConfig::parse("alerts.toml", text).expect_err(text)
}

#[test]
fn a_file_is_read_as_it_is_written() {
    let config = AlertsConfig::parse("alerts.toml", GOOD).expect("no faults");
    let RuleSet {
        rules, utc_offset, ..
    } = &config.rules;
    assert_eq!(*utc_offset, 480);
    let [slow, fail, tokens] = rules.as_slice() else {
        unreachable!("{rules:?}");
    };
    let tell: Vec<_> = slow.tell.iter().map(Kebab::as_str).collect();
    assert_eq!(tell, ["group", "journal"]);
    assert_eq!(
        (slow.silence.as_secs(), slow.severity),
        (1_800, Severity::Critical)
    );
    assert_eq!(
        (fail.at_least, fail.holds_for.as_secs(), fail.tell.len()),
        (20, 120, 3)
    );
    assert_eq!(
        (tokens.budget, tokens.project.as_str()),
        (Some(2_000_000), "team-a")
    );
    assert!(matches!(tokens.when, Condition::TokensOfDay { .. }));
    assert!(config.rules.links.public_url.is_some() && config.rules.links.logstore.is_some());
    assert_eq!(config.cms.contact_groups, ["ops"]);
}

#[test]
fn all_faults_are_told_at_once_with_line_and_rule() {
    let text = r#"utc_offset = "8"
extra = 1
[receivers.group]
kind = "dingtalk"
token = "hush"
[receivers."Not A Name"]
kind = "log"
[receivers.log]
kind = "log"
[[rules]]
name = "a"
when = "error rate of poem over 5 for 5 min"
tell = ["nobody"]
[[rules]]
name = "b"
when = "2 runs in a row of poem not ok"
holds_for = "2 min"
at_least = 3
budget = 4
silence = "1 s"
[[rules]]
name = "c"
when = "tokens of the day over 80 % of the budget"
tell = []
colour = "red"
[[rules]]
when = "queue depth over 1 for 1 min"
[[rules]]
name = "d"
when = "tokens of the day over 80 % of the budget"
[[rules]]
name = "e"
when = "queue depth over 1 for 1 min"
[[rules]]
name = "e"
when = "queue depth over 1 for 1 min"
severity = "bad"
"#;
    let faults = faults(text);
    let all = faults.join("\n");
    for (line, part) in [
        (1, "`utc_offset` is written as `+08:00`"),
        (2, "no key `extra`"),
        (
            3,
            "receiver `group`: unknown field `token`, expected one of `token_env`, `token_file`",
        ),
        (6, "a receiver's name: `Not A Name`"),
        (
            12,
            "rule `a`: `when`: at its column 27: expected `%`, found `for`",
        ),
        (
            13,
            "rule `a`: `tell`: there is no receiver `nobody`: there are `log`",
        ),
        (17, "rule `b`: `holds_for`"),
        (18, "rule `b`: `at_least`"),
        (19, "rule `b`: `budget`"),
        (20, "rule `b`: `silence`: a time from 1m to 30days"),
        (25, "rule `c`: unknown field `colour`"),
        (26, "a rule without a name: missing field `name`"),
        (30, "rule `d`: `when`: it speaks of a budget"),
        (37, "rule `e`: unknown variant `bad`"),
    ] {
        let begin = format!("alerts.toml:{line}: ");
        let found = faults
            .iter()
            .any(|fault| fault.starts_with(&begin) && fault.contains(part));
        assert!(found, "{line} {part} in\n{all}");
    }
    assert_eq!(faults.len(), 14, "{all}");
    assert!(!all.contains("hush"));
}

#[test]
fn two_rules_of_one_name_are_a_fault() {
    let rule = "[[rules]]\nname = \"e\"\nwhen = \"queue depth over 1 for 1 min\"\n";
    let found = faults(&rule.repeat(2));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("alerts.toml:5: rule `e`: there is another"),
        "{found:?}"
    );
}

#[test]
fn without_receivers_the_log_is_told() {
    let text = "[[rules]]\nname = \"e\"\nwhen = \"queue depth over 1 for 1 min\"\n";
    let config = AlertsConfig::parse("alerts.toml", text).expect("no faults");
    assert_eq!(config.rules.rules[0].tell[0].as_str(), "log");
    assert!(AlertsConfig::parse("alerts.toml", "").is_ok());
    assert!(faults("rules = 3")[0].contains("[[rules]]"));
    assert!(faults("rules = [3]")[0].contains("a rule without a name"));
    assert!(faults("[[rules]")[0].starts_with("alerts.toml:1: "));
    assert!(faults(&" ".repeat(MAX_BYTES + 1))[0].contains("bytes"));
}

#[test]
fn secrets_come_from_variables_and_files_and_are_never_told() {
    let client = super::super::receivers::client;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, " hush\n").expect("written");
    let config = AlertsConfig::parse("alerts.toml", GOOD).expect("no faults");
    let set = |name: &str| Some(format!("{name} hush"));
    assert_eq!(config.receivers(&client, &set).expect("receivers").len(), 3);
    let unset = config
        .receivers(&client, &|_| None)
        .expect_err("no variable");
    assert_eq!(unset, ["receiver `group`: the variable TOKEN is not set"]);
    let empty = config
        .receivers(&client, &|_| Some(" ".to_owned()))
        .expect_err("empty");
    assert_eq!(empty, ["receiver `group`: TOKEN is empty"]);
    let quoted = toml::Value::String(file.display().to_string());
    for (keys, fault) in [
        (
            format!("kind = \"webhook\"\nurl = \"https://a.example\"\nsecret_file = {quoted}"),
            None,
        ),
        ("kind = \"webhook\"".to_owned(), Some("give `url`")),
        (
            "kind = \"webhook\"\nurl = \"http://a.example/hush\"".to_owned(),
            Some("https://"),
        ),
        (
            "kind = \"webhook\"\nurl = \"http://127.0.0.1:1\"".to_owned(),
            None,
        ),
        (
            "kind = \"webhook\"\nurl = \"hush\"".to_owned(),
            Some("relative URL"),
        ),
        ("kind = \"dingtalk\"".to_owned(), Some("give `token_env`")),
        (
            format!("kind = \"dingtalk\"\ntoken_env = \"A\"\ntoken_file = {quoted}"),
            Some("not both"),
        ),
        (
            "kind = \"dingtalk\"\ntoken_file = \"/not/there\"".to_owned(),
            Some("/not/there"),
        ),
        (
            format!(
                "kind = \"dingtalk\"\ntoken_file = {quoted}\nat = {{ mobiles = [\"{}\"] }}",
                "1".repeat(33)
            ),
            Some("at.mobiles"),
        ),
        (
            format!(
                "kind = \"dingtalk\"\ntoken_file = {quoted}\nat = {{ mobiles = {:?} }}",
                ["1"; 51]
            ),
            Some("at.mobiles"),
        ),
    ] {
        let text = format!("[receivers.one]\n{keys}\n");
        let config = AlertsConfig::parse("alerts.toml", &text).expect(&text);
        let made = config.receivers(&client, &set);
        let told = made
            .map(|made| format!("{made:?}"))
            .unwrap_or_else(|faults| faults.join("\n"));
        assert!(!told.contains("hush"), "{told}");
        assert_eq!(told.contains("receiver `one`: "), fault.is_some(), "{told}");
        assert!(told.contains(fault.unwrap_or_default()), "{told}");
    }
}

#[test]
fn offsets_are_hours_and_minutes() {
    for (text, minutes) in [("+08:00", 480), ("-03:30", -210), ("+00:00", 0)] {
        let config = AlertsConfig::parse("f", &format!("utc_offset = \"{text}\""));
        assert_eq!(config.expect(text).rules.utc_offset, minutes);
    }
    for bad in ["", "8", "+8:00", "+08", "+15:00", "+08:60", "é08:00"] {
        assert_eq!(faults(&format!("utc_offset = \"{bad}\"")).len(), 1, "{bad}");
    }
}

/// The file and the conditions that the document shows are what is read.
#[test]
fn the_document_shows_what_is_read() {
    let document = include_str!("../../../../../docs/alerts.md");
    let file = document
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let config = AlertsConfig::parse("alerts.toml", file.expect("a file")).expect("no faults");
    assert_eq!(config.rules.rules.len(), 3);
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let conditions: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(conditions.len() > 6);
    for condition in conditions {
        assert!(condition.parse::<Condition>().is_ok(), "{condition}");
    }
}

#[test]
fn of_a_hostile_file_no_more_is_read_or_told_than_somebody_could_mend() {
    let rules = "[[rules]]\n".repeat(MAX_BYTES / 10);
    let told = faults(&rules);
    assert_eq!(told.len(), 1, "{:?}", told.first());
    assert!(told[0].contains("more than 200 rules"), "{}", told[0]);
    let receivers: String = (0..10_000).map(|n| format!("[receivers.r{n}]\n")).collect();
    let told = faults(&receivers);
    assert!(
        told[0].contains("more than 50 receivers") && told.len() == 1,
        "{told:?}"
    );
    // Many names that nobody has, in rules of which there are not too many.
    let tell = vec!["\"nobody\""; 400].join(", ");
    let rule = format!(
        "[[rules]]\nname = \"r\"\nwhen = \"queue depth over 1 for 1 min\"\ntell = [{tell}]\n"
    );
    let told = faults(&rule.repeat(200));
    assert_eq!(told.len(), 101);
    assert!(told[0].starts_with("alerts.toml:4: "), "{}", told[0]);
    assert_eq!(
        told[100],
        format!("alerts.toml: and {} faults more", 200 * 400 - 100)
    );
}
