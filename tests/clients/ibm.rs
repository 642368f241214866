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

/// All calls on VPN of one release, in its shape.
macro_rules! everything {
    ($($name:ident: $release:literal, $prefix:literal, $number:literal;)+) => {$(
        #[test]
        fn $name() {
            with($release, $prefix, $number, "ibm/everything.py");
        }
    )+};
}

everything! {
    the_sdk_of_2026_makes_changes_lists_and_deletes_everything: "ibm-vpc-36", "av2", 62;
    the_sdk_of_2023_makes_changes_lists_and_deletes_everything: "ibm-vpc-20", "av3", 63;
    the_sdk_of_2022_makes_changes_lists_and_deletes_everything: "ibm-vpc-10", "av4", 64;
    the_sdk_of_2020_makes_changes_lists_and_deletes_everything: "ibm-vpc-1", "av5", 65;
}
