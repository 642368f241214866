//! Counts what is on the wire between the gateways, with tcpdump on the external bridge.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::DemoError;

/// How long packets that were just sent may take into the capture.
const SETTLE: Duration = Duration::from_millis(300);

/// What was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Seen {
    /// ESP in UDP 4500.
    pub(super) esp: usize,
    /// IKE on UDP 500 and 4500.
    pub(super) ike: usize,
    /// Packets that show an inner address.
    pub(super) clear: usize,
}

/// A capture under way.
pub(super) struct Wire {
    tcpdump: Child,
}

impl Wire {
    /// Begins to listen; when this returns, nothing is missed any more.
    pub(super) fn listen(bridge: &str) -> Result<Self, DemoError> {
        let mut tcpdump = Command::new("tcpdump")
            .args(["-i", bridge, "-n", "-l", "--immediate-mode", "ip or ip6"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| DemoError::Program {
                program: "tcpdump".into(),
                source,
            })?;
        if let Some(stderr) = tcpdump.stderr.take() {
            // It says "listening on ..." once it does.
            let mut lines = BufReader::new(stderr).lines();
            while let Some(Ok(line)) = lines.next() {
                if line.contains("listening on") {
                    break;
                }
            }
            std::thread::spawn(move || lines.count());
        }
        Ok(Self { tcpdump })
    }

    /// Ends the capture and counts.
    pub(super) fn stop(mut self) -> Result<Seen, DemoError> {
        std::thread::sleep(SETTLE);
        let pid = Pid::from_raw(self.tcpdump.id().cast_signed());
        kill(pid, Signal::SIGINT).map_err(std::io::Error::from)?;
        let mut text = String::new();
        if let Some(mut stdout) = self.tcpdump.stdout.take() {
            stdout.read_to_string(&mut text)?;
        }
        self.tcpdump.wait()?;
        Ok(count(&text))
    }
}

fn count(text: &str) -> Seen {
    let mut seen = Seen::default();
    for line in text.lines() {
        if line.contains("UDP-encap: ESP") {
            seen.esp += 1;
        } else if line.contains("isakmp") {
            seen.ike += 1;
        }
        if line.contains(" 10.240.") {
            seen.clear += 1;
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcpdump_s_lines_are_told_apart() {
        let text = "\
12:00:00.1 IP 198.51.100.3.500 > 198.51.100.2.500: isakmp: parent_sa ikev2_init[I]
12:00:00.2 IP 198.51.100.3.4500 > 198.51.100.2.4500: NONESP-encap: isakmp: child_sa  ikev2_auth[I]
12:00:00.3 IP 198.51.100.3.4500 > 198.51.100.2.4500: UDP-encap: ESP(spi=0x1,seq=0x1), length 120
12:00:00.4 IP 10.240.0.4 > 10.240.64.4: ICMP echo request, id 1, seq 1, length 64
";
        assert_eq!(
            count(text),
            Seen {
                esp: 1,
                ike: 2,
                clear: 1
            }
        );
    }
}
