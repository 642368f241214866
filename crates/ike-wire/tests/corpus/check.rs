//! What must hold for any octets: the fuzz target `ike_message` and the replay of its inputs share it.
//!
//! Nothing panics, in either version; what is parsed is written and parsed again to the same payloads, and nothing
//! grows. Attributes that are not known are not kept, only noticed.

use adit_ike_wire::v2::payload::{emit_chain, parse_chain};
use adit_ike_wire::v2::{DigitalSignature, Message, Payload, PpkIdentity, authentication, emit};
use adit_ike_wire::{PayloadType, v1};

pub fn check(data: &[u8]) {
    whole(data);
    // Most mutations break the length field first; with it mended the payloads are reached.
    let mut mended = data.to_vec();
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(field) = mended.get_mut(24..28) {
        field.copy_from_slice(&length);
        whole(&mended);
    }
    parts(data);
    if let Some((first, chain)) = data.split_first() {
        inside(PayloadType(*first), chain);
        inside_v1(PayloadType(*first), chain);
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
    for payload in &payloads {
        match payload {
            Payload::Authentication { data, .. } => parts(data),
            Payload::Notify(notify) => parts(notify.data),
            _ => {}
        }
    }
    assert_eq!(parse_chain(first, &written), Ok(known(payloads)));
}

/// What AUTH and its notifications hold.
fn parts(data: &[u8]) {
    if let Ok(signature) = DigitalSignature::parse(data) {
        assert_eq!(signature.to_octets(), data);
    }
    if let Ok(identity) = PpkIdentity::parse(data) {
        assert_eq!(identity.to_octets(), data);
    }
    let hashes = authentication::signature_hashes_data(authentication::signature_hashes(data));
    assert_eq!(Some(&*hashes), data.get(..data.len() / 2 * 2));
}

fn inside_v1(first: PayloadType, chain: &[u8]) {
    let Ok((payloads, padding)) = v1::parse_chain(first, chain) else {
        return;
    };
    let mut written = Vec::new();
    let first = v1::emit_chain(&payloads, &mut written);
    assert_eq!(written.len() + padding.len(), chain.len());
    let (again, rest) = v1::parse_chain(first, &written).expect("what was written is a chain");
    assert!(rest.is_empty());
    let mut rewritten = Vec::new();
    v1::emit_chain(&again, &mut rewritten);
    assert_eq!(rewritten, written);
    for payload in &payloads {
        match payload {
            v1::Payload::Identification(id) => drop(id.selector()),
            v1::Payload::Delete(delete) => assert!(delete.spis().count() * 4 <= chain.len()),
            v1::Payload::Notify(notify) => {
                drop(v1::security_association::parse_attributes(notify.data));
            }
            _ => {}
        }
    }
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
