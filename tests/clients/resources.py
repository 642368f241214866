"""Every call of OpenStack's SDK on what there is here, as an administrator."""

from cloud import (
    check, cloud, connections, endpoint_groups, floating_ips, groups, ike_policies, ipsec_policies,
    network, networks, ports, refused, routers, services, settled, subnets,
)

outside = network.find_network("ext-net", ignore_missing=False)
check("ext-net is external", True, outside.is_router_external)
check("external networks", [outside.id], [one.id for one in network.networks(is_router_external=True)])

# Networks, subnets, ports.
net = networks.make(name="net", description="a network", mtu=1400)
net = networks.change(net, name="net-2", description="", is_admin_state_up=False)
net = networks.change(net, is_admin_state_up=True)
subnet = subnets.make(
    name="subnet", network_id=net.id, ip_version=4, cidr="10.9.0.0/24", gateway_ip="10.9.0.1",
    allocation_pools=[{"start": "10.9.0.10", "end": "10.9.0.99"}], dns_nameservers=["8.8.8.8"],
)
subnet = subnets.change(
    subnet, name="subnet-2", description="a subnet", dns_nameservers=["1.1.1.1", "9.9.9.9"],
    host_routes=[{"destination": "10.8.0.0/24", "nexthop": "10.9.0.7"}],
)
refused(
    400, "InvalidInput", "overlaps with another subnet", "POST", "/subnets",
    {"subnet": {"network_id": net.id, "ip_version": 4, "cidr": "10.9.0.128/25"}},
)
check("the network's subnets", [subnet.id], networks.get(net).subnet_ids)
port = ports.make(name="port", network_id=net.id, fixed_ips=[{"subnet_id": subnet.id, "ip_address": "10.9.0.50"}])
port = ports.change(port, name="port-2", description="a port", device_id="some machine")
check("ports of a device", [port.id], [one.id for one in network.ports(device_id="some machine")])
check("ports of a network", [port.id], [one.id for one in network.ports(network_id=net.id)])
check(
    "ports of a subnet", [port.id], [one.id for one in network.ports(fixed_ips=f"subnet_id={subnet.id}")],
)

# Many in one request: all, or none.
answer = network.post("/networks", json={"networks": [{"name": "one"}, {"name": "two"}]})
many = [networks.get(one["id"]) for one in answer.json()["networks"]]
check("two networks", ["one", "two"], [one.name for one in many])
taken = {"network_id": net.id, "fixed_ips": [{"ip_address": "10.9.0.60"}]}
count = len(list(network.ports()))
refused(409, "IpAddressAlreadyAllocated", "10.9.0.60", "POST", "/ports", {"ports": [taken, taken]})
check("no port stays", count, len(list(network.ports())))
refused(400, "HTTPBadRequest", "Resources required", "POST", "/ports", {"ports": []})
for one in many:
    networks.gone(one)
many = network.create_ports([{"network_id": net.id, "name": name} for name in ("one", "two")])
for one in many:
    ports.gone(one)

# Routers.
router = routers.make(name="router", description="a router")
router = routers.change(router, name="router-2", description="")
added = network.add_interface_to_router(router, subnet_id=subnet.id)
check("the interface's subnet", subnet.id, added["subnet_id"])
refused(
    400, "RouterIsNotExternal", "no external network gateway", "POST", "/vpn/vpnservices",
    {"vpnservice": {"router_id": router.id}},
)
router = network.update_router(router, external_gateway_info={"network_id": outside.id})
check("the gateway's network", outside.id, router.external_gateway_info["network_id"])
check("a gateway has an address", 1, len(router.external_gateway_info["external_fixed_ips"]))
routes = [{"destination": "10.7.0.0/24", "nexthop": "10.9.0.50"}]
router = network.update_router(router, routes=routes)
check("the router's routes", routes, routers.get(router).routes)
router = network.update_router(router, routes=[])
refused(
    409, "ServicePortInUse", "network:router_interface", "DELETE", f"/ports/{added['port_id']}",
)

# Floating IPs.
address = floating_ips.make(floating_network_id=outside.id, description="an address")
check("a floating IP is down", "DOWN", address.status)
found = network.find_ip(address.floating_ip_address, ignore_missing=False)
check("a floating IP by its address", address.id, found.id)
address = network.update_ip(address, port_id=port.id)
check("where it leads", "10.9.0.50", address.fixed_ip_address)
check("through which router", router.id, address.router_id)
refused(
    409, "RouterInterfaceInUseByFloatingIP", "required by one or more floating IPs", "PUT",
    f"/routers/{router.id}/remove_router_interface", {"subnet_id": subnet.id},
)
refused(
    409, "RouterInUse", "floating IPs", "PUT", f"/routers/{router.id}",
    {"router": {"external_gateway_info": {}}},
)
address = network.update_ip(address, port_id=None)
check("it leads nowhere", None, floating_ips.get(address).port_id)
floating_ips.gone(address)

# Security groups.
group = groups.make(name="group", description="a group")
group = groups.change(group, name="group-2", description="")
default = network.find_security_group("default", ignore_missing=False, project_id=net.project_id)
for attributes in (
    {"direction": "ingress", "ether_type": "IPv4", "protocol": "icmp"},
    {
        "direction": "egress", "ether_type": "IPv4", "protocol": "tcp", "port_range_min": 80,
        "port_range_max": 90, "remote_ip_prefix": "10.0.0.0/8",
    },
    {"direction": "ingress", "ether_type": "IPv6", "remote_group_id": default.id},
):
    rule = network.create_security_group_rule(security_group_id=group.id, **attributes)
    for name, value in attributes.items():
        check(f"a rule's {name}", value, getattr(network.get_security_group_rule(rule), name))
    rules = [one["id"] for one in groups.get(group).security_group_rules]
    check("the group has the rule", 1, rules.count(rule.id))
    listed = [one.id for one in network.security_group_rules(security_group_id=group.id)]
    check("the rule is listed", 1, listed.count(rule.id))
    again = {"security_group_rule": {"security_group_id": group.id, **attributes}}
    again["security_group_rule"]["ethertype"] = again["security_group_rule"].pop("ether_type")
    refused(409, "SecurityGroupRuleExists", "already exists", "POST", "/security-group-rules", again)
    network.delete_security_group_rule(rule, ignore_missing=False)
    check("the rule is gone", None, network.find_security_group_rule(rule.id))
for attributes, kind in (
    ({"remote_ip_prefix": "2001:db8::/32"}, "SecurityGroupRuleParameterConflict"),
    ({"protocol": "tcp", "port_range_min": 80, "port_range_max": 79}, "SecurityGroupInvalidPortRange"),
    ({"protocol": "tcp", "port_range_min": 80, "port_range_max": 65536}, "SecurityGroupInvalidPortValue"),
    ({"protocol": "icmp", "port_range_max": 6}, "SecurityGroupMissingIcmpType"),
    ({"protocol": "icmp", "port_range_min": 1, "port_range_max": 256}, "SecurityGroupInvalidIcmpValue"),
):
    rule = {"security_group_id": group.id, "direction": "ingress", **attributes}
    refused(400, kind, "", "POST", "/security-group-rules", {"security_group_rule": rule})
rule = {"security_group_id": group.id, "direction": "ingress", "remote_group_id": "nobody's"}
refused(
    404, "SecurityGroupNotFound", "nobody's", "POST", "/security-group-rules", {"security_group_rule": rule},
)
port = network.update_port(port, security_group_ids=[group.id])
check("the port's groups", [group.id], ports.get(port).security_group_ids)
refused(409, "SecurityGroupInUse", group.id, "DELETE", f"/security-groups/{group.id}")
port = network.update_port(port, security_group_ids=[default.id])
groups.gone(group)

# VPN: the five, with groups, and once as before there were groups.
ike = ike_policies.make(
    name="ike", description="d", ike_version="v2", auth_algorithm="sha256",
    encryption_algorithm="aes-256", pfs="group14", lifetime={"units": "seconds", "value": 7200},
)
ike = ike_policies.change(ike, name="ike-2", description="", lifetime={"units": "seconds", "value": 4000})
ipsec = ipsec_policies.make(
    name="ipsec", description="d", auth_algorithm="sha512", encryption_algorithm="aes-256",
    pfs="group14", transform_protocol="esp", encapsulation_mode="tunnel",
    lifetime={"units": "seconds", "value": 1800},
)
ipsec = ipsec_policies.change(ipsec, name="ipsec-2", description="", pfs="group15")
service = services.make(name="service", description="d", router_id=router.id)
check("a service has an address", True, bool(service.external_v4_ip))
check("a service is about to be made", "PENDING_CREATE", service.status)
service = services.change(service, name="service-2", description="")
service = services.change(service, is_admin_state_up=False)
service = services.change(service, is_admin_state_up=True)
local = endpoint_groups.make(name="local", description="d", type="subnet", endpoints=[subnet.id])
local = endpoint_groups.change(local, name="local-2", description="")
peer = endpoint_groups.make(name="peer", type="cidr", endpoints=["10.20.0.0/24", "10.21.0.0/24"])
connection = connections.make(
    name="connection", description="d", vpnservice_id=service.id, ikepolicy_id=ike.id,
    ipsecpolicy_id=ipsec.id, local_ep_group_id=local.id, peer_ep_group_id=peer.id,
    peer_address="198.18.42.200", peer_id="198.18.42.200", psk="a secret", mtu=1400,
    initiator="response-only", dpd={"action": "restart", "interval": 15, "timeout": 60},
)
check("a connection is about to be made", "PENDING_CREATE", connection.status)
connection = connections.change(
    connection, name="connection-2", description="", psk="another secret", mtu=1300,
    initiator="bi-directional", dpd={"action": "clear", "interval": 20, "timeout": 90},
    peer_address="198.18.42.201", peer_id="peer.example.org", local_id="own.example.org",
)
connection = connections.change(connection, is_admin_state_up=False)
check("connections of a service", 1, len(list(network.vpn_ipsec_site_connections(vpnservice_id=service.id))))
check("connections of another", 0, len(list(network.vpn_ipsec_site_connections(vpnservice_id=router.id))))
for path, key, kind, one in (
    ("ikepolicies", "ikepolicy", "IKEPolicyInUse", ike),
    ("ipsecpolicies", "ipsecpolicy", "IPsecPolicyInUse", ipsec),
):
    body = {key: {"description": "in use"}}
    refused(409, kind, "can't be updated or deleted", "PUT", f"/vpn/{path}/{one.id}", body)
connections.gone(connection)
endpoint_groups.gone(local)
endpoint_groups.gone(peer)
services.gone(service)

legacy = services.make(name="legacy", router_id=router.id, subnet_id=subnet.id)
settled(services.get, legacy)
connection = connections.make(
    name="legacy", vpnservice_id=legacy.id, ikepolicy_id=ike.id, ipsecpolicy_id=ipsec.id,
    peer_address="198.18.42.202", peer_id="198.18.42.202", peer_cidrs=["10.30.0.0/24"], psk="secret",
)
refused(
    400, "MissingPeerCidrs", "Missing peer CIDRs", "PUT",
    f"/vpn/ipsec-site-connections/{connection.id}", {"ipsec_site_connection": {"peer_cidrs": []}},
)
connection = connections.change(connection, peer_cidrs=["10.31.0.0/24"])
refused(
    409, "SubnetInUseByVPNService", legacy.id, "PUT", f"/routers/{router.id}/remove_router_interface",
    {"subnet_id": subnet.id},
)
connections.gone(connection)
services.gone(legacy)
ike_policies.gone(ike)
ipsec_policies.gone(ipsec)

# Quotas.
project = cloud.current_project_id
limits = network.get_quota(project)
defaults = network.get_quota_default(project)
check("quotas are the defaults", defaults.networks, limits.networks)
count = len(list(network.networks(project_id=project)))
used = network.get_quota(project, details=True)
check("networks are counted", {"limit": defaults.networks, "used": count, "reserved": 0}, used.networks)
network.update_quota(project, networks=count, vpnservice=0)
check("a quota is kept", count, network.get_quota(project).networks)
check("projects with quotas", [project], [one.project_id for one in network.quotas()])
refused(409, "OverQuota", "['network']", "POST", "/networks", {"network": {"name": "one too many"}})
refused(
    409, "OverQuota", "['vpnservice']", "POST", "/vpn/vpnservices", {"vpnservice": {"router_id": router.id}},
)
network.delete_quota(project)
check("quotas are the defaults again", defaults.networks, network.get_quota(project).networks)

# And all of the networks again.
network.remove_interface_from_router(router, subnet_id=subnet.id)
router = network.update_router(router, external_gateway_info={})
check("no gateway", None, routers.get(router).external_gateway_info)
routers.gone(router)
ports.gone(port)
subnets.gone(subnet)
networks.gone(net)
