//! Notes what happens to each connection, for [`crate::recording`].
//!
//! A call of the endpoint is one input; what was drawn and sent while an SA acted is its connection's, and so is
//! whatever else names the connection or a Child SA of it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use adit_crypto::{Random, Secret};
use adit_ike_wire::{ExchangeType, Header};

use crate::authentication::Authentication;
use crate::config::{ConnectionKey, EndpointConfig};
use crate::output::{ChildKey, Event, InstallChild, Output, Part};
use crate::recording::{Entry, Input, Ordinal, Recording, Told};
use crate::time::Instant;

/// Randomness, of which it can be noted what was drawn.
pub(super) struct Noting {
    inner: Box<dyn Random>,
    noted: Option<Secret>,
}

impl Noting {
    pub(super) const fn new(inner: Box<dyn Random>) -> Self {
        Self { inner, noted: None }
    }

    pub(super) fn begin(&mut self) {
        self.noted = Some(Secret::default());
    }

    /// What was drawn since it began.
    pub(super) fn end(&mut self) -> Secret {
        self.noted.take().unwrap_or_default()
    }
}

impl Random for Noting {
    fn fill(&mut self, out: &mut [u8]) {
        self.inner.fill(out);
        if let Some(noted) = &mut self.noted {
            *noted = Secret::new([noted.as_slice(), out].concat());
        }
    }
}

/// What was noted of a connection during one call.
#[derive(Default)]
struct Act {
    drawn: Secret,
    told: Vec<Told>,
}

/// What is kept of one connection.
struct Ring {
    entries: VecDeque<Entry>,
    /// Octets of all of them.
    len: usize,
    is_cut: bool,
    is_shared: bool,
    /// How many Child SAs were installed since the last beginning, and which of them are there.
    installed: Ordinal,
    children: BTreeMap<Ordinal, ChildKey>,
    /// Which keys it is about.
    key: [u8; 32],
}

impl Ring {
    const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            len: 0,
            is_cut: false,
            is_shared: false,
            installed: 0,
            children: BTreeMap::new(),
            key: [0; 32],
        }
    }

    fn push(&mut self, entry: Entry, most: usize) {
        // Packets come all the time; what counts is when the last one came.
        if let Some(last) = self.entries.back()
            && last.is_quiet_like(&entry)
        {
            let last = self.entries.pop_back();
            self.len -= last.map_or(0, |last| last.len());
        }
        self.len += entry.len();
        self.entries.push_back(entry);
        while self.len > most
            && let Some(oldest) = self.entries.pop_front()
        {
            self.len -= oldest.len();
            self.is_cut = true;
        }
    }
}

/// All that is kept.
pub(super) struct Tape {
    /// Octets for each connection, and for all of them.
    each: usize,
    all: usize,
    rings: BTreeMap<ConnectionKey, Ring>,
    children: BTreeMap<ChildKey, (ConnectionKey, Ordinal)>,
    /// Of the call under way: where its outputs begin, and whose are which of them.
    begun: usize,
    whose: Vec<(Range<usize>, Vec<ConnectionKey>)>,
    acts: BTreeMap<ConnectionKey, Act>,
}

impl Tape {
    pub(super) const fn new(each: usize, all: usize) -> Self {
        Self {
            each,
            all,
            rings: BTreeMap::new(),
            children: BTreeMap::new(),
            begun: 0,
            whose: Vec::new(),
            acts: BTreeMap::new(),
        }
    }

    /// What each connection may have, while there are so many.
    fn most(&self) -> usize {
        self.each.min(self.all / self.rings.len().max(1))
    }

    /// A call begins, with so many outputs that are still there.
    pub(super) const fn begin(&mut self, outputs: usize) {
        self.begun = outputs;
    }

    /// An SA acted that is, or may turn out to be, that of one of these.
    pub(super) fn note(&mut self, keys: Vec<ConnectionKey>, drawn: &Secret, made: Range<usize>) {
        for key in &keys {
            let act = self.acts.entry(*key).or_default();
            act.drawn = Secret::new([act.drawn.as_slice(), drawn.as_slice()].concat());
            if keys.len() > 1
                && let Some(ring) = self.rings.get_mut(key)
            {
                ring.is_shared = true;
            }
        }
        self.whose.push((made, keys));
    }

    /// The call is over: notes it for each connection that something came of it for, and for `called`.
    pub(super) fn end(
        &mut self,
        now: Instant,
        outputs: &VecDeque<Output>,
        called: Option<(ConnectionKey, Input)>,
        input: impl FnOnce() -> Input,
    ) -> Vec<ConnectionKey> {
        for (index, output) in outputs.iter().enumerate().skip(self.begun) {
            self.tell(index, output);
        }
        self.whose.clear();
        if let Some((key, _)) = &called {
            self.acts.entry(*key).or_default();
        }
        let acts = core::mem::take(&mut self.acts);
        let most = self.most();
        let touched: Vec<_> = acts.keys().copied().collect();
        if touched.is_empty() {
            return touched;
        }
        let other = input();
        for (key, Act { drawn, told }) in acts {
            let input = match &called {
                Some((called, input)) if *called == key => input.clone(),
                _ => other.clone(),
            };
            if let Some(ring) = self.rings.get_mut(&key) {
                let at = now;
                let entry = Entry {
                    at,
                    input,
                    drawn,
                    told,
                };
                ring.push(entry, most);
            }
        }
        touched
    }

    fn tell(&mut self, index: usize, output: &Output) {
        let told = match output {
            // What is to come is not there yet; that it came is told.
            Output::ExpectChild(_) => None,
            Output::ActivateOutbound(child) => self.of_child(*child, Told::Activate),
            Output::Event(event) => {
                let text = self.text(event);
                Some((connection_of(event), Told::Event(text)))
            }
            Output::InstallChild(install) => self.install(install),
            Output::MoveChild(child, remote) => {
                self.of_child(*child, |child| Told::Move(child, *remote))
            }
            Output::RemoveChild(child) => {
                let told = self.of_child(*child, Told::Remove);
                if let Some((key, ordinal)) = self.children.remove(child)
                    && let Some(ring) = self.rings.get_mut(&key)
                {
                    ring.children.remove(&ordinal);
                }
                told
            }
            Output::RetireChild(child) => self.of_child(*child, Told::Retire),
            Output::Transmit(transmit) => {
                let by = (transmit.local_port, transmit.local);
                let told = Told::Transmit(by, transmit.remote, transmit.octets.clone());
                let whose = self
                    .whose
                    .iter()
                    .rev()
                    .find(|(made, _)| made.contains(&index));
                for key in whose.map_or(&[][..], |(_, keys)| keys) {
                    self.acts.entry(*key).or_default().told.push(told.clone());
                }
                None
            }
        };
        if let Some((key, told)) = told {
            self.acts.entry(key).or_default().told.push(told);
        }
    }

    fn of_child(
        &self,
        child: ChildKey,
        told: impl FnOnce(Ordinal) -> Told,
    ) -> Option<(ConnectionKey, Told)> {
        let (key, ordinal) = self.children.get(&child)?;
        Some((*key, told(*ordinal)))
    }

    fn install(&mut self, install: &InstallChild) -> Option<(ConnectionKey, Told)> {
        let ring = self.rings.get_mut(&install.connection)?;
        let ordinal = ring.installed;
        ring.installed += 1;
        ring.children.insert(ordinal, install.child);
        self.children
            .insert(install.child, (install.connection, ordinal));
        let [inbound, outbound] = [&install.inbound, &install.outbound];
        let digest = adit_crypto::sha256(&[
            inbound.encryption.as_slice(),
            inbound.integrity.as_slice(),
            outbound.encryption.as_slice(),
            outbound.integrity.as_slice(),
        ]);
        let text = alloc::format!(
            "{:?} {:?} {:?} {:08x} {:08x} {:?} {:?} {} {} {:?} {} {}",
            install.encryption,
            install.integrity,
            install.mode,
            inbound.spi,
            outbound.spi,
            install.local_selectors,
            install.remote_selectors,
            install.local,
            install.remote,
            install.carriage,
            install.outbound_active,
            install.iv_epoch,
        );
        let told = Told::Install(ordinal, digest.to_vec(), text);
        Some((install.connection, told))
    }

    /// What an event says, with ordinals for names.
    fn text(&self, event: &Event) -> String {
        let ordinal = |child: &ChildKey| {
            let known = self.children.get(child);
            ChildKey(known.map_or(u64::MAX, |(_, ordinal)| u64::from(*ordinal)))
        };
        let mut event = event.clone();
        match &mut event {
            Event::ChildUp {
                child, replaces, ..
            } => {
                *child = ordinal(child);
                *replaces = replaces.as_ref().map(ordinal);
            }
            Event::ChildDown { child, .. } => *child = ordinal(child),
            Event::PartFailed(_, Part::ChildRekey(child), _) => *child = ordinal(child),
            _ => {}
        }
        alloc::format!("{event:?}")
    }

    /// What a Child SA is called in recordings.
    pub(super) fn ordinal(&self, child: ChildKey) -> Option<(ConnectionKey, Ordinal)> {
        self.children.get(&child).copied()
    }

    /// The Child SA of an ordinal.
    pub(super) fn child(&self, of: ConnectionKey, ordinal: Ordinal) -> Option<ChildKey> {
        self.rings.get(&of)?.children.get(&ordinal).copied()
    }

    /// Begins anew with a connection: what comes from here on can happen again.
    pub(super) fn start(&mut self, now: Instant, key: ConnectionKey, begin: Input) {
        let most = self.most();
        let ring = self.rings.entry(key).or_insert_with(Ring::new);
        for child in core::mem::take(&mut ring.children).into_values() {
            self.children.remove(&child);
        }
        ring.installed = 0;
        ring.is_shared = false;
        if matches!(ring.entries.back(), Some(last) if matches!(last.input, Input::Begin(..))) {
            // Nothing has happened since.
            let last = ring.entries.pop_back();
            ring.len -= last.map_or(0, |last| last.len());
        }
        let begin = Entry {
            at: now,
            input: begin,
            drawn: Secret::default(),
            told: Vec::new(),
        };
        ring.push(begin, most);
    }

    /// Whether what was noted is about other keys than these, or nothing was; it is about these from now on.
    pub(super) fn is_of_other_key(
        &mut self,
        key: ConnectionKey,
        authentication: &Authentication,
    ) -> bool {
        let mark = authentication.mark(b"adit recording");
        let ring = self.rings.entry(key).or_insert_with(Ring::new);
        core::mem::replace(&mut ring.key, mark) != mark
    }

    /// Forgets what was before: it can't happen again.
    pub(super) fn cut(&mut self, key: ConnectionKey) {
        let ring = self.rings.entry(key).or_insert_with(Ring::new);
        ring.entries.clear();
        ring.len = 0;
        ring.is_cut = true;
    }

    pub(super) fn forget(&mut self, key: ConnectionKey) {
        let ring = self.rings.remove(&key);
        for child in ring
            .into_iter()
            .flat_map(|ring| ring.children.into_values())
        {
            self.children.remove(&child);
        }
    }

    /// What was recorded of a connection.
    pub(super) fn recording(
        &self,
        key: ConnectionKey,
        limits: EndpointConfig,
    ) -> Option<Recording> {
        let ring = self.rings.get(&key)?;
        Some(Recording {
            connection: key,
            limits,
            entries: ring.entries.iter().cloned().collect(),
            is_cut: ring.is_cut,
            is_shared: ring.is_shared,
        })
    }

    /// All that was noted of a connection.
    pub(super) fn entries(&self, key: ConnectionKey) -> Vec<&Entry> {
        let ring = self.rings.get(&key).into_iter();
        ring.flat_map(|ring| &ring.entries).collect()
    }
}

/// Whether a datagram is part of an additional key exchange.
pub(super) fn is_additional(octets: &[u8]) -> bool {
    let additional = [
        ExchangeType::IKE_INTERMEDIATE,
        ExchangeType::IKE_FOLLOWUP_KE,
    ];
    Header::parse(octets)
        .is_ok_and(|header| header.major_version == 2 && additional.contains(&header.exchange))
}

const fn connection_of(event: &Event) -> ConnectionKey {
    match event {
        Event::ChildUp { connection, .. }
        | Event::ChildDown { connection, .. }
        | Event::IkeUp { connection, .. }
        | Event::PartFailed(connection, ..)
        | Event::Connecting(connection)
        | Event::Failed(connection, _)
        | Event::IkeDown(connection) => *connection,
    }
}
