//! The account of who calls: its project.

use adit_control::NumberOf;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::fault::Fault;

/// The account's id.
pub(crate) async fn number(cx: &Cx) -> Result<u32, Fault> {
    Ok(cx.control.number(&cx.caller, NumberOf::Account, "").await?)
}

/// The account itself.
pub(crate) async fn shown(cx: &Cx) -> Result<Value, Fault> {
    let id = number(cx).await?;
    Ok(json!({"id": id, "companyName": cx.caller.project.to_string()}))
}
