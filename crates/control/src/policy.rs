//! IKE and IPsec policies: parameters of a phase that connections share. The phases differ in what
//! their parameters say and how they are checked, which is [`Phase`], and in nothing else.

use adit_model::policy::{Authentication, Encryption, IkeParameters, IpsecParameters, Policy};
use adit_model::{Connection, Name, Revision};
use adit_store::{KeptPhase, Query, Rows, StoreError, Transaction, WriteRows, WriteTransaction};
use uuid::Uuid;

use crate::connection::ConnectionView;
use crate::error::{Error, Noun, Quota, Rule};
use crate::quota::{Allowance, Resource};
use crate::rules::{self, Naming};
use crate::{Caller, Control, CryptoProfile, Limits};

/// What use cases must know of a phase: [`IkeParameters`] or [`IpsecParameters`].
pub trait Phase: KeptPhase {
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

/// What a policy is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPolicy<P> {
    /// What to call it.
    pub name: Name,
    /// Whether the name must be unique in the project.
    pub naming: Naming,
    /// What to say of it.
    pub description: String,
    /// Which limit counts.
    pub allowance: Allowance,
    /// What it says.
    pub parameters: P,
}

/// What to change of a policy; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyEdit<F> {
    /// Its name, and whether it must be unique.
    pub name: Option<(Name, Naming)>,
    /// What is said of it.
    pub description: Option<String>,
    /// Gets what it says, and answers what it is to say.
    pub parameters: F,
    /// Whether to refuse while connections name it.
    pub only_unused: bool,
}

/// A policy, and the connections that name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyView<P: Phase> {
    /// The policy.
    pub policy: Policy<P>,
    /// Who names it, oldest first.
    pub connections: Vec<ConnectionView>,
}

impl Control {
    /// Makes a policy.
    ///
    /// # Errors
    /// The name is taken, the parameters don't go together, or the quota is used up.
    pub async fn create_policy<P: Phase>(
        &self,
        caller: &Caller,
        new: NewPolicy<P>,
    ) -> Result<PolicyView<P>, Error> {
        let mut tx = self.change(caller).await?;
        new.parameters.check()?;
        let config = &self.0.config;
        new.parameters.check_strength(config.crypto_profile)?;
        match new.allowance {
            Allowance::Fixed => {
                let all = Query::of_project(caller.project);
                let count = P::rows(&mut *tx).count(all).await?;
                Error::over(P::QUOTA, count, P::limit(&config.limits))?;
            }
            Allowance::OfProject => {
                self.check_quota(&mut *tx, caller.project, P::RESOURCE)
                    .await?;
            }
        }
        let policy = Policy::<P> {
            id: P::id(Uuid::new_v4()),
            project: caller.project,
            name: new.name,
            description: new.description,
            parameters: new.parameters,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        check_name::<P>(&mut *tx, &policy, new.naming).await?;
        tx.insert(&policy).await?;
        tx.commit().await?;
        let connections = Vec::new();
        Ok(PolicyView {
            policy,
            connections,
        })
    }

    /// Policies with the connections that name them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn policy_views<P: Phase>(
        &self,
        rows: Vec<Policy<P>>,
    ) -> Result<Vec<PolicyView<P>>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for policy in rows {
            views.push(self.policy_view(&mut *tx, policy).await?);
        }
        Ok(views)
    }

    /// The policies that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_policies<P: Phase>(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<Policy<P>>, Error> {
        let mut tx = self.read().await?;
        Ok(P::rows(&mut *tx).list(caller.within(query)).await?)
    }

    /// One policy.
    ///
    /// # Errors
    /// It is not there.
    pub async fn policy<P: Phase>(
        &self,
        caller: &Caller,
        id: P::Id,
    ) -> Result<PolicyView<P>, Error> {
        let mut tx = self.read().await?;
        let policy = find::<P>(&mut *tx, caller, id).await?;
        self.policy_view(&mut *tx, policy).await
    }

    /// Changes a policy. Connections that name it are negotiated again.
    ///
    /// # Errors
    /// It is not there, the name is taken, the parameters don't go together, or it is to be
    /// changed only while no connection names it and one does.
    pub async fn update_policy<P: Phase>(
        &self,
        caller: &Caller,
        id: P::Id,
        edit: PolicyEdit<impl FnOnce(P) -> P + Send>,
    ) -> Result<PolicyView<P>, Error> {
        let mut tx = self.change(caller).await?;
        let mut policy = find::<P>(&mut *tx, caller, id).await?;
        let users = users::<P>(&mut *tx, id).await?;
        if edit.only_unused {
            check_unused::<P>(&users)?;
        }
        if let Some((name, naming)) = edit.name {
            policy.name = name;
            check_name::<P>(&mut *tx, &policy, naming).await?;
        }
        policy.description = edit.description.unwrap_or(policy.description);
        let parameters = (edit.parameters)(policy.parameters.clone());
        parameters.check()?;
        parameters.check_strength(self.0.config.crypto_profile)?;
        let renegotiate = parameters != policy.parameters;
        policy.parameters = parameters;
        policy.revision = tx.update(&policy).await?;
        if renegotiate {
            for connection in users {
                // A specification of the same revision would be taken for the same.
                tx.update(&connection).await?;
            }
        }
        let view = self.policy_view(&mut *tx, policy).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deletes a policy.
    ///
    /// # Errors
    /// It is not there, or a connection names it.
    pub async fn delete_policy<P: Phase>(&self, caller: &Caller, id: P::Id) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find::<P>(&mut *tx, caller, id).await?;
        check_unused::<P>(&users::<P>(&mut *tx, id).await?)?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn policy_view<P: Phase>(
        &self,
        tx: &mut dyn Transaction,
        policy: Policy<P>,
    ) -> Result<PolicyView<P>, Error> {
        let rows = users::<P>(tx, policy.id).await?;
        let connections = self.connection_views(tx, rows).await?;
        Ok(PolicyView {
            policy,
            connections,
        })
    }
}

async fn find<P: Phase>(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: P::Id,
) -> Result<Policy<P>, Error> {
    let row = P::rows(tx).get(caller.scope(), P::uuid(id)).await?;
    row.ok_or(Error::NotFound(P::NOUN))
}

/// The connections that name it.
async fn users<P: Phase>(
    tx: &mut dyn Transaction,
    id: P::Id,
) -> Result<Vec<Connection>, StoreError> {
    let query = Query::hanging_on(P::NOUN, P::uuid(id));
    Rows::<Connection>::list(tx, query).await
}

fn check_unused<P: Phase>(users: &[Connection]) -> Result<(), Error> {
    let users = users.iter().map(|row| row.id.uuid());
    Error::used(P::NOUN, Noun::Connection, users)
}

async fn check_name<P: Phase>(
    tx: &mut dyn Transaction,
    policy: &Policy<P>,
    naming: Naming,
) -> Result<(), Error> {
    if naming == Naming::Free {
        return Ok(());
    }
    let siblings = P::rows(tx).list(Query::of_project(policy.project)).await?;
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(P::NOUN, names, &policy.name, naming, Some(policy.id))
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
