//! Addresses of links.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};

use super::{Netlink, failed, settled};
use crate::error::NetworkError;

fn address(message: &AddressMessage) -> Option<(IpAddr, u8)> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Address(ip) => Some((*ip, message.header.prefix_len)),
            _ => None,
        })
}

/// IPv6 gives each link one by itself.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

impl Netlink {
    async fn address_messages(&self, index: u32) -> Result<Vec<AddressMessage>, NetworkError> {
        let _alone = self.listing.lock().await;
        let request = self.handle.address().get().set_link_index_filter(index);
        request
            .execute()
            .try_collect()
            .await
            .map_err(failed("listing addresses"))
    }

    /// The addresses of a link.
    pub(crate) async fn addresses(&self, index: u32) -> Result<Vec<(IpAddr, u8)>, NetworkError> {
        let messages = self.address_messages(index).await?;
        Ok(messages.iter().filter_map(address).collect())
    }

    pub(crate) async fn add_address(
        &self,
        index: u32,
        address: IpAddr,
        prefix_len: u8,
    ) -> Result<(), NetworkError> {
        let request = self.handle.address().add(index, address, prefix_len);
        settled(request.execute().await)
            .map_err(failed(format!("adding address {address}/{prefix_len}")))
    }

    pub(crate) async fn remove_address(
        &self,
        index: u32,
        unwanted: IpAddr,
    ) -> Result<(), NetworkError> {
        self.remove_addresses(index, |found, _| found == unwanted)
            .await
    }

    /// Removes the addresses of a link that `unwanted` picks.
    pub(crate) async fn remove_addresses(
        &self,
        index: u32,
        unwanted: impl Fn(IpAddr, u8) -> bool,
    ) -> Result<(), NetworkError> {
        for message in self.address_messages(index).await? {
            let Some((ip, prefix_len)) = address(&message) else {
                continue;
            };
            if unwanted(ip, prefix_len) {
                settled(self.handle.address().del(message).execute().await)
                    .map_err(failed(format!("removing address {ip}/{prefix_len}")))?;
            }
        }
        Ok(())
    }

    /// Gives a link these addresses and no others. Returns whether any is new.
    pub(crate) async fn set_addresses(
        &self,
        index: u32,
        wanted: &[(IpAddr, u8)],
    ) -> Result<bool, NetworkError> {
        self.remove_addresses(index, |ip, prefix_len| {
            !wanted.contains(&(ip, prefix_len)) && !is_link_local(ip)
        })
        .await?;
        // Listed after the removals: with an IPv4 block's first address the kernel may remove
        // the others of that block.
        let present = self.addresses(index).await?;
        let mut added = false;
        for (ip, prefix_len) in wanted {
            if !present.contains(&(*ip, *prefix_len)) {
                self.add_address(index, *ip, *prefix_len).await?;
                added = true;
            }
        }
        Ok(added)
    }
}
