//! What the parties do, fixed before they begin: steps without messages, and steps that send one.
//!
//! A plan says nothing about values, so its rounds and bytes are known beforehand and depend on no secret. [`Builder`] makes
//! one of operations; the same builder counts what an operation costs, so that a certificate and a run cannot differ.
//!
//! Setting: replicated sharing among three (Araki et al., CCS 2016). A number is the sum of three components, modulo a power
//! of two or the prime of the field; a bit is the exclusive or of three. Party `i` holds the components `i` and `i + 1`. In
//! a round each party sends one message, to the party before it. Among more parties the same steps are done as [`Parties`]
//! says: where a step here names the dealer, as many deal as may be curious.

mod among;
mod build;
mod compare;
mod divide;
mod lower;
mod moves;
mod order;
mod parties;
mod words;

pub use build::Builder;
pub use lower::{Operand, input, lower};
pub use parties::{Lacking, Parties, Speech};

use crate::kind::{Type, Width};
use crate::operation::Operation;
use std::ops::Range;

/// Bits of a machine's word.
const WORD: usize = 64;

/// Returns how many words hold one bit of each lane.
pub fn words(lanes: usize) -> usize {
    lanes.div_ceil(WORD)
}

/// A shared vector of numbers modulo a power of two, or of elements of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// Its register.
    pub at: usize,
    /// How many numbers.
    pub lanes: usize,
    /// How wide.
    pub width: Width,
}

impl Ring {
    /// Returns how many bits a number has.
    pub fn bits(self) -> usize {
        self.width.bits().into()
    }

    /// Returns a word with as many bits set.
    pub fn mask(self) -> u64 {
        u64::MAX >> (WORD - self.bits())
    }
}

/// A shared vector of bit strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits {
    /// Its register.
    pub at: usize,
    /// How many strings.
    pub lanes: usize,
    /// Of how many bits.
    pub planes: usize,
}

/// A vector of numbers that all parties know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Public {
    /// Its register.
    pub at: usize,
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
    /// Returns its register.
    pub fn at(self) -> usize {
        match self {
            Self::Ring(ring) => ring.at,
            Self::Bits(bits) => bits.at,
            Self::Public(public) => public.at,
        }
    }

    /// Returns how many lanes it has.
    pub fn lanes(self) -> usize {
        match self {
            Self::Ring(ring) => ring.lanes,
            Self::Bits(bits) => bits.lanes,
            Self::Public(public) => public.lanes,
        }
    }

    /// Returns the registers that are one after another from this one on, and their shapes.
    pub(crate) fn placed(self, at: usize) -> Self {
        match self {
            Self::Ring(ring) => Self::Ring(Ring { at, ..ring }),
            Self::Bits(bits) => Self::Bits(Bits { at, ..bits }),
            Self::Public(public) => Self::Public(Public { at, ..public }),
        }
    }
}

/// Which lies a run withstands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// None: all parties follow the protocol, and one may be curious about what it sees.
    #[default]
    SemiHonest,
    /// Any of one party: the others abort or have the right result. They may be made to abort at any time.
    Malicious,
}

/// A step that needs no message. Numbers name registers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variant's own line says what its parts are")]
pub enum Local {
    /// Numbers that all know.
    Constant(Vec<u64>),
    /// Numbers that nobody knows.
    Random { lanes: usize, width: Width },
    /// Bits that nobody knows.
    RandomBits { words: usize },
    /// Numbers whose dealer knows two components, and nobody the third: that is zero.
    Masks { lanes: usize },
    /// The sums.
    Add(Ring, usize),
    /// The differences.
    Sub(Ring, usize),
    /// Shared plus public.
    AddPublic(Ring, usize),
    /// Shared times public.
    Scale(Ring, usize),
    /// Shared plus one number in every lane.
    AddAll(Ring, u64),
    /// Shared times one number in every lane.
    ScaleAll(Ring, u64),
    /// The bits of one number in every lane, as shares.
    Fixed { lanes: usize, planes: usize, number: u128 },
    /// Lane sums: one for each group of so many lanes that lie beside one another.
    Sum { from: Ring, group: usize },
    /// The exclusive or.
    Xor(usize, usize),
    /// Bits the other way round.
    Flip(usize),
    /// Some planes of bits, in the order given.
    Planes { from: Bits, planes: Vec<usize> },
    /// The lanes of several vectors of numbers, or the planes of several of bits, one after another.
    Stack(Vec<usize>),
    /// Some lanes of numbers, in the order given.
    Lanes { from: usize, lanes: Vec<usize> },
    /// The component that the dealer does not know, shifted right, in another width.
    Third { from: Ring, shift: usize, width: Width },
    /// The bits of the component that the dealer does not know, of its negation if so asked.
    ThirdBits { from: Ring, negated: bool },
    /// The bits of one of the two components that the dealer knows: its first, or its second.
    DealersBits { from: Ring, second: bool },
    /// Each component shifted right, in another width.
    Shifted { from: Ring, shift: usize, width: Width },
    /// For each plane in turn, the component of its bits that the dealer does not know, as numbers.
    ThirdOfBits { from: Bits },
    /// The lowest bit of each number: that of the components.
    LowBits(Ring),
    /// Public numbers as shares.
    Classify(usize),
    /// The bits of public numbers as shares.
    ClassifyBits { from: usize, planes: usize },
    /// Bits where public ones are set, zeros elsewhere.
    Mask { from: Bits, by: usize },
    /// Each lane's bits as lanes of their own, the lowest first.
    Spread { from: Bits },
    /// The inverse: as many lanes as planes become one.
    Gather { from: Bits, planes: usize },
    /// Some lanes of bits, in the order given.
    BitLanes { from: Bits, lanes: Vec<usize> },
    /// Lanes of several vectors of as many planes, one after another.
    StackBits(Vec<Bits>),
    /// Of planes that say which number each lane is, the bits of what a table has at that number.
    Look { from: Bits, table: Vec<u64>, planes: usize },
    /// The lanes at public indices.
    Pick { from: Any, indices: usize },
    /// As many lanes as wanted from a public index on.
    Get { from: Any, index: usize, lanes: usize },
    /// With some lanes replaced from a public index on.
    Put { to: Any, index: usize, part: Any },
    /// An operation on what all know. Its results are in registers one after another.
    Clear { operation: Operation, kinds: Vec<Type>, operands: Vec<usize>, results: Vec<Type> },
}

/// A step in which each party sends to the one before it and hears from the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variant's own line says what its parts are")]
pub enum Talk {
    /// Products of lanes, summed over groups of lanes that lie beside one another.
    Multiply { a: Ring, b: Ring, group: usize },
    /// The same numbers, of which the components say nothing of what they came from.
    Refresh(Ring),
    /// The same for bits.
    RefreshBits(Bits),
    /// Products of bits.
    And { a: Bits, b: Bits },
    /// What all may know.
    OpenRing(Ring),
    /// What all may know.
    OpenBits(Bits),
    /// The sum of the two components that the dealer knows, shifted right, shared anew.
    DealSum { from: Ring, shift: usize, width: Width },
    /// The bits of that sum, shared as bits; of several dealers' sums, one after another.
    DealSumBits { from: Ring },
    /// What is carried out of each bit of that sum, shared as bits; the two components' bits are there already.
    DealCarries { from: Ring, first: usize, second: usize },
    /// For each plane in turn, the sum of the two components of its bits that the dealer knows, shared as numbers; of several
    /// dealers' sums, one after another.
    DealOfBits { from: Bits, width: Width },
    /// Numbers from the bits of what is left of them after masks of which the dealer knows both: the two others learn that.
    Complete { bits: Bits, masks: Ring },
    /// All lanes in an order that two parties draw and the third does not know: this party and the one after it; among more,
    /// those who hold the component of this number. Columns with one order name the same register, which holds nothing, for it.
    Mix { from: Any, first: usize, order: usize },
}

/// A step with where its result goes and what nobody needs after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<T> {
    /// The register of its result, or of its first one.
    pub to: usize,
    /// What is done.
    pub what: T,
    /// The registers that no later step reads.
    pub last_use: Vec<usize>,
}

/// Steps that need the message of the round before, and then one message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// What needs no message.
    pub local: Vec<Step<Local>>,
    /// What the message is made of, one part after another.
    pub talk: Vec<Step<Talk>>,
}

/// What the parties do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Round by round.
    pub rounds: Vec<Round>,
    /// How many registers there are.
    pub registers: usize,
    /// What is taken in, in order.
    pub inputs: Vec<Any>,
    /// What all know at the end.
    pub opened: Vec<Public>,
    /// What is handed out.
    pub outputs: Vec<Ring>,
    /// What is kept for another plan, as it is.
    pub kept: Vec<Any>,
    /// Which lies it withstands.
    pub security: Security,
    /// Among how many parties.
    pub parties: Parties,
    cost: Cost,
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
pub fn dealt(words: usize) -> [Range<usize>; 3] {
    let bounds = [0, words / 3, words * 2 / 3, words];
    [bounds[0]..bounds[1], bounds[1]..bounds[2], bounds[2]..bounds[3]]
}

/// Returns the lanes of which each party is the dealer.
pub fn dealt_lanes(lanes: usize) -> [Range<usize>; 3] {
    dealt(words(lanes)).map(|words| (words.start * WORD).min(lanes)..(words.end * WORD).min(lanes))
}

impl Talk {
    /// Returns how many bits each party sends: numbers of so many bits, one after another without a gap.
    pub fn bits(&self, party: usize) -> usize {
        let mine = |lanes: usize| dealt_lanes(lanes)[party].len();
        match self {
            Self::Multiply { a, group, .. } => a.lanes / group * a.bits(),
            Self::OpenRing(from) | Self::Refresh(from) => from.lanes * from.bits(),
            Self::And { a: from, .. } | Self::OpenBits(from) | Self::RefreshBits(from) => from.lanes * from.planes,
            Self::DealSum { from, width, .. } => mine(from.lanes) * usize::from(width.bits()),
            Self::DealSumBits { from } | Self::DealCarries { from, .. } => mine(from.lanes) * from.bits(),
            Self::DealOfBits { from, width } => from.planes * mine(from.lanes) * usize::from(width.bits()),
            // What the party before deals it must not learn.
            Self::Complete { bits, .. } => (bits.lanes - dealt_lanes(bits.lanes)[(party + 2) % 3].len()) * bits.planes,
            Self::Mix { from, first, .. } if party == *first || party == (first + 1) % 3 => match from {
                Any::Ring(ring) => ring.lanes * ring.bits(),
                Any::Bits(bits) => bits.lanes * bits.planes,
                Any::Public(_) => 0,
            },
            Self::Mix { .. } => 0,
        }
    }

    /// Returns how many bytes a party sends.
    pub fn bytes(&self, party: usize) -> usize {
        self.bits(party).div_ceil(8)
    }
}

impl Round {
    /// Returns whether something is shown in it.
    pub fn shows(&self) -> bool {
        self.talk.iter().any(|step| matches!(step.what, Talk::OpenRing(_) | Talk::OpenBits(_)))
    }
}

impl Plan {
    /// Returns what the plan's own messages cost three parties, exactly, without what is checked between them.
    pub fn cost(&self) -> Cost {
        self.cost
    }
}
