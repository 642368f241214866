//! Who asks, and under which address.

use adit_api::{bearer, origin};
use adit_control::{Caller, Control};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::refusal::Refusal;

pub(crate) struct Context {
    pub(crate) control: Control,
    pub(crate) caller: Caller,
    pub(crate) base: String,
}

impl FromRequestParts<Control> for Context {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, Refusal> {
        Ok(Self {
            control: control.clone(),
            caller: bearer::caller(control, &parts.headers).await?,
            base: origin::of(None, &parts.headers, &parts.extensions),
        })
    }
}
