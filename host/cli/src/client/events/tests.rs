use serde_json::json;

use super::*;

/// What a host writes is what a client reads: each sort of event, through JSON.
#[test]
fn events_come_back_as_they_went() {
    let at = At {
        within: "chapters[3]".into(),
        node: "clean".parse().expect("a name"),
        index: Some(2),
    };
    let failed = || {
        Arc::new(CallError::Failed(Failure::new(
            FailureKind::Upstream,
            "do\u{1b}wn",
        )))
    };
    let receipt = NodeReceipt {
        attempts: 2,
        calls: Receipt {
            guest: Duration::from_micros(1500),
            fuel: 12_345,
            ..Receipt::default()
        },
        ..NodeReceipt::default()
    };
    let events = [
        (
            RunEvent::RunStarted {
                flow: "poem".parse().expect("a name"),
                input: Arc::new(json!({ "topic": "春天" })),
                vars: serde_json::Map::new(),
                labels: Vec::new(),
                trace_id: Some(TraceId([0xab; 16])),
            },
            r#"run.started   poem {"topic":"春天"} trace abababababababababababababababab"#,
        ),
        (
            RunEvent::NodeStarted {
                at: at.clone(),
                attempt: 2,
                inputs: Vec::new(),
                elements: Some(7),
            },
            "node.started  chapters[3]/clean[2] attempt 2",
        ),
        (
            RunEvent::NodePart {
                at: at.clone(),
                attempt: 1,
                port: "text".parse().expect("a name"),
                part: Value::Text("x\u{7}".into()),
            },
            r"node.part     chapters[3]/clean[2] text: x\u{7}",
        ),
        (
            RunEvent::NodeRetrying {
                at: at.clone(),
                attempt: 1,
                error: failed(),
                delay: Duration::from_millis(20),
            },
            r"node.retrying chapters[3]/clean[2] upstream: do\u{1b}wn; again in 20.0 ms",
        ),
        (
            RunEvent::NodeSkipped {
                at: at.clone(),
                reason: SkipReason::Needs("prompt".parse().expect("a name")),
            },
            "node.skipped  chapters[3]/clean[2] needs prompt",
        ),
        (
            RunEvent::NodeFinished {
                at: at.clone(),
                outcome: NodeOutcome::Failed(failed()),
                receipt,
            },
            r"node.finished chapters[3]/clean[2] failed: upstream: do\u{1b}wn in 1500 µs, 12 345 fuel",
        ),
        (
            RunEvent::RunFinished {
                outcome: RunOutcome::Failed {
                    node: at,
                    error: failed(),
                },
            },
            r"run.finished  failed node chapters[3]/clean[2]: upstream: do\u{1b}wn",
        ),
    ];
    for (seq, (event, expected)) in (1..).zip(events) {
        let sent = Recorded {
            v: 1,
            run: "r".into(),
            seq,
            time: std::time::UNIX_EPOCH + Duration::from_millis(seq),
            event: Arc::new(event),
        };
        let json = serde_json::to_value(&sent).expect("JSON");
        let told = line(&json);
        assert_eq!(told, format!("00:00:00.00{seq}000 {expected}"));
        let back = recorded(&json).expect("a known event");
        assert_eq!((back.seq, back.time), (sent.seq, sent.time));
        assert_eq!(back.event.at(), sent.event.at());
    }
    assert!(recorded(&json!({ "type": "node.danced" })).is_none());
    assert_eq!(
        end(&json!({ "type": "run.finished", "outcome": "ok" })),
        Some("ok")
    );
}

#[test]
fn kinds_of_errors_stay_what_they_are() {
    for kind in [
        "upstream",
        "rejected",
        "out-of-fuel",
        "timeout",
        "trap",
        "host",
    ] {
        assert_eq!(error(&json!({ "kind": kind })).kind(), kind);
    }
}
