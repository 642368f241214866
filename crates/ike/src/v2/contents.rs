//! The payloads of one message, sorted by what they are for.

use alloc::vec::Vec;

use adit_crypto::SignatureHash;
use adit_ike_wire::TrafficSelector;
use adit_ike_wire::v2::authentication::X509_SIGNATURE;
use adit_ike_wire::v2::{Delete, Identification, Notify, NotifyType, Payload, Proposal};

use crate::v2::authentication::hashes_of;

/// The payloads of one message. Where a payload may come once, the first one counts.
#[derive(Debug, Default)]
pub(crate) struct Contents<'m> {
    pub(crate) proposals: Option<&'m [Proposal<'m>]>,
    pub(crate) key_exchange: Option<(u16, &'m [u8])>,
    pub(crate) nonce: Option<&'m [u8]>,
    pub(crate) id_initiator: Option<Identification<'m>>,
    pub(crate) id_responder: Option<Identification<'m>>,
    pub(crate) auth: Option<(u8, &'m [u8])>,
    /// X.509 certificates in DER, in their order; of other encodings none.
    pub(crate) certificates: Vec<&'m [u8]>,
    pub(crate) ts_initiator: Option<&'m [TrafficSelector]>,
    pub(crate) ts_responder: Option<&'m [TrafficSelector]>,
    pub(crate) notifies: Vec<Notify<'m>>,
    pub(crate) deletes: Vec<Delete<'m>>,
    /// The type of an unknown payload with the critical bit (RFC 7296 section 2.5).
    pub(crate) unknown_critical: Option<u8>,
}

impl<'m> Contents<'m> {
    pub(crate) fn of(payloads: &'m [Payload<'m>]) -> Self {
        let mut contents = Self::default();
        for payload in payloads {
            match payload {
                Payload::Authentication { method, data } => {
                    contents.auth.get_or_insert((*method, data));
                }
                Payload::Certificate {
                    encoding: X509_SIGNATURE,
                    data,
                } => contents.certificates.push(data),
                Payload::Delete(delete) => contents.deletes.push(*delete),
                Payload::IdInitiator(id) => {
                    contents.id_initiator.get_or_insert(*id);
                }
                Payload::IdResponder(id) => {
                    contents.id_responder.get_or_insert(*id);
                }
                Payload::KeyExchange { group, data } => {
                    contents.key_exchange.get_or_insert((*group, data));
                }
                Payload::Nonce(nonce) => {
                    contents.nonce.get_or_insert(nonce);
                }
                Payload::Notify(notify) => contents.notifies.push(*notify),
                Payload::SecurityAssociation(proposals) => {
                    contents.proposals.get_or_insert(proposals);
                }
                Payload::TsInitiator(selectors) => {
                    contents.ts_initiator.get_or_insert(selectors);
                }
                Payload::TsResponder(selectors) => {
                    contents.ts_responder.get_or_insert(selectors);
                }
                Payload::Unknown {
                    kind,
                    critical: true,
                    ..
                } => {
                    contents.unknown_critical.get_or_insert(kind.0);
                }
                Payload::Certificate { .. }
                | Payload::CertificateRequest { .. }
                | Payload::Configuration(_)
                | Payload::Eap(_)
                | Payload::Encrypted(_)
                | Payload::EncryptedFragment(_)
                | Payload::Unknown { .. }
                | Payload::VendorId(_) => {}
            }
        }
        contents
    }

    /// The first notification of this type.
    pub(crate) fn notify(&self, kind: NotifyType) -> Option<&Notify<'m>> {
        self.notifies.iter().find(|notify| notify.kind == kind)
    }

    /// The hash functions that the sender takes in signatures, if it knows RFC 7427.
    pub(crate) fn signature_hashes(&self) -> Option<Vec<SignatureHash>> {
        let notify = self.notify(NotifyType::SIGNATURE_HASH_ALGORITHMS)?;
        Some(hashes_of(notify.data))
    }

    /// The first notification that reports an error.
    pub(crate) fn error(&self) -> Option<&Notify<'m>> {
        self.notifies.iter().find(|notify| notify.kind.is_error())
    }
}
