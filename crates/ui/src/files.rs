//! What was built: by name, with its ETag.

use std::borrow::Cow;

use rust_embed::{Embed, EmbeddedFile};

/// The page itself.
pub(crate) const INDEX: &str = "index.html";

/// What `ui/` was built to. The folder is committed; where somebody took it away, there is nothing in it.
#[derive(Embed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
pub(crate) struct Built;

/// Where files are found.
pub(crate) trait Files: 'static {
    fn file(name: &str) -> Option<EmbeddedFile>;

    /// Whether there is anything at all.
    fn is_built() -> bool {
        Self::file(INDEX).is_some()
    }
}

impl Files for Built {
    fn file(name: &str) -> Option<EmbeddedFile> {
        Self::get(name)
    }
}

/// A file, as it is sent.
pub(crate) struct File<'a> {
    pub(crate) name: &'a str,
    pub(crate) content: Cow<'static, [u8]>,
    /// With its quotation marks; a weak one, for it is the same however the file is packed on its way (RFC 9110 section
    /// 8.8.1).
    pub(crate) etag: String,
}

impl<'a> File<'a> {
    /// The one of this name. What the build keeps for itself has none.
    pub(crate) fn find<F: Files>(name: &'a str) -> Option<Self> {
        if name.ends_with(".sha256") {
            return None;
        }
        let file = F::file(name)?;
        let hash = file.metadata.sha256_hash();
        let hash = hash.iter().take(12).map(|octet| format!("{octet:02x}"));
        Some(Self {
            name,
            etag: format!("W/\"{}\"", hash.collect::<String>()),
            content: file.data,
        })
    }
}
