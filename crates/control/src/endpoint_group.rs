//! Endpoint groups: named lists of what is at the ends of connections.

use adit_model::endpoint_group::{Endpoints, Written};
use adit_model::{EndpointGroup, EndpointGroupId, Name, Revision};
use adit_store::{Query, Transaction};

use crate::connection::Rules;
use crate::error::{Error, Noun};
use crate::misfit::Misfit;
use crate::resource::Resource;
use crate::{Caller, Control};

/// What a group is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEndpointGroup {
    /// What to call it.
    pub name: Name,
    /// What to say of it.
    pub description: String,
    /// What is in it.
    pub endpoints: Endpoints,
}

/// What to change of a group; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewEndpointGroup")]
pub struct EndpointGroupChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    pub name: Option<Name>,
    pub description: Option<String>,
    pub endpoints: Option<Endpoints>,
}

impl Control {
    /// Makes a group.
    ///
    /// # Errors
    /// A subnet in it is not there, or the quota is used up.
    pub async fn create_endpoint_group(
        &self,
        caller: &Caller,
        new: NewEndpointGroup,
    ) -> Result<EndpointGroup, Error> {
        let mut tx = self.change(caller).await?;
        self.check_quota(&mut *tx, caller.project, Resource::EndpointGroup)
            .await?;
        self.check_endpoints(&mut *tx, caller, &new.endpoints)
            .await?;
        let row = EndpointGroup {
            id: EndpointGroupId::random(),
            project: caller.project,
            name: new.name,
            description: new.description,
            endpoints: new.endpoints,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The groups that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_endpoint_groups(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<EndpointGroup>, Error> {
        let mut tx = self.read().await?;
        Ok(tx.page_endpoint_groups(caller.within(query)).await?)
    }

    /// One group.
    ///
    /// # Errors
    /// It is not there.
    pub async fn endpoint_group(
        &self,
        caller: &Caller,
        id: EndpointGroupId,
    ) -> Result<EndpointGroup, Error> {
        let mut tx = self.read().await?;
        find(&mut *tx, caller, id).await
    }

    /// Changes a group. Connections between its blocks have the new ones then, by the rules of who changes it.
    ///
    /// # Errors
    /// It is not there, or of another revision, a subnet in it is not there, or a connection that uses it would not fit
    /// together.
    pub async fn update_endpoint_group(
        &self,
        caller: &Caller,
        rules: Rules,
        id: EndpointGroupId,
        change: EndpointGroupChange,
    ) -> Result<EndpointGroup, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, row.revision)?;
        row.name = change.name.unwrap_or(row.name);
        row.description = change.description.unwrap_or(row.description);
        let others = change.endpoints.filter(|others| *others != row.endpoints);
        let follow = others.is_some();
        if let Some(others) = others {
            self.check_endpoints(&mut *tx, caller, &others).await?;
            row.endpoints = others;
        }
        row.revision = tx.update(&row).await?;
        if follow {
            self.follow_endpoint_group(&mut tx, caller, rules, id)
                .await?;
        }
        tx.commit().await?;
        Ok(row)
    }

    /// Refuses subnets that are not there.
    async fn check_endpoints(
        &self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        endpoints: &Endpoints,
    ) -> Result<(), Error> {
        let Endpoints::Subnets(subnets) = endpoints else {
            return Ok(());
        };
        for Written { value, text } in subnets {
            let is_outside = self.outside_subnets().contains(value);
            if !is_outside && tx.subnet(caller.scope(), *value).await?.is_none() {
                return Err(Misfit::UnknownSubnetInGroup(text.clone()).into());
            }
        }
        Ok(())
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// It is not there, or of another revision, or connections use it.
    pub async fn delete_endpoint_group(
        &self,
        caller: &Caller,
        id: EndpointGroupId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        let users = tx.connections_of_endpoint_group(id).await?;
        Error::used(
            Noun::EndpointGroup,
            Noun::Connection,
            users.iter().map(|row| row.id.uuid()),
        )?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: EndpointGroupId,
) -> Result<EndpointGroup, Error> {
    let row = tx.endpoint_group(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::EndpointGroup))
}
