//! Drafts through HTTP: a second writer sees a conflict.

use crate::client::ask;
use crate::host::Host;

#[tokio::test]
async fn two_writers() {
    let host = Host::start().await;
    let put = || ask("PUT /api/v1/flows/poem/draft").yaml("flow: [");
    insta::assert_snapshot!(
        "none",
        host.shown(ask("GET /api/v1/flows/poem/draft")).await
    );
    insta::assert_snapshot!("condition_needed", host.shown(put()).await);
    let first = host.tell(put().header("if-none-match", "*")).await;
    insta::assert_snapshot!("first", first.show());
    let etag = first.header("etag").expect("an ETag").to_owned();
    insta::assert_snapshot!(
        "there",
        host.shown(put().header("if-none-match", "*")).await
    );
    let second = host.tell(put().header("if-match", &etag)).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.header("etag"), Some(etag.as_str()));
    insta::assert_snapshot!("changed", host.shown(put().header("if-match", &etag)).await);
    for (name, value) in [
        ("if-match", "unquoted"),
        ("if-match", "\"\""),
        ("if-match", "W/\"1\""),
        ("if-none-match", "\"1\""),
    ] {
        let told = host.tell(put().header(name, value)).await;
        assert_eq!(told.status, 400, "{name}: {value}");
    }
    let both = put().header("if-match", "*").header("if-none-match", "*");
    insta::assert_snapshot!("both", host.shown(both).await);
    let delete = || ask("DELETE /api/v1/flows/poem/draft");
    assert_eq!(host.tell(delete()).await.status, 428);
    assert_eq!(
        host.tell(delete().header("if-match", &etag)).await.status,
        412
    );
    assert_eq!(
        host.tell(delete().header("if-match", "*")).await.status,
        204
    );
    assert_eq!(
        host.tell(delete().header("if-match", "*")).await.status,
        404
    );
}
