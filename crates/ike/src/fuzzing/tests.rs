//! Replays the committed inputs, and writes the seeds they grew from.

extern crate std;

use std::path::PathBuf;
use std::vec::Vec;

use super::*;
use crate::v2::protection::{Opened, Piece};

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("../../fuzz/corpus")
        .join(target)
}

#[test]
fn every_committed_input_is_survived() {
    let mut played = 0;
    for entry in std::fs::read_dir(corpus("ike_endpoint")).unwrap() {
        run(&std::fs::read(entry.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played > 0);
}

impl Table {
    /// A datagram as the end that it is for opens it.
    pub(super) fn opened(&mut self, to: usize, datagram: &[u8]) -> Option<Opened> {
        let message = adit_ike_wire::v2::Message::parse(datagram).unwrap();
        let flags = message.header.flags;
        let spi = if flags.initiator {
            message.header.responder_spi
        } else {
            message.header.initiator_spi
        };
        let sas = &mut self.end(to).sas;
        let key = sas.of_spi(spi)?;
        let sa: &mut IkeSa = sas.get_mut(key)?.as_any_mut().downcast_mut()?;
        match sa.open(datagram, &message).ok()? {
            Piece::Whole(opened) => Some(opened),
            Piece::Part(_) => None,
        }
    }
}

/// The payloads of the oldest datagram of a side, as the operation that puts them there.
fn as_operation(table: &mut Table, side: usize) -> Option<Vec<u8>> {
    let datagram = table.wire.iter().find(|datagram| datagram.sender == side)?;
    let datagram = datagram.octets.clone();
    let message = adit_ike_wire::v2::Message::parse(&datagram).unwrap();
    let flags = message.header.flags;
    let ours = if flags.initiator {
        message.header.responder_spi
    } else {
        message.header.initiator_spi
    };
    let opened = table.opened(1 - side, &datagram)?;
    let payloads = opened.payloads().unwrap();
    let mut inner = Vec::new();
    let first = adit_ike_wire::v2::payload::emit_chain(&payloads, &mut inner);
    let sender = &table.ends[side];
    let which = sender
        .sas
        .values()
        .rev()
        .position(|sa| sa.place().remote_spi == ours)?;
    let operation = if flags.response { 4 } else { 3 };
    let mut octets = std::vec![
        u8::try_from(side << 7).unwrap() | operation,
        u8::try_from(which).unwrap(),
        (0..7).find(|choice| exchange(*choice) == message.header.exchange)?,
        first.0,
    ];
    octets.extend(u16::try_from(inner.len()).unwrap().to_be_bytes());
    octets.extend(inner);
    Some(octets)
}

/// Plays `orders` on a pair that is up, and writes down what the peer says as sealed payloads.
fn seed(choice: u8, orders: &[(usize, u8)], messages: &mut Vec<Vec<u8>>) -> Vec<u8> {
    let mut table = Table::new(choice);
    let mut written = std::vec![choice];
    for (side, order) in orders {
        let operation = [u8::try_from(side << 7).unwrap() | 6, *order];
        written.extend(operation);
        table.operate(&mut Input(&operation));
    }
    for _ in 0..12 {
        for side in [0, 1] {
            messages.extend(table.wire.iter().map(|datagram| datagram.octets.clone()));
            if let Some(operation) = as_operation(&mut table, side) {
                messages.push([&operation[3..4], &operation[6..]].concat());
                table.operate(&mut Input(&operation));
                written.extend(operation);
                let drop_real = [u8::try_from(side << 7).unwrap() | 7];
                table.operate(&mut Input(&drop_real));
                written.extend(drop_real);
            }
        }
    }
    written
}

/// The operation that says the same in two fragments.
fn in_two(operation: &[u8]) -> Vec<u8> {
    let (head, inner) = (&operation[..3], &operation[6..]);
    let cut = inner.len() / 2;
    let parts = [(1, operation[3], &inner[..cut]), (2, 0, &inner[cut..])];
    let part = |(number, first, part): (u8, u8, &[u8])| {
        let mut octets = head.to_vec();
        octets[0] |= 8;
        octets.extend([number, 2, first]);
        octets.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        octets.extend(part);
        octets
    };
    parts.into_iter().flat_map(part).collect()
}

/// Plays `orders` on a pair that is up, and has each side say all in fragments.
fn seed_in_fragments(choice: u8, orders: &[(usize, u8)]) -> Vec<u8> {
    let mut table = Table::new(choice);
    let mut written = std::vec![choice];
    for (side, order) in orders {
        let operation = [u8::try_from(side << 7).unwrap() | 6, *order];
        written.extend(operation);
        table.operate(&mut Input(&operation));
    }
    for side in [0, 1, 0, 1, 0, 1] {
        if let Some(operation) = as_operation(&mut table, side) {
            let mut operations = in_two(&operation);
            operations.push(u8::try_from(side << 7).unwrap() | 7);
            let mut input = Input(&operations);
            while !input.0.is_empty() {
                table.operate(&mut input);
            }
            written.extend(operations);
        }
    }
    written
}

#[test]
fn what_comes_in_fragments_is_understood() {
    let mut table = Table::new(1 << 5);
    let asked = as_operation(&mut table, 0).unwrap();
    let operations = in_two(&asked);
    let mut input = Input(&operations);
    while !input.0.is_empty() {
        table.operate(&mut input);
    }
    let answers = table.wire.iter().filter(|datagram| datagram.sender == 1);
    assert_eq!(answers.count(), 1);
}

#[test]
#[ignore = "writes to fuzz/corpus"]
fn write_seeds_in_fragments() {
    let directory = corpus("ike_endpoint");
    let choices = [0_u8, 1, 3].map(|flags| [1_u8, 2, 6].map(|handshake| handshake << 5 | flags));
    let orders: [&[(usize, u8)]; 3] = [&[], &[(0, 0)], &[(0, 2), (1, 2)]];
    let mut number = 0;
    for choice in choices.as_flattened() {
        for orders in orders {
            number += 1;
            let octets = seed_in_fragments(*choice, orders);
            let name = std::format!("seed-fragments-{number:02}");
            std::fs::write(directory.join(name), octets).unwrap();
        }
    }
}

#[test]
#[ignore = "writes to fuzz/corpus"]
fn write_seeds() {
    let directory = corpus("ike_endpoint");
    std::fs::create_dir_all(&directory).unwrap();
    let orders: [&[(usize, u8)]; 9] = [
        &[],
        &[(0, 0)],
        &[(1, 2)],
        &[(0, 0), (1, 0)],
        &[(0, 2), (1, 2)],
        &[(0, 0), (1, 2)],
        &[(0, 4), (1, 0)],
        &[(0, 5), (1, 2)],
        &[(0, 6), (1, 4)],
    ];
    let (mut number, mut messages) = (0, Vec::new());
    for handshake in [0_u8, 1, 2, 3, 6] {
        for flags in [0_u8, 1, 2, 12, 16] {
            for orders in orders {
                number += 1;
                let octets = seed(handshake << 5 | flags, orders, &mut messages);
                std::fs::write(directory.join(std::format!("seed-{number:03}")), octets).unwrap();
            }
        }
    }
    // With an additional key exchange.
    for handshake in 0_u8..=7 {
        for orders in [&[][..], &[(0, 0)], &[(0, 2), (1, 2)]] {
            number += 1;
            let octets = seed(handshake << 5 | 3, orders, &mut messages);
            std::fs::write(directory.join(std::format!("seed-{number:03}")), octets).unwrap();
        }
    }
    let directory = corpus("ike_message");
    std::fs::create_dir_all(&directory).unwrap();
    messages.sort();
    messages.dedup();
    for (number, octets) in messages.iter().enumerate() {
        std::fs::write(directory.join(std::format!("seed-{number:04}")), octets).unwrap();
    }
}
