//! Applying a tunnel context: what is staged becomes a connection with its policies, or changes them.

use std::net::Ipv4Addr;

use adit_model::connection::{DeadPeerDetection, Initiator};
use adit_model::policy::{IkeParameters, IpsecParameters, Policy};
use adit_model::translation::End;
use adit_model::tunnel_context::{self, RunningTunnel, TunnelSettings};
use adit_model::{
    Cidr, Connection, ConnectionId, Gateway, Name, Translation, TunnelContext, TunnelContextId,
};
use adit_store::Transaction;

use super::find;
use crate::connection::{self, ConnectionChange, EndsChange, GivenEnds, NewConnection};
use crate::error::{Error, Rule};
use crate::policy::{NewPolicy, Phase, PolicyEdit};
use crate::{Caller, Control, Naming};

/// What is staged, once nothing is missing.
struct Complete {
    gateway: Gateway,
    name: Name,
    peer_address: String,
    local_cidrs: Vec<Cidr>,
    /// The connection that there is.
    before: Option<Connection>,
}

impl Control {
    /// Makes what is staged so, all of it in one unit of work: the connection and its policies are made, or changed where
    /// they are otherwise.
    ///
    /// # Errors
    /// It is not there, something is missing, or what [`Control::create_connection`] refuses.
    pub async fn apply_tunnel_context(
        &self,
        caller: &Caller,
        rules: connection::Rules,
        id: TunnelContextId,
    ) -> Result<TunnelContext, Error> {
        let together = self.together().await?;
        let control = together.control();
        let mut tx = control.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        let complete = complete(&mut *tx, self.service_blocks(), &row).await?;
        let router = complete.gateway.router;
        tx.commit().await?;
        let (known, name) = (row.running.as_ref(), &complete.name);
        let (ike, ipsec) = (row.staged.ike.clone(), row.staged.ipsec.clone());
        let known_ike = known.map(|known| known.ike_policy);
        let known_ipsec = known.map(|known| known.ipsec_policy);
        let running = RunningTunnel {
            ike_policy: control
                .put_policy::<IkeParameters>(caller, rules, known_ike, name, ike)
                .await?,
            ipsec_policy: control
                .put_policy::<IpsecParameters>(caller, rules, known_ipsec, name, ipsec)
                .await?,
            // Known below.
            connection: ConnectionId::random(),
            services: row.staged.services.clone(),
        };
        let connection = control
            .put_connection(caller, rules, &row, complete, &running)
            .await?;
        let mut tx = control.change(caller).await?;
        row.running = Some(RunningTunnel {
            connection,
            ..running
        });
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        match row.staged.services.is_empty() {
            true => control.release_way_outside(&mut tx, router).await?,
            false => control.ensure_way_outside(&mut tx, caller, router).await?,
        }
        tx.commit().await?;
        together.commit().await?;
        Ok(row)
    }

    /// The policy of this id with these parameters, or another one where it is gone.
    async fn put_policy<P: Phase>(
        &self,
        caller: &Caller,
        rules: connection::Rules,
        known: Option<P::Id>,
        name: &Name,
        parameters: P,
    ) -> Result<P::Id, Error> {
        let profile = self.0.config.context_crypto_profile;
        let mut found: Option<Policy<P>> = None;
        if let Some(id) = known {
            let mut tx = self.read().await?;
            let rows = P::rows(&mut *tx);
            found = rows.get(Some(caller.project), P::uuid(id)).await?;
        }
        match found {
            Some(found) if found.parameters == parameters && found.name == *name => Ok(found.id),
            Some(found) => {
                let edit = PolicyEdit {
                    expected: None,
                    name: Some((name.clone(), Naming::Free)),
                    description: None,
                    parameters: |_| parameters,
                    only_unused: false,
                };
                let view = self.update_policy_within(caller, profile, found.id, edit);
                Ok(view.await?.policy.id)
            }
            None => {
                let new = NewPolicy {
                    name: name.clone(),
                    resource_group: None,
                    naming: Naming::Free,
                    description: String::new(),
                    allowance: rules.allowance,
                    parameters,
                };
                let view = self.create_policy_within(caller, profile, new).await?;
                Ok(view.policy.id)
            }
        }
    }

    async fn put_connection(
        &self,
        caller: &Caller,
        rules: connection::Rules,
        row: &TunnelContext,
        complete: Complete,
        running: &RunningTunnel,
    ) -> Result<ConnectionId, Error> {
        let peer_cidrs = row.staged.peer_cidrs.clone();
        let translations = row.staged.translations.iter();
        let translations: Vec<_> = translations.map(of_host).collect();
        if let Some(before) = &complete.before {
            let is_so = before.name == complete.name
                && Some(before.peer_address) == row.staged.peer_address.map(Into::into)
                && before.peer_host.is_none()
                && before.authentication.psk() == Some(&row.psk)
                && before.ends.local() == complete.local_cidrs
                && before.ends.peer() == peer_cidrs
                && before.translations == translations
                && before.ike_policy == Some(running.ike_policy)
                && before.ipsec_policy == Some(running.ipsec_policy);
            if is_so {
                return Ok(before.id);
            }
            let change = ConnectionChange {
                name: Some(complete.name),
                peer_address: Some(complete.peer_address),
                authentication: Some(row.psk.clone().into()),
                ends: EndsChange {
                    local_cidrs: Some(complete.local_cidrs),
                    peer_cidrs: Some(peer_cidrs),
                    ..EndsChange::default()
                },
                translations: Some(translations),
                ike_policy: Some(Some(running.ike_policy)),
                ipsec_policy: Some(Some(running.ipsec_policy)),
                ..ConnectionChange::default()
            };
            let changed = self.update_connection(caller, rules, before.id, None, change);
            return Ok(changed.await?.connection.id);
        }
        let new = NewConnection {
            name: complete.name,
            description: String::new(),
            gateway: complete.gateway.id,
            peer_address: complete.peer_address,
            peer_id: None,
            local_id: None,
            authentication: row.psk.clone().into(),
            ppk: None,
            ends: GivenEnds {
                local_cidrs: Some(complete.local_cidrs),
                peer_cidrs,
                ..GivenEnds::default()
            },
            translations,
            distribute_traffic: false,
            mtu: 0,
            initiator: Initiator::BiDirectional,
            dead_peer_detection: DeadPeerDetection::RESTART,
            ike_policy: Some(running.ike_policy),
            ipsec_policy: Some(running.ipsec_policy),
            admin_state_up: true,
        };
        let made = self.create_connection(caller, rules, new).await?;
        Ok(made.connection.id)
    }
}

/// Looks for all that a connection needs, and says what is missing.
async fn complete(
    tx: &mut dyn Transaction,
    services: &[Cidr],
    row: &TunnelContext,
) -> Result<Complete, Error> {
    let missing = |field, message: &str| Error::invalid(field, Rule::Reference, message);
    let Some(gateway) = tx.gateway(row.project, row.gateway).await? else {
        let message = "the tunnel context's gateway was deleted: cancel it and order another one";
        return Err(Error::conflict(Rule::Reference, message));
    };
    let Some(peer_address) = row.staged.peer_address else {
        return Err(missing("peer_address", "the peer's address is not set yet"));
    };
    if row.psk.is_lost() {
        return Err(missing(
            "psk",
            "the pre-shared key is lost: set another one",
        ));
    }
    let mut local_cidrs = Vec::new();
    for id in &row.staged.subnets {
        let subnet = tx.subnet(row.project, *id).await?;
        local_cidrs.extend(subnet.map(|subnet| subnet.cidr));
    }
    let mut listed = row.staged.services.iter();
    if let Some(gone) = listed.find(|block| !services.contains(block)) {
        let message = format!("{gone} is none of the service subnets any more: take it away");
        return Err(missing("local_cidrs", &message));
    }
    local_cidrs.extend(&row.staged.services);
    if local_cidrs.is_empty() {
        return Err(missing("local_cidrs", "no internal subnet was added yet"));
    }
    if row.staged.peer_cidrs.is_empty() {
        return Err(missing("peer_cidrs", "no customer subnet was added yet"));
    }
    check_translations(&row.staged, &local_cidrs)?;
    let before = match &row.running {
        Some(running) => tx.connection(row.project, running.connection).await?,
        None => None,
    };
    let friendly = &row.staged.friendly_name;
    let name = match friendly.as_str().is_empty() {
        true => row.name.clone(),
        false => friendly.clone(),
    };
    Ok(Complete {
        before: before.filter(|before| before.gateway == gateway.id),
        gateway,
        name,
        peer_address: peer_address.to_string(),
        local_cidrs,
    })
}

/// A host of the customer's that is known by an assigned address here.
fn of_host(one: &tunnel_context::Translation) -> Translation {
    Translation {
        end: End::Peer,
        cidr: Cidr::host(one.customer.into()),
        shown_as: Cidr::host(one.internal.into()),
    }
}

/// Refuses translations of what isn't behind the peer, and addresses that stand for others where they are somebody's.
fn check_translations(staged: &TunnelSettings, local_cidrs: &[Cidr]) -> Result<(), Error> {
    let behind = |address: Ipv4Addr| {
        let mut blocks = staged.peer_cidrs.iter();
        blocks.any(|block| block.contains(address.into()))
    };
    let mut translations = staged.translations.iter();
    if let Some(one) = translations.find(|one| !behind(one.customer)) {
        let message = format!(
            "{} is in no customer subnet any more, and is translated",
            one.customer
        );
        return Err(Error::invalid("translations", Rule::Reference, message));
    }
    let Some(assigned) = staged.assigned.filter(|_| !staged.translations.is_empty()) else {
        return Ok(());
    };
    let mut others = local_cidrs.iter().chain(&staged.peer_cidrs);
    match others.find(|block| block.overlaps(assigned)) {
        None => Ok(()),
        Some(block) => {
            let message = format!("{block} shares addresses with the assigned ones, {assigned}");
            Err(Error::invalid("translations", Rule::CidrOverlap, message))
        }
    }
}
