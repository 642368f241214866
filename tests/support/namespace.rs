//! Namespaces and links by name, and commands inside of them.

use std::process::{Command, Stdio};

/// The short id in names of the kernel's things: eight hexadecimal digits.
pub(crate) fn short(id: &str) -> &str {
    &id.split_once('-').unwrap().1[..8]
}

/// A command inside a namespace.
pub(crate) fn within(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", namespace, program])
        .stdin(Stdio::null());
    command
}

/// Runs `ip` with arguments separated by spaces; it must work.
pub(crate) fn ip(arguments: &str) {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "ip {arguments}: {error}");
}

fn listed(arguments: &[&str]) -> Vec<String> {
    let output = Command::new("ip").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // Links are printed as `name@peer`.
    text.lines()
        .filter_map(|line| line.split_whitespace().next()?.split('@').next())
        .map(str::to_owned)
        .collect()
}

/// Namespaces and links of the host that begin with `prefix` and a hyphen.
pub(crate) fn all(prefix: &str) -> Vec<String> {
    let marker = format!("{prefix}-");
    [listed(&["netns", "list"]), listed(&["-br", "link"])]
        .concat()
        .into_iter()
        .filter(|name| name.starts_with(&marker))
        .collect()
}

/// Removes all of those.
pub(crate) fn remove_all(prefix: &str) {
    for name in all(prefix) {
        remove(&name);
    }
}

/// Removes the namespace or link of this name, if it is there.
pub(crate) fn remove(name: &str) {
    for kind in ["netns", "link"] {
        let _ = Command::new("ip")
            .args([kind, "delete", name])
            .stderr(Stdio::null())
            .status();
    }
}
