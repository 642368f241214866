//! UDP packets between the two networks.

/// A UDP packet from `source` to `destination` without a UDP checksum, and with DF.
pub(crate) fn packet(source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((payload.len() as u16 + 28).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    packet.extend(source);
    packet.extend(destination);
    packet.extend([0, 7, 0, 7]);
    packet.extend((payload.len() as u16 + 8).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend_from_slice(payload);
    packet
}

/// A packet from the left to the right network.
pub(crate) fn to_right(payload: &[u8]) -> Vec<u8> {
    packet([10, 0, 0, 1], [10, 1, 0, 1], payload)
}

/// A packet from the right to the left network.
pub(crate) fn to_left(payload: &[u8]) -> Vec<u8> {
    packet([10, 1, 0, 1], [10, 0, 0, 1], payload)
}
