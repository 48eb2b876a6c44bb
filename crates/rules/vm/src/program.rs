//! A program as data: functions of blocks of instructions, constants, ports, and what it costs.

use crate::kind::Type;
use crate::operation::Operation;
use std::fmt;
use types::{ContentId, Decode, DecodeError, Encode, Reader, Sink};

/// The first four bytes of every program: the letters TAL and the version of the encoding.
pub const VERSION: u32 = 0x5441_4c01;

/// The longest name, in bytes.
pub const NAME_BYTES: usize = 64;

/// A name of at most [`NAME_BYTES`] printable ASCII characters without spaces and quotes. It may be empty.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, types::serde::Serialize, types::serde::Deserialize)]
#[serde(crate = "types::serde")]
pub struct Name(String);

impl Name {
    /// Takes a name; `None` if it is too long or has characters that a name must not have.
    pub fn new(text: &str) -> Option<Self> {
        let fits = text.len() <= NAME_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Encode for Name {
    fn encode(&self, out: &mut dyn Sink) {
        out.bytes(self.0.as_bytes());
    }
}

impl Decode for Name {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = input.bytes()?;
        std::str::from_utf8(&bytes).ok().and_then(Self::new).ok_or(DecodeError::Range)
    }
}

/// How a client's numbers are written into lanes and read from them. It changes no operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, types::serde::Serialize, types::serde::Deserialize)]
#[serde(crate = "types::serde", rename_all = "snake_case")]
pub enum Meaning {
    /// From 0 up.
    Unsigned,
    /// Two's complement.
    Signed,
    /// Two's complement, divided by two to this power.
    Fixed(u8),
    /// Zero is false, one is true.
    Bool,
    /// An element of the field.
    Field,
}

impl Encode for Meaning {
    fn encode(&self, out: &mut dyn Sink) {
        let (tag, fraction) = match self {
            Self::Unsigned => (0, 0),
            Self::Signed => (1, 0),
            Self::Fixed(fraction) => (2, *fraction),
            Self::Bool => (3, 0),
            Self::Field => (4, 0),
        };
        out.u8(tag);
        out.u8(fraction);
    }
}

impl Decode for Meaning {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match (input.u8()?, input.u8()?) {
            (0, 0) => Ok(Self::Unsigned),
            (1, 0) => Ok(Self::Signed),
            (2, fraction @ 0..=64) => Ok(Self::Fixed(fraction)),
            (3, 0) => Ok(Self::Bool),
            (4, 0) => Ok(Self::Field),
            (0..=4, _) => Err(DecodeError::Range),
            _ => Err(DecodeError::Tag),
        }
    }
}

types::record! {
    /// A value that a client gives or gets.
    pub struct Port {
        /// Whether the client gets it.
        pub is_output: bool,
        /// Who gives or gets it. Empty: everybody, and then the type is public.
        pub client: Name,
        /// What it is called; with direction and client, unique.
        pub name: Name,
        /// Its type. A secret one is known to the client alone.
        pub kind: Type,
        /// How its lanes are to be read.
        pub meaning: Meaning,
    }
}

types::record! {
    /// A vector of public numbers.
    pub struct Constant {
        /// Its type, which is public.
        pub kind: Type,
        /// One number for each lane.
        pub lanes: Vec<u64>,
    }
}

types::record! {
    /// What a program may tell everybody: a named bound of lanes that it reveals.
    pub struct Release {
        /// Its name.
        pub name: Name,
        /// How many lanes a run reveals under it at most. The verifier computes the same number.
        pub lanes: u64,
    }
}

types::record! {
    /// A function that the host supplies. It sees public values only.
    pub struct Host {
        /// Its name.
        pub name: Name,
        /// What it takes.
        pub parameters: Vec<Type>,
        /// What it gives.
        pub results: Vec<Type>,
        /// What a call costs, beside what the instruction costs.
        pub fuel: u64,
    }
}

types::record! {
    /// One operation on values. Its results take the next numbers.
    pub struct Instruction {
        /// What is done.
        pub operation: Operation,
        /// The numbers of the values it is done to.
        pub operands: Vec<u32>,
        /// The types of what it gives.
        pub results: Vec<Type>,
    }
}

types::record! {
    /// Instructions that run one after another.
    pub struct Block {
        /// The types of what it is given. Of a function's first block: the function's parameters.
        pub parameters: Vec<Type>,
        /// What it does.
        pub instructions: Vec<Instruction>,
        /// The numbers of the values it gives.
        pub results: Vec<u32>,
    }
}

types::record! {
    /// A function: its first block is its body, every other block belongs to one instruction before it.
    ///
    /// Values are numbered through the whole function in the order in which they are met: a block's parameters, then
    /// instruction by instruction first whatever is in its blocks, then its results. So every number is given once.
    pub struct Function {
        /// Its name.
        pub name: Name,
        /// The types of what it gives.
        pub results: Vec<Type>,
        /// The releases that it, or a function that it calls, reveals under, ascending.
        pub releases: Vec<u32>,
        /// Its blocks.
        pub blocks: Vec<Block>,
    }
}

types::record! {
    /// What a run costs. The verifier computes it anew and refuses a program that says otherwise.
    #[derive(Copy, Default)]
    pub struct Certificate {
        /// Whether every run costs just this. Otherwise a run costs at most this, as its public values have it.
        pub exact: bool,
        /// Work of the clear engine, the unit of every bill.
        pub fuel: u64,
        /// Lanes of the values of the first function and of the deepest chain of calls out of it.
        pub slots: u64,
        /// Replicated sharing among three: how often the parties wait for each other.
        pub rounds: u64,
        /// Bytes that the first party sends.
        pub sent_first: u64,
        /// Bytes that the second party sends.
        pub sent_second: u64,
        /// Bytes that the third party sends.
        pub sent_third: u64,
        /// Random elements that are made ahead.
        pub preprocessing: u64,
    }
}

types::record! {
    /// A program.
    pub struct Program {
        /// The version of the encoding: [`VERSION`].
        pub version: u32,
        /// What clients give and get.
        pub ports: Vec<Port>,
        /// Public vectors.
        pub constants: Vec<Constant>,
        /// What it may reveal.
        pub releases: Vec<Release>,
        /// What it asks of its host.
        pub hosts: Vec<Host>,
        /// Its functions. A run is a call of the first, which takes and gives nothing. Calls lead to higher indices.
        pub functions: Vec<Function>,
        /// What a run costs.
        pub certificate: Certificate,
    }
}

impl Program {
    /// Returns the program's id: the hash of its encoding.
    pub fn id(&self) -> ContentId {
        crypto::content_id(&self.to_bytes())
    }
}

types::record! {
    /// A piece of a source file.
    #[derive(Copy, Default)]
    pub struct Span {
        /// Which file.
        pub file: u32,
        /// The first byte.
        pub start: u32,
        /// The byte after the last.
        pub end: u32,
    }
}

types::record! {
    /// What a value is called in the source.
    pub struct Local {
        /// The value's number.
        pub value: u32,
        /// Its name.
        pub name: Name,
    }
}

types::record! {
    /// Where a function's instructions come from.
    pub struct FunctionMap {
        /// For each block, for each instruction, its span.
        pub spans: Vec<Vec<Span>>,
        /// The values that have names.
        pub locals: Vec<Local>,
    }
}

types::record! {
    /// Where a program comes from. It is kept beside the program and is no part of its id.
    pub struct SourceMap {
        /// The program.
        pub program: ContentId,
        /// The files, as the compiler was given them.
        pub files: Vec<Name>,
        /// For each function, its map.
        pub functions: Vec<FunctionMap>,
        /// What checks say, by their code.
        pub checks: Vec<Span>,
    }
}
