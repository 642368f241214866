//! Which algorithms this service lets policies name, and which of them it warns of.

use adit_model::observed::TunnelObserved;
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeParameters, IpsecParameters};
use adit_model::{Reason, ReasonCode, Whose};
use time::OffsetDateTime;

use crate::error::{Error, Rule};

/// Which algorithms policies may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CryptoProfile {
    /// All, DES and group 1 too.
    Legacy,
    /// All but DES and group 1. What is weak is warned of.
    #[default]
    Compatible,
    /// Nothing weak: no MD5, SHA-1, 3DES, and no group below 14 or from 22 to 25.
    Strict,
}

/// How weak something is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weakness {
    /// Deprecated by RFC 8247 or RFC 8221, still in use.
    Weak,
    /// Broken by anybody.
    Broken,
}

fn of_encryption(algorithm: Encryption) -> Option<(Weakness, &'static str)> {
    match algorithm {
        Encryption::Des => Some((Weakness::Broken, "DES")),
        Encryption::TripleDes => Some((Weakness::Weak, "3DES")),
        _ => None,
    }
}

fn of_authentication(algorithm: Authentication) -> Option<(Weakness, &'static str)> {
    match algorithm {
        Authentication::Md5 => Some((Weakness::Weak, "MD5")),
        Authentication::Sha1 => Some((Weakness::Weak, "SHA-1")),
        _ => None,
    }
}

fn of_group(group: DhGroup) -> Option<(Weakness, &'static str)> {
    match group.number() {
        1 => Some((Weakness::Broken, "Diffie-Hellman group 1")),
        2 => Some((Weakness::Weak, "Diffie-Hellman group 2")),
        5 => Some((Weakness::Weak, "Diffie-Hellman group 5")),
        // RFC 8247 section 2.4 says of these that they must not or should not be used.
        22 => Some((Weakness::Weak, "Diffie-Hellman group 22")),
        23 => Some((Weakness::Weak, "Diffie-Hellman group 23")),
        24 => Some((Weakness::Weak, "Diffie-Hellman group 24")),
        // Less than 100 bits.
        25 => Some((Weakness::Weak, "Diffie-Hellman group 25")),
        _ => None,
    }
}

fn weaknesses(
    encryption: &[Encryption],
    authentication: &[Authentication],
    groups: &[DhGroup],
) -> Vec<(Weakness, &'static str, &'static str)> {
    let named = |field: &'static str| move |(weakness, name)| (weakness, name, field);
    let encryption = encryption.iter().filter_map(|one| of_encryption(*one));
    let authentication = authentication
        .iter()
        .filter_map(|one| of_authentication(*one));
    let groups = groups.iter().filter_map(|one| of_group(*one));
    encryption
        .map(named("encryption"))
        .chain(authentication.map(named("authentication")))
        .chain(groups.map(named("groups")))
        .collect()
}

impl CryptoProfile {
    /// Refuses phase 1 parameters that this service doesn't allow.
    pub(crate) fn check_ike(self, says: &IkeParameters) -> Result<(), Error> {
        self.check(&weaknesses(
            &says.encryption,
            &says.authentication,
            &says.groups,
        ))
    }

    /// Refuses phase 2 parameters that this service doesn't allow.
    pub(crate) fn check_ipsec(self, says: &IpsecParameters) -> Result<(), Error> {
        self.check(&weaknesses(
            &says.encryption,
            &says.authentication,
            &says.pfs,
        ))
    }

    /// What is offered in phase 1 where no policy says more: without what this service doesn't allow.
    pub(crate) fn negotiable_ike(self) -> IkeParameters {
        let mut all = IkeParameters::negotiate();
        self.keep_allowed(
            &mut all.encryption,
            &mut all.authentication,
            &mut all.groups,
        );
        all
    }

    /// The same of phase 2.
    pub(crate) fn negotiable_ipsec(self) -> IpsecParameters {
        let mut all = IpsecParameters::negotiate();
        self.keep_allowed(&mut all.encryption, &mut all.authentication, &mut all.pfs);
        all
    }

    fn keep_allowed(
        self,
        ciphers: &mut Vec<Encryption>,
        hashes: &mut Vec<Authentication>,
        groups: &mut Vec<DhGroup>,
    ) {
        ciphers.retain(|one| self.check(&weaknesses(&[*one], &[], &[])).is_ok());
        hashes.retain(|one| self.check(&weaknesses(&[], &[*one], &[])).is_ok());
        groups.retain(|one| self.check(&weaknesses(&[], &[], &[*one])).is_ok());
    }

    fn check(self, found: &[(Weakness, &'static str, &'static str)]) -> Result<(), Error> {
        let refused = match self {
            Self::Legacy => return Ok(()),
            Self::Compatible => Weakness::Broken,
            Self::Strict => Weakness::Weak,
        };
        match found.iter().find(|(weakness, ..)| *weakness >= refused) {
            None => Ok(()),
            Some((_, name, field)) => {
                let message = format!("{name} is weaker than this service allows");
                Err(Error::invalid(field, Rule::WeakAlgorithm, message))
            }
        }
    }
}

/// What is weak in a connection's policies, if anything is.
pub(crate) fn weakness(
    ike: Option<&IkeParameters>,
    ipsec: Option<&IpsecParameters>,
) -> Option<String> {
    let ike = ike.map(|says| weaknesses(&says.encryption, &says.authentication, &says.groups));
    let ipsec = ipsec.map(|says| weaknesses(&says.encryption, &says.authentication, &says.pfs));
    let phases = [("IKE", ike), ("IPsec", ipsec)];
    let phases = phases.into_iter().filter_map(|(phase, found)| {
        let mut names: Vec<_> = found?.into_iter().map(|(_, name, _)| name).collect();
        names.dedup();
        (!names.is_empty()).then(|| format!("the {phase} policy allows {}", names.join(", ")))
    });
    let evidence = phases.collect::<Vec<_>>().join("; ");
    (!evidence.is_empty()).then_some(evidence)
}

/// What is weak in what a tunnel was negotiated with, whatever its policies allow.
pub(crate) fn weakness_in_use(seen: &TunnelObserved) -> Option<String> {
    let ike = seen.ike_suite.iter().map(|suite| ("IKE SA", suite));
    let children = seen.children.iter();
    let children = children.map(|child| ("Child SA", &child.suite));
    let mut found: Vec<_> = ike
        .chain(children)
        .filter(|(_, suite)| suite.split('-').any(is_weak_word))
        .map(|(what, suite)| format!("the {what} was negotiated with {suite}"))
        .collect();
    found.dedup();
    (!found.is_empty()).then(|| found.join("; "))
}

/// Whether a word of a suite's name, as the engine spells it, is that of something weak.
fn is_weak_word(word: &str) -> bool {
    let weak = [
        "des",
        "3des",
        "md5",
        "prfmd5",
        "sha1",
        "prfsha1",
        "modp768",
        "modp1024",
        "modp1536",
        "modp1024s160",
        "modp2048s224",
        "modp2048s256",
        "ecp192",
    ];
    weak.contains(&word)
}

/// A warning of what is weak.
pub(crate) fn warning(evidence: &str, since: OffsetDateTime) -> Reason {
    Reason::new(
        ReasonCode::WeakAlgorithm,
        Whose::Local,
        since,
        evidence,
        "name AES, SHA-256 or better and group 14 or above, at both ends",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_policy_nothing_is_offered_that_none_may_name() {
        let compatible = CryptoProfile::Compatible;
        let (ike, ipsec) = (compatible.negotiable_ike(), compatible.negotiable_ipsec());
        assert_eq!(ike, IkeParameters::negotiate());
        assert_eq!(ipsec, IpsecParameters::negotiate());
        let strict = CryptoProfile::Strict;
        let (ike, ipsec) = (strict.negotiable_ike(), strict.negotiable_ipsec());
        assert!(strict.check_ike(&ike).is_ok() && strict.check_ipsec(&ipsec).is_ok());
        assert!(!ike.encryption.contains(&Encryption::TripleDes));
        assert!(ike.groups.len() > 4 && ipsec.encryption.len() > 4);
    }
}
