//! Keys and tokens.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{World, config};
use adit_control::token::TokenError;
use adit_store::MemoryStore;
use serde_json::Map;

#[tokio::test]
async fn a_token_names_its_caller_until_it_ends_and_survives_a_restart() {
    let store = Arc::new(MemoryStore::default());
    let w = World::over(store.clone(), config()).await;
    let token = w.control.issue_token(&w.demo, Map::new());
    assert_eq!(w.control.verify_token(&token.text).await.unwrap(), w.demo);
    let restarted = World::over(store, config()).await;
    assert_eq!(
        restarted.control.verify_token(&token.text).await.unwrap(),
        w.demo
    );
    w.clock.advance(Duration::from_secs(3599));
    assert_eq!(w.control.verify_token(&token.text).await.unwrap(), w.demo);
    w.clock.advance(Duration::from_secs(1));
    assert!(matches!(
        w.control.verify_token(&token.text).await,
        Err(TokenError::Expired)
    ));
}

#[tokio::test]
async fn a_changed_token_or_one_of_another_key_is_refused() {
    let w = World::new().await;
    let token = w.control.issue_token(&w.demo, Map::new()).text;
    for at in [0, token.len() / 2, token.len() - 2] {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(
            matches!(
                w.control.verify_token(&changed).await,
                Err(TokenError::Invalid)
            ),
            "{at}"
        );
    }
    let unsigned = token.rsplit_once('.').unwrap().0.to_owned() + ".";
    for text in ["", ".", "..", "a.b.c", &unsigned] {
        assert!(
            matches!(w.control.verify_token(text).await, Err(TokenError::Invalid)),
            "{text}"
        );
    }
    let mut other = config();
    other.token_key = [8; 32].into();
    let other = World::over(Arc::new(MemoryStore::default()), other).await;
    assert!(matches!(
        other.control.verify_token(&token).await,
        Err(TokenError::Invalid)
    ));
}

#[tokio::test]
async fn a_replaced_key_opens_no_longer_and_none_is_printed() {
    let w = World::new().await;
    let old = w.control.replace_api_key("demo").await.unwrap();
    let new = w.control.replace_api_key("demo").await.unwrap();
    assert_eq!(w.control.authenticate(old.expose()).await.unwrap(), None);
    assert_eq!(
        w.control.authenticate(new.expose()).await.unwrap(),
        Some(w.demo)
    );
    assert_eq!(new.expose().len(), 43);
    assert!(!format!("{new:?}").contains(new.expose()));
    assert!(w.control.bootstrap().await.unwrap().is_none());
}
