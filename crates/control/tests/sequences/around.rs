//! What is around the subnets of routers: steps of [`super::steps`].

use adit_control::Caller;
use adit_control::OnDelete;
use adit_control::network_acl::{Before, NewAclRule};
use adit_control::security_group::NewGroup;
use adit_model::network_acl::{AclRule, Flow};
use adit_model::{NetworkAcl, PublicGateway, Router, Subnet};

use super::steps::{Outcome, Step, any, done, of};
use crate::world::{LAX_FLOATING_IPS, LAX_GROUPS, World, name, new_acl, new_group, new_public};

/// All of them.
pub(super) const STEPS: &[Step] = &[
    Step::AttachAcl,
    Step::AttachPublicGateway,
    Step::ChangeAcl,
    Step::DeleteAcl,
    Step::DeletePublicGateway,
    Step::MakeAcl,
    Step::MakeGroupOfRouter,
    Step::MakePublicGateway,
];

pub(super) async fn take(
    world: &World,
    caller: &Caller,
    step: Step,
    [a, b, d, ..]: [u8; 6],
) -> Option<Outcome> {
    let c = &world.control;
    let on_delete = of(&[OnDelete::Restrict, OnDelete::Cascade], d);
    Some(match step {
        Step::MakeAcl => {
            let mut new = new_acl(any::<Router>(world, a).await?.id);
            new.name = name(&format!("a-{b}"));
            done(c.create_network_acl(caller, new).await)
        }
        Step::ChangeAcl => {
            let acl = any::<NetworkAcl>(world, a).await?;
            let new = NewAclRule {
                name: name(&format!("r-{b}")),
                content: AclRule::allowing(of(&[Flow::Inbound, Flow::Outbound], d)),
            };
            let changed = c.create_network_acl_rule(caller, acl.id, new, Before::Nothing);
            done(changed.await)
        }
        Step::AttachAcl => {
            let subnet = any::<Subnet>(world, a).await?.id;
            let acl = any::<NetworkAcl>(world, b).await?.id;
            done(c.attach_network_acl(caller, subnet, acl).await)
        }
        Step::DeleteAcl => {
            let acl = any::<NetworkAcl>(world, a).await?.id;
            done(c.delete_network_acl(caller, on_delete, acl, None).await)
        }
        Step::MakePublicGateway => {
            let router = any::<Router>(world, a).await?;
            let mut new = new_public(&router, &any::<Subnet>(world, b).await?);
            new.name = name(&format!("p-{d}"));
            done(c.create_public_gateway(caller, LAX_FLOATING_IPS, new).await)
        }
        Step::AttachPublicGateway => {
            let subnet = any::<Subnet>(world, a).await?.id;
            let gateway = any::<PublicGateway>(world, b).await?.id;
            let gateway = (d % 4 > 0).then_some(gateway);
            done(c.attach_public_gateway(caller, subnet, gateway).await)
        }
        Step::DeletePublicGateway => {
            let gateway = any::<PublicGateway>(world, a).await?.id;
            let deleted = c.delete_public_gateway(caller, on_delete, gateway, None);
            done(deleted.await)
        }
        Step::MakeGroupOfRouter => {
            let new = NewGroup {
                router: Some(any::<Router>(world, a).await?.id),
                ..new_group(&format!("g-{b}"))
            };
            done(c.create_security_group(caller, LAX_GROUPS, new).await)
        }
        other => unreachable!("{other:?} is another's step"),
    })
}
