//! Algorithms as the field writes them: `aes256gcm16`, `3des`, `sha256`, and groups by their IANA number.

use std::borrow::Cow;

use adit_model::policy::{Authentication, Encryption};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The one whose stored word is not the field's.
const TRIPLE_DES: [&str; 2] = ["tripledes", "3des"];

fn word<T: Serialize>(algorithm: T) -> String {
    let word = serde_json::to_value(algorithm).unwrap_or_default();
    let word = word.as_str().unwrap_or_default();
    let [stored, usual] = TRIPLE_DES;
    if word == stored { usual } else { word }.to_owned()
}

fn read<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let [stored, usual] = TRIPLE_DES;
    let text = Cow::<'de, str>::deserialize(from)?;
    let text = if text == usual { stored } else { &text };
    serde_json::from_value(Value::from(text)).map_err(|error| {
        let said = error.to_string();
        D::Error::custom(said.replace(stored, usual))
    })
}

macro_rules! spelled {
    ($name:ident of $algorithm:ident, $what:literal, $example:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) struct $name(pub(crate) $algorithm);

        impl $name {
            pub(crate) fn word(self) -> String {
                word(self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.word())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                read(from).map(Self)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some($what))
                    .examples([Value::from($example)])
                    .into()
            }
        }

        impl ToSchema for $name {}
    };
}

spelled!(EncryptionName of Encryption,
    "An encryption algorithm, such as aes256gcm16, aes128, chacha20poly1305 or 3des.", "aes256gcm16");
spelled!(AuthenticationName of Authentication,
    "An integrity algorithm and hash: md5, sha1, sha256, sha384, sha512, aesxcbc or aescmac.", "sha256");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_spelled_as_the_field_does_both_ways() {
        for (name, algorithm) in [
            ("3des", Encryption::TripleDes),
            ("aes256gcm16", Encryption::Aes256Gcm16),
            ("chacha20poly1305", Encryption::ChaCha20Poly1305),
        ] {
            let read: EncryptionName = serde_json::from_value(name.into()).unwrap();
            assert_eq!((read.0, read.word().as_str()), (algorithm, name));
        }
        let refused = serde_json::from_value::<EncryptionName>("rot13".into());
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("rot13") && said.contains("`3des`"), "{said}");
    }
}
