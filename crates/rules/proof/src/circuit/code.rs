//! What programs of the machine are written with.

use super::F;
use super::call::Call;
use super::machine::Instruction;
use crypto::Domain;
use p3_field::PrimeCharacteristicRing as _;

/// Where the prover's word comes from. It proves nothing: whatever it says, the program checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// The next of what is known of the transaction.
    Next,
    /// The name of the sponge that begins.
    Name,
    /// A cell of the digest of the sponge that ends.
    Digest(usize),
    /// What the first cell times it is one, or zero for zero.
    Inverse,
}

/// An instruction, and where its result comes from if that is the prover's word.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What is proven of it.
    pub instruction: Instruction<F>,
    /// Where its result comes from.
    pub hint: Option<Hint>,
}

/// Where a result stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    place: u32,
    /// Whether each frame of the loop has its own.
    is_own: bool,
}

/// Where the elements of a list stand, each at the line of its index.
#[derive(Debug, Clone, Copy)]
pub struct Array(u32);

/// Four cells.
pub type Quad = [Cell; 4];

/// An element of what is hashed.
#[derive(Debug, Clone, Copy)]
pub enum Element {
    /// The prover's word.
    New,
    /// A number.
    Number(u64),
    /// What is known already.
    Known(Cell),
}

/// How many zeros stand behind an array.
const BEHIND: usize = 12;

/// A program that is being written.
#[derive(Default)]
pub struct Code {
    steps: Vec<Step>,
    is_in_loop: bool,
    /// How many places there are that no instruction writes by itself: what loops carry.
    carried: u32,
}

/// The first place that no instruction has.
const CARRIED: u32 = 1 << 24;

impl Code {
    /// Returns the instructions.
    pub fn steps(self) -> Vec<Step> {
        self.steps
    }

    fn here(&self) -> u32 {
        u32::try_from(self.steps.len()).expect("a program is short")
    }

    /// Adds an instruction that reads these cells and whose result has so much of them.
    fn gate(&mut self, left: Option<Cell>, right: Option<Cell>, terms: [i64; 3]) -> Cell {
        let [of_left, of_right, of_one] = terms.map(felt);
        let zero = F::ZERO;
        let place = F::from_u32(self.here());
        let mut instruction = Instruction::read(&[zero; Instruction::WIDTH]);
        instruction.place = place;
        if let Some(cell) = left {
            instruction.left = [F::ONE, F::from_bool(cell.is_own), F::from_u32(cell.place)];
        }
        if let Some(cell) = right {
            instruction.right = [F::ONE, F::from_bool(cell.is_own), F::from_u32(cell.place), zero, zero];
        }
        instruction.terms = [of_left, of_right, zero, of_one];
        instruction.out = [F::from_bool(self.is_in_loop), zero, zero, place];
        let cell = Cell { place: self.here(), is_own: self.is_in_loop };
        self.steps.push(Step { instruction, hint: None });
        cell
    }

    fn last(&mut self) -> &mut Step {
        self.steps.last_mut().expect("an instruction was added")
    }

    fn word(&mut self, left: Option<Cell>, hint: Hint) -> Cell {
        let cell = self.gate(left, None, [0; 3]);
        let last = self.last();
        (last.instruction.free, last.hint) = (F::ONE, Some(hint));
        cell
    }

    /// Takes what is known of the transaction next.
    pub fn next(&mut self) -> Cell {
        self.word(None, Hint::Next)
    }

    /// Takes four cells.
    pub fn quad(&mut self) -> Quad {
        std::array::from_fn(|_| self.next())
    }

    /// Takes zero or one.
    pub fn bit(&mut self) -> Cell {
        let bit = self.next();
        let square = self.product(bit, bit);
        self.equal(square, bit);
        bit
    }

    /// Returns a number.
    pub fn number(&mut self, number: i64) -> Cell {
        self.gate(None, None, [0, 0, number])
    }

    /// Returns a cell once more.
    pub fn copy(&mut self, cell: Cell) -> Cell {
        self.gate(Some(cell), None, [1, 0, 0])
    }

    /// Returns a cell so often, and something.
    pub fn scaled(&mut self, cell: Cell, by: i64, more: i64) -> Cell {
        self.gate(Some(cell), None, [by, 0, more])
    }

    /// Returns one less a bit.
    pub fn not(&mut self, bit: Cell) -> Cell {
        self.scaled(bit, -1, 1)
    }

    /// Returns the sum of two cells.
    pub fn sum(&mut self, first: Cell, second: Cell) -> Cell {
        self.gate(Some(first), Some(second), [1, 1, 0])
    }

    /// Returns the first less the second.
    pub fn difference(&mut self, first: Cell, second: Cell) -> Cell {
        self.gate(Some(first), Some(second), [1, -1, 0])
    }

    /// Returns the first so often, the second so often, and a number.
    pub fn weighed(&mut self, first: Cell, second: Cell, terms: [i64; 3]) -> Cell {
        self.gate(Some(first), Some(second), terms)
    }

    /// Returns the product of two cells.
    pub fn product(&mut self, first: Cell, second: Cell) -> Cell {
        let cell = self.gate(Some(first), Some(second), [0; 3]);
        self.last().instruction.terms[2] = F::ONE;
        cell
    }

    /// Returns the first where the bit is one, otherwise the second.
    pub fn choose(&mut self, bit: Cell, first: Cell, second: Cell) -> Cell {
        let difference = self.difference(first, second);
        let more = self.product(bit, difference);
        self.sum(more, second)
    }

    /// Returns the first four where the bit is one, otherwise the second.
    pub fn choose_quad(&mut self, bit: Cell, first: Quad, second: Quad) -> Quad {
        std::array::from_fn(|cell| self.choose(bit, first[cell], second[cell]))
    }

    /// Demands that two cells are equal.
    pub fn equal(&mut self, first: Cell, second: Cell) {
        self.difference(first, second);
        self.last().instruction.zero = F::ONE;
    }

    /// Demands that four cells are equal to four others.
    pub fn equal_quad(&mut self, first: Quad, second: Quad) {
        first.into_iter().zip(second).for_each(|(first, second)| self.equal(first, second));
    }

    /// Demands that a cell is zero wherever the bit is one.
    pub fn zero_where(&mut self, bit: Cell, cell: Cell) {
        self.product(bit, cell);
        self.last().instruction.zero = F::ONE;
    }

    /// Returns one where a cell is zero.
    pub fn is_zero(&mut self, cell: Cell) -> Cell {
        let inverse = self.word(Some(cell), Hint::Inverse);
        let product = self.product(cell, inverse);
        let is_zero = self.not(product);
        self.zero_where(is_zero, cell);
        is_zero
    }

    /// Executes something only where the bit is one. What it returns is not to be read elsewhere.
    pub fn when(&mut self, bit: Cell, body: impl FnOnce(&mut Self)) {
        self.not(bit);
        let from = self.here();
        body(self);
        let over = self.here() - from;
        let at = usize::try_from(from).expect("a program is short") - 1;
        self.steps[at].instruction.leaps = [F::ONE, F::from_u32(over), F::ZERO];
    }

    /// Executes something once for each frame, with what the frame before left, until it says zero. Returns what the last
    /// frame left.
    pub fn repeat<const N: usize>(
        &mut self,
        first: [Cell; N],
        body: impl FnOnce(&mut Self, [Cell; N]) -> ([Cell; N], Cell),
    ) -> [Cell; N] {
        assert!(!self.is_in_loop, "no loop is in another");
        let carried: [Cell; N] = first.map(|_| {
            self.carried += 1;
            Cell { place: CARRIED + self.carried, is_own: true }
        });
        self.leave(first, carried);
        self.number(1);
        self.last().instruction.leaps = [F::ONE, F::ZERO, F::ONE];
        let begin = self.here();
        self.is_in_loop = true;
        let (left, again) = body(self, carried);
        self.leave(left, carried);
        self.copy(again);
        let back = i64::from(self.here()) - i64::from(begin);
        self.last().instruction.leaps = [F::ONE, felt(-back), F::ONE];
        self.is_in_loop = false;
        carried.map(|cell| {
            let left = self.gate(None, Some(cell), [0, 1, 0]);
            self.last().instruction.right[4] = F::ONE;
            left
        })
    }

    /// Writes cells for the next frame.
    fn leave<const N: usize>(&mut self, cells: [Cell; N], carried: [Cell; N]) {
        for (cell, carried) in cells.into_iter().zip(carried) {
            self.copy(cell);
            self.last().instruction.out = [F::ONE, F::ZERO, F::ONE, F::from_u32(carried.place)];
        }
    }

    /// Tells other tables what these cells hold.
    fn call(&mut self, call: Call, cells: &[Element]) -> Vec<Cell> {
        assert_eq!(cells.len(), call.length(), "{call:?} is whole");
        let cells = cells.iter().map(|cell| match cell {
            Element::New => self.next(),
            Element::Number(number) => self.number(i64::try_from(*number).expect("a small number")),
            Element::Known(cell) => self.copy(*cell),
        });
        let cells = cells.collect();
        self.say(call);
        cells
    }

    /// Tells other tables what was written last.
    fn say(&mut self, call: Call) {
        self.number(0);
        let number = F::from_usize(call.number());
        let last = &mut self.last().instruction;
        (last.calls, last.touches) = ([F::ONE, number], F::from_bool(call.touches()));
    }

    /// Hashes elements. Returns them and their digest.
    pub fn hash(&mut self, domain: Domain, elements: &[Element]) -> (Vec<Cell>, Quad) {
        let name = self.word(None, Hint::Name);
        let length = Element::Number(u64::try_from(elements.len()).expect("few elements"));
        let mut cells = Vec::new();
        let last = elements.len().div_ceil(4) - 1;
        for (index, block) in elements.chunks(4).enumerate() {
            let offset = i64::try_from(index).expect("few blocks");
            let named = self.scaled(name, 1, offset);
            let mut said = vec![Element::Known(named)];
            if index == 0 {
                said.extend([Element::Number(domain.number()), length]);
            }
            let before = said.len();
            said.extend(block);
            said.resize(before + 4, Element::Number(0));
            let call = if index == 0 { Call::First } else { Call::Next };
            cells.extend(&self.call(call, &said)[before..before + block.len()]);
        }
        let named = i64::try_from(last).expect("few blocks");
        let digest = self.digest(name, named);
        (cells, digest)
    }

    /// Takes the digest of a sponge whose last block is so many after a name.
    fn digest(&mut self, name: Cell, last: i64) -> Quad {
        self.scaled(name, 1, last);
        let digest = std::array::from_fn(|cell| self.word(None, Hint::Digest(cell)));
        self.say(Call::Digest);
        digest
    }

    /// Demands that the first number in halves is at least the second, or above it.
    pub fn compare(&mut self, first: [Cell; 2], second: [Cell; 2], above: bool) {
        let mut cells: Vec<Element> = first.into_iter().chain(second).map(Element::Known).collect();
        cells.push(Element::Number(above.into()));
        self.call(Call::Compare, &cells);
    }

    /// Demands that a key signed a digest.
    pub fn signed(&mut self, key: &[Cell], digest: &Quad) {
        let cells: Vec<Element> = key.iter().chain(digest).copied().map(Element::Known).collect();
        self.call(Call::Signed, &cells);
    }

    /// Demands that a cell is an amount: below 2^62.
    pub fn amount(&mut self, cell: Cell) {
        let (zero, one) = (Element::Number(0), Element::Number(1));
        self.call(Call::Divide, &[Element::Known(cell), zero, one, zero, one, Element::Known(cell)]);
    }

    /// Asks for a product by a divisor, rounded down.
    pub fn divide(&mut self, cells: &[Element]) {
        self.call(Call::Divide, cells);
    }

    /// Hashes a list of elements whose length is the prover's word, and writes them as an array with zeros behind them.
    /// Returns the array, the length and the digest. It has five elements at least.
    pub fn stream(&mut self, domain: Domain) -> (Array, Cell, Quad) {
        let array = self.array();
        let length = self.next();
        let name = self.word(None, Hint::Name);
        let mut said = vec![Element::Known(name), Element::Number(domain.number()), Element::Known(length)];
        said.extend([Element::New; 4]);
        let cells = self.call(Call::First, &said);
        let (zero, four) = (self.number(0), self.number(4));
        self.store(&array, zero, &cells[3..]);
        let [name, end] = self.repeat([name, four], |code, [name, index]| {
            let name = code.scaled(name, 1, 1);
            let cells = code.call(Call::Next, &[&[Element::Known(name)][..], &[Element::New; 4]].concat());
            code.store(&array, index, &cells[1..]);
            let index = code.scaled(index, 1, 4);
            let again = code.bit();
            ([name, index], again)
        });
        let digest = self.digest(name, 0);
        self.store(&array, end, &[zero; BEHIND]);
        // It ends in its last block, and zeros fill that: no two lists of blocks stand for one list.
        let over = self.difference(end, length);
        let mut product = over;
        for fewer in 1..4 {
            let next = self.scaled(over, 1, -fewer);
            product = self.product(product, next);
        }
        self.last().instruction.zero = F::ONE;
        for shift in 0..3 {
            self.load(array, length, shift);
            self.last().instruction.zero = F::ONE;
        }
        (array, length, digest)
    }

    /// Returns an array to which nothing was written.
    pub fn array(&mut self) -> Array {
        self.carried += 1;
        Array(CARRIED + self.carried)
    }

    /// Writes cells to an array from an index on, where nothing was written before: the prover could choose among two.
    pub fn store(&mut self, array: &Array, index: Cell, cells: &[Cell]) {
        for (shift, cell) in cells.iter().enumerate() {
            self.gate(Some(*cell), Some(index), [1, 0, 0]);
            self.last().instruction.out = [F::ZERO, F::ONE, F::from_usize(shift), F::from_u32(array.0)];
        }
    }

    /// Returns elements of an array, from so many after an index on.
    pub fn load_all<const N: usize>(&mut self, array: Array, index: Cell, shift: u8) -> [Cell; N] {
        let mut shifts = shift..;
        std::array::from_fn(|_| self.load(array, index, shifts.next().expect("a short way")))
    }

    /// Returns an element of an array, so many after an index.
    pub fn load(&mut self, array: Array, index: Cell, shift: u8) -> Cell {
        let cell = self.gate(Some(index), None, [0, 1, 0]);
        self.last().instruction.right = [F::ONE, F::ZERO, F::from_u32(array.0), F::ONE, F::from_u8(shift)];
        cell
    }

    /// Returns the entry's time in halves.
    pub fn time(&mut self) -> [Cell; 2] {
        let cells = self.call(Call::Time, &[Element::New; 2]);
        [cells[0], cells[1]]
    }

    /// Takes who asked for what: the id, the account, and the digest of what is asked; and one with a keeper's authority.
    pub fn asked(&mut self) -> ([Quad; 3], Cell) {
        let cells = self.call(Call::Asked, &[Element::New; 13]);
        let quads = std::array::from_fn(|index| std::array::from_fn(|cell| cells[4 * index + cell]));
        (quads, cells[12])
    }

    /// Answers for the entry, and ends the run.
    pub fn answer(&mut self, action: u8, id: Quad, code: Cell) {
        let mut cells = vec![Element::Number(action.into())];
        cells.extend(id.into_iter().chain([code]).map(Element::Known));
        self.call(Call::Answer, &cells);
        self.last().instruction.halts = F::ONE;
    }

    /// Debits or credits a balance or a supply, where the bit says that it can be done.
    pub fn post(&mut self, (kind, key): (u8, &[Cell]), amount: Element, credit: bool, done: Element) {
        let mut cells = keyed(kind, key);
        cells.extend([amount, Element::Number(credit.into()), done]);
        self.call(Call::Post, &cells);
    }

    /// Replaces a record: its digest, and one if it is there.
    pub fn record(&mut self, (kind, key): (u8, &[Cell]), before: (Quad, Cell), after: (Quad, Cell)) {
        let mut cells = keyed(kind, key);
        for (digest, there) in [before, after] {
            cells.extend(digest.into_iter().chain([there]).map(Element::Known));
        }
        self.call(Call::Record, &cells);
    }
}

/// Returns a kind and a key's eight cells.
fn keyed(kind: u8, key: &[Cell]) -> Vec<Element> {
    let mut cells = vec![Element::Number(kind.into())];
    cells.extend(key.iter().copied().map(Element::Known));
    cells.resize(9, Element::Number(0));
    cells
}

fn felt(number: i64) -> F {
    if number < 0 { -F::from_u64(number.unsigned_abs()) } else { F::from_u64(number.unsigned_abs()) }
}
