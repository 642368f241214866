//! Pings and TCP streams between namespaces.

use std::fs::File;
use std::io::Read;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::namespace::within;
use super::serve::signal_to;
use super::site::Instance;
use super::{PATIENCE, until};

/// What became of a series of pings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pings {
    pub(crate) sent: u32,
    pub(crate) received: u32,
    /// All that ping printed.
    pub(crate) text: String,
}

impl Pings {
    fn of(text: String) -> Self {
        let line = text
            .lines()
            .find(|line| line.contains("packets transmitted"));
        let line = line.unwrap_or_else(|| panic!("no statistics: {text}"));
        let number = |before: &str| -> u32 {
            let (count, _) = line.split_once(before).unwrap();
            count.rsplit(' ').next().unwrap().parse().unwrap()
        };
        Self {
            sent: number(" packets transmitted"),
            received: number(" received"),
            text,
        }
    }

    /// The number of the last request that was answered, from 1 on; 0 if none was.
    fn last_answered(&self) -> u32 {
        let answers = self
            .text
            .lines()
            .filter(|line| line.contains(" bytes from "));
        let numbers = answers.filter_map(|line| {
            let (_, number) = line.split_once("icmp_seq=")?;
            number.split(' ').next()?.parse().ok()
        });
        numbers.max().unwrap_or(0)
    }

    /// Whether all were answered, and there were some.
    pub(crate) const fn are_all(&self) -> bool {
        self.sent > 0 && self.sent == self.received
    }

    /// All were answered, and there were some.
    #[track_caller]
    pub(crate) fn all(&self) {
        assert!(self.sent > 0);
        assert_eq!(self.sent, self.received, "{}", self.text);
    }

    /// None was answered.
    #[track_caller]
    pub(crate) fn none(&self) {
        assert_eq!(self.received, 0, "{}", self.text);
    }
}

/// Pings with more arguments, separated by spaces; `-c`, how many answers are wanted, is among them.
///
/// Each has seconds to be answered. Without `-w` ping waits after its last request for no longer
/// than its interval or two of the longest round trips it saw, whatever `-W` says: on a busy machine
/// that is less than a turn of the scheduler, and an answer on its way counts as lost. With it, ping
/// goes on until so many answers are there; what it sent after the last of them is not looked at.
pub(crate) fn ping_with(namespace: &str, to: &str, arguments: &str) -> Pings {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let count = arguments.iter().skip_while(|word| **word != "-c").nth(1);
    let count: u32 = count.expect("-c is among them").parse().unwrap();
    let output = within(namespace, "ping")
        .args(["-n", "-w", "5"])
        .args(arguments)
        .arg(to)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    let pings = Pings::of(text);
    if pings.received < count {
        return pings;
    }
    Pings {
        sent: pings.last_answered(),
        ..pings
    }
}

/// Ten pings from an instance.
pub(crate) fn ping(from: &Instance, to: &str) -> Pings {
    ping_with(&from.namespace, to, "-c 10 -i 0.02")
}

/// Pings both ways; all must be answered.
#[track_caller]
pub(crate) fn ping_both(a: &Instance, b: &Instance) {
    ping(a, &b.address).all();
    ping(b, &a.address).all();
}

/// Pings that go on until they are counted.
pub(crate) struct PingsUnderWay {
    child: Child,
    /// Reads what it says: it would stop at a full pipe.
    said: Option<JoinHandle<String>>,
}

impl PingsUnderWay {
    /// A tenth of a second's.
    const ON_THEIR_WAY: u32 = 20;

    pub(crate) fn start(namespace: &str, to: &str) -> Self {
        Self::every(namespace, to, "0.005")
    }

    /// One every so many seconds.
    pub(crate) fn every(namespace: &str, to: &str, seconds: &str) -> Self {
        let child = within(namespace, "ping")
            .args(["-n", "-i", seconds, to])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.unwrap();
        let mut output = child.stdout.take().unwrap();
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).unwrap();
            text
        });
        Self {
            child,
            said: Some(said),
        }
    }

    pub(crate) fn stop(mut self) -> Pings {
        signal_to(self.child.id(), Signal::SIGINT);
        let said = self.said.take().unwrap();
        let pings = Pings::of(said.join().unwrap());
        // What was sent in the last moments may have its answer on its way.
        let last = pings.last_answered();
        if pings.sent - last > Self::ON_THEIR_WAY {
            return pings;
        }
        Pings {
            sent: last,
            ..pings
        }
    }
}

impl Drop for PingsUnderWay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends so many megabytes by TCP from a client's namespace to a server's, or with `reverse` from
/// the server to the client. Answers the octets that arrived.
pub(crate) fn tcp(client: &str, server: &str, address: &str, megabytes: u32, reverse: bool) -> u64 {
    tcp_known_as(client, server, [address; 2], megabytes, reverse)
}

/// The same to a server that the client knows by another address than the server's own, which is the second.
pub(crate) fn tcp_known_as(
    client: &str,
    server: &str,
    [address, own]: [&str; 2],
    megabytes: u32,
    reverse: bool,
) -> u64 {
    let _listening = Listening(
        within(server, "iperf3")
            .args(["-s", "-1", "-B", own])
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    until("iperf3 listens", PATIENCE, || {
        let output = within(server, "ss").args(["-Hltn"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.contains(":5201").then_some(())
    });
    let amount = format!("{megabytes}M");
    let mut command: Command = within(client, "timeout");
    // What is still in buffers at the end is not counted as received: on a busy machine, megabytes
    // of them.
    command.args([
        "60", "iperf3", "-J", "-w", "128K", "-c", address, "-n", &amount,
    ]);
    if reverse {
        command.arg("-R");
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let received = report["end"]["sum_received"]["bytes"].as_u64();
    // The server is not waited for: one that nobody reached would wait for ever.
    received.unwrap_or_else(|| panic!("iperf3: {text}"))
}

struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A socket in a namespace.
pub(crate) fn socket_in(namespace: &str, address: &str) -> UdpSocket {
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    std::thread::scope(|scope| {
        // A namespace is its thread's, and the socket's that is made there.
        let made = scope.spawn(|| {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            UdpSocket::bind(address).unwrap()
        });
        made.join().unwrap()
    })
}

/// A hundred megabytes each way between two namespaces; everything must arrive.
#[track_caller]
pub(crate) fn tcp_both(client: &str, server: &str, address: &str) {
    for reverse in [false, true] {
        let received = tcp(client, server, address, 100, reverse);
        assert!(received >= 100_000_000, "{received} octets, {reverse}");
    }
}
