//! Keystone over HTTPS: only one that shows a certificate to be trusted is asked.

use std::path::PathBuf;
use std::sync::Arc;

use crate::world::{World, member};
use adit_control::IdentityProvider as _;
use adit_keystone::{AskError, Keystone, KeystoneConfig, SetupError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A Keystone whose certificate is for `localhost`, and the certificate to trust, in a file.
async fn secure(name: &str) -> (World, PathBuf) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    let path = std::env::temp_dir().join(format!("adit-ca-{name}-{}", std::process::id()));
    std::fs::write(&path, authority.pem()).unwrap();
    let world = World::start(Some(TlsAcceptor::from(Arc::new(config)))).await;
    (world, path)
}

fn config(world: &World, host: &str, ca_file: Option<PathBuf>) -> KeystoneConfig {
    KeystoneConfig {
        url: format!("https://{host}:{}/v3", world.address.port())
            .parse()
            .unwrap(),
        ca_file,
        ..world.config()
    }
}

#[tokio::test]
async fn a_certificate_to_be_trusted_opens_the_way() {
    let (world, path) = secure("good").await;
    world.know("good", member());
    let keystone = Keystone::new(config(&world, "localhost", Some(path.clone()))).unwrap();
    std::fs::remove_file(path).unwrap();
    keystone.identify("good").await.unwrap();
}

#[tokio::test]
async fn another_certificate_or_another_name_does_not() {
    let (world, own) = secure("own").await;
    let (_, foreign) = secure("foreign").await;
    for (host, trusted) in [("localhost", &foreign), ("127.0.0.1", &own)] {
        let config = config(&world, host, Some(trusted.clone()));
        let found = Keystone::new(config).unwrap().check().await;
        assert!(
            matches!(found, Err(AskError::Tls { .. })),
            "{host}: {found:?}"
        );
    }
    assert_eq!(world.set(|state| state.logins), 0);
    std::fs::remove_file(own).unwrap();
    std::fs::remove_file(foreign).unwrap();
}

#[tokio::test]
async fn a_file_without_certificates_is_told_of_at_once() {
    let world = World::new().await;
    for path in ["/nowhere/at/all", "/dev/null"] {
        let found = Keystone::new(config(&world, "localhost", Some(path.into())));
        assert!(matches!(found, Err(SetupError::Trust(_))), "{found:?}");
    }
}
