"""Whatever IBM's SDK can say in a request is honoured, or refused by its name: nothing is read and
then ignored. The calls, parameters and fields are the SDK's own (signatures.py); below is what of them
is honoured and how that is seen. What is not below has to be refused."""

import os

import requests
from ibm_vpc import vpc_v1

from signatures import fields, methods

BASE = os.environ["VPC_URL"]
TODAY = "2026-10-06"
PSK = "VPNDemoPassword"


def fail(text):
    raise SystemExit(text)


def token():
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": os.environ["VPC_APIKEY"]}
    answer = requests.post(os.environ["VPC_AUTH_URL"] + "/identity/token", data=form)
    return answer.json()["access_token"]


session = requests.Session()
session.headers["Authorization"] = "Bearer " + token()


def ask(method, path, body=None, **query):
    query = {"version": TODAY, "generation": "2", **query}
    return session.request(method, BASE + path, params=query, json=body)


def works(method, path, body=None, **query):
    answer = ask(method, path, body, **query)
    if answer.status_code >= 300:
        fail(f"{method} {path} {body} {query}: {answer.status_code} {answer.text}")
    return answer.json() if answer.text else None


def refused(method, path, /, wanted, kind, body=None, query=None):
    """It must be refused, and say which field or parameter it is for."""
    answer = ask(method, path, body, **(query or {}))
    what = f"{method} {path} {body or query}"
    if answer.status_code != 400:
        fail(f"{what}: `{wanted}` is taken: {answer.status_code} {answer.text}")
    error = answer.json()["errors"][0]
    target = error.get("target") or {}
    # Which one of a list it is need not be said.
    name = wanted.partition("[]")[0]
    if target.get("type") != kind or not (target["name"] + ".").startswith(name + "."):
        fail(f"{what}: it is not said that it is `{wanted}`: {error}")


def with_field(body, path, value):
    """The body with one more field, which may lie deeper."""
    name, _, rest = path.partition(".")
    body, is_list = dict(body), name.endswith("[]")
    name = name.removesuffix("[]")
    if rest:
        value = with_field({} if is_list else body.get(name) or {}, rest, value)
    body[name] = [value] if is_list else value
    return body


def is_shown(given, answer):
    """Whether an answer shows all that was given."""
    if isinstance(given, dict):
        return isinstance(answer, dict) and all(
            name in answer and is_shown(value, answer[name]) for name, value in given.items()
        )
    return given == answer


def names(body, prefix=""):
    """All fields of a body, with those in objects."""
    found = set()
    for name, value in body.items():
        found.add(prefix + name)
        if isinstance(value, dict):
            found |= names(value, f"{prefix}{name}.")
        if isinstance(value, list) and value and isinstance(value[0], dict):
            found.add(f"{prefix}{name}[]")
            found |= names(value[0], f"{prefix}{name}[].")
    return found


class Case:
    """What is honoured of a body: `shown` are bodies that the answer shows as they are given, `seen` is
    what is seen otherwise, and `only` are fields that may have one value alone, with another one."""

    def __init__(self, least, shown, only=None, seen=()):
        self.least = least
        self.shown = shown
        self.only = only or {}
        self.seen = set(seen)


number = 0


def fresh(what="walk"):
    global number
    number += 1
    return f"{what}-{number}"


def block():
    global number
    number += 1
    return f"10.20.{number}.0/24"


GROUP = {"id": "a-group"}
vpc = works("POST", "/vpcs", {"name": "walk-vpc", "resource_group": GROUP})
other_vpc = works("POST", "/vpcs", {"name": "walk-other"})
subnet = works(
    "POST", "/subnets",
    {"name": "walk-subnet", "vpc": {"id": vpc["id"]}, "ipv4_cidr_block": "10.20.0.0/24",
     "zone": {"name": "us-south-2"}, "resource_group": GROUP},
)
other_subnet = works(
    "POST", "/subnets",
    {"name": "walk-else", "vpc": {"id": other_vpc["id"]}, "ipv4_cidr_block": "10.21.0.0/24",
     "zone": {"name": "us-south-1"}},
)
instance = works(
    "POST", "/instances",
    {"name": "walk-vm", "primary_network_interface": {"subnet": {"id": subnet["id"]}},
     "resource_group": GROUP},
)
other_instance = works(
    "POST", "/instances", {"name": "walk-vm-2", "primary_network_interface": {"subnet": {"id": other_subnet["id"]}}},
)
gateway = works(
    "POST", "/vpn_gateways",
    {"name": "walk-b", "subnet": {"id": subnet["id"]}, "mode": "policy", "resource_group": GROUP},
)
other_gateway = works(
    "POST", "/vpn_gateways", {"name": "walk-a", "subnet": {"id": other_subnet["id"]}, "mode": "policy"},
)
ike = works(
    "POST", "/ike_policies",
    {"name": "walk-ike", "ike_version": 2, "authentication_algorithm": "sha256", "dh_group": 14,
     "encryption_algorithm": "aes256"},
)
ipsec = works(
    "POST", "/ipsec_policies",
    {"name": "walk-ipsec", "authentication_algorithm": "sha256", "encryption_algorithm": "aes256",
     "pfs": "group_14"},
)
connection = {
    "name": "walk-connection", "psk": PSK,
    "local": {"cidrs": ["10.20.0.0/24"]},
    "peer": {"address": "203.0.113.7", "cidrs": ["192.168.0.0/24"]},
    "ike_policy": {"id": ike["id"]}, "ipsec_policy": {"id": ipsec["id"]},
}
CONNECTIONS = f"/vpn_gateways/{gateway['id']}/connections"
connection = works("POST", CONNECTIONS, connection)

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIEaCRM+MVpE48APC3rjQLs8UDbbsUyyDV8rI02bZ9C7m"
OTHER_KEY = "AAAAB3NzaC1yc2EAAAADAQABAAABAQCcEwBgltiOsMtHLwVs/Gdc5S1Gb5E/w/Y3jSM98wDvVjLXzb7+c/EU9tsJY/xheJOg9gACq37w+g/OzyY4evJTIayidZhqZM+j2/i579VVE9FCzIbvRnQXr5b21gvP29YN8p/tL6H2O1hYtAO4HzlAGgGLkJ9puN7tV/S7ewu42UzPLqxDFFr9XqNyeWKhT0RgteB0/2xQvEtkoNJ4D7c7yFrwtOwb/cxvj2FXVjs/HQ9FZj0ND+yYYQEgkFDltfpTJuU7X4miD2LuHkQjQclCEpuyW6nftUjURXTnkSTdB11KYZX/lyBqk8jtgl/n6omUVSCaVDGp2/YdU9wfoF2j"
key = works("POST", "/keys", {"name": "walk-key", "public_key": KEY, "resource_group": GROUP})
ACL_RULE = {"action": "allow", "direction": "inbound", "protocol": "tcp", "source": "10.0.0.0/8",
            "destination": "0.0.0.0/0"}
acl = works("POST", "/network_acls", {"name": "walk-acl", "vpc": {"id": vpc["id"]}, "resource_group": GROUP,
                                     "rules": [ACL_RULE, {**ACL_RULE, "direction": "outbound"}]})
ACL_RULES = f"/network_acls/{acl['id']}/rules"
public = works("POST", "/public_gateways", {"name": "walk-public", "vpc": {"id": vpc["id"]},
                                            "zone": {"name": "us-south-2"}, "resource_group": GROUP})
free_ip = works("POST", "/floating_ips", {"name": "walk-free", "zone": {"name": "us-south-3"}})
works("PUT", f"/subnets/{subnet['id']}/public_gateway", {"id": public["id"]})
RULE = {"direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 23,
        "remote": {"cidr_block": "192.168.0.0/24"}}
group = works("POST", "/security_groups", {"name": "walk-group", "vpc": {"id": vpc["id"]}, "rules": [RULE]})
GROUPS = f"/security_groups/{group['id']}"

IMAGE = works("GET", "/images")["images"][0]

NIC = instance["primary_network_interface"]["id"]
works("PUT", f"{GROUPS}/targets/{NIC}")
floating = works("POST", "/floating_ips", {"name": "walk-ip", "target": {"id": NIC}, "resource_group": GROUP})

# What stands in the SDK's paths.
IDS = {
    "/network_acls/{network_acl_id}/rules/{id}": f"{ACL_RULES}/{acl['rules'][0]['id']}",
    "/security_groups/{security_group_id}/rules/{id}": f"{GROUPS}/rules/{group['rules'][0]['id']}",
    "/security_groups/{security_group_id}/targets/{id}": f"{GROUPS}/targets/{NIC}",
    "/vpcs/{id}": vpc["id"], "/vpcs/{vpc_id}": vpc["id"], "/subnets/{id}": subnet["id"],
    "/subnets/{subnet_id}": subnet["id"], "/instances/{id}": instance["id"],
    "/instances/{instance_id}": instance["id"], "/ike_policies/{id}": ike["id"],
    "/ipsec_policies/{id}": ipsec["id"], "/vpn_gateways/{id}": gateway["id"],
    "/vpn_gateways/{vpn_gateway_id}": gateway["id"], "/connections/{id}": connection["id"],
    "/members/{id}": gateway["members"][0]["id"], "/regions/{name}": "us-south",
    "/regions/{region_name}": "us-south", "/images/{id}": IMAGE["id"],
    "/instance/profiles/{name}": "namespace", "/address_prefixes/{id}": works(
        "GET", f"/vpcs/{vpc['id']}/address_prefixes")["address_prefixes"][0]["id"],
    "/network_interfaces/{id}": instance["primary_network_interface"]["id"],
    "/reserved_ips/{id}": instance["primary_network_interface"]["primary_ip"]["id"], "/zones/{name}": "us-south-1",
    "/cidrs/{cidr}": "/cidrs/192.168.0.0%2F24",
    "/network_acls/{id}": acl["id"], "/network_acls/{network_acl_id}": acl["id"],
    "/keys/{id}": key["id"], "/public_gateways/{id}": public["id"], "/floating_ips/{id}": floating["id"], "/network_interfaces/{network_interface_id}": NIC,
    "/security_groups/{id}": group["id"], "/security_groups/{security_group_id}": group["id"],
    "/routing_tables/{id}": vpc["default_routing_table"]["id"],
    "/routing_tables/{routing_table_id}": vpc["default_routing_table"]["id"],
}


def filled(path):
    for place, value in IDS.items():
        kind = place.rpartition("{")[0]
        path = path.replace(place, value if value.startswith("/") else kind + value)
    return path.replace("{", "no-").replace("}", "")


def new_connection():
    return {
        "name": fresh(), "psk": PSK, "local": {"cidrs": ["10.20.0.0/25"]},
        "peer": {"address": "203.0.113.8", "cidrs": [block()]},
    }


def new_route():
    return Case(
        {"destination": block(), "zone": {"name": "us-south-1"}, "next_hop": {"id": way["id"]}},
        [{"name": fresh(), "destination": block(), "zone": {"name": "us-south-2"}, "action": "deliver",
          "advertise": False, "next_hop": {"id": way["id"]}, "priority": 1}],
        only={"action": "drop", "advertise": True, "priority": 5},
        seen=["zone.href", "next_hop.href"],
    )


def changed_route():
    return Case(
        {}, [{"name": fresh(), "priority": 3, "advertise": False, "next_hop": {"id": way["id"]}}],
        only={"advertise": True, "priority": 5}, seen=["next_hop.href"],
    )


ALGORITHMS = {"authentication_algorithms": ["sha512", "sha256"], "encryption_algorithms": ["aes256", "aes128"]}

ACL_NUMBERS = ["code", "type", *(f"{end}_port_{most}" for end in ("source", "destination") for most in ("min", "max"))]

# A rule's other end is a block, an address or a group, whichever way that is named.
def identity(name):
    """A field that names a thing, whichever way."""
    return [name, *(f"{name}.{part}" for part in ("crn", "href", "id"))]


TARGET = identity("target")
REMOTE = ["remote", *(f"remote.{part}" for part in ("address", "cidr_block", "crn", "href", "id"))]

CASES = {
    ("POST", "/vpcs"): lambda: Case(
        {"name": fresh()},
        [{"name": fresh(), "classic_access": False, "resource_group": GROUP}],
        only={"classic_access": True, "address_prefix_management": "manual"},
    ),
    ("PATCH", "/vpcs/{id}"): lambda: Case({}, [{"name": fresh()}]),
    ("POST", "/subnets"): lambda: Case(
        {"vpc": {"id": vpc["id"]}, "ipv4_cidr_block": block()},
        [
            {"name": fresh(), "vpc": {"id": vpc["id"]}, "ipv4_cidr_block": block(),
             "zone": {"name": "us-south-3"}, "ip_version": "ipv4", "resource_group": GROUP},
            {"vpc": {"id": vpc["id"]}, "zone": {"name": "us-south-3"}, "total_ipv4_address_count": 64},
        ],
        only={"ip_version": "ipv6"},
        seen=["vpc.crn", "vpc.href", "zone.href", *identity("public_gateway"), *identity("network_acl")],
    ),
    ("PATCH", "/subnets/{id}"): lambda: Case(
        {},
        [{"name": fresh(), "public_gateway": {"id": public["id"]}, "network_acl": {"id": acl["id"]}}],
        seen=[*identity("public_gateway"), *identity("network_acl")],
    ),
    ("PUT", "/subnets/{id}/network_acl"): lambda: Case({}, [{"id": acl["id"]}], seen=["crn", "href"]),
    ("POST", "/network_acls"): lambda: Case(
        {"vpc": {"id": vpc["id"]}},
        [{"name": fresh(), "vpc": {"id": vpc["id"]}, "resource_group": GROUP}],
        seen=["vpc.crn", "vpc.href", *identity("source_network_acl"), "rules[]",
              *(f"rules[].{name}" for name in (*ACL_RULE, *ACL_NUMBERS, "ip_version", "name"))],
    ),
    ("PATCH", "/network_acls/{id}"): lambda: Case({}, [{"name": fresh()}]),
    ("POST", "/network_acls/{network_acl_id}/rules"): lambda: Case(
        ACL_RULE,
        [{**ACL_RULE, "name": fresh(), "ip_version": "ipv4", "source_port_min": 1, "source_port_max": 7,
          "destination_port_min": 22, "destination_port_max": 23},
         {**ACL_RULE, "action": "deny", "protocol": "icmp", "type": 8, "code": 0, "source": "10.0.0.7"}],
        only={"ip_version": "ipv6", "action": "reject", "protocol": "icmp_tcp_udp", "direction": "both"},
        seen=["before", "before.href", "before.id"],
    ),
    ("PATCH", "/network_acls/{network_acl_id}/rules/{id}"): lambda: Case(
        {},
        [{"name": fresh(), "action": "deny", "direction": "inbound", "source": "10.1.0.0/16",
          "destination": "10.2.0.1", "source_port_min": 1, "source_port_max": 7, "destination_port_min": 22,
          "destination_port_max": 23}],
        only={"action": "reject", "direction": "both"},
        seen=["before", "before.href", "before.id"],
    ),
    ("PUT", "/subnets/{id}/public_gateway"): lambda: Case({}, [{"id": public["id"]}], seen=["crn", "href"]),
    ("POST", "/public_gateways"): lambda: Case(
        {"vpc": {"id": vpc["id"]}, "zone": {"name": "us-south-3"}},
        [{"name": fresh(), "vpc": {"id": vpc["id"]}, "zone": {"name": "us-south-3"}, "resource_group": GROUP,
          "floating_ip": {"name": fresh()}},
         {"vpc": {"id": vpc["id"]}, "zone": {"name": "us-south-3"}, "floating_ip": {"id": free_ip["id"]}},
         {"vpc": {"id": vpc["id"]}, "zone": {"name": "us-south-3"},
          "floating_ip": {"address": free_ip["address"]}}],
        seen=["vpc.crn", "vpc.href", "zone.href", *identity("floating_ip"), "floating_ip.resource_group",
              "floating_ip.resource_group.id"],
    ),
    ("PATCH", "/public_gateways/{id}"): lambda: Case({}, [{"name": fresh()}]),
    ("POST", "/instances"): lambda: Case(
        {"primary_network_interface": {"subnet": {"id": subnet["id"]}}},
        [{"name": fresh(), "primary_network_interface": {"subnet": {"id": subnet["id"]}},
          "vpc": {"id": vpc["id"]}, "zone": {"name": "us-south-2"}, "resource_group": GROUP,
          "image": {"id": IMAGE["id"]}, "profile": {"name": "namespace"}}],
        only={"keys": [{"id": "r006-none"}], "primary_network_interface.name": "eth1",
              "image": {"id": "r006-none"}, "profile": {"name": "bx2-2x8"}},
        seen=["image.crn", "image.href", "profile.href", "keys", "vpc.crn", "vpc.href", "zone.href", "primary_network_interface.subnet.crn",
              "primary_network_interface.subnet.href", "primary_network_interface.security_groups[]",
              *(f"primary_network_interface.security_groups[].{part}" for part in ("crn", "href", "id"))],
    ),
    ("POST", "/keys"): lambda: Case(
        {"public_key": OTHER_KEY}, [{"name": fresh(), "public_key": OTHER_KEY, "type": "rsa", "resource_group": GROUP}],
        only={"type": "ed25519"},
    ),
    ("PATCH", "/keys/{id}"): lambda: Case({}, [{"name": fresh()}]),
    ("POST", "/floating_ips"): lambda: Case(
        {"zone": {"name": "us-south-2"}},
        [{"name": fresh(), "zone": {"name": "us-south-2"}, "resource_group": GROUP}],
        seen=["zone.href", *TARGET],
    ),
    ("PATCH", "/floating_ips/{id}"): lambda: Case({}, [{"name": fresh(), "target": {"id": NIC}}], seen=TARGET),
    ("POST", "/security_groups"): lambda: Case(
        {"vpc": {"id": vpc["id"]}}, [{"name": fresh(), "vpc": {"id": vpc["id"]}, "resource_group": GROUP}],
        seen=["vpc.crn", "vpc.href", "rules[]", *(f"rules[].{name}" for name in (
            "code", "direction", "ip_version", "local", "local.cidr_block", "name", "port_max", "port_min",
            "protocol", *REMOTE, "type"))],
    ),
    ("PATCH", "/security_groups/{id}"): lambda: Case({}, [{"name": fresh()}]),
    ("POST", "/security_groups/{security_group_id}/rules"): lambda: Case(
        {"direction": "inbound", "protocol": "tcp"},
        [{"name": fresh(), "direction": "outbound", "protocol": "udp", "port_min": 53, "port_max": 54,
          "ip_version": "ipv4", "local": {"cidr_block": "0.0.0.0/0"}, "remote": {"cidr_block": "10.0.0.0/8"}},
         {"direction": "inbound", "protocol": "icmp", "type": 8, "code": 0, "remote": {"address": "10.0.0.7"}},
         {"direction": "inbound", "protocol": "number_89"}],
        only={"ip_version": "ipv6", "direction": "both", "protocol": "icmp_tcp_udp",
              "local.cidr_block": "10.0.0.0/8"},
        seen=REMOTE,
    ),
    ("PATCH", "/security_groups/{security_group_id}/rules/{id}"): lambda: Case(
        {},
        [{"name": fresh(), "direction": "outbound", "port_min": 53, "port_max": 54, "ip_version": "ipv4",
          "local": {"cidr_block": "0.0.0.0/0"}, "remote": {"address": "10.0.0.7"}},
         {"direction": "inbound", "remote": {"cidr_block": "10.0.0.0/8"}}],
        only={"ip_version": "ipv6", "direction": "both", "local.cidr_block": "10.0.0.0/8"},
        seen=REMOTE,
    ),
    ("PATCH", "/instances/{id}"): lambda: Case({}, [{"name": "walk-vm"}]),
    ("POST", "/instances/{instance_id}/actions"): lambda: Case(
        {"type": "start"}, [{"type": "stop"}, {"type": "start"}], only={"type": "reboot"}, seen=["force"],
    ),
    ("POST", "/vpn_gateways"): lambda: Case(
        {"subnet": {"id": subnet["id"]}, "mode": "policy"},
        [{"name": fresh(), "subnet": {"id": subnet["id"]}, "mode": "policy",
          "availability_mode": "zonal", "resource_group": GROUP},
         {"name": fresh(), "subnet": {"id": subnet["id"]}, "mode": "route", "local_asn": 64520,
          "advertised_cidrs": []}],
        only={"mode": "neither", "availability_mode": "regional", "local_asn": 65001,
              "advertised_cidrs": ["10.0.0.0/8"]},
        seen=["subnet.crn", "subnet.href"],
    ),
    ("PATCH", "/vpn_gateways/{id}"): lambda: Case(
        {}, [{"name": "walk-b", "availability_mode": "zonal"}], only={"availability_mode": "regional"},
    ),
    ("POST", "/vpn_gateways/{vpn_gateway_id}/connections"): lambda: Case(
        new_connection(),
        [{**new_connection(), "admin_state_up": False, "establish_mode": "peer_only",
          "local": {"cidrs": ["10.20.0.0/25"], "ike_identities": [{"type": "fqdn", "value": "a.example"}]},
          "peer": {"address": "203.0.113.8", "cidrs": [block()],
                   "ike_identity": {"type": "key_id", "value": "c2l0ZS0x"}},
          "dead_peer_detection": {"action": "clear", "interval": 7, "timeout": 21},
          "ike_policy": {"id": ike["id"]}, "ipsec_policy": {"id": ipsec["id"]}}],
        only={"distribute_traffic": True, "routing_protocol": "bgp", "establish_mode": "never",
              "peer.fqdn": "10.0.0.1"},
        seen=["ike_policy.href", "ipsec_policy.href"],
    ),
    ("PATCH", "/vpn_gateways/{vpn_gateway_id}/connections/{id}"): lambda: Case(
        {},
        [{"name": fresh(), "admin_state_up": False, "establish_mode": "peer_only", "psk": PSK + "2",
          "dead_peer_detection": {"action": "hold", "interval": 9, "timeout": 27},
          "peer": {"address": "203.0.113.9"}, "ike_policy": {"id": ike["id"]},
          "ipsec_policy": {"id": ipsec["id"]}}],
        only={"distribute_traffic": True, "routing_protocol": "bgp", "establish_mode": "never",
              "peer.fqdn": "10.0.0.1"},
        seen=["ike_policy.href", "ipsec_policy.href"],
    ),
    ("POST", "/vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes"): lambda: new_route(),
    ("PATCH", "/vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes/{id}"): lambda: changed_route(),
    ("POST", "/vpcs/{vpc_id}/routes"): lambda: new_route(),
    ("PATCH", "/vpcs/{vpc_id}/routes/{id}"): lambda: changed_route(),
    ("POST", "/ike_policies"): lambda: Case(
        {"ike_version": 2, "authentication_algorithm": "sha256", "dh_group": 14, "encryption_algorithm": "aes256"},
        [{"name": fresh(), "ike_version": 1, "authentication_algorithm": "sha1", "dh_group": 5,
          "encryption_algorithm": "aes128", "key_lifetime": 4000, "resource_group": GROUP},
         {"ike_version": 2, "dh_groups": [19, 14], **ALGORITHMS}],
    ),
    ("PATCH", "/ike_policies/{id}"): lambda: Case(
        {},
        [{"name": fresh(), "ike_version": 1, "authentication_algorithm": "sha1", "dh_group": 5,
          "encryption_algorithm": "aes128", "key_lifetime": 4000},
         {"ike_version": 2, "dh_groups": [19, 14], **ALGORITHMS}],
    ),
    ("POST", "/ipsec_policies"): lambda: Case(
        {"authentication_algorithm": "sha256", "pfs": "disabled", "encryption_algorithm": "aes256"},
        [{"name": fresh(), "authentication_algorithm": "sha1", "pfs": "group_5",
          "encryption_algorithm": "aes128", "key_lifetime": 4000, "resource_group": GROUP},
         {"pfs_groups": ["group_19", "group_14"], **ALGORITHMS}],
    ),
    ("PATCH", "/ipsec_policies/{id}"): lambda: Case(
        {},
        [{"name": fresh(), "authentication_algorithm": "sha1", "pfs": "group_5",
          "encryption_algorithm": "aes128", "key_lifetime": 4000},
         {"pfs_groups": ["group_19", "group_14"], **ALGORITHMS}],
    ),
}

BY_GROUP = {"a-group": True, "default": False, "another": False}
BY_VPC = {
    "vpc.id": {vpc["id"]: True, other_vpc["id"]: False},
    "vpc.crn": {vpc["crn"]: True, other_vpc["crn"]: False},
    "vpc.name": {"walk-vpc": True, "walk-other": False},
}

# Which values of a list's parameters have the one that was made above.
FILTERS = {
    "/vpcs": (vpc, {"resource_group.id": BY_GROUP, "classic_access": {"false": True, "true": False}}),
    "/subnets": (subnet, {
        "resource_group.id": BY_GROUP, **BY_VPC,
        "zone.name": {"us-south-2": True, "us-south-1": False},
        "routing_table.id": {subnet["routing_table"]["id"]: True, other_subnet["routing_table"]["id"]: False},
        "routing_table.name": {subnet["routing_table"]["name"]: True, "none": False},
    }),
    "/instances": (instance, {
        "resource_group.id": BY_GROUP, **BY_VPC, "name": {"walk-vm": True, "walk-vm-2": False},
    }),
    "/vpn_gateways": (gateway, {
        "resource_group.id": BY_GROUP, "mode": {"policy": True, "route": False},
        "sort": {"name": True, "-created_at": True},
    }),
    "/floating_ips": (floating, {
        "resource_group.id": BY_GROUP, "target.id": {NIC: True, group["id"]: False},
        "target.name": {"eth0": True, "eth1": False},
        "target.resource_type": {"network_interface": True, "public_gateway": False},
    }),
    "/keys": (key, {"resource_group.id": BY_GROUP}),
    "/public_gateways": (public, {"resource_group.id": BY_GROUP}),
    "/security_groups": (vpc["default_security_group"], {"resource_group.id": BY_GROUP, **BY_VPC}),
    "/network_acls": (acl, {"resource_group.id": BY_GROUP}),
    "/network_acls/{network_acl_id}/rules": (
        acl["rules"][0],
        {"direction": {"inbound": True, "outbound": False}},
    ),
    "/vpcs/{vpc_id}/routing_tables": (
        vpc["default_routing_table"], {"is_default": {"true": True, "false": False}},
    ),
    "/vpn_gateways/{vpn_gateway_id}/connections": (connection, {"status": {"down": True, "up": False}}),
}


def walk_body(method):
    """Each field of a body is honoured or refused."""
    key = (method.method, method.path)
    if key not in CASES:
        fail(f"{method.name}: which of its fields are honoured?")
    case = CASES[key]()
    path = filled(method.path)
    honoured = set().union(*(names(body) for body in case.shown))
    refusals = list(case.only.items())
    known = honoured | case.seen | set(case.only)
    for name, model in expanded(method.fields, known - set(case.only)):
        if name not in known:
            refusals.append((name, "x"))
    for name, value in refusals:
        body = with_field(case.least, name, value)
        if name == "peer.fqdn" and method.method == "POST":
            body["peer"] = {key: value for key, value in body["peer"].items() if key != "address"}
        refused(method.method, path, name, "field", body)
    for body in case.shown:
        answer = works(method.method, path, body)
        if not is_shown(body, answer):
            fail(f"{method.name}: not all that was asked for is shown: {body}\n{answer}")
        if method.method == "POST" and not path.endswith("/actions"):
            works("DELETE", f"{path}/{answer['id']}")
    return len(refusals), len(known)


def expanded(found, known, prefix=""):
    """The fields, with those of objects that are honoured."""
    for name, model in found.items():
        yield prefix + name, model
        if model and prefix + name in known:
            yield from expanded(fields(model), known, f"{prefix}{name}.")


def walk_query(method):
    """Each parameter of a query has its effect, or is refused."""
    path = filled(method.path)
    one, filters = FILTERS.get(method.path, (None, {}))
    taken = 0
    for name in method.query:
        if name == "limit":
            refused("GET", path, "limit", "parameter", query={"limit": "0"})
            answer = works("GET", path, limit="1")
            many = next(value for key, value in answer.items() if isinstance(value, list))
            if answer["limit"] != 1 or len(many) > 1:
                fail(f"{method.name}: a limit of 1 has {len(many)}")
        elif name == "start":
            refused("GET", path, "start", "parameter", query={"start": "nowhere"})
        elif name in filters:
            for value, is_there in filters[name].items():
                answer = works("GET", path, **{name: value})
                many = next(found for found in answer.values() if isinstance(found, list))
                if any(found["id"] == one["id"] for found in many) != is_there:
                    fail(f"{method.name}: {name}={value}: {many}")
        else:
            refused("GET", path, name, "parameter", query={name: "x"})
            continue
        taken += 1
    return taken, len(method.query) - taken


def walk_sort():
    """A sorted list is in its order, page after page."""
    for sort, wanted in (("name", ["walk-a", "walk-b"]), ("-name", ["walk-b", "walk-a"]),
                         ("created_at", ["walk-b", "walk-a"]), ("-created_at", ["walk-a", "walk-b"])):
        seen, path = [], f"/vpn_gateways?sort={sort}&limit=1"
        while path:
            page = works("GET", path)
            seen += [found["name"] for found in page["vpn_gateways"]]
            path = page.get("next", {}).get("href", "").replace(BASE, "")
        if seen != wanted:
            fail(f"sort={sort}: wanted {wanted}, seen {seen}")


def walk_models():
    """The SDK's models read what is answered."""
    nic = f"/instances/{instance['id']}/network_interfaces/{NIC}"
    for model, path in (
        ("VPC", f"/vpcs/{vpc['id']}"), ("Subnet", f"/subnets/{subnet['id']}"), ("NetworkInterface", nic),
        ("ReservedIP", filled("/subnets/{subnet_id}/reserved_ips/{id}")), ("Key", f"/keys/{key['id']}"),
        ("FloatingIP", f"/floating_ips/{floating['id']}"), ("FloatingIP", f"/floating_ips/{public['floating_ip']['id']}"),
        ("PublicGateway", f"/public_gateways/{public['id']}"), ("SecurityGroup", GROUPS),
        ("SecurityGroupRule", f"{GROUPS}/rules/{group['rules'][0]['id']}"), ("NetworkACL", f"/network_acls/{acl['id']}"),
        ("NetworkACLRule", f"{ACL_RULES}/{acl['rules'][0]['id']}"),
        ("SecurityGroup", f"/security_groups/{vpc['default_security_group']['id']}"),
        ("NetworkACL", f"/network_acls/{vpc['default_network_acl']['id']}"),
    ):
        getattr(vpc_v1, model).from_dict(works("GET", path))


walk_sort()
# Another mode, where it is in no list that was sorted.
routed = works("POST", "/vpn_gateways", {"name": "walk-routed", "subnet": {"id": subnet["id"]}, "mode": "route"})
way = works(
    "POST", f"/vpn_gateways/{routed['id']}/connections",
    {"name": "walk-way", "psk": PSK, "peer": {"address": "203.0.113.7"}, "distribute_traffic": True},
)
IDS["/routes/{id}"] = works(
    "POST", filled("/vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes"),
    {"destination": block(), "zone": {"name": "us-south-1"}, "next_hop": {"id": way["id"]}},
)["id"]
walk_models()
served = []
for method in methods():
    # What no call may say is refused before anything happens, but where there is no such call.
    answer = ask(method.method, filled(method.path), walk="x")
    if "invalid_route" not in answer.text:
        refused(method.method, filled(method.path), "walk", "parameter", query={"walk": "x"})
        served.append(method)
for method in served:
    if method.fields:
        print(method.name, "refused %d fields, honoured %d" % walk_body(method))
    if method.query:
        print(method.name, "honoured %d parameters, refused %d" % walk_query(method))
print(len(served), "calls")
if len(served) < 40:
    fail("so few calls are not what is served")
