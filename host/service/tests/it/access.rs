//! Who may do what with runs.

use lockgate_service::runs::{RerunAsk, Target};
use lockgate_service::{Scope, ServiceError};
use serde_json::json;

use crate::world::{ECHO, World, ask, code, flow};

#[tokio::test]
async fn a_run_key_reads_and_cancels_what_it_started_and_nothing_else() {
    let world = World::new().await;
    let runs = world.service.runs();
    let (one, other) = (
        world.somebody(&[Scope::Run], None),
        world.somebody(&[Scope::Run], None),
    );
    let run = runs.run(&one, ask("echo", "x")).await.unwrap().summary.run;
    let reader = world.somebody(&[Scope::Read], None);
    for (caller, expected) in [
        (&one, "ok"),
        (&reader, "ok"),
        (&world.me, "ok"),
        (&other, "not-found"),
    ] {
        assert_eq!(code(runs.get(caller, run).await), expected);
        assert_eq!(code(runs.events(caller, run, 0).await), expected);
        let listed = runs
            .list(caller, Default::default())
            .await
            .unwrap()
            .items
            .len();
        assert_eq!(listed, usize::from(expected == "ok"));
    }
    assert_eq!(code(runs.run(&reader, ask("echo", "x")).await), "forbidden");
    let nobody = world.somebody(&[], None);
    assert_eq!(code(runs.get(&nobody, run).await), "forbidden");
    assert_eq!(
        code(runs.list(&nobody, Default::default()).await),
        "forbidden"
    );

    let going = runs.start(&one, ask("hold", "x")).await.unwrap();
    assert_eq!(code(runs.cancel(&other, going.id()).await), "not-found");
    assert_eq!(code(runs.cancel(&reader, going.id()).await), "forbidden");
    assert_eq!(code(runs.cancel(&one, going.id()).await), "ok");
    assert!(going.ended().await.is_ok());
    assert_eq!(code(runs.cancel(&one, going.id()).await), "finished");
}

#[tokio::test]
async fn a_key_for_some_flows_is_for_those() {
    let world = World::new().await;
    let runs = world.service.runs();
    let caller = world.somebody(&[Scope::Deploy], Some(&["echo"]));
    let run = runs
        .run(&world.me, ask("echo", "x"))
        .await
        .unwrap()
        .summary
        .run;
    let held = runs.start(&world.me, ask("hold", "x")).await.unwrap();
    assert_eq!(code(runs.run(&caller, ask("echo", "x")).await), "ok");
    assert_eq!(code(runs.run(&caller, ask("hold", "x")).await), "forbidden");
    assert_eq!(code(runs.get(&caller, run).await), "ok");
    assert_eq!(code(runs.get(&caller, held.id()).await), "not-found");
    assert_eq!(code(runs.cancel(&caller, held.id()).await), "not-found");
    assert_eq!(
        runs.list(&caller, Default::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    let mut document = ask("echo", "x");
    document.target = Target::Document {
        name: "d".into(),
        text: flow("d", &[ECHO]),
    };
    assert_eq!(code(runs.run(&caller, document).await), "forbidden");
}

#[tokio::test]
async fn ways_around_a_flow_need_deploy_or_a_flow_that_leaves_them_open() {
    let world = World::new().await;
    let vars = "vars: { tone: plain }\n";
    let closed = flow("closed", &["a: { use: t/echo, in: { text: vars.tone } }"]);
    let closed = closed.replacen('\n', &format!("\n{vars}"), 1);
    let open = closed.replace("closed", "open");
    let open = open.replacen('\n', "\noverridable: [vars, until, pinned, rerun]\n", 1);
    world.save(&closed).await;
    world.save(&open).await;
    let runs = world.service.runs();
    let user = world.somebody(&[Scope::Run], None);
    let deployer = world.somebody(&[Scope::Deploy], None);
    for name in ["closed", "open"] {
        let plain = || ask(name, "x");
        let mut with_vars = plain();
        with_vars.vars.insert("tone".into(), json!("loud"));
        let mut with_until = plain();
        with_until.until = Some("a".into());
        let mut with_pinned = plain();
        with_pinned
            .pinned
            .insert("a".into(), json!({ "text": "given" }));
        let expected = if name == "open" { "ok" } else { "forbidden" };
        for asked in [with_vars, with_until, with_pinned] {
            assert_eq!(
                code(runs.run(&user, asked.clone()).await),
                expected,
                "{name}"
            );
            assert_eq!(
                code(world.service.queue().enqueue(&user, asked.clone(), 0).await),
                expected
            );
            assert_eq!(code(runs.run(&deployer, asked).await), "ok");
        }
        let run = runs.run(&user, plain()).await.unwrap().summary.run;
        let again = RerunAsk {
            from: Some("a".into()),
            ..RerunAsk::default()
        };
        assert_eq!(code(runs.rerun(&user, run, again.clone()).await), expected);
        assert_eq!(code(runs.rerun(&deployer, run, again).await), "ok");
    }
    let document = |text: &str| {
        let mut asked = ask("echo", "x");
        asked.target = Target::Document {
            name: "d".into(),
            text: text.to_owned(),
        };
        asked
    };
    let refused = runs.run(&user, document(&flow("d", &[ECHO]))).await;
    assert!(matches!(refused, Err(ServiceError::Forbidden { .. })));
}
