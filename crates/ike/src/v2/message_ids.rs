//! What is said of message IDs after a takeover (RFC 6311).

use adit_ike_wire::v2::NotifyType;

use crate::codec::record;
use crate::sa::DropReason;
use crate::v2::contents::Contents;
use crate::v2::outgoing::Outgoing;

/// A step ahead that no peer needs, and after which numbers would run out.
const TOO_FAR: u32 = 1 << 31;

/// The contents of the notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Numbers {
    /// Says which answer belongs to which request.
    pub(crate) nonce: u32,
    /// The message ID of the sender's next request.
    pub(crate) send: u32,
    /// The message ID that it expects of the other's next request.
    pub(crate) receive: u32,
}

/// Our answer to the peer, should it ask again.
#[derive(Debug)]
pub(crate) struct Synchronised {
    pub(crate) asked: Numbers,
    pub(crate) answered: Numbers,
    pub(crate) answer: Outgoing,
}

record!(Numbers {
    nonce,
    send,
    receive
});
record!(Synchronised {
    asked,
    answered,
    answer
});

impl Numbers {
    /// What a message says, if it is one of these.
    pub(crate) fn of(contents: &Contents<'_>) -> Option<Result<Self, DropReason>> {
        let notify = contents.notify(NotifyType::IKEV2_MESSAGE_ID_SYNC)?;
        let Ok([n0, n1, n2, n3, s0, s1, s2, s3, r0, r1, r2, r3]) =
            <[u8; 12]>::try_from(notify.data)
        else {
            return Some(Err(DropReason::Malformed));
        };
        Some(Ok(Self {
            nonce: u32::from_be_bytes([n0, n1, n2, n3]),
            send: u32::from_be_bytes([s0, s1, s2, s3]),
            receive: u32::from_be_bytes([r0, r1, r2, r3]),
        }))
    }

    pub(crate) fn octets(self) -> alloc::vec::Vec<u8> {
        [self.nonce, self.send, self.receive]
            .map(u32::to_be_bytes)
            .concat()
    }
}

/// Whether a number is one to go on to from another.
pub(crate) const fn is_ahead(number: u32, of: u32) -> bool {
    number >= of && number - of < TOO_FAR
}
