//! Phase 1 parameters in Neutron's words.

use adit_api::attribute::Absent;
use adit_model::policy::{IkeParameters, IkeVersion, NegotiationMode};
use serde_json::{Value, json};

use crate::attribute::{Attribute, DESCRIPTION, ID, NAME, PROJECT, attribute};
use crate::body::Values;
use crate::error::ApiError;
use crate::policies::NeutronPhase;
use crate::policy;
use crate::resource::Words;
use crate::words::{Word as _, one_of};

const MODE: &str = "phase1_negotiation_mode";
const VERSION: &str = "ike_version";

impl NeutronPhase for IkeParameters {
    const WORDS: Words = Words {
        one: "ikepolicy",
        many: "ikepolicies",
        path: "vpn/ikepolicies",
    };

    const ATTRIBUTES: &'static [Attribute] = &[
        ID.sort(),
        PROJECT.sort(),
        NAME.sort(),
        DESCRIPTION,
        policy::AUTHENTICATION,
        policy::ENCRYPTION,
        attribute(MODE, one_of::<NegotiationMode>())
            .post(Absent::Text("main"))
            .put()
            .filter(),
        policy::LIFETIME,
        attribute(VERSION, one_of::<IkeVersion>())
            .post(Absent::Text("v1"))
            .put()
            .filter(),
        policy::PFS,
    ];

    const BLANK: Self = Self {
        version: IkeVersion::V1,
        negotiation_mode: NegotiationMode::Main,
        encryption: Vec::new(),
        authentication: Vec::new(),
        groups: Vec::new(),
        lifetime_s: policy::LIFETIME_S,
    };

    fn apply(values: &Values, old: Self) -> Self {
        Self {
            version: values.word(VERSION).unwrap_or(old.version),
            negotiation_mode: values.word(MODE).unwrap_or(old.negotiation_mode),
            encryption: policy::single(values, policy::ENCRYPTION.name).unwrap_or(old.encryption),
            authentication: policy::single(values, policy::AUTHENTICATION.name)
                .unwrap_or(old.authentication),
            groups: policy::pfs(values).unwrap_or(old.groups),
            lifetime_s: policy::lifetime(values).unwrap_or(old.lifetime_s),
        }
    }

    fn show(&self) -> [(&'static str, Value); 6] {
        [
            ("auth_algorithm", policy::first(&self.authentication)),
            ("encryption_algorithm", policy::first(&self.encryption)),
            (MODE, json!(self.negotiation_mode.word())),
            ("lifetime", policy::show_lifetime(self.lifetime_s)),
            (VERSION, json!(self.version.word())),
            ("pfs", policy::first_group(&self.groups)),
        ]
    }

    fn missing(id: String) -> ApiError {
        ApiError::IkePolicyNotFound { id }
    }

    fn in_use(id: String) -> ApiError {
        ApiError::IkePolicyInUse { id }
    }
}
