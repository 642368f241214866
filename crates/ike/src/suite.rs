//! Suites of algorithms, as they are agreed on.

use alloc::format;
use alloc::string::String;

use adit_crypto::{AdditionalExchange, Encryption, Group, Integrity, Prf};

use crate::config::{IkeAlgorithms, Mode, Protocol};

/// One algorithm of each type for an IKE SA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IkeSuite {
    pub(crate) encryption: Encryption,
    pub(crate) integrity: Option<Integrity>,
    pub(crate) prf: Prf,
    pub(crate) group: Group,
    /// What was exchanged beside the group's values, and what the keys rest on too.
    pub(crate) additional: Option<AdditionalExchange>,
    /// Whether the keys rest on a post-quantum pre-shared key too.
    pub(crate) ppk: bool,
}

impl IkeSuite {
    /// The suite as strongSwan and its users spell it, such as `aes128-sha256-modp2048`.
    pub(crate) fn name(&self) -> String {
        let mut name = self.classic_name();
        if let Some(additional) = self.additional {
            name = format!("{name}-ke1_{}", additional.name());
        }
        if self.ppk {
            name.push_str("-ppk");
        }
        name
    }

    fn classic_name(&self) -> String {
        match self.integrity {
            // The PRF goes without saying where it is the integrity algorithm's own hash.
            Some(integrity) if self.prf.name().ends_with(integrity.name()) => {
                format!(
                    "{}-{}-{}",
                    self.encryption.name(),
                    integrity.name(),
                    self.group.name()
                )
            }
            Some(integrity) => format!(
                "{}-{}-{}-{}",
                self.encryption.name(),
                integrity.name(),
                self.prf.name(),
                self.group.name()
            ),
            None => {
                format!(
                    "{}-{}-{}",
                    self.encryption.name(),
                    self.prf.name(),
                    self.group.name()
                )
            }
        }
    }

    /// Whether `accepted` allows every algorithm of the suite.
    pub(crate) fn is_allowed_by(&self, accepted: &IkeAlgorithms) -> bool {
        accepted.encryption.contains(&self.encryption)
            && self
                .integrity
                .is_none_or(|integrity| accepted.integrity.contains(&integrity))
            && accepted.prf.contains(&self.prf)
            && accepted.groups.contains(&self.group)
            && self
                .additional
                .is_none_or(|additional| accepted.additional.contains(&additional))
    }
}

/// One algorithm of each type for a Child SA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EspSuite {
    /// None with AH.
    pub(crate) encryption: Option<Encryption>,
    pub(crate) integrity: Option<Integrity>,
    pub(crate) group: Option<Group>,
    /// What was exchanged beside the group's values; never without a group.
    pub(crate) additional: Option<AdditionalExchange>,
    pub(crate) extended_sequence_numbers: bool,
    pub(crate) mode: Mode,
}

impl Protocol {
    /// Its number in both versions of IKE (RFC 2407 section 4.4.1, RFC 7296 section 3.3.1).
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Ah => 2,
            Self::Esp => 3,
        }
    }

    /// Whether a number is that of either.
    pub(crate) const fn is_known(number: u8) -> bool {
        matches!(number, 2 | 3)
    }
}

impl EspSuite {
    pub(crate) const fn protocol(&self) -> Protocol {
        match self.encryption {
            None => Protocol::Ah,
            Some(_) => Protocol::Esp,
        }
    }

    pub(crate) fn encryption_len(&self) -> usize {
        self.encryption.map_or(0, Encryption::key_len)
    }

    pub(crate) fn integrity_len(&self) -> usize {
        self.integrity.map_or(0, Integrity::key_len)
    }

    pub(crate) fn name(&self) -> String {
        let mut name = String::from(self.encryption.map_or("ah", Encryption::name));
        if let Some(integrity) = self.integrity {
            name = format!("{name}-{}", integrity.name());
        }
        if let Some(group) = self.group {
            name = format!("{name}-{}", group.name());
        }
        if let Some(additional) = self.additional {
            name = format!("{name}-ke1_{}", additional.name());
        }
        if self.extended_sequence_numbers {
            name.push_str("-esn");
        }
        if self.mode == Mode::Transport {
            name.push_str("-transport");
        }
        name
    }
}
