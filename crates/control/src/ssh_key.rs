//! SSH keys: public keys that users keep here.

use adit_crypto::sha256;
use adit_model::ssh_key::KeyKind;
use adit_model::{Name, ResourceGroup, Revision, SshKey, SshKeyId};
use adit_store::{Query, Transaction};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::error::{Error, Noun, Quota, Rule};
use crate::listed::{Listed, Part, listed};
use crate::rules::{self, Naming};
use crate::{Caller, Control};

/// How many bits an RSA key may have.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// The longest text of a key, in octets.
const LONGEST: usize = 4096;

/// What an SSH key is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSshKey {
    /// What to call it.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// As OpenSSH writes it; the system's name before it and the comment behind it may be missing.
    pub public_key: String,
    /// Of which system it must be, if that is said.
    pub kind: Option<KeyKind>,
}

impl Control {
    /// Keeps an SSH key.
    ///
    /// # Errors
    /// It is none, it is of another system, the project has it already, the name is taken, or the quota
    /// is used up.
    pub async fn create_ssh_key(&self, caller: &Caller, new: NewSshKey) -> Result<SshKey, Error> {
        let mut tx = self.change(caller).await?;
        let siblings = tx.ssh_keys(caller.project).await?;
        Quota::SshKeys.check(siblings.len(), self.0.config.limits.ssh_keys)?;
        check_name(&siblings, &new.name, None)?;
        let public_key = new.public_key.trim().to_owned();
        let key = Key::read(&public_key)?;
        if new.kind.is_some_and(|kind| kind != key.kind) {
            let message = "the key is of another type";
            return Err(Error::invalid("type", Rule::Reference, message));
        }
        let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(sha256(&[&key.blob])));
        if let Some(other) = siblings.iter().find(|row| row.fingerprint == fingerprint) {
            let message = format!("the SSH key {} is the same key", other.id);
            return Err(Error::invalid("public_key", Rule::Repeated, message));
        }
        let row = SshKey {
            id: SshKeyId::random(),
            project: caller.project,
            resource_group: new.resource_group,
            name: new.name,
            public_key,
            kind: key.kind,
            bits: key.bits,
            fingerprint,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A part of the project's SSH keys, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn ssh_keys(&self, caller: &Caller, part: Part) -> Result<Listed<SshKey>, Error> {
        let mut tx = self.read().await?;
        let query = Query::of_project(caller.project);
        Ok(listed::<SshKey>(&mut *tx, query, part).await?)
    }

    /// One SSH key.
    ///
    /// # Errors
    /// It is not there.
    pub async fn ssh_key(&self, caller: &Caller, id: SshKeyId) -> Result<SshKey, Error> {
        let mut tx = self.read().await?;
        find(&mut *tx, caller, id).await
    }

    /// Renames an SSH key.
    ///
    /// # Errors
    /// It is not there, or the name is taken.
    pub async fn update_ssh_key(
        &self,
        caller: &Caller,
        id: SshKeyId,
        expected: Option<Revision>,
        name: Option<Name>,
    ) -> Result<SshKey, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        if let Some(name) = name {
            let siblings = tx.ssh_keys(row.project).await?;
            check_name(&siblings, &name, Some(id))?;
            row.name = name;
        }
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Forgets an SSH key.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_ssh_key(
        &self,
        caller: &Caller,
        id: SshKeyId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn find(tx: &mut dyn Transaction, caller: &Caller, id: SshKeyId) -> Result<SshKey, Error> {
    let row = tx.ssh_key(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::SshKey))
}

fn check_name(siblings: &[SshKey], name: &Name, own: Option<SshKeyId>) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::SshKey, names, name, Naming::Unique, own)
}

/// A public key as it was read (RFC 4253 section 6.6, RFC 8709 section 4).
struct Key {
    kind: KeyKind,
    bits: u32,
    blob: Vec<u8>,
}

impl Key {
    fn read(text: &str) -> Result<Self, Error> {
        let invalid = |message: &str| Error::invalid("public_key", Rule::Reference, message);
        let none = || invalid("the key is no RSA or Ed25519 key as OpenSSH writes it");
        if text.len() > LONGEST || text.lines().count() != 1 {
            return Err(none());
        }
        let mut words = text.split_ascii_whitespace();
        let first = words.next().ok_or_else(none)?;
        let named = first.starts_with("ssh-").then_some(first);
        let encoded = match named {
            Some(_) => words.next().ok_or_else(none)?,
            None => first,
        };
        let blob = STANDARD.decode(encoded).map_err(|_| none())?;
        let (system, rest) = string(&blob).ok_or_else(none)?;
        if named.is_some_and(|named| named.as_bytes() != system) {
            return Err(none());
        }
        let (kind, bits, rest) = match system {
            b"ssh-ed25519" => {
                let (key, rest) = string(rest).ok_or_else(none)?;
                let bits = (key.len() == 32).then_some(256);
                (KeyKind::Ed25519, bits.ok_or_else(none)?, rest)
            }
            b"ssh-rsa" => {
                let (_, rest) = string(rest).ok_or_else(none)?;
                let (modulus, rest) = string(rest).ok_or_else(none)?;
                let bits = length(modulus);
                if !RSA_BITS.contains(&bits) {
                    let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
                    let message = format!("an RSA key has {least} to {most} bits, this has {bits}");
                    return Err(invalid(&message));
                }
                (KeyKind::Rsa, bits, rest)
            }
            _ => return Err(none()),
        };
        if !rest.is_empty() {
            return Err(none());
        }
        Ok(Self { kind, bits, blob })
    }
}

/// A string of RFC 4251 section 5, and what follows it.
fn string(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.split_at_checked(length)
}

/// How many bits a number has.
fn length(number: &[u8]) -> u32 {
    let mut rest = number.iter().skip_while(|octet| **octet == 0);
    let first = rest.next().map_or(0, |first| 8 - first.leading_zeros());
    u32::try_from(rest.count()).map_or(u32::MAX, |more| {
        first.saturating_add(more.saturating_mul(8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `ssh-keygen`, whose private halves were thrown away.
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEaCRM+MVpE48APC3rjQLs8UDbbsUyyDV8rI02bZ9C7m me@here";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCcEwBgltiOsMtHLwVs/Gdc5S1Gb5E/w/Y3jSM98wDvVjLXzb7+c/EU9tsJY/xheJOg9gACq37w+g/OzyY4evJTIayidZhqZM+j2/i579VVE9FCzIbvRnQXr5b21gvP29YN8p/tL6H2O1hYtAO4HzlAGgGLkJ9puN7tV/S7ewu42UzPLqxDFFr9XqNyeWKhT0RgteB0/2xQvEtkoNJ4D7c7yFrwtOwb/cxvj2FXVjs/HQ9FZj0ND+yYYQEgkFDltfpTJuU7X4miD2LuHkQjQclCEpuyW6nftUjURXTnkSTdB11KYZX/lyBqk8jtgl/n6omUVSCaVDGp2/YdU9wfoF2j";

    fn fingerprint(text: &str) -> String {
        let key = Key::read(text).map_err(|error| error.to_string()).unwrap();
        STANDARD_NO_PAD.encode(sha256(&[&key.blob]))
    }

    #[test]
    fn keys_are_read_as_openssh_writes_them() {
        let key = Key::read(ED25519).unwrap();
        assert_eq!((key.kind, key.bits), (KeyKind::Ed25519, 256));
        assert_eq!(
            fingerprint(ED25519),
            "CRSO/k67hCJp4Oy5vP6uHHW/xEorrteMv6YHtL07x8w"
        );
        let key = Key::read(RSA).unwrap();
        assert_eq!((key.kind, key.bits), (KeyKind::Rsa, 2048));
        assert_eq!(
            fingerprint(RSA),
            "Wz4SChoGQRc4J+YQyUWMt4TLdeVmPs8WS4uWOB2qySQ"
        );
        let alone = ED25519.split(' ').nth(1).unwrap();
        assert_eq!(fingerprint(alone), fingerprint(ED25519));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let blob = ED25519.split(' ').nth(1).unwrap();
        let cut = &blob[..blob.len() - 8];
        for text in [
            "".to_owned(),
            "ssh-ed25519".to_owned(),
            "ssh-rsa x".to_owned(),
            format!("ssh-rsa {blob}"),
            format!("ssh-ed25519 {cut}"),
            format!("ssh-ed25519 {blob}AAAA"),
            format!("{ED25519}\n{ED25519}"),
            STANDARD.encode(b"\0\0\0\x07ssh-dss\0\0\0\x01\x01"),
            STANDARD.encode(b"\0\0\0\x07ssh-rsa\0\0\0\x01\x03\0\0\0\x02\x01\x01"),
            STANDARD.encode(b"\xff\xff\xff\xffssh-rsa"),
        ] {
            assert!(Key::read(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_s_length_is_without_its_leading_zeros() {
        for (number, bits) in [(&[][..], 0), (&[0, 0], 0), (&[0, 1], 1), (&[0x80, 0], 16)] {
            assert_eq!(length(number), bits);
        }
    }
}
