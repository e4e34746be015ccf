//! Drafts: a second writer sees that there was a first.

use lockgate_store::{DraftPut, Expected, Store};

use crate::support::*;

async fn put(store: &Store, text: &str, expected: Expected) -> DraftPut {
    let poem = name("poem");
    store
        .put_draft(&project(), &poem, text.to_owned(), expected, "ann", NOW)
        .await
        .expect("answers")
}

fn tag(put: DraftPut) -> String {
    match put {
        DraftPut::Put(Some(tag)) => tag,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_writer_sees_the_first() {
    let (store, _folder) = store().await;
    assert_eq!(
        put(&store, "x", Expected::Present).await,
        DraftPut::Conflict(None)
    );
    let first = tag(put(&store, "one", Expected::Absent).await);
    let conflict = DraftPut::Conflict(Some(first.clone()));
    assert_eq!(put(&store, "x", Expected::Absent).await, conflict);
    assert_eq!(
        put(&store, "x", Expected::Tag("999".to_owned())).await,
        conflict
    );

    let second = tag(put(&store, "two", Expected::Tag(first.clone())).await);
    assert_ne!(first, second);
    let conflict = DraftPut::Conflict(Some(second.clone()));
    assert_eq!(put(&store, "x", Expected::Tag(first)).await, conflict);
    tag(put(&store, "three", Expected::Present).await);
    tag(put(&store, "four", Expected::Anything).await);

    let draft = store
        .draft(&project(), &name("poem"))
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(
        (draft.text.as_str(), draft.updated_by.as_str()),
        ("four", "ann")
    );
    assert_eq!(
        store
            .draft(&name("other"), &name("poem"))
            .await
            .expect("reads"),
        None
    );
}

#[tokio::test]
async fn a_tag_never_comes_back() {
    let (store, _folder) = store().await;
    let poem = name("poem");
    let first = tag(put(&store, "one", Expected::Absent).await);
    let remove = async |expected| {
        store
            .remove_draft(&project(), &poem, expected, Some(audit("draft.remove")))
            .await
            .expect("answers")
    };
    let conflict = DraftPut::Conflict(Some(first.clone()));
    assert_eq!(remove(Expected::Tag("0".to_owned())).await, conflict);
    assert_eq!(
        remove(Expected::Tag(first.clone())).await,
        DraftPut::Put(None)
    );
    assert_eq!(remove(Expected::Present).await, DraftPut::Conflict(None));
    assert_eq!(remove(Expected::Anything).await, DraftPut::Put(None));

    let second = tag(put(&store, "two", Expected::Absent).await);
    assert_ne!(first, second);
    assert_eq!(store.projects().await.expect("reads"), [project()]);
}
