//! Evaluates a table's rows one by one: which constraints fail, and what is said on the buses.

use p3_air::{Air as _, AirBuilder, BaseAir, RowWindow, WindowAccess as _};
use p3_field::PrimeCharacteristicRing as _;
use p3_lookup::{Count, InteractionBuilder};
use p3_matrix::dense::RowMajorMatrix;
use proof::circuit::{F, Table};
use proof::validity::Statement;
use prover::Traces;
use std::collections::BTreeMap;

/// What is said on a channel of buses: its name and the message.
pub type Message = (String, Vec<F>);

/// A row under evaluation.
struct Row<'a> {
    main: RowWindow<'a, F>,
    preprocessed: RowWindow<'a, F>,
    periodic: Vec<F>,
    public: &'a [F],
    number: usize,
    height: usize,
    constraints: usize,
    failed: Vec<usize>,
    said: BTreeMap<Message, F>,
    messages: usize,
    spoken: Vec<usize>,
}

impl<'a> AirBuilder for Row<'a> {
    type F = F;
    type Expr = F;
    type Var = F;
    type PreprocessedWindow = RowWindow<'a, F>;
    type MainWindow = RowWindow<'a, F>;
    type PublicVar = F;
    type PeriodicVar = F;

    fn main(&self) -> RowWindow<'a, F> {
        self.main
    }
    fn preprocessed(&self) -> &RowWindow<'a, F> {
        &self.preprocessed
    }
    fn is_first_row(&self) -> F {
        F::from_bool(self.number == 0)
    }
    fn is_last_row(&self) -> F {
        F::from_bool(self.number + 1 == self.height)
    }
    fn is_transition(&self) -> F {
        F::from_bool(self.number + 1 != self.height)
    }
    fn public_values(&self) -> &[F] {
        self.public
    }
    fn periodic_values(&self) -> &[F] {
        &self.periodic
    }
    fn assert_zero<I: Into<F>>(&mut self, value: I) {
        if value.into() != F::ZERO {
            self.failed.push(self.constraints);
        }
        self.constraints += 1;
    }
}

impl InteractionBuilder for Row<'_> {
    fn push_interaction<E: Into<F>>(
        &mut self,
        channel: &str,
        fields: impl IntoIterator<Item = E>,
        count: impl Into<Count<F>>,
    ) {
        let (count, _) = count.into().into_parts();
        self.messages += 1;
        if count != F::ZERO {
            self.spoken.push(self.messages - 1);
            let message = (channel.to_owned(), fields.into_iter().map(Into::into).collect());
            *self.said.entry(message).or_default() += count;
        }
    }
    fn push_local_interaction(&mut self, _: impl IntoIterator<Item = (Vec<F>, Count<F>)>) {
        unreachable!("no table talks to itself");
    }
}

/// A table with its rows.
pub struct Rows {
    table: Table,
    public: Vec<F>,
    preprocessed: RowMajorMatrix<F>,
    periodic: Vec<Vec<F>>,
    pub cells: RowMajorMatrix<F>,
}

/// What evaluating a row gave.
#[derive(PartialEq, Eq)]
pub struct Evaluated {
    pub failed: Vec<usize>,
    pub said: BTreeMap<Message, F>,
    /// How many constraints there are.
    pub constraints: usize,
    /// How many messages there are, and which of them the row says.
    pub messages: usize,
    pub spoken: Vec<usize>,
}

impl Rows {
    pub fn of(statement: &Statement, traces: &Traces) -> Vec<Self> {
        let tables = Table::ALL.iter().zip(&traces.tables).zip(statement.public_values(&traces.crossed));
        tables
            .map(|((table, cells), public)| Self {
                table: *table,
                public,
                preprocessed: BaseAir::<F>::preprocessed_trace(table).unwrap_or(RowMajorMatrix::new(Vec::new(), 1)),
                periodic: table.periodic_columns().into_owned(),
                cells: cells.clone(),
            })
            .collect()
    }

    pub fn table(&self) -> Table {
        self.table
    }

    pub fn height(&self) -> usize {
        self.cells.values.len() / self.cells.width
    }

    pub fn evaluate(&self, number: usize) -> Evaluated {
        let window = |matrix: &'_ RowMajorMatrix<F>, number: usize| -> Vec<F> {
            let at = number * matrix.width;
            matrix.values.get(at..at + matrix.width).unwrap_or_default().to_vec()
        };
        let height = self.height();
        let (current, next) = (window(&self.cells, number), window(&self.cells, (number + 1) % height));
        let fixed = window(&self.preprocessed, number);
        let mut row = Row {
            main: RowWindow::from_two_rows(&current, &next),
            preprocessed: RowWindow::from_two_rows(&fixed, &fixed),
            periodic: self.periodic.iter().map(|column| column[number % column.len()]).collect(),
            public: &self.public,
            number,
            height,
            constraints: 0,
            failed: Vec::new(),
            said: BTreeMap::new(),
            messages: 0,
            spoken: Vec::new(),
        };
        assert_eq!(row.main.current_slice().len(), BaseAir::<F>::width(&self.table));
        self.table.eval(&mut row);
        row.said.retain(|_, count| *count != F::ZERO);
        let Row { constraints, failed, said, messages, spoken, .. } = row;
        Evaluated { failed, said, constraints, messages, spoken }
    }
}

/// Returns what is wrong: the first constraint that fails, or a message that is not answered.
pub fn fault(tables: &[Rows]) -> Option<String> {
    let mut balance: BTreeMap<Message, F> = BTreeMap::new();
    for rows in tables {
        for number in 0..rows.height() {
            let evaluated = rows.evaluate(number);
            if let Some(constraint) = evaluated.failed.first() {
                return Some(format!("{:?} row {number}: constraint {constraint}", rows.table));
            }
            for (message, count) in evaluated.said {
                *balance.entry(message).or_default() += count;
            }
        }
    }
    balance.into_iter().find(|(_, count)| *count != F::ZERO).map(|(message, count)| format!("{message:?}: {count}"))
}
