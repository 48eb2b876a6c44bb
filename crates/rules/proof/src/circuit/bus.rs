//! Buses: what the rows of one table tell those of another.
//!
//! A message is sent as often as it is received, or the proof fails (LogUp: Haböck, "Multivariate lookups based on
//! logarithmic derivatives", 2022). On a bus that is looked up one side provides entries, each as often as it likes,
//! and the other side can only name what was provided.

use super::Circuit;
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

impl Bus {
    fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Level => "level",
            Self::Compress => "compress",
            Self::AbsorbFirst => "absorb-first",
            Self::AbsorbNext => "absorb-next",
            Self::Digest => "digest",
            Self::Node => "node",
            Self::Terminal => "terminal",
            Self::Entry => "entry",
            Self::Acts => "acts",
            Self::Asked => "asked",
            Self::Memory => "memory",
            Self::Path => "path",
            Self::Post => "post",
            Self::Divide => "divide",
            Self::Compare => "compare",
            Self::Time => "time",
            Self::Signed => "signed",
            Self::Multiply => "multiply",
            Self::Base => "base",
            Self::Program => "program",
            Self::Cell => "cell",
            Self::Call => "call",
        }
    }

    /// Provides an entry as often as `uses` says.
    pub fn provide<AB: Circuit, E: Into<AB::Expr>>(
        self,
        builder: &mut AB,
        entry: impl IntoIterator<Item = E>,
        uses: impl Into<AB::Expr>,
    ) {
        builder.push_interaction(self.name(), entry, Count::provided(-uses.into()));
    }

    /// Sends a message, or looks an entry up, when `flag` is one. The caller constrains it to be zero or one.
    pub fn send<AB: Circuit, E: Into<AB::Expr>>(
        self,
        builder: &mut AB,
        message: impl IntoIterator<Item = E>,
        flag: impl Into<AB::Expr>,
    ) {
        builder.push_interaction(self.name(), message, Count::bounded(flag.into(), 1));
    }

    /// Receives a message when `flag` is one. The caller constrains it to be zero or one.
    pub fn receive<AB: Circuit, E: Into<AB::Expr>>(
        self,
        builder: &mut AB,
        message: impl IntoIterator<Item = E>,
        flag: impl Into<AB::Expr>,
    ) {
        builder.push_interaction(self.name(), message, -Count::bounded(flag.into(), 1));
    }
}
