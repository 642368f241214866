//! IBM's VPC SDK for Python, in several releases.

use crate::client::{programs, with_settings};
use crate::sdk::run;
use crate::support::serve::Serve;
use crate::support::turn;

/// Runs a script with a release of the SDK, as the demo account.
fn with(release: &str, prefix: &str, number: u8, script: &str) {
    let Some(programs) = programs(release, "python") else {
        return;
    };
    let Some(_turn) = turn(&["nft"]) else {
        return;
    };
    let serve = Serve::start(prefix, number);
    let settings = serve.folder.join("state/clients/ibm.env");
    run(with_settings(&programs.join("python"), &settings), script);
}

#[test]
fn whatever_the_sdk_can_say_is_honoured_or_refused_by_its_name() {
    with("ibm-vpc-36", "av1", 61, "ibm/walk.py");
}
