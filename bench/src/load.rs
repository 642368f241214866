//! The requests, and what they took.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::http::Client;
use crate::measure::{Table, expect, measure};
use crate::service::{Service, make};

/// Requests of one kind by one client.
const REQUESTS: usize = 1000;

/// What stands in lists while they are read.
const LISTED: usize = 1000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    IkePolicy,
    SiteConnection,
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Self::IkePolicy => "/v2.0/vpn/ikepolicies",
            Self::SiteConnection => "/v2.0/vpn/ipsec-site-connections",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::IkePolicy => "ikepolicy",
            Self::SiteConnection => "ipsec_site_connection",
        }
    }

    fn body(self, place: &Place, service: usize, number: usize) -> Value {
        let services = place.services.len().max(1);
        let gateway = place.services.get(service % services);
        match self {
            Self::IkePolicy => json!({"ikepolicy": {"name": format!("p{number}")}}),
            Self::SiteConnection => json!({"ipsec_site_connection": {
                "name": format!("c{number}"),
                "vpnservice_id": gateway,
                "ikepolicy_id": place.ike,
                "ipsecpolicy_id": place.ipsec,
                "peer_cidrs": [place.next_block()],
                "peer_address": "198.51.100.7",
                "peer_id": "198.51.100.7",
                "psk": "secret",
                "admin_state_up": false,
            }}),
        }
    }
}

/// What connections hang on.
pub(crate) struct Place {
    services: Vec<String>,
    router: String,
    subnet: String,
    ike: String,
    ipsec: String,
    /// How many blocks were given.
    blocks: Arc<AtomicU32>,
}

impl Place {
    /// A router on a subnet, with a way outside, and one service.
    pub(crate) fn new(service: &Service) -> io::Result<Self> {
        let client = &mut service.client()?;
        let network = make(client, "/v2.0/networks", &json!({"network": {"name": "n"}}))?;
        let subnet = json!({"subnet": {
            "network_id": network, "cidr": "10.1.0.0/24", "ip_version": 4,
        }});
        let subnet = make(client, "/v2.0/subnets", &subnet)?;
        let all = client
            .ask("GET", "/v2.0/networks?router:external=True", None)?
            .json()?;
        let outside = all.pointer("/networks/0/id").cloned();
        let router = json!({"router": {"external_gateway_info": {"network_id": outside}}});
        let router = make(client, "/v2.0/routers", &router)?;
        let path = format!("/v2.0/routers/{router}/add_router_interface");
        client.ask("PUT", &path, Some(&json!({"subnet_id": subnet})))?;
        let mut place = Self {
            services: Vec::new(),
            router,
            subnet,
            ike: make(
                client,
                "/v2.0/vpn/ikepolicies",
                &json!({"ikepolicy": {"ike_version": "v2"}}),
            )?,
            ipsec: make(
                client,
                "/v2.0/vpn/ipsecpolicies",
                &json!({"ipsecpolicy": {}}),
            )?,
            blocks: Arc::default(),
        };
        place.services.push(place.add_service(client)?);
        Ok(place)
    }

    /// A block that is behind no other peer.
    fn next_block(&self) -> String {
        let number = self.blocks.fetch_add(1, Ordering::Relaxed);
        let first = u32::from(Ipv4Addr::new(172, 16, 0, 0));
        format!("{}/32", Ipv4Addr::from(first + number))
    }

    fn add_service(&self, client: &mut Client) -> io::Result<String> {
        let body = json!({"vpnservice": {"router_id": self.router, "subnet_id": self.subnet}});
        make(client, "/v2.0/vpn/vpnservices", &body)
    }
}

/// Create, show, update and delete, by so many clients.
pub(crate) fn single(
    service: &Service,
    place: &Place,
    kind: Kind,
    clients: usize,
    table: &mut Table,
) -> io::Result<()> {
    let (path, word) = (kind.path(), kind.word());
    let made = Mutex::new(vec![String::new(); REQUESTS]);
    measure(
        service,
        table,
        &format!("{word} create"),
        clients,
        REQUESTS,
        |client, number| {
            let id = make(client, path, &kind.body(place, number, number))?;
            if let Ok(mut made) = made.lock()
                && let Some(slot) = made.get_mut(number)
            {
                *slot = id;
            }
            Ok(())
        },
    )?;
    let made = made
        .into_inner()
        .map_err(|_| io::Error::other("a client broke"))?;
    let item = |number: usize| {
        let id = made.get(number).map(String::as_str).unwrap_or_default();
        format!("{path}/{id}")
    };
    measure(
        service,
        table,
        &format!("{word} show"),
        clients,
        REQUESTS,
        |client, number| expect(client, "GET", &item(number), None),
    )?;
    measure(
        service,
        table,
        &format!("{word} update"),
        clients,
        REQUESTS,
        |client, number| {
            let body = json!({word: {"name": format!("other{number}")}});
            expect(client, "PUT", &item(number), Some(&body))
        },
    )?;
    measure(
        service,
        table,
        &format!("{word} delete"),
        clients,
        REQUESTS,
        |client, number| expect(client, "DELETE", &item(number), None),
    )
}

/// Twenty of those there are, sorted.
pub(crate) fn page(service: &Service, kind: Kind, table: &mut Table) -> io::Result<()> {
    let path = format!("{}?limit=20&sort_key=name&sort_dir=asc", kind.path());
    let what = format!("{} list, 20, sorted by name", kind.word());
    for clients in [1, 8] {
        measure(service, table, &what, clients, 500, |client, _| {
            expect(client, "GET", &path, None)
        })?;
    }
    Ok(())
}

/// Everything about one kind.
pub(crate) fn run(
    service: &Service,
    place: &Place,
    kind: Kind,
    table: &mut Table,
) -> io::Result<()> {
    for clients in [1, 8] {
        single(service, place, kind, clients, table)?;
    }
    let client = &mut service.client()?;
    let mut made = Vec::new();
    for number in 0..LISTED {
        made.push(make(
            client,
            kind.path(),
            &kind.body(place, number, number),
        )?);
    }
    page(service, kind, table)?;
    let what = format!("{} list, all of {LISTED}", kind.word());
    for clients in [1, 8] {
        measure(service, table, &what, clients, 40, |client, _| {
            expect(client, "GET", kind.path(), None)
        })?;
    }
    for id in made {
        expect(client, "DELETE", &format!("{}/{id}", kind.path()), None)?;
    }
    Ok(())
}

/// Makes so many connections, on a hundred services.
pub(crate) fn grow(service: &Service, place: &Place, count: usize) -> io::Result<()> {
    let client = &mut service.client()?;
    let mut place = Place {
        services: place.services.clone(),
        router: place.router.clone(),
        ike: place.ike.clone(),
        ipsec: place.ipsec.clone(),
        subnet: place.subnet.clone(),
        blocks: Arc::clone(&place.blocks),
    };
    while place.services.len() < 100 {
        place.services.push(place.add_service(client)?);
    }
    let mut unseen = Table::default();
    measure(service, &mut unseen, "grow", 8, count, |client, number| {
        let body = Kind::SiteConnection.body(&place, number, number);
        make(client, Kind::SiteConnection.path(), &body).map(drop)
    })
}
