//! By what the ends of a tunnel show who they are, from the product's words to the engine's.

use std::sync::Arc;

use adit_crypto::{Credentials, CredentialsError, Secret, Trust, TrustPemError};
use adit_ike::{Authentication, Identity, Ppk, Versions};
use adit_model::authentication::{self, Certificates};

/// Why nobody could be shown, or believed, anything by certificates.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the authorities that the peer's certificate may be of can't be used: {0}")]
    Authorities(TrustPemError),
    #[error("IKEv1 authenticates by a pre-shared key here, and this connection has certificates")]
    ByV1,
    #[error("this end's certificate can't be used: {0}")]
    Own(#[from] CredentialsError),
    #[error(
        "this end calls itself {identity}, which is not in its certificate; that is for {}",
        names.join(", ")
    )]
    OwnIdentity {
        identity: Identity,
        names: Vec<String>,
    },
    #[error("IKEv1 has no post-quantum pre-shared keys (RFC 8784), and this connection has one")]
    PpkByV1,
    #[error("the peer is to call itself {0}, a key ID, which no certificate can be for")]
    PeerIdentity(Identity),
}

/// What the engine is told of it, for an end that calls itself and its peer so.
pub(crate) fn of(
    (wanted, ppk): (
        &authentication::Authentication,
        Option<&authentication::Ppk>,
    ),
    versions: Versions,
    identities: (&Identity, &Identity),
) -> Result<Authentication, Unusable> {
    if ppk.is_some() && versions != Versions::V2 {
        return Err(Unusable::PpkByV1);
    }
    let ppk = ppk.map(|ppk| {
        Arc::new(Ppk {
            id: ppk.id.as_str().as_bytes().to_vec(),
            key: Secret::new(ppk.key.expose().to_vec()),
            mandatory: ppk.required,
        })
    });
    let authentication = without_ppk(wanted, versions, identities)?;
    Ok(Authentication {
        ppk,
        ..authentication
    })
}

fn without_ppk(
    wanted: &authentication::Authentication,
    versions: Versions,
    identities: (&Identity, &Identity),
) -> Result<Authentication, Unusable> {
    match wanted {
        authentication::Authentication::PresharedKey(psk) => {
            Ok(Authentication::psk(Secret::new(psk.expose().to_vec())))
        }
        authentication::Authentication::Certificates(_) if versions != Versions::V2 => {
            Err(Unusable::ByV1)
        }
        authentication::Authentication::Certificates(certificates) => by(certificates, identities),
    }
}

fn by(
    certificates: &Certificates,
    (local, peer): (&Identity, &Identity),
) -> Result<Authentication, Unusable> {
    let Certificates {
        own,
        key,
        authorities,
        revocation_lists,
    } = certificates;
    let credentials = Credentials::from_pem(own.as_str().as_bytes(), key.expose())?;
    let lists = revocation_lists.as_ref().map_or("", |lists| lists.as_str());
    let trust = Trust::from_pem(authorities.as_str().as_bytes(), lists.as_bytes())
        .map_err(Unusable::Authorities)?;
    if peer.in_certificates().is_none() {
        return Err(Unusable::PeerIdentity(peer.clone()));
    }
    let named = local.in_certificates();
    if !named.is_some_and(|name| credentials.is_for(name)) {
        return Err(Unusable::OwnIdentity {
            names: credentials.names(),
            identity: local.clone(),
        });
    }
    Ok(Authentication::certificates(
        Arc::new(credentials),
        Arc::new(trust),
    ))
}

#[cfg(test)]
mod tests {
    use adit_ike_wire::IdType;
    use adit_model::authentication::{Pem, PrivateKey};
    use adit_sim::{Authority, Issued, KeyType, Wanted};

    use super::*;

    fn name(kind: IdType, text: &str) -> Identity {
        let data = text.as_bytes().to_vec();
        Identity { kind, data }
    }

    fn refused(authority: &str, issued: &Issued, local: &str, peer: &Identity) -> Option<String> {
        let pem = |text: &str| Pem::new(text.to_owned()).unwrap();
        let certificates = Certificates {
            own: pem(&issued.pem),
            key: PrivateKey::new(issued.key_pem.clone().into_bytes()).unwrap(),
            authorities: pem(authority),
            revocation_lists: None,
        };
        let wanted = authentication::Authentication::Certificates(Box::new(certificates));
        let by_v1 = of((&wanted, None), Versions::V1, (peer, peer));
        assert_eq!(by_v1, Err(Unusable::ByV1));
        let local = name(IdType::FQDN, local);
        let refused = of((&wanted, None), Versions::V2, (&local, peer)).err()?;
        Some(refused.to_string())
    }

    #[test]
    fn what_nobody_could_be_shown_by_is_told_before() {
        let authority = Authority::root("Root", KeyType::P256);
        let issued = authority.issue(&Wanted::named("west"));
        let peer = name(IdType::FQDN, "peer");
        assert_eq!(refused(&authority.pem, &issued, "west", &peer), None);
        let text = refused(&authority.pem, &issued, "east", &peer).unwrap();
        assert!(
            text.contains("east") && text.contains("fqdn:west"),
            "{text}"
        );
        let key_id = name(IdType::KEY_ID, "peer");
        let text = refused(&authority.pem, &issued, "west", &key_id).unwrap();
        assert!(text.contains("key ID"), "{text}");
        let text = refused(&issued.pem, &issued, "west", &peer).unwrap();
        assert!(text.contains("not an authority's"), "{text}");
        let mut mixed = issued;
        mixed.key_pem = authority.issue(&Wanted::named("west")).key_pem;
        let text = refused(&authority.pem, &mixed, "west", &peer).unwrap();
        assert!(text.contains("not the certificate's"), "{text}");
    }
}
