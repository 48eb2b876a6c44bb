//! A table's check at one point as a formula for the contract's interpreter.
//!
//! The formula evaluates every constraint of a table, folds them with the constraints' challenge, and takes away what
//! the quotient says; what remains has to be zero. It is made from the symbolic constraints that the prover and the
//! native verifier evaluate, so that no constraint is written twice.
//!
//! A register is one word with three lanes of 85 bits for the coefficients of `1`, `x` and `x²`. Lanes wider than the
//! field's 64 bits let additions go without reduction; how large a lane can get is known when the formula is made.

use p3_field::{Field as _, PrimeCharacteristicRing as _, PrimeField64 as _};
use proof::circuit::F;
use std::collections::BTreeMap;

/// A value of a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(usize);

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    /// A register that is set before the formula runs.
    Input(usize),
    /// A constant of the field.
    Constant(u64),
    Add(Value, Value),
    Sub(Value, Value),
    Mul(Value, Value),
    /// By a value whose lanes are zero but the first.
    Scale(Value, Value),
    Reduce(Value),
}

/// Instructions of the interpreter, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Sum of lanes.
    Add = 1,
    /// Difference of lanes, after adding the field's order times two to the power of the shift.
    Sub = 2,
    /// Product in the extension field, reduced.
    Mul = 3,
    /// Product of each lane with the first lane of the other, reduced.
    Scale = 4,
    /// Each lane, reduced.
    Reduce = 5,
    /// Folds values into one: times the constraints' challenge, plus the next.
    Fold = 6,
}

impl Code {
    /// Returns its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Add => 1,
            Self::Sub => 2,
            Self::Mul => 3,
            Self::Scale => 4,
            Self::Reduce => 5,
            Self::Fold => 6,
        }
    }
}

/// Instructions of one kind, one after another. Each sets the next free register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Their kind.
    pub code: Code,
    /// For [`Code::Sub`], the binary logarithm of how many orders are added.
    pub shift: u8,
    /// The registers that each takes; kinds that take one have zero for the other.
    pub operands: Vec<[u16; 2]>,
}

/// A formula and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula {
    /// The constants, in the registers behind the inputs.
    pub constants: Vec<u64>,
    /// What it does. The last register has to be zero.
    pub groups: Vec<Group>,
    /// How many registers there are, inputs and constants among them.
    pub registers: u16,
}

/// Largest multiple of 2^64 that a lane may reach: one bit less than it has.
const BOUND_MAX: u64 = 1 << 20;
/// Most instructions in one group.
const GROUP_MAX: usize = 0xffff;

/// Makes a formula.
pub struct Builder {
    nodes: Vec<Node>,
    known: BTreeMap<Node, Value>,
    /// For each node: below what multiple of 2^64 its lanes are.
    bounds: Vec<u64>,
    /// For each node: whether only its first lane is used.
    plain: Vec<bool>,
}

impl Builder {
    /// Begins a formula with as many inputs, of which some have a first lane only.
    pub fn new(inputs: usize, is_plain: impl Fn(usize) -> bool) -> Self {
        let mut builder = Self { nodes: Vec::new(), known: BTreeMap::new(), bounds: Vec::new(), plain: Vec::new() };
        for register in 0..inputs {
            builder.node(Node::Input(register), 1, is_plain(register));
        }
        builder
    }

    fn node(&mut self, node: Node, bound: u64, is_plain: bool) -> Value {
        if let Some(value) = self.known.get(&node) {
            return *value;
        }
        let value = Value(self.nodes.len());
        self.nodes.push(node);
        self.bounds.push(bound);
        self.plain.push(is_plain);
        self.known.insert(node, value);
        value
    }

    /// Returns the value of an input's register.
    pub fn input(&self, register: usize) -> Value {
        assert_eq!(self.nodes[register], Node::Input(register), "inputs come first");
        Value(register)
    }

    /// Returns a constant.
    pub fn constant(&mut self, value: F) -> Value {
        self.node(Node::Constant(value.as_canonical_u64()), 1, true)
    }

    fn constant_of(&self, value: Value) -> Option<F> {
        match self.nodes[value.0] {
            Node::Constant(number) => Some(F::from_u64(number)),
            _ => None,
        }
    }

    /// Returns a value with lanes below 2^64 times the bound.
    fn within(&mut self, value: Value, bound: u64) -> Value {
        if self.bounds[value.0] <= bound { value } else { self.node(Node::Reduce(value), 1, self.plain[value.0]) }
    }

    /// Returns a sum.
    pub fn add(&mut self, x: Value, y: Value) -> Value {
        match (self.constant_of(x), self.constant_of(y)) {
            (Some(x), Some(y)) => return self.constant(x + y),
            (Some(x), _) if x == F::ZERO => return y,
            (_, Some(y)) if y == F::ZERO => return x,
            _ => {}
        }
        let (x, y) = (self.within(x.min(y), BOUND_MAX / 2), self.within(x.max(y), BOUND_MAX / 2));
        let bound = self.bounds[x.0] + self.bounds[y.0];
        self.node(Node::Add(x, y), bound, self.plain[x.0] && self.plain[y.0])
    }

    /// Returns a difference.
    pub fn sub(&mut self, x: Value, y: Value) -> Value {
        match (self.constant_of(x), self.constant_of(y)) {
            (Some(x), Some(y)) => return self.constant(x - y),
            (_, Some(y)) if y == F::ZERO => return x,
            _ if x == y => return self.constant(F::ZERO),
            _ => {}
        }
        let (x, y) = (self.within(x, BOUND_MAX / 4), self.within(y, BOUND_MAX / 4));
        let bound = self.bounds[x.0] + (1 << shift(self.bounds[y.0]));
        self.node(Node::Sub(x, y), bound, false)
    }

    /// Returns a product.
    pub fn mul(&mut self, x: Value, y: Value) -> Value {
        match (self.constant_of(x), self.constant_of(y)) {
            (Some(x), Some(y)) => return self.constant(x * y),
            (Some(zero), _) | (_, Some(zero)) if zero == F::ZERO => return self.constant(F::ZERO),
            (Some(one), _) if one == F::ONE => return y,
            (_, Some(one)) if one == F::ONE => return x,
            _ => {}
        }
        let (x, y) = (x.min(y), x.max(y));
        match (self.plain[x.0], self.plain[y.0]) {
            (is_both, true) => self.node(Node::Scale(x, y), 1, is_both),
            (true, false) => self.node(Node::Scale(y, x), 1, false),
            (false, false) => self.node(Node::Mul(x, y), 1, false),
        }
    }

    /// Returns a value times a constant.
    pub fn times(&mut self, x: Value, constant: F) -> Value {
        let constant = self.constant(constant);
        self.mul(x, constant)
    }

    /// Returns a power of a value, of at least one.
    pub fn power(&mut self, x: Value, exponent: usize) -> Value {
        if exponent <= 1 {
            return x;
        }
        let half = self.power(x, exponent / 2);
        let square = self.mul(half, half);
        if exponent.is_multiple_of(2) { square } else { self.mul(square, x) }
    }

    /// Finishes the formula: the folded values, less the expected one, have to be zero.
    ///
    /// # Panics
    /// When it has more registers than an operand can name.
    pub fn finish(self, folded: &[Value], expected: Value) -> Formula {
        let inputs = self.nodes.iter().take_while(|node| matches!(node, Node::Input(_))).count();
        let needed = self.needed(folded, expected);
        let mut constants = Vec::new();
        let mut registers: Vec<Option<u16>> = vec![None; self.nodes.len()];
        let name = |number: usize| u16::try_from(number).expect("a formula has fewer than 2^16 registers");
        for (index, node) in self.nodes.iter().enumerate() {
            match node {
                Node::Input(register) => registers[index] = Some(name(*register)),
                Node::Constant(number) if needed[index] => {
                    registers[index] = Some(name(inputs + constants.len()));
                    constants.push(*number);
                }
                _ => {}
            }
        }
        let mut next = inputs + constants.len();
        let mut groups = self.schedule(&needed, &mut registers, &mut next);
        let register = |value: &Value| registers[value.0].expect("all needed values are computed");
        groups.push(Group {
            code: Code::Fold,
            shift: 0,
            operands: folded.iter().map(|value| [register(value), 0]).collect(),
        });
        let sum = name(next);
        let difference = name(next + 1);
        groups.push(Group { code: Code::Sub, shift: shift(1), operands: vec![[sum, register(&expected)]] });
        groups.push(Group { code: Code::Reduce, shift: 0, operands: vec![[difference, 0]] });
        Formula { constants, groups, registers: name(next + 3) }
    }

    fn needed(&self, folded: &[Value], expected: Value) -> Vec<bool> {
        assert_eq!(self.bounds[expected.0], 1, "the expected value is reduced");
        let mut needed = vec![false; self.nodes.len()];
        folded.iter().chain([&expected]).for_each(|value| needed[value.0] = true);
        for index in (0..self.nodes.len()).rev() {
            if needed[index] {
                arguments(self.nodes[index]).into_iter().flatten().for_each(|value| needed[value.0] = true);
            }
        }
        needed
    }

    /// Orders the values in groups of one kind: always the kind of which most are ready.
    fn schedule(&self, needed: &[bool], registers: &mut [Option<u16>], next: &mut usize) -> Vec<Group> {
        let mut waiting: Vec<usize> =
            (0..self.nodes.len()).filter(|index| needed[*index] && registers[*index].is_none()).collect();
        let mut groups = Vec::new();
        while !waiting.is_empty() {
            let mut ready: BTreeMap<(Code, u8), Vec<usize>> = BTreeMap::new();
            for index in &waiting {
                let known = |value: &Value| registers[value.0].is_some();
                if arguments(self.nodes[*index]).iter().flatten().all(known) {
                    ready.entry(self.kind(*index)).or_default().push(*index);
                }
            }
            let most = ready.into_iter().max_by_key(|(kind, nodes)| (nodes.len(), *kind));
            let ((code, shift), mut nodes) = most.expect("a node waits for earlier ones only");
            nodes.truncate(GROUP_MAX);
            let mut operands = Vec::with_capacity(nodes.len());
            for index in nodes {
                let [x, y] = arguments(self.nodes[index]).map(|value| value.and_then(|value| registers[value.0]));
                operands.push([x.unwrap_or(0), y.unwrap_or(0)]);
                registers[index] = Some(u16::try_from(*next).expect("a formula has fewer than 2^16 registers"));
                *next += 1;
            }
            groups.push(Group { code, shift, operands });
            waiting.retain(|index| registers[*index].is_none());
        }
        groups
    }

    fn kind(&self, index: usize) -> (Code, u8) {
        match self.nodes[index] {
            Node::Add(..) => (Code::Add, 0),
            Node::Sub(_, y) => (Code::Sub, shift(self.bounds[y.0])),
            Node::Mul(..) => (Code::Mul, 0),
            Node::Scale(..) => (Code::Scale, 0),
            Node::Reduce(_) => (Code::Reduce, 0),
            Node::Input(_) | Node::Constant(_) => unreachable!("these have registers from the start"),
        }
    }
}

/// Returns the binary logarithm of how many orders of the field are at least a bound, in multiples of 2^64.
fn shift(bound: u64) -> u8 {
    u8::try_from((bound + 1).next_power_of_two().ilog2()).expect("a logarithm is small")
}

fn arguments(node: Node) -> [Option<Value>; 2] {
    match node {
        Node::Input(_) | Node::Constant(_) => [None, None],
        Node::Add(x, y) | Node::Sub(x, y) | Node::Mul(x, y) | Node::Scale(x, y) => [Some(x), Some(y)],
        Node::Reduce(x) => [Some(x), None],
    }
}

/// Returns the coefficients of the polynomial that has some values on a subgroup, in its order.
pub fn interpolate(values: &[F]) -> Vec<F> {
    use p3_field::TwoAdicField as _;
    let size = values.len();
    let root = F::two_adic_generator(usize::try_from(size.ilog2()).expect("small")).inverse();
    let scale = F::from_usize(size).inverse();
    let coefficient = |k: usize| {
        let step = root.exp_u64(u64::try_from(k).expect("small"));
        let powers = std::iter::successors(Some(F::ONE), |power| Some(*power * step));
        values.iter().zip(powers).map(|(value, power)| *value * power).sum::<F>() * scale
    };
    (0..size).map(coefficient).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_has_the_values_that_it_was_made_from() {
        use p3_field::TwoAdicField as _;
        let values: Vec<F> = (0..8).map(|value| F::from_u64(value * value + 3)).collect();
        let coefficients = interpolate(&values);
        let root = F::two_adic_generator(3);
        for (place, value) in (0..).zip(&values) {
            let at = root.exp_u64(place);
            let sum = coefficients.iter().rev().fold(F::ZERO, |sum, coefficient| sum * at + *coefficient);
            assert_eq!(sum, *value);
        }
    }

    #[test]
    fn what_is_said_twice_is_computed_once_and_constants_not_at_all() {
        let mut builder = Builder::new(2, |_| false);
        let (x, y) = (builder.input(0), builder.input(1));
        let (first, second) = (builder.mul(x, y), builder.mul(y, x));
        assert_eq!(first, second);
        let (two, three) = (builder.constant(F::TWO), builder.constant(F::from_u64(3)));
        let five = builder.add(two, three);
        assert_eq!(five, builder.constant(F::from_u64(5)));
        let zero = builder.sub(first, second);
        assert_eq!(zero, builder.constant(F::ZERO));
        let formula = builder.finish(&[zero], first);
        assert_eq!(formula.groups.iter().filter(|group| group.code == Code::Mul).count(), 1);
        assert_eq!(formula.constants, [0]);
    }

    #[test]
    fn a_lane_never_outgrows_its_bits() {
        let mut builder = Builder::new(2, |_| false);
        let (mut sum, one) = (builder.input(0), builder.input(1));
        for _ in 0..64 {
            sum = builder.add(sum, sum);
            sum = builder.sub(one, sum);
        }
        assert!(builder.bounds.iter().all(|bound| *bound <= BOUND_MAX), "{:?}", builder.bounds);
        for (index, node) in builder.nodes.iter().enumerate() {
            if let Node::Sub(_, y) = node {
                // The order is below 2^64 by less than a part in 2^31.
                assert!(1 << shift(builder.bounds[y.0]) > builder.bounds[y.0], "node {index}");
            }
        }
    }
}
