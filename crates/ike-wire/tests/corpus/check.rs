//! What must hold for any octets: the fuzz target `ike_message` and the replay of its inputs share it.
//!
//! Nothing panics; what is parsed is written and parsed again to the same payloads, and nothing
//! grows. Attributes that are not known are not kept, only noticed.

use adit_ike_wire::PayloadType;
use adit_ike_wire::v2::payload::{emit_chain, parse_chain};
use adit_ike_wire::v2::{Message, Payload, emit};

pub fn check(data: &[u8]) {
    whole(data);
    // Most mutations break the length field first; with it mended the payloads are reached.
    let mut mended = data.to_vec();
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(field) = mended.get_mut(24..28) {
        field.copy_from_slice(&length);
        whole(&mended);
    }
    if let Some((first, chain)) = data.split_first() {
        inside(PayloadType(*first), chain);
    }
}

fn whole(data: &[u8]) {
    let Ok(message) = Message::parse(data) else {
        return;
    };
    let written = emit(&message.header, &message.payloads);
    assert!(written.len() <= data.len());
    let again = Message::parse(&written).expect("what was written is a message");
    assert_eq!(again.payloads, known(message.payloads));
    assert_eq!(emit(&again.header, &again.payloads), written);
}

fn inside(first: PayloadType, chain: &[u8]) {
    let Ok(payloads) = parse_chain(first, chain) else {
        return;
    };
    let mut written = Vec::new();
    let first = emit_chain(&payloads, &mut written);
    assert!(written.len() <= chain.len());
    assert_eq!(parse_chain(first, &written), Ok(known(payloads)));
}

/// The payloads as they are written: without the attributes that are not known.
fn known(mut payloads: Vec<Payload<'_>>) -> Vec<Payload<'_>> {
    for payload in &mut payloads {
        if let Payload::SecurityAssociation(proposals) = payload {
            for proposal in proposals {
                for transform in &mut proposal.transforms {
                    transform.unknown_attribute = false;
                }
            }
        }
    }
    payloads
}
