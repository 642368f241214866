//! Traffic selector payloads (RFC 7296 section 3.13).

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::reader::Reader;
use crate::writer::patch_length;
use crate::{AddressRange, ParseError, TrafficSelector};

/// The most selectors in one payload.
pub const MAX_SELECTORS: usize = 255;

const IPV4_ADDR_RANGE: u8 = 7;
const IPV6_ADDR_RANGE: u8 = 8;

pub(crate) fn parse(body: &[u8]) -> Result<Vec<TrafficSelector>, ParseError> {
    let mut reader = Reader::new(body, "TS payload");
    let [count, _, _, _] = reader.array()?;
    let mut selectors = Vec::with_capacity(usize::from(count).min(body.len() / 16));
    for _ in 0..count {
        let [kind, protocol] = reader.array()?;
        let length = usize::from(reader.u16()?);
        let octets = reader.take(
            length
                .checked_sub(4)
                .ok_or(ParseError::Length("traffic selector"))?,
        )?;
        let mut fields = Reader::new(octets, "traffic selector");
        let (first_port, last_port) = (fields.u16()?, fields.u16()?);
        let addresses = match kind {
            IPV4_ADDR_RANGE => AddressRange::V4(
                Ipv4Addr::from_octets(fields.array()?),
                Ipv4Addr::from_octets(fields.array()?),
            ),
            IPV6_ADDR_RANGE => AddressRange::V6(
                Ipv6Addr::from_octets(fields.array()?),
                Ipv6Addr::from_octets(fields.array()?),
            ),
            // Other kinds can't be matched with anything here; they count as absent.
            _ => continue,
        };
        if !fields.is_empty() {
            return Err(ParseError::Length("traffic selector"));
        }
        selectors.push(TrafficSelector {
            protocol,
            first_port,
            last_port,
            addresses,
        });
    }
    if reader.is_empty() {
        Ok(selectors)
    } else {
        Err(ParseError::Length("TS payload"))
    }
}

pub(crate) fn emit(selectors: &[TrafficSelector], out: &mut Vec<u8>) {
    let selectors = selectors.get(..MAX_SELECTORS).unwrap_or(selectors);
    out.extend_from_slice(&[u8::try_from(selectors.len()).unwrap_or(u8::MAX), 0, 0, 0]);
    for selector in selectors {
        let start = out.len();
        let kind = match selector.addresses {
            AddressRange::V4(..) => IPV4_ADDR_RANGE,
            AddressRange::V6(..) => IPV6_ADDR_RANGE,
        };
        out.extend_from_slice(&[kind, selector.protocol, 0, 0]);
        out.extend_from_slice(&selector.first_port.to_be_bytes());
        out.extend_from_slice(&selector.last_port.to_be_bytes());
        match selector.addresses {
            AddressRange::V4(first, last) => {
                out.extend_from_slice(&first.octets());
                out.extend_from_slice(&last.octets());
            }
            AddressRange::V6(first, last) => {
                out.extend_from_slice(&first.octets());
                out.extend_from_slice(&last.octets());
            }
        }
        patch_length(out, start);
    }
}
