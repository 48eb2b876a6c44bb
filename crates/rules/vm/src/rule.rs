//! Why a program is refused.

use std::fmt;

macro_rules! rules {
    ($($name:ident: $text:literal,)*) => {
        /// A rule of the bytecode that a program breaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $text] $name,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns what is wrong and what to do.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

rules! {
    Bytes: "the bytes are no program of this version: build it again with this release",
    Size: "the program exceeds a limit: split it, or keep loops as loops",
    Steps: "verifying takes too many steps: split the program",
    Entry: "the first function takes or gives something: a run has ports instead",
    Lanes: "a value has no lanes or too many",
    ConstantLabel: "a constant is secret: whoever has the program reads it",
    ConstantLanes: "a constant has more or fewer numbers than lanes, or one that its width does not hold",
    PortName: "two ports have the same direction, client and name, or one has no name",
    PortLabel: "a port of everybody is secret: name the client that it belongs to",
    PortMeaning: "a port's meaning does not fit its width",
    HostLabel: "a host function takes or gives secrets: reveal them first, under a release",
    BlockOrder: "blocks are not in the order in which instructions run them",
    Nesting: "blocks are nested too deeply: make a function of the inner ones",
    Unknown: "an operand is a value that is not there yet, or is inside another block",
    Operands: "an instruction has too many operands or too few",
    Results: "an instruction gives more values or fewer than it says",
    OperandType: "an operand does not have the type that the operation takes",
    ResultType: "a result does not have the type that the operation gives",
    Immediate: "a number in the instruction is outside its range",
    LabelLost: "a result is public and depends on a secret: reveal it, or declare it secret",
    LabelFalse: "a result is secret and depends on public values only: classify it",
    SecretBranch: "a branch or a loop depends on a secret: use select",
    SecretIndex: "an index is secret: use oread or owrite",
    SecretCheck: "a check depends on a secret: a stop would tell it",
    SecretHost: "a secret goes to the host: reveal it first, under a release",
    NotSecret: "what is revealed or classified has the wrong label already",
    BlockParameters: "a block does not take what its instruction gives it",
    BlockResults: "a block does not give what its instruction needs",
    FunctionResults: "a function does not give what it says",
    Call: "a call does not lead to a later function",
    PortPlace: "ports are used outside the body of the first function",
    PortUse: "a port is used in the wrong direction, more than once, or not at all",
    Release: "a release is not declared",
    ReleaseLanes: "a release declares more lanes or fewer than a run reveals",
    FunctionReleases: "a function does not declare the releases it reveals under",
    Cost: "a run costs more than any certificate can say: lower the bounds of loops",
    Certificate: "the certificate is not what the program costs",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Where in a program something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The function's index.
    pub function: u32,
    /// The block's index in it.
    pub block: u32,
    /// The instruction's index in that; one past the last is the block's end.
    pub instruction: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}, block {}, instruction {}", self.function, self.block, self.instruction)
    }
}

/// A program breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rule} (at {place})")]
pub struct Refusal {
    /// Which rule.
    pub rule: Rule,
    /// Where; for what belongs to no function, the index stands in `instruction`.
    pub place: Place,
}
