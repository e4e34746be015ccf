//! When credentials are looked for again, and what happens when there are none.

use std::sync::Arc;
use std::time::Duration;

use lockgate_stand_ins::Fault;

use super::{HOUR, MINUTE, key, lent, run};
use crate::support::{Virtual, client_with, datum};

#[test]
fn a_key_is_replaced_before_it_expires_and_its_file_is_read_again() {
    run(async |place| {
        place.set("ROLE_ARN", "acs:ram::1:role/r");
        place.set("OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p");
        place.set("OIDC_TOKEN_FILE", place.write("token", "hush.oidc"));
        let chain = Arc::new(place.chain());
        assert_eq!(place.name(&chain).await, "role");
        place.time.advance(40 * MINUTE);
        assert_eq!(place.name(&chain).await, "role");
        assert_eq!(place.sts.asked().len(), 1, "it lasts");

        place.write("token", "hush.oidc.2");
        place.sts.expect_token("hush.oidc.2");
        place.sts.lend(lent("role-2", &place.time, HOUR));
        place.time.advance(5 * MINUTE);
        assert_eq!(
            place.name(&chain).await,
            "role-2",
            "15 minutes before the end"
        );
        assert_eq!(place.sts.asked().len(), 2);
    });
}

#[test]
fn a_refresh_that_fails_leaves_what_has_not_expired() {
    run(async |place| {
        place.set("CREDENTIALS_URI", place.uri.uri());
        let chain = Arc::new(place.chain());
        assert_eq!(place.name(&chain).await, "instance");
        place.metadata.faults().run(|| {
            Some(Fault::Error {
                status: 500,
                code: "Broken".to_owned(),
            })
        });
        place.time.advance(55 * MINUTE);
        assert_eq!(place.name(&chain).await, "instance");
        let asked = place.metadata.asked().len();
        assert_eq!(
            place.name(&chain).await,
            "instance",
            "without asking at each call"
        );
        assert_eq!(place.metadata.asked().len(), asked);
        place.time.advance(6 * MINUTE);
        place.uri.lend(lent("uri-2", &place.time, HOUR));
        assert_eq!(
            place.name(&chain).await,
            "uri-2",
            "it is over, and the next place is asked"
        );
        place.metadata.faults().clear();
        place
            .metadata
            .lend(lent("instance-2", &place.time, 3 * HOUR));
        place.uri.lend(lent("uri-3", &place.time, 3 * HOUR));
        place.time.advance(50 * MINUTE);
        assert_eq!(
            place.name(&chain).await,
            "uri-3",
            "the last one that worked is asked first"
        );
    });
}

#[test]
fn callers_share_one_refresh() {
    run(async |place| {
        let chain = Arc::new(place.chain());
        let all = futures::future::join_all((0..50).map(|_| place.name(&chain))).await;
        assert!(all.iter().all(|name| name == "instance"), "{all:?}");
        assert_eq!(place.metadata.asked().len(), 3);
        place.time.advance(2 * HOUR);
        place.metadata.faults().run(|| Some(Fault::Hang));
        let before = place.time.now();
        let all = futures::future::join_all((0..50).map(|_| place.name(&chain))).await;
        assert!(
            all.iter().all(|told| told.contains("no answer within 1s")),
            "{all:?}"
        );
        let waited = place.time.now().duration_since(before).expect("later");
        assert!(
            waited <= Duration::from_secs(4),
            "a failure is shared, too: {waited:?}"
        );
        place.metadata.faults().clear();
        place.metadata.lend(lent("instance-2", &place.time, HOUR));
        assert_eq!(place.name(&chain).await, "instance-2", "and is not kept");
    });
}

#[test]
fn a_key_that_is_refused_is_looked_for_again() {
    run(async |place| {
        let ini = |name: &str| {
            let text = format!(
                "[default]\ntype = access_key\naccess_key_id = {name}\naccess_key_secret = hush-{name}\n"
            );
            place.write(".alibabacloud/credentials", text);
        };
        ini("old");
        let clock = Arc::new(Virtual(place.time.clone()));
        let client = client_with(&place.gateway, place.chain(), clock);
        place
            .gateway
            .change(|config| config.keys = vec![key("old")]);
        client
            .put_custom_metric(&[datum(0, 0)])
            .await
            .expect("taken");
        place
            .gateway
            .change(|config| config.keys = vec![key("new")]);
        ini("new");
        let refused = client.put_custom_metric(&[datum(0, 1)]).await;
        refused.expect_err("the old one is kept for a while");
        client
            .put_custom_metric(&[datum(0, 1)])
            .await
            .expect("the new one");
    });
}

#[test]
fn a_file_that_changes_is_noticed() {
    run(async |place| {
        place.set("ACCESS_KEY_ID", "one");
        place.set("ACCESS_KEY_SECRET", "hush-one");
        let chain = Arc::new(place.chain());
        assert_eq!(place.name(&chain).await, "one");
        place.set("ACCESS_KEY_ID", "two");
        assert_eq!(place.name(&chain).await, "one");
        place.time.advance(5 * MINUTE);
        assert_eq!(place.name(&chain).await, "two");
    });
}

#[test]
fn a_key_that_was_taken_away_is_looked_for_elsewhere() {
    run(async |place| {
        let ini =
            "[default]\ntype = access_key\naccess_key_id = old\naccess_key_secret = hush-old\n";
        place.write(".alibabacloud/credentials", ini);
        let chain = Arc::new(place.chain());
        assert_eq!(place.name(&chain).await, "old");
        assert_eq!(chain.place(), Some("credentials file"));
        // A file that is away does not take a key away that works.
        place.remove(".alibabacloud/credentials");
        place.time.advance(5 * MINUTE);
        assert_eq!(place.name(&chain).await, "old");

        let clock = Arc::new(Virtual(place.time.clone()));
        let client = client_with(&place.gateway, place.chain(), clock);
        place.write(".alibabacloud/credentials", ini);
        let lent = lent("instance", &place.time, HOUR).key;
        let keys = vec![key("old")];
        place.gateway.change(|config| config.keys = keys);
        let put = async || client.put_custom_metric(&[datum(0, 0)]).await;
        put().await.expect("taken");
        place.gateway.change(|config| config.keys = vec![lent]);
        put().await.expect_err("the key is not known any more");
        put()
            .await
            .expect_err("its place still says that it is to be used");
        assert_eq!(client.credentials().place(), Some("credentials file"));
        place.remove(".alibabacloud/credentials");
        put().await.expect("the instance has a role");
        assert_eq!(client.credentials().place(), Some("ECS instance"));
    });
}
