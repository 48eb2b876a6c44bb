//! Writes a random program, function by function.

use super::Chance;
use crate::build::FunctionBuilder;
use crate::kind::{Fold, Label, Type, Width};
use crate::operation::Operation;
use crate::program::{Certificate, Constant, Function, Host, Meaning, Name, Port, Program, Release, VERSION};

const WIDTHS: [Width; 12] = [
    Width::BIT,
    Width::BIT,
    Width::Int(2),
    Width::Int(7),
    Width::Int(8),
    Width::Int(13),
    Width::Int(16),
    Width::Int(32),
    Width::Int(33),
    Width::Int(64),
    Width::Int(64),
    Width::Field,
];
const LANES: [u32; 8] = [1, 1, 1, 1, 2, 3, 4, 8];
/// The places in which a block may begin another.
const DEPTH: u32 = 3;

/// A program on its way.
pub(super) struct Writer {
    chance: Chance,
    /// Whether the program draws what nobody knows and asks the host, so that two runs may differ.
    is_drawing: bool,
    program: Program,
    /// Of the functions written so far, the last first.
    functions: Vec<(Function, Vec<Type>)>,
}

/// A function on its way.
struct Body {
    builder: FunctionBuilder,
    /// The values that can be used.
    scope: Vec<(u32, Type)>,
    depth: u32,
    left: u64,
    /// The index that the function will have.
    index: u32,
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a short word is a name")
}

impl Writer {
    pub(super) fn new(seed: u64) -> Self {
        let program = Program {
            version: VERSION,
            ports: Vec::new(),
            constants: Vec::new(),
            releases: vec![Release { name: name("some"), lanes: 0 }, Release { name: name("more"), lanes: 0 }],
            hosts: Vec::new(),
            functions: Vec::new(),
            certificate: Certificate::default(),
        };
        Self { chance: Chance::new(seed), is_drawing: true, program, functions: Vec::new() }
    }

    /// The same for a program of which all runs on the same inputs give the same.
    pub(super) fn settled(seed: u64) -> Self {
        Self { is_drawing: false, ..Self::new(seed) }
    }

    pub(super) fn program(mut self, size: u64) -> Program {
        let count = 1 + u32::try_from(self.chance.below(3)).unwrap_or(0);
        let halved = Type::public(Width::Int(16), 3);
        self.program.hosts.push(Host { name: name("half"), parameters: vec![halved], results: vec![halved], fuel: 5 });
        for _ in 0..3 {
            let kind = self.kind().with_label(Label::Public);
            let lanes = (0..kind.lanes).map(|_| self.chance.lane(kind.width.largest())).collect();
            self.program.constants.push(Constant { kind, lanes });
        }
        // A table for each of a few widths.
        for bits in [1_u8, 2, 7] {
            let kind = Type::public(self.chance.pick(&WIDTHS), 1 << bits);
            let lanes = (0..kind.lanes).map(|_| self.chance.lane(kind.width.largest())).collect();
            self.program.constants.push(Constant { kind, lanes });
        }
        for index in (0..count).rev() {
            self.function(index, size / u64::from(count) + 1);
        }
        let functions = std::mem::take(&mut self.functions);
        self.program.functions = functions.into_iter().rev().map(|(function, _)| function).collect();
        self.program
    }

    fn kind(&mut self) -> Type {
        let label = self.chance.pick(&[Label::Public, Label::Public, Label::Secret]);
        Type { width: self.chance.pick(&WIDTHS), lanes: self.chance.pick(&LANES), label }
    }

    fn int(&mut self) -> Type {
        let kind = self.kind();
        if kind.width.is_int() { kind } else { kind.with_width(Width::Int(32)) }
    }

    fn kinds(&mut self, most: u64) -> Vec<Type> {
        (0..self.chance.below(most + 1)).map(|_| self.kind()).collect()
    }

    fn function(&mut self, index: u32, size: u64) {
        let (parameters, results) = if index == 0 { (Vec::new(), Vec::new()) } else { (self.kinds(3), self.kinds(3)) };
        let builder = FunctionBuilder::new(name("f"), &parameters, &results);
        let scope = (0..).zip(parameters.iter().copied()).collect();
        let mut body = Body { builder, scope, depth: 0, left: size, index };
        if index == 0 {
            self.ports(&mut body, false);
        }
        while body.left > 0 {
            self.step(&mut body);
        }
        if index == 0 {
            self.ports(&mut body, true);
        }
        let given: Vec<u32> = results.iter().map(|kind| self.want(&mut body, *kind)).collect();
        self.functions.push((body.builder.finish(&given), parameters));
    }

    fn ports(&mut self, body: &mut Body, is_output: bool) {
        for number in 0..4 {
            let kind = if is_output && !body.scope.is_empty() { self.chance.pick(&body.scope).1 } else { self.kind() };
            let meaning = if kind.width == Width::Field { Meaning::Field } else { Meaning::Unsigned };
            let client = name(if kind.is_secret() { "alice" } else { "" });
            let port = u32::try_from(self.program.ports.len()).expect("there are eight");
            let called = name(&format!("port{number}"));
            self.program.ports.push(Port { is_output, client, name: called, kind, meaning });
            if is_output {
                let value = self.want(body, kind);
                body.builder.push(Operation::Output { port }, &[value], &[]);
            } else {
                self.push(body, Operation::Input { port }, &[], &[kind]);
            }
        }
    }

    fn push(&mut self, body: &mut Body, operation: Operation, operands: &[u32], results: &[Type]) -> Vec<u32> {
        body.left = body.left.saturating_sub(1);
        let numbers = body.builder.push(operation, operands, results);
        body.scope.extend(numbers.iter().copied().zip(results.iter().copied()));
        numbers
    }

    /// Returns a value of a type: one that is there, or a new one.
    fn want(&mut self, body: &mut Body, kind: Type) -> u32 {
        let there: Vec<u32> =
            body.scope.iter().filter(|(_, other)| *other == kind).map(|(number, _)| *number).collect();
        if !there.is_empty() && self.chance.below(8) > 0 {
            return self.chance.pick(&there);
        }
        if kind.is_secret() && self.chance.below(2) == 0 && self.is_drawing {
            return self.push(body, Operation::Rand, &[], &[kind])[0];
        }
        if kind.is_secret() {
            let public = self.want(body, kind.with_label(Label::Public));
            return self.push(body, Operation::Classify, &[public], &[kind])[0];
        }
        let value = self.chance.lane(kind.width.largest());
        self.push(body, Operation::Int { value }, &[], &[kind])[0]
    }

    /// Returns values of one shape, each secret or not, and the label of what depends on all.
    fn wants(&mut self, body: &mut Body, shapes: &[Type]) -> (Vec<u32>, Label) {
        let mut label = Label::Public;
        let mut numbers = Vec::new();
        for shape in shapes {
            let own = self.chance.pick(&[Label::Public, Label::Secret]);
            label = label.join(own);
            numbers.push(self.want(body, shape.with_label(own)));
        }
        (numbers, label)
    }

    /// One instruction or more.
    fn step(&mut self, body: &mut Body) {
        match self.chance.below(20) {
            0..=5 => self.plain(body),
            6 => self.carrying(body),
            7 | 8 => self.deciding(body),
            9 | 10 => self.converting(body),
            11 | 12 => self.moving(body),
            13 | 14 => self.remembering(body),
            15 => self.wide(body),
            16 => self.boundary(body),
            17 => self.call(body),
            _ => self.nested(body),
        }
    }

    fn plain(&mut self, body: &mut Body) {
        use Operation as O;
        let ints = [O::MulHi, O::MulHis, O::Rem, O::Divs, O::Rems, O::And, O::Or, O::Xor, O::Shlv, O::Shrv, O::Sarv];
        let any = [O::Add, O::Sub, O::Mul, O::Div];
        let kind = if self.chance.below(2) == 0 { self.kind() } else { self.int() };
        let operation = if kind.width.is_int() && self.chance.below(2) == 0 {
            self.chance.pick(&ints)
        } else {
            self.chance.pick(&any)
        };
        let (operands, label) = self.wants(body, &[kind, kind]);
        self.push(body, operation, &operands, &[kind.with_label(label)]);
        let single = if kind.width.is_int() { self.chance.pick(&[O::Neg, O::Not]) } else { O::Neg };
        let (operands, label) = self.wants(body, &[kind]);
        self.push(body, single, &operands, &[kind.with_label(label)]);
    }

    /// Operations that carry a number below the width.
    fn carrying(&mut self, body: &mut Body) {
        use Operation as O;
        let kind = self.int();
        let number = u8::try_from(self.chance.below(kind.width.bits().into())).expect("a width fits");
        let (operands, label) = self.wants(body, &[kind, kind]);
        let pair = self.chance.pick(&[O::MulFix { fraction: number }, O::DivFix { fraction: number }]);
        self.push(body, pair, &operands, &[kind.with_label(label)]);
        let (amount, (operands, label)) = (number, self.wants(body, &[kind]));
        let shift = self.chance.pick(&[O::Shl { amount }, O::Shr { amount }, O::Sar { amount }, O::Rotl { amount }]);
        self.push(body, shift, &operands, &[kind.with_label(label)]);
    }

    fn deciding(&mut self, body: &mut Body) {
        use Operation as O;
        let kind = self.kind();
        let int = self.int();
        let flag = int.with_width(Width::BIT);
        let (operands, label) = self.wants(body, &[int, int]);
        let compare = self.chance.pick(&[O::Eq, O::Lt, O::Lts]);
        self.push(body, compare, &operands, &[flag.with_label(label)]);
        let (operands, label) = self.wants(body, &[kind, kind]);
        self.push(body, O::Eq, &operands, &[kind.with_width(Width::BIT).with_label(label)]);
        let (operands, label) = self.wants(body, &[kind.with_width(Width::BIT), kind, kind]);
        self.push(body, O::Select, &operands, &[kind.with_label(label)]);
        let (operands, label) = self.wants(body, &[int]);
        self.push(body, O::Sign, &operands, &[flag.with_label(label)]);
        let constant = self.chance.pick(&[3_u32, 4, 5]);
        let bits = [1, 2, 7][usize::try_from(constant - 3).expect("there are three")];
        let table = self.program.constants[usize::try_from(constant).expect("there are six")].kind;
        let (operands, label) = self.wants(body, &[int.with_width(Width::Int(bits))]);
        self.push(body, O::Lut { constant }, &operands, &[table.with_lanes(int.lanes).with_label(label)]);
    }

    fn converting(&mut self, body: &mut Body) {
        use Operation as O;
        let (from, to) = (self.int(), self.int());
        let (operands, label) = self.wants(body, &[from]);
        let (a, b) = (from.width.bits(), to.width.bits());
        let operation = if b <= a { O::Narrow } else { self.chance.pick(&[O::Zext, O::Sext]) };
        self.push(body, operation, &operands, &[from.with_width(to.width).with_label(label)]);
        let field = from.with_width(Width::Field).with_label(label);
        let (operands, label) = if self.chance.below(2) == 0 {
            (self.push(body, O::ToField, &operands, &[field]), label)
        } else {
            self.wants(body, &[field])
        };
        self.push(body, O::FromField, &operands, &[field.with_width(to.width).with_label(label)]);
        let few = to.with_lanes(self.chance.pick(&[1, 3]));
        let (operands, label) = self.wants(body, &[few]);
        let many = few.with_width(Width::BIT).with_lanes(few.lanes * u32::from(b)).with_label(label);
        let bits = self.push(body, O::Bits, &operands, &[many]);
        self.push(body, O::Word, &bits, &[few.with_label(label)]);
    }

    fn moving(&mut self, body: &mut Body) {
        use Operation as O;
        let kind = self.kind();
        let (one, eight) = (kind.with_lanes(1), kind.with_lanes(8));
        let (operands, label) = self.wants(body, &[one]);
        self.push(body, O::Splat, &operands, &[kind.with_lanes(8).with_label(label)]);
        let (operands, label) = self.wants(body, &[eight]);
        let slice = O::Slice {
            start: u32::try_from(self.chance.below(3)).expect("small"),
            step: 1 + u32::try_from(self.chance.below(2)).expect("small"),
        };
        self.push(body, slice, &operands, &[kind.with_lanes(3).with_label(label)]);
        let (operands, label) = self.wants(body, &[one, kind.with_lanes(3)]);
        self.push(body, O::Concat, &operands, &[kind.with_lanes(4).with_label(label)]);
        let folds = if kind.width.is_int() { &Fold::ALL[..] } else { &[Fold::Add, Fold::Mul][..] };
        let (fold, lanes) = (self.chance.pick(folds), self.chance.pick(&[1, 2, 4, 8]));
        let (operands, label) = self.wants(body, &[eight]);
        self.push(body, O::Reduce { fold }, &operands, &[kind.with_lanes(lanes).with_label(label)]);
        let (operands, label) = self.wants(body, &[kind]);
        self.push(body, O::Scan { fold }, &operands, &[kind.with_label(label)]);
        let (operands, label) = self.wants(body, &[kind.with_lanes(6), kind.with_lanes(4)]);
        let product = O::MatMul { rows: 3, inner: 2, columns: 2 };
        self.push(body, product, &operands, &[kind.with_lanes(6).with_label(label)]);
        let (operands, label) = self.wants(body, &[kind, kind]);
        self.push(body, O::Dot, &operands, &[one.with_label(label)]);
        let constant = self.chance.pick(&[0_u32, 1, 2]);
        let stored = self.program.constants[usize::try_from(constant).expect("there are six")].kind;
        self.push(body, O::Const { constant }, &[], &[stored]);
    }

    fn remembering(&mut self, body: &mut Body) {
        use Operation as O;
        let kind = self.kind().with_lanes(8);
        // Three bits are always inside eight lanes, and two even with four lanes behind them; four bits may be beyond.
        let index = |bits| Type::public(Width::Int(bits), 1);
        let (array, label) = self.wants(body, &[kind]);
        let at = self.want(body, index(2));
        let lanes = self.chance.pick(&[1, 4]);
        self.push(body, O::Get, &[array[0], at], &[kind.with_lanes(lanes).with_label(label)]);
        let (operands, label) = self.wants(body, &[kind, kind.with_lanes(lanes)]);
        let at = self.want(body, index(2));
        self.push(body, O::Set, &[operands[0], at, operands[1]], &[kind.with_label(label)]);
        let (array, label) = self.wants(body, &[kind]);
        let many = self.want(body, index(3).with_lanes(3));
        self.push(body, O::Gather, &[array[0], many], &[kind.with_lanes(3).with_label(label)]);
        let bits = self.chance.pick(&[2_u8, 4, 64]);
        let (operands, label) = self.wants(body, &[kind, index(bits)]);
        self.push(body, O::ORead, &operands, &[kind.with_lanes(1).with_label(label)]);
        let (operands, label) = self.wants(body, &[kind, index(bits), kind.with_lanes(1)]);
        self.push(body, O::OWrite, &operands, &[kind.with_label(label)]);
        if self.chance.below(16) == 0 {
            let (array, label) = self.wants(body, &[kind]);
            let at = self.want(body, index(4));
            self.push(body, O::Get, &[array[0], at], &[kind.with_lanes(1).with_label(label)]);
        }
    }

    fn wide(&mut self, body: &mut Body) {
        use Operation as O;
        let (kind, beside) = (self.int(), self.kind());
        let beside = beside.with_lanes(kind.lanes);
        let (operands, label) = self.wants(body, &[kind, beside]);
        let sort = self.chance.pick(&[O::Sort, O::Sorts]);
        self.push(body, sort, &operands, &[kind.with_label(label), beside.with_label(label)]);
        let (operands, label) = self.wants(body, &[kind]);
        self.push(body, sort, &operands, &[kind.with_label(label)]);
        let (operands, label) = self.wants(body, &[kind]);
        let most = self.chance.pick(&[O::ArgMax, O::ArgMaxs]);
        let one = kind.with_lanes(1).with_label(label);
        self.push(body, most, &operands, &[one, one.with_width(Width::Int(5))]);
        if !self.is_drawing {
            return;
        }
        let (operands, _) = self.wants(body, &[kind, beside]);
        let secret = [kind.with_label(Label::Secret), beside.with_label(Label::Secret)];
        self.push(body, O::Shuffle, &operands, &secret);
    }

    fn boundary(&mut self, body: &mut Body) {
        let kind = self.kind();
        let hidden = self.want(body, kind.with_label(Label::Secret));
        let release = self.chance.pick(&[0, 1]);
        self.push(body, Operation::Reveal { release }, &[hidden], &[kind.with_label(Label::Public)]);
        if !self.is_drawing {
            return;
        }
        let halved = self.program.hosts[0].parameters[0];
        let argument = self.want(body, halved);
        self.push(body, Operation::Host { host: 0 }, &[argument], &[halved]);
        if self.chance.below(16) == 0 {
            let flag = self.want(body, Type::public(Width::BIT, 1));
            self.push(body, Operation::Check { code: 7 }, &[flag], &[]);
        }
    }

    fn call(&mut self, body: &mut Body) {
        let Some(place) = self.functions.len().checked_sub(1) else { return self.plain(body) };
        let place = usize::try_from(self.chance.below(u64::try_from(place + 1).expect("few"))).expect("few");
        // The function written first has the highest index.
        let behind = u32::try_from(self.functions.len() - place).expect("few");
        let (function, parameters) = &self.functions[place];
        let (parameters, results) = (parameters.clone(), function.results.clone());
        let operands: Vec<u32> = parameters.iter().map(|kind| self.want(body, *kind)).collect();
        self.push(body, Operation::Call { function: body.index + behind }, &operands, &results);
    }

    /// Writes a block and returns its index. What is in it cannot be used outside.
    fn block(&mut self, body: &mut Body, parameters: &[Type], results: &[Type]) -> u32 {
        let (index, numbers) = body.builder.open(parameters);
        let (outside, left) = (body.scope.len(), body.left);
        body.scope.extend(numbers.into_iter().zip(parameters.iter().copied()));
        body.depth += 1;
        body.left = left.min(4);
        while body.left > 0 {
            self.step(body);
        }
        let given: Vec<u32> = results.iter().map(|kind| self.want(body, *kind)).collect();
        body.depth -= 1;
        body.left = left.saturating_sub(4);
        body.scope.truncate(outside);
        body.builder.close(&given);
        index
    }

    fn nested(&mut self, body: &mut Body) {
        use Operation as O;
        if body.depth == DEPTH {
            return self.plain(body);
        }
        let carried = self.kinds(3);
        let bit = Type::public(Width::BIT, 1);
        let index = Type::public(Width::Int(self.chance.pick(&[3, 32])), 1);
        let with_index: Vec<Type> = std::iter::once(index).chain(carried.iter().copied()).collect();
        let operands: Vec<u32> = carried.iter().map(|kind| self.want(body, *kind)).collect();
        match self.chance.below(4) {
            0 => {
                let flag = self.want(body, bit);
                let then = self.block(body, &[], &carried);
                let otherwise = self.block(body, &[], &carried);
                self.push(body, O::If { then, otherwise }, &[flag], &carried);
            }
            1 => {
                let count = self.chance.below(4);
                let inner = self.block(body, &with_index, &carried);
                self.push(body, O::Repeat { body: inner, count }, &operands, &carried);
            }
            2 => {
                let value = self.chance.below(4);
                let times = self.push(body, O::Int { value }, &[], &[index])[0];
                let all: Vec<u32> = std::iter::once(times).chain(operands).collect();
                let inner = self.block(body, &with_index, &carried);
                let bound = if self.chance.below(16) == 0 { 2 } else { 4 };
                self.push(body, O::Loop { body: inner, bound }, &all, &carried);
            }
            _ => self.waiting(body, &operands, &carried),
        }
    }

    /// A loop that counts down, so that most of them end before their bound.
    fn waiting(&mut self, body: &mut Body, operands: &[u32], carried: &[Type]) {
        use Operation as O;
        let (count, bit) = (Type::public(Width::Int(8), 1), Type::public(Width::BIT, 1));
        let kinds: Vec<Type> = std::iter::once(count).chain(carried.iter().copied()).collect();
        let value = self.chance.below(4);
        let from = self.push(body, O::Int { value }, &[], &[count])[0];
        let all: Vec<u32> = std::iter::once(from).chain(operands.iter().copied()).collect();
        let (test, values) = body.builder.open(&kinds);
        let zero = body.builder.push(O::Int { value: 0 }, &[], &[count])[0];
        let flag = body.builder.push(O::Lt, &[zero, values[0]], &[bit])[0];
        body.builder.close(&[flag]);
        let (inner, values) = body.builder.open(&kinds);
        let outside = body.scope.len();
        body.scope.extend(values.iter().copied().zip(kinds.iter().copied()));
        body.depth += 1;
        self.plain(body);
        self.nested(body);
        let one = body.builder.push(O::Int { value: 1 }, &[], &[count])[0];
        let less = body.builder.push(O::Sub, &[values[0], one], &[count])[0];
        let given: Vec<u32> = carried.iter().map(|kind| self.want(body, *kind)).collect();
        body.depth -= 1;
        body.scope.truncate(outside);
        body.builder.close(&std::iter::once(less).chain(given).collect::<Vec<_>>());
        let bound = if self.chance.below(16) == 0 { 1 } else { 3 };
        self.push(body, O::While { test, body: inner, bound }, &all, &kinds);
    }
}
