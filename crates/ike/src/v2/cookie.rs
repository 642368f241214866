//! Cookies against floods of IKE_SA_INIT from forged addresses (RFC 7296 section 2.6).
//!
//! A cookie is a generation octet and an HMAC over the nonce, the address and the SPI; nothing is
//! stored for it. The secret changes every two minutes; the one before is still good.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use adit_crypto::{Random, Secret, hmac_sha256, verify_hmac_sha256};
use adit_ike_wire::Spi;

use crate::time::Instant;

const SECRET_LIFETIME: Duration = Duration::from_secs(120);

pub(crate) struct CookieJar {
    current: Secret,
    previous: Option<Secret>,
    generation: u8,
    since: Instant,
}

impl CookieJar {
    pub(crate) fn new(now: Instant, random: &mut dyn Random) -> Self {
        Self {
            current: fresh(random),
            previous: None,
            generation: 0,
            since: now,
        }
    }

    /// The cookie for this initiator.
    pub(crate) fn bake(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        initiator: &Initiator<'_>,
    ) -> Vec<u8> {
        if now - self.since >= SECRET_LIFETIME {
            let old = core::mem::replace(&mut self.current, fresh(random));
            self.previous = Some(old);
            self.generation = self.generation.wrapping_add(1);
            self.since = now;
        }
        let mut cookie = alloc::vec![self.generation];
        cookie.extend_from_slice(&initiator.mac(&self.current));
        cookie
    }

    /// Whether `cookie` is one we gave this initiator.
    pub(crate) fn accepts(&self, cookie: &[u8], initiator: &Initiator<'_>) -> bool {
        let Some((generation, mac)) = cookie.split_first() else {
            return false;
        };
        let secret = if *generation == self.generation {
            Some(&self.current)
        } else if generation.wrapping_add(1) == self.generation {
            self.previous.as_ref()
        } else {
            None
        };
        secret.is_some_and(|secret| initiator.verify(secret, mac))
    }
}

fn fresh(random: &mut dyn Random) -> Secret {
    let mut octets = alloc::vec![0; 32];
    random.fill(&mut octets);
    Secret::new(octets)
}

/// Who asks.
pub(crate) struct Initiator<'a> {
    pub(crate) nonce: &'a [u8],
    pub(crate) address: SocketAddr,
    pub(crate) spi: Spi,
}

impl Initiator<'_> {
    fn mac(&self, secret: &Secret) -> [u8; 32] {
        self.with_parts(|parts| hmac_sha256(secret.as_slice(), parts))
    }

    fn verify(&self, secret: &Secret, mac: &[u8]) -> bool {
        self.with_parts(|parts| verify_hmac_sha256(secret.as_slice(), parts, mac))
    }

    fn with_parts<R>(&self, use_parts: impl FnOnce(&[&[u8]]) -> R) -> R {
        let spi = self.spi.0.to_be_bytes();
        let port = self.address.port().to_be_bytes();
        match self.address.ip() {
            IpAddr::V4(ip) => use_parts(&[self.nonce, &ip.octets(), &port, &spi]),
            IpAddr::V6(ip) => use_parts(&[self.nonce, &ip.octets(), &port, &spi]),
        }
    }
}
