//! Plans, built step by step. Each step is put into the first round in which what it needs is known, so steps that do
//! not need one another share their messages.

use super::{Any, Bits, Cost, Local, Parties, Plan, Public, Ring, Round, Security, Step, Talk, words};
use crate::kind::{Type, Width};
use crate::layout::at;
use crate::operation::Operation;

/// Builds a [`Plan`].
///
/// # Panics
/// Its functions panic when vectors of different shapes are combined: whoever compiles to plans has checked them.
pub struct Builder {
    /// The round in which each register is first known.
    known: Vec<usize>,
    /// The round before which nothing that is added begins.
    floor: usize,
    /// None when only the cost is asked for.
    rounds: Option<Vec<Round>>,
    cost: Cost,
    inputs: Vec<Any>,
    kept: Vec<Any>,
    opened: Vec<Public>,
    outputs: Vec<Ring>,
    security: Security,
    parties: Parties,
    /// Whether the plan is for the protocols that any number of parties can follow.
    is_general: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self { rounds: Some(Vec::new()), ..Self::counting() }
    }
}

impl Builder {
    /// Begins a plan of which nothing but the cost is wanted.
    pub(crate) fn counting() -> Self {
        Self {
            known: Vec::new(),
            floor: 0,
            rounds: None,
            cost: Cost::default(),
            inputs: Vec::new(),
            kept: Vec::new(),
            opened: Vec::new(),
            outputs: Vec::new(),
            security: Security::SemiHonest,
            parties: Parties::THREE,
            is_general: false,
        }
    }

    /// Begins a plan that withstands some lies.
    pub fn new(security: Security) -> Self {
        Self { security, ..Self::default() }
    }

    /// Begins a plan for so many parties, of the protocols that are the same for all numbers of them.
    pub fn among(parties: Parties) -> Self {
        Self { parties, is_general: true, ..Self::default() }
    }

    /// Returns how many parties deal what a number is made of, if the protocols are those for all numbers of parties.
    pub(crate) fn dealers(&self) -> Option<usize> {
        self.is_general.then(|| self.parties.curious())
    }

    /// Returns the parties.
    pub(crate) fn parties(&self) -> Parties {
        self.parties
    }

    /// Returns whether parties may lie.
    pub(crate) fn is_guarded(&self) -> bool {
        self.security == Security::Malicious
    }

    /// Returns what there is so far costs.
    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    /// Begins an instruction: nothing of it is done before all that it takes is known.
    pub(crate) fn begin(&mut self, operands: impl Iterator<Item = Any>) -> usize {
        self.floor = operands.map(|any| self.known[any.at()]).max().unwrap_or(0);
        self.known.len()
    }

    /// Ends it: nothing of what it gives is used before all of it is known.
    pub(crate) fn end(&mut self, first: usize) {
        let last = self.known[first..].iter().copied().max().unwrap_or(0);
        self.known[first..].iter_mut().for_each(|known| *known = last);
        self.floor = 0;
    }

    /// Takes numbers in as shares.
    pub fn input(&mut self, lanes: usize, width: Width) -> Ring {
        assert!(lanes > 0, "a vector of numbers");
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
        let lanes: Vec<usize> = results.iter().map(|kind| at(kind.lanes)).collect();
        let first = self.local(&needs, || Local::Clear { operation, kinds, operands: needs.clone(), results });
        let known = self.known[first];
        for _ in 1..lanes.len() {
            self.register(known);
        }
        lanes.into_iter().enumerate().map(|(offset, lanes)| Public { at: first + offset, lanes }).collect()
    }

    /// Returns numbers that all know.
    pub fn constant(&mut self, numbers: Vec<u64>) -> Public {
        let lanes = numbers.len();
        Public { at: self.local(&[], || Local::Constant(numbers)), lanes }
    }

    /// Returns numbers that all know, which are made only when they are wanted.
    pub(crate) fn numbered(&mut self, lanes: usize, numbers: impl FnOnce() -> Vec<u64>) -> Public {
        Public { at: self.local(&[], || Local::Constant(numbers())), lanes }
    }

    /// Returns numbers that nobody knows, uniformly random.
    pub fn random(&mut self, lanes: usize, width: Width) -> Ring {
        Ring { at: self.local(&[], || Local::Random { lanes, width }), lanes, width }
    }

    /// Returns bits that nobody knows, uniformly random.
    pub fn random_bits(&mut self, lanes: usize, planes: usize) -> Bits {
        Bits { at: self.local(&[], || Local::RandomBits { words: planes * words(lanes) }), lanes, planes }
    }

    /// Returns the sums, lane by lane.
    pub fn add(&mut self, a: Ring, b: Ring) -> Ring {
        same(a, b);
        Ring { at: self.local(&[a.at, b.at], || Local::Add(a, b.at)), ..a }
    }

    /// Returns the differences, lane by lane.
    pub fn sub(&mut self, a: Ring, b: Ring) -> Ring {
        same(a, b);
        Ring { at: self.local(&[a.at, b.at], || Local::Sub(a, b.at)), ..a }
    }

    /// Returns the sums with numbers that all know.
    pub fn add_public(&mut self, a: Ring, b: Public) -> Ring {
        assert_eq!(a.lanes, b.lanes, "vectors of one length");
        Ring { at: self.local(&[a.at, b.at], || Local::AddPublic(a, b.at)), ..a }
    }

    /// Returns the products with numbers that all know.
    pub fn scale(&mut self, a: Ring, b: Public) -> Ring {
        assert_eq!(a.lanes, b.lanes, "vectors of one length");
        Ring { at: self.local(&[a.at, b.at], || Local::Scale(a, b.at)), ..a }
    }

    /// Returns the products with one number that all know.
    pub fn scale_all(&mut self, a: Ring, by: u64) -> Ring {
        Ring { at: self.local(&[a.at], || Local::ScaleAll(a, by)), ..a }
    }

    /// Returns the sums with one number that all know.
    pub fn add_all(&mut self, a: Ring, by: u64) -> Ring {
        Ring { at: self.local(&[a.at], || Local::AddAll(a, by)), ..a }
    }

    /// Returns the bits of one number that all know, in every lane.
    pub(crate) fn fixed(&mut self, lanes: usize, planes: usize, number: u128) -> Bits {
        Bits { at: self.local(&[], || Local::Fixed { lanes, planes, number }), lanes, planes }
    }

    /// Returns the sum of each group of lanes.
    pub fn sum(&mut self, a: Ring, group: usize) -> Ring {
        assert!(group > 0 && a.lanes.is_multiple_of(group), "whole groups");
        Ring { at: self.local(&[a.at], || Local::Sum { from: a, group }), lanes: a.lanes / group, ..a }
    }

    /// Returns some of the lanes, in the order given.
    pub fn lanes(&mut self, a: Ring, lanes: Vec<usize>) -> Ring {
        assert!(lanes.iter().all(|lane| *lane < a.lanes), "lanes that are there");
        self.ordered(a, lanes.len(), || lanes)
    }

    /// The same with lanes that are listed only when they are wanted.
    pub(crate) fn ordered(&mut self, a: Ring, count: usize, lanes: impl FnOnce() -> Vec<usize>) -> Ring {
        Ring { at: self.local(&[a.at], || Local::Lanes { from: a.at, lanes: lanes() }), lanes: count, ..a }
    }

    /// Returns the lanes of several vectors, one after another.
    pub fn join(&mut self, parts: &[Ring]) -> Ring {
        let width = parts[0].width;
        assert!(parts.iter().all(|part| part.width == width), "numbers of one width");
        let from: Vec<usize> = parts.iter().map(|part| part.at).collect();
        let lanes = parts.iter().map(|part| part.lanes).sum();
        Ring { at: self.local(&from, || Local::Stack(from.clone())), lanes, width }
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
        if self.is_general {
            // Of any components that curious parties lack, the rest and the number say all.
            return self.outputs.push(a);
        }
        let fresh = Ring { at: self.talk(&[a.at], Talk::Refresh(a)), ..a };
        self.outputs.push(fresh);
    }

    /// Returns the exclusive or.
    pub fn xor(&mut self, a: Bits, b: Bits) -> Bits {
        same_bits(a, b);
        Bits { at: self.local(&[a.at, b.at], || Local::Xor(a.at, b.at)), ..a }
    }

    /// Returns the bits the other way round.
    pub fn not(&mut self, a: Bits) -> Bits {
        Bits { at: self.local(&[a.at], || Local::Flip(a.at)), ..a }
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
        Bits { at: self.local(&[a.at], || Local::Planes { from: a, planes }), planes: count, ..a }
    }

    /// Returns one plane, so many times over.
    pub(crate) fn repeated(&mut self, a: Bits, plane: usize, count: usize) -> Bits {
        let at = self.local(&[a.at], || Local::Planes { from: a, planes: vec![plane; count] });
        Bits { at, planes: count, ..a }
    }

    /// Returns the planes of several, one after another.
    pub fn stack(&mut self, parts: &[Bits]) -> Bits {
        let lanes = parts[0].lanes;
        assert!(parts.iter().all(|part| part.lanes == lanes), "vectors of one length");
        let from: Vec<usize> = parts.iter().map(|part| part.at).collect();
        let planes = parts.iter().map(|part| part.planes).sum();
        Bits { at: self.local(&from, || Local::Stack(from.clone())), lanes, planes }
    }

    /// Returns the plan.
    pub fn finish(self) -> Plan {
        let Self { known, rounds, cost, inputs, opened, outputs, kept, security, parties, .. } = self;
        let mut rounds = rounds.unwrap_or_default();
        let mut stays = vec![false; known.len()];
        let ends = opened.iter().map(|public| public.at).chain(outputs.iter().map(|ring| ring.at));
        ends.chain(kept.iter().map(|any| any.at())).for_each(|at| stays[at] = true);
        let mut seen = vec![false; known.len()];
        for round in rounds.iter_mut().rev() {
            for step in round.talk.iter_mut().rev() {
                step.last_use = last_uses(uses_of_talk(&step.what), &mut seen);
                step.last_use.retain(|at| !stays[*at]);
            }
            for step in round.local.iter_mut().rev() {
                step.last_use = last_uses(uses_of_local(&step.what), &mut seen);
                step.last_use.retain(|at| !stays[*at]);
            }
        }
        Plan { rounds, registers: known.len(), inputs, opened, outputs, kept, security, parties, cost }
    }

    /// Returns a register that is known from a round on.
    pub(crate) fn register(&mut self, known: usize) -> usize {
        self.known.push(known);
        self.known.len() - 1
    }

    fn round(&self, needs: &[usize]) -> usize {
        needs.iter().map(|at| self.known[*at]).fold(self.floor, usize::max)
    }

    fn place(rounds: &mut Vec<Round>, round: usize) -> &mut Round {
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Round::default);
        }
        &mut rounds[round]
    }

    pub(crate) fn local(&mut self, needs: &[usize], what: impl FnOnce() -> Local) -> usize {
        let round = self.round(needs);
        let to = self.register(round);
        if let Some(rounds) = &mut self.rounds {
            Self::place(rounds, round).local.push(Step { to, what: what(), last_use: Vec::new() });
        }
        to
    }

    pub(crate) fn talk(&mut self, needs: &[usize], what: Talk) -> usize {
        let round = self.round(needs);
        let to = self.register(round + 1);
        self.cost.rounds = self.cost.rounds.max(round + 1);
        if !self.is_general {
            self.cost.bytes.iter_mut().enumerate().for_each(|(party, bytes)| *bytes += what.bytes(party));
        }
        if let Some(rounds) = &mut self.rounds {
            Self::place(rounds, round).talk.push(Step { to, what, last_use: Vec::new() });
        }
        to
    }
}

fn last_uses(uses: Vec<usize>, seen: &mut [bool]) -> Vec<usize> {
    uses.into_iter().filter(|at| !std::mem::replace(&mut seen[*at], true)).collect()
}

fn uses_of_local(what: &Local) -> Vec<usize> {
    match what {
        Local::Constant(_) | Local::Random { .. } | Local::RandomBits { .. } | Local::Masks { .. } => Vec::new(),
        Local::Fixed { .. } => Vec::new(),
        Local::AddAll(a, _) | Local::ScaleAll(a, _) | Local::LowBits(a) => vec![a.at],
        Local::Add(a, b) | Local::Sub(a, b) | Local::AddPublic(a, b) | Local::Scale(a, b) => vec![a.at, *b],
        Local::Xor(a, b) => vec![*a, *b],
        Local::Flip(from) | Local::Lanes { from, .. } | Local::Classify(from) => vec![*from],
        Local::ClassifyBits { from, .. } => vec![*from],
        Local::Stack(parts) => parts.clone(),
        Local::StackBits(parts) => parts.iter().map(|part| part.at).collect(),
        Local::Mask { from, by } => vec![from.at, *by],
        Local::Planes { from, .. } | Local::ThirdOfBits { from } | Local::Spread { from } => vec![from.at],
        Local::Gather { from, .. } | Local::BitLanes { from, .. } | Local::Look { from, .. } => vec![from.at],
        Local::Pick { from, indices: index } | Local::Get { from, index, .. } => vec![from.at(), *index],
        Local::Put { to, index, part } => vec![to.at(), *index, part.at()],
        Local::Clear { operands, .. } => operands.clone(),
        Local::DealersBits { from, .. } | Local::Shifted { from, .. } => vec![from.at],
        Local::Third { from, .. } | Local::ThirdBits { from, .. } | Local::Sum { from, .. } => vec![from.at],
    }
}

fn uses_of_talk(what: &Talk) -> Vec<usize> {
    match what {
        Talk::Multiply { a, b, .. } => vec![a.at, b.at],
        Talk::And { a, b } => vec![a.at, b.at],
        Talk::OpenRing(from) | Talk::Refresh(from) | Talk::DealSum { from, .. } | Talk::DealSumBits { from } => {
            vec![from.at]
        }
        Talk::OpenBits(from) | Talk::RefreshBits(from) | Talk::DealOfBits { from, .. } => vec![from.at],
        Talk::DealCarries { from, first, second } => vec![from.at, *first, *second],
        Talk::Complete { bits, masks } => vec![bits.at, masks.at],
        Talk::Mix { from, .. } => vec![from.at()],
    }
}

fn same(a: Ring, b: Ring) {
    assert_eq!((a.lanes, a.width), (b.lanes, b.width), "vectors of one shape");
}

fn same_bits(a: Bits, b: Bits) {
    assert_eq!((a.lanes, a.planes), (b.lanes, b.planes), "bits of one shape");
}
