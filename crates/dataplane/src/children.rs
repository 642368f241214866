//! The installed Child SAs: the control side's register, and each direction's table, which one thread owns.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use adit_esp::{
    Carried, Delivered, DropReason, HEADROOM, InboundSa, InnerHeader, Mode, OutboundError,
    OutboundPacket, OutboundSa, Protocol, Spi,
};

use crate::counters::{Busy, ChildCounters, ChildStats, DropCause};
use crate::lanes::{Lane, Lanes, Sharing};
use crate::limit::Limit;
use crate::parking::{Parked, Parking};
use crate::path::{PathNews, Paths};
use crate::routes::{RouteChange, Routes};
use crate::sealed::Sealed;
use crate::traffic_class;
use crate::translate::{Translations, Way};
use crate::{Carriage, ChildId, ChildSa, InstallError, Owner};

/// Octets of the largest sealed packet to a peer: the path MTU less IP (20 or 40), where that is not in it, and UDP (8).
fn datagram_budget(
    outer_mtu: u16,
    remote: SocketAddr,
    carriage: Carriage,
    sa: &OutboundSa,
) -> usize {
    let ip = if remote.is_ipv4() { 20 } else { 40 };
    let udp = match carriage {
        Carriage::Ip => 0,
        Carriage::Udp => 8,
    };
    (usize::from(outer_mtu) + sa.outer_len()).saturating_sub(ip + udp)
}

/// What the control side knows of the installed Child SAs.
pub(crate) struct Register {
    /// How many there may be.
    most: usize,
    children: HashMap<ChildId, (Spi, Arc<ChildStats>)>,
    spis: HashSet<Spi>,
    busy: Arc<Busy>,
}

impl Register {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            children: HashMap::new(),
            spis: HashSet::new(),
            busy: Arc::default(),
        }
    }

    /// Admits a Child SA and takes it apart into what each direction's table needs.
    pub(crate) fn admit(
        &mut self,
        child: ChildSa,
        outer_mtu: u16,
    ) -> Result<(InboundChild, OutboundChild), InstallError> {
        let ChildSa {
            id,
            owner,
            lane,
            inbound,
            outbound,
            local,
            remote,
            carriage,
            mtu,
            ecn,
            outbound_active,
        } = child;
        if self.children.len() >= self.most {
            return Err(InstallError::TooMany);
        }
        if self.children.contains_key(&id) {
            return Err(InstallError::DuplicateId);
        }
        if !self.spis.insert(inbound.spi()) {
            return Err(InstallError::DuplicateSpi);
        }
        let busy = Arc::clone(&self.busy);
        let begun = (outbound.sequence(), inbound.highest_sequence());
        let limit = outbound.sequence_limit();
        let stats = Arc::new(ChildStats::new(id, begun, limit, busy));
        self.children
            .insert(id, (inbound.spi(), Arc::clone(&stats)));
        let budget = datagram_budget(outer_mtu, remote, carriage, &outbound);
        let path = outbound.max_inner_len(budget);
        let limit = Limit { path, mtu };
        let inbound = InboundChild {
            id,
            owner,
            sa: inbound,
            limit,
            endpoint_seen: None,
            stats: Arc::clone(&stats),
        };
        let outbound = OutboundChild {
            id,
            owner,
            lane,
            sa: outbound,
            local,
            remote,
            carriage,
            ecn,
            active: outbound_active,
            limit,
            outer_mtu,
            stats,
        };
        Ok((inbound, outbound))
    }

    pub(crate) fn remove(&mut self, id: ChildId) {
        if let Some((spi, _)) = self.children.remove(&id) {
            self.spis.remove(&spi);
        }
    }

    pub(crate) fn take_busy(&self) -> Vec<ChildId> {
        let ids = self.busy.take();
        for id in &ids {
            if let Some((_, stats)) = self.children.get(id) {
                stats.rest();
            }
        }
        ids
    }

    pub(crate) fn counters(&self, id: ChildId) -> Option<ChildCounters> {
        self.children.get(&id).map(|(_, stats)| stats.snapshot())
    }
}

/// The receiving half of an installed Child SA.
pub(crate) struct InboundChild {
    id: ChildId,
    owner: Owner,
    sa: InboundSa,
    /// For the MSS of what comes in: the largest inner packet that could go back.
    limit: Limit,
    endpoint_seen: Option<SocketAddr>,
    stats: Arc<ChildStats>,
}

impl InboundChild {
    /// What its packets are known by.
    pub(crate) fn spi(&self) -> Spi {
        self.sa.spi()
    }
}

/// A command to the table of receiving halves.
pub(crate) enum InboundCommand {
    Expect(Spi),
    Install(Box<InboundChild>),
    Limit(ChildId, Option<u16>),
    Remove(ChildId),
    Routes(Arc<RouteChange>),
}

/// An opened packet.
pub(crate) struct Opened {
    /// Where the inner packet is now, if not where it arrived. It was in transport mode then.
    pub(crate) rebuilt: Option<Vec<u8>>,
    /// Where in that, or where it arrived, it is.
    pub(crate) range: Range<usize>,
    /// Parsed from the clear packet.
    pub(crate) inner: InnerHeader,
    /// The largest one that could go back.
    pub(crate) limit: Limit,
}

/// The receiving halves, by SPI, and whose packets they may bring.
#[derive(Default)]
pub(crate) struct InboundTable {
    children: HashMap<Spi, InboundChild>,
    spis: HashMap<ChildId, Spi>,
    routes: Routes,
    parking: Parking,
}

impl InboundTable {
    pub(crate) fn apply(&mut self, command: InboundCommand) {
        match command {
            InboundCommand::Expect(spi) => self.parking.expect(Instant::now(), spi),
            InboundCommand::Install(child) => {
                self.spis.insert(child.id, child.sa.spi());
                self.children.insert(child.sa.spi(), *child);
            }
            InboundCommand::Limit(id, mtu) => {
                let spi = self.spis.get(&id);
                if let Some(child) = spi.and_then(|spi| self.children.get_mut(spi)) {
                    child.limit.mtu = mtu;
                }
            }
            InboundCommand::Remove(id) => {
                if let Some(spi) = self.spis.remove(&id) {
                    self.children.remove(&spi);
                }
            }
            InboundCommand::Routes(change) => self.routes.apply(&change),
        }
    }

    /// The packets that have waited for a Child SA with this SPI.
    pub(crate) fn release(&mut self, spi: Spi, now: Instant) -> Vec<Parked> {
        self.parking.release(now, spi)
    }

    /// Opens a sealed packet in place, or has it wait where its Child SA is yet to come.
    pub(crate) fn open_or_park(
        &mut self,
        sealed: &mut Sealed<'_>,
        class: u8,
        now: Instant,
    ) -> Result<Option<Opened>, DropCause> {
        let opened = self.open(sealed, now);
        let (spi, len) = (sealed.spi, sealed.packet.len());
        if matches!(opened, Err(DropCause::UnknownSpi)) && self.parking.has_room(now, spi, len) {
            self.parking.park(spi, Parked::new(now, sealed, class));
            return Ok(None);
        }
        opened.map(Some)
    }

    /// Opens a sealed packet in place.
    fn open(&mut self, sealed: &mut Sealed<'_>, now: Instant) -> Result<Opened, DropCause> {
        let (packet, from) = (&mut *sealed.packet, sealed.from);
        let child = self.children.get_mut(&sealed.spi);
        // Each protocol has SPIs of its own.
        let child = child.filter(|child| child.sa.protocol() == sealed.protocol);
        let child = child.ok_or(DropCause::UnknownSpi)?;
        let highest = child.sa.highest_sequence();
        let result = child.sa.open(packet);
        if let Err(DropReason::Integrity | DropReason::Malformed) = result {
            child.stats.refused();
        }
        let authenticated = result
            .as_ref()
            .err()
            .is_none_or(|reason| reason.is_authenticated());
        let result = result.map_err(DropCause::Esp).and_then(|delivered| {
            let inner = delivered.packet(packet).map(InnerHeader::parse);
            let Some(Ok(inner)) = inner else {
                return Err(DropCause::NotIp);
            };
            let (rebuilt, range) = match delivered {
                Delivered::InPlace(range) => (None, range),
                Delivered::Rebuilt(frame) => {
                    let range = HEADROOM..frame.len();
                    (Some(frame), range)
                }
            };
            // In transport mode there are none.
            let translations = self.routes.translations(child.owner);
            let inner = match translations.filter(|_| rebuilt.is_none()) {
                None => inner,
                Some(translations) => {
                    let ours = translations.header(Way::In, &inner);
                    let ours = ours.ok_or(DropCause::OtherConnection)?;
                    if let Some(packet) = packet.get_mut(range.clone()) {
                        translations.rewrite(Way::In, packet, &inner);
                    }
                    ours
                }
            };
            let (local, remote) = (inner.destination, inner.source);
            if !self.routes.may_bring(child.owner, local, remote) {
                return Err(DropCause::OtherConnection);
            }
            Ok(Opened {
                rebuilt,
                range,
                inner,
                limit: child.limit,
            })
        });
        if authenticated {
            let highest_now = child.sa.highest_sequence();
            let octets = result.as_ref().ok().map(|opened| opened.range.len());
            child.stats.received(now, octets, highest_now);
            // A packet that was captured and sent on from elsewhere is rarely the newest.
            let newest = highest_now > highest;
            if newest
                && child.endpoint_seen != from
                && let Some(from) = from
            {
                child.endpoint_seen = Some(from);
                child.stats.endpoint_moved(from);
            }
        }
        result
    }
}

/// The sending half of an installed Child SA.
pub(crate) struct OutboundChild {
    id: ChildId,
    owner: Owner,
    lane: Lane,
    sa: OutboundSa,
    local: IpAddr,
    remote: SocketAddr,
    carriage: Carriage,
    ecn: bool,
    active: bool,
    limit: Limit,
    outer_mtu: u16,
    stats: Arc<ChildStats>,
}

impl OutboundChild {
    fn fit(&mut self, paths: &Paths) {
        let mtu = self.path_mtu(paths);
        let budget = datagram_budget(mtu, self.remote, self.carriage, &self.sa);
        self.limit.path = self.sa.max_inner_len(budget);
    }

    /// What its packets are sent in.
    pub(crate) fn carriage(&self) -> Carriage {
        self.carriage
    }

    /// DSCP and ECN of the outer header around an inner one's.
    pub(crate) fn outer_class(&self, inner: u8) -> u8 {
        traffic_class::outer(inner, self.ecn)
    }

    /// From where its packets are sent.
    pub(crate) fn local(&self) -> IpAddr {
        self.local
    }

    /// Where its packets are sent.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Octets of the largest inner packet like this one.
    pub(crate) fn max_inner_len(&self, packet: &InnerHeader) -> usize {
        self.limit.of(packet)
    }

    /// What its packets are.
    pub(crate) fn protocol(&self) -> Protocol {
        self.sa.protocol()
    }

    /// What of packets it protects.
    pub(crate) fn mode(&self) -> Mode {
        self.sa.mode()
    }

    /// What of a packet it carries.
    pub(crate) fn carried(&self, inner: &InnerHeader, packet: &[u8]) -> Result<Carried, DropCause> {
        self.sa
            .carried(inner, packet)
            .map_err(|_| DropCause::Uncarried)
    }

    /// Octets of the sealed packet around a payload.
    pub(crate) fn sealed_len(&self, payload_len: usize) -> usize {
        self.sa.sealed_len(payload_len)
    }

    /// Where in the sealed packet the payload starts.
    pub(crate) fn payload_offset(&self) -> usize {
        self.sa.payload_offset()
    }

    /// Octets of inner packets whose payloads these are.
    pub(crate) fn inner_octets(&self, packets: &[OutboundPacket<'_>]) -> u64 {
        let payloads: usize = packets.iter().map(|packet| packet.payload_len).sum();
        (payloads + packets.len() * self.sa.skipped()) as u64
    }

    /// Octets of the largest IP packet on the way to the peer.
    pub(crate) fn path_mtu(&self, paths: &Paths) -> u16 {
        paths.mtu(self.remote, self.outer_mtu)
    }

    /// Seals packets and counts them.
    pub(crate) fn seal(&mut self, packets: &mut [OutboundPacket<'_>]) -> Result<(), DropCause> {
        self.sa.seal_batch(packets).map_err(|error| match error {
            OutboundError::SequenceExhausted => DropCause::SequenceExhausted,
            OutboundError::TooLong => DropCause::TooBig,
            OutboundError::WrongLength { .. } | OutboundError::Sealing(_) => DropCause::NotIp,
        })?;
        let octets = self.inner_octets(packets);
        self.stats
            .packets_out
            .fetch_add(packets.len() as u64, Relaxed);
        self.stats.octets_out.fetch_add(octets, Relaxed);
        self.stats.sequence.store(self.sa.sequence(), Relaxed);
        self.stats.note_busy();
        Ok(())
    }
}

/// What carries a packet.
pub(crate) struct Selected {
    /// The SA's place in the table, which holds until the next command.
    pub(crate) place: usize,
    /// The packet's header as the peer's side knows it.
    pub(crate) inner: InnerHeader,
    /// What gives the packet the addresses that its header has here.
    pub(crate) translations: Option<Arc<Translations>>,
}

/// A command to the table of sending halves.
pub(crate) enum OutboundCommand {
    Install(Box<OutboundChild>),
    Activate(ChildId),
    Hold(Owner, bool),
    Limit(ChildId, Option<u16>),
    Remove(ChildId),
    Move(ChildId, SocketAddr),
    Path(PathNews),
    Routes(Arc<RouteChange>),
    Share(Owner, Option<Sharing>),
}

/// The sending halves, and whose packets they carry.
#[derive(Default)]
pub(crate) struct OutboundTable {
    places: Vec<Option<OutboundChild>>,
    /// Places that nobody has.
    free: Vec<usize>,
    by_id: HashMap<ChildId, usize>,
    /// Of each connection, in the order of their installation. None is empty.
    by_owner: HashMap<Owner, Vec<usize>>,
    /// Of the connections with two tunnels.
    lanes: HashMap<Owner, Lanes>,
    /// By the SPI that the peer gave, which others may have given too. None is empty.
    by_spi: HashMap<u32, Vec<usize>>,
    routes: Routes,
    paths: Paths,
}

impl OutboundTable {
    pub(crate) fn apply(&mut self, command: OutboundCommand) {
        match command {
            OutboundCommand::Install(child) => self.install(*child),
            OutboundCommand::Activate(id) => self.with(id, |child| child.active = true),
            OutboundCommand::Limit(id, mtu) => self.with(id, |child| child.limit.mtu = mtu),
            // The loop's own, which has what waits.
            OutboundCommand::Hold(..) => {}
            OutboundCommand::Remove(id) => self.remove(id),
            OutboundCommand::Routes(change) => self.routes.apply(&change),
            OutboundCommand::Move(id, remote) => self.move_to(id, remote),
            OutboundCommand::Path(news) => self.hear(&news),
            OutboundCommand::Share(owner, Some(sharing)) => {
                self.lanes.entry(owner).or_default().sharing = sharing;
            }
            OutboundCommand::Share(owner, None) => drop(self.lanes.remove(&owner)),
        }
    }

    fn move_to(&mut self, id: ChildId, remote: SocketAddr) {
        let place = self.by_id.get(&id);
        if let Some(Some(child)) = place.and_then(|place| self.places.get_mut(*place)) {
            child.remote = remote;
            child.fit(&self.paths);
        }
    }

    /// Takes news of a path, if it is about a packet that was sent. Anybody may send such news: what is not ours costs
    /// one lookup.
    fn hear(&mut self, news: &PathNews) {
        let mut places = self.by_spi.get(&news.spi).into_iter().flatten();
        let is_ours = |place: &usize| {
            let child = self.child(*place);
            child.is_some_and(|child| child.remote.ip() == news.to)
        };
        let is_credible = places.any(is_ours);
        if is_credible && self.paths.note(news, Instant::now()) {
            self.fit(news.to);
        }
    }

    /// Forgets what was heard of paths long ago.
    pub(crate) fn forget_paths(&mut self) {
        for to in self.paths.expire(Instant::now) {
            self.fit(to);
        }
    }

    /// Has inner packets to a peer fit what is known of the path.
    fn fit(&mut self, to: IpAddr) {
        for child in self.places.iter_mut().flatten() {
            if child.remote.ip() == to {
                child.fit(&self.paths);
            }
        }
    }

    fn install(&mut self, mut child: OutboundChild) {
        child.fit(&self.paths);
        let (id, owner, spi) = (child.id, child.owner, child.sa.spi().get());
        let place = self.free.pop().unwrap_or(self.places.len());
        match self.places.get_mut(place) {
            Some(free) => *free = Some(child),
            None => self.places.push(Some(child)),
        }
        self.by_id.insert(id, place);
        self.by_owner.entry(owner).or_default().push(place);
        self.by_spi.entry(spi).or_default().push(place);
    }

    fn remove(&mut self, id: ChildId) {
        let Some(place) = self.by_id.remove(&id) else {
            return;
        };
        let Some(child) = self.places.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.free.push(place);
        forget(&mut self.by_owner, &child.owner, place);
        forget(&mut self.by_spi, &child.sa.spi().get(), place);
    }

    fn with(&mut self, id: ChildId, change: impl FnOnce(&mut OutboundChild)) {
        let place = self.by_id.get(&id).copied();
        if let Some(child) = place.and_then(|place| self.child_mut(place)) {
            change(child);
        }
    }

    /// The newest active SA that may carry the packet, of the connection it belongs to and the tunnel whose turn it is.
    pub(crate) fn select(&mut self, packet: &InnerHeader) -> Result<Selected, DropCause> {
        let (local, remote) = (packet.source, packet.destination);
        let Some(owner) = self.routes.owner(local, remote) else {
            let stays = stays_on_link(local) || stays_on_link(remote);
            return Err(if stays {
                DropCause::LinkScope
            } else {
                DropCause::NoConnection
            });
        };
        // From here on it has the names of the peer's side.
        let translations = self.routes.translations(owner).cloned();
        let packet = &match &translations {
            None => *packet,
            Some(translations) => {
                let theirs = translations.header(Way::Out, packet);
                theirs.ok_or(DropCause::NoConnection)?
            }
        };
        let places = || self.by_owner.get(&owner).into_iter().flatten().rev();
        let carries = |place: &usize| {
            let child = self.child(*place)?;
            (child.active && child.sa.allows(packet)).then_some(child.lane)
        };
        let newest = if self.lanes.contains_key(&owner) {
            let found = Lane::ALL.map(|lane| {
                let mut places = places().copied();
                places.find(|place| carries(place) == Some(lane))
            });
            let lanes = self.lanes.get_mut(&owner);
            let lane = lanes.and_then(|lanes| lanes.choose(packet, found.map(|it| it.is_some())));
            lane.and_then(|lane| lane.of(found))
        } else {
            places().copied().find(|place| carries(place).is_some())
        };
        Ok(Selected {
            place: newest.ok_or(DropCause::NoSa)?,
            inner: *packet,
            translations,
        })
    }

    /// Octets of the largest IP packet on the way to the peer of this place.
    pub(crate) fn path_mtu(&self, place: usize) -> u16 {
        let child = self.child(place);
        child.map_or(u16::MAX, |child| child.path_mtu(&self.paths))
    }

    /// The connection that a packet belongs to.
    pub(crate) fn owner(&self, packet: &InnerHeader) -> Option<Owner> {
        self.routes.owner(packet.source, packet.destination)
    }

    /// Whether a connection has an SA that packets are sent on.
    pub(crate) fn serves(&self, owner: Owner) -> bool {
        let mut places = self.by_owner.get(&owner).into_iter().flatten();
        places.any(|place| self.child(*place).is_some_and(|child| child.active))
    }

    pub(crate) fn child(&self, place: usize) -> Option<&OutboundChild> {
        self.places.get(place)?.as_ref()
    }

    pub(crate) fn child_mut(&mut self, place: usize) -> Option<&mut OutboundChild> {
        self.places.get_mut(place)?.as_mut()
    }
}

/// Takes a place out of an index.
fn forget<K: Eq + Hash>(index: &mut HashMap<K, Vec<usize>>, key: &K, place: usize) {
    if let Some(places) = index.get_mut(key) {
        places.retain(|one| *one != place);
        if places.is_empty() {
            index.remove(key);
        }
    }
}

/// Whether no router forwards it (RFC 4291 sections 2.5.6 and 2.7, RFC 3927, RFC 5771), or it is no address at all.
fn stays_on_link(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    link_local || address.is_multicast() || address.is_unspecified()
}
