//! What parts of lists must be.

use adit_model::port::Device;
use adit_model::{
    Gateway, GatewayId, Network, Port, PortId, Router, RouterId, SecurityGroup, SecurityGroupId,
    Subnet, SubnetId,
};

use super::world::{World, time};
use crate::{Only, Query, Rows, Store};

pub async fn a_part_of_the_rows_is_listed_and_counted(store: &dyn Store) {
    let w = World::new(1);
    let other = World::new(2);
    w.store(store).await;
    other.store(store).await;
    let p = w.project.id;
    let mut tx = store.write().await.unwrap();
    // A subnet, a router and a gateway of which nothing is on another.
    let bare = Router {
        id: RouterId::random(),
        external: None,
        created_at: time(50),
        ..w.router.clone()
    };
    tx.insert_router(&bare).await.unwrap();
    let alone = Subnet {
        id: SubnetId::random(),
        created_at: time(50),
        ..w.subnet.clone()
    };
    tx.insert_subnet(&alone).await.unwrap();
    let lost = World::new(3).gateway.addresses;
    let lost = Gateway {
        id: GatewayId::random(),
        router: bare.id,
        subnet: None,
        addresses: lost,
        created_at: time(50),
        ..w.gateway.clone()
    };
    tx.insert_gateway(&lost).await.unwrap();
    let without_subnet = Gateway {
        id: GatewayId::random(),
        router: w.router.id,
        subnet: None,
        addresses: World::new(4).gateway.addresses,
        created_at: time(60),
        ..w.gateway.clone()
    };
    tx.insert_gateway(&without_subnet).await.unwrap();
    let id = PortId::random();
    let plain = Port {
        id,
        mac: adit_model::MacAddress::of_port(id),
        fixed_ips: Vec::new(),
        device: Device::none(),
        ..w.port.clone()
    };
    tx.insert_port(&plain).await.unwrap();
    let of_project = SecurityGroup {
        id: SecurityGroupId::random(),
        router: None,
        ..w.security_group.clone()
    };
    tx.insert_security_group(&of_project).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.read().await.unwrap();
    let part = |only| Query {
        only: Some(only),
        ..Query::of_project(p)
    };
    macro_rules! is {
        ($row:ty: $only:expr => $rows:expr) => {
            let rows: &mut dyn Rows<$row> = &mut *tx;
            let found = rows.list(part($only)).await.unwrap();
            assert_eq!(found, $rows);
            assert_eq!(rows.count(part($only)).await.unwrap(), found.len());
        };
    }
    is!(Port: Only::Machines => [w.port.clone()]);
    is!(Subnet: Only::OnRouters => [w.subnet.clone()]);
    is!(Gateway: Only::OnSubnets => [w.gateway.clone(), without_subnet.clone()]);
    is!(SecurityGroup: Only::OfRouters => [w.security_group.clone()]);
    is!(Gateway: Only::Machines => []);
    is!(Network: Only::OnRouters => []);

    // A page begins at a place, whether somebody is there or not, and the count knows no pages.
    let at = |from| Query {
        from: Some(from),
        limit: Some(1),
        ..part(Only::OnSubnets)
    };
    let place = (without_subnet.created_at, without_subnet.id.uuid());
    for (from, first) in [
        (place, Some(&without_subnet)),
        ((time(50), lost.id.uuid()), Some(&without_subnet)),
        ((time(0), uuid::Uuid::nil()), Some(&w.gateway)),
        ((time(61), uuid::Uuid::nil()), None),
    ] {
        let rows: &mut dyn Rows<Gateway> = &mut *tx;
        let found = rows.list(at(from)).await.unwrap();
        assert_eq!(found.first(), first, "{from:?}");
        assert_eq!(rows.count(at(from)).await.unwrap(), 2);
    }
}
