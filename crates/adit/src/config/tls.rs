//! Whether the API is served by TLS, and with which certificate.

use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Where the certificate is from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TlsSettings {
    /// This program makes one.
    SelfSigned,
    /// From files.
    Files(TlsFiles),
}

/// Both in PEM.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// The certificate, and those that lead to one that clients trust.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = TlsSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"self-signed\", or a table with certificate and key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TlsSettings, E> {
        match text {
            "self-signed" => Ok(TlsSettings::SelfSigned),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TlsSettings, A::Error> {
        TlsFiles::deserialize(MapAccessDeserializer::new(map)).map(TlsSettings::Files)
    }
}

impl<'de> Deserialize<'de> for TlsSettings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct All {
        tls: TlsSettings,
    }

    fn read(text: &str) -> Result<TlsSettings, String> {
        let all = toml::from_str::<All>(text);
        all.map(|all| all.tls)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn it_is_a_word_or_two_files() {
        assert_eq!(read("tls = \"self-signed\""), Ok(TlsSettings::SelfSigned));
        let files = TlsFiles {
            certificate: "/a".into(),
            key: "/b".into(),
        };
        let text = "[tls]\ncertificate = \"/a\"\nkey = \"/b\"";
        assert_eq!(read(text), Ok(TlsSettings::Files(files)));
        for (text, words) in [
            ("tls = \"on\"", "expected \"self-signed\", or a table"),
            ("tls = true", "expected \"self-signed\", or a table"),
            ("[tls]\ncertificate = \"/a\"", "missing field `key`"),
            ("[tls]\ncertificat = \"/a\"", "unknown field `certificat`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
