//! What becomes of the things of a project that ended: they are deleted one by one, each by its
//! ordinary use case, so that the host gives back whatever it had of them.
//!
//! ```text
//!   DELETE of a project --> ended: nobody finds it, acts in it, or has a role there
//!     then, and again after a restart: requests, routes, connections, gateways, groups, policies, network ACLs, public gateways, floating IPs, ports,
//!     routers, subnets, networks, keys, security groups --> nothing left --> its row goes
//!     then, and again after a restart: requests, tunnel contexts, routes, connections, gateways, groups, policies, floating IPs, routers,
//!     ports, subnets, networks, security groups --> nothing left --> its row goes
//! ```
//!
//! What others have on it keeps what it hangs on, such as their port on its shared network. That is
//! tried again at each sweep.

use adit_model::change::Actor;
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::{ProjectId, RouterId};
use adit_store::StoreError;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::Error;
use crate::port::Knows;
use crate::router::RouterChange;
use crate::router_interface::InterfaceOf;
use crate::rules::{Allowance, Naming, OnDelete};
use crate::{Caller, Control, gateway, port, security_group, subnet};

/// What hangs on a gateway goes with it.
const GATEWAYS: gateway::Rules = gateway::Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

/// A floating IP of another project may stand for a port.
const PORTS: port::Rules = port::Rules {
    knows: Knows::Ports,
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

/// What others have on a subnet stays.
const SUBNETS: subnet::Rules = subnet::Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

/// Rules that name a group go with it.
const GROUPS: security_group::Rules = security_group::Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

/// Whether something is gone: what is used by others is not, for now.
fn is_gone(outcome: Result<(), Error>) -> Result<bool, Error> {
    match outcome {
        Ok(()) | Err(Error::NotFound(_) | Error::NotListed) => Ok(true),
        Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => Err(error),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "it can't be deleted yet");
            Ok(false)
        }
    }
}

macro_rules! each {
    ($control:ident, $caller:ident: $($rows:ident => |$id:ident| $delete:expr;)+) => {$(
        let rows = $control.read().await?.$rows($caller.project).await?;
        for row in rows {
            let $id = row.id;
            is_gone($delete.await)?;
        }
    )+};
}

impl Control {
    /// Deletes what belongs to projects that ended, as soon as one does, and tunnel contexts at the date for which they were
    /// cancelled, for ever.
    pub(crate) async fn clear_projects(self) {
        let mut due = interval(self.config().timing.sweep);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = self.0.endings.notified() => {}
            }
            if let Err(error) = self.clear_ended_projects().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a project that ended could not be cleared");
            }
            if let Err(error) = self.end_tunnel_contexts(GATEWAYS).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "a tunnel context that was cancelled could not be deleted"
                );
            }
        }
    }

    /// Deletes what belongs to projects that ended, and then them, as far as nobody else has
    /// something on it.
    ///
    /// # Errors
    /// The store can't answer, or something went wrong with one of them; the others are cleared.
    pub async fn clear_ended_projects(&self) -> Result<(), Error> {
        let mut outcome = Ok(());
        for project in self.read().await?.ended_projects().await? {
            match self.clear(project).await {
                Ok(true) => tracing::info!(%project, "a project that ended is cleared"),
                Ok(false) => {
                    tracing::info!(%project, "others still use things of a project that ended");
                }
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Answers whether the project is gone with all it had.
    async fn clear(&self, project: ProjectId) -> Result<bool, Error> {
        self.clear_things(project).await?;
        let mut tx = self.change_by(Actor::Service).await?;
        match tx.remove_project(project).await {
            Ok(()) => {
                tx.commit().await?;
                Ok(true)
            }
            Err(StoreError::Referenced) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn clear_things(&self, project: ProjectId) -> Result<(), Error> {
        let caller = &Caller::service(project);
        each! { self, caller:
            connection_requests => |id| self.delete_connection_request(caller, GATEWAYS, id);
            tunnel_contexts => |id| self.delete_tunnel_context(caller, GATEWAYS, id);
            routes => |id| self.delete_route(caller, id);
            connections => |id| self.delete_connection(caller, id, None);
            gateways => |id| self.delete_gateway(caller, GATEWAYS, id, None);
            endpoint_groups => |id| self.delete_endpoint_group(caller, id, None);
            ike_policies => |id| self.delete_policy::<IkeParameters>(caller, id, None);
            ipsec_policies => |id| self.delete_policy::<IpsecParameters>(caller, id, None);
            network_acls => |id| self.delete_network_acl(caller, OnDelete::Cascade, id, None);
            public_gateways => |id| self.delete_public_gateway(caller, OnDelete::Cascade, id, None);
            floating_ips => |id| self.delete_floating_ip(caller, id, None);
            ports => |id| self.delete_port(caller, PORTS, id, None);
            routers => |id| self.clear_router(caller, id);
            subnets => |id| self.delete_subnet(caller, SUBNETS, id, None);
            networks => |id| self.delete_network(caller, id, None);
            ssh_keys => |id| self.delete_ssh_key(caller, id, None);
            security_groups => |id| self.delete_security_group(caller, GROUPS, id, None);
        }
        Ok(())
    }

    /// Deletes a router with its interfaces.
    async fn clear_router(&self, caller: &Caller, id: RouterId) -> Result<(), Error> {
        let without_routes = RouterChange {
            routes: Some(Vec::new()),
            ..RouterChange::default()
        };
        self.update_router(caller, id, without_routes).await?;
        for port in self.router_interfaces(caller, id).await? {
            let of = InterfaceOf::Port(port.id);
            is_gone(self.remove_router_interface(caller, id, of).await.map(drop))?;
        }
        self.delete_router(caller, id, None).await
    }
}
