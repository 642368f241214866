//! Rules, their own groups, and those that they name.

use adit_model::security_group::Remote;
use adit_model::{SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupRuleId};

use super::World;
use crate::Store;

pub async fn a_rule_is_of_its_own_group_and_goes_with_the_one_it_names(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let mut tx = store.write().await.unwrap();
    let other = SecurityGroup {
        id: SecurityGroupId::random(),
        is_default: false,
        ..w.security_group.clone()
    };
    tx.insert_security_group(&other).await.unwrap();
    let rule = SecurityGroupRule {
        id: SecurityGroupRuleId::random(),
        group: other.id,
        remote: Remote::Group(w.security_group.id),
        ..w.security_group_rule.clone()
    };
    tx.insert_security_group_rule(&rule).await.unwrap();
    let own = tx.rules_of_security_group(w.security_group.id).await;
    assert_eq!(own.unwrap(), [w.security_group_rule.clone()]);
    let others = tx.rules_of_security_group(other.id).await;
    assert_eq!(others.unwrap(), [rule.clone()]);
    let (project, port) = (w.project.id, w.port.clone());
    tx.delete_floating_ip(project, w.floating_ip.id)
        .await
        .unwrap();
    tx.delete_port(project, port.id).await.unwrap();
    let gone = tx.delete_security_group(project, w.security_group.id);
    assert!(gone.await.unwrap());
    let others = tx.rules_of_security_group(other.id).await;
    assert_eq!(others.unwrap(), []);
}
