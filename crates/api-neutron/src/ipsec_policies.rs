//! Phase 2 parameters in Neutron's words.

use adit_api::attribute::Absent;
use adit_model::policy::{Encapsulation, IpsecParameters, Transform};
use serde_json::{Value, json};

use crate::attribute::{Attribute, DESCRIPTION, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::error::ApiError;
use crate::policies::NeutronPhase;
use crate::policy;
use crate::resource::Words;
use crate::words::{Word as _, one_of};

const MODE: &str = "encapsulation_mode";
const TRANSFORM: &str = "transform_protocol";

impl NeutronPhase for IpsecParameters {
    const WORDS: Words = Words {
        one: "ipsecpolicy",
        many: "ipsecpolicies",
        path: "vpn/ipsecpolicies",
    };

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        attribute(TRANSFORM, one_of::<Transform>())
            .post(Absent::Text("esp"))
            .put()
            .filter(),
        policy::AUTHENTICATION,
        policy::ENCRYPTION,
        attribute(MODE, one_of::<Encapsulation>())
            .post(Absent::Text("tunnel"))
            .put()
            .filter(),
        policy::LIFETIME,
        policy::PFS,
    ];

    const BLANK: Self = Self {
        transform: Transform::Esp,
        encapsulation: Encapsulation::Tunnel,
        encryption: Vec::new(),
        authentication: Vec::new(),
        pfs: Vec::new(),
        lifetime_s: policy::LIFETIME_S,
    };

    fn apply(values: &Values, old: Self) -> Self {
        Self {
            transform: values.word(TRANSFORM).unwrap_or(old.transform),
            encapsulation: values.word(MODE).unwrap_or(old.encapsulation),
            encryption: policy::single(values, policy::ENCRYPTION.name).unwrap_or(old.encryption),
            authentication: policy::single(values, policy::AUTHENTICATION.name)
                .unwrap_or(old.authentication),
            pfs: policy::pfs(values).unwrap_or(old.pfs),
            lifetime_s: policy::lifetime(values).unwrap_or(old.lifetime_s),
        }
    }

    fn show(&self) -> [(&'static str, Value); 6] {
        [
            (TRANSFORM, json!(self.transform.word())),
            ("auth_algorithm", policy::first(&self.authentication)),
            ("encryption_algorithm", policy::first(&self.encryption)),
            (MODE, json!(self.encapsulation.word())),
            ("lifetime", policy::show_lifetime(self.lifetime_s)),
            ("pfs", policy::first_group(&self.pfs)),
        ]
    }

    fn missing(id: String) -> ApiError {
        ApiError::IpsecPolicyNotFound { id }
    }

    fn in_use(id: String) -> ApiError {
        ApiError::IpsecPolicyInUse { id }
    }
}
