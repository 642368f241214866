//! A gateway's place in its router's namespace: its addresses, its TUN device and its sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use adit_model::{GatewayId, OuterAddresses, RouterId};
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::applied::Router;
use crate::error::NetworkError;
use crate::netlink::Wish;
use crate::provider::Network;

/// What a socket may hold before it drops, in octets; a burst of 64 kB datagrams must fit.
const SOCKET_BUFFER: usize = 8 << 20;

/// The numbers of ESP and AH among IP's protocols.
const ESP: i32 = 50;
const AH: i32 = 51;

/// What a gateway's worker is given.
#[derive(Debug)]
pub struct GatewayPorts {
    /// The TUN device: no packet information, a `virtio_net_hdr` before each packet, checksum and
    /// segmentation offloads on.
    pub tun: OwnedFd,
    /// The sockets on its IPv4 address.
    pub v4: OuterPorts,
    /// The sockets on its second IPv4 address, if it has one.
    pub second: Option<OuterPorts>,
    /// The sockets on its IPv6 address, if it has one.
    pub v6: Option<OuterPorts>,
}

/// A gateway's sockets on one of its addresses.
#[derive(Debug)]
pub struct OuterPorts {
    /// UDP port 500.
    pub ike: OwnedFd,
    /// UDP port 4500.
    pub nat: OwnedFd,
    /// A raw socket of ESP, IP protocol 50.
    pub esp: OwnedFd,
    /// A raw socket of AH, IP protocol 51. Over IPv4 what is sent by it has its IP header, which AH covers.
    pub ah: OwnedFd,
}

impl OuterPorts {
    /// All of them, in the order in which a worker is given them.
    #[must_use]
    pub fn all(&self) -> [BorrowedFd<'_>; 4] {
        [&self.ike, &self.nat, &self.esp, &self.ah].map(OwnedFd::as_fd)
    }
}

impl Network {
    /// Gives a gateway its addresses, and opens what its worker needs.
    ///
    /// # Errors
    /// The router was not applied, or the kernel refuses a step.
    pub async fn attach_gateway(
        &self,
        router: RouterId,
        gateway: GatewayId,
        addresses: OuterAddresses,
    ) -> Result<GatewayPorts, NetworkError> {
        let router = self.router(router).await?;
        let link = router.netlink.index(&router.external_link).await?;
        {
            // From here on the addresses are the gateway's, also if they were the router's until
            // now.
            let mut outside = router.outside.lock().await;
            outside.gateways.insert(gateway, addresses);
            for address in addresses.all() {
                router.netlink.add_outer_address(link, address).await?;
            }
        }
        self.add_external_routes(&router).await?;
        for address in addresses.all() {
            router.netlink.add_gateway_rule(address).await?;
        }
        let name = self.link('t', &gateway.short());
        let tun = patiently(&router, &format!("making TUN device {name}"), {
            let name = name.clone();
            move || open_tun(&name)
        })
        .await?;
        let wish = Wish {
            mtu: Some(self.external.tunnel_mtu),
            up: Some(true),
            ..Wish::default()
        };
        router.netlink.adjust(&name, wish).await?;
        let on = async |address: Option<IpAddr>| match address {
            Some(address) => outer_ports(&router, address).await.map(Some),
            None => Ok(None),
        };
        Ok(GatewayPorts {
            tun,
            v4: outer_ports(&router, addresses.v4.into()).await?,
            second: on(addresses.second.map(IpAddr::V4)).await?,
            v6: on(addresses.v6.map(IpAddr::V6)).await?,
        })
    }

    /// Takes a gateway's addresses and device away.
    ///
    /// # Errors
    /// The kernel refuses a removal. A router that is not there is none.
    pub async fn detach_gateway(
        &self,
        router: RouterId,
        gateway: GatewayId,
        addresses: OuterAddresses,
    ) -> Result<(), NetworkError> {
        let Ok(router) = self.router(router).await else {
            return Ok(());
        };
        router
            .netlink
            .delete(&self.link('t', &gateway.short()))
            .await?;
        router.forget_gateway_blocks(gateway).await?;
        let mut outside = router.outside.lock().await;
        outside.gateways.remove(&gateway);
        let link = router.netlink.index(&router.external_link).await?;
        for address in addresses.all() {
            if !outside.holds(address) {
                router.remove_outer_address(link, address).await?;
            } else if address.is_ipv4() {
                // The router's now, which has another way outside.
                router.netlink.remove_gateway_rule(address).await?;
            }
        }
        Ok(())
    }

    /// Whether this address is one of a router's, for tests and diagnosis.
    ///
    /// # Errors
    /// The router was not applied, or the kernel does not answer.
    pub async fn has_address(
        &self,
        router: RouterId,
        address: impl Into<IpAddr> + Send,
    ) -> Result<bool, NetworkError> {
        let address = address.into();
        let router = self.router(router).await?;
        let link = router.netlink.index(&router.external_link).await?;
        let addresses = router.netlink.addresses(link).await?;
        Ok(addresses.iter().any(|(found, _)| *found == address))
    }
}

/// Opens a gateway's sockets on one of its addresses.
async fn outer_ports(router: &Router, address: IpAddr) -> Result<OuterPorts, NetworkError> {
    let bind = |port: u16| {
        let link = router.external_link.clone();
        let address = SocketAddr::new(address, port);
        async move {
            let doing = format!("binding UDP {address}");
            patiently(router, &doing, move || open_udp(address, &link)).await
        }
    };
    let raw = |protocol: i32| {
        let link = router.external_link.clone();
        async move {
            let doing = format!("opening a raw socket of IP protocol {protocol} at {address}");
            patiently(router, &doing, move || open_raw(address, protocol, &link)).await
        }
    };
    Ok(OuterPorts {
        ike: bind(500).await?,
        nat: bind(4500).await?,
        esp: raw(ESP).await?,
        ah: raw(AH).await?,
    })
}

/// Opens something in the router's namespace. What a process that is just dying still holds
/// becomes free within moments, so "busy" is tried again for a while.
async fn patiently(
    router: &Router,
    doing: &str,
    open: impl Fn() -> io::Result<OwnedFd> + Clone + Send + 'static,
) -> Result<OwnedFd, NetworkError> {
    let mut tries = 0;
    loop {
        let outcome = router
            .namespace
            .inside("opening what a gateway needs", {
                let open = open.clone();
                move || Ok(open())
            })
            .await?;
        match outcome {
            Ok(descriptor) => return Ok(descriptor),
            Err(error)
                if tries < 60
                    && matches!(
                        error.kind(),
                        io::ErrorKind::AddrInUse
                            | io::ErrorKind::ResourceBusy
                            | io::ErrorKind::AddrNotAvailable
                    ) =>
            {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(source) => {
                return Err(NetworkError::Open {
                    doing: doing.to_owned(),
                    source,
                });
            }
        }
    }
}

fn open_tun(name: &str) -> io::Result<OwnedFd> {
    let device = tun_rs::DeviceBuilder::new()
        .name(name)
        .layer(tun_rs::Layer::L3)
        .offload(true)
        .inherit_enable_state()
        .build_sync()?;
    // A device that goes with its last descriptor is waited for by whoever closes that, some 40 ms
    // each, one after another. One that stays goes with its namespace, many in one go, and is there
    // when its gateway comes back. Without a descriptor its link is down, its routes are passed over
    // for the unreachable ones below them, and it drops what it is given until then.
    device.persist()?;
    for family in ["ipv4", "ipv6"] {
        let setting = format!("/proc/sys/net/{family}/conf/{name}/ignore_routes_with_linkdown");
        match std::fs::write(setting, "1") {
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && family == "ipv6" => {}
            outcome => outcome?,
        }
    }
    device.as_fd().try_clone_to_owned()
}

fn open_udp(address: SocketAddr, link: &str) -> io::Result<OwnedFd> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    bind(socket, address, link)
}

/// A raw socket of an IP protocol; it has what comes to this address, whoever it is from.
fn open_raw(address: IpAddr, protocol: i32, link: &str) -> io::Result<OwnedFd> {
    let address = SocketAddr::new(address, 0);
    let socket = Socket::new(
        Domain::for_address(address),
        Type::RAW,
        Some(Protocol::from(protocol)),
    )?;
    if protocol == AH && address.is_ipv4() {
        socket.set_header_included_v4(true)?;
    }
    bind(socket, address, link)
}

fn bind(socket: Socket, address: SocketAddr, link: &str) -> io::Result<OwnedFd> {
    socket.bind_device(Some(link.as_bytes()))?;
    // More than the system's limit needs a capability; without it the limit has to do.
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER);
    let _ = setsockopt(&socket, sockopt::SndBufForce, &SOCKET_BUFFER);
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
