//! Suites of algorithms, as they are agreed on.

use alloc::format;
use alloc::string::String;

use adit_crypto::{AdditionalExchange, Encryption, Group, Integrity, Prf};

use crate::config::IkeAlgorithms;

/// One algorithm of each type for an IKE SA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IkeSuite {
    pub(crate) encryption: Encryption,
    pub(crate) integrity: Option<Integrity>,
    pub(crate) prf: Prf,
    pub(crate) group: Group,
    /// What was exchanged beside the group's values, and what the keys rest on too.
    pub(crate) additional: Option<AdditionalExchange>,
}

impl IkeSuite {
    /// The suite as strongSwan and its users spell it, such as `aes128-sha256-modp2048`.
    pub(crate) fn name(&self) -> String {
        let name = self.classic_name();
        match self.additional {
            None => name,
            Some(additional) => format!("{name}-ke1_{}", additional.name()),
        }
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
    pub(crate) encryption: Encryption,
    pub(crate) integrity: Option<Integrity>,
    pub(crate) group: Option<Group>,
    pub(crate) extended_sequence_numbers: bool,
}

impl EspSuite {
    pub(crate) fn name(&self) -> String {
        let mut name = String::from(self.encryption.name());
        if let Some(integrity) = self.integrity {
            name = format!("{name}-{}", integrity.name());
        }
        if let Some(group) = self.group {
            name = format!("{name}-{}", group.name());
        }
        if self.extended_sequence_numbers {
            name.push_str("-esn");
        }
        name
    }
}
