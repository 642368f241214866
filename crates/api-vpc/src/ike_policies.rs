//! `/ike_policies`: phase 1.

use adit_model::policy::{
    Authentication, DhGroup, Encryption, IkeParameters, IkeVersion, NegotiationMode,
};
use serde_json::{Value, json};

use crate::algorithms;
use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::policies::Words;

/// In seconds.
const DEFAULT_LIFETIME: u32 = 28_800;

/// What a body says; `None` is not said.
pub(crate) struct Change {
    version: Option<IkeVersion>,
    encryption: Option<Vec<Encryption>>,
    authentication: Option<Vec<Authentication>>,
    groups: Option<Vec<DhGroup>>,
    lifetime_s: Option<u32>,
}

impl Words for IkeParameters {
    const MANY: &'static str = "ike_policies";
    const ONE: &'static str = "ike_policy";
    const FIELDS: &'static [&'static str] = &[
        "authentication_algorithm",
        "authentication_algorithms",
        "dh_group",
        "dh_groups",
        "encryption_algorithm",
        "encryption_algorithms",
        "ike_version",
        "key_lifetime",
    ];

    type Change = Change;

    fn read(body: &Fields) -> Result<Change, ApiError> {
        let version = match body.number("ike_version")? {
            None => None,
            Some(1) => Some(IkeVersion::V1),
            Some(2) => Some(IkeVersion::V2),
            Some(_) => return Err(body.wrong("ike_version", "1 or 2")),
        };
        let field = "encryption_algorithm";
        let cbc = |name: &str| algorithms::encryption(name).filter(|one| !one.is_aead());
        let encryption = algorithms::names(body, field)?;
        let encryption = encryption.map(|names| algorithms::each(body, field, &names, cbc));
        let field = "authentication_algorithm";
        let authentication = algorithms::names(body, field)?;
        let read = algorithms::authentication;
        let authentication =
            authentication.map(|names| algorithms::each(body, field, &names, read));
        Ok(Change {
            version,
            encryption: encryption.transpose()?,
            authentication: authentication.transpose()?,
            groups: groups(body)?,
            lifetime_s: algorithms::lifetime(body)?,
        })
    }

    fn make(body: &Fields, change: Change) -> Result<Self, ApiError> {
        Ok(Self {
            version: change.version.ok_or_else(|| body.missing("ike_version"))?,
            negotiation_mode: NegotiationMode::Main,
            encryption: change
                .encryption
                .ok_or_else(|| body.missing("encryption_algorithm"))?,
            authentication: change
                .authentication
                .ok_or_else(|| body.missing("authentication_algorithm"))?,
            groups: change.groups.ok_or_else(|| body.missing("dh_group"))?,
            lifetime_s: change.lifetime_s.unwrap_or(DEFAULT_LIFETIME),
        })
    }

    fn apply(change: Change, old: Self) -> Self {
        Self {
            version: change.version.unwrap_or(old.version),
            negotiation_mode: old.negotiation_mode,
            encryption: change.encryption.unwrap_or(old.encryption),
            authentication: change.authentication.unwrap_or(old.authentication),
            groups: change.groups.unwrap_or(old.groups),
            lifetime_s: change.lifetime_s.unwrap_or(old.lifetime_s),
        }
    }

    /// IKEv1 can't say "one of these" without naming every combination.
    fn check_together(&self, body: &Fields) -> Result<(), ApiError> {
        let lengths = [
            self.encryption.len(),
            self.authentication.len(),
            self.groups.len(),
        ];
        if self.version == IkeVersion::V1 && lengths != [1; 3] {
            return Err(body.wrong(
                "ike_version",
                "2 when there is more than one of an algorithm",
            ));
        }
        Ok(())
    }

    fn show(&self, cx: &Context) -> Value {
        let encryption = algorithms::show_encryption(cx, &self.encryption);
        let authentication = algorithms::show_authentication(&self.authentication);
        let groups: Vec<Value> = self.groups.iter().map(|one| json!(one.number())).collect();
        let several = json!("multiple");
        json!({
            "ike_version": match self.version { IkeVersion::V1 => 1, IkeVersion::V2 => 2 },
            "encryption_algorithm": algorithms::single(&encryption, Value::Null, several.clone()),
            "encryption_algorithms": encryption,
            "authentication_algorithm": algorithms::single(&authentication, Value::Null, several),
            "authentication_algorithms": authentication,
            "dh_group": algorithms::single(&groups, Value::Null, json!(65_535)),
            "dh_groups": groups,
            "key_lifetime": self.lifetime_s,
            "negotiation_mode": match self.negotiation_mode {
                NegotiationMode::Main => "main",
                NegotiationMode::Aggressive => "aggressive",
            },
        })
    }
}

/// `dh_group`, or `dh_groups`.
fn groups(body: &Fields) -> Result<Option<Vec<DhGroup>>, ApiError> {
    let what = "groups 2, 5, 14 to 24 or 31, without repetitions";
    let wrong = |field| body.wrong(field, what);
    let one = body.number("dh_group")?;
    let Some(list) = body.list("dh_groups")? else {
        let read = |number: u32| algorithms::group(number.into());
        let one = one.map(|number| read(number).ok_or_else(|| wrong("dh_group")));
        return Ok(one.transpose()?.map(|group| vec![group]));
    };
    if one.is_some() {
        return Err(algorithms::both(body, "dh_group"));
    }
    let mut groups = Vec::new();
    for number in list {
        let group = number.as_u64().and_then(algorithms::group);
        let group = group.filter(|group| !groups.contains(group));
        groups.push(group.ok_or_else(|| wrong("dh_groups"))?);
    }
    if groups.is_empty() {
        return Err(wrong("dh_groups"));
    }
    Ok(Some(groups))
}
