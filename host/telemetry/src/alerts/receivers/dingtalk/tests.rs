use std::sync::Arc;

use super::*;
use crate::alerts::evaluate::Event;
use crate::alerts::machine::Told;
use crate::alerts::message::Links;
use crate::alerts::moment::Moment;
use crate::alerts::tests::rule;

fn notice(name: &str, change: Change) -> Notice {
    let event = Event {
        rule: Arc::new(rule(name, "P99 of node poem/write_it over 5 s for 5 min")),
        at: Moment::of_ms(1_800_000_300_000),
        told: Told {
            change,
            since: Moment::of_ms(1_800_000_000_000),
            value: 6.2,
            worst: 7.0,
            muted: 2,
        },
        runs: vec![uuid::Uuid::from_u128(7)],
    };
    let links = Links {
        public_url: Url::parse("https://flows.example.com").ok(),
        logstore: None,
    };
    Notice::new(&event, &links)
}

#[test]
fn one_alert_says_all_that_is_known() {
    let notice = notice("slow", Change::Fired);
    assert_eq!(title(std::slice::from_ref(&notice)), "alert: slow");
    let text = text(&[notice], 0);
    assert_eq!(
        text,
        "### 🟠 alert: slow\n\nP99 of node poem/write\\_it over 5 s for 5 min\n\n\
         - project: **default**\n- flow: **poem**\n- node: **write\\_it**\n- value: **6.2 s**\n\
         - threshold: **5 s**\n- since: **2027-01-15T08:00:00Z**\n- at: **2027-01-15T08:05:00Z**\n\
         - fired before, untold: **2**\n\n\
         [runs](https://flows.example.com/api/v1/runs?flow=poem&since=2027-01-15T07%3A55%3A00Z&until=2027-01-15T08%3A05%3A00.001Z) · \
         [run …000000000007](https://flows.example.com/api/v1/runs/00000000-0000-0000-0000-000000000007)\n"
    );
}

#[test]
fn several_have_a_line_each_and_never_more_than_fits() {
    let notices = [notice("slow", Change::Fired), notice("slow", Change::Over)];
    assert_eq!(title(&notices), "2 alerts of 1 rules");
    let told = text(&notices, 3);
    assert!(
        told.contains("- 🟠 slow: P99 of node poem/write\\_it"),
        "{told}"
    );
    assert!(told.contains("- 🟢 slow: over: "), "{told}");
    assert!(
        told.ends_with("3 alerts before could not be told.\n"),
        "{told}"
    );
    let many: Vec<_> = (0..400)
        .map(|n| notice(&format!("r{n}"), Change::Fired))
        .collect();
    let told = text(&many, 0);
    assert!(
        told.len() < 20_000 && told.contains("more: the host's list"),
        "{}",
        told.len()
    );
}

#[test]
fn text_stays_text() {
    assert_eq!(
        escaped("[x](http://a) <b>*_`#\n\u{1b}[2J\u{202e}"),
        "\\[x\\]\\(http://a\\) &lt;b&gt;\\*\\_\\`\\#\\\\u\\{a\\}\\\\u\\{1b\\}\\[2J\\\\u\\{202e\\}"
    );
    assert_eq!(address("https://a/?b=(c) d"), "https://a/?b=%28c%29%20d");
    // What came from a state file is no better than what came from anywhere.
    let mut bad = notice("slow", Change::Fired);
    bad.flow = Some("x**\n# [click](http://evil)".to_owned());
    let told = text(&[bad], 0);
    assert!(!told.contains("[click]"), "{told}");
    assert_eq!(told.matches("\n#").count(), 0, "{told}");
}

#[test]
fn what_is_shown_of_a_robot_has_no_secret() {
    let url = Url::parse("https://example.com/robot").expect("an address");
    let client = super::super::client().expect("a client");
    let robot = DingTalk::new(
        client,
        url,
        "hush".into(),
        Some("hush".into()),
        At::default(),
    );
    assert!(!format!("{robot:?}").contains("hush"));
    assert!(!format!("{:?}", Secret::from("hush")).contains("hush"));
}
