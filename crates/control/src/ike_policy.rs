//! IKE policies: phase 1 parameters that connections share.

use adit_model::policy::IkeParameters;
use adit_model::{IkePolicy, IkePolicyId, Name, Revision};
use adit_store::{Query, Transaction};

use crate::connection::ConnectionView;
use crate::error::{Error, Noun, Quota, Rule};
use crate::policy_edit::PolicyEdit;
use crate::quota::{Allowance, Resource};
use crate::wake::Key;
use crate::{Caller, Control, Naming};

/// What a policy is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewIkePolicy {
    /// What to call it.
    pub name: Name,
    /// Whether the name must be unique in the project.
    pub naming: Naming,
    /// What to say of it.
    pub description: String,
    /// Which limit counts.
    pub allowance: Allowance,
    /// What it says.
    pub parameters: IkeParameters,
}

/// A policy, and the connections that name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IkePolicyView {
    /// The policy.
    pub policy: IkePolicy,
    /// Who names it, oldest first.
    pub connections: Vec<ConnectionView>,
}

impl Control {
    /// Makes a policy.
    ///
    /// # Errors
    /// The name is taken, the parameters don't go together, or the quota is used up.
    pub async fn create_ike_policy(
        &self,
        caller: &Caller,
        new: NewIkePolicy,
    ) -> Result<IkePolicyView, Error> {
        caller.may_write()?;
        check(&new.parameters)?;
        self.0.config.crypto_profile.check_ike(&new.parameters)?;
        let mut tx = self.0.store.write().await?;
        match new.allowance {
            Allowance::Fixed => {
                let count = tx.count_ike_policies(caller.project).await?;
                Error::over(Quota::IkePolicies, count, self.0.config.limits.ike_policies)?;
            }
            Allowance::OfProject => {
                self.check_quota(&mut *tx, caller.project, Resource::IkePolicy)
                    .await?;
            }
        }
        if new.naming == Naming::Unique {
            let siblings = tx.ike_policies(caller.project).await?;
            check_name(&siblings, &new.name, new.naming, None)?;
        }
        let policy = IkePolicy {
            id: IkePolicyId::random(),
            project: caller.project,
            name: new.name,
            description: new.description,
            parameters: new.parameters,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert_ike_policy(&policy).await?;
        tx.commit().await?;
        let connections = Vec::new();
        Ok(IkePolicyView {
            policy,
            connections,
        })
    }

    /// The project's policies, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn ike_policies(&self, caller: &Caller) -> Result<Vec<IkePolicyView>, Error> {
        let mut tx = self.0.store.read().await?;
        let mut views = Vec::new();
        for policy in tx.ike_policies(caller.project).await? {
            views.push(self.ike_policy_view(&mut *tx, policy).await?);
        }
        Ok(views)
    }

    /// The policies that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_ike_policies(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<IkePolicy>, Error> {
        let mut tx = self.0.store.read().await?;
        Ok(tx.page_ike_policies(caller.within(query)).await?)
    }

    /// One policy.
    ///
    /// # Errors
    /// It is not there.
    pub async fn ike_policy(
        &self,
        caller: &Caller,
        id: IkePolicyId,
    ) -> Result<IkePolicyView, Error> {
        let mut tx = self.0.store.read().await?;
        let policy = find(&mut *tx, caller, id).await?;
        self.ike_policy_view(&mut *tx, policy).await
    }

    /// Changes a policy. Connections that name it are negotiated again.
    ///
    /// # Errors
    /// It is not there, the name is taken, the parameters don't go together, or it is to be
    /// changed only while no connection names it and one does.
    pub async fn update_ike_policy(
        &self,
        caller: &Caller,
        id: IkePolicyId,
        edit: PolicyEdit<impl FnOnce(IkeParameters) -> IkeParameters + Send>,
    ) -> Result<IkePolicyView, Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let mut policy = find(&mut *tx, caller, id).await?;
        let users = tx.connections_of_ike_policy(id).await?;
        if edit.only_unused {
            Error::used(
                Noun::IkePolicy,
                Noun::Connection,
                users.iter().map(|row| row.id.uuid()),
            )?;
        }
        if let Some((name, naming)) = edit.name {
            if naming == Naming::Unique {
                let siblings = tx.ike_policies(policy.project).await?;
                check_name(&siblings, &name, naming, Some(id))?;
            }
            policy.name = name;
        }
        policy.description = edit.description.unwrap_or(policy.description);
        let parameters = (edit.parameters)(policy.parameters.clone());
        check(&parameters)?;
        self.0.config.crypto_profile.check_ike(&parameters)?;
        let renegotiate = parameters != policy.parameters;
        policy.parameters = parameters;
        policy.revision = tx.update_ike_policy(&policy).await?;
        let mut gateways = Vec::new();
        if renegotiate {
            for connection in users {
                // A specification of the same revision would be taken for the same.
                tx.update_connection(&connection).await?;
                gateways.push(connection.gateway);
            }
        }
        let view = self.ike_policy_view(&mut *tx, policy).await?;
        tx.commit().await?;
        for gateway in gateways {
            self.0.wakes.wake(Key::Gateway(gateway));
        }
        Ok(view)
    }

    /// Deletes a policy.
    ///
    /// # Errors
    /// It is not there, or a connection names it.
    pub async fn delete_ike_policy(&self, caller: &Caller, id: IkePolicyId) -> Result<(), Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let row = find(&mut *tx, caller, id).await?;
        let users = tx.connections_of_ike_policy(id).await?;
        Error::used(
            Noun::IkePolicy,
            Noun::Connection,
            users.iter().map(|row| row.id.uuid()),
        )?;
        tx.delete_ike_policy(row.project, id).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn ike_policy_view(
        &self,
        tx: &mut dyn Transaction,
        policy: IkePolicy,
    ) -> Result<IkePolicyView, Error> {
        let mut connections = Vec::new();
        for connection in tx.connections_of_ike_policy(policy.id).await? {
            let gateway = tx.any_gateway(connection.gateway).await?;
            let gateway = gateway.ok_or(Error::NotFound(Noun::Gateway))?;
            connections.push(self.connection_view(tx, &gateway, connection).await?);
        }
        Ok(IkePolicyView {
            policy,
            connections,
        })
    }
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: IkePolicyId,
) -> Result<IkePolicy, Error> {
    let row = tx.ike_policy(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::IkePolicy))
}

fn check(parameters: &IkeParameters) -> Result<(), Error> {
    if parameters.lifetime_s < 60 {
        let message = "a lifetime is at least 60 s";
        return Err(Error::invalid("lifetime", Rule::Lifetime, message));
    }
    if parameters.encryption.is_empty() || parameters.groups.is_empty() {
        let message = "a policy needs at least one algorithm of each kind";
        return Err(Error::invalid("encryption", Rule::ListEmpty, message));
    }
    let aead = parameters.encryption.iter().filter(|e| e.is_aead()).count();
    if aead < parameters.encryption.len() && parameters.authentication.is_empty() {
        let message = "a cipher without integrity of its own needs an authentication algorithm";
        return Err(Error::invalid("authentication", Rule::Suite, message));
    }
    Ok(())
}

fn check_name(
    siblings: &[IkePolicy],
    name: &Name,
    naming: Naming,
    own: Option<IkePolicyId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    crate::check_name(Noun::IkePolicy, names, name, naming, own)
}
