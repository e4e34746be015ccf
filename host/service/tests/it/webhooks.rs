//! Webhooks: who knows the token starts a run, and who has to sign does.

use hmac::{Hmac, KeyInit as _, Mac as _};
use lockgate_service::webhooks::{Delivery, MadeWebhook, NewWebhook};
use lockgate_service::{Scope, ServiceConfig};
use sha2::Sha256;

use crate::world::{World, code, json_of, kebab, outcome};

const BODY: &[u8] = b"{\"text\": \"hello\"}";

fn plain(body: &[u8]) -> Delivery<'_> {
    Delivery {
        body,
        timestamp: None,
        signature: None,
        idempotency: None,
        address: None,
        trace: None,
    }
}

fn now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs().to_string()
}

fn sign(made: &MadeWebhook, timestamp: &str, body: &[u8]) -> String {
    let secret = made.secret.as_ref().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={hex}")
}

#[tokio::test]
async fn who_knows_the_token_starts_a_queued_run() {
    let world = World::new().await;
    let webhooks = world.service.webhooks();
    let flow = kebab("echo");
    let new = NewWebhook {
        signed: false,
        priority: 3,
    };
    let made = webhooks.create(&world.me, &flow, new).await.unwrap();
    assert!(!format!("{made:?}").contains(&made.token));
    let accepted = webhooks
        .receive(&flow, &made.token, plain(BODY))
        .await
        .unwrap();
    let view = world.ended(accepted.run).await;
    assert_eq!((outcome(&view), &*view.summary.trigger), ("ok", "webhook"));
    assert_eq!(json_of(&*view)["output"]["text"], "hello");
    for (flow, token) in [
        ("echo", "lgw_x"),
        ("echo", ""),
        ("hold", &made.token),
        ("echo", &"x".repeat(1 << 16)),
    ] {
        assert_eq!(
            code(webhooks.receive(&kebab(flow), token, plain(BODY)).await),
            "not-found"
        );
    }
    assert_eq!(
        code(
            webhooks
                .receive(&flow, &made.token, plain(b"no json"))
                .await
        ),
        "invalid-request"
    );
    assert_eq!(
        code(webhooks.receive(&flow, &made.token, plain(b"{}")).await),
        "invalid-input"
    );
    let keyed = Delivery {
        idempotency: Some("k"),
        ..plain(BODY)
    };
    let first = webhooks.receive(&flow, &made.token, keyed).await.unwrap();
    assert_eq!(
        webhooks
            .receive(&flow, &made.token, keyed)
            .await
            .unwrap()
            .run,
        first.run
    );

    let listed = webhooks.list(&world.me, &flow).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&made.webhook));
    let runner = world.somebody(&[Scope::Run], None);
    assert_eq!(code(webhooks.list(&runner, &flow).await), "forbidden");
    assert_eq!(
        code(webhooks.create(&runner, &flow, new).await),
        "forbidden"
    );
    assert_eq!(
        code(webhooks.create(&world.me, &kebab("nosuch"), new).await),
        "not-found"
    );
    assert_eq!(
        code(
            webhooks
                .remove(&world.me, &kebab("hold"), made.webhook.webhook)
                .await
        ),
        "not-found"
    );
    webhooks
        .remove(&world.me, &flow, made.webhook.webhook)
        .await
        .unwrap();
    assert_eq!(
        code(webhooks.receive(&flow, &made.token, plain(BODY)).await),
        "not-found"
    );
}

#[tokio::test]
async fn a_signed_delivery_is_taken_once_also_after_a_restart() {
    let world = World::new().await;
    let flow = kebab("echo");
    let new = NewWebhook {
        signed: true,
        priority: 0,
    };
    let made = world
        .service
        .webhooks()
        .create(&world.me, &flow, new)
        .await
        .unwrap();
    let timestamp = now();
    let signature = sign(&made, &timestamp, BODY);
    let signed = Delivery {
        timestamp: Some(&timestamp),
        signature: Some(&signature),
        ..plain(BODY)
    };
    let receive = async |world: &World, delivery| {
        let webhooks = world.service.webhooks();
        code(webhooks.receive(&flow, &made.token, delivery).await)
    };
    assert_eq!(receive(&world, plain(BODY)).await, "bad-signature");
    let other = Delivery {
        body: b"{\"text\": \"other\"}",
        ..signed
    };
    assert_eq!(receive(&world, other).await, "bad-signature");
    assert_eq!(receive(&world, signed).await, "ok");
    assert_eq!(receive(&world, signed).await, "bad-signature");
    let keyed = Delivery {
        idempotency: Some("another"),
        ..signed
    };
    assert_eq!(receive(&world, keyed).await, "bad-signature");
    // What came to nothing can come again.
    let bad = sign(&made, &timestamp, b"{}");
    let refused = Delivery {
        body: b"{}",
        signature: Some(&bad),
        ..signed
    };
    assert_eq!(receive(&world, refused).await, "invalid-input");
    assert_eq!(receive(&world, refused).await, "invalid-input");
    let world = world.killed(ServiceConfig::default()).await;
    assert_eq!(
        receive(&world, signed).await,
        "bad-signature",
        "the store remembers it"
    );
}
