//! The link by which one person reads a pre-shared key, once.
//!
//! A link's code is the request's id and 128 random bits; with it goes a passphrase of 80, which is told by another way.
//! The store has hashes of both, so that who reads the database can't use the link. Whoever has neither learns nothing,
//! not even that there is such a request.

use std::fmt;
use std::time::Duration;

use adit_crypto::sha256;
use adit_model::change::Actor;
use adit_model::connection_request::{RequestState, RequestStep, SecretLink};
use adit_model::{ConnectionRequest, ConnectionRequestId, Psk};
use adit_store::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Control;
use crate::error::Error;

/// How many wrong passphrases a link survives.
const FAILURES: u8 = 5;

/// How many failures are counted at all: from then on nothing is written, however often somebody tries.
const COUNTED: u8 = 20;

/// How many random octets a link proves itself by.
const PROOF: usize = 16;

/// What passphrases are made of: digits and letters that nobody takes for another.
const LETTERS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";

/// A link in clear, with its passphrase. Told once, kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkText {
    code: Zeroizing<String>,
    passphrase: Zeroizing<String>,
}

impl LinkText {
    /// What the link has for its code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What is to be told by another way.
    #[must_use]
    pub fn passphrase(&self) -> &str {
        &self.passphrase
    }
}

impl fmt::Debug for LinkText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkText(hidden)")
    }
}

/// What a link opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The request that it belongs to.
    pub request: ConnectionRequest,
    /// The key.
    pub psk: Psk,
}

/// Why a link opens nothing. Nobody has read the key by it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It is none of ours, or of a request that is gone.
    #[error("there is no such link")]
    Unknown,
    /// It was good once, and was used.
    #[error("the link was used already; ask whoever gave it to you for another")]
    Used,
    /// It was good until some time ago.
    #[error("the link has expired; ask whoever gave it to you for another")]
    Expired,
    /// Wrong passphrases closed it.
    #[error(
        "the link was closed after {FAILURES} wrong passphrases; ask whoever gave it to you for another"
    )]
    Locked,
    /// The passphrase is not the one that goes with it.
    #[error(
        "the passphrase is not the one that goes with this link; it may be tried {left} more times"
    )]
    Passphrase {
        /// How often.
        left: u8,
    },
    /// Something else.
    #[error(transparent)]
    Control(#[from] Error),
}

impl From<StoreError> for SecretError {
    fn from(error: StoreError) -> Self {
        Self::Control(error.into())
    }
}

fn passphrase_hash(proof: &[u8], passphrase: &str) -> [u8; 32] {
    // As people type it.
    let typed = passphrase.chars().filter(char::is_ascii_alphanumeric);
    let typed: Zeroizing<String> = Zeroizing::new(typed.map(|c| c.to_ascii_lowercase()).collect());
    sha256(&[b"adit link passphrase:", proof, typed.as_bytes()])
}

fn proof_hash(proof: &[u8]) -> [u8; 32] {
    sha256(&[b"adit link proof:", proof])
}

/// The request that a code names, and its proof.
fn read(code: &str) -> Option<(ConnectionRequestId, Zeroizing<Vec<u8>>)> {
    let octets = Zeroizing::new(BASE64.decode(code.trim()).ok()?);
    let (id, proof) = octets.split_at_checked(16)?;
    let id = Uuid::from_slice(id).ok()?;
    (proof.len() == PROOF).then(|| (ConnectionRequestId::from_uuid(id), proof.to_vec().into()))
}

impl Control {
    /// A link to a request's key, and what is kept of it.
    pub(super) fn make_link(
        &self,
        id: ConnectionRequestId,
        lasts: Duration,
    ) -> (LinkText, SecretLink) {
        let proof: [u8; PROOF] = self.random_octets();
        let letters: [u8; 16] = self.random_octets();
        let letter = |octet: &u8| {
            char::from(
                LETTERS
                    .get(usize::from(octet % 32))
                    .copied()
                    .unwrap_or(b'2'),
            )
        };
        let letters: Vec<char> = letters.iter().map(letter).collect();
        let groups: Vec<String> = letters
            .chunks(4)
            .map(|four| four.iter().collect())
            .collect();
        let passphrase = groups.join("-");
        let code = BASE64.encode([id.uuid().as_bytes().as_slice(), &proof].concat());
        let secret = SecretLink {
            proof: proof_hash(&proof),
            passphrase: passphrase_hash(&proof, &passphrase),
            expires_at: self.now() + lasts,
            failures: 0,
        };
        let text = LinkText {
            code: code.into(),
            passphrase: passphrase.into(),
        };
        (text, secret)
    }

    /// Reads a key by its link. That is done once; what comes of each try is in the audit.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub async fn open_secret(&self, code: &str, passphrase: &str) -> Result<Opened, SecretError> {
        let (id, proof) = read(code).ok_or(SecretError::Unknown)?;
        let known = self.read().await?.any_connection_request(id).await?;
        // Who has no link has nothing written.
        if known.is_none_or(|row| row.secret.proof != proof_hash(&proof)) {
            return Err(SecretError::Unknown);
        }
        let mut tx = self.change_by(Actor::Link).await?;
        let row = tx.any_connection_request(id).await?;
        let mut row = row.ok_or(SecretError::Unknown)?;
        let psk = match self.judge(&row, &proof, passphrase) {
            Ok(()) => {
                let connection = tx.any_connection(row.connection).await?;
                let psk = connection.and_then(|row| row.authentication.psk().cloned());
                psk.ok_or(SecretError::Unknown)
            }
            Err(refused) => Err(refused),
        };
        match &psk {
            Ok(_) => row.steps.push(RequestStep {
                state: RequestState::SecretFetched,
                at: self.now(),
                by: Some(Actor::Link),
            }),
            Err(_) if row.secret.failures < COUNTED => row.secret.failures += 1,
            Err(_) => return psk.map(|psk| Opened { request: row, psk }),
        }
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        psk.map(|psk| Opened { request: row, psk })
    }

    /// Whether a link opens.
    fn judge(
        &self,
        row: &ConnectionRequest,
        proof: &[u8],
        passphrase: &str,
    ) -> Result<(), SecretError> {
        let link = &row.secret;
        if link.proof != proof_hash(proof) {
            return Err(SecretError::Unknown);
        }
        if row.was(RequestState::SecretFetched) {
            return Err(SecretError::Used);
        }
        if link.failures >= FAILURES {
            return Err(SecretError::Locked);
        }
        if self.now() >= link.expires_at {
            return Err(SecretError::Expired);
        }
        if link.passphrase != passphrase_hash(proof, passphrase) {
            let left = FAILURES.saturating_sub(link.failures.saturating_add(1));
            return Err(match left {
                0 => SecretError::Locked,
                left => SecretError::Passphrase { left },
            });
        }
        Ok(())
    }
}
