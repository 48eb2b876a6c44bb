//! What is committed and opened of a table, and its check as a formula.

use super::formula::{Builder, Formula, Value, interpolate};
use p3_air::symbolic::{AirLayout, BaseEntry, BaseLeaf, ExtEntry, ExtLeaf, SymbolicExpr, SymbolicExpressionExt};
use p3_air::{BaseAir, SymbolicExpression};
use p3_batch_stark::symbolic::{get_constraint_layout, get_log_num_quotient_chunks, get_symbolic_constraints};
use p3_field::{Field as _, PrimeCharacteristicRing as _, TwoAdicField as _};
use p3_lookup::{LogUpGadget, Lookup};
use p3_matrix::Matrix as _;
use proof::circuit::{F, Table};
use proof::validity::{Challenge, LOG_HEIGHT};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Elements of a challenge.
pub const DIMENSION: usize = 3;

/// Registers that every formula begins with.
mod first {
    /// The extension field's `x`.
    pub const X: usize = 0;
    /// Its square.
    pub const X_SQUARED: usize = 1;
    /// The challenge of the messages' buses.
    pub const BUS: usize = 3;
    /// The challenge of the messages' elements.
    pub const MESSAGE: usize = 4;
    /// What is one in the first row.
    pub const IS_FIRST: usize = 5;
    /// What is one in the last row.
    pub const IS_LAST: usize = 6;
    /// What is zero in the last row only.
    pub const IS_TRANSITION: usize = 7;
    /// The polynomial that vanishes on the table's rows.
    pub const VANISHING: usize = 8;
    /// The point's power by the table's height, over the same power of the quotient's shift.
    pub const COSET: usize = 9;
    /// The point's powers whose periods are those of periodic columns.
    pub const PERIODS: usize = 10;
}

/// What a table commits to and opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The binary logarithm of its height, if it has but one.
    pub fixed: Option<usize>,
    /// Columns of its trace.
    pub width: usize,
    /// Whether the trace is opened at the next row too.
    pub is_next_read: bool,
    /// Columns that are the same in every proof.
    pub preprocessed: usize,
    /// Whether these are opened at the next row too.
    pub is_preprocessed_next_read: bool,
    /// Columns of its buses, in the extension field.
    pub buses: usize,
    /// Parts of its quotient.
    pub chunks: usize,
    /// Public values.
    pub publics: usize,
    /// Binary logarithms of its periodic columns' periods, each once, ascending.
    pub periods: Vec<usize>,
}

impl Shape {
    /// Returns the shape of a table with some buses.
    pub fn of(table: Table, lookups: &[Lookup<F>]) -> Self {
        let log2 = |length: usize| usize::try_from(length.ilog2()).expect("small");
        let mut periods: Vec<usize> =
            BaseAir::<F>::periodic_columns(&table).iter().map(|column| log2(column.len())).collect();
        periods.sort_unstable();
        periods.dedup();
        let layout = AirLayout::from_air::<F>(&table);
        let gadget = LogUpGadget::new();
        let rows = 1 << LOG_HEIGHT;
        Self {
            fixed: BaseAir::<F>::preprocessed_trace(&table).map(|trace| log2(trace.height())),
            width: BaseAir::<F>::width(&table),
            is_next_read: !BaseAir::<F>::main_next_row_columns(&table).is_empty(),
            preprocessed: BaseAir::<F>::preprocessed_width(&table),
            is_preprocessed_next_read: !BaseAir::<F>::preprocessed_next_row_columns(&table).is_empty(),
            buses: if lookups.is_empty() { 0 } else { lookups.len() + 1 },
            chunks: 1 << get_log_num_quotient_chunks::<F, Challenge, _, _>(&table, layout, rows, lookups, 0, &gadget),
            publics: BaseAir::<F>::num_public_values(&table),
            periods,
        }
    }

    /// Returns the first register of each section behind those that every formula has, and their end.
    fn sections(&self) -> Sections {
        let mut next = first::PERIODS + self.periods.len();
        let mut section = |length: usize| {
            let start = next;
            next += length;
            start
        };
        Sections {
            main: section(self.width),
            main_next: section(if self.is_next_read { self.width } else { 0 }),
            preprocessed: section(self.preprocessed),
            preprocessed_next: section(if self.is_preprocessed_next_read { self.preprocessed } else { 0 }),
            buses: section(DIMENSION * self.buses),
            buses_next: section(DIMENSION * self.buses),
            chunks: section(DIMENSION * self.chunks),
            terminal: section(usize::from(self.buses > 0)),
            publics: section(self.publics),
            end: next,
        }
    }
}

/// Where a table's opened values are among the registers.
struct Sections {
    main: usize,
    main_next: usize,
    preprocessed: usize,
    preprocessed_next: usize,
    buses: usize,
    buses_next: usize,
    chunks: usize,
    terminal: usize,
    publics: usize,
    end: usize,
}

/// Which bus each message of a table is on, of all tables; and the most elements of a message.
pub struct Buses {
    /// The numbers of the buses, for each table and each of its columns.
    pub numbers: Vec<Vec<usize>>,
    /// The most elements of a message.
    pub width: usize,
}

impl Buses {
    /// Numbers the buses in the order in which the tables name them, as the proof system does.
    pub fn of<'a>(tables: &[&'a [Lookup<F>]]) -> Self {
        let mut known: BTreeMap<&'a str, usize> = BTreeMap::new();
        let (mut next, mut width) = (0, 1);
        let mut number = |lookup: &'a Lookup<F>| {
            let Lookup { kind, elements, .. } = lookup;
            width = elements.iter().map(Vec::len).fold(width, usize::max);
            let fresh = next;
            let number = match kind {
                p3_lookup::Kind::Global(name) => *known.entry(name.as_str()).or_insert(fresh),
                p3_lookup::Kind::Local => fresh,
            };
            next += usize::from(number == fresh);
            number
        };
        let numbers = tables.iter().map(|lookups| lookups.iter().map(&mut number).collect::<Vec<_>>()).collect();
        Self { numbers, width }
    }
}

/// Returns the formula that checks a table.
pub fn formula(table: Table, shape: &Shape, lookups: &[Lookup<F>], buses: &[usize], message: usize) -> Formula {
    let sections = shape.sections();
    let publics = sections.publics..sections.end;
    let builder = Builder::new(sections.end, |register| publics.contains(&register));
    let mut check =
        Check { builder, shape, sections, challenges: Vec::new(), periodic: Vec::new(), known: BTreeMap::new() };
    check.challenges = check.challenges(buses, message);
    check.periodic = check.periodic(table);
    let (layout, gadget) = (AirLayout::from_air::<F>(&table), LogUpGadget::new());
    let (base, extension) = get_symbolic_constraints::<F, Challenge, _, _>(&table, layout, lookups, &gadget);
    let order = get_constraint_layout::<F, Challenge, _, _>(&table, layout, lookups, &gadget);
    let mut folded = BTreeMap::new();
    for (index, constraint) in order.base_indices.iter().zip(&base) {
        folded.insert(*index, check.base(constraint));
    }
    for (index, constraint) in order.ext_indices.iter().zip(&extension) {
        folded.insert(*index, check.extension(constraint));
    }
    let folded: Vec<Value> = folded.into_values().collect();
    let expected = check.expected();
    check.builder.finish(&folded, expected)
}

/// The translation of one table's constraints.
struct Check<'a> {
    builder: Builder,
    shape: &'a Shape,
    sections: Sections,
    challenges: Vec<Value>,
    periodic: Vec<Value>,
    /// Values of expressions that are shared, by their addresses: the constraints outlive the translation.
    known: BTreeMap<usize, Value>,
}

impl Check<'_> {
    /// Returns for each column of the buses the challenge of its bus and that of the messages' elements.
    fn challenges(&mut self, buses: &[usize], message: usize) -> Vec<Value> {
        let (bus, element) = (self.builder.input(first::BUS), self.builder.input(first::MESSAGE));
        let gamma = self.builder.power(element, message);
        let mut challenges = Vec::new();
        for number in buses {
            let term = self.builder.times(gamma, F::from_usize(number + 1));
            challenges.extend([self.builder.add(bus, term), element]);
        }
        challenges
    }

    /// Returns the values of the periodic columns.
    fn periodic(&mut self, table: Table) -> Vec<Value> {
        let mut values = Vec::new();
        let mut powers: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
        for column in BaseAir::<F>::periodic_columns(&table).iter() {
            let log = usize::try_from(column.len().ilog2()).expect("small");
            let place = self.shape.periods.iter().position(|period| *period == log).expect("its period is listed");
            let point = self.builder.input(first::PERIODS + place);
            let powers = powers.entry(log).or_insert_with(|| {
                let one = self.builder.constant(F::ONE);
                let mut powers = vec![one];
                for index in 1..column.len() {
                    powers.push(self.builder.mul(powers[index - 1], point));
                }
                powers
            });
            let mut sum = self.builder.constant(F::ZERO);
            for (coefficient, power) in interpolate(column).into_iter().zip(powers) {
                let term = self.builder.times(*power, coefficient);
                sum = self.builder.add(sum, term);
            }
            values.push(sum);
        }
        values
    }

    /// Returns what three opened coefficients of an extension's column are together.
    fn column(&mut self, start: usize) -> Value {
        let [one, two] = [first::X, first::X_SQUARED].map(|register| self.builder.input(register));
        let second = self.builder.mul(self.builder.input(start + 1), one);
        let third = self.builder.mul(self.builder.input(start + 2), two);
        let sum = self.builder.add(self.builder.input(start), second);
        self.builder.add(sum, third)
    }

    /// Returns what the folded constraints have to be: the quotient, put together from its parts, times the polynomial
    /// that vanishes on the rows. The parts are the quotient on the cosets of the roots of unity, so that the sum is an
    /// interpolation over these.
    fn expected(&mut self) -> Value {
        let chunks = self.shape.chunks;
        let root = F::two_adic_generator(usize::try_from(chunks.ilog2()).expect("small")).inverse();
        let scale = F::from_usize(chunks).inverse();
        let parts: Vec<Value> =
            (0..chunks).map(|chunk| self.column(self.sections.chunks + DIMENSION * chunk)).collect();
        let point = self.builder.input(first::COSET);
        let mut quotient = self.builder.constant(F::ZERO);
        for k in (0..chunks).rev() {
            let mut coefficient = self.builder.constant(F::ZERO);
            for (index, part) in parts.iter().enumerate() {
                let power = root.exp_u64(u64::try_from(index * k).expect("small"));
                let term = self.builder.times(*part, power * scale);
                coefficient = self.builder.add(coefficient, term);
            }
            let above = self.builder.mul(quotient, point);
            quotient = self.builder.add(above, coefficient);
        }
        let vanishing = self.builder.input(first::VANISHING);
        self.builder.mul(quotient, vanishing)
    }

    fn base(&mut self, expression: &SymbolicExpression<F>) -> Value {
        match expression {
            SymbolicExpr::Leaf(leaf) => self.base_leaf(leaf),
            SymbolicExpr::Add { x, y, .. } => self.both(x, y, Self::base, Builder::add),
            SymbolicExpr::Sub { x, y, .. } => self.both(x, y, Self::base, Builder::sub),
            SymbolicExpr::Mul { x, y, .. } => self.both(x, y, Self::base, Builder::mul),
            SymbolicExpr::Neg { x, .. } => {
                let x = self.shared(x, Self::base);
                let zero = self.builder.constant(F::ZERO);
                self.builder.sub(zero, x)
            }
        }
    }

    fn extension(&mut self, expression: &SymbolicExpressionExt<F, Challenge>) -> Value {
        match expression {
            SymbolicExpr::Leaf(ExtLeaf::Base(base)) => self.base(base),
            SymbolicExpr::Leaf(ExtLeaf::ExtVariable(variable)) => match variable.entry {
                ExtEntry::Permutation { offset: 0 } => self.column(self.sections.buses + DIMENSION * variable.index),
                ExtEntry::Permutation { .. } => self.column(self.sections.buses_next + DIMENSION * variable.index),
                ExtEntry::Challenge => self.challenges[variable.index],
                ExtEntry::PermutationValue => self.builder.input(self.sections.terminal),
            },
            SymbolicExpr::Leaf(ExtLeaf::ExtConstant(constant)) => self.extension_constant(constant),
            SymbolicExpr::Add { x, y, .. } => self.both(x, y, Self::extension, Builder::add),
            SymbolicExpr::Sub { x, y, .. } => self.both(x, y, Self::extension, Builder::sub),
            SymbolicExpr::Mul { x, y, .. } => self.both(x, y, Self::extension, Builder::mul),
            SymbolicExpr::Neg { x, .. } => {
                let x = self.shared(x, Self::extension);
                let zero = self.builder.constant(F::ZERO);
                self.builder.sub(zero, x)
            }
        }
    }

    fn extension_constant(&mut self, constant: &Challenge) -> Value {
        use p3_field::BasedVectorSpace as _;
        let [one, two] = [first::X, first::X_SQUARED].map(|register| self.builder.input(register));
        let coefficients: &[F] = constant.as_basis_coefficients_slice();
        let second = self.builder.times(one, coefficients[1]);
        let third = self.builder.times(two, coefficients[2]);
        let sum = self.builder.constant(coefficients[0]);
        let sum = self.builder.add(sum, second);
        self.builder.add(sum, third)
    }

    fn base_leaf(&mut self, leaf: &BaseLeaf<F>) -> Value {
        let register = match leaf {
            BaseLeaf::Constant(constant) => return self.builder.constant(*constant),
            BaseLeaf::IsFirstRow => first::IS_FIRST,
            BaseLeaf::IsLastRow => first::IS_LAST,
            BaseLeaf::IsTransition => first::IS_TRANSITION,
            BaseLeaf::Variable(variable) => match variable.entry {
                BaseEntry::Main { offset: 0 } => self.sections.main + variable.index,
                BaseEntry::Main { .. } => {
                    assert!(self.shape.is_next_read, "a table that reads its next row says so");
                    self.sections.main_next + variable.index
                }
                BaseEntry::Preprocessed { offset: 0 } => self.sections.preprocessed + variable.index,
                BaseEntry::Preprocessed { .. } => {
                    assert!(self.shape.is_preprocessed_next_read, "a table that reads its next row says so");
                    self.sections.preprocessed_next + variable.index
                }
                BaseEntry::Public => self.sections.publics + variable.index,
                BaseEntry::Periodic => return self.periodic[variable.index],
            },
        };
        self.builder.input(register)
    }

    /// Translates two expressions and joins their values.
    fn both<E>(
        &mut self,
        x: &Arc<E>,
        y: &Arc<E>,
        translate: impl Fn(&mut Self, &E) -> Value + Copy,
        join: impl Fn(&mut Builder, Value, Value) -> Value,
    ) -> Value {
        let x = self.shared(x, translate);
        let y = self.shared(y, translate);
        join(&mut self.builder, x, y)
    }

    /// Translates an expression that may be part of several, once.
    fn shared<E>(&mut self, expression: &Arc<E>, translate: impl Fn(&mut Self, &E) -> Value) -> Value {
        let address = Arc::as_ptr(expression).addr();
        if let Some(value) = self.known.get(&address) {
            return *value;
        }
        let value = translate(self, expression);
        self.known.insert(address, value);
        value
    }
}

/// What a formula is run on, without the constants.
#[cfg(test)]
pub struct Inputs {
    /// Of the constraints, the buses and the messages' elements.
    pub challenges: [Challenge; 3],
    /// Where the table is opened.
    pub point: Challenge,
    /// The binary logarithm of its height.
    pub log_height: usize,
    /// The opened values, the terminal and the public values.
    pub values: Vec<Challenge>,
}

/// Runs a formula as the contract does, and returns what has to be zero.
#[cfg(test)]
pub fn run(shape: &Shape, formula: &Formula, inputs: &Inputs) -> Challenge {
    use super::formula::Code;
    use p3_field::BasedVectorSpace;
    let Inputs { challenges, point, log_height, values } = inputs;
    let unit = |place: usize| Challenge::from_basis_coefficients_fn(|index| F::from_bool(index == place));
    let power = point.exp_power_of_2(*log_height);
    let last = F::two_adic_generator(*log_height).inverse();
    let vanishing = power - F::ONE;
    let shift = F::GENERATOR.exp_power_of_2(*log_height).inverse();
    let mut registers = vec![unit(1), unit(2)];
    registers.extend(challenges);
    registers.extend([vanishing / (*point - F::ONE), vanishing / (*point - last), *point - last]);
    registers.extend([vanishing, power * shift]);
    registers.extend(shape.periods.iter().map(|period| point.exp_power_of_2(log_height - period)));
    registers.extend(values);
    assert_eq!(registers.len(), shape.sections().end);
    registers.extend(formula.constants.iter().map(|constant| Challenge::from_u64(*constant)));
    for group in &formula.groups {
        let mut folded = Challenge::ZERO;
        for operands in &group.operands {
            let [x, y] = operands.map(|register| registers[usize::from(register)]);
            match group.code {
                Code::Add => registers.push(x + y),
                Code::Sub => registers.push(x - y),
                Code::Mul => registers.push(x * y),
                Code::Scale => {
                    let [scale, rest @ ..] = <Challenge as BasedVectorSpace<F>>::as_basis_coefficients_slice(&y) else {
                        unreachable!("an element has coefficients");
                    };
                    assert_eq!(rest, [F::ZERO; 2]);
                    registers.push(x * *scale);
                }
                Code::Reduce => registers.push(x),
                Code::Fold => folded = folded * challenges[0] + x,
            }
        }
        if group.code == Code::Fold {
            registers.push(folded);
        }
    }
    registers.pop().expect("a formula has instructions")
}
