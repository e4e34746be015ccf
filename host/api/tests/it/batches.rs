//! Batches through HTTP.

use crate::client::{Ask, ask};
use crate::host::Host;

fn batch(lines: &str) -> Ask {
    let ask = ask("POST /api/v1/flows/shout/batches?priority=1");
    ask.body("application/x-ndjson", lines)
}

#[tokio::test]
async fn a_batch_runs() {
    let host = Host::stocked().await;
    let told = host
        .tell(batch("{\"text\":\"a\"}\n{\"text\":\"b\"}\n"))
        .await;
    insta::assert_snapshot!("accepted", told.show());
    let path = told.header("location").expect("a place").to_owned();
    insta::assert_snapshot!("ended", host.settled(&path).await.show());
    insta::assert_snapshot!(
        "results",
        host.shown(ask(&format!("GET {path}/results"))).await
    );
    insta::assert_snapshot!("cancel", host.shown(ask(&format!("DELETE {path}"))).await);
}

#[tokio::test]
async fn batches_that_are_refused() {
    let host = Host::stocked().await;
    insta::assert_snapshot!("bad_lines", host.shown(batch("{\"text\":1}\n{\n")).await);
    insta::assert_snapshot!("empty", host.shown(batch("\n")).await);
    let json = ask("POST /api/v1/flows/shout/batches").body("application/json", "{}");
    insta::assert_snapshot!("wrong_media", host.shown(json).await);
    let none = "GET /api/v1/batches/00000000-0000-7000-8000-000000000000";
    insta::assert_snapshot!("none", host.shown(ask(none)).await);
}
