//! Keys: made, found, revoked.

use lockgate_service::{Caller, KEY_PREFIX, Keys, NewKey, Scope};

use crate::world::{World, code, kebab};

fn new(name: &str) -> NewKey {
    NewKey {
        project: kebab("default"),
        publisher: kebab("acme"),
        name: name.to_owned(),
        scopes: vec![Scope::Run, Scope::Read],
        flows: Some(vec![kebab("echo")]),
    }
}

#[tokio::test]
async fn a_key_is_found_until_it_is_revoked() {
    let world = World::new().await;
    // The command's: it shares nothing with the host but the store.
    let keys = Keys::new(world.store.clone());
    let cli = Caller::host(kebab("default"), kebab("lockgate"), "cli");
    let made = keys.create(new("ci"), &cli).await.unwrap();
    assert!(made.secret.starts_with(KEY_PREFIX));
    assert!(!format!("{made:?}").contains(&made.secret));
    let host = world.service.keys();
    let address = Some("127.0.0.1".parse().unwrap());
    let caller = host
        .authenticate(&made.secret, address)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(caller.key, Some(made.view.key));
    assert_eq!(
        (&*caller.name, caller.publisher.as_str(), caller.address),
        ("ci", "acme", address)
    );
    assert!(caller.scopes.has(Scope::Run) && !caller.scopes.has(Scope::Deploy));
    assert!(caller.is_for(&kebab("echo")) && !caller.is_for(&kebab("hold")));
    for wrong in [
        "",
        "lg_",
        "lg_x",
        &made.secret[1..],
        &format!("{}x", made.secret),
        &"x".repeat(1 << 20),
    ] {
        assert!(host.authenticate(wrong, None).await.unwrap().is_none());
    }
    let mut changed = made.secret.clone().into_bytes();
    changed[10] ^= 1;
    let changed = String::from_utf8(changed).unwrap();
    assert!(host.authenticate(&changed, None).await.unwrap().is_none());

    assert_eq!(
        code(keys.create(new("ci"), &cli).await),
        "invalid-request",
        "the name is taken"
    );
    let revoked = keys.revoke("ci", &cli).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    assert!(
        keys.authenticate(&made.secret, None)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(code(keys.revoke("ci", &cli).await), "not-found");
    let again = keys.create(new("ci"), &cli).await.unwrap();
    assert_eq!(
        keys.revoke(&again.view.key.to_string(), &cli)
            .await
            .unwrap()
            .key,
        again.view.key
    );
    assert_eq!(keys.list().await.unwrap().len(), 2);

    let audit = world
        .service
        .audit()
        .list(&world.me, None, None)
        .await
        .unwrap();
    let actions: Vec<_> = audit
        .items
        .iter()
        .map(|one| (one.action.as_str(), one.actor.as_str()))
        .collect();
    assert_eq!(actions[..2], [("key.revoke", "cli"), ("key.create", "cli")]);
}

#[tokio::test]
async fn what_is_no_key_is_not_made() {
    let world = World::new().await;
    let keys = world.service.keys();
    let with = |change: fn(&mut NewKey)| {
        let mut key = new("k");
        change(&mut key);
        key
    };
    for bad in [
        with(|key| key.name.clear()),
        with(|key| key.name = "x".repeat(65)),
        with(|key| key.name = "a\u{1b}[31m".into()),
        with(|key| key.name = " a".into()),
        with(|key| key.name = uuid::Uuid::nil().to_string()),
        with(|key| key.scopes.clear()),
        with(|key| key.flows = Some(Vec::new())),
        with(|key| key.flows = Some(vec![kebab("a"); 101])),
    ] {
        assert_eq!(code(keys.create(bad, &world.me).await), "invalid-request");
    }
}

#[tokio::test]
async fn the_audit_log_is_for_admins_and_comes_in_pieces() {
    let world = World::new().await;
    let audit = world.service.audit();
    let deployer = world.somebody(&[Scope::Deploy], None);
    assert_eq!(code(audit.list(&deployer, None, None).await), "forbidden");
    for name in ["a", "b", "c"] {
        world
            .service
            .keys()
            .create(new(name), &world.me)
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = audit
            .list(&world.me, cursor.as_deref(), Some(2))
            .await
            .unwrap();
        seen.extend(page.items.iter().map(|one| one.seq));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    sorted.dedup();
    assert_eq!(seen, sorted);
    assert!(seen.len() >= 6);
    assert_eq!(
        code(audit.list(&world.me, Some("x"), None).await),
        "invalid-request"
    );
    assert_eq!(
        code(audit.list(&world.me, None, Some(201)).await),
        "invalid-request"
    );
}
