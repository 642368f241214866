//! What a page says with each change that it asks for, where its browser sends the session by itself: another site's
//! page has that sent, too, and doesn't know this (cross-site request forgery).

use adit_crypto::{hmac_sha256, verify_hmac_sha256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::Control;

/// Tells it from what else the key signs.
const PURPOSE: &[u8] = b"csrf of ";

impl Control {
    /// The word that goes with a session. It is made from the session's token, so it is good as long as that is, after a
    /// restart too, and of no other session.
    #[must_use]
    pub fn csrf_word(&self, token: &str) -> String {
        let key = &*self.0.config.token_key;
        BASE64.encode(hmac_sha256(key, &[PURPOSE, token.as_bytes()]))
    }

    /// Whether this is the word that goes with a session.
    #[must_use]
    pub fn is_csrf_word(&self, token: &str, said: &str) -> bool {
        let key = &*self.0.config.token_key;
        let said = BASE64.decode(said);
        said.is_ok_and(|said| verify_hmac_sha256(key, &[PURPOSE, token.as_bytes()], &said))
    }
}
