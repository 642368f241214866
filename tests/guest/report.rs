//! What `make interop-full` writes: a section of a page, between two marks.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

/// What became of a row in one role.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
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
         strongSwan with the kernel's ESP, in a machine under QEMU ({versions}), on {today}: {passed} of {} passed. A row\n\
         passes if both sides report the tunnel, pings of all sizes pass both ways, nothing is seen in clear on the wire, and\n\
         nothing is left behind. `make interop-full` writes this; `make test` runs the first four rows.\n\n\
         | row | strongSwan's scenario | Adit is | result |\n|---|---|---|---|\n",
        results.len()
    );
    for one in results {
        let result = if one.passed { "passed" } else { "failed" };
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {result} |",
            one.name, one.scenarios, one.role
        );
    }
    text.push_str(
        "\nNot yet run: AH and transport mode (refused with a reason), libreswan, NAT in front of the machine.\n",
    );
    text
}
