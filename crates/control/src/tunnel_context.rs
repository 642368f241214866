//! Tunnel contexts: tunnels that are edited first and made later, for faces in which nothing takes effect until a user
//! says so.
//!
//! ```text
//!   ordered: a gateway, and what is staged --edits--> what is staged
//!     --applied--> one connection with its policies, made or changed in one unit of work
//!     --cancelled, at once or at its date--> connection, policies and gateway go
//! ```

mod apply;
mod edit;

use adit_model::gateway::GatewayMode;
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::tunnel_context::TunnelSettings;
use adit_model::{Cidr, Name, Revision, RouterId, Subnet, TunnelContext, TunnelContextId};
use adit_store::{NumberOf, Query, Transaction};
use time::{Date, Month, OffsetDateTime};

use crate::error::{Error, Noun, Quota, Rule};
use crate::gateway::{self, NewGateway, Place};
use crate::policy::Phase;
use crate::{Caller, Control, on_router};

pub use edit::{Listing, PhaseChange, TunnelContextChange};

/// How many contexts a project may have.
const MOST: usize = 1000;

/// What is numbered of a context, and goes with it.
const NUMBERED: [NumberOf; 4] = [
    NumberOf::BillingItem,
    NumberOf::Order,
    NumberOf::StaticSubnet,
    NumberOf::TunnelContext,
];

/// When a context ends that is cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// At once.
    Now,
    /// When the month is over, as what is paid by the month.
    AfterTheMonth,
}

impl Control {
    /// Makes a context, and its gateway in the first subnet of the project's default router. It has a key that nobody
    /// knows yet, and leads nowhere.
    ///
    /// # Errors
    /// The project has no router with a subnet, or what [`Control::create_gateway`] refuses.
    pub async fn create_tunnel_context(
        &self,
        caller: &Caller,
        gateways: gateway::Rules,
    ) -> Result<TunnelContext, Error> {
        let together = self.together().await?;
        let control = together.control();
        let mut tx = control.change(caller).await?;
        let count = tx.count_tunnel_contexts(caller.project).await?;
        Quota::TunnelContexts.check(count, MOST)?;
        let site = default_site(&mut *tx, caller).await?;
        let subnets = site.map(|(_, rows)| rows).unwrap_or_default();
        let Some(subnet) = subnets.first().map(|row| row.id) else {
            let message =
                "the project has no private network yet: make a router with a subnet first";
            return Err(Error::conflict(Rule::Reference, message));
        };
        let assigned = self.free_block(&mut *tx, caller, &subnets).await?;
        let id = TunnelContextId::random();
        let of = NumberOf::TunnelContext;
        let number = tx.give_number(caller.project, of, &id.to_string()).await?;
        let name = Name::parse(&format!("ipsec{number:03}")).unwrap_or_default();
        tx.commit().await?;
        let wish = NewGateway {
            name: name.clone(),
            resource_group: None,
            description: String::new(),
            place: Place::Subnet(subnet),
            mode: GatewayMode::Policy,
            admin_state_up: true,
        };
        let made = control.create_gateway(caller, gateways, wish).await?;
        let now = self.now();
        let row = TunnelContext {
            id,
            project: caller.project,
            name,
            gateway: made.gateway.id,
            staged: TunnelSettings {
                assigned,
                ..TunnelSettings::of_old_equipment()
            },
            psk: self.make_up_psk(),
            running: None,
            ends_at: None,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        let mut tx = control.change(caller).await?;
        tx.insert(&row).await?;
        tx.commit().await?;
        together.commit().await?;
        Ok(row)
    }

    /// The subnets by IPv4 of the project's default router: its oldest one that has any.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn private_subnets(&self, caller: &Caller) -> Result<Vec<Subnet>, Error> {
        let mut tx = self.read().await?;
        let site = default_site(&mut *tx, caller).await?;
        Ok(site.map(|(_, rows)| rows).unwrap_or_default())
    }

    /// All contexts of the caller's project, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn tunnel_contexts(&self, caller: &Caller) -> Result<Vec<TunnelContext>, Error> {
        let mut tx = self.read().await?;
        Ok(tx
            .page_tunnel_contexts(Query::of_project(caller.project))
            .await?)
    }

    /// One context.
    ///
    /// # Errors
    /// It is not there.
    pub async fn tunnel_context(
        &self,
        caller: &Caller,
        id: TunnelContextId,
    ) -> Result<TunnelContext, Error> {
        find(&mut *self.read().await?, caller, id).await
    }

    /// Cancels a context: deletes it, or notes when that is to be done.
    ///
    /// # Errors
    /// It is not there, or what [`Self::delete_tunnel_context`] refuses.
    pub async fn cancel_tunnel_context(
        &self,
        caller: &Caller,
        gateways: gateway::Rules,
        id: TunnelContextId,
        ending: Ending,
    ) -> Result<(), Error> {
        if ending == Ending::Now {
            return self.delete_tunnel_context(caller, gateways, id).await;
        }
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        row.ends_at = Some(next_month(self.now()));
        tx.update(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes a context and what was made for it: its connection, the policies that nothing else uses, and its gateway,
    /// if that has no other connection.
    ///
    /// # Errors
    /// It is not there, or routes lead to its connection.
    pub async fn delete_tunnel_context(
        &self,
        caller: &Caller,
        gateways: gateway::Rules,
        id: TunnelContextId,
    ) -> Result<(), Error> {
        let together = self.together().await?;
        let control = together.control();
        let mut tx = control.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        tx.delete(&row).await?;
        for of in NUMBERED {
            tx.forget_number(row.project, of, &id.to_string()).await?;
        }
        edit::forget_blocks(&mut tx, &row, &row.staged.peer_cidrs).await?;
        for one in &row.staged.translations {
            let of = NumberOf::Translation;
            tx.forget_number(row.project, of, &one.id.to_string())
                .await?;
        }
        if row
            .running
            .as_ref()
            .is_some_and(|one| !one.services.is_empty())
            && let Some(gateway) = tx.any_gateway(row.gateway).await?
        {
            control.release_way_outside(&mut tx, gateway.router).await?;
        }
        let connection = match &row.running {
            Some(running) => tx.connection(row.project, running.connection).await?,
            None => None,
        };
        tx.commit().await?;
        if let Some(connection) = connection {
            control
                .delete_connection(caller, connection.id, None)
                .await?;
        }
        if let Some(running) = &row.running {
            control
                .delete_unused_policy::<IkeParameters>(caller, running.ike_policy)
                .await?;
            control
                .delete_unused_policy::<IpsecParameters>(caller, running.ipsec_policy)
                .await?;
        }
        control
            .delete_unused_gateway(caller, gateways, row.gateway)
            .await?;
        together.commit().await
    }

    /// Deletes the contexts whose date has come.
    ///
    /// # Errors
    /// The store can't answer, or something went wrong with one of them; the others are deleted.
    pub async fn end_tunnel_contexts(&self, gateways: gateway::Rules) -> Result<(), Error> {
        let now = self.now();
        let rows = self.read().await?.all_tunnel_contexts().await?;
        let is_due = |row: &TunnelContext| row.ends_at.is_some_and(|end| end <= now);
        let mut outcome = Ok(());
        for row in rows.into_iter().filter(is_due) {
            let caller = Caller::service(row.project);
            let deleted = self.delete_tunnel_context(&caller, gateways, row.id).await;
            outcome = deleted.and(outcome);
        }
        outcome
    }

    /// The first four addresses together of those to be assigned that no other context of the project has, nor its networks.
    async fn free_block(
        &self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        subnets: &[Subnet],
    ) -> Result<Option<Cidr>, Error> {
        let pool = self.0.config.context_addresses;
        let Some(pool) = pool.filter(|pool| pool.is_ipv4()) else {
            return Ok(None);
        };
        let rows = tx.tunnel_contexts(caller.project).await?;
        let assigned = rows.iter().filter_map(|row| row.staged.assigned);
        let subnets = subnets.iter().map(|row| row.cidr);
        let taken: Vec<_> = assigned.chain(subnets).collect();
        let blocks = (0..pool.address_count()).step_by(4);
        let mut blocks = blocks.filter_map(|index| Cidr::new(pool.nth(index)?, 30).ok());
        let free = blocks.find(|block| {
            let is_free = !taken.iter().any(|taken| taken.overlaps(*block));
            is_free && pool.contains_block(*block)
        });
        let none = || {
            let message = format!("no addresses of {pool} are left to be assigned");
            Error::conflict(Rule::NoPrivateAddress, message)
        };
        free.map(Some).ok_or_else(none)
    }

    async fn delete_unused_policy<P: Phase>(
        &self,
        caller: &Caller,
        id: P::Id,
    ) -> Result<(), Error> {
        match self.policy::<P>(caller, id).await {
            Ok(view) if view.connections.is_empty() => {
                self.delete_policy::<P>(caller, id, None).await
            }
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The first moment of the month after the one that a moment is in, UTC.
fn next_month(now: OffsetDateTime) -> OffsetDateTime {
    let (year, month) = match now.month() {
        Month::December => (now.year().saturating_add(1), Month::January),
        other => (now.year(), other.next()),
    };
    // The first of a month is there in every year that can be written.
    let first = Date::from_calendar_date(year, month, 1).unwrap_or(Date::MAX);
    first.midnight().assume_utc()
}

/// The oldest router of the project that has subnets by IPv4, with these.
async fn default_site(
    tx: &mut dyn Transaction,
    caller: &Caller,
) -> Result<Option<(RouterId, Vec<Subnet>)>, Error> {
    for router in tx.routers(caller.project).await? {
        let mut subnets = on_router::subnets(tx, router.id).await?;
        subnets.retain(|row| row.cidr.is_ipv4() && row.project == caller.project);
        if !subnets.is_empty() {
            return Ok(Some((router.id, subnets)));
        }
    }
    Ok(None)
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: TunnelContextId,
) -> Result<TunnelContext, Error> {
    let row = tx.tunnel_context(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::TunnelContext))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::next_month;

    #[test]
    fn a_month_is_over_when_the_next_begins() {
        let next = next_month(datetime!(2026-11-30 14:00 UTC));
        assert_eq!(next, datetime!(2026-12-01 0:00 UTC));
        let next = next_month(datetime!(2026-12-31 23:59:59 UTC));
        assert_eq!(next, datetime!(2027-01-01 0:00 UTC));
    }
}
