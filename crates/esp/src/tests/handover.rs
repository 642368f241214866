//! SAs that go on at another holder of their keys.

use alloc::collections::{BTreeMap, BTreeSet};

use super::*;

/// What happens to a stream of packets.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many packets are sent, and the last ones are on their way still.
    Send(u8),
    /// One of those on their way arrives.
    Arrive(u8),
    /// One that had arrived, or was lost, arrives again.
    Again(u8),
    /// Another holder sends, who knows the number that may have been used, or knows that it is less than this ahead.
    SenderGoes(u16),
    /// Another holder receives.
    ReceiverGoes,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..40_u8).prop_map(Step::Send),
        6 => any::<u8>().prop_map(Step::Arrive),
        2 => any::<u8>().prop_map(Step::Again),
        1 => (0..500_u16).prop_map(Step::SenderGoes),
        1 => Just(Step::ReceiverGoes),
    ];
    proptest::collection::vec(step, 1..80)
}

/// A sender with this epoch.
fn holder(keys: &Keys, epoch: u16) -> OutboundSa {
    let random = &mut Counting(epoch as u8);
    let framing = framing(Mode::Tunnel);
    OutboundSa::new(spi(), &keys.keying(), framing, left(), true, epoch, random).unwrap()
}

fn iv(keys: &Keys, sealed: &[u8]) -> Vec<u8> {
    sealed[8..8 + keys.sealer().iv_len()].to_vec()
}

proptest! {
    #[test]
    fn nothing_repeats_and_nothing_is_taken_twice(steps in steps(), is_cbc in any::<bool>()) {
        let keys = Keys::new(if is_cbc { CBC } else { GCM });
        let mut epoch = 0;
        let mut sender = holder(&keys, epoch);
        let mut receiver = keys.inbound(true);
        let (mut ivs, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        let (mut on_their_way, mut sent) = (Vec::new(), Vec::new());
        let mut taken = BTreeSet::new();
        for step in steps {
            match step {
                Step::Send(count) => {
                    for _ in 0..count {
                        let sealed = seal(&mut sender, &packet(0));
                        prop_assert!(ivs.insert(iv(&keys, &sealed)), "an IV comes twice");
                        prop_assert!(numbers.insert(sender.sequence()), "a number comes twice");
                        on_their_way.push(sealed.clone());
                        sent.push(sealed);
                    }
                }
                Step::Arrive(which) if !on_their_way.is_empty() => {
                    let index = usize::from(which) % on_their_way.len();
                    let mut sealed = on_their_way.swap_remove(index);
                    let name = sealed.clone();
                    if open(&mut receiver, &mut sealed).is_ok() {
                        prop_assert!(taken.insert(name), "a packet is taken twice");
                    }
                }
                Step::Again(which) if !sent.is_empty() => {
                    let mut sealed = sent[usize::from(which) % sent.len()].clone();
                    let name = sealed.clone();
                    if open(&mut receiver, &mut sealed).is_ok() {
                        prop_assert!(taken.insert(name), "a packet is taken twice");
                    }
                }
                Step::SenderGoes(ahead) => {
                    epoch += 1;
                    let used = sender.sequence() + u64::from(ahead);
                    sender = holder(&keys, epoch);
                    sender.skip_to(used);
                }
                Step::ReceiverGoes => {
                    let highest = receiver.highest_sequence();
                    receiver = keys.inbound(true);
                    receiver.skip_to(highest);
                }
                Step::Arrive(_) | Step::Again(_) => {}
            }
        }
        // What is sent now is ahead of all, and arrives.
        let mut sealed = seal(&mut sender, &packet(0));
        prop_assert!(open(&mut receiver, &mut sealed).is_ok());
    }
}

#[test]
fn two_who_both_send_repeat_no_iv() {
    for suite in [
        GCM,
        CBC,
        (Encryption::AesCtr128, Some(Integrity::HmacSha256_128)),
    ] {
        let keys = Keys::new(suite);
        let (mut old, mut new) = (holder(&keys, 1), holder(&keys, 2));
        let mut ivs = BTreeMap::new();
        for _ in 0..50 {
            for sa in [&mut old, &mut new] {
                let sealed = seal(sa, &packet(0));
                let before = ivs.insert(iv(&keys, &sealed), sealed);
                assert_eq!(before, None, "{suite:?}");
            }
        }
    }
}

#[test]
fn a_receiver_never_goes_back() {
    let keys = Keys::new(GCM);
    for extended in [false, true] {
        let mut receiver = keys.inbound(extended);
        receiver.skip_to(100);
        receiver.skip_to(7);
        assert_eq!(receiver.highest_sequence(), 100);
        receiver.skip_to(u64::MAX);
        let end = if extended { u64::MAX } else { u32::MAX.into() };
        assert_eq!(receiver.highest_sequence(), end);
    }
}
