//! IKE and IPsec policies: parameters of a phase that connections share. The phases differ in what
//! their parameters say and how they are checked, which is [`Phase`], and in nothing else.

use adit_model::policy::Policy;
use adit_model::{Connection, Name, ResourceGroup, Revision};
use adit_store::{Query, Rows, StoreError, Transaction};
use uuid::Uuid;

use crate::connection::ConnectionView;
use crate::crypto_profile::CryptoProfile;
use crate::error::{Error, Noun};
use crate::listed::{Listed, Part, listed};
pub use crate::phase::Phase;
use crate::rules::{self, Allowance, Naming};
use crate::{Caller, Control};

/// What a policy is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPolicy<P> {
    /// What to call it.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
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
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
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
    /// As the store has it.
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
        let profile = self.0.config.crypto_profile;
        self.create_policy_within(caller, profile, new).await
    }

    /// The same where another profile says what is too weak.
    pub(crate) async fn create_policy_within<P: Phase>(
        &self,
        caller: &Caller,
        profile: CryptoProfile,
        new: NewPolicy<P>,
    ) -> Result<PolicyView<P>, Error> {
        let mut tx = self.change(caller).await?;
        new.parameters.check()?;
        let config = &self.0.config;
        new.parameters.check_strength(profile)?;
        match new.allowance {
            Allowance::Fixed => {
                let all = Query::of_project(caller.project);
                let count = P::rows(&mut *tx).count(all).await?;
                P::QUOTA.check(count, P::limit(&config.limits))?;
            }
            Allowance::OfProject => {
                self.check_quota(&mut *tx, caller.project, P::RESOURCE)
                    .await?;
            }
        }
        let policy = Policy::<P> {
            id: P::id(Uuid::new_v4()),
            project: caller.project,
            resource_group: new.resource_group,
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

    /// A part of the project's policies, oldest first. Who names each is in [`Self::policy_views`].
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn part_of_policies<P: Phase>(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<Listed<Policy<P>>, Error> {
        let mut tx = self.read().await?;
        let query = Query::of_project(caller.project);
        Ok(listed(P::rows(&mut *tx), query, part).await?)
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
        let profile = self.0.config.crypto_profile;
        self.update_policy_within(caller, profile, id, edit).await
    }

    /// The same where another profile says what is too weak.
    pub(crate) async fn update_policy_within<P: Phase>(
        &self,
        caller: &Caller,
        profile: CryptoProfile,
        id: P::Id,
        edit: PolicyEdit<impl FnOnce(P) -> P + Send>,
    ) -> Result<PolicyView<P>, Error> {
        let mut tx = self.change(caller).await?;
        let mut policy = find::<P>(&mut *tx, caller, id).await?;
        Error::stale(edit.expected, policy.revision)?;
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
        parameters.check_strength(profile)?;
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
    /// It is not there, or of another revision, or a connection names it.
    pub async fn delete_policy<P: Phase>(
        &self,
        caller: &Caller,
        id: P::Id,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find::<P>(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
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
