"""Every call on VPN of IBM's SDK, as this release has it, and on what it takes to get there. What the
calls are named and take has changed over the years: below stands each way once."""

import os
import sys
import time
from functools import partial
from inspect import signature

from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_vpc import VpcV1

BASE = os.environ["VPC_AUTH_URL"]
# The oldest takes the address as it is.
authenticator = IAMAuthenticator(os.environ["VPC_APIKEY"], url=BASE + "/identity/token")
service = VpcV1(authenticator=authenticator, **({"version": sys.argv[1]} if len(sys.argv) > 1 else {}))
service.set_service_url(os.environ["VPC_URL"])


def check(what, wanted, seen):
    if wanted != seen:
        raise SystemExit(f"{what}: wanted {wanted!r}, seen {seen!r}")


def result(call, *args, **kwargs):
    answer = call(*args, **kwargs)
    found = answer.get_result()
    if found is not None and not isinstance(found, dict):
        raise SystemExit(f"{call}: the SDK does not read the answer: {found}")
    return found


def create(noun, body):
    """By a prototype, or by an argument for each field."""
    call = getattr(service, f"create_{noun}")
    prototype = f"{noun}_prototype"
    if prototype in signature(call).parameters:
        return result(call, **{prototype: body})
    return result(call, **body)


def update(noun, identity, body):
    """By a patch, or by an argument for each field."""
    call = getattr(service, f"update_{noun}")
    patch = [name for name in signature(call).parameters if name.endswith("_patch")]
    if patch:
        return result(call, **identity, **{patch[0]: body})
    return result(call, **identity, **body)


def listed(call, name, **kwargs):
    """All pages, one thing on each, where there are pages."""
    found, start = [], None
    while True:
        page = kwargs if "start" not in signature(call).parameters else {**kwargs, "start": start, "limit": 1}
        answer = result(call, **page)
        found += answer[name]
        next_page = answer.get("next", {}).get("href")
        if not next_page or "start" not in page:
            check(f"{name}: how many", answer.get("total_count", len(found)), len(found))
            return found
        start = next_page.split("start=")[1]


def gone(call, code, **kwargs):
    end = time.monotonic() + 10
    while True:
        try:
            call(**kwargs)
        except ApiException as error:
            # The oldest keeps the code where the newer ones have a property.
            check("it is gone", 404, getattr(error, "status_code", None) or error.code)
            return
        if time.monotonic() > end:
            raise SystemExit(f"{kwargs} is still there")
        time.sleep(0.05)


def settled(call, **kwargs):
    end = time.monotonic() + 15
    while True:
        seen = result(call, **kwargs)
        if seen["lifecycle_state"] != "pending":
            return seen
        if time.monotonic() > end:
            raise SystemExit(f"it stays pending: {seen}")
        time.sleep(0.05)


check("the region", "us-south", result(service.get_region, "us-south")["name"])
check("its zones", 3, len(result(service.list_region_zones, "us-south")["zones"]))

# A VPC, and a subnet.
vpc = create("vpc", {"name": "one"})
vpc = update("vpc", {"id": vpc["id"]}, {"name": "two"})
check("a VPC", vpc["name"], result(service.get_vpc, vpc["id"])["name"])
check("VPCs", [vpc["id"]], [one["id"] for one in listed(service.list_vpcs, "vpcs")])
subnet = create("subnet", {
    "name": "one", "vpc": {"id": vpc["id"]}, "ipv4_cidr_block": "10.240.0.0/24", "zone": {"name": "us-south-1"},
})
subnet = update("subnet", {"id": subnet["id"]}, {"name": "two"})
check("a subnet", subnet["name"], result(service.get_subnet, subnet["id"])["name"])
check("subnets", [subnet["id"]], [one["id"] for one in listed(service.list_subnets, "subnets")])

# Policies.
ike = result(
    service.create_ike_policy, authentication_algorithm="sha256", dh_group=14, encryption_algorithm="aes256",
    ike_version=2, key_lifetime=28800, name="ike",
)
ike = update("ike_policy", {"id": ike["id"]}, {"name": "ike-2", "key_lifetime": 3600})
check("an IKE policy", ("ike-2", 3600), (ike["name"], ike["key_lifetime"]))
check("an IKE policy", ike, result(service.get_ike_policy, ike["id"]))
check("IKE policies", [ike["id"]], [one["id"] for one in listed(service.list_ike_policies, "ike_policies")])
ipsec = result(
    service.create_ipsec_policy, authentication_algorithm="sha256", encryption_algorithm="aes256",
    pfs="group_14", name="ipsec",
)
ipsec = update("ipsec_policy", {"id": ipsec["id"]}, {"name": "ipsec-2", "pfs": "disabled"})
check("an IPsec policy", "disabled", result(service.get_ipsec_policy, ipsec["id"])["pfs"])
check("IPsec policies", 1, len(listed(service.list_ipsec_policies, "ipsec_policies")))

# A gateway.
body = {"name": "gateway", "subnet": {"id": subnet["id"]}}
if "vpn_gateway_prototype" in signature(service.create_vpn_gateway).parameters:
    body["mode"] = "policy"
gateway = create("vpn_gateway", body)
gateway = settled(service.get_vpn_gateway, id=gateway["id"])
check("it is stable", "stable", gateway["lifecycle_state"])
gateway = update("vpn_gateway", {"id": gateway["id"]}, {"name": "gateway-2"})
check("gateways", ["gateway-2"], [one["name"] for one in listed(service.list_vpn_gateways, "vpn_gateways")])

# A connection, in this release's shape.
of = {"vpn_gateway_id": gateway["id"]}
is_nested = str(service.version) >= "2024-04-30"
body = {
    "name": "connection", "psk": "VPNDemoPassword", "admin_state_up": True,
    "dead_peer_detection": {"action": "restart", "interval": 15, "timeout": 60},
    "ike_policy": {"id": ike["id"]}, "ipsec_policy": {"id": ipsec["id"]},
}
if is_nested:
    body["local"] = {"cidrs": ["10.240.0.0/24"]}
    body["peer"] = {"address": "198.51.100.7", "cidrs": ["192.168.0.0/24"]}
else:
    body.update(peer_address="198.51.100.7", local_cidrs=["10.240.0.0/24"], peer_cidrs=["192.168.0.0/24"])
call = service.create_vpn_gateway_connection
prototype = "vpn_gateway_connection_prototype" in signature(call).parameters
connection = result(call, gateway["id"], body) if prototype else result(call, gateway["id"], **body)
at = {**of, "id": connection["id"]}
connection = update("vpn_gateway_connection", at, {"name": "connection-2", "admin_state_up": False})
check("a connection", ("connection-2", False), (connection["name"], connection["admin_state_up"]))
check("it is down", "down", result(service.get_vpn_gateway_connection, **at)["status"])
check("connections", 1, len(listed(service.list_vpn_gateway_connections, "connections", **of)))
users = result(service.list_ike_policy_connections, ike["id"])["connections"]
check("who uses the IKE policy", [connection["id"]], [one["id"] for one in users])
users = result(service.list_ipsec_policy_connections, ipsec["id"])["connections"]
check("who uses the IPsec policy", [connection["id"]], [one["id"] for one in users])

# Its CIDRs, one by one.
for side, block in (("local", "10.240.1.0/24"), ("peer", "192.168.1.0/24")):
    if hasattr(service, f"list_vpn_gateway_connections_{side}_cidrs"):
        name = f"vpn_gateway_connections_{side}_cidr"
        many, place = f"list_vpn_gateway_connections_{side}_cidrs", {"cidr": block}
    else:
        name = f"vpn_gateway_connection_{side}_cidr"
        address, length = block.split("/")
        many, place = f"list_{name}s", {"cidr_prefix": address, "prefix_length": length}
    add, look, remove = (partial(getattr(service, f"{verb}_{name}"), **at, **place) for verb in ("add", "check", "remove"))
    for _ in range(2):
        check(f"add a {side} CIDR", True, add().get_status_code() in (201, 204))
    check(f"a {side} CIDR is there", 204, look().get_status_code())
    cidrs = result(getattr(service, many), **at)
    check(f"{side} CIDRs", 2, len(cidrs.get("cidrs") or cidrs[f"{side}_cidrs"]))
    check(f"remove a {side} CIDR", 204, remove().get_status_code())
    gone(look, "vpn_connection_cidr_not_found")

# What a VPC has around it: each is made, renamed, listed and deleted.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEaCRM+MVpE48APC3rjQLs8UDbbsUyyDV8rI02bZ9C7m"
ANY = {"cidr_block": "0.0.0.0/0"}
around = {"vpc": {"id": vpc["id"]}}
zone = {"zone": {"name": "us-south-1"}}
made = {}
for noun, body in (
    ("key", {"name": "one", "public_key": KEY}),
    ("security_group", {"name": "one", **around, "rules": [
        {"direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22, "remote": ANY}]}),
    ("network_acl", {"name": "one", **around, "rules": [
        {"name": "all", "action": "allow", "direction": "inbound", "protocol": "all", "source": "0.0.0.0/0",
         "destination": "0.0.0.0/0"}]}),
    ("floating_ip", {"name": "one", **zone}),
    ("public_gateway", {"name": "two", **around, **zone}),
):
    thing = create(noun, body)
    identity = {"id": thing["id"]}
    thing = update(noun, identity, {"name": f"renamed-{noun.replace('_', '-')}"})
    look = getattr(service, f"get_{noun}")
    check(f"a {noun}", thing["name"], result(look, **identity)["name"])
    many = listed(getattr(service, f"list_{noun}s"), f"{noun}s")
    check(f"a {noun} is listed", True, thing["id"] in [one["id"] for one in many])
    made[noun] = thing
of_group = {"security_group_id": made["security_group"]["id"]}
rule = result(service.create_security_group_rule, **of_group, security_group_rule_prototype={
    "direction": "inbound", "protocol": "icmp", "type": 8, "remote": {"id": made["security_group"]["id"]},
})
rule = update("security_group_rule", {**of_group, "id": rule["id"]}, {"direction": "outbound"}) if hasattr(
    service, "update_security_group_rule") else rule
check("rules of a group", 2, len(listed(service.list_security_group_rules, "rules", **of_group)))
service.delete_security_group_rule(**of_group, id=rule["id"])
instance = create("instance", {"name": "vm", "primary_network_interface": {"subnet": {"id": subnet["id"]}}})
nic = {**of_group, "id": instance["primary_network_interface"]["id"]}
if hasattr(service, "create_security_group_target_binding"):
    calls = [getattr(service, f"{verb}_security_group_target{end}") for verb, end in (
        ("create", "_binding"), ("get", ""), ("delete", "_binding"))]
else:
    calls = [getattr(service, f"{verb}_security_group_network_interface") for verb in ("add", "get", "remove")]
add, look, remove = calls
check("an interface gets a group", nic["id"], result(add, **nic)["id"])
check("it has it", nic["id"], result(look, **nic)["id"])
check("it loses it", 204, remove(**nic).get_status_code())
check("an instance goes", 204, service.delete_instance(instance["id"]).get_status_code())
of_acl = {"network_acl_id": made["network_acl"]["id"]}
deny = result(service.create_network_acl_rule, **of_acl, network_acl_rule_prototype={
    "action": "deny", "direction": "inbound", "protocol": "icmp", "source": "10.0.0.7", "destination": "0.0.0.0/0",
    "before": {"id": made["network_acl"]["rules"][0]["id"]},
})
rules = listed(service.list_network_acl_rules, "rules", **of_acl)
check("a rule before another", [deny["id"]], [one["id"] for one in rules][:1])
service.delete_network_acl_rule(**of_acl, id=deny["id"])
service.replace_subnet_network_acl(subnet["id"], {"id": made["network_acl"]["id"]})
check("a subnet's ACL", made["network_acl"]["id"], result(service.get_subnet_network_acl, subnet["id"])["id"])
service.replace_subnet_network_acl(subnet["id"], {"id": vpc["default_network_acl"]["id"]})
service.set_subnet_public_gateway(subnet["id"], {"id": made["public_gateway"]["id"]})
check("a subnet's public gateway", made["public_gateway"]["id"],
      result(service.get_subnet_public_gateway, subnet["id"])["id"])
check("it is taken away", 204, service.unset_subnet_public_gateway(subnet["id"]).get_status_code())
for noun, thing in made.items():
    check(f"a {noun} goes", 204, getattr(service, f"delete_{noun}")(thing["id"]).get_status_code())
    gone(getattr(service, f"get_{noun}"), f"{noun}_not_found", id=thing["id"])

# A refusal says what is wrong.
try:
    service.delete_ike_policy(ike["id"])
    raise SystemExit("a policy in use was deleted")
except ApiException as error:
    check("a policy in use", 409, getattr(error, "status_code", None) or error.code)
    check("who uses it", True, connection["id"] in error.message)

# And all of it goes.
check("a connection goes", 202, service.delete_vpn_gateway_connection(**at).get_status_code())
gone(service.get_vpn_gateway_connection, "vpn_connection_not_found", **at)
check("a gateway goes", 202, service.delete_vpn_gateway(gateway["id"]).get_status_code())
gone(service.get_vpn_gateway, "vpn_gateway_not_found", id=gateway["id"])
for call, thing in (
    (service.delete_ike_policy, ike), (service.delete_ipsec_policy, ipsec), (service.delete_subnet, subnet),
    (service.delete_vpc, vpc),
):
    check("it goes", 204, call(thing["id"]).get_status_code())
