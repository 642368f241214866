//! By what the ends of a connection show who they are, as bodies and answers have it.

use adit_model::Connection;
use adit_model::Psk;
use adit_model::authentication::{Authentication, Certificates, Pem, Ppk, PpkId, PrivateKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shape::read_key;
use crate::problem::Problem;

/// Certificates in place of a pre-shared key (RFC 7296 section 2.15, RFC 7427), each in PEM (RFC 7468). By IKEv2 alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificatesWish {
    /// This end's certificate, and behind it those of authorities that peers may not have.
    own: String,
    /// Its private key. It is kept sealed, and never shown.
    key: String,
    /// The certificates of the authorities that may have signed the peer's.
    authorities: String,
    /// What these authorities have taken back. Without it all that they signed is believed until it ends.
    revocation_lists: Option<String>,
}

/// A post-quantum pre-shared key (RFC 8784), which the keys of a tunnel rest on beside all else. By IKEv2 alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PpkWish {
    /// What both ends call it: 1 to 64 printable letters of ASCII.
    #[schema(example = "ppk@example.com")]
    id: String,
    /// The key, of 1 to 255 octets; it should have 256 bits of randomness. It is never shown.
    key: String,
    /// Whether there is no tunnel without it; otherwise a peer that has none, or another by name, does without.
    #[serde(default)]
    required: bool,
}

fn pem(field: &str, text: String) -> Result<Pem, Problem> {
    let field = format!("certificates.{field}");
    Pem::new(text).map_err(|error| Problem::invalid(&field, error.to_string()))
}

impl CertificatesWish {
    fn read(self) -> Result<Certificates, Problem> {
        let key = PrivateKey::new(self.key.into_bytes());
        Ok(Certificates {
            own: pem("own", self.own)?,
            key: key.map_err(|error| Problem::invalid("certificates.key", error.to_string()))?,
            authorities: pem("authorities", self.authorities)?,
            revocation_lists: self
                .revocation_lists
                .map(|text| pem("revocation_lists", text))
                .transpose()?,
        })
    }
}

impl PpkWish {
    pub(super) fn read(self) -> Result<Ppk, Problem> {
        let id = PpkId::new(self.id);
        Ok(Ppk {
            id: id.map_err(|error| Problem::invalid("ppk.id", error.to_string()))?,
            key: read_key("ppk.key", self.key)?,
            required: self.required,
        })
    }
}

/// What a body says of it, if anything: a key, or certificates in its place.
pub(super) fn read(
    psk: Option<String>,
    certificates: Option<CertificatesWish>,
) -> Result<Option<Authentication>, Problem> {
    match (psk, certificates) {
        (Some(_), Some(_)) => {
            let detail = "a connection has a pre-shared key or certificates";
            Err(Problem::invalid("certificates", detail))
        }
        (Some(text), None) => Ok(Some(read_key("psk", text)?.into())),
        (None, Some(wish)) => {
            let certificates = Box::new(wish.read()?);
            Ok(Some(Authentication::Certificates(certificates)))
        }
        (None, None) => Ok(None),
    }
}

/// A key that is made up, and what to tell of it.
pub(super) fn told(psk: &Psk) -> String {
    adit_api::answer::key(psk, true).into_owned()
}

/// What is shown of certificates: all but the private key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(super) struct CertificatesShape {
    own: String,
    authorities: String,
    revocation_lists: Option<String>,
}

/// What is shown of a post-quantum pre-shared key: all but the key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(super) struct PpkShape {
    id: String,
    required: bool,
}

pub(super) fn certificates(row: &Connection) -> Option<CertificatesShape> {
    let Authentication::Certificates(certificates) = &row.authentication else {
        return None;
    };
    let text = |pem: &Pem| pem.as_str().to_owned();
    Some(CertificatesShape {
        own: text(&certificates.own),
        authorities: text(&certificates.authorities),
        revocation_lists: certificates.revocation_lists.as_ref().map(text),
    })
}

pub(super) fn ppk(row: &Connection) -> Option<PpkShape> {
    let ppk = row.ppk.as_ref()?;
    Some(PpkShape {
        id: ppk.id.as_str().to_owned(),
        required: ppk.required,
    })
}
