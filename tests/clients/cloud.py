"""What the scripts with OpenStack's SDK share. The account comes from the environment."""

import time

import openstack
from openstack import exceptions

cloud = openstack.connect()
network = cloud.network


def check(what, wanted, seen):
    if wanted != seen:
        raise SystemExit(f"{what}: wanted {wanted!r}, seen {seen!r}")


def refused(status, kind, words, method, path, body=None):
    """A request that must be refused, with this status, type and part of the message."""
    answer = network.request(path, method, json=body, raise_exc=False)
    request = f"{method} {path}"
    if answer.status_code < 400:
        raise SystemExit(f"{request} works: {answer.status_code} {answer.text}")
    error = answer.json()["NeutronError"]
    check(request, (status, kind), (answer.status_code, error["type"]))
    if words not in error["message"]:
        raise SystemExit(f"{request}: wanted {words!r}, seen {error['message']!r}")


def settled(get, one):
    """The resource, once it no longer is about to be made."""
    end = time.monotonic() + 10
    while True:
        seen = get(one)
        if not (seen.status or "").startswith("PENDING"):
            return seen
        if time.monotonic() > end:
            raise SystemExit(f"{seen.name} stays {seen.status}")
        time.sleep(0.05)


class Kind:
    """The calls of the SDK on one kind of resource."""

    def __init__(self, noun, plural=None):
        self.noun = noun
        calls = {verb: f"{verb}_{noun}" for verb in ("create", "get", "find", "update", "delete")}
        calls["list"] = plural or f"{noun}s"
        for verb, name in calls.items():
            setattr(self, verb, getattr(network, name))

    def said(self, verb, one, wanted):
        for name, value in wanted.items():
            check(f"{verb} {self.noun}: {name}", value, getattr(one, name))

    def make(self, **wanted):
        """Creates one; it is there by its id, by its name, and in the list."""
        made = self.create(**wanted)
        self.said("create", made, wanted)
        self.said("get", self.get(made.id), wanted)
        self.said("find", self.find(made.id, ignore_missing=False), wanted)
        query = {}
        if "name" in wanted:
            query["name"] = wanted["name"]
            found = self.find(wanted["name"], ignore_missing=False)
            check(f"find {self.noun}", made.id, found.id)
            check(f"list {self.noun}: a name there is not", [], list(self.list(name="nobody's")))
        check(f"list {self.noun}", 1, [one.id for one in self.list(**query)].count(made.id))
        return made

    def change(self, one, **wanted):
        """Updates one; it stays so."""
        before = settled(self.get, one) if hasattr(one, "status") else self.get(one)
        self.said("update", self.update(one, **wanted), wanted)
        after = self.get(one)
        self.said("get after update", after, wanted)
        # What else it has is as it was.
        names = set(before.to_dict()) - set(wanted) - {"location", "updated_at", "revision_number"}
        if "status" in names:
            names.remove("status")
        for name in names:
            check(f"update {self.noun}: {name}", before[name], after[name])
        return after

    def gone(self, one):
        """Deletes one; it is nowhere any more, and can't be deleted again."""
        self.delete(one, ignore_missing=False)
        check(f"find {self.noun} after delete", None, self.find(one.id))
        check(f"list {self.noun} after delete", 0, [each.id for each in self.list()].count(one.id))
        for call in (self.get, lambda one: self.delete(one, ignore_missing=False)):
            try:
                call(one.id)
            except exceptions.NotFoundException:
                continue
            raise SystemExit(f"{self.noun} {one.id} is still there")


networks = Kind("network")
subnets = Kind("subnet")
ports = Kind("port")
routers = Kind("router")
floating_ips = Kind("ip", "ips")
groups = Kind("security_group")
ike_policies = Kind("vpn_ike_policy", "vpn_ike_policies")
ipsec_policies = Kind("vpn_ipsec_policy", "vpn_ipsec_policies")
services = Kind("vpn_service")
endpoint_groups = Kind("vpn_endpoint_group")
connections = Kind("vpn_ipsec_site_connection")
