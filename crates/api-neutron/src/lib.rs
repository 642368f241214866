//! OpenStack's Network API v2.0, the part that VPN needs.

mod attribute;
mod body;
mod error;
mod kind;
mod python;
mod query;
mod words;
