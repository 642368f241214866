//! What use cases must know of a phase of a negotiation: how its policies are kept, counted and checked.

use adit_model::policy::{Authentication, Encryption, IkeParameters, IpsecParameters, Policy};
use adit_store::{Rows, StoredPhase, Transaction, WriteRows, WriteTransaction};

use crate::config::Limits;
use crate::crypto_profile::CryptoProfile;
use crate::error::{Error, Quota, Rule};
use crate::resource::Resource;

/// What use cases must know of a phase: [`IkeParameters`] or [`IpsecParameters`].
pub trait Phase: StoredPhase {
    /// What counts its policies, where limits are a project's own.
    const RESOURCE: Resource;
    /// What counts them, where the operator's limit is everybody's.
    const QUOTA: Quota;

    /// The operator's limit.
    fn limit(limits: &Limits) -> usize;

    /// The rows of its policies.
    fn rows<'a>(tx: &'a mut (dyn Transaction + '_)) -> &'a mut dyn Rows<Policy<Self>>;

    /// The same, to write.
    fn rows_to_write<'a>(
        tx: &'a mut (dyn WriteTransaction + '_),
    ) -> &'a mut dyn WriteRows<Policy<Self>>;

    /// Whether all is said that must be, and goes together.
    ///
    /// # Errors
    /// What is missing, or does not.
    fn check(&self) -> Result<(), Error>;

    /// Whether this service allows what is said.
    ///
    /// # Errors
    /// It names an algorithm that is too weak.
    fn check_strength(&self, profile: CryptoProfile) -> Result<(), Error>;
}

impl Phase for IkeParameters {
    const RESOURCE: Resource = Resource::IkePolicy;
    const QUOTA: Quota = Quota::IkePolicies;

    fn limit(limits: &Limits) -> usize {
        limits.ike_policies
    }

    fn rows<'a>(tx: &'a mut (dyn Transaction + '_)) -> &'a mut dyn Rows<Policy<Self>> {
        tx
    }

    fn rows_to_write<'a>(
        tx: &'a mut (dyn WriteTransaction + '_),
    ) -> &'a mut dyn WriteRows<Policy<Self>> {
        tx
    }

    fn check(&self) -> Result<(), Error> {
        check_lifetime(self.lifetime_s)?;
        if self.encryption.is_empty() || self.groups.is_empty() {
            return Err(missing());
        }
        check_integrity(&self.encryption, &self.authentication)
    }

    fn check_strength(&self, profile: CryptoProfile) -> Result<(), Error> {
        profile.check_ike(self)
    }
}

impl Phase for IpsecParameters {
    const RESOURCE: Resource = Resource::IpsecPolicy;
    const QUOTA: Quota = Quota::IpsecPolicies;

    fn limit(limits: &Limits) -> usize {
        limits.ipsec_policies
    }

    fn rows<'a>(tx: &'a mut (dyn Transaction + '_)) -> &'a mut dyn Rows<Policy<Self>> {
        tx
    }

    fn rows_to_write<'a>(
        tx: &'a mut (dyn WriteTransaction + '_),
    ) -> &'a mut dyn WriteRows<Policy<Self>> {
        tx
    }

    fn check(&self) -> Result<(), Error> {
        check_lifetime(self.lifetime_s)?;
        if self.encryption.is_empty() {
            return Err(missing());
        }
        check_integrity(&self.encryption, &self.authentication)
    }

    fn check_strength(&self, profile: CryptoProfile) -> Result<(), Error> {
        profile.check_ipsec(self)
    }
}

fn check_lifetime(seconds: u32) -> Result<(), Error> {
    if seconds < 60 {
        let message = "a lifetime is at least 60 s";
        return Err(Error::invalid("lifetime", Rule::Lifetime, message));
    }
    Ok(())
}

fn missing() -> Error {
    let message = "a policy needs at least one algorithm of each kind";
    Error::invalid("encryption", Rule::ListEmpty, message)
}

fn check_integrity(
    encryption: &[Encryption],
    authentication: &[Authentication],
) -> Result<(), Error> {
    if authentication.is_empty() && !encryption.iter().all(|one| one.is_aead()) {
        let message = "a cipher without integrity of its own needs an authentication algorithm";
        return Err(Error::invalid("authentication", Rule::Suite, message));
    }
    Ok(())
}
