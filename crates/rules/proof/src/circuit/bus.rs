//! Buses: what the rows of one table tell those of another.
//!
//! A message is sent as often as it is received, or the proof fails (LogUp: Haböck, "Multivariate lookups based on
//! logarithmic derivatives", 2022). On a bus that is looked up one side provides entries, each as often as it likes,
//! and the other side can only name what was provided.

use super::{Circuit, F};
use p3_field::PrimeCharacteristicRing as _;
use p3_lookup::Count;

/// A bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// Looked up: a value of 16 bits.
    Range,
    /// Looked up: a depth, its limb, its shift and its weight.
    Level,
    /// Looked up: left and right digest, and what they compress to.
    Compress,
    /// Sent: a sponge's name, its domain and length, and the first four elements.
    AbsorbFirst,
    /// Sent: the name of a sponge and how many blocks later, added, and four elements.
    AbsorbNext,
    /// Sent: the name of a sponge's last block, and the digest.
    Digest,
    /// Sent: which tree, a depth, a position in eight limbs, the digest of the node there, and what it is in three cells.
    Node,
    /// Looked up: which tree, and the depth and position of a leaf or of nothing.
    Terminal,
    /// Sent: an entry's number and kind, its id, and the code of what became of it.
    Entry,
    /// Sent: an entry's number and id, who signed, for which account, and the digest of what is asked.
    Acts,
    /// Sent: an entry's number and id, the account that is acted for, the digest of what is asked, and one with a keeper's
    /// authority.
    Asked,
    /// Sent: a leaf's kind and key, its value in seven cells, and since when it has it.
    Memory,
    /// Sent: what the row of a leaf before the batch tells its row after it.
    Path,
    /// Sent: when, of which leaf by kind and key, how much, whether it is credited, and whether it can be done.
    Post,
    /// Sent: a factor, the other one in halves, a divisor in halves, and what their product is by it, rounded down.
    Divide,
    /// Sent: two numbers in halves, the first at least the second, and one where it is above it.
    Compare,
    /// Looked up: an entry's number and its time in halves.
    Time,
    /// Sent: a public key and a digest that it signed.
    Signed,
    /// Sent: the points and the challenge of a signature, between the table that decodes and the one that multiplies.
    Multiply,
    /// Looked up: a point of the fixed base's table.
    Base,
    /// Looked up: an instruction of the program.
    Program,
    /// Looked up: an entry's number, a line and a place, and the cell that its run wrote there.
    Cell,
    /// Sent: an entry's number, the line and the place before which a run wrote a message, the entry's moment, and which.
    Call,
}

/// What the proof system takes for a bus. Messages of one channel can share columns, whatever buses they are on, so it is a
/// channel for several buses that makes a proof small; and they all have the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    /// Values of 16 bits, of which there are most.
    Range,
    /// Messages of at most 7 elements.
    Short,
    /// Messages of at most 17.
    Long,
    /// Instructions.
    Program,
    /// Signatures.
    Multiply,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Short => "short",
            Self::Long => "long",
            Self::Program => "program",
            Self::Multiply => "multiply",
        }
    }

    /// Returns how many elements a message has at most, where several buses are on the channel.
    fn shared(self) -> Option<usize> {
        match self {
            Self::Short => Some(7),
            Self::Long => Some(17),
            Self::Range | Self::Program | Self::Multiply => None,
        }
    }
}

impl Bus {
    /// Returns the channel, and the bus's number on it.
    fn place(self) -> (Channel, u8) {
        match self {
            Self::Range => (Channel::Range, 1),
            Self::Program => (Channel::Program, 1),
            Self::Multiply => (Channel::Multiply, 1),
            Self::Level => (Channel::Short, 1),
            Self::AbsorbFirst => (Channel::Short, 2),
            Self::AbsorbNext => (Channel::Short, 3),
            Self::Digest => (Channel::Short, 4),
            Self::Entry => (Channel::Short, 5),
            Self::Divide => (Channel::Short, 6),
            Self::Compare => (Channel::Short, 7),
            Self::Time => (Channel::Short, 8),
            Self::Cell => (Channel::Short, 9),
            Self::Call => (Channel::Short, 10),
            Self::Compress => (Channel::Long, 1),
            Self::Node => (Channel::Long, 2),
            Self::Terminal => (Channel::Long, 3),
            Self::Acts => (Channel::Long, 4),
            Self::Asked => (Channel::Long, 5),
            Self::Memory => (Channel::Long, 6),
            Self::Path => (Channel::Long, 7),
            Self::Post => (Channel::Long, 8),
            Self::Signed => (Channel::Long, 9),
            Self::Base => (Channel::Long, 10),
        }
    }

    /// Puts a message on the bus's channel: zeros, the bus's number, and the message, as many elements as all there have. No
    /// number is zero, so where two messages of different lengths have their numbers, one of them has a zero: none is
    /// taken for one of another bus.
    fn push<AB: Circuit, E: Into<AB::Expr>>(
        self,
        builder: &mut AB,
        message: impl IntoIterator<Item = E>,
        count: Count<AB::Expr>,
    ) {
        let (channel, number) = self.place();
        let mut message: Vec<AB::Expr> = message.into_iter().map(Into::into).collect();
        if let Some(most) = channel.shared() {
            let unused = most.checked_sub(message.len()).expect("a channel is as wide as its buses' messages");
            let mut whole = vec![AB::Expr::ZERO; unused];
            whole.push(AB::Expr::from_u8(number));
            whole.append(&mut message);
            message = whole;
        }
        builder.push_interaction(channel.name(), message, count);
    }

    /// Returns what a message says, as a channel has it, if it is on this bus.
    pub fn read<'a>(self, channel: &str, message: &'a [F]) -> Option<&'a [F]> {
        let (own, number) = self.place();
        if own.name() != channel {
            return None;
        }
        if own.shared().is_none() {
            return Some(message);
        }
        let (found, message) = message[message.iter().position(|element| *element != F::ZERO)?..].split_first()?;
        (*found == F::from_u8(number)).then_some(message)
    }

    /// Provides an entry as often as `uses` says.
    pub fn provide<AB: Circuit, E: Into<AB::Expr>>(
        self,
        builder: &mut AB,
        entry: impl IntoIterator<Item = E>,
        uses: impl Into<AB::Expr>,
    ) {
        self.push(builder, entry, Count::provided(-uses.into()));
    }

    /// Sends a message, or looks an entry up, when `flag` is one. The caller constrains it to be zero or one.
    pub fn send<AB: Circuit, E: Into<AB::Expr>>(
        self,
        builder: &mut AB,
        message: impl IntoIterator<Item = E>,
        flag: impl Into<AB::Expr>,
    ) {
        self.push(builder, message, Count::bounded(flag.into(), 1));
    }

    /// Receives a message when `flag` is one. The caller constrains it to be zero or one.
    pub fn receive<AB: Circuit, E: Into<AB::Expr>>(
        self,
        builder: &mut AB,
        message: impl IntoIterator<Item = E>,
        flag: impl Into<AB::Expr>,
    ) {
        self.push(builder, message, -Count::bounded(flag.into(), 1));
    }
}
