"""Two tenants of a cloud: each a project, and a user who is a member of it, called by one name."""

import sys

import openstack

(password,) = sys.argv[1:]
identity = openstack.connect().identity
member = identity.find_role("member", ignore_missing=False)
for name in ["blue", "green"]:
    project = identity.create_project(name=name, domain_id="default")
    user = identity.create_user(name=name, domain_id="default", password=password)
    identity.assign_project_role_to_user(project, user, member)
