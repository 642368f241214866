"""The same requests to Neutron and to Adit, one after the other, by one client.

usage: compare.py ADIT_URL ADIT_TOKEN ADIT_PID NEUTRON_PID MARIADB_PID

Neutron is at port 9777 (serve.py). Prints a table: processor time of the services alone, in
milliseconds for each request, and their ratio.
"""

import http.client
import json
import sys
import time
import uuid

POLICIES = "/v2.0/vpn/ikepolicies"
CONNECTIONS = "/v2.0/vpn/ipsec-site-connections"
MANY = 1000


class Service:
    def __init__(self, address, headers, pids, project=None):
        self.connection = http.client.HTTPConnection(address)
        self.headers = {"Content-Type": "application/json", **headers}
        self.pids = pids
        self.project = project

    def ask(self, method, path, body=None):
        if body and self.project and method == "POST":
            (kind,) = body
            body = {kind: {**body[kind], "project_id": self.project}}
        self.connection.request(
            method, path, json.dumps(body) if body else None, self.headers
        )
        response = self.connection.getresponse()
        octets = response.read()
        if response.status >= 300:
            sys.exit(f"{method} {path}: {response.status} {octets[:300]}")
        return json.loads(octets) if octets else None

    def make(self, path, body):
        (made,) = self.ask("POST", path, body).values()
        return made["id"]

    def cpu(self):
        ticks = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / 100


def measure(service, count, ask):
    before = service.cpu()
    for number in range(count):
        ask(number)
    time.sleep(0.5)
    return (service.cpu() - before) / count * 1000


def run(service, outside, count):
    make = service.make
    network = make("/v2.0/networks", {"network": {"name": "n"}})
    subnet = {"network_id": network, "cidr": "10.1.0.0/24", "ip_version": 4}
    subnet = make("/v2.0/subnets", {"subnet": subnet})
    router = {"external_gateway_info": {"network_id": outside}}
    router = make("/v2.0/routers", {"router": router})
    path = f"/v2.0/routers/{router}/add_router_interface"
    service.ask("PUT", path, {"subnet_id": subnet})
    gateway = make("/v2.0/vpn/vpnservices", {"vpnservice": {"router_id": router}})
    # What the newest Neutron still has.
    says = {"auth_algorithm": "sha256", "pfs": "group14"}
    ike = make(POLICIES, {"ikepolicy": {"ike_version": "v2", **says}})
    ipsec = make("/v2.0/vpn/ipsecpolicies", {"ipsecpolicy": says})
    groups = "/v2.0/vpn/endpoint-groups"
    local = {"type": "subnet", "endpoints": [subnet]}
    local = make(groups, {"endpoint_group": local})
    peer = {"type": "cidr", "endpoints": ["10.2.0.0/24"]}
    peer = make(groups, {"endpoint_group": peer})

    def policy(number):
        return {"ikepolicy": {"name": f"p{number}", **says}}

    def connection(number):
        return {
            "ipsec_site_connection": {
                "name": f"c{number}",
                "vpnservice_id": gateway,
                "ikepolicy_id": ike,
                "ipsecpolicy_id": ipsec,
                "local_ep_group_id": local,
                "peer_ep_group_id": peer,
                "peer_address": "198.51.100.7",
                "peer_id": "198.51.100.7",
                "psk": "secret",
                "admin_state_up": False,
            }
        }

    took = {}
    for what, path, body in [
        ("IKE policy", POLICIES, policy),
        ("site connection", CONNECTIONS, connection),
    ]:
        ids = []
        page = f"{path}?limit=20&sort_key=name&sort_dir=asc"
        for verb, times, ask in [
            ("create", MANY, lambda n: ids.append(make(path, body(n)))),
            ("show", count, lambda n: service.ask("GET", f"{path}/{ids[n]}")),
            ("list, 20 of 1000", count // 5, lambda _: service.ask("GET", page)),
            ("list, all of 1000", count // 10, lambda _: service.ask("GET", path)),
            ("delete", MANY, lambda n: service.ask("DELETE", f"{path}/{ids[n]}")),
        ]:
            took[f"{what} {verb}"] = measure(service, times, ask)
    return took


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    url, token, *pids = sys.argv[1:]
    adit_pid, *neutron_pids = pids
    adit = Service(url.split("//")[-1].strip("/"), {"X-Auth-Token": token}, [adit_pid])
    neutron = Service("127.0.0.1:9777", {}, neutron_pids, uuid.uuid4().hex)
    network = {
        "name": "outside",
        "router:external": True,
        "provider:network_type": "flat",
        "provider:physical_network": uuid.uuid4().hex[:8],
    }
    outside = neutron.make("/v2.0/networks", {"network": network})
    block = {"network_id": outside, "cidr": "203.0.113.0/24", "ip_version": 4}
    neutron.make("/v2.0/subnets", {"subnet": block})
    found = adit.ask("GET", "/v2.0/networks?router:external=True")
    ours = run(adit, found["networks"][0]["id"], 1000)
    theirs = run(neutron, outside, 100)
    print("| request | Neutron, CPU ms | Adit, CPU ms | ratio |\n|---|---|---|---|")
    for what, cost in ours.items():
        ratio = theirs[what] / max(cost, 0.001)
        print(f"| {what} | {theirs[what]:.1f} | {cost:.2f} | {ratio:.0f} |")


main()
