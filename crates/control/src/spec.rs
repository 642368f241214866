//! Specs for the agent out of what is stored: complete, with policies resolved.

use adit_model::desired::{GatewaySpec, InstanceSpec, RouterSpec, SubnetSpec, TunnelSpec};
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::{Connection, GatewayId, RouterId};
use adit_store::{StoreError, Transaction};

/// The router as it is wished, if it still is.
pub(crate) async fn router(
    tx: &mut dyn Transaction,
    id: RouterId,
) -> Result<Option<RouterSpec>, StoreError> {
    if tx.any_router(id).await?.is_none() {
        return Ok(None);
    }
    let mut subnets = Vec::new();
    for subnet in tx.subnets_of_router(id).await? {
        let instances = tx.instances_of_subnet(subnet.id).await?;
        let instances = instances.into_iter().map(|instance| InstanceSpec {
            id: instance.id,
            address: instance.address,
        });
        subnets.push(SubnetSpec {
            id: subnet.id,
            cidr: subnet.cidr,
            router_address: subnet.router_address(),
            instances: instances.collect(),
        });
    }
    Ok(Some(RouterSpec { id, subnets }))
}

/// The gateway as it is wished, if it still is.
pub(crate) async fn gateway(
    tx: &mut dyn Transaction,
    id: GatewayId,
) -> Result<Option<GatewaySpec>, StoreError> {
    let Some(gateway) = tx.any_gateway(id).await? else {
        return Ok(None);
    };
    let mut tunnels = Vec::new();
    for connection in tx.connections_of_gateway(id).await? {
        tunnels.push(tunnel(tx, connection).await?);
    }
    Ok(Some(GatewaySpec {
        id,
        router: gateway.router,
        address: gateway.public_address,
        tunnels,
    }))
}

async fn tunnel(
    tx: &mut dyn Transaction,
    connection: Connection,
) -> Result<TunnelSpec, StoreError> {
    let project = connection.project;
    let ike = match connection.ike_policy {
        Some(id) => tx.ike_policy(project, id).await?.map(|p| p.parameters),
        None => None,
    };
    let ipsec = match connection.ipsec_policy {
        Some(id) => tx.ipsec_policy(project, id).await?.map(|p| p.parameters),
        None => None,
    };
    Ok(TunnelSpec {
        connection: connection.id,
        revision: connection.revision,
        admin_state_up: connection.admin_state_up,
        peer_address: connection.peer_address,
        psk: connection.psk,
        local_cidrs: connection.local_cidrs,
        peer_cidrs: connection.peer_cidrs,
        ike: ike.unwrap_or_else(IkeParameters::negotiate),
        ipsec: ipsec.unwrap_or_else(IpsecParameters::negotiate),
        dead_peer_detection: connection.dead_peer_detection,
    })
}
