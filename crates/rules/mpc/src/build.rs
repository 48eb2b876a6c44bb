//! Plans, built step by step. Each step is put into the first round in which what it needs is known, so steps that do
//! not need one another share their messages.

use crate::bits::words;
use crate::plan::{Any, Bits, Local, Plan, Public, Ring, Round, Step, Talk};
use crate::verify::Security;
use vm::{Operation, Type};

/// Builds a [`Plan`].
///
/// # Panics
/// Its functions panic when vectors of different shapes are combined: whoever compiles to plans has checked them.
#[derive(Default)]
pub struct Builder {
    /// The round in which each register is first known.
    known: Vec<usize>,
    rounds: Vec<Round>,
    inputs: Vec<Any>,
    kept: Vec<Any>,
    opened: Vec<Public>,
    outputs: Vec<Ring>,
    security: Security,
}

impl Builder {
    /// Begins a plan that withstands some lies.
    pub fn new(security: Security) -> Self {
        Self { security, ..Self::default() }
    }

    /// Returns whether parties may lie.
    pub(crate) fn is_guarded(&self) -> bool {
        self.security == Security::Malicious
    }

    /// Takes numbers in as shares.
    pub fn input(&mut self, lanes: usize, width: usize) -> Ring {
        assert!(lanes > 0 && (1..=64).contains(&width), "a vector of numbers of 1 to 64 bits");
        let input = Ring { at: self.register(0), lanes, width };
        self.inputs.push(Any::Ring(input));
        input
    }

    /// Takes bits in as shares, one in each lane.
    pub fn input_bits(&mut self, lanes: usize) -> Bits {
        let input = Bits { at: self.register(0), lanes, planes: 1 };
        self.inputs.push(Any::Bits(input));
        input
    }

    /// Takes numbers in that all know.
    pub fn input_public(&mut self, lanes: usize) -> Public {
        let input = Public { at: self.register(0), lanes };
        self.inputs.push(Any::Public(input));
        input
    }

    /// Keeps a vector for another plan, as it is.
    pub fn keep(&mut self, a: Any) {
        self.kept.push(a);
    }

    /// Does an operation on what all know.
    pub(crate) fn clear(
        &mut self,
        operation: Operation,
        kinds: Vec<Type>,
        operands: &[Public],
        results: Vec<Type>,
    ) -> Vec<Public> {
        let needs: Vec<usize> = operands.iter().map(|public| public.at).collect();
        let lanes: Vec<usize> = results.iter().map(|kind| vm::layout::at(kind.lanes)).collect();
        let first = self.local(&needs, Local::Clear { operation, kinds, operands: needs.clone(), results });
        let known = self.known[first];
        for _ in 1..lanes.len() {
            self.register(known);
        }
        lanes.into_iter().enumerate().map(|(offset, lanes)| Public { at: first + offset, lanes }).collect()
    }

    /// Returns numbers that all know.
    pub fn constant(&mut self, numbers: Vec<u64>) -> Public {
        let lanes = numbers.len();
        Public { at: self.local(&[], Local::Constant(numbers)), lanes }
    }

    /// Returns numbers that nobody knows, uniformly random.
    pub fn random(&mut self, lanes: usize, width: usize) -> Ring {
        Ring { at: self.local(&[], Local::Random { words: lanes }), lanes, width }
    }

    /// Returns bits that nobody knows, uniformly random.
    pub fn random_bits(&mut self, lanes: usize, planes: usize) -> Bits {
        Bits { at: self.local(&[], Local::Random { words: planes * words(lanes) }), lanes, planes }
    }

    /// Returns the sums, lane by lane.
    pub fn add(&mut self, a: Ring, b: Ring) -> Ring {
        same(a, b);
        Ring { at: self.local(&[a.at, b.at], Local::Add(a.at, b.at)), ..a }
    }

    /// Returns the differences, lane by lane.
    pub fn sub(&mut self, a: Ring, b: Ring) -> Ring {
        same(a, b);
        Ring { at: self.local(&[a.at, b.at], Local::Sub(a.at, b.at)), ..a }
    }

    /// Returns the sums with numbers that all know.
    pub fn add_public(&mut self, a: Ring, b: Public) -> Ring {
        assert_eq!(a.lanes, b.lanes, "vectors of one length");
        Ring { at: self.local(&[a.at, b.at], Local::AddPublic(a.at, b.at)), ..a }
    }

    /// Returns the products with numbers that all know.
    pub fn scale(&mut self, a: Ring, b: Public) -> Ring {
        assert_eq!(a.lanes, b.lanes, "vectors of one length");
        Ring { at: self.local(&[a.at, b.at], Local::Scale(a.at, b.at)), ..a }
    }

    /// Returns the products with one number that all know.
    pub fn scale_all(&mut self, a: Ring, by: u64) -> Ring {
        let by = self.constant(vec![by; a.lanes]);
        self.scale(a, by)
    }

    /// Returns the sum of each group of lanes.
    pub fn sum(&mut self, a: Ring, group: usize) -> Ring {
        assert!(group > 0 && a.lanes.is_multiple_of(group), "whole groups");
        Ring { at: self.local(&[a.at], Local::Sum { from: a.at, group }), lanes: a.lanes / group, ..a }
    }

    /// Returns some of the lanes, in the order given.
    pub fn lanes(&mut self, a: Ring, lanes: Vec<usize>) -> Ring {
        assert!(lanes.iter().all(|lane| *lane < a.lanes), "lanes that are there");
        let count = lanes.len();
        Ring { at: self.local(&[a.at], Local::Lanes { from: a.at, lanes }), lanes: count, ..a }
    }

    /// Returns the lanes of several vectors, one after another.
    pub fn join(&mut self, parts: &[Ring]) -> Ring {
        let width = parts[0].width;
        assert!(parts.iter().all(|part| part.width == width), "numbers of one width");
        let from: Vec<usize> = parts.iter().map(|part| part.at).collect();
        let lanes = parts.iter().map(|part| part.lanes).sum();
        Ring { at: self.local(&from.clone(), Local::Stack(from)), lanes, width }
    }

    /// Returns the products, lane by lane: one round.
    pub fn multiply(&mut self, a: Ring, b: Ring) -> Ring {
        self.dot(a, b, 1)
    }

    /// Returns the sum of the products of each group of lanes: one round, and one number sent for each group.
    pub fn dot(&mut self, a: Ring, b: Ring, group: usize) -> Ring {
        same(a, b);
        assert!(group > 0 && a.lanes.is_multiple_of(group), "whole groups");
        Ring { at: self.talk(&[a.at, b.at], Talk::Multiply { a, b, group }), lanes: a.lanes / group, ..a }
    }

    /// Shows numbers to all parties: one round.
    pub fn open(&mut self, a: Ring) -> Public {
        let opened = Public { at: self.talk(&[a.at], Talk::OpenRing(a)), lanes: a.lanes };
        self.opened.push(opened);
        opened
    }

    /// Shows bits to all parties, as numbers: one round.
    pub fn open_bits(&mut self, a: Bits) -> Public {
        let opened = Public { at: self.talk(&[a.at], Talk::OpenBits(a)), lanes: a.lanes };
        self.opened.push(opened);
        opened
    }

    /// Hands numbers out as shares, for whoever is to put them together: one round, after which the components tell
    /// no more than the numbers.
    pub fn output(&mut self, a: Ring) {
        let fresh = Ring { at: self.talk(&[a.at], Talk::Refresh(a)), ..a };
        self.outputs.push(fresh);
    }

    /// Returns the exclusive or.
    pub fn xor(&mut self, a: Bits, b: Bits) -> Bits {
        same_bits(a, b);
        Bits { at: self.local(&[a.at, b.at], Local::Xor(a.at, b.at)), ..a }
    }

    /// Returns the bits the other way round.
    pub fn not(&mut self, a: Bits) -> Bits {
        Bits { at: self.local(&[a.at], Local::Flip(a.at)), ..a }
    }

    /// Returns the conjunction: one round.
    pub fn and(&mut self, a: Bits, b: Bits) -> Bits {
        same_bits(a, b);
        Bits { at: self.talk(&[a.at, b.at], Talk::And { a, b }), ..a }
    }

    /// Returns the disjunction: one round.
    pub fn or(&mut self, a: Bits, b: Bits) -> Bits {
        let both = self.and(a, b);
        let one = self.xor(a, b);
        self.xor(one, both)
    }

    /// Returns some of the planes, in the order given.
    pub fn planes(&mut self, a: Bits, planes: Vec<usize>) -> Bits {
        assert!(planes.iter().all(|plane| *plane < a.planes), "planes that are there");
        let count = planes.len();
        Bits { at: self.local(&[a.at], Local::Planes { from: a, planes }), planes: count, ..a }
    }

    /// Returns the planes of several, one after another.
    pub fn stack(&mut self, parts: &[Bits]) -> Bits {
        let lanes = parts[0].lanes;
        assert!(parts.iter().all(|part| part.lanes == lanes), "vectors of one length");
        let from: Vec<usize> = parts.iter().map(|part| part.at).collect();
        let planes = parts.iter().map(|part| part.planes).sum();
        Bits { at: self.local(&from.clone(), Local::Stack(from)), lanes, planes }
    }

    /// Returns the plan.
    pub fn finish(self) -> Plan {
        let Self { known, mut rounds, inputs, opened, outputs, kept, security } = self;
        let mut stays = vec![false; known.len()];
        let ends = opened.iter().map(|public| public.at).chain(outputs.iter().map(|ring| ring.at));
        ends.chain(kept.iter().map(|any| any.at())).for_each(|at| stays[at] = true);
        let mut seen = vec![false; known.len()];
        for round in rounds.iter_mut().rev() {
            for step in round.talk.iter_mut().rev() {
                step.last_use = last_uses(uses_of_talk(&step.what), &mut seen);
            }
            for step in round.local.iter_mut().rev() {
                step.last_use = last_uses(uses_of_local(&step.what), &mut seen);
            }
        }
        for step in rounds.iter_mut().flat_map(|round| round.local.iter_mut()) {
            step.last_use.retain(|at| !stays[*at]);
        }
        for step in rounds.iter_mut().flat_map(|round| round.talk.iter_mut()) {
            step.last_use.retain(|at| !stays[*at]);
        }
        Plan { rounds, registers: known.len(), inputs, opened, outputs, kept, security }
    }

    fn register(&mut self, known: usize) -> usize {
        self.known.push(known);
        self.known.len() - 1
    }

    fn round(&mut self, needs: &[usize]) -> usize {
        let round = needs.iter().map(|at| self.known[*at]).max().unwrap_or(0);
        while self.rounds.len() <= round {
            self.rounds.push(Round::default());
        }
        round
    }

    pub(crate) fn local(&mut self, needs: &[usize], what: Local) -> usize {
        let round = self.round(needs);
        let to = self.register(round);
        self.rounds[round].local.push(Step { to, what, last_use: Vec::new() });
        to
    }

    pub(crate) fn talk(&mut self, needs: &[usize], what: Talk) -> usize {
        let round = self.round(needs);
        let to = self.register(round + 1);
        self.rounds[round].talk.push(Step { to, what, last_use: Vec::new() });
        to
    }
}

fn last_uses(uses: Vec<usize>, seen: &mut [bool]) -> Vec<usize> {
    uses.into_iter().filter(|at| !std::mem::replace(&mut seen[*at], true)).collect()
}

fn uses_of_local(what: &Local) -> Vec<usize> {
    match what {
        Local::Constant(_) | Local::Random { .. } => Vec::new(),
        Local::Add(a, b) | Local::Sub(a, b) | Local::AddPublic(a, b) | Local::Scale(a, b) | Local::Xor(a, b) => {
            vec![*a, *b]
        }
        Local::Sum { from, .. } | Local::Flip(from) | Local::Lanes { from, .. } => vec![*from],
        Local::Planes { from, .. } | Local::ThirdOfBits { from } => vec![from.at],
        Local::Stack(parts) => parts.clone(),
        Local::StackBits(parts) => parts.iter().map(|part| part.at).collect(),
        Local::Classify(from) | Local::ClassifyBits(from) => vec![*from],
        Local::Mask { from, by } => vec![*from, *by],
        Local::Spread { from } | Local::Gather { from, .. } | Local::BitLanes { from, .. } => vec![from.at],
        Local::Pick { from, indices: index } | Local::Get { from, index, .. } => vec![from.at(), *index],
        Local::Put { to, index, part } => vec![to.at(), *index, part.at()],
        Local::Clear { operands, .. } => operands.clone(),
        Local::Third { from, .. }
        | Local::ThirdBits { from, .. }
        | Local::DealersBits { from, .. }
        | Local::Shifted { from, .. } => vec![from.at],
    }
}

fn uses_of_talk(what: &Talk) -> Vec<usize> {
    match what {
        Talk::Multiply { a, b, .. } => vec![a.at, b.at],
        Talk::And { a, b } => vec![a.at, b.at],
        Talk::OpenRing(from) | Talk::Refresh(from) | Talk::DealSum { from, .. } | Talk::DealSumBits { from } => {
            vec![from.at]
        }
        Talk::DealCarries { from, first, second } => vec![from.at, *first, *second],
        Talk::OpenBits(from) | Talk::DealOfBits { from, .. } => vec![from.at],
    }
}

fn same(a: Ring, b: Ring) {
    assert_eq!((a.lanes, a.width), (b.lanes, b.width), "vectors of one shape");
}

fn same_bits(a: Bits, b: Bits) {
    assert_eq!((a.lanes, a.planes), (b.lanes, b.planes), "bits of one shape");
}
