//! Links: bridges, veth pairs, and what they are set to.

use std::os::fd::AsRawFd;

use adit_model::MacAddress;
use futures_util::TryStreamExt;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::{LinkBridge, LinkUnspec, LinkVeth};

use super::{Netlink, failed, settled};
use crate::error::NetworkError;
use crate::namespace::Namespace;

/// A link as the kernel has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mtu: u32,
    mac: Vec<u8>,
    is_up: bool,
    bridge: Option<u32>,
    group: u32,
}

impl Link {
    fn of(message: &LinkMessage) -> Option<Self> {
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            mtu: 0,
            mac: Vec::new(),
            is_up: message.header.flags.contains(LinkFlags::Up),
            bridge: None,
            group: 0,
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
                LinkAttribute::Address(mac) => link.mac.clone_from(mac),
                LinkAttribute::Controller(index) => link.bridge = Some(*index),
                LinkAttribute::Group(group) => link.group = *group,
                _ => {}
            }
        }
        (!link.name.is_empty()).then_some(link)
    }
}

/// What a link is to be set to; what is `None` stays as it is.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Wish {
    pub(crate) mac: Option<MacAddress>,
    pub(crate) mtu: Option<u32>,
    pub(crate) bridge: Option<u32>,
    pub(crate) up: Option<bool>,
}

impl Netlink {
    pub(crate) async fn links(&self) -> Result<Vec<Link>, NetworkError> {
        let _alone = self.listing.lock().await;
        let messages: Vec<LinkMessage> = self
            .handle
            .link()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(failed("listing links"))?;
        Ok(messages.iter().filter_map(Link::of).collect())
    }

    pub(crate) async fn find(&self, name: &str) -> Result<Option<Link>, NetworkError> {
        let answer = self.handle.link().get().match_name(name).execute();
        match answer.try_collect::<Vec<_>>().await {
            Ok(messages) => Ok(messages.iter().find_map(Link::of)),
            // "No such device" is an answer too.
            Err(error) => settled(Err(error))
                .map(|()| None)
                .map_err(failed(format!("looking for link {name}"))),
        }
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Link, NetworkError> {
        self.find(name)
            .await?
            .ok_or_else(|| NetworkError::NoLink(name.to_owned()))
    }

    pub(crate) async fn index(&self, name: &str) -> Result<u32, NetworkError> {
        Ok(self.get(name).await?.index)
    }

    async fn add(&self, message: LinkMessage, name: &str) -> Result<(), NetworkError> {
        settled(self.handle.link().add(message).execute().await)
            .map_err(failed(format!("making link {name}")))
    }

    /// A bridge; a new one is down.
    pub(crate) async fn ensure_bridge(&self, name: &str) -> Result<(), NetworkError> {
        if self.find(name).await?.is_none() {
            // Nobody asks who listens to which group here, so a bridge that minded would in time
            // keep neighbour discovery from some.
            let message = LinkBridge::new(name).mcast_snooping(false).build();
            self.add(message, name).await?;
        }
        Ok(())
    }

    /// A veth pair, `name` here and `peer` in `there`; a new one is down.
    pub(crate) async fn ensure_veth(
        &self,
        name: &str,
        peer: &str,
        there: &Namespace,
        netlink_there: &Self,
    ) -> Result<(), NetworkError> {
        let (near, far) = (self.find(name).await?, netlink_there.find(peer).await?);
        if near.is_some() && far.is_some() {
            return Ok(());
        }
        // Half a pair is left when a run was killed between two steps, or when the other half's
        // namespace went.
        if let Some(link) = near {
            self.delete_link(&link).await?;
        }
        if let Some(link) = far {
            netlink_there.delete_link(&link).await?;
        }
        self.delete(peer).await?;
        self.add(LinkVeth::new(name, peer).build(), name).await?;
        let file = there.open()?;
        let message = LinkUnspec::new_with_index(self.index(peer).await?)
            .setns_by_fd(file.as_raw_fd())
            .build();
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(failed(format!("moving link {peer} into {}", there.name())))
    }

    /// Sets a link to what is wished, where it isn't so already. Returns its index.
    pub(crate) async fn adjust(&self, name: &str, wish: Wish) -> Result<u32, NetworkError> {
        let link = self.get(name).await?;
        let mut builder = LinkUnspec::new_with_index(link.index);
        let mut differs = false;
        if let Some(mac) = wish
            .mac
            .map(MacAddress::octets)
            .filter(|mac| link.mac != *mac)
        {
            builder = builder.address(mac.to_vec());
            differs = true;
        }
        if let Some(mtu) = wish.mtu.filter(|mtu| link.mtu != *mtu) {
            builder = builder.mtu(mtu);
            differs = true;
        }
        if wish.bridge.is_some() && wish.bridge != link.bridge {
            builder = builder.controller(wish.bridge.unwrap_or_default());
            differs = true;
        }
        if let Some(up) = wish.up.filter(|up| link.is_up != *up) {
            builder = if up { builder.up() } else { builder.down() };
            differs = true;
        }
        if differs {
            self.handle
                .link()
                .set(builder.build())
                .execute()
                .await
                .map_err(failed(format!("setting link {name} to {wish:?}")))?;
        }
        Ok(link.index)
    }

    pub(crate) async fn up(&self, name: &str) -> Result<u32, NetworkError> {
        let wish = Wish {
            up: Some(true),
            ..Wish::default()
        };
        self.adjust(name, wish).await
    }

    /// Tells the neighbours on a link which addresses are here now, so that what they remember of
    /// an address's last holder doesn't mislead them. The kernel does so (`arp_notify`,
    /// `ndisc_notify`) when a link's address is set, even to what it is.
    pub(crate) async fn announce(&self, name: &str) -> Result<(), NetworkError> {
        let link = self.get(name).await?;
        let message = LinkUnspec::new_with_index(link.index)
            .address(link.mac)
            .build();
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(failed(format!("announcing the addresses of link {name}")))
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<(), NetworkError> {
        match self.find(name).await? {
            Some(link) => self.delete_link(&link).await,
            None => Ok(()),
        }
    }

    /// Removes all links whose names start with `marker`, as one group: the kernel waits once for all
    /// of them, where it waits some milliseconds for each that is removed by itself.
    pub(crate) async fn delete_all(&self, marker: &str) -> Result<(), NetworkError> {
        let doing = || failed(format!("removing all links {marker}..."));
        let links = self.links().await?;
        // A group that nobody else has: another process of ours may be at this too.
        let first = std::process::id() | 1 << 31;
        let is_free = |group: &u32| links.iter().all(|link| link.group != *group);
        let group = (first..).find(is_free).unwrap_or(first);
        let ours = links.iter().filter(|link| link.name.starts_with(marker));
        let mut found = false;
        for link in ours {
            let join = LinkUnspec::new_with_index(link.index)
                .append_extra_attribute(LinkAttribute::Group(group))
                .build();
            settled(self.handle.link().set(join).execute().await).map_err(doing())?;
            found = true;
        }
        if found {
            let mut all = LinkMessage::default();
            all.attributes.push(LinkAttribute::Group(group));
            let removal = self.handle.link().del_with_message(all);
            settled(removal.execute().await).map_err(doing())?;
        }
        Ok(())
    }

    async fn delete_link(&self, link: &Link) -> Result<(), NetworkError> {
        settled(self.handle.link().del(link.index).execute().await)
            .map_err(failed(format!("removing link {}", link.name)))
    }
}
