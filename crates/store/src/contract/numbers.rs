//! What numbers of things must do.

use super::World;
use crate::{NumberOf, Store, StoreError};

pub async fn a_number_is_a_things_own_and_is_given_once(store: &dyn Store) {
    let (w, other) = (World::new(1), World::new(2));
    w.store(store).await;
    other.store(store).await;
    let (p, q) = (w.project.id, other.project.id);
    let mut tx = store.write().await.unwrap();
    let of = NumberOf::Subnet;
    assert_eq!(tx.number(p, of, "one").await.unwrap(), None);
    let one = tx.give_number(p, of, "one").await.unwrap();
    let two = tx.give_number(p, of, "two").await.unwrap();
    let kind = tx.give_number(p, NumberOf::Order, "one").await.unwrap();
    let theirs = tx.give_number(q, of, "one").await.unwrap();
    let mut all = vec![one, two, kind, theirs];
    all.dedup();
    assert_eq!(all.len(), 4);
    assert_eq!(tx.number(p, of, "one").await.unwrap(), Some(one));
    let thing = |text: &str| Some(text.to_owned());
    assert_eq!(tx.numbered(p, of, two).await.unwrap(), thing("two"));
    assert_eq!(tx.numbered(p, of, theirs).await.unwrap(), None);
    assert_eq!(tx.numbered(p, of, kind).await.unwrap(), None);
    assert_eq!(tx.count_numbers(p, of).await.unwrap(), 2);
    // The last of all: it would be given again by who counts on from the greatest that is there.
    assert!(tx.forget_number(q, of, "one").await.unwrap());
    assert!(!tx.forget_number(q, of, "one").await.unwrap());
    assert!(tx.give_number(q, of, "one").await.unwrap() > theirs);
    tx.commit().await.unwrap();

    let mut tx = store.write().await.unwrap();
    let again = tx.give_number(p, of, "one").await;
    assert!(matches!(again, Err(StoreError::Duplicate)), "{again:?}");
    drop(tx);
    let nobody = World::new(3).project.id;
    let mut tx = store.write().await.unwrap();
    let nobodys = tx.give_number(nobody, of, "one").await;
    assert!(
        matches!(nobodys, Err(StoreError::Referenced)),
        "{nobodys:?}"
    );
}
