//! The queue, through HTTP.

use crate::client::ask;
use crate::host::Host;

#[tokio::test]
async fn the_queue_says_how_it_is() {
    let host = Host::start().await;
    insta::assert_snapshot!("queue", host.shown(ask("GET /api/v1/queue")).await);
    insta::assert_snapshot!(
        "dead",
        host.shown(ask("GET /api/v1/queue/dead?limit=1")).await
    );
    let none = "/api/v1/queue/dead/00000000-0000-7000-8000-000000000000";
    let requeue = ask(&format!("POST {none}/requeue"));
    insta::assert_snapshot!("requeue_none", host.shown(requeue).await);
    let forget = ask(&format!("DELETE {none}"));
    insta::assert_snapshot!("forget_none", host.shown(forget).await);
    let cursor = ask("GET /api/v1/queue/dead?cursor=x");
    insta::assert_snapshot!("no_cursor", host.shown(cursor).await);
}
