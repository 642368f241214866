//! Lengths that are known once what they measure is written.

/// Fills in the header's first payload type and the message's length.
pub(crate) fn finish(message: &mut [u8], first: u8) {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    if let Some(field) = message.get_mut(16) {
        *field = first;
    }
    if let Some(field) = message.get_mut(24..28) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Fills in the 16-bit length, two octets after `start`, of the structure that began there and
/// ends with `out`; a length too large becomes 65 535.
pub(crate) fn patch_length(out: &mut [u8], start: usize) {
    let length = u16::try_from(out.len().saturating_sub(start)).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(start + 2..start + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}
