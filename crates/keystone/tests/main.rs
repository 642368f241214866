//! Against a service that a test plays: one program, so that it is linked once.

#![cfg(test)]

mod asking;
mod tls;
mod world;
