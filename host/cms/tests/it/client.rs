//! Single calls: what the gateway holds against a request, and how its answers are told.

use std::sync::Arc;
use std::time::Duration;

use lockgate_cms::{
    CallError, Comparison, CredentialChain, Credentials, Dimensions, Level, MetricName,
    RefusalKind, Rule, Statistic,
};
use lockgate_stand_ins::{Fault, Gateway, Key};

use crate::support::{Virtual, client, client_in, client_with, config, datum, time};

fn kind(answer: Result<(), CallError>) -> RefusalKind {
    match answer {
        Err(CallError::Refused(refusal)) => refusal.kind,
        other => unreachable!("it is refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_report_is_taken_up_to_21_entries() {
    let gateway = Gateway::start().await.expect("a gateway");
    let client = client(&gateway);
    let data: Vec<_> = (0..22).map(|index| datum(index, index)).collect();
    client.put_custom_metric(&data[..21]).await.expect("taken");
    let entries = gateway.entries();
    let order: Vec<_> = entries.iter().map(|entry| entry.values["Sum"]).collect();
    assert_eq!(order, (0..21).map(f64::from).collect::<Vec<_>>());
    for refused in [&data[..], &[]] {
        assert_eq!(
            kind(client.put_custom_metric(refused).await),
            RefusalKind::Parameter
        );
    }
    assert_eq!(gateway.entries().len(), 21);
}

#[tokio::test]
async fn each_request_has_a_nonce_of_its_own() {
    let gateway = Gateway::start().await.expect("a gateway");
    let client = client(&gateway);
    for _ in 0..50 {
        client
            .put_custom_metric(&[datum(0, 0)])
            .await
            .expect("taken");
    }
    assert_eq!(gateway.answers()["200"], 50);
}

#[test]
fn a_clock_that_is_wrong_is_told_as_that() {
    let (time, wrong) = (time(), time());
    wrong.advance(Duration::from_secs(16 * 60));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        let answer = client_in(&gateway, &wrong)
            .put_custom_metric(&[datum(0, 0)])
            .await;
        assert!(
            matches!(answer, Err(CallError::Expired { .. })),
            "{answer:?}"
        );
        assert_eq!(gateway.answers()["InvalidTimeStamp.Expired"], 1);
    };
    // Both stand still: nothing here sleeps but for answers.
    time.run(test).expect("a runtime");
}

#[tokio::test]
async fn who_asks_is_refused_without_repeating_the_secret() {
    let gateway = Gateway::start().await.expect("a gateway");
    let lent = Key::new("lent", "lent-secret").with_token("a/token+of=us");
    gateway.change(|config| config.keys.push(lent));
    let time = time();
    let ask = |credentials: Credentials| {
        let clock = Arc::new(lockgate_cms::SystemClock);
        let client = client_with(&gateway, CredentialChain::fixed(credentials), clock);
        async move { client.put_custom_metric(&[datum(0, 0)]).await }
    };
    let good = Credentials::new("lent", "lent-secret").with_token("a/token+of=us");
    ask(good).await.expect("taken");
    for bad in [
        Credentials::new("testid", "the-wrong-secret"),
        Credentials::new("nobody", "testsecret"),
        Credentials::new("lent", "lent-secret"),
        Credentials::new("lent", "lent-secret").with_token("another-token"),
        Credentials::new("lent", "the-wrong-secret").with_token("a/token+of=us"),
    ] {
        let error = ask(bad).await.expect_err("refused");
        let said = format!("{error} {error:?}");
        assert_eq!(kind(Err(error)), RefusalKind::Authentication);
        for secret in ["secret", "token", "testid", "lent"] {
            assert!(
                !said
                    .to_lowercase()
                    .replace("securitytoken", "")
                    .contains(secret),
                "{said}"
            );
        }
    }
    drop(Virtual(time));
}

#[tokio::test]
async fn a_refusal_under_200_is_one() {
    let gateway = Gateway::start().await.expect("a gateway");
    gateway.change(|config| config.max_series = Some(1));
    let client = client(&gateway);
    client
        .put_custom_metric(&[datum(0, 0)])
        .await
        .expect("room");
    let error = client.put_custom_metric(&[datum(1, 0)]).await;
    let error = error.expect_err("no room");
    assert_eq!(
        error.to_string(),
        "CMS refuses: 206: reach max time series num"
    );
    client
        .put_custom_metric(&[datum(0, 1)])
        .await
        .expect("the same series");

    let refused = Fault::Refused {
        code: "206".to_owned(),
        message: "not allowed original value, please upgrade service".to_owned(),
    };
    gateway.faults().push(refused);
    let answer = client.put_custom_metric(&[datum(0, 2)]).await;
    assert_eq!(kind(answer), RefusalKind::Quota);
}

#[test]
fn faults_are_told_by_what_helps() {
    let time = time();
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        let client = client_in(&gateway, &time);
        let error = |status, code: &str| Fault::Error {
            status,
            code: code.to_owned(),
        };
        for (fault, told) in [
            (
                Fault::Throttled,
                "CMS takes no more requests for now: Throttling.User",
            ),
            (
                error(503, "ServiceUnavailable"),
                "CMS failed: HTTP 503, ServiceUnavailable",
            ),
            (
                error(400, "SignatureNonceUsed"),
                "the request is too old, or came before: SignatureNonceUsed",
            ),
            (
                Fault::Garbage(b"\xff<html>".to_vec()),
                "CMS could not be asked: its answer has no code",
            ),
            (
                Fault::Garbage(vec![b' '; 100_000]),
                "CMS could not be asked: the answer has more than 65536 bytes",
            ),
            (Fault::Hang, "CMS could not be asked: no answer within 10s"),
            (
                Fault::HangAfter,
                "CMS could not be asked: no answer within 10s",
            ),
            (
                Fault::Slow(Duration::from_secs(11)),
                "CMS could not be asked: no answer within 10s",
            ),
        ] {
            gateway.faults().push(fault);
            let answer = client.put_custom_metric(&[datum(0, 0)]).await;
            assert_eq!(answer.expect_err("a fault").to_string(), told);
        }
        gateway.faults().push(Fault::Slow(Duration::from_secs(9)));
        client
            .put_custom_metric(&[datum(0, 0)])
            .await
            .expect("slow");
        // A reset may be met by the pool's own second try, so several in a row.
        for fault in [Fault::Reset, Fault::ResetAfter] {
            for _ in 0..4 {
                gateway.faults().push(fault.clone());
            }
            let answer = client.put_custom_metric(&[datum(0, 0)]).await;
            assert!(
                matches!(answer, Err(CallError::Retryable { .. })),
                "{answer:?}"
            );
            gateway.faults().clear();
        }
        gateway.listen(false);
        while client.put_custom_metric(&[datum(0, 0)]).await.is_ok() {}
        let error = client
            .put_custom_metric(&[datum(0, 0)])
            .await
            .expect_err("refused");
        let told = error.to_string();
        assert!(
            !told.contains("Signature") && !told.contains("http://"),
            "{told}"
        );
    };
    time.run(test).expect("a runtime");
}

#[tokio::test]
async fn a_rule_is_made() {
    let gateway = Gateway::start().await.expect("a gateway");
    let mut rule = Rule::new(
        "poem-slow",
        MetricName::new("latency").expect("a name"),
        Statistic::P99,
        Comparison::AtLeast,
        2.5,
        vec!["运维".to_owned()],
    )
    .expect("a rule");
    rule.dimensions = Dimensions::new()
        .with("node", "n")
        .and_then(|dimensions| dimensions.with("flow", "f"))
        .expect("kept");
    rule.name = Some("poem is slow".to_owned());
    rule.level = Level::Critical;
    rule.webhook = Some("https://example.com/hook?a=b".to_owned());
    client(&gateway)
        .put_custom_metric_rule(&rule)
        .await
        .expect("taken");
    let rules = gateway.rules();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].id, "poem-slow");
    assert_eq!(rules[0].parameters["Statistics"], "P99");
    assert_eq!(rules[0].parameters["Level"], "CRITICAL");
}
