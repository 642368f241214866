//! Buffers that hold pre-shared keys for a moment, and leave no copy of them behind.
//!
//! A vector that grows moves, and what it held stays where it was until something else happens to be
//! written there. So these wipe what they leave.

use zeroize::{Zeroize, Zeroizing};

/// Octets that came and are not yet a whole line.
#[derive(Default)]
pub(crate) struct Incoming(Zeroizing<Vec<u8>>);

impl Incoming {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes octets out of a buffer, which is wiped.
    pub(crate) fn take_from(&mut self, octets: &mut [u8]) {
        let len = self.0.len() + octets.len();
        if len > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(len.next_power_of_two()));
            larger.extend_from_slice(&self.0);
            // The one before is wiped as it is dropped.
            self.0 = larger;
        }
        self.0.extend_from_slice(octets);
        octets.zeroize();
    }

    /// The next whole line, if there is one.
    pub(crate) fn line(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        let end = self.0.iter().position(|octet| *octet == b'\n')?;
        let (line, rest) = self.0.split_at_checked(end + 1)?;
        let line = Zeroizing::new(line.to_vec());
        let mut left = Zeroizing::new(Vec::with_capacity(rest.len()));
        left.extend_from_slice(rest);
        self.0 = left;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use adit_ike::{Command, Endpoint, EndpointConfig, Instant};
    use adit_model::{ConnectionId, Psk};

    use super::*;
    use crate::conversion;
    use crate::protocol::{GatewayOrder, ToWorker};

    /// The test's own copy of the key must not be found.
    const MASK: u8 = 0x5A;

    /// How often the key is anywhere in this process's writable memory.
    fn found(masked: &[u8]) -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut chunk = vec![0_u8; 1 << 20];
        // Read into itself it would repeat what stands before it.
        let own = chunk.as_ptr().addr() as u64;
        let own = own..own + chunk.len() as u64;
        let mut count = 0;
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (from, rest) = line.split_once('-').unwrap();
            let (to, _) = rest.split_once(' ').unwrap();
            let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
            let mut at = from;
            while at < to {
                if own.contains(&at) {
                    at = own.end;
                    continue;
                }
                let end = if at < own.start {
                    to.min(own.start)
                } else {
                    to
                };
                let want = usize::try_from((end - at).min(1 << 20)).unwrap();
                let Ok(read) = memory.read_at(&mut chunk[..want], at) else {
                    break;
                };
                let is_key = |window: &[u8]| window.iter().zip(masked).all(|(a, b)| a ^ MASK == *b);
                count += chunk[..read]
                    .windows(masked.len())
                    .filter(|w| is_key(w))
                    .count();
                chunk[..read].zeroize();
                if read < want {
                    break;
                }
                at += read as u64;
            }
        }
        count
    }

    /// An order whose key is the masked one, written octet by octet.
    fn order(masked: &[u8]) -> Zeroizing<String> {
        let mut tunnel = conversion::tests::order();
        tunnel.connection = ConnectionId::random();
        tunnel.authentication = Psk::new(vec![1, 2, 3]).unwrap().into();
        let order = ToWorker::Apply(GatewayOrder {
            addresses: conversion::tests::own(),
            tunnels: vec![tunnel.into()],
        });
        let text = serde_json::to_string(&order).unwrap();
        let (before, after) = text.split_once("[1,2,3]").unwrap();
        let mut whole = Zeroizing::new(String::with_capacity(text.len() + 8 * masked.len()));
        whole.push_str(before);
        for (index, octet) in masked.iter().enumerate() {
            let mark = if index == 0 { '[' } else { ',' };
            write!(whole, "{mark}{}", octet ^ MASK).unwrap();
        }
        writeln!(whole, "]{after}").unwrap();
        whole
    }

    #[test]
    fn a_key_is_nowhere_in_memory_once_its_connection_is_gone() {
        let mut masked = vec![0; 48];
        adit_crypto::Random::fill(&mut adit_crypto::SystemRandom, &mut masked);
        let mut incoming = Incoming::default();
        {
            let mut text = Zeroizing::new(order(&masked).as_bytes().to_vec());
            // What stands between makes each growth a move.
            let mut between = Vec::new();
            for part in text.chunks_mut(100) {
                incoming.take_from(part);
                between.push(vec![0_u8; incoming.len()]);
            }
        }
        let random = Box::new(adit_crypto::SystemRandom);
        let mut endpoint = Endpoint::new(Instant::ZERO, EndpointConfig::default(), random);
        let key;
        {
            let line = incoming.line().unwrap();
            let Ok(ToWorker::Apply(order)) = serde_json::from_slice(&line) else {
                panic!("it is an order");
            };
            let tunnel = &order.tunnels[0];
            key = conversion::key(tunnel.connection);
            let config =
                conversion::config(order.addresses, adit_ike::Encapsulation::Auto, tunnel).unwrap();
            let kept = config.clone();
            endpoint.handle_command(Instant::ZERO, Command::SetConnection(key, Box::new(config)));
            drop(kept);
        }
        // A vector that grew leaves the beginning behind, and the allocator writes over the first of that.
        let part = &masked[17..29];
        // As the order had it: decimal numbers.
        let mut text = Vec::with_capacity(4 * part.len());
        for octet in part {
            let number = Zeroizing::new(format!("{},", octet ^ MASK));
            text.extend(number.bytes().map(|digit| digit ^ MASK));
        }
        assert_eq!(found(part), 1, "the endpoint has it, and nobody else");
        assert_eq!(found(&text), 0, "the order is gone");
        endpoint.handle_command(Instant::ZERO, Command::RemoveConnection(key));
        while let adit_ike::Polled::Output(_) = endpoint.poll_output() {}
        assert_eq!(found(part), 0);
    }

    #[test]
    fn lines_come_whole_and_in_order() {
        let mut incoming = Incoming::default();
        for part in [&b"a"[..], b"b\ncd\n", b"e"] {
            incoming.take_from(&mut part.to_vec());
        }
        assert_eq!(incoming.line().unwrap().as_slice(), b"ab\n");
        assert_eq!(incoming.line().unwrap().as_slice(), b"cd\n");
        assert!(incoming.line().is_none());
        assert_eq!(incoming.len(), 1);
    }
}
