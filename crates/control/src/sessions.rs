//! Sessions that were checked before: a token that was good at this version of the store's
//! identities is still good, until it ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use adit_crypto::sha256;
use time::OffsetDateTime;

use crate::session::Session;

/// How many are kept. Beyond, all are checked anew.
const MOST: usize = 10_000;

/// Sessions by their token's hash, and the version they were checked at.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<[u8; 32], (u64, Session)>>);

impl Sessions {
    pub(crate) fn get(&self, token: &str, version: u64, now: OffsetDateTime) -> Option<Session> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, session) = known.get(&sha256(&[token.as_bytes()]))?;
        (*at == version && now < session.expires_at).then(|| session.clone())
    }

    /// Keeps a session that was read after the version was.
    pub(crate) fn put(&self, token: &str, version: u64, session: &Session) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(sha256(&[token.as_bytes()]), (version, session.clone()));
    }
}
