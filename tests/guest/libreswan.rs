//! libreswan in the machine: how it is configured and spoken to.

use std::fmt::Write as _;

use adit_model::policy::{Authentication, Encapsulation, Encryption, Transform};

use crate::machine::Machine;
use crate::peer::Wanted;
use crate::support::{PATIENCE, until};

const FOLDER: &str = "/usr/libexec/ipsec";

/// Starts it.
pub(crate) fn start(machine: &mut Machine) {
    // It is off unless it is asked for.
    machine.write("/tmp/ipsec.conf", "config setup\n    ikev1-policy=accept\n");
    machine.write("/tmp/ipsec.secrets", "");
    machine.run("mkdir -p /run/pluto /tmp/nss");
    machine.run("test -e /tmp/nss/key4.db || certutil -N -d sql:/tmp/nss --empty-password");
    machine.run(&format!(
        "{FOLDER}/pluto --config /tmp/ipsec.conf --secretsfile /tmp/ipsec.secrets --nssdir /tmp/nss \
         --logfile /tmp/log"
    ));
    until("pluto takes commands", PATIENCE, || {
        machine
            .attempt(&format!("{FOLDER}/whack --status"))
            .1
            .then_some(())
    });
}

/// Ends it, and what it has left in the kernel.
pub(crate) fn stop(machine: &mut Machine) {
    let _ = machine.attempt(&format!("{FOLDER}/whack --shutdown"));
    until("pluto has gone", PATIENCE, || {
        (!machine.attempt("pidof pluto").1).then_some(())
    });
    let _ = machine.attempt("ip xfrm state flush; ip xfrm policy flush; rm -f /tmp/log");
}

/// A command of the daemon's; what it printed.
pub(crate) fn whack(machine: &mut Machine, arguments: &str) -> String {
    machine.attempt(&format!("{FOLDER}/whack {arguments}")).0
}

/// Has this one connection.
pub(crate) fn configure(machine: &mut Machine, wanted: &Wanted) {
    machine.write("/tmp/ipsec.conf", &connection(wanted));
    let secret = format!(": PSK \"{}\"\n", wanted.psk);
    machine.write("/tmp/ipsec.secrets", &secret);
    machine.run(&format!("{FOLDER}/whack --rereadsecrets"));
    machine.run(&format!("{FOLDER}/addconn --config /tmp/ipsec.conf adit"));
    if let Some(route) = &wanted.route {
        machine.run(route);
    }
}

/// Has no key any more.
pub(crate) fn forget_secret(machine: &mut Machine) {
    machine.write("/tmp/ipsec.secrets", "");
    machine.run(&format!("{FOLDER}/whack --rereadsecrets"));
}

/// Ends all SAs, and forgets the connection.
pub(crate) fn forget(machine: &mut Machine, route: Option<&str>) {
    whack(machine, "--name adit --delete");
    if let Some(route) = route {
        let _ = machine.attempt(&route.replace(" replace ", " delete "));
    }
}

/// How it spells what the packets are protected by.
fn child(wanted: &Wanted) -> String {
    let (cipher, hash) = wanted.algorithms;
    let hash = match hash {
        Authentication::Md5 => "md5",
        Authentication::Sha1 => "sha1",
        Authentication::Sha384 => "sha2_384",
        Authentication::Sha512 => "sha2_512",
        _ => "sha2_256",
    };
    match (wanted.transform, cipher) {
        (Transform::Ah, _) => hash.to_owned(),
        (_, Encryption::Aes256Gcm16) => "aes_gcm256-null".to_owned(),
        (_, Encryption::Aes256) => format!("aes256-{hash}"),
        (_, Encryption::TripleDes) => format!("3des-{hash}"),
        _ => format!("aes128-{hash}"),
    }
}

fn connection(wanted: &Wanted) -> String {
    let yes = |is| if is { "yes" } else { "no" };
    let mut text = "config setup\n\nconn adit\n".to_owned();
    let group = match (wanted.pfs, wanted.version) {
        (false, _) => "",
        // Its IKEv1 has no elliptic curves in quick modes.
        (true, 1) => "-dh14",
        (true, _) => "-dh19",
    };
    let lines = [
        ("authby", "secret".to_owned()),
        ("ikev2", yes(wanted.version == 2).to_owned()),
        ("left", wanted.own.clone()),
        ("right", wanted.gateway.clone()),
        ("ike", wanted.ike_libreswan.to_owned()),
        ("pfs", yes(wanted.pfs).to_owned()),
        ("esn", yes(wanted.esn).to_owned()),
        ("fragmentation", "no".to_owned()),
        ("encapsulation", "no".to_owned()),
        ("leftupdown", "/bin/true".to_owned()),
        (
            "phase2",
            match wanted.transform {
                Transform::Ah => "ah",
                _ => "esp",
            }
            .to_owned(),
        ),
        ("phase2alg", format!("{}{group}", child(wanted))),
        (
            "type",
            match wanted.encapsulation {
                Encapsulation::Transport => "transport",
                Encapsulation::Tunnel => "tunnel",
            }
            .to_owned(),
        ),
    ];
    for (key, value) in lines {
        let _ = writeln!(text, "    {key}={value}");
    }
    if wanted.encapsulation == Encapsulation::Tunnel {
        if !wanted.local.is_empty() {
            let _ = writeln!(text, "    leftsubnet={}", wanted.local);
        }
        let _ = writeln!(text, "    rightsubnet={}", wanted.remote);
    }
    if !wanted.more.contains("auto=") {
        text += "    auto=ignore\n";
    }
    for line in wanted.more.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text
}
