//! `/ipsec_policies`: phase 2.

use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IpsecParameters, Transform,
};
use serde_json::{Value, json};

use crate::algorithms;
use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::policies::Words;

/// In seconds.
const DEFAULT_LIFETIME: u32 = 3_600;

/// The word for no integrity algorithm beside the cipher's own, and for no forward secrecy.
const DISABLED: &str = "disabled";

/// What a body says; `None` is not said.
pub(crate) struct Change {
    encryption: Option<Vec<Encryption>>,
    authentication: Option<Vec<Authentication>>,
    pfs: Option<Vec<DhGroup>>,
    lifetime_s: Option<u32>,
}

impl Words for IpsecParameters {
    const MANY: &'static str = "ipsec_policies";
    const ONE: &'static str = "ipsec_policy";
    const FIELDS: &'static [&'static str] = &[
        "authentication_algorithm",
        "authentication_algorithms",
        "encryption_algorithm",
        "encryption_algorithms",
        "key_lifetime",
        "pfs",
        "pfs_groups",
    ];

    type Change = Change;

    fn read(body: &Fields) -> Result<Change, ApiError> {
        let field = "encryption_algorithm";
        let encryption = algorithms::names(body, field)?;
        let read = algorithms::encryption;
        let encryption = encryption.map(|names| algorithms::each(body, field, &names, read));
        let field = "authentication_algorithm";
        let authentication = algorithms::names(body, field)?.map(|names| match names[..] {
            [DISABLED] => Ok(Vec::new()),
            _ => algorithms::each(body, field, &names, algorithms::authentication),
        });
        Ok(Change {
            encryption: encryption.transpose()?,
            authentication: authentication.transpose()?,
            pfs: pfs(body)?,
            lifetime_s: algorithms::lifetime(body)?,
        })
    }

    fn make(body: &Fields, change: Change) -> Result<Self, ApiError> {
        Ok(Self {
            transform: Transform::Esp,
            encapsulation: Encapsulation::Tunnel,
            encryption: change
                .encryption
                .ok_or_else(|| body.missing("encryption_algorithm"))?,
            authentication: change
                .authentication
                .ok_or_else(|| body.missing("authentication_algorithm"))?,
            pfs: change.pfs.ok_or_else(|| body.missing("pfs"))?,
            lifetime_s: change.lifetime_s.unwrap_or(DEFAULT_LIFETIME),
        })
    }

    fn apply(change: Change, old: Self) -> Self {
        Self {
            transform: old.transform,
            encapsulation: old.encapsulation,
            encryption: change.encryption.unwrap_or(old.encryption),
            authentication: change.authentication.unwrap_or(old.authentication),
            pfs: change.pfs.unwrap_or(old.pfs),
            lifetime_s: change.lifetime_s.unwrap_or(old.lifetime_s),
        }
    }

    /// A cipher with its own integrity goes without another algorithm, and beside no other cipher.
    fn check_together(&self, body: &Fields) -> Result<(), ApiError> {
        let aead = self.encryption.iter().filter(|one| one.is_aead()).count();
        if aead != 0 && aead != self.encryption.len() {
            let what = "either all with or all without their own integrity";
            return Err(body.wrong("encryption_algorithms", what));
        }
        if (aead != 0) != self.authentication.is_empty() {
            let what = "`disabled` with GCM ciphers, and only with those";
            return Err(body.wrong("authentication_algorithm", what));
        }
        Ok(())
    }

    fn show(&self, cx: &Context) -> Value {
        let or_disabled = |mut list: Vec<Value>| {
            if list.is_empty() {
                list.push(json!(DISABLED));
            }
            list
        };
        let encryption = algorithms::show_encryption(cx, &self.encryption);
        let authentication = algorithms::show_authentication(&self.authentication);
        let authentication = or_disabled(authentication);
        let pfs = self.pfs.iter();
        let pfs = pfs.map(|one| json!(format!("group_{}", one.number())));
        let pfs = or_disabled(pfs.collect());
        let several = || json!("multiple");
        json!({
            "encryption_algorithm": algorithms::single(&encryption, Value::Null, several()),
            "encryption_algorithms": encryption,
            "authentication_algorithm": algorithms::single(&authentication, Value::Null, several()),
            "authentication_algorithms": authentication,
            "pfs": algorithms::single(&pfs, Value::Null, several()),
            "pfs_groups": pfs,
            "key_lifetime": self.lifetime_s,
            "encapsulation_mode": match self.encapsulation {
                Encapsulation::Tunnel => "tunnel",
                Encapsulation::Transport => "transport",
            },
            "transform_protocol": match self.transform {
                Transform::Esp => "esp",
                Transform::Ah => "ah",
                Transform::AhEsp => "ah_esp",
            },
        })
    }
}

/// `pfs`, or `pfs_groups`.
fn pfs(body: &Fields) -> Result<Option<Vec<DhGroup>>, ApiError> {
    let (one, many) = (body.text("pfs")?, body.texts("pfs_groups")?);
    let names = match (one, many) {
        (Some(_), Some(_)) => return Err(body.wrong("pfs", "left out when pfs_groups is given")),
        (Some(one), None) => vec![one],
        (None, Some(many)) => many,
        (None, None) => return Ok(None),
    };
    if names == [DISABLED] {
        return Ok(Some(Vec::new()));
    }
    if names.is_empty() {
        return Err(body.wrong("pfs_groups", "a list of one or more"));
    }
    let read = |name: &str| algorithms::group(name.strip_prefix("group_")?.parse().ok()?);
    algorithms::each(body, "pfs", &names, read).map(Some)
}
