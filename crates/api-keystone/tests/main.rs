//! The face over a memory store: one program, so that it is linked once.

#![cfg(test)]

mod resources;
mod tokens;
mod world;
