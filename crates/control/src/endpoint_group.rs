//! Endpoint groups: named lists of what is at the ends of connections.

use adit_model::endpoint_group::{Endpoints, Written};
use adit_model::{EndpointGroup, EndpointGroupId, Name, Revision};
use adit_store::{Query, Transaction};

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
        if let Endpoints::Subnets(subnets) = &new.endpoints {
            for Written { value, text } in subnets {
                let is_outside = self.outside_subnets().contains(value);
                if !is_outside && tx.subnet(caller.scope(), *value).await?.is_none() {
                    return Err(Misfit::UnknownSubnetInGroup(text.clone()).into());
                }
            }
        }
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

    /// Changes what a group is called and what is said of it.
    ///
    /// # Errors
    /// It is not there.
    pub async fn update_endpoint_group(
        &self,
        caller: &Caller,
        id: EndpointGroupId,
        name: Option<Name>,
        description: Option<String>,
    ) -> Result<EndpointGroup, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        row.name = name.unwrap_or(row.name);
        row.description = description.unwrap_or(row.description);
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// It is not there, or connections use it.
    pub async fn delete_endpoint_group(
        &self,
        caller: &Caller,
        id: EndpointGroupId,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
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

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: EndpointGroupId,
) -> Result<EndpointGroup, Error> {
    let row = tx.endpoint_group(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::EndpointGroup))
}
