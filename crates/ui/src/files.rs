//! What was built: by name, in each coding, with its ETag.

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
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

/// How a file is packed: its extension, and the name of the coding.
const CODINGS: [(&str, &str); 2] = [(".br", "br"), (".gz", "gzip")];

/// A file, as it is sent.
pub(crate) struct File<'a> {
    /// What it is called, without the coding.
    pub(crate) name: &'a str,
    pub(crate) coding: Option<&'static str>,
    pub(crate) content: Cow<'static, [u8]>,
    /// With its quotation marks.
    pub(crate) etag: String,
}

impl<'a> File<'a> {
    /// The one of this name, in the best coding that is understood. What it is packed in has no name of its own, and
    /// neither has what the build keeps for itself.
    pub(crate) fn find<F: Files>(name: &'a str, headers: &HeaderMap) -> Option<Self> {
        let is_packed = CODINGS.iter().any(|(end, _)| name.ends_with(end));
        if is_packed || name.ends_with(".sha256") {
            return None;
        }
        let packed = CODINGS.iter().find_map(|(end, coding)| {
            let file = takes(headers, coding).then(|| F::file(&format!("{name}{end}")))?;
            file.map(|file| (Some(*coding), file))
        });
        let (coding, file) = packed.or_else(|| F::file(name).map(|file| (None, file)))?;
        let hash = file.metadata.sha256_hash();
        let hash = hash.iter().take(12).map(|octet| format!("{octet:02x}"));
        Some(Self {
            name,
            coding,
            etag: format!("\"{}\"", hash.collect::<String>()),
            content: file.data,
        })
    }
}

/// Whether a client takes a coding (RFC 9110 section 12.5.3).
fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let said = headers.get_all(ACCEPT_ENCODING);
    let said = said.iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|said| said.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_meant = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").map(str::parse::<f32>);
            matches!(weight, Some(Ok(weight)) if weight <= 0.0)
        });
        is_meant && !refused
    })
}
