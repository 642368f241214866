//! A certificate of our own making, for a start: clients are to trust exactly this one.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use zeroize::Zeroizing;

use crate::clients::write_private;

/// Why none could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("no certificate could be made")]
    Made(#[from] rcgen::Error),
    #[error("the certificate can't be kept in {path}")]
    Kept { path: PathBuf, source: io::Error },
}

/// Where it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// For clients.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// For which names it was made.
    pub(crate) names: PathBuf,
}

/// The names under which clients may reach the service.
pub(crate) fn names(listen: SocketAddr, public_url: Option<&str>) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    if !listen.ip().is_unspecified() {
        names.push(listen.ip().to_string());
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname");
    names.extend(host.ok().map(|host| host.trim().to_owned()));
    names.retain(|name| !name.is_empty());
    names.extend(public_url.and_then(host_of));
    names.sort();
    names.dedup();
    names
}

/// The host of `https://host:port/path`.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_owned())
}

/// Makes one, unless there is one for these names.
pub(crate) fn make(place: &Place, names: &[String]) -> Result<(), CertificateError> {
    let wanted = names.join("\n");
    let known = fs::read_to_string(&place.names).is_ok_and(|known| known == wanted);
    if known && place.certificate.exists() && place.key.exists() {
        return Ok(());
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "Adit");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    let secret = Zeroizing::new(key.serialize_pem());
    let keep = |path: &Path, text: &str| {
        write_private(path, text).map_err(|source| CertificateError::Kept {
            path: path.to_owned(),
            source,
        })
    };
    keep(&place.key, &secret)?;
    keep(&place.certificate, &certificate.pem())?;
    // Last: what is broken off before is made anew.
    keep(&place.names, &wanted)
}

/// Whether only this host can reach an address.
pub(crate) fn is_private(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_s_host_is_found() {
        for (url, host) in [
            ("https://vpn.example.com", Some("vpn.example.com")),
            ("https://vpn.example.com:9696/x", Some("vpn.example.com")),
            ("https://[2001:db8::1]:9696", Some("2001:db8::1")),
            ("vpn", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }

    #[test]
    fn it_is_made_once_for_the_same_names() {
        let folder = std::env::temp_dir().join(format!("adit-certificate-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let place = Place {
            certificate: folder.join("c"),
            key: folder.join("k"),
            names: folder.join("n"),
        };
        let mut names = names(([192, 0, 2, 1], 1).into(), Some("https://a.test"));
        assert!(names.contains(&"a.test".to_owned()) && names.contains(&"192.0.2.1".to_owned()));
        make(&place, &names).unwrap();
        let first = fs::read(&place.certificate).unwrap();
        make(&place, &names).unwrap();
        assert_eq!(fs::read(&place.certificate).unwrap(), first);
        names.push("b.test".to_owned());
        make(&place, &names).unwrap();
        assert_ne!(fs::read(&place.certificate).unwrap(), first);
        fs::remove_dir_all(&folder).unwrap();
    }
}
