"""Takes the two connected networks apart: in the wrong order, which is refused, and in the right one."""

from cloud import (
    connections, endpoint_groups, floating_ips, groups, ike_policies, ipsec_policies,
    network, networks, ports, refused, routers, services, subnets,
)


def all_of(kind, *names):
    return [kind.find(name, ignore_missing=False) for name in names]


left, right = all_of(routers, "left-router", "right-router")
nets = all_of(networks, "left-network", "right-network")
left_subnet, right_subnet = all_of(subnets, "left-subnet", "right-subnet")
machines = all_of(ports, "left-vm", "right-vm")
vpn, vpn2 = all_of(services, "vpn", "vpn2")
conn, conn2 = all_of(connections, "conn", "conn2")
(ike,) = all_of(ike_policies, "ikepolicy")
(ipsec,) = all_of(ipsec_policies, "ipsecpolicy")
locals_ = all_of(endpoint_groups, "left-local-epg", "right-local-epg")
peers = all_of(endpoint_groups, "left-peer-epg", "right-peer-epg")
(address,) = network.ips()
NO_GATEWAY = {"router": {"external_gateway_info": {}}}


def interface(router, subnet):
    return ("PUT", f"/routers/{router.id}/remove_router_interface", {"subnet_id": subnet.id})


# While the connections are there.
refused(409, "VPNServiceInUse", f"VPNService {vpn.id} is still in use", "DELETE", f"/vpn/vpnservices/{vpn.id}")
refused(409, "IKEPolicyInUse", "is in use by existing IPsecSiteConnection", "DELETE", f"/vpn/ikepolicies/{ike.id}")
refused(409, "IPsecPolicyInUse", "is in use by existing IPsecSiteConnection", "DELETE", f"/vpn/ipsecpolicies/{ipsec.id}")
for one in locals_ + peers:
    refused(400, "EndpointGroupInUse", "is in use and cannot be deleted", "DELETE", f"/vpn/endpoint-groups/{one.id}")
refused(409, "SubnetInUseByIPsecSiteConnection", conn2.id, *interface(right, right_subnet))
refused(409, "RouterInUse", f"is currently used by VPN service ({vpn2.id})", "PUT", f"/routers/{right.id}", NO_GATEWAY)
refused(409, "RouterInUse", right.id, "DELETE", f"/routers/{right.id}")
refused(409, "SubnetInUse", right_subnet.id, "DELETE", f"/subnets/{right_subnet.id}")
refused(409, "NetworkInUse", nets[0].id, "DELETE", f"/networks/{nets[0].id}")
(default,) = all_of(groups, "default")
refused(409, "SecurityGroupCannotRemoveDefault", "default", "DELETE", f"/security-groups/{default.id}")
for one in (conn, conn2):
    connections.gone(one)

# Without them, but with services and groups.
refused(409, "RouterInUse", "is currently used by VPN service", "PUT", f"/routers/{right.id}", NO_GATEWAY)
for one in (vpn, vpn2):
    services.gone(one)
ike_policies.gone(ike)
ipsec_policies.gone(ipsec)
refused(409, "RouterInterfaceInUseByFloatingIP", "floating IPs", *interface(left, left_subnet))
floating_ips.gone(address)
for one in machines:
    ports.gone(one)
for router, subnet in ((left, left_subnet), (right, right_subnet)):
    network.update_router(router, external_gateway_info={})
    refused(409, "RouterInUse", "has ports still attached", "DELETE", f"/routers/{router.id}")
    network.remove_interface_from_router(router, subnet_id=subnet.id)
    refused(409, "SubnetInUse", "is used by endpoint group", "DELETE", f"/subnets/{subnet.id}")
    routers.gone(router)
for one in locals_ + peers:
    endpoint_groups.gone(one)
for one in (left_subnet, right_subnet):
    subnets.gone(one)
for one in nets:
    networks.gone(one)
