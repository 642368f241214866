//! IPsec policies: phase 2 parameters that connections share.

use adit_model::policy::IpsecParameters;
use adit_model::{IpsecPolicy, IpsecPolicyId, Name, Revision};
use adit_store::{Query, Transaction};

use crate::connection::ConnectionView;
use crate::error::{Error, Noun, Quota, Rule};
use crate::policy_edit::PolicyEdit;
use crate::quota::{Allowance, Resource};
use crate::wake::Key;
use crate::{Caller, Control, Naming};

/// What a policy is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewIpsecPolicy {
    /// What to call it.
    pub name: Name,
    /// Whether the name must be unique in the project.
    pub naming: Naming,
    /// What to say of it.
    pub description: String,
    /// Which limit counts.
    pub allowance: Allowance,
    /// What it says.
    pub parameters: IpsecParameters,
}

/// A policy, and the connections that name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IpsecPolicyView {
    /// The policy.
    pub policy: IpsecPolicy,
    /// Who names it, oldest first.
    pub connections: Vec<ConnectionView>,
}

impl Control {
    /// Makes a policy.
    ///
    /// # Errors
    /// The name is taken, the parameters don't go together, or the quota is used up.
    pub async fn create_ipsec_policy(
        &self,
        caller: &Caller,
        new: NewIpsecPolicy,
    ) -> Result<IpsecPolicyView, Error> {
        caller.may_write()?;
        check(&new.parameters)?;
        self.0.config.crypto_profile.check_ipsec(&new.parameters)?;
        let mut tx = self.0.store.write().await?;
        match new.allowance {
            Allowance::Fixed => {
                let count = tx.count_ipsec_policies(caller.project).await?;
                Error::over(
                    Quota::IpsecPolicies,
                    count,
                    self.0.config.limits.ipsec_policies,
                )?;
            }
            Allowance::OfProject => {
                self.check_quota(&mut *tx, caller.project, Resource::IpsecPolicy)
                    .await?;
            }
        }
        if new.naming == Naming::Unique {
            let siblings = tx.ipsec_policies(caller.project).await?;
            check_name(&siblings, &new.name, new.naming, None)?;
        }
        let policy = IpsecPolicy {
            id: IpsecPolicyId::random(),
            project: caller.project,
            name: new.name,
            description: new.description,
            parameters: new.parameters,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert_ipsec_policy(&policy).await?;
        tx.commit().await?;
        let connections = Vec::new();
        Ok(IpsecPolicyView {
            policy,
            connections,
        })
    }

    /// The project's policies, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn ipsec_policies(&self, caller: &Caller) -> Result<Vec<IpsecPolicyView>, Error> {
        let mut tx = self.0.store.read().await?;
        let mut views = Vec::new();
        for policy in tx.ipsec_policies(caller.project).await? {
            views.push(self.ipsec_policy_view(&mut *tx, policy).await?);
        }
        Ok(views)
    }

    /// The policies that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_ipsec_policies(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<IpsecPolicy>, Error> {
        let mut tx = self.0.store.read().await?;
        Ok(tx.page_ipsec_policies(caller.within(query)).await?)
    }

    /// One policy.
    ///
    /// # Errors
    /// It is not there.
    pub async fn ipsec_policy(
        &self,
        caller: &Caller,
        id: IpsecPolicyId,
    ) -> Result<IpsecPolicyView, Error> {
        let mut tx = self.0.store.read().await?;
        let policy = find(&mut *tx, caller, id).await?;
        self.ipsec_policy_view(&mut *tx, policy).await
    }

    /// Changes a policy. Connections that name it are negotiated again.
    ///
    /// # Errors
    /// It is not there, the name is taken, the parameters don't go together, or it is to be
    /// changed only while no connection names it and one does.
    pub async fn update_ipsec_policy(
        &self,
        caller: &Caller,
        id: IpsecPolicyId,
        edit: PolicyEdit<impl FnOnce(IpsecParameters) -> IpsecParameters + Send>,
    ) -> Result<IpsecPolicyView, Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let mut policy = find(&mut *tx, caller, id).await?;
        let users = tx.connections_of_ipsec_policy(id).await?;
        if edit.only_unused {
            Error::used(
                Noun::IpsecPolicy,
                Noun::Connection,
                users.iter().map(|row| row.id.uuid()),
            )?;
        }
        if let Some((name, naming)) = edit.name {
            if naming == Naming::Unique {
                let siblings = tx.ipsec_policies(policy.project).await?;
                check_name(&siblings, &name, naming, Some(id))?;
            }
            policy.name = name;
        }
        policy.description = edit.description.unwrap_or(policy.description);
        let parameters = (edit.parameters)(policy.parameters.clone());
        check(&parameters)?;
        self.0.config.crypto_profile.check_ipsec(&parameters)?;
        let renegotiate = parameters != policy.parameters;
        policy.parameters = parameters;
        policy.revision = tx.update_ipsec_policy(&policy).await?;
        let mut gateways = Vec::new();
        if renegotiate {
            for connection in users {
                // A specification of the same revision would be taken for the same.
                tx.update_connection(&connection).await?;
                gateways.push(connection.gateway);
            }
        }
        let view = self.ipsec_policy_view(&mut *tx, policy).await?;
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
    pub async fn delete_ipsec_policy(
        &self,
        caller: &Caller,
        id: IpsecPolicyId,
    ) -> Result<(), Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let row = find(&mut *tx, caller, id).await?;
        let users = tx.connections_of_ipsec_policy(id).await?;
        Error::used(
            Noun::IpsecPolicy,
            Noun::Connection,
            users.iter().map(|row| row.id.uuid()),
        )?;
        tx.delete_ipsec_policy(row.project, id).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn ipsec_policy_view(
        &self,
        tx: &mut dyn Transaction,
        policy: IpsecPolicy,
    ) -> Result<IpsecPolicyView, Error> {
        let mut connections = Vec::new();
        for connection in tx.connections_of_ipsec_policy(policy.id).await? {
            let gateway = tx.any_gateway(connection.gateway).await?;
            let gateway = gateway.ok_or(Error::NotFound(Noun::Gateway))?;
            connections.push(self.connection_view(tx, &gateway, connection).await?);
        }
        Ok(IpsecPolicyView {
            policy,
            connections,
        })
    }
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: IpsecPolicyId,
) -> Result<IpsecPolicy, Error> {
    let row = tx.ipsec_policy(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::IpsecPolicy))
}

fn check(parameters: &IpsecParameters) -> Result<(), Error> {
    if parameters.lifetime_s < 60 {
        let message = "a lifetime is at least 60 s";
        return Err(Error::invalid("lifetime", Rule::Lifetime, message));
    }
    if parameters.encryption.is_empty() {
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
    siblings: &[IpsecPolicy],
    name: &Name,
    naming: Naming,
    own: Option<IpsecPolicyId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    crate::check_name(Noun::IpsecPolicy, names, name, naming, own)
}
