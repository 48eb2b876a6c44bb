//! What the parties do, fixed before they begin: steps without messages, and steps that send one.
//!
//! A plan says nothing about values, so its rounds and bytes are known beforehand and depend on no secret.

use crate::bits::words;
use crate::share::Party;
use crate::verify::Security;
use crate::verify::bill::Bill;
use std::ops::Range;
use vm::{Operation, Type};

/// A shared vector of numbers modulo 2^width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    pub(crate) at: usize,
    /// How many numbers.
    pub lanes: usize,
    /// Of how many bits.
    pub width: usize,
}

/// A shared vector of bit strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits {
    pub(crate) at: usize,
    /// How many strings.
    pub lanes: usize,
    /// Of how many bits.
    pub planes: usize,
}

/// A vector of numbers that all parties know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Public {
    pub(crate) at: usize,
    /// How many numbers.
    pub lanes: usize,
}

/// A vector of one of the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Any {
    /// Shared numbers.
    Ring(Ring),
    /// Shared bits.
    Bits(Bits),
    /// What all know.
    Public(Public),
}

impl Any {
    pub(crate) fn at(self) -> usize {
        match self {
            Self::Ring(ring) => ring.at,
            Self::Bits(bits) => bits.at,
            Self::Public(public) => public.at,
        }
    }
}

/// A step that needs no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Local {
    /// Numbers that all know.
    Constant(Vec<u64>),
    /// A number that nobody knows.
    Random {
        words: usize,
    },
    Add(usize, usize),
    Sub(usize, usize),
    /// Shared plus public.
    AddPublic(usize, usize),
    /// Shared times public.
    Scale(usize, usize),
    /// Lane sums: one for each group of so many lanes that lie beside one another.
    Sum {
        from: usize,
        group: usize,
    },
    Xor(usize, usize),
    /// Bits the other way round.
    Flip(usize),
    /// Some planes of bits, in the order given.
    Planes {
        from: Bits,
        planes: Vec<usize>,
    },
    /// Planes of several, one after another.
    Stack(Vec<usize>),
    /// Some lanes of numbers, in the order given.
    Lanes {
        from: usize,
        lanes: Vec<usize>,
    },
    /// The component that the dealer does not know, shifted right, modulo the numbers' width.
    Third {
        from: Ring,
        shift: usize,
    },
    /// The bits of the component that the dealer does not know, of its negation if so asked.
    ThirdBits {
        from: Ring,
        negated: bool,
    },
    /// The bits of one of the two components that the dealer knows: its first, or its second.
    DealersBits {
        from: Ring,
        second: bool,
    },
    /// Each component shifted right.
    Shifted {
        from: Ring,
        shift: usize,
    },
    /// For each plane in turn, the component of its bits that the dealer does not know, as numbers.
    ThirdOfBits {
        from: Bits,
    },
    /// Public numbers as shares.
    Classify(usize),
    /// Public bits, one in each lane, as shares.
    ClassifyBits(usize),
    /// Bits of one plane where public ones are set, zeros elsewhere.
    Mask {
        from: usize,
        by: usize,
    },
    /// Each lane's bits as lanes of their own, the lowest first.
    Spread {
        from: Bits,
    },
    /// The inverse: as many lanes as planes become one.
    Gather {
        from: Bits,
        planes: usize,
    },
    /// Some lanes of one plane, in the order given.
    BitLanes {
        from: Bits,
        lanes: Vec<usize>,
    },
    /// Lanes of one plane of several, one after another.
    StackBits(Vec<Bits>),
    /// The lanes at public indices.
    Pick {
        from: Any,
        indices: usize,
    },
    /// As many lanes as wanted from a public index on.
    Get {
        from: Any,
        index: usize,
        lanes: usize,
    },
    /// With some lanes replaced from a public index on.
    Put {
        to: Any,
        index: usize,
        part: Any,
    },
    /// An operation on what all know. Its results are in registers one after another.
    Clear {
        operation: Operation,
        kinds: Vec<Type>,
        operands: Vec<usize>,
        results: Vec<Type>,
    },
}

/// A step in which each party sends to the one before it and hears from the one after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Products of lanes, summed over groups of lanes that lie beside one another.
    Multiply { a: Ring, b: Ring, group: usize },
    /// The same numbers, of which the components say nothing of what they came from.
    Refresh(Ring),
    /// Products of bits.
    And { a: Bits, b: Bits },
    /// What all may know.
    OpenRing(Ring),
    /// What all may know.
    OpenBits(Bits),
    /// The sum of the two components that the dealer knows, shifted right, shared anew.
    DealSum { from: Ring, shift: usize, width: usize },
    /// The bits of that sum, shared as bits.
    DealSumBits { from: Ring },
    /// What is carried out of each bit of that sum, shared as bits; the two components' bits are there already.
    DealCarries { from: Ring, first: usize, second: usize },
    /// For each plane in turn, the sum of the two components of its bits that the dealer knows, shared as numbers.
    DealOfBits { from: Bits, width: usize },
}

/// A step with where its result goes and what nobody needs after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step<T> {
    pub(crate) to: usize,
    pub(crate) what: T,
    pub(crate) last_use: Vec<usize>,
}

/// Steps that need the message of the round before, and then one message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Round {
    pub(crate) local: Vec<Step<Local>>,
    pub(crate) talk: Vec<Step<Talk>>,
}

/// What the parties do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) rounds: Vec<Round>,
    pub(crate) registers: usize,
    pub(crate) inputs: Vec<Any>,
    pub(crate) opened: Vec<Public>,
    pub(crate) outputs: Vec<Ring>,
    /// What is kept for another plan, as it is.
    pub(crate) kept: Vec<Any>,
    pub(crate) security: Security,
}

/// What a plan costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// How many messages follow on one another.
    pub rounds: usize,
    /// How many bytes each party sends, without what the transport adds.
    pub bytes: [usize; 3],
    /// Of the messages, how many random elements hide what is checked: they can be drawn ahead.
    pub masks: usize,
    /// A lie escapes once in two to the power of this; 0 where nothing is checked.
    pub statistical_bits: u32,
}

/// Returns the words of which each party is the dealer. Dealing costs the dealer a message and nobody else, so it is
/// shared out among the three.
pub(crate) fn dealt(words: usize) -> [Range<usize>; 3] {
    let bounds = [0, words / 3, words * 2 / 3, words];
    [bounds[0]..bounds[1], bounds[1]..bounds[2], bounds[2]..bounds[3]]
}

/// Returns the lanes of which each party is the dealer.
pub(crate) fn dealt_lanes(lanes: usize) -> [Range<usize>; 3] {
    dealt(words(lanes)).map(|words| (words.start * 64).min(lanes)..(words.end * 64).min(lanes))
}

/// Bytes of a number in a message.
pub(crate) fn number_bytes(width: usize) -> usize {
    width.div_ceil(8)
}

/// Bytes of some planes' bits in a message.
pub(crate) fn plane_bytes(lanes: usize, planes: usize) -> usize {
    planes * lanes.div_ceil(8)
}

impl Talk {
    /// Returns how many bytes a party sends.
    pub(crate) fn bytes(&self, party: Party) -> usize {
        let mine = |lanes: usize| dealt_lanes(lanes)[party.index()].len();
        match self {
            Self::Multiply { a, group, .. } => a.lanes / group * number_bytes(a.width),
            Self::And { a, .. } => plane_bytes(a.lanes, a.planes),
            Self::OpenRing(from) | Self::Refresh(from) => from.lanes * number_bytes(from.width),
            Self::OpenBits(from) => plane_bytes(from.lanes, from.planes),
            Self::DealSum { from, width, .. } => mine(from.lanes) * number_bytes(*width),
            Self::DealSumBits { from } | Self::DealCarries { from, .. } => plane_bytes(mine(from.lanes), from.width),
            Self::DealOfBits { from, width } => from.planes * mine(from.lanes) * number_bytes(*width),
        }
    }
}

impl Round {
    /// Returns whether something is shown in it.
    pub(crate) fn shows(&self) -> bool {
        self.talk.iter().any(|step| matches!(step.what, Talk::OpenRing(_) | Talk::OpenBits(_)))
    }
}

impl Plan {
    /// Returns what the plan costs by itself, exactly: with all that is checked in it and at its end.
    pub fn cost(&self) -> Cost {
        let mut bill = Bill::new(self.security);
        if !self.inputs.is_empty() {
            bill.input();
        }
        bill.plan(self);
        bill.end();
        bill.cost()
    }

    /// Returns which lies it withstands.
    pub fn security(&self) -> Security {
        self.security
    }
}
