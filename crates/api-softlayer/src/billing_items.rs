//! `SoftLayer_Billing_Item`: what is paid for of a tunnel context, if anything were; by it a context is cancelled.

use adit_control::NumberOf;
use adit_control::tunnel_context::Ending;
use adit_model::TunnelContextId;

use crate::arguments::{at_most, flag, needed, thing};
use crate::call::{Answer, Call, Cx};
use crate::contexts;
use crate::fault::Fault;
use crate::orders::GATEWAYS;

pub(crate) async fn call(cx: &Cx, call: &Call) -> Result<Answer, Fault> {
    let id = call.object()?;
    let context = thing(cx, NumberOf::BillingItem, id).await?;
    let context: TunnelContextId = context.parse().map_err(|_| Fault::not_found(id))?;
    let ending = match call.method.as_str() {
        "getObject" => {
            at_most(&call.arguments, 0)?;
            let row = cx.control.tunnel_context(&cx.caller, context).await?;
            return Ok(Answer::One(contexts::billing_item(cx, &row).await?));
        }
        "cancelService" => {
            at_most(&call.arguments, 0)?;
            Ending::Now
        }
        // Whether what hangs on it is cancelled too, which nothing does; whether at once; and why, which is theirs to know.
        "cancelItem" => {
            at_most(&call.arguments, 4)?;
            flag(
                "cancelAssociatedBillingItems",
                needed(&call.arguments, 0, "cancelAssociatedBillingItems")?,
            )?;
            match flag(
                "cancelImmediately",
                needed(&call.arguments, 1, "cancelImmediately")?,
            )? {
                true => Ending::Now,
                false => Ending::AfterTheMonth,
            }
        }
        _ => return Err(call.no_method()),
    };
    cx.control
        .cancel_tunnel_context(&cx.caller, GATEWAYS, context, ending)
        .await?;
    Ok(Answer::Plain(true.into()))
}
