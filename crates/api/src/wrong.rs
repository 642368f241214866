//! What is wrong with a value that is not of its kind, for each dialect to word.

use serde_json::Value;

/// Why a value is not of its kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// The value, or the part of it that is wrong; asterisks stand for a key.
    pub value: Value,
    /// What is wrong with it.
    pub what: What,
}

/// What is wrong with a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A number below 0.
    Negative,
    /// No block of addresses.
    NotBlock,
    /// Neither true nor false, nor a word for it.
    NotFlag,
    /// No number, where it has to be one for a reason of its own.
    NotInteger,
    /// No IP address.
    NotIp,
    /// None of the words that there are.
    NotKnown,
    /// No list.
    NotList,
    /// Nothing that a number could be made of.
    NotNumber,
    /// No object.
    NotObject,
    /// No text, or none that will do.
    NotText,
    /// No id.
    NotUuid,
    /// Not to be had here, for this reason.
    Refused(&'static str),
    /// A number above all that are kept.
    TooLarge,
    /// A text of more characters than this.
    TooLong(usize),
    /// A number below this.
    TooSmall(u32),
    /// It stands in its list twice.
    Twice,
    /// An object that has these members besides.
    Unexpected(Vec<String>),
}
