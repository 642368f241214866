//! `/security-groups`.

use adit_api::attribute::Absent;
use adit_control::security_group::{GroupChange, GroupView, NewGroup, Rules};
use adit_control::{Allowance, Caller, Error, Naming, Noun, OnDelete, Query, Rule};
use adit_model::SecurityGroupId;
use adit_model::project::Role;
use serde_json::json;
use uuid::Uuid;

use crate::attribute::{Attribute, DESCRIPTION, ID, NAME, PROJECT, REVISION, attribute};
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::object;
use crate::refusal::Failure;
use crate::resource::{Resource, Words, standard};
use crate::security_group_rules::render_rule;
use adit_api::kind::Kind;
use adit_api::object::Object;

/// Nothing that Neutron takes is refused.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

pub(crate) struct SecurityGroups;

impl Resource for SecurityGroups {
    const WORDS: Words = Words {
        one: "security_group",
        many: "security_groups",
        path: "security-groups",
    };

    const NOUN: Noun = Noun::SecurityGroup;

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        attribute("stateful", Kind::Just(true, "all groups are stateful here"))
            .post(Absent::True)
            .put()
            .filter(),
        attribute("shared", Kind::Flag).filter(),
        attribute("security_group_rules", Kind::List),
        REVISION,
    ];

    const SEES: Role = Role::Reader;

    const BULK: bool = true;

    type Row = GroupView;

    fn id(row: &GroupView) -> Uuid {
        row.group.id.uuid()
    }

    fn render(_: &Context, view: &GroupView) -> Object {
        let row = &view.group;
        let mut object = object::named(row.id.uuid(), row.project, &row.name, &row.description);
        object.extend(standard(row.created_at, row.updated_at, row.revision));
        let rules = view.rules.iter().map(render_rule);
        let own = [("stateful", json!(true)), ("shared", json!(false))];
        object.extend(own);
        object.list("security_group_rules", rules);
        object
    }

    fn missing(id: String) -> ApiError {
        ApiError::SecurityGroupNotFound { id }
    }

    fn in_use(id: String, _: Noun, _: &[Uuid]) -> ApiError {
        ApiError::SecurityGroupInUse { id }
    }

    async fn create(cx: &Context, maker: Caller, values: &Values) -> Result<GroupView, Failure> {
        let (name, description) = (values.new_name()?, values.new_description());
        let new = NewGroup::of_project(name, description);
        let made = cx.control.create_security_group(&maker, RULES, new).await;
        made.map_err(default_group)
    }

    async fn page(cx: &Context, query: Query) -> Result<Vec<GroupView>, Failure> {
        Ok(cx.control.page_security_groups(&cx.caller, query).await?)
    }

    async fn update(cx: &Context, id: Uuid, values: &Values) -> Result<GroupView, Failure> {
        let change = GroupChange {
            expected: cx.expected(),
            name: values.name(),
            description: values.description(),
        };
        let id = SecurityGroupId::from_uuid(id);
        let update = cx
            .control
            .update_security_group(&cx.caller, RULES, id, change);
        update.await.map_err(default_group)
    }

    async fn delete(cx: &Context, id: Uuid) -> Result<(), Failure> {
        let id = SecurityGroupId::from_uuid(id);
        let deleted = cx
            .control
            .delete_security_group(&cx.caller, RULES, id, cx.expected())
            .await;
        deleted.map_err(|error| match error {
            Error::Conflict {
                rule: Rule::InUse(_),
                ..
            } => Failure::from(ApiError::CannotRemoveDefaultGroup),
            other => other.into(),
        })
    }
}

fn default_group(error: Error) -> Failure {
    match error {
        Error::Conflict {
            rule: Rule::NameTaken(_),
            ..
        } => ApiError::DefaultGroupExists.into(),
        other => other.into(),
    }
}
