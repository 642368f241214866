//! The Authentication Header (RFC 4302): what it covers, and where it stands.
//!
//! ```text
//!   over IPv4, outer header included: IP | AH | payload         over IPv6: AH | payload
//! ```
//!
//! The ICV covers the outer header too, with zero for what changes on the way (section 3.3.3.1). IPv4's has an
//! identification that must be known before it is sent, so that its header is part of the packets here; IPv6's
//! follows from the SA's addresses and the length. An outer header with options or extension headers is not read:
//! which of them are covered depends on each (appendix A), and no gateway sends any.

use core::ops::Range;

use adit_crypto::{Authenticator, Integrity, KeyError};

use crate::hosts::{V4_HEADER_LEN, Way, ends, v4, v6};
use crate::{DropReason, Hosts, Spi};

/// The number of AH among IP's protocols.
pub(crate) const AH: u8 = 51;

/// Octets before the ICV (section 2).
const FIXED_LEN: usize = 12;

/// Octets of the longest ICV, and what it may be padded with.
const MAX_ICV_LEN: usize = 32;
const MAX_PADDING: usize = 7;

/// One direction's key, and what follows from where the ends are.
pub(crate) struct AhKey {
    authenticator: Authenticator,
    hosts: Hosts,
}

/// What a packet to be sent says of itself.
pub(crate) struct Fields {
    pub(crate) spi: Spi,
    pub(crate) sequence: u64,
    pub(crate) extended: bool,
    pub(crate) next_header: u8,
    pub(crate) class: u8,
}

/// What a received packet says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// Where it begins.
    at: usize,
    /// Its octets, padding included.
    len: usize,
    pub(crate) next_header: u8,
    pub(crate) spi: u32,
    pub(crate) sequence: u32,
}

impl AhKey {
    pub(crate) fn new(integrity: Integrity, key: &[u8], hosts: Hosts) -> Result<Self, KeyError> {
        let authenticator = Authenticator::new(integrity, key)?;
        Ok(Self {
            authenticator,
            hosts,
        })
    }

    /// Octets of the outer header that packets have here.
    pub(crate) const fn outer_len(&self) -> usize {
        match self.hosts {
            Hosts::V4(..) => V4_HEADER_LEN,
            Hosts::V6(..) => 0,
        }
    }

    /// Octets of the AH, which ends on a boundary of 32 bits over IPv4 and of 64 over IPv6 (section 3.3.3.2.1).
    fn header_len(&self) -> usize {
        let unit = match self.hosts {
            Hosts::V4(..) => 4,
            Hosts::V6(..) => 8,
        };
        (FIXED_LEN + self.authenticator.icv_len()).next_multiple_of(unit)
    }

    /// Where the payload begins.
    pub(crate) fn payload_offset(&self) -> usize {
        self.outer_len() + self.header_len()
    }

    /// Writes all that stands before the payload of a packet that ends with it; whether it could be.
    pub(crate) fn seal(&self, packet: &mut [u8], fields: &Fields) -> bool {
        let (total, header_len) = (packet.len(), self.header_len());
        let Some((outer, rest)) = packet.split_at_mut_checked(self.outer_len()) else {
            return false;
        };
        let Some((ah, payload)) = rest.split_at_mut_checked(header_len) else {
            return false;
        };
        let words = u8::try_from(header_len / 4 - 2).unwrap_or_default();
        let fixed = [fields.next_header, words, 0, 0]
            .into_iter()
            .chain(fields.spi.get().to_be_bytes())
            .chain((fields.sequence as u32).to_be_bytes());
        // The ICV counts as zero, and is padded with that.
        for (to, from) in ah.iter_mut().zip(fixed.chain(core::iter::repeat(0))) {
            *to = from;
        }
        let esn_high = ((fields.sequence >> 32) as u32).to_be_bytes();
        let esn_high: &[u8] = if fields.extended { &esn_high } else { &[] };
        let mut icv = [0; MAX_ICV_LEN];
        let signed = match self.hosts {
            Hosts::V4(local, remote) => {
                let (Ok(total), Some(outer)) = (u16::try_from(total), outer.first_chunk_mut())
                else {
                    return false;
                };
                // Zero would have the kernel choose another.
                let id = (fields.sequence % 0xFFFF) as u16 + 1;
                *outer = v4(ends(Way::Out, local, remote), AH, total, id);
                let parts = [&outer[..], ah, payload, esn_high];
                let signed = self.authenticator.sign(&parts, &mut icv);
                let [_, class, _, _, _, _, _, _, ttl, ..] = outer;
                (*class, *ttl) = (fields.class, 64);
                signed
            }
            Hosts::V6(local, remote) => {
                let Ok(total) = u16::try_from(total) else {
                    return false;
                };
                let outer = v6(ends(Way::Out, local, remote), AH, total);
                let parts = [&outer[..], ah, payload, esn_high];
                self.authenticator.sign(&parts, &mut icv)
            }
        };
        let to = ah.get_mut(FIXED_LEN..).unwrap_or_default();
        for (to, from) in to.iter_mut().zip(icv) {
            *to = from;
        }
        signed
    }

    /// Reads the header of a received packet, over IPv4 with its outer header.
    pub(crate) fn header(&self, packet: &[u8]) -> Result<Header, DropReason> {
        let at = self.outer_len();
        if at > 0 {
            // Version 4, five words: no options.
            match packet.first() {
                Some(0x45) => {}
                Some(first) if first >> 4 == 4 => return Err(DropReason::OuterHeader),
                _ => return Err(DropReason::Malformed),
            }
        }
        let ah = packet.get(at..).ok_or(DropReason::Malformed)?;
        let &[next_header, words, _, _, s0, s1, s2, s3, q0, q1, q2, q3] =
            ah.first_chunk::<FIXED_LEN>().ok_or(DropReason::Malformed)?;
        let len = (usize::from(words) + 2) * 4;
        let least = FIXED_LEN + self.authenticator.icv_len();
        // Peers with kernels that pad IPv4's like IPv6's are heard too.
        if !(least..=least + MAX_PADDING).contains(&len) || len > ah.len() {
            return Err(DropReason::Malformed);
        }
        Ok(Header {
            at,
            len,
            next_header,
            spi: u32::from_be_bytes([s0, s1, s2, s3]),
            sequence: u32::from_be_bytes([q0, q1, q2, q3]),
        })
    }

    /// Checks the ICV of a packet whose header was read; where its payload is.
    pub(crate) fn open(
        &self,
        packet: &mut [u8],
        header: Header,
        esn_high: Option<u32>,
    ) -> Result<Range<usize>, DropReason> {
        let total = packet.len();
        let (outer, rest) = packet
            .split_at_mut_checked(header.at)
            .ok_or(DropReason::Malformed)?;
        let (ah, payload) = rest
            .split_at_mut_checked(header.len)
            .ok_or(DropReason::Malformed)?;
        let mut received = [0; MAX_ICV_LEN];
        let icv_len = self.authenticator.icv_len();
        let received = received.get_mut(..icv_len).ok_or(DropReason::Malformed)?;
        let icv = ah
            .get_mut(FIXED_LEN..FIXED_LEN + icv_len)
            .ok_or(DropReason::Malformed)?;
        received.copy_from_slice(icv);
        icv.fill(0);
        let esn_high = esn_high.map(u32::to_be_bytes);
        let esn_high = esn_high.as_ref().map_or(&[][..], |octets| &octets[..]);
        let total_len = u16::try_from(total).map_err(|_| DropReason::Malformed)?;
        let matches = match self.hosts {
            Hosts::V4(local, remote) => {
                let &[_, _, l0, l1, i0, i1, ..] = outer
                    .first_chunk::<V4_HEADER_LEN>()
                    .ok_or(DropReason::Malformed)?;
                if u16::from_be_bytes([l0, l1]) != total_len {
                    return Err(DropReason::Malformed);
                }
                let id = u16::from_be_bytes([i0, i1]);
                let covered = v4(ends(Way::In, local, remote), AH, total_len, id);
                // Nobody has translated the addresses, which would not be seen otherwise.
                if outer.get(12..) != covered.get(12..) || outer.get(9) != Some(&AH) {
                    return Err(DropReason::Integrity);
                }
                let parts = [&covered[..], ah, payload, esn_high];
                self.authenticator.verify(&parts, received)
            }
            Hosts::V6(local, remote) => {
                let covered = v6(ends(Way::In, local, remote), AH, total_len);
                let parts = [&covered[..], ah, payload, esn_high];
                self.authenticator.verify(&parts, received)
            }
        };
        if !matches {
            return Err(DropReason::Integrity);
        }
        Ok(header.at + header.len..total)
    }
}

impl core::fmt::Debug for AhKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.authenticator)
    }
}
