//! Addresses of links.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, CacheInfo};

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

/// How many bits a single address has.
pub(crate) const fn host_len(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
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
        let more = Vec::new();
        self.add_address_with(index, address, prefix_len, more)
            .await
    }

    /// The host's address on a link of ours. Nobody else has it: IPv6 needn't look for a duplicate
    /// before it works, which it can't while nothing is plugged into a bridge.
    pub(crate) async fn add_own_address(
        &self,
        index: u32,
        address: IpAddr,
        prefix_len: u8,
    ) -> Result<(), NetworkError> {
        let more = vec![AddressAttribute::Flags(AddressFlags::Nodad)];
        self.add_address_with(index, address, prefix_len, more)
            .await
    }

    /// An address outside. What is sent from it says so itself: the kernel doesn't choose an
    /// address of IPv6 that is no longer preferred for packets that go elsewhere, such as into a
    /// tunnel, where it would not be one of the selectors'.
    pub(crate) async fn add_outer_address(
        &self,
        index: u32,
        address: IpAddr,
    ) -> Result<(), NetworkError> {
        let mut more = Vec::new();
        if address.is_ipv6() {
            let mut lifetimes = CacheInfo::default();
            lifetimes.ifa_valid = u32::MAX;
            lifetimes.ifa_preferred = 0;
            more.push(AddressAttribute::CacheInfo(lifetimes));
        }
        self.add_address_with(index, address, host_len(address), more)
            .await
    }

    async fn add_address_with(
        &self,
        index: u32,
        address: IpAddr,
        prefix_len: u8,
        more: Vec<AddressAttribute>,
    ) -> Result<(), NetworkError> {
        let mut request = self.handle.address().add(index, address, prefix_len);
        request.message_mut().attributes.extend(more);
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
