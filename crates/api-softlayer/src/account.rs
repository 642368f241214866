//! `SoftLayer_Account`: a project.

use serde_json::json;

use crate::arguments::at_most;
use crate::call::{Answer, Call, Cx};
use crate::fault::Fault;
use crate::shape::joined;
use crate::{contexts, subnets, whose};

pub(crate) async fn call(cx: &Cx, call: &Call) -> Result<Answer, Fault> {
    if let Some(id) = call.id
        && id != whose::number(cx).await?
    {
        return Err(Fault::not_found(id));
    }
    at_most(&call.arguments, 0)?;
    Ok(match call.method.as_str() {
        "getNetworkTunnelContexts" => {
            Answer::Many("networkTunnelContexts", contexts::all(cx).await?)
        }
        "getObject" => {
            let subnets = subnets::all(cx).await?;
            let relations = json!({
                "networkTunnelContexts": contexts::all(cx).await?,
                "privateSubnets": subnets,
                "subnets": subnets,
            });
            Answer::One(joined(whose::shown(cx).await?, relations))
        }
        "getPrivateSubnets" => Answer::Many("privateSubnets", subnets::all(cx).await?),
        "getSubnets" => Answer::Many("subnets", subnets::all(cx).await?),
        _ => return Err(call.no_method()),
    })
}
