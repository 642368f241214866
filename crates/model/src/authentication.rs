//! By what the two ends of a connection show who they are.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Psk;

/// By what the two ends show who they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// Each by a certificate. By IKEv2 alone.
    Certificates(Box<Certificates>),
    /// Both by one key.
    PresharedKey(#[serde(with = "crate::psk::travelling")] Psk),
}

impl Authentication {
    /// The pre-shared key, if it is by one.
    #[must_use]
    pub const fn psk(&self) -> Option<&Psk> {
        match self {
            Self::PresharedKey(psk) => Some(psk),
            Self::Certificates(_) => None,
        }
    }

    /// Whether it can't be read any more.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.psk().is_some_and(Psk::is_lost)
    }
}

impl From<Psk> for Authentication {
    fn from(key: Psk) -> Self {
        Self::PresharedKey(key)
    }
}

/// What an end shows, and whom it believes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certificates {
    /// This end's certificate, and behind it those of authorities that peers may not have.
    pub own: Pem,
    /// Its key.
    pub key: PrivateKey,
    /// The certificates of the authorities that may have signed the peer's.
    pub authorities: Pem,
    /// What these authorities have taken back; none where nobody says.
    pub revocation_lists: Option<Pem>,
}

/// Certificates or revocation lists as text (RFC 7468). Whether they are any is for whoever reads them; here they are
/// ASCII, and no longer than [`Pem::MOST`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pem(String);

/// Why a text is no [`Pem`] or [`PrivateKey`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PemError {
    /// It has none of the lines.
    #[error("there is no line that begins with \"-----BEGIN \"")]
    NoBegin,
    /// It has other letters than PEM.
    #[error("PEM is ASCII")]
    NotAscii,
    /// It is longer than any honest one.
    #[error("it has at most {0} octets")]
    TooLong(usize),
}

fn check(text: &[u8], most: usize) -> Result<(), PemError> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    if text.len() > most {
        return Err(PemError::TooLong(most));
    }
    if !text.is_ascii() {
        return Err(PemError::NotAscii);
    }
    let mut windows = text.windows(BEGIN.len());
    windows
        .any(|window| window == BEGIN)
        .then_some(())
        .ok_or(PemError::NoBegin)
}

impl Pem {
    /// The most octets.
    pub const MOST: usize = 1 << 15;

    /// Takes a text.
    ///
    /// # Errors
    /// It can't be PEM, or is too long.
    pub fn new(text: String) -> Result<Self, PemError> {
        check(text.as_bytes(), Self::MOST)?;
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Pem {
    type Error = PemError;

    fn try_from(text: String) -> Result<Self, PemError> {
        Self::new(text)
    }
}

impl From<Pem> for String {
    fn from(pem: Pem) -> Self {
        pem.0
    }
}

/// A private key as text (RFC 7468). Wiped on drop and never printed; whoever needs it calls [`PrivateKey::expose`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateKey(#[serde(with = "travelling")] Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// The most octets: RSA of 8,192 bits has fewer.
    pub const MOST: usize = 1 << 13;

    /// Takes a text.
    ///
    /// # Errors
    /// It can't be PEM, or is too long.
    pub fn new(text: Vec<u8>) -> Result<Self, PemError> {
        let text = Zeroizing::new(text);
        check(&text, Self::MOST)?;
        Ok(Self(text))
    }

    /// The text, for the one place that must have it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(hidden)")
    }
}

/// A post-quantum pre-shared key (RFC 8784), which the keys of a tunnel rest on beside all else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ppk {
    /// What both ends call it.
    pub id: PpkId,
    /// The key. It should have 256 bits of randomness.
    #[serde(with = "crate::psk::travelling")]
    pub key: Psk,
    /// Whether there is no tunnel without it; otherwise a peer that has none, or another by name, does without.
    pub required: bool,
}

/// The name of a [`Ppk`]: 1 to 64 printable letters of ASCII.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PpkId(String);

/// Why a text is no [`PpkId`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the name of a post-quantum pre-shared key is 1 to 64 printable letters of ASCII")]
pub struct PpkIdError;

impl PpkId {
    /// Takes a text.
    ///
    /// # Errors
    /// It is empty, too long, or has other letters.
    pub fn new(text: String) -> Result<Self, PpkIdError> {
        let fits =
            (1..=64).contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_graphic());
        fits.then_some(Self(text)).ok_or(PpkIdError)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PpkId {
    type Error = PpkIdError;

    fn try_from(text: String) -> Result<Self, PpkIdError> {
        Self::new(text)
    }
}

impl From<PpkId> for String {
    fn from(id: PpkId) -> Self {
        id.0
    }
}

/// As a list of octets: a text with line ends would leave copies behind where it is read.
mod travelling {
    use serde::{Deserializer, Serialize, Serializer};
    use zeroize::Zeroizing;

    use super::PrivateKey;
    use crate::psk::octets;

    pub(super) fn serialize<S: Serializer>(
        key: &Zeroizing<Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        key.as_slice().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<Vec<u8>>, D::Error> {
        octets::<{ PrivateKey::MOST }, D>(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

    #[test]
    fn what_cannot_be_pem_is_refused() {
        let new = |text: &str| Pem::new(text.to_owned()).map(drop);
        assert_eq!(new(TEXT), Ok(()));
        assert_eq!(new("certificate"), Err(PemError::NoBegin));
        assert_eq!(new(&format!("{TEXT}ü")), Err(PemError::NotAscii));
        let long = TEXT.repeat(Pem::MOST / TEXT.len() + 1);
        assert_eq!(new(&long), Err(PemError::TooLong(Pem::MOST)));
        let key = PrivateKey::new(long.into_bytes());
        assert_eq!(key, Err(PemError::TooLong(PrivateKey::MOST)));
    }

    #[test]
    fn a_ppk_travels_by_its_name_and_is_not_shown() {
        let id = |text: &str| PpkId::new(text.to_owned());
        assert!(id("").is_err() && id(&"x".repeat(65)).is_err() && id("a b").is_err());
        let ppk = Ppk {
            id: id("ppk@example.com").unwrap(),
            key: Psk::new(b"SECRET".to_vec()).unwrap(),
            required: true,
        };
        let text = serde_json::to_string(&ppk).unwrap();
        assert_eq!(serde_json::from_str::<Ppk>(&text).unwrap(), ppk);
        assert!(!text.contains("SECRET") && !format!("{ppk:?}").contains("SECRET"));
        let other = text.replace("ppk@example.com", "");
        assert!(serde_json::from_str::<Ppk>(&other).is_err());
    }

    #[test]
    fn a_private_key_travels_and_is_not_shown() {
        let pem = || Pem::new(TEXT.to_owned()).unwrap();
        let all = Authentication::Certificates(Box::new(Certificates {
            own: pem(),
            key: PrivateKey::new(TEXT.replace("AA==", "SECRET==").into_bytes()).unwrap(),
            authorities: pem(),
            revocation_lists: None,
        }));
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Authentication>(&text).unwrap(), all);
        assert!(!text.contains("SECRET") && !format!("{all:?}").contains("SECRET"));
    }
}
