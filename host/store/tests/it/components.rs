//! Files of components.

use lockgate_store::StoreError;

use crate::support::*;

#[tokio::test]
async fn components_come_back_as_they_were() {
    let (store, folder) = store().await;
    let components = store.components();
    let digest = components.put(b"\0asm".to_vec()).await.expect("stored");
    assert_eq!(
        digest,
        "sha256:cd5d4935a48c0672cb06407bb443bc0087aff947c6b864bac886982c73b3027f"
    );
    assert_eq!(
        components.put(b"\0asm".to_vec()).await.expect("again"),
        digest
    );
    assert_eq!(
        components.get(&digest).await.expect("reads").as_deref(),
        Some(&b"\0asm"[..])
    );

    let files = std::fs::read_dir(folder.path().join("components"))
        .expect("there")
        .count();
    assert_eq!(files, 1, "nothing unfinished is left");

    assert!(components.remove(&digest).await.expect("removed"));
    assert!(!components.remove(&digest).await.expect("gone"));
    assert_eq!(components.get(&digest).await.expect("reads"), None);
}

#[tokio::test]
async fn a_changed_file_is_damaged_until_it_is_uploaded_again() {
    let (store, folder) = store().await;
    let components = store.components();
    let digest = components.put(vec![1; 100]).await.expect("stored");
    let hex = digest.strip_prefix("sha256:").expect("a digest");
    let file = folder.path().join(format!("components/{hex}.wasm"));
    std::fs::write(&file, [2; 100]).expect("changed");
    let error = components.get(&digest).await.expect_err("changed");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains(hex), "{error}");
    components.put(vec![1; 100]).await.expect("stored again");
    assert_eq!(
        components.get(&digest).await.expect("whole"),
        Some(vec![1; 100])
    );
}

#[tokio::test]
async fn what_is_no_digest_is_no_file() {
    let (store, folder) = store().await;
    std::fs::write(folder.path().join("x.wasm"), "x").expect("written");
    let upper = format!("sha256:{}", "A".repeat(64));
    for odd in ["", "sha256:", "sha256:../x", "../x", "md5:00", &upper] {
        assert_eq!(store.components().get(odd).await.expect("none"), None);
        assert!(!store.components().remove(odd).await.expect("none"));
    }
}

#[tokio::test]
async fn the_owner_sweeps_what_an_earlier_process_left() {
    let (store, folder) = store().await;
    let left = folder.path().join("components/abc.0123.new");
    std::fs::write(&left, "half").expect("written");
    let _owner = store.own().expect("ours");
    assert!(!left.exists());
}
