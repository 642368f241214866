//! What is on the wire between gateways.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use super::serve::signal_to;
use super::{Ground, PATIENCE, until};

/// Who asks where an address is, and who answers.
const NEIGHBOURS: &str = "(arp or (icmp6 and (ip6[40] == 135 or ip6[40] == 136)))";

/// All that IPsec needs besides: IKE and ESP, in UDP or not, AH, and their fragments. Links also announce themselves to multicast
/// routers, by IGMP and by IPv6 from and to link-local addresses.
const EXPECTED: &str = "(udp port 500 or udp port 4500) or (ip proto 50) or (ip6 proto 50) or \
     (ip proto 51) or (ip6 proto 51) or (ip6[6] == 44 and (ip6[40] == 50 or ip6[40] == 51)) or \
     (igmp and dst net 224.0.0.0/24) or \
     (ip6 and (src net fe80::/10 or src host ::) and dst net ff02::/16)";

/// What is sent as the last packet of a capture, to the discard port of everybody on the link.
const LAST: &[u8] = b"the last packet of this capture";

/// [`LAST`], as a filter: nothing else goes there.
const NOT_LAST: &str = "not (udp dst port 9)";

/// Lengths in the files that tcpdump writes.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// A running capture of a service's external network.
pub(crate) struct Capture {
    file: PathBuf,
    child: Option<Child>,
    /// The host's own address on the link, and everybody's.
    ends: [String; 2],
}

impl Capture {
    pub(crate) fn start(ground: &impl Ground) -> Self {
        let file = std::env::temp_dir().join(format!("adit-test-{}.pcap", ground.prefix()));
        let mut child = Command::new("tcpdump")
            .args(["-i", &format!("{}-ext", ground.prefix()), "-U", "-w"])
            .arg(&file)
            .args(["-s", "0", "-B", "65536", "-Z", "root", "--immediate-mode"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            let count = said.read_line(&mut line).unwrap();
            assert_ne!(count, 0, "tcpdump ended");
        }
        child.stderr = Some(said.into_inner());
        Self {
            file,
            child: Some(child),
            ends: [1, 255].map(|last| format!("{}.{last}", ground.external())),
        }
    }

    /// Waits until all that was on the link is in the file: on a busy machine tcpdump is behind, and
    /// what it has not read when it is told to end it never reads.
    fn catch_up(&self) {
        let [own, all] = &self.ends;
        // Without the link tcpdump has ended by itself.
        let Ok(socket) = UdpSocket::bind((own.as_str(), 0)) else {
            return;
        };
        socket.set_broadcast(true).unwrap();
        until("the capture is complete", PATIENCE, || {
            socket.send_to(LAST, (all.as_str(), 9)).unwrap();
            self.ends_with_last().then_some(())
        });
    }

    fn ends_with_last(&self) -> bool {
        let mut file = File::open(&self.file).unwrap();
        let len = file.metadata().unwrap().len();
        file.seek(SeekFrom::Start(len.saturating_sub(65_536)))
            .unwrap();
        let mut end = Vec::new();
        file.read_to_end(&mut end).unwrap();
        end.windows(LAST.len()).any(|window| window == LAST)
    }

    /// Ends it.
    pub(crate) fn stop(mut self) -> Captured {
        self.catch_up();
        let mut child = self.child.take().unwrap();
        signal_to(child.id(), Signal::SIGINT);
        child.wait().unwrap();
        let octets = std::fs::read(&self.file).unwrap();
        let captured = Captured {
            unexpected: self.matching(&format!("{NOT_LAST} and not ({EXPECTED} or {NEIGHBOURS})")),
            ike: self
                .matching("udp port 500 or (udp port 4500 and udp[8:4] = 0)")
                .len(),
            esp: self.matching("udp port 4500 and udp[8:4] != 0").len(),
            esp_over_v6: self
                .matching("ip6 and udp port 4500 and ip6[48:4] != 0")
                .len(),
            raw_esp: self.matching("ip proto 50").len(),
            raw_esp_over_v6: self.matching("ip6 proto 50").len(),
            ah: self.matching("ip proto 51").len(),
            ah_over_v6: self.matching("ip6 proto 51").len(),
            expedited: self
                .matching("(ip and ip[1] == 0xb8) or (ip6 and ip6[0:2] & 0xff0 == 0xb80)")
                .len(),
            neighbours: self.matching(NEIGHBOURS),
            octets,
        };
        let _ = std::fs::remove_file(&self.file);
        captured
    }

    fn matching(&self, filter: &str) -> Vec<String> {
        let output = Command::new("tcpdump")
            .args(["-nn", "-r"])
            .arg(&self.file)
            .arg(filter)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a capture saw.
#[derive(Debug)]
pub(crate) struct Captured {
    unexpected: Vec<String>,
    /// How many datagrams of IKE there were over IPv4.
    pub(crate) ike: usize,
    /// How many frames of ESP in UDP there were over IPv4; see [`frames`].
    pub(crate) esp: usize,
    /// And how many over IPv6.
    pub(crate) esp_over_v6: usize,
    /// How many packets of ESP without UDP there were over IPv4.
    pub(crate) raw_esp: usize,
    /// And how many over IPv6.
    pub(crate) raw_esp_over_v6: usize,
    /// How many packets of AH there were over IPv4.
    pub(crate) ah: usize,
    /// And how many over IPv6.
    pub(crate) ah_over_v6: usize,
    /// How many packets had the DSCP of expedited forwarding in their outer header.
    pub(crate) expedited: usize,
    neighbours: Vec<String>,
    octets: Vec<u8>,
}

/// How many frames of ESP in UDP so many pings and answers are at least: what an end sends in one turn, after it had
/// to wait for one, is one frame here, which only its way out takes apart.
pub(crate) const fn frames(packets: usize) -> usize {
    packets / 10
}

impl Captured {
    /// Every IPv4 packet with UDP, from its IP header on.
    pub(crate) fn packets(&self) -> Vec<&[u8]> {
        let mut packets = Vec::new();
        let mut rest = &self.octets[FILE_HEADER..];
        while rest.len() >= RECORD_HEADER {
            let length = u32::from_le_bytes(rest[8..12].try_into().unwrap());
            let (frame, next) = rest[RECORD_HEADER..].split_at(length.try_into().unwrap());
            rest = next;
            // Ethernet's header ends with the type; in IPv4's the tenth octet is the protocol.
            if frame[12..14] == [8, 0] && frame[23] == 17 && !frame.ends_with(LAST) {
                packets.push(&frame[14..]);
            }
        }
        packets
    }

    /// Nothing but IKE, ESP, and questions for neighbours was seen, and in no frame an IP header with these addresses,
    /// wrapped into whatever.
    #[track_caller]
    pub(crate) fn hides(&self, one: &str, two: &str) {
        assert_eq!(self.leak(one, two), None);
    }

    /// Nothing but IKE, ESP, AH, and questions for neighbours was seen. What AH and transport mode show of a packet is
    /// not looked for.
    #[track_caller]
    pub(crate) fn protects(&self) {
        assert!(self.unexpected.is_empty(), "{:?}", self.unexpected);
    }

    /// What was seen that should not have been.
    pub(crate) fn leak(&self, one: &str, two: &str) -> Option<String> {
        if !self.unexpected.is_empty() {
            return Some(self.unexpected.join("\n"));
        }
        for (from, to) in [(one, two), (two, one)] {
            let address = |text: &str| match text.parse().unwrap() {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            let header = [address(from), address(to)].concat();
            if self
                .octets
                .windows(header.len())
                .any(|window| window == header)
            {
                return Some(format!("a packet from {from} to {to} in clear"));
            }
            if let Some(line) = self.neighbours.iter().find(|line| line.contains(from)) {
                return Some(line.clone());
            }
        }
        None
    }
}
