//! Receivers that are away, refuse, hang, or take a part: nothing is lost that is not counted, and nobody waits for them.

use std::time::Duration;

use lockgate_stand_ins::otlp::{Mood, Receiver};
use lockgate_telemetry::Own;
use lockgate_telemetry::otlp::Otlp;
use lockgate_telemetry::trace::SpanSink as _;

use crate::counted::Call;

use super::{BOTH, LONG, config, dropped, span, spoken, started, until_dropped};

const CALL: Call = Call {
    took: Duration::from_millis(3),
    fuel: 1_000,
    memory_bytes: 65_536,
};

#[tokio::test]
async fn who_was_away_is_asked_again() {
    for protocol in BOTH {
        let receiver =
            Receiver::start(spoken(protocol), &[Mood::Away, Mood::Away, Mood::Take]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.spans.batch = 2;
        config.retry.within = LONG;
        let (counted, otlp) = started(config);
        otlp.take(vec![span(1), span(2)]);
        receiver.until(|state| state.spans.len() == 1).await;
        assert_eq!(receiver.state().headers.len(), 3);
        assert_eq!(dropped(&counted.own, ""), 0);
    }
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is() {
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[Mood::AwayFor(3_600), Mood::Take]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.spans.batch = 2;
        let (counted, otlp) = started(config);
        for count in [2, 4] {
            otlp.take(vec![span(1), span(2)]);
            until_dropped(&counted.own, "otlp traces: not delivered", count).await;
        }
        assert_eq!(receiver.state().headers.len(), 1);
        let receiver = Receiver::start(spoken(protocol), &[Mood::AwayFor(1), Mood::Take]).await;
        let mut config = super::config(&receiver.endpoint, protocol);
        config.spans.batch = 2;
        config.retry.within = LONG;
        let (_counted, otlp) = started(config);
        otlp.take(vec![span(1), span(2)]);
        receiver.until(|state| state.spans.len() == 1).await;
        assert_eq!(receiver.state().headers.len(), 2);
    }
}

#[tokio::test]
async fn who_refuses_is_not_asked_again() {
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[Mood::Refuse, Mood::Take]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.spans.batch = 2;
        let (counted, otlp) = started(config);
        otlp.take((0..4).map(span).collect());
        until_dropped(&counted.own, "otlp traces: refused", 2).await;
        receiver.until(|state| state.spans.len() == 1).await;
        assert_eq!(receiver.state().headers.len(), 2);
        assert_eq!(dropped(&counted.own, ""), 2);
    }
}

#[tokio::test]
async fn what_was_not_taken_of_a_request_is_counted() {
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[Mood::TakeBut(3)]).await;
        let (counted, otlp) = started(config(&receiver.endpoint, protocol));
        otlp.take((0..10).map(span).collect());
        counted.close(LONG).await;
        assert_eq!(dropped(&counted.own, "otlp traces: rejected in part"), 3);
        assert_eq!(dropped(&counted.own, "otlp metrics: rejected in part"), 3);
    }
}

#[tokio::test]
async fn who_hangs_is_given_up() {
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[Mood::Hang]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.timeout = Duration::from_millis(50);
        config.spans.batch = 2;
        let (counted, otlp) = started(config);
        otlp.take(vec![span(1), span(2)]);
        until_dropped(&counted.own, "otlp traces: not delivered", 2).await;
        assert!(receiver.state().spans.is_empty());
    }
}

#[tokio::test]
async fn a_connection_that_is_dead_is_replaced() {
    for protocol in BOTH {
        let receiver = Receiver::start_deaf(spoken(protocol), 2).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.timeout = Duration::from_millis(300);
        config.retry.within = LONG;
        config.spans.batch = 2;
        let (counted, otlp) = started(config);
        otlp.take(vec![span(1), span(2)]);
        receiver.until(|state| state.spans.len() == 1).await;
        assert_eq!(dropped(&counted.own, ""), 0);
    }
}

#[tokio::test]
async fn only_a_receiver_that_is_trusted_is_sent_anything() {
    for protocol in BOTH {
        let (receiver, authority) = Receiver::start_tls(spoken(protocol)).await;
        let (_, another) = Receiver::start_tls(spoken(protocol)).await;
        for (pem, taken) in [(another, 0), (authority, 1)] {
            let mut config = config(&receiver.endpoint, protocol);
            config.authorities = Some(pem.into());
            config.headers = vec![("authorization".into(), "Bearer hunter2".into())];
            config.spans.batch = 2;
            let (counted, otlp) = started(config);
            otlp.take(vec![span(1), span(2)]);
            if taken == 0 {
                until_dropped(&counted.own, "otlp traces: not delivered", 2).await;
            } else {
                receiver.until(|state| state.spans.len() == taken).await;
            }
            assert_eq!(receiver.state().headers.len(), taken);
        }
        let mut config = config("https://127.0.0.1", protocol);
        config.authorities = Some(b"hunter2".to_vec());
        assert!(Otlp::new(config, Own::default()).is_err());
    }
}

#[tokio::test]
async fn nobody_there_is_counted() {
    for protocol in BOTH {
        // Nothing listens on the port of a socket that is not told to.
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let endpoint = format!("http://{}", socket.local_addr().expect("an address"));
        let mut config = config(&endpoint, protocol);
        config.interval = Duration::from_millis(5);
        config.spans.batch = 2;
        let (counted, otlp) = started(config);
        otlp.take(vec![span(1), span(2)]);
        counted.collect(10);
        until_dropped(&counted.own, "otlp traces: not delivered", 2).await;
        until_dropped(&counted.own, "otlp metrics: not delivered", 1).await;
    }
}

#[tokio::test]
async fn what_a_later_export_says_again_is_not_lost() {
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[Mood::Hang, Mood::Take]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.interval = Duration::from_millis(5);
        config.timeout = Duration::from_millis(300);
        let (counted, _otlp) = started(config);
        for flow in 0..100 {
            let flow = counted.flow("default", &format!("flow-{flow}"));
            flow.call(CALL);
        }
        counted.collect(10);
        receiver.until(|state| state.headers.len() == 1).await;
        // It is given up after its interval: one request, and none of its points. The next one brings them.
        receiver.until(|state| !state.metrics.is_empty()).await;
        counted.close(LONG).await;
        let lost = dropped(&counted.own, "otlp metrics: not delivered");
        assert!((1..100).contains(&lost), "{lost}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_costs_a_bounded_queue_and_no_time() {
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[Mood::Hang]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.timeout = LONG;
        config.retry.within = LONG;
        config.spans.batch = 10;
        config.spans.most = 100;
        let (counted, otlp) = started(config);
        otlp.take((0..10).map(span).collect());
        receiver.until(|state| state.headers.len() == 1).await;
        // Ten are on their way, a hundred wait.
        (0..1_000).for_each(|number| otlp.take(vec![span(number)]));
        assert_eq!(dropped(&counted.own, "otlp traces: queue full"), 900);
        counted.close(Duration::from_secs(1)).await;
        assert_eq!(dropped(&counted.own, "otlp traces: not delivered"), 10);
        assert_eq!(dropped(&counted.own, "otlp traces: closed"), 100);
        assert!(dropped(&counted.own, "otlp metrics: not delivered") > 0);
        assert!(receiver.state().spans.is_empty());
    }
}
