//! By what the ends of a tunnel show who they are, from the product's words to the engine's.

use std::sync::Arc;

use adit_crypto::{Credentials, CredentialsError, Secret, Trust, TrustPemError};
use adit_ike::{Authentication, Identity, Versions};
use adit_model::authentication::{self, Certificates};
use adit_model::desired::TunnelSpec;

use crate::conversion::identity;

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
    #[error("the peer is to call itself {0}, a key ID, which no certificate can be for")]
    PeerIdentity(Identity),
}

/// What the engine is told of it.
pub(crate) fn of(order: &TunnelSpec, versions: Versions) -> Result<Authentication, Unusable> {
    match &order.authentication {
        authentication::Authentication::PresharedKey(psk) => {
            Ok(Authentication::psk(Secret::new(psk.expose().to_vec())))
        }
        authentication::Authentication::Certificates(_) if versions != Versions::V2 => {
            Err(Unusable::ByV1)
        }
        authentication::Authentication::Certificates(certificates) => by(order, certificates),
    }
}

fn by(order: &TunnelSpec, certificates: &Certificates) -> Result<Authentication, Unusable> {
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
    let (local, peer) = (identity(&order.local_id), identity(&order.peer_id));
    if peer.in_certificates().is_none() {
        return Err(Unusable::PeerIdentity(peer));
    }
    let named = local.in_certificates();
    if !named.is_some_and(|name| credentials.is_for(name)) {
        return Err(Unusable::OwnIdentity {
            names: credentials.names(),
            identity: local,
        });
    }
    Ok(Authentication::certificates(
        Arc::new(credentials),
        Arc::new(trust),
    ))
}

#[cfg(test)]
mod tests {
    use adit_model::authentication::{Pem, PrivateKey};
    use adit_model::connection;
    use adit_model::policy::IkeVersion;
    use adit_sim::{Authority, Issued, KeyType, Wanted};

    use super::*;
    use crate::conversion::tests::{order, own};
    use crate::conversion::{self, Unsupported};

    fn by(authority: &str, issued: &Issued) -> TunnelSpec {
        let pem = |text: &str| Pem::new(text.to_owned()).unwrap();
        let certificates = Certificates {
            own: pem(&issued.pem),
            key: PrivateKey::new(issued.key_pem.clone().into_bytes()).unwrap(),
            authorities: pem(authority),
            revocation_lists: None,
        };
        TunnelSpec {
            local_id: connection::Identity::parse("@west"),
            authentication: authentication::Authentication::Certificates(Box::new(certificates)),
            ..order()
        }
    }

    fn refused(order: &TunnelSpec) -> String {
        let refused = conversion::config(own(), adit_ike::Encapsulation::Auto, order);
        let Err(Unsupported::Certificates(unusable)) = refused else {
            panic!("{refused:?}");
        };
        unusable.to_string()
    }

    #[test]
    fn what_nobody_could_be_shown_by_is_told_before() {
        let authority = Authority::root("Root", KeyType::P256);
        let issued = authority.issue(&Wanted::named("west"));
        let good = by(&authority.pem, &issued);
        assert!(conversion::config(own(), adit_ike::Encapsulation::Auto, &good).is_ok());
        let mut other = good.clone();
        other.local_id = connection::Identity::parse("@east");
        let text = refused(&other);
        assert!(
            text.contains("east") && text.contains("fqdn:west"),
            "{text}"
        );
        let mut other = good.clone();
        other.peer_id = connection::Identity::parse("keyid:peer");
        assert!(refused(&other).contains("key ID"));
        let mut other = good;
        other.ike.version = IkeVersion::V1;
        assert!(refused(&other).contains("IKEv1"));
        assert!(refused(&by(&issued.pem, &issued)).contains("not an authority's"));
        let mut mixed = issued;
        mixed.key_pem = authority.issue(&Wanted::named("west")).key_pem;
        assert!(refused(&by(&authority.pem, &mixed)).contains("not the certificate's"));
    }
}
