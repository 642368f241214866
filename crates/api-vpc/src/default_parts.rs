//! A VPC's default network ACL: a part of its VPC that allows everything.

use adit_model::{Router as Row, RouterId};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiError;
use crate::ids::{self, Part};

/// What it is called.
pub(crate) struct DefaultPart {
    /// Which part of its VPC it is.
    pub(crate) part: Part,
    /// What people call it.
    pub(crate) called: &'static str,
    /// The word at the start of codes.
    pub(crate) word: &'static str,
}

impl DefaultPart {
    /// The VPC whose part this is.
    pub(crate) async fn vpc(&self, cx: &Context, id: &str) -> Result<Row, ApiError> {
        let missing = || {
            let message = format!("The {} `{id}` could not be found.", self.called);
            let code = format!("{}_not_found", self.word);
            ApiError::new(StatusCode::NOT_FOUND, code, message)
        };
        let own = ids::parse(id).ok_or_else(missing)?;
        let vpc = RouterId::from_uuid(self.part.of(own));
        let row = cx.vpc.control.router(&cx.caller, vpc).await;
        row.map_err(|error| ApiError::from(error).or_missing(missing()))
    }

    /// One of its rules.
    pub(crate) fn rule(&self, rules: Vec<Value>, id: &str) -> Result<Value, ApiError> {
        let mut rules = rules.into_iter();
        let found = rules.find(|one| one.get("id") == Some(&json!(id)));
        found.ok_or_else(|| {
            let message = format!("The {} rule `{id}` could not be found.", self.called);
            let code = format!("{}_rule_not_found", self.word);
            ApiError::new(StatusCode::NOT_FOUND, code, message)
        })
    }
}

/// What a rule that allows every protocol says.
pub(crate) fn every_protocol(cx: &Context) -> &'static str {
    if cx.version.has_any_protocol() {
        "any"
    } else {
        "all"
    }
}
