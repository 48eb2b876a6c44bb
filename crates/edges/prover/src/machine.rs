//! The rows of the machine: runs of its program, each for one entry.

use crate::hashes::Sponge;
use crate::memory::{Key, Value};
use crate::record::{Post, Recorder, Request, moment};
use crypto::Domain;
use crypto::account::{PublicKey, SCHNORR};
use p3_field::{Field as _, PrimeCharacteristicRing as _, PrimeField64 as _};
use proof::circuit::{
    CELLS, Call, Called, F, Hint, Instruction, MOMENT_FIRST, Machine, PROGRAM_LOG_HEIGHT, Step, program,
};
use state::{Overlay, State};
use std::collections::HashMap;
use types::{Digest, EncodedPoint, Signature};

/// In which domains the program hashes.
const DOMAINS: [Domain; 10] = [
    Domain::Action,
    Domain::Value,
    Domain::Tally,
    Domain::Half,
    Domain::Owner,
    Domain::Commitment,
    Domain::Account,
    Domain::Transaction,
    Domain::Outcome,
    Domain::Verdict,
];

/// What is known of an entry that the program does not compute.
#[derive(Default, Clone)]
pub(crate) struct Known {
    /// The prover's words, in the order in which the program asks for them.
    pub(crate) words: Vec<u64>,
    /// The signatures that it asks for, in their order.
    pub(crate) signatures: Vec<Signature>,
}

/// What runs have left so far.
pub(crate) struct Runs {
    pub(crate) rows: Vec<F>,
    pub(crate) calls: Vec<F>,
    /// How often each instruction was executed.
    pub(crate) uses: Vec<u64>,
}

impl Default for Runs {
    fn default() -> Self {
        Self { rows: Vec::new(), calls: Vec::new(), uses: vec![0; 1 << PROGRAM_LOG_HEIGHT] }
    }
}

/// A run under way.
struct Run<'a> {
    request: &'a Request,
    /// The state with what the rule did to it.
    after: &'a Overlay<'a>,
    words: std::vec::IntoIter<u64>,
    signatures: std::vec::IntoIter<Signature>,
    /// What was written, and by which row.
    cells: HashMap<[u64; 2], (F, usize)>,
    rows: Vec<Machine<F>>,
    uses: Vec<u64>,
    frame: u64,
    moment: u64,
    /// What the sponge under way absorbs: its domain, its length and its elements.
    absorbed: (u64, usize, Vec<u64>),
    digest: Option<Sponge>,
}

impl Run<'_> {
    fn read(&mut self, line: F, place: F) -> F {
        let at = [line, place].map(|cell| cell.as_canonical_u64());
        let (value, row) = self.cells.get(&at).copied().unwrap_or_else(|| panic!("nothing was written at {at:?}"));
        self.uses[row] += 1;
        value
    }
}

impl Recorder {
    /// Runs the program for an entry, given what is known of it and the state with what its rule did. Returns what it did not
    /// ask for.
    pub(crate) fn run(&mut self, state: &State, request: &Request, after: &Overlay<'_>, known: Known) -> usize {
        let mut run = Run {
            request,
            after,
            words: known.words.into_iter(),
            signatures: known.signatures.into_iter(),
            cells: HashMap::new(),
            rows: Vec::new(),
            uses: Vec::new(),
            frame: 1,
            moment: MOMENT_FIRST.into(),
            absorbed: (0, 0, Vec::new()),
            digest: None,
        };
        let mut place = 0;
        loop {
            let step = program().get(place).expect("a run ends before the program does");
            self.runs.uses[place] += 1;
            let result = self.step(state, &mut run, step);
            let of = &step.instruction;
            if of.halts == F::ONE {
                break;
            }
            run.moment += u64::from(of.touches == F::ONE);
            let [leaps, leap, turns] = of.leaps;
            let mut next = F::from_usize(place + 1);
            if leaps * result == F::ONE {
                next += leap;
                run.frame += turns.as_canonical_u64();
            }
            place = usize::try_from(next.as_canonical_u64()).expect("a place in the program");
        }
        for (mut row, uses) in run.rows.into_iter().zip(run.uses) {
            row.uses = F::from_u64(uses);
            row.put(&mut self.runs.rows);
        }
        run.words.len()
    }

    /// Executes an instruction, and returns its result.
    fn step(&mut self, state: &State, run: &mut Run<'_>, step: &Step) -> F {
        let of: &Instruction<F> = &step.instruction;
        let frame = F::from_u64(run.frame);
        let [reads, own, place] = of.left;
        let first = if reads == F::ONE { run.read(own * frame, place) } else { F::ZERO };
        let [reads, own, place, indexed, shift] = of.right;
        let second = if reads == F::ONE { run.read(own * frame + indexed * first + shift, place) } else { F::ZERO };
        let [of_first, of_second, of_product, of_one] = of.terms;
        let result = match step.hint {
            Some(hint) => self.word(run, hint, first),
            None => of_first * first + of_second * second + of_product * first * second + of_one,
        };
        assert!(of.zero * result == F::ZERO, "instruction {}: {result} is not zero", of.place);
        let [own, indexed, shift, place] = of.out;
        let line = own * frame + indexed * second + shift;
        let at = [line, place].map(|cell| cell.as_canonical_u64());
        let begins = run.rows.is_empty();
        assert!(run.cells.insert(at, (result, run.rows.len())).is_none(), "a cell is written once");
        let mut instruction = Vec::with_capacity(Instruction::WIDTH);
        of.put(&mut instruction);
        run.rows.push(Machine {
            used: F::ONE,
            begins: F::from_bool(begins),
            leaps: of.leaps[0] * result,
            number: F::from_u64(run.request.number),
            frame,
            moment: F::from_u64(run.moment),
            values: [first, second, result],
            uses: F::ZERO,
            instruction: instruction.try_into().expect("as wide as an instruction"),
        });
        run.uses.push(0);
        let [calls, call] = of.calls;
        if calls == F::ONE {
            let call = usize::try_from(call.as_canonical_u64()).ok().and_then(|number| Call::ALL.get(number));
            self.call(state, run, *call.expect("a call that there is"), of);
        }
        result
    }

    fn word(&mut self, run: &mut Run<'_>, hint: Hint, first: F) -> F {
        match hint {
            Hint::Next => F::from_u64(run.words.next().expect("all is known that a rule asks for")),
            Hint::Name => F::from_usize(self.hashes.len()),
            Hint::Inverse => first.try_inverse().unwrap_or_default(),
            Hint::Digest(cell) => {
                if cell == 0 {
                    let (domain, length, elements) = std::mem::take(&mut run.absorbed);
                    let domain = DOMAINS.into_iter().find(|other| other.number() == domain);
                    let domain = domain.expect("the program hashes in no other domain");
                    run.digest = Some(self.hashes.sponge(domain, &elements[..length]));
                }
                F::from_u64(run.digest.expect("begins with its first cell").digest.limbs()[cell])
            }
        }
    }

    /// Tells other tables what was written last.
    fn call(&mut self, state: &State, run: &mut Run<'_>, call: Call, of: &Instruction<F>) {
        let line = of.out[0] * F::from_u64(run.frame);
        let (length, mut said) = (call.length(), [F::ZERO; CELLS]);
        for (index, cell) in said.iter_mut().take(length).enumerate() {
            *cell = run.read(line, of.place - F::from_usize(length - index));
        }
        let time = moment(run.request.number, run.moment);
        let mut row = Called {
            kinds: [F::ZERO; Call::ALL.len()],
            number: F::from_u64(run.request.number),
            line,
            place: of.place,
            moment: F::from_u64(run.moment),
            cells: said,
            since: F::ZERO,
            passed: F::ZERO,
        };
        row.kinds[call.number()] = F::ONE;
        let cells = said.map(|cell| cell.as_canonical_u64());
        let number = |at: usize| {
            let [high, low] = [cells[at], cells[at + 1]];
            assert!(high >> 32 == 0 && low >> 32 == 0, "instruction {}: halves of a number", of.place);
            high << 32 | low
        };
        match call {
            Call::First => {
                let length = usize::try_from(cells[2]).expect("few elements");
                run.absorbed = (cells[1], length, cells[3..7].to_vec());
            }
            Call::Next => run.absorbed.2.extend(&cells[1..5]),
            Call::Digest | Call::Answer | Call::Asked => {}
            Call::Compare => {
                let (first, second, above) = (number(0), number(2), cells[4] == 1);
                assert!(first >= second && !(above && first == second), "instruction {}: an order", of.place);
                self.compare(first, second, above);
            }
            Call::Divide => {
                let quotient = self.divide(cells[0], number(1), number(3));
                assert_eq!(quotient, cells[5], "instruction {}: a quotient", of.place);
            }
            Call::Time => {
                let time = self.ask_time(run.request.time);
                assert_eq!(time[..], said[..2], "the entry's time");
            }
            Call::Signed => {
                let key = EncodedPoint::new(std::array::from_fn(|limb| cells[limb])).expect("elements");
                let digest = Digest::new(std::array::from_fn(|limb| cells[5 + limb])).expect("elements");
                let signature = run.signatures.next().expect("a signature for each that is asked for");
                let holds = PublicKey { scheme: SCHNORR, key }.verifies(&digest, &signature);
                assert!(holds, "instruction {}: a signature", of.place);
                self.signatures.add(&mut self.hashes, key.limbs(), &digest, &signature.0);
            }
            Call::Post => {
                let key = Key::of(cells[0], &cells[1..9]).expect("a key of a balance or a supply");
                let post = Post { time, key, amount: cells[9], credit: cells[10] == 1 };
                let done = self.post(state, &post);
                assert_eq!(done, cells[11] == 1, "instruction {}: whether it can be done", of.place);
            }
            Call::Record => {
                let key = Key::of(cells[0], &cells[1..9]).expect("a key of a record");
                let value =
                    |at: usize| -> Value { std::array::from_fn(|cell| if cell < 5 { cells[at + cell] } else { 0 }) };
                assert_eq!(self.memory.value(state, &key), value(9), "instruction {}: a record before", of.place);
                let since = self.memory.set(state, &key, value(14), time);
                self.memory.take(run.after, &key);
                (row.since, row.passed) = (F::from_u64(since), self.lookups.range32(time - since - 1));
            }
        }
        row.put(&mut self.runs.calls);
    }
}
