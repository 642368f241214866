//! A floating IP with what it stands for.

use adit_model::{FloatingIp, FloatingIpId, Port, PublicGateway, Subnet};
use adit_store::Transaction;

use super::find;
use crate::error::Error;
use crate::{Caller, Control};

/// A floating IP with what it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FloatingIpView {
    /// As the store has it.
    pub row: FloatingIp,
    /// The machine that it stands for, with the subnet of its address; a port that no machine is
    /// plugged in is none.
    pub machine: Option<(Port, Subnet)>,
    /// The public gateway that has it.
    pub public_gateway: Option<PublicGateway>,
}

impl Control {
    /// Floating IPs with what they stand for.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn floating_ip_views(
        &self,
        rows: Vec<FloatingIp>,
    ) -> Result<Vec<FloatingIpView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(view(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// One floating IP.
    ///
    /// # Errors
    /// It is not there.
    pub async fn floating_ip_view(
        &self,
        caller: &Caller,
        id: FloatingIpId,
    ) -> Result<FloatingIpView, Error> {
        let mut tx = self.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        view(&mut *tx, row).await
    }
}

async fn view(tx: &mut dyn Transaction, row: FloatingIp) -> Result<FloatingIpView, Error> {
    let port = match row.association {
        Some(of) => tx.any_port(of.port).await?,
        None => None,
    };
    let port = port.filter(|port| port.device.is_instance());
    let subnet = port.as_ref().zip(row.association).and_then(|(port, of)| {
        let mut ips = port.fixed_ips.iter();
        ips.find(|ip| ip.address == of.fixed_ip).map(|ip| ip.subnet)
    });
    let subnet = match subnet {
        Some(id) => tx.any_subnet(id).await?,
        None => None,
    };
    let machine = port.zip(subnet);
    let gateways = tx.public_gateways_of_floating_ip(row.id).await?;
    Ok(FloatingIpView {
        row,
        machine,
        public_gateway: gateways.into_iter().next(),
    })
}
