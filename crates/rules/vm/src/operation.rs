//! The operations: number, name and what each carries. What they mean is in `direct`, what they cost in `cost`.

use crate::kind::Fold;
use types::{Decode, DecodeError, Encode, Reader, Sink};

/// Declares the operations. The numbers are part of the encoding and never change their meaning.
macro_rules! operations {
    ($($(#[$doc:meta])* $tag:literal $name:literal $variant:ident $({ $($field:ident: $kind:ty),* })?,)*) => {
        /// What an instruction does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, types::serde::Serialize, types::serde::Deserialize)]
        #[serde(crate = "types::serde", rename_all = "snake_case")]
        #[allow(missing_docs, reason = "the variant's own line says what its parts are")]
        pub enum Operation { $($(#[$doc])* $variant $({ $($field: $kind),* })?,)* }

        impl Operation {
            /// Every operation's name, in the order of their numbers.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Returns the name that the assembler uses.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant $({ $($field: _),* })? => $name,)* }
            }

            /// Returns what the operation carries, as the assembler writes it.
            pub fn immediates(&self) -> Vec<String> {
                match self { $(Self::$variant $({ $($field),* })? => vec![$($($field.to_string()),*)?],)* }
            }

            /// Reads an operation from its name and what it carries.
            pub fn from_text(name: &str, immediates: &[&str]) -> Option<Self> {
                let mut rest = immediates.iter();
                let operation = match name {
                    $($name => Self::$variant $({ $($field: rest.next()?.parse::<$kind>().ok()?),* })?,)*
                    _ => return None,
                };
                rest.next().is_none().then_some(operation)
            }
        }

        impl Encode for Operation {
            fn encode(&self, out: &mut dyn Sink) {
                match self {
                    $(Self::$variant $({ $($field),* })? => {
                        out.u8($tag);
                        $($($field.encode(out);)*)?
                    })*
                }
            }
        }

        impl Decode for Operation {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match input.u8()? {
                    $($tag => Ok(Self::$variant $({ $($field: Decode::decode(input)?),* })?),)*
                    _ => Err(DecodeError::Tag),
                }
            }
        }
    };
}

operations! {
    // Constants.
    /// `() -> T`: the number in every lane.
    1 "int" Int { value: u64 },
    /// `() -> T`: a constant of the program.
    2 "const" Const { constant: u32 },

    // Linear.
    /// `(T, T) -> T`.
    8 "add" Add,
    /// `(T, T) -> T`.
    9 "sub" Sub,
    /// `(T) -> T`.
    10 "neg" Neg,

    // Product and division.
    /// `(T, T) -> T`.
    16 "mul" Mul,
    /// `(T, T) -> T`: the upper half of the unsigned product of two integers.
    17 "mulhi" MulHi,
    /// `(T, T) -> T`: the upper half of the signed product.
    18 "mulhis" MulHis,
    /// `(T, T) -> T`: the signed product divided by 2^fraction, rounded down.
    19 "mulfix" MulFix { fraction: u8 },
    /// `(T x n, T x n) -> T`: the sum of the products.
    20 "dot" Dot,
    /// `(T x rows*inner, T x inner*columns) -> T x rows*columns`, all by rows.
    21 "matmul" MatMul { rows: u32, inner: u32, columns: u32 },
    /// `(T, T) -> T`: unsigned quotient, rounded down; by zero, all ones. In the field, times the inverse; by zero, zero.
    22 "div" Div,
    /// `(T, T) -> T`: unsigned remainder; by zero, the dividend.
    23 "rem" Rem,
    /// `(T, T) -> T`: signed quotient, rounded towards zero; by zero, all ones; the least by minus one, the least.
    24 "divs" Divs,
    /// `(T, T) -> T`: the remainder of `divs`, with the dividend's sign; by zero, the dividend.
    25 "rems" Rems,
    /// `(T, T) -> T`: the signed quotient times 2^fraction, rounded down; by zero, all ones.
    26 "divfix" DivFix { fraction: u8 },

    // Bits.
    /// `(T, T) -> T`.
    32 "and" And,
    /// `(T, T) -> T`.
    33 "or" Or,
    /// `(T, T) -> T`.
    34 "xor" Xor,
    /// `(T) -> T`.
    35 "not" Not,

    // Shifts.
    /// `(T) -> T`: by a fixed amount below the width.
    40 "shl" Shl { amount: u8 },
    /// `(T) -> T`: unsigned.
    41 "shr" Shr { amount: u8 },
    /// `(T) -> T`: signed.
    42 "sar" Sar { amount: u8 },
    /// `(T) -> T`.
    43 "rotl" Rotl { amount: u8 },
    /// `(T, T) -> T`: by an amount of the same type, which may be secret; from the width on, zero.
    44 "shlv" Shlv,
    /// `(T, T) -> T`.
    45 "shrv" Shrv,
    /// `(T, T) -> T`: from the width on, the sign in every bit.
    46 "sarv" Sarv,

    // Comparisons.
    /// `(T, T) -> u1`, also of the field.
    48 "eq" Eq,
    /// `(T, T) -> u1`: unsigned.
    49 "lt" Lt,
    /// `(T, T) -> u1`: signed.
    50 "lts" Lts,
    /// `(T) -> u1`: the top bit. The cheapest comparison of secrets.
    51 "sign" Sign,

    // Choice and tables.
    /// `(u1, T, T) -> T`: the second where the bit is one, otherwise the third.
    56 "select" Select,
    /// `(uK) -> E`: the constant, of 2^K lanes, at each lane.
    57 "lut" Lut { constant: u32 },

    // Conversions: the result's type says to what.
    /// `(T) -> T'`, narrower or as wide.
    64 "narrow" Narrow,
    /// `(T) -> T'`: wider, with zeros.
    65 "zext" Zext,
    /// `(T) -> T'`: wider, with the sign.
    66 "sext" Sext,
    /// `(uK) -> field`: the unsigned number modulo the prime.
    67 "tofield" ToField,
    /// `(field) -> uK`: the canonical number modulo 2^K.
    68 "fromfield" FromField,
    /// `(uK x n) -> u1 x K*n`: each lane's bits, the lowest first.
    69 "bits" Bits,
    /// `(u1 x K*n) -> uK x n`: the inverse.
    70 "word" Word,
    /// `(T) -> secret T`.
    71 "classify" Classify,

    // Lanes.
    /// `(T) -> T x n`.
    80 "splat" Splat,
    /// `(T x n) -> T x m`: lanes `start`, `start + step`, ...
    81 "slice" Slice { start: u32, step: u32 },
    /// `(T x a, T x b, ...) -> T x a+b+...`.
    82 "concat" Concat,
    /// `(T x n, public uK x m) -> T x m`: the lanes at the indices; beyond the end the run stops.
    83 "gather" Gather,
    /// `(T x n, public uK) -> T x m`: m lanes from the index on; beyond the end the run stops.
    84 "get" Get,
    /// `(T x n, public uK, T x m) -> T x n`: with m lanes replaced from the index on; beyond the end the run stops.
    85 "set" Set,
    /// `(T x n) -> T x m`: each n/m neighbours combined into one.
    86 "reduce" Reduce { fold: Fold },
    /// `(T x n) -> T x n`: each lane combined with all before it.
    87 "scan" Scan { fold: Fold },

    // Memory at secret indices.
    /// `(T x n, uK) -> T`: the lane at an index; zero beyond the end.
    96 "oread" ORead,
    /// `(T x n, uK, T) -> T x n`: with the lane replaced; beyond the end, unchanged.
    97 "owrite" OWrite,

    // Wide.
    /// `(K x n, T x n, ...) -> (K x n, T x n, ...)`: all sorted by the first, ascending, unsigned, stable.
    104 "sort" Sort,
    /// As `sort`, signed.
    105 "sorts" Sorts,
    /// `(T x n) -> (T, uK)`: the largest, unsigned, and the first index of it.
    106 "argmax" ArgMax,
    /// As `argmax`, signed.
    107 "argmaxs" ArgMaxs,
    /// `(T x n, ...) -> secret (T x n, ...)`: all in one random order that nobody knows.
    108 "shuffle" Shuffle,

    // Control. Blocks are named by their index in the function.
    /// `(arguments) -> results` of a function with a higher index.
    112 "call" Call { function: u32 },
    /// `(public u1) -> results` of one of two blocks without parameters.
    113 "if" If { then: u32, otherwise: u32 },
    /// `(carried...) -> carried...`: the block, with parameters (index, carried...), `count` times.
    114 "repeat" Repeat { body: u32, count: u64 },
    /// `(public uK, carried...) -> carried...`: the block as often as the number says; above the bound the run stops.
    115 "loop" Loop { body: u32, bound: u64 },
    /// `(carried...) -> carried...`: while the first block, with parameters (carried...), gives one, the second block.
    116 "while" While { test: u32, body: u32, bound: u64 },
    /// `(public u1 x n) -> ()`: the run stops unless every lane is one. The code tells the reader which check it was.
    117 "check" Check { code: u32 },

    // Boundary.
    /// `() -> T` of the port. Only in the body of function 0, once for each port.
    120 "input" Input { port: u32 },
    /// `(T) -> ()`. Likewise.
    121 "output" Output { port: u32 },
    /// `(secret T) -> T`: the one way from secret to public, under a release that the program declares.
    122 "reveal" Reveal { release: u32 },
    /// `() -> secret T`: uniform, known to nobody.
    123 "rand" Rand,
    /// `(public ...) -> public ...`: a function of the host that the program declares.
    124 "host" Host { host: u32 },
}

impl Operation {
    /// Returns the blocks that the operation runs, in the order in which they stand.
    pub fn blocks(&self) -> Vec<u32> {
        match *self {
            Self::If { then, otherwise } => vec![then, otherwise],
            Self::Repeat { body, .. } | Self::Loop { body, .. } => vec![body],
            Self::While { test, body, .. } => vec![test, body],
            _ => Vec::new(),
        }
    }
}
