use std::time::SystemTime;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::*;
use crate::alerts::Event;
use crate::alerts::machine::{Change, Told};
use crate::alerts::message::Links;
use crate::alerts::moment::Moment;
use crate::alerts::tests::{Jumping, rule};

/// A receiver that notes what it gets, and answers as it is told to: yes, where nothing is said.
#[derive(Debug, Default)]
struct Noting {
    a_minute: Option<usize>,
    clock: Jumping,
    got: Mutex<Vec<Got>>,
    answers: Mutex<VecDeque<SendError>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Got {
    at_s: u64,
    rules: Vec<String>,
    lost: u64,
}

impl Receiver for Noting {
    fn a_minute(&self) -> Option<usize> {
        self.a_minute
    }

    fn send<'a>(
        &'a self,
        notices: &'a [Notice],
        lost: u64,
        _now: SystemTime,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        let got = Got {
            at_s: self.clock.now().as_secs(),
            rules: notices.iter().map(|notice| notice.rule.clone()).collect(),
            lost,
        };
        self.got.lock().expect("no panic").push(got);
        let answer = self.answers.lock().expect("no panic").pop_front();
        futures::future::ready(answer.map_or(Ok(()), Err)).boxed()
    }
}

struct Setup {
    courier: Courier,
    receiver: Arc<Noting>,
    own: Own,
}

fn setup(a_minute: Option<usize>, answers: Vec<SendError>) -> Setup {
    let clock = Jumping::default();
    let receiver = Arc::new(Noting {
        a_minute,
        clock: clock.clone(),
        answers: Mutex::new(answers.into()),
        ..Noting::default()
    });
    let own = Own::default();
    let name = "log".parse().expect("a name");
    let one: Arc<dyn Receiver> = Arc::clone(&receiver) as _;
    Setup {
        courier: Courier::new(vec![(name, one)], Arc::new(clock), own.clone()),
        receiver,
        own,
    }
}

impl Setup {
    fn hand_over(&self, names: impl IntoIterator<Item = String>) {
        for name in names {
            let rule = rule(&name, "queue depth over 1 for 1 min");
            let event = Event {
                at: Moment::default(),
                told: Told {
                    change: Change::Fired,
                    since: Moment::default(),
                    value: 2.0,
                    worst: 2.0,
                    muted: 0,
                },
                runs: Vec::new(),
                rule: Arc::new(rule),
            };
            let notice = Notice::new(&event, &Links::default());
            self.courier.hand_over(&event.rule.tell, &notice);
        }
    }

    fn got(&self) -> Vec<Got> {
        self.receiver.got.lock().expect("no panic").clone()
    }

    fn dropped(&self) -> u64 {
        self.own.all().iter().map(|count| count.total).sum()
    }
}

fn names(many: usize) -> impl Iterator<Item = String> {
    (0..many).map(|number| format!("r{number}"))
}

fn failed() -> SendError {
    SendError::Failed("no".to_owned())
}

#[tokio::test]
async fn a_busy_minute_ends_in_one_message_and_nothing_is_lost() {
    let setup = setup(Some(20), Vec::new());
    setup.hand_over(names(250));
    setup.courier.finish().await;
    let got = setup.got();
    for window in got.windows(21) {
        let (first, last) = (&window[0], &window[20]);
        assert!(last.at_s - first.at_s >= 60, "{first:?} {last:?}");
    }
    let all: Vec<_> = got.iter().flat_map(|got| got.rules.clone()).collect();
    assert_eq!(all, names(250).collect::<Vec<_>>());
    let in_first: Vec<_> = got.iter().filter(|got| got.at_s == 0).collect();
    let sizes: Vec<_> = in_first.iter().map(|got| got.rules.len()).collect();
    // Of its first minute, the half may be what a host before sent.
    assert_eq!((sizes.len(), &sizes[8..]), (10, &[64, 64][..]));
    assert!(sizes[..8].iter().all(|&size| size == 1), "{sizes:?}");
    assert_eq!(setup.dropped(), 0);
    assert!(setup.courier.waiting().is_empty());
}

#[tokio::test]
async fn what_fails_is_tried_again_with_what_came_meanwhile() {
    let setup = setup(None, vec![failed(), failed(), failed()]);
    setup.hand_over(names(2));
    setup.courier.finish().await;
    let got = setup.got();
    let times: Vec<_> = got.iter().map(|got| got.at_s).collect();
    assert_eq!(times, [0, 1, 3, 7]);
    assert!(got.iter().all(|got| got.rules == ["r0", "r1"]));
    assert_eq!(setup.dropped(), 0);
}

#[tokio::test]
async fn what_is_refused_is_counted_and_the_next_message_says_so() {
    let setup = setup(
        Some(20),
        vec![SendError::Refused("no such robot".to_owned())],
    );
    setup.hand_over(names(2));
    setup.courier.finish().await;
    let got = setup.got();
    assert_eq!(got.len(), 2);
    assert_eq!((&got[1].rules, got[1].lost), (&vec!["r1".to_owned()], 1));
    assert_eq!(setup.dropped(), 1);
    setup.hand_over(["later".to_owned()]);
    setup.courier.finish().await;
    assert_eq!(setup.got()[2].lost, 0);
}

#[tokio::test]
async fn what_cannot_be_delivered_for_half_an_hour_is_given_up() {
    let setup = setup(None, (0..ATTEMPTS).map(|_| failed()).collect());
    setup.hand_over(names(1));
    setup.courier.finish().await;
    let got = setup.got();
    assert_eq!(got.len(), ATTEMPTS as usize);
    let last = got[got.len() - 1].at_s;
    assert!((1_500..2_400).contains(&last), "{last}");
    assert_eq!(setup.dropped(), 1);
    assert!(setup.courier.waiting().is_empty());
}

#[tokio::test]
async fn who_says_too_many_is_left_alone() {
    let setup = setup(Some(20), vec![SendError::TooMany(Duration::from_secs(600))]);
    setup.hand_over(names(3));
    setup.courier.finish().await;
    let got = setup.got();
    assert_eq!(got[1].at_s, 600);
    assert_eq!(got[1].rules, ["r0", "r1", "r2"]);
}

#[tokio::test]
async fn a_full_line_lets_the_oldest_go_and_says_so() {
    let setup = setup(None, Vec::new());
    setup.hand_over(names(MOST_WAITING + 10));
    assert_eq!(setup.dropped(), 10);
    setup.courier.finish().await;
    let got = setup.got();
    assert_eq!((got[0].lost, got[1].lost), (10, 0));
    assert_eq!(got[0].rules[0], "r10");
    let told: usize = got.iter().map(|got| got.rules.len()).sum();
    assert_eq!(told, MOST_WAITING);
}

#[tokio::test]
async fn what_waits_is_taken_up_by_the_next_host() {
    let setup = setup(None, Vec::new());
    setup.hand_over(names(3));
    assert!(setup.courier.take_changed() && !setup.courier.take_changed());
    let waiting = setup.courier.waiting();
    let next = self::setup(None, Vec::new());
    let mut with_stranger = waiting.clone();
    with_stranger.insert("gone".to_owned(), waiting["log"].clone());
    next.courier.take_up(with_stranger);
    next.courier.finish().await;
    assert_eq!(next.got()[0].rules, ["r0", "r1", "r2"]);
    assert_eq!(next.dropped(), 3);
}
