//! Lists of runs.

use lockgate_service::runs::RunsQuery;

use crate::world::{World, ask, code, flow};

#[tokio::test]
async fn lists_come_newest_first_in_pieces_with_those_that_go_on() {
    let world = World::new().await;
    let runs = world.service.runs();
    let mut expected = Vec::new();
    for index in 0..5 {
        expected.push(world.run("echo", "x").await.summary.run);
        if index == 2 {
            let held = runs.start(&world.me, ask("hold", "x")).await.unwrap();
            expected.push(held.id());
        }
    }
    expected.reverse();
    for limit in 1..=7 {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let query = RunsQuery {
                cursor,
                limit: Some(limit),
                ..RunsQuery::default()
            };
            let page = runs.list(&world.me, query).await.unwrap();
            assert!(page.items.len() <= limit as usize);
            seen.extend(page.items.iter().map(|run| run.run));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{limit}");
    }
}

#[tokio::test]
async fn filters_say_which() {
    let world = World::new().await;
    world
        .save(&flow(
            "bad",
            &["a: { use: t/fail, in: { text: input.text } }"],
        ))
        .await;
    let runs = world.service.runs();
    world.run("echo", "x").await;
    world.run("bad", "x").await;
    let mut sessioned = ask("echo", "x");
    sessioned.session = Some("s".into());
    runs.run(&world.me, sessioned).await.unwrap();
    runs.start(&world.me, ask("hold", "x")).await.unwrap();
    let count = async |query: RunsQuery| runs.list(&world.me, query).await.unwrap().items.len();
    let query = RunsQuery::default;
    assert_eq!(count(query()).await, 4);
    let echo = Some("echo".parse().unwrap());
    assert_eq!(
        count(RunsQuery {
            flow: echo,
            ..query()
        })
        .await,
        2
    );
    assert_eq!(
        count(RunsQuery {
            outcome: Some("rejected".into()),
            ..query()
        })
        .await,
        1
    );
    assert_eq!(
        count(RunsQuery {
            state: Some("running".into()),
            ..query()
        })
        .await,
        1
    );
    assert_eq!(
        count(RunsQuery {
            state: Some("finished".into()),
            ..query()
        })
        .await,
        3
    );
    assert_eq!(
        count(RunsQuery {
            session: Some("s".into()),
            ..query()
        })
        .await,
        1
    );
    assert_eq!(
        count(RunsQuery {
            trigger: Some("webhook".into()),
            ..query()
        })
        .await,
        0
    );
    assert_eq!(
        count(RunsQuery {
            until_ms: Some(1),
            ..query()
        })
        .await,
        0
    );
    assert_eq!(
        count(RunsQuery {
            since_ms: Some(1),
            ..query()
        })
        .await,
        4
    );
    for bad in [
        RunsQuery {
            cursor: Some("x".into()),
            ..query()
        },
        RunsQuery {
            cursor: Some(String::new()),
            ..query()
        },
        RunsQuery {
            limit: Some(0),
            ..query()
        },
        RunsQuery {
            limit: Some(201),
            ..query()
        },
        RunsQuery {
            state: Some("over".into()),
            ..query()
        },
        RunsQuery {
            outcome: Some("good".into()),
            ..query()
        },
    ] {
        assert_eq!(code(runs.list(&world.me, bad).await), "invalid-request");
    }
}
