//! What `make interop-full` writes: a section of a page, between two marks.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::peer::Daemon;

/// What became of a row in one role.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) daemon: Daemon,
    pub(crate) name: &'static str,
    pub(crate) scenarios: &'static str,
    pub(crate) role: &'static str,
    pub(crate) passed: bool,
}

/// Where it is wanted.
pub(crate) struct Report(PathBuf);

const BEGIN: &str = "<!-- lane B: begin -->\n";
const END: &str = "<!-- lane B: end -->\n";

impl Report {
    /// The page named by `ADIT_INTEROP_REPORT`.
    pub(crate) fn wanted() -> Option<Self> {
        std::env::var_os("ADIT_INTEROP_REPORT").map(|path| Self(path.into()))
    }

    /// Puts the section in the place of the one before, or at the end.
    pub(crate) fn write(&self, image: &Path, results: &[Outcome]) {
        let page =
            fs::read_to_string(&self.0).unwrap_or_else(|_| "# Interoperability\n".to_owned());
        let (before, after) = match (page.split_once(BEGIN), page.split_once(END)) {
            (Some((before, _)), Some((_, after))) => (before.to_owned(), after.to_owned()),
            _ => (page + "\n", String::new()),
        };
        let section = section(image, results);
        fs::write(&self.0, format!("{before}{BEGIN}{section}{END}{after}")).unwrap();
    }
}

fn section(image: &Path, results: &[Outcome]) -> String {
    let versions = fs::read_to_string(image.join("versions")).unwrap_or_default();
    let versions = versions.lines().collect::<Vec<_>>().join(", ");
    let today = OffsetDateTime::now_utc().date();
    let passed = results.iter().filter(|one| one.passed).count();
    let mut text = format!(
        "## Lane B: kernel peers in a guest\n\n\
         strongSwan and libreswan with the kernel's ESP and AH, in a machine under QEMU ({versions}), on {today}:\n\
         {passed} of {} passed. A row passes if both sides report the tunnel, pings of all sizes pass both ways, nothing is\n\
         seen on the wire but IKE, ESP and AH, and in tunnel mode of ESP nothing in clear within them, and nothing is left\n\
         behind. `make interop-full` writes this; `make test` runs the first rows.\n",
        results.len()
    );
    for daemon in [Daemon::StrongSwan, Daemon::Libreswan] {
        let name = daemon.name();
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "\n### {name}\n\n| row | {name}'s scenario | Adit is | result |\n|---|---|---|---|"
        );
        for one in results.iter().filter(|one| one.daemon == daemon) {
            let result = if one.passed { "passed" } else { "failed" };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {result} |",
                one.name, one.scenarios, one.role
            );
        }
    }
    text.push_str(NOT_RUN);
    text
}

/// Why the others of the scoreboard are not among the rows.
const NOT_RUN: &str = "
Of libreswan's 52 scenarios 35 are above. Of the others a peer that behaves well shows nothing, and our own tests play the
other end: `ikev2-ddos-cookie-02-mangle`, `ikev2-impair-10-nr-ts-selectors`, `impair-14-ike-responder-spi-0-ikev2`,
`ikev2-invalid-ke-02-wrong-modp`, `fuzzer-ikev1-01`, `ikev2-15-fuzzer`, `ikev2-child-rekey-06-deadlock`,
`crossing-streams-03-ikev2-delete-ike-vs-child`. IKEv1 at any address is refused (`psk-pluto-04`, `psk-pluto-05`,
`ikev1-psk-two-rw-id-ip-01`, `ikev1-27-uniqueid`). Not yet run for want of a NAT before the machine:
`ikev1-psk-dual-behind-nat-01`, `interop-ikev2-strongswan-10-nat-initiator`; for want of the setting in libreswan 4.10:
`ikev2-expire-01-bytes`. Not asked for: `ikev2-algo-sha2-08-truncbug`, `interop-ikev2-openbsd-01-iked-responder`.
";
