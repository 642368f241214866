//! Adit's words, shared by every crate that knows the product.
