//! The form that runs: instructions of one size on registers, with jumps.

use super::lane;
use super::vector::Outside;
use crate::engine::Cause;
use crate::kind::{Fold, Width};
use crate::operation::Operation;
use crate::rule::Place;

/// How many registers there are: an index of 16 bits is always inside.
pub(super) const REGISTERS: usize = 1 << 16;

/// Where the lanes of a value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Home {
    /// A register, for one lane.
    Register(u16),
    /// A buffer, for several.
    Buffer(u32),
}

/// A value of an instruction that is not one of the quick ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lanes {
    pub(super) home: Home,
    pub(super) count: usize,
    pub(super) width: Width,
}

/// An instruction on vectors, or one that is rare.
#[derive(Debug)]
pub(super) struct Wide {
    pub(super) operation: Action,
    pub(super) operands: Vec<Lanes>,
    pub(super) results: Vec<Lanes>,
}

/// What such an instruction does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    /// An operation of the program.
    Operation(Operation),
    /// Copies a buffer, as loops and branches need it.
    Copy,
    /// Exchanges two buffers.
    Swap,
}

/// Combines lanes of one list, or two.
fn zip(a: Option<&[u64]>, b: &[u64], out: &mut [u64], function: impl Fn(u64, u64) -> u64) {
    match a {
        Some(a) => {
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                *out = function(*a, *b);
            }
        }
        None => out.iter_mut().zip(b).for_each(|(out, b)| *out = function(*out, *b)),
    }
}

fn map(a: Option<&[u64]>, out: &mut [u64], function: impl Fn(u64) -> u64) {
    match a {
        Some(a) => out.iter_mut().zip(a).for_each(|(out, a)| *out = function(*a)),
        None => out.iter_mut().for_each(|out| *out = function(*out)),
    }
}

macro_rules! code {
    (pairs { $($pair:ident $two:ident,)* } singles { $($single:ident $one:ident,)* }) => {
        /// What is done to two lanes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Pair { $($pair),* }

        /// What is done to one lane.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Single { $($single),* }

        /// One step of a run.
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Op {
            $($pair { s: u8, t: u8, d: u16, a: u16, b: u16 },)*
            $($single { s: u8, t: u8, d: u16, a: u16 },)*
            Select { d: u16, c: u16, a: u16, b: u16 },
            Swap { a: u16, b: u16 },
            Get { d: u16, i: u16, array: u32 },
            Set { i: u16, a: u16, array: u32 },
            Check { a: u16, code: u32 },
            Charge { charge: u32 },
            Jump { to: u32 },
            Unless { c: u16, to: u32 },
            UnlessLess { a: u16, b: u16, to: u32 },
            UnlessLesser { s: u8, a: u16, b: u16, to: u32 },
            UnlessEqual { a: u16, b: u16, to: u32 },
            Enter { c: u16, charge: u16, to: u32 },
            Next { c: u16, to: u32 },
            Bound { a: u16, most: u16 },
            Count { c: u16, most: u16 },
            Call { link: u16, to: u32 },
            Return { link: u16 },
            Wide { wide: u32 },
            End,
        }

        impl Pair {
            pub(super) const fn op(self, s: u8, t: u8, d: u16, a: u16, b: u16) -> Op {
                match self { $(Self::$pair => Op::$pair { s, t, d, a, b },)* }
            }

            /// Applies it to many lanes; without a first list, the output is the first.
            pub(super) fn all(self, s: u8, t: u8, a: Option<&[u64]>, b: &[u64], out: &mut [u64]) {
                match self { $(Self::$pair => zip(a, b, out, |a, b| lane::$two(s, t, a, b)),)* }
            }

            /// Combines lanes into one, from the first on.
            pub(super) fn fold(self, s: u8, lanes: &[u64]) -> u64 {
                let (first, rest) = lanes.split_first().expect("a group has a lane");
                match self { $(Self::$pair => rest.iter().fold(*first, |a, b| lane::$two(s, 0, a, *b)),)* }
            }
        }

        impl Single {
            pub(super) const fn op(self, s: u8, t: u8, d: u16, a: u16) -> Op {
                match self { $(Self::$single => Op::$single { s, t, d, a },)* }
            }

            /// Applies it to many lanes; without a list, to the output.
            pub(super) fn all(self, s: u8, t: u8, a: Option<&[u64]>, out: &mut [u64]) {
                match self { $(Self::$single => map(a, out, |a| lane::$one(s, t, a)),)* }
            }
        }

        impl State<'_> {
            /// Runs from a step to the end. `W` sees each instruction before it is done.
            pub(super) fn run<W: Watch>(&mut self, code: &Code, watch: &mut W) -> Result<(), (Cause, usize)> {
                let mut pc = 0_usize;
                let r = &mut *self.registers;
                macro_rules! r { ($at:expr) => { r[usize::from($at)] }; }
                let mut fuel = self.fuel;
                loop {
                    let Some(op) = code.ops.get(pc) else { return Ok(()) };
                    if W::ACTIVE && let Some(place) = code.marks[pc] {
                        watch.before(place, &View { code, registers: r, buffers: self.buffers, fuel_left: fuel });
                    }
                    let here = pc;
                    pc = pc.wrapping_add(1);
                    macro_rules! pay {
                        ($charge:expr) => { match fuel.checked_sub($charge) {
                            Some(left) => fuel = left,
                            None => return Err((Cause::Fuel, here)),
                        } };
                    }
                    match *op {
                        $(Op::$pair { s, t, d, a, b } => r!(d) = lane::$two(s, t, r!(a), r!(b)),)*
                        $(Op::$single { s, t, d, a } => r!(d) = lane::$one(s, t, r!(a)),)*
                        Op::Select { d, c, a, b } => r!(d) = if r!(c) == 0 { r!(b) } else { r!(a) },
                        Op::Swap { a, b } => r.swap(usize::from(a), usize::from(b)),
                        Op::Get { d, i, array } => match self.buffers[index(array)].get(place(r!(i))) {
                            Some(lane) => r!(d) = *lane,
                            None => return Err((Cause::Index, here)),
                        },
                        Op::Set { i, a, array } => match self.buffers[index(array)].get_mut(place(r!(i))) {
                            Some(lane) => *lane = r!(a),
                            None => return Err((Cause::Index, here)),
                        },
                        Op::Check { a, code } => if r!(a) == 0 { return Err((Cause::Check(code), here)) },
                        Op::Charge { charge } => pay!(code.charges[index(charge)]),
                        Op::Jump { to } => pc = index(to),
                        Op::Unless { c, to } => if r!(c) == 0 { pc = index(to) },
                        Op::UnlessLess { a, b, to } => if r!(a) >= r!(b) { pc = index(to) },
                        Op::UnlessLesser { s, a, b, to } => if lane::lts(s, 0, r!(a), r!(b)) == 0 { pc = index(to) },
                        Op::UnlessEqual { a, b, to } => if r!(a) != r!(b) { pc = index(to) },
                        Op::Enter { c, charge, to } => {
                            r!(c) = 0;
                            if r!(c.wrapping_add(1)) == 0 { pc = index(to) } else { pay!(r!(charge)) }
                        },
                        Op::Next { c, to } => {
                            let next = r!(c).wrapping_add(1);
                            r!(c) = next;
                            if next != r!(c.wrapping_add(1)) { pay!(r!(c.wrapping_add(2))); pc = index(to) }
                        },
                        Op::Bound { a, most } => if r!(a) > r!(most) { return Err((Cause::Bound, here)) },
                        Op::Count { c, most } => {
                            if r!(c) == r!(most) { return Err((Cause::Bound, here)) }
                            r!(c) = r!(c).wrapping_add(1);
                        },
                        Op::Call { link, to } => { r!(link) = u64::try_from(pc).unwrap_or(0); pc = index(to) },
                        Op::Return { link } => pc = place(r!(link)),
                        Op::Wide { wide } => {
                            self.wide.run(code, &code.wides[index(wide)], r, self.buffers).map_err(|e| (e, here))?;
                        },
                        Op::End => { self.fuel = fuel; return Ok(()) },
                    }
                }
            }
        }
    };
}

code! {
    pairs {
        Add add, Sub sub, Mul mul, MulHi mul_hi, MulHis mul_his, MulFix mul_fix, Div div, Rem rem, Divs divs, Rems rems,
        DivFix div_fix, And and, Or or, Xor xor, Shlv shlv, Shrv shrv, Sarv sarv, Eq eq, Lt lt, Lts lts,
        FieldAdd field_add, FieldSub field_sub, FieldMul field_mul, FieldDiv field_div,
        Min min, Max max, Mins mins, Maxs maxs,
    }
    singles {
        Neg neg, Not not, Shl shl, Shr shr, Sar sar, Rotl rotl, Sign sign, Same same, Narrow narrow, Sext sext,
        FieldNeg field_neg, ToField to_field,
    }
}

/// A place in a list of the program.
#[inline(always)]
pub(super) fn index(at: u32) -> usize {
    // The lists are far shorter than what either type holds.
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// A lane as a place in a list; what does not fit is beyond the end of any.
#[inline(always)]
pub(super) fn place(lane: u64) -> usize {
    usize::try_from(lane).unwrap_or(usize::MAX)
}

/// Returns what combines two lanes, with the width and what the instruction carries.
pub(super) fn pair_of(operation: &Operation, width: Width) -> Option<(Pair, u8, u8)> {
    use Operation as O;
    let is_field = width == Width::Field;
    let pair = match *operation {
        O::Add if is_field => Pair::FieldAdd,
        O::Sub if is_field => Pair::FieldSub,
        O::Mul if is_field => Pair::FieldMul,
        O::Div if is_field => Pair::FieldDiv,
        O::Add => Pair::Add,
        O::Sub => Pair::Sub,
        O::Mul => Pair::Mul,
        O::Div => Pair::Div,
        O::MulHi => Pair::MulHi,
        O::MulHis => Pair::MulHis,
        O::MulFix { .. } => Pair::MulFix,
        O::Rem => Pair::Rem,
        O::Divs => Pair::Divs,
        O::Rems => Pair::Rems,
        O::DivFix { .. } => Pair::DivFix,
        O::And => Pair::And,
        O::Or => Pair::Or,
        O::Xor => Pair::Xor,
        O::Shlv => Pair::Shlv,
        O::Shrv => Pair::Shrv,
        O::Sarv => Pair::Sarv,
        O::Eq => Pair::Eq,
        O::Lt => Pair::Lt,
        O::Lts => Pair::Lts,
        _ => return None,
    };
    let carried = match *operation {
        O::MulFix { fraction } | O::DivFix { fraction } => fraction,
        _ => 0,
    };
    Some((pair, 64 - width.bits(), carried))
}

/// Returns what is done to one lane, with the width and what the instruction carries.
pub(super) fn single_of(operation: &Operation, from: Width, to: Width) -> Option<(Single, u8, u8)> {
    use Operation as O;
    let s = 64 - from.bits();
    Some(match *operation {
        O::Neg if from == Width::Field => (Single::FieldNeg, s, 0),
        O::Neg => (Single::Neg, s, 0),
        O::Not => (Single::Not, s, 0),
        O::Shl { amount } => (Single::Shl, s, amount),
        O::Shr { amount } => (Single::Shr, s, amount),
        O::Sar { amount } => (Single::Sar, s, amount),
        O::Rotl { amount } => (Single::Rotl, s, amount),
        O::Sign => (Single::Sign, s, 0),
        O::Narrow | O::FromField => (Single::Narrow, 64 - to.bits(), 0),
        O::Zext | O::Classify | O::Reveal { .. } => (Single::Same, s, 0),
        O::Sext => (Single::Sext, 64 - to.bits(), s),
        O::ToField => (Single::ToField, s, 0),
        _ => return None,
    })
}

/// Returns what combines lanes of a fold.
pub(super) fn fold_pair(fold: Fold, width: Width) -> Pair {
    match fold {
        Fold::Add if width == Width::Field => Pair::FieldAdd,
        Fold::Mul if width == Width::Field => Pair::FieldMul,
        Fold::Add => Pair::Add,
        Fold::Mul => Pair::Mul,
        Fold::And => Pair::And,
        Fold::Or => Pair::Or,
        Fold::Xor => Pair::Xor,
        Fold::Min => Pair::Min,
        Fold::Max => Pair::Max,
        Fold::Mins => Pair::Mins,
        Fold::Maxs => Pair::Maxs,
    }
}

/// A program in the form that runs.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) ops: Vec<Op>,
    /// Where each step comes from.
    pub(super) places: Vec<Place>,
    /// The same for the first step of each instruction only.
    pub(super) marks: Vec<Option<Place>>,
    pub(super) wides: Vec<Wide>,
    pub(super) charges: Vec<u64>,
    /// Registers that hold one number for the whole run.
    pub(super) fixed: Vec<(u16, u64)>,
    pub(super) constants: Vec<Vec<u64>>,
    /// The size of each buffer.
    pub(super) buffers: Vec<usize>,
    /// Where the values of each function are.
    pub(super) homes: Vec<Vec<Home>>,
}

/// A run.
pub(super) struct State<'a> {
    pub(super) registers: &'a mut [u64; REGISTERS],
    pub(super) buffers: &'a mut Vec<Vec<u64>>,
    pub(super) fuel: u64,
    pub(super) wide: Outside<'a>,
}

/// The values of a run, as a debugger sees them.
pub struct View<'a> {
    code: &'a Code,
    registers: &'a [u64; REGISTERS],
    buffers: &'a [Vec<u64>],
    /// What is left of the fuel.
    pub fuel_left: u64,
}

impl View<'_> {
    /// Returns the lanes of a value of a function. They are right from its instruction to the last that uses it.
    pub fn value(&self, function: u32, number: u32) -> Option<&[u64]> {
        Some(match self.code.homes.get(index(function))?.get(index(number))? {
            Home::Register(register) => std::slice::from_ref(&self.registers[usize::from(*register)]),
            Home::Buffer(buffer) => self.buffers.get(index(*buffer))?,
        })
    }
}

/// Sees every instruction: a debugger, a profiler.
pub trait Watch {
    /// Whether there is anything to see. If not, a run has no trace of it.
    const ACTIVE: bool = true;

    /// Is called before an instruction is done.
    fn before(&mut self, place: Place, view: &View<'_>);
}

/// Sees nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blind;

impl Watch for Blind {
    const ACTIVE: bool = false;

    fn before(&mut self, _: Place, _: &View<'_>) {}
}
