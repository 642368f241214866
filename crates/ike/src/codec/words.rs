//! How the words of other crates, and what is configured with them, are written down.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use adit_crypto::{AdditionalExchange, Encryption, Group, Integrity, Prf};
use adit_ike_wire::{
    AddressRange, ExchangeType, Flags, Header, IdType, PayloadType, Spi, TrafficSelector,
};

use crate::authentication::Authentication;
use crate::carriage::{Carriage, Encapsulation};
use crate::codec::{Field, Reader, Unreadable, Writer, choice, record};
use crate::config::{
    ChildConfig, Childless, ConnectionConfig, ConnectionKey, EndpointConfig, EspAlgorithms,
    Identity, IkeAlgorithms, Liveness, Mode, Protocol, Versions,
};
use crate::nonces::ExchangeNonces;
use crate::output::{ChildKey, DirectionKeys};
use crate::sa::{Path, Role, SaKey};
use crate::suite::{EspSuite, IkeSuite};

/// Something that has a number everywhere.
macro_rules! numbered {
    ($type:ty, $number:ty, $to:expr, $from:expr) => {
        impl Field for $type {
            fn put(&self, to: &mut Writer) {
                let number: $number = ($to)(*self);
                number.put(to);
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                ($from)(<$number>::take(from)?).ok_or(Unreadable::Malformed)
            }
        }
    };
}

numbered!(
    Integrity,
    u16,
    Integrity::transform_id,
    Integrity::from_transform_id
);
numbered!(Prf, u16, Prf::transform_id, Prf::from_transform_id);
numbered!(Group, u16, Group::id, Group::from_id);
numbered!(
    AdditionalExchange,
    u16,
    AdditionalExchange::id,
    AdditionalExchange::from_id
);
numbered!(IdType, u8, |kind: IdType| kind.0, |kind| Some(IdType(kind)));
numbered!(ConnectionKey, u128, |key: ConnectionKey| key.0, |key| Some(
    ConnectionKey(key)
));
numbered!(Spi, u64, |spi: Spi| spi.0, |spi| Some(Spi(spi)));
numbered!(PayloadType, u8, |kind: PayloadType| kind.0, |kind| Some(
    PayloadType(kind)
));
numbered!(
    ExchangeType,
    u8,
    |exchange: ExchangeType| exchange.0,
    |exchange| Some(ExchangeType(exchange))
);

impl Field for Encryption {
    fn put(&self, to: &mut Writer) {
        self.transform().put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let (id, key_bits) = <(u16, Option<u16>)>::take(from)?;
        Self::from_transform(id, key_bits).ok_or(Unreadable::Malformed)
    }
}

impl Field for Ipv4Addr {
    fn put(&self, to: &mut Writer) {
        self.to_bits().put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        u32::take(from).map(Self::from_bits)
    }
}

impl Field for Ipv6Addr {
    fn put(&self, to: &mut Writer) {
        self.to_bits().put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        u128::take(from).map(Self::from_bits)
    }
}

impl Field for IpAddr {
    fn put(&self, to: &mut Writer) {
        self.is_ipv6().put(to);
        match self {
            Self::V4(address) => address.put(to),
            Self::V6(address) => address.put(to),
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(match bool::take(from)? {
            false => Self::V4(Field::take(from)?),
            true => Self::V6(Field::take(from)?),
        })
    }
}

impl Field for SocketAddr {
    fn put(&self, to: &mut Writer) {
        (self.ip(), self.port()).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        <(IpAddr, u16)>::take(from).map(Self::from)
    }
}

impl Field for AddressRange {
    fn put(&self, to: &mut Writer) {
        self.first().put(to);
        self.last().put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match <(IpAddr, IpAddr)>::take(from)? {
            (IpAddr::V4(first), IpAddr::V4(last)) => Ok(Self::V4(first, last)),
            (IpAddr::V6(first), IpAddr::V6(last)) => Ok(Self::V6(first, last)),
            _ => Err(Unreadable::Malformed),
        }
    }
}

impl Field for SaKey {
    fn put(&self, to: &mut Writer) {
        to.name(self.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.name().map(Self)
    }
}

impl Field for ChildKey {
    fn put(&self, to: &mut Writer) {
        to.name(self.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.name().map(Self)
    }
}

choice!(Encapsulation { 0 => Auto, 1 => Always, 2 => Never });
choice!(Carriage { 0 => Ip, 1 => Udp });
choice!(Protocol { 2 => Ah, 3 => Esp });
choice!(Mode { 0 => Transport, 1 => Tunnel });
choice!(Versions { 0 => Any, 1 => V1, 2 => V2, 3 => AnyFromV1 });
choice!(Role { 0 => Initiator, 1 => Responder });

record!(TrafficSelector {
    protocol,
    first_port,
    last_port,
    addresses
});
record!(Flags {
    encryption,
    initiator,
    version,
    response
});
record!(Header {
    initiator_spi,
    responder_spi,
    next_payload,
    major_version,
    minor_version,
    exchange,
    flags,
    message_id,
    length,
});
record!(ExchangeNonces {
    initiator,
    responder
});
record!(DirectionKeys {
    spi,
    encryption,
    integrity
});
record!(Path {
    local,
    local_port,
    remote
});
record!(IkeSuite {
    encryption,
    integrity,
    prf,
    group,
    additional,
    ppk
});
record!(EspSuite {
    encryption,
    integrity,
    group,
    additional,
    extended_sequence_numbers,
    mode,
});
record!(Identity { kind, data });
record!(IkeAlgorithms {
    encryption,
    integrity,
    prf,
    groups,
    additional
});
record!(EspAlgorithms {
    protocol,
    encryption,
    integrity,
    groups,
    additional,
    extended_sequence_numbers,
});
choice!(Childless { 0 => Auto, 1 => Always, 2 => Never });
record!(ChildConfig { local, remote });
record!(Liveness {
    interval,
    timeout,
    restart
});
record!(EndpointConfig {
    cookie_threshold,
    cookie_threshold_of_peer,
    cookie_threshold_of_strangers,
    half_open_limit,
    half_open_limit_of_peer,
    half_open_limit_of_strangers,
    iv_epoch,
    message_id_sync,
});

/// Without keys and certificates, which whoever reads it has to have.
impl Field for ConnectionConfig {
    fn put(&self, to: &mut Writer) {
        self.versions.put(to);
        (self.local, self.remote).put(to);
        self.local_id.put(to);
        self.remote_id.put(to);
        self.encapsulation.put(to);
        self.ike.put(to);
        self.esp.put(to);
        self.mode.put(to);
        self.children.put(to);
        (self.ike_lifetime, self.child_lifetime).put(to);
        self.liveness.put(to);
        self.initiate.put(to);
        self.childless.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let versions = Field::take(from)?;
        let (local, remote) = Field::take(from)?;
        let (local_id, remote_id) = Field::take(from)?;
        let encapsulation = Field::take(from)?;
        let (ike, esp) = (Field::take(from)?, Field::take(from)?);
        let mode = Field::take(from)?;
        let children = Field::take(from)?;
        let (ike_lifetime, child_lifetime) = Field::take(from)?;
        Ok(Self {
            versions,
            local,
            remote,
            local_id,
            remote_id,
            authentication: Authentication::unknown(),
            encapsulation,
            ike,
            esp,
            mode,
            children,
            ike_lifetime,
            child_lifetime,
            liveness: Field::take(from)?,
            initiate: Field::take(from)?,
            childless: Field::take(from)?,
        })
    }
}
