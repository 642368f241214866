//! Whether one can reach another, and if not, what is in the way: the answer is worked out from the rows that networks,
//! routes and filters are made of (`spec`), and from what was seen of tunnels. No packet is sent.
//!
//! ```text
//!   machine -> its groups -> on the same subnet? ---------------------------> groups of the other
//!                                | no
//!                            its router: edge of the subnet (network ACL, both ways: an answer is a packet like any other)
//!                                |-> another subnet: its edge -------------> groups of the other
//!                                |-> a peer's block: the connection, its state, its Child SAs
//!                                |-> outside: by whose address
//! ```

mod filters;
mod packet;
mod steps;
mod walk;
mod ways;

use std::net::IpAddr;

use adit_model::PortId;

use crate::error::{Error, Rule};
use crate::{Caller, Control};
use packet::{Number, Packet};
pub use steps::{Step, Verdict};
use walk::Walk;

/// Who begins, or who is to be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// A machine, by its first address of the other end's family.
    Machine(PortId),
    /// An address: a machine's, one behind a peer, or one outside.
    Address(IpAddr),
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// Who begins.
    pub from: End,
    /// Who is to be reached.
    pub to: End,
    /// By which protocol, by its number; `None` is any.
    pub protocol: Option<u8>,
    /// On which port; of ICMP, by which type. `None` is any.
    pub port: Option<u16>,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Whether it can be.
    pub verdict: Verdict,
    /// The addresses that it was worked out for.
    pub from: IpAddr,
    /// The same of the other end.
    pub to: IpAddr,
    /// The way, as far as it goes. The last one stops it, where something does.
    pub steps: Vec<Step>,
}

const TCP: u8 = 6;
const PORTS: [u8; 5] = [TCP, 17, 33, 132, 136];
const ICMP: [u8; 2] = [1, 58];

impl Control {
    /// Whether one end can reach the other.
    ///
    /// # Errors
    /// A machine is not there, neither end is the project's, or the question makes no sense.
    pub async fn reachability(&self, caller: &Caller, question: Question) -> Result<Answer, Error> {
        check(&question)?;
        let mut tx = self.read().await?;
        let (from, to) = walk::addresses(&mut *tx, caller, question.from, question.to).await?;
        let packet = Packet {
            from,
            to,
            protocol: question.protocol,
            source: Number::Chosen,
            destination: question.port.map_or(Number::Any, Number::Exactly),
        };
        let named = |end| match end {
            End::Machine(id) => Some(id),
            End::Address(_) => None,
        };
        let ends = (named(question.from), named(question.to));
        let mut walk = Walk::new(self, &mut *tx, caller, packet);
        walk.go(ends).await?;
        let steps = walk.steps;
        Ok(Answer {
            verdict: Verdict::of(&steps),
            from,
            to,
            steps,
        })
    }
}

fn check(question: &Question) -> Result<(), Error> {
    let invalid = |message: &str| Err(Error::invalid("port", Rule::Reference, message));
    match (question.protocol, question.port) {
        (_, None) => Ok(()),
        (None, Some(_)) => invalid("a port is one of a protocol: name that too"),
        (Some(protocol), Some(_)) if PORTS.contains(&protocol) => Ok(()),
        (Some(protocol), Some(kind)) if ICMP.contains(&protocol) && kind <= 255 => Ok(()),
        (Some(protocol), Some(_)) if ICMP.contains(&protocol) => {
            invalid("of ICMP the port is its type, 0 to 255")
        }
        (Some(_), Some(_)) => invalid("this protocol has no ports"),
    }
}
