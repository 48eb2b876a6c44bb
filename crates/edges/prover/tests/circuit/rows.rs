//! Evaluates a table's rows one by one: which constraints fail, and what is said on the buses.

use p3_air::{Air as _, AirBuilder, BaseAir, RowWindow, WindowAccess as _};
use p3_field::{PrimeCharacteristicRing as _, PrimeField64 as _};
use p3_lookup::{Count, InteractionBuilder};
use p3_matrix::dense::RowMajorMatrix;
use proof::circuit::{F, Table};
use proof::validity::Statement;
use prover::Traces;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::OnceLock;

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
    said: Said,
    messages: usize,
    spoken: Vec<usize>,
}

/// What rows say on the buses.
enum Said {
    /// Message by message.
    Each(BTreeMap<Message, F>),
    /// As the sum of each message's hash as often as it is said, which is zero when all are answered and hardly ever else.
    Sum([F; 2]),
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
        if count == F::ZERO {
            return;
        }
        let fields = fields.into_iter().map(Into::into);
        match &mut self.said {
            Said::Each(said) => {
                self.spoken.push(self.messages - 1);
                *said.entry((channel.to_owned(), fields.collect())).or_default() += count;
            }
            Said::Sum(sums) => {
                let mut hasher = DefaultHasher::new();
                channel.hash(&mut hasher);
                fields.for_each(|field: F| field.as_canonical_u64().hash(&mut hasher));
                for sum in sums {
                    0u8.hash(&mut hasher);
                    *sum += count * F::from_u64(hasher.finish());
                }
            }
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
    preprocessed: &'static RowMajorMatrix<F>,
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

/// The columns that are the same in every proof, made once.
fn preprocessed(table: Table) -> &'static RowMajorMatrix<F> {
    static MADE: OnceLock<Vec<RowMajorMatrix<F>>> = OnceLock::new();
    let made = |table| BaseAir::<F>::preprocessed_trace(table).unwrap_or(RowMajorMatrix::new(Vec::new(), 1));
    let all = MADE.get_or_init(|| Table::ALL.iter().map(made).collect());
    &all[Table::ALL.iter().position(|one| *one == table).unwrap()]
}

/// Returns a row, or nothing of a table without rows.
fn window(matrix: &RowMajorMatrix<F>, number: usize) -> &[F] {
    let at = number * matrix.width;
    matrix.values.get(at..at + matrix.width).unwrap_or_default()
}

impl Rows {
    pub fn of(statement: &Statement, traces: &Traces) -> Vec<Self> {
        let tables = Table::ALL.iter().zip(&traces.tables).zip(statement.public_values(&traces.crossed));
        tables
            .map(|((table, cells), public)| Self {
                table: *table,
                public,
                preprocessed: preprocessed(*table),
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
        let Row { constraints, failed, said, messages, spoken, .. } = self.row(number, Said::Each(BTreeMap::new()));
        let Said::Each(mut said) = said else { unreachable!("asked for message by message") };
        said.retain(|_, count| *count != F::ZERO);
        Evaluated { failed, said, constraints, messages, spoken }
    }

    /// Evaluates a row; what it says is added to `said`.
    fn row(&self, number: usize, said: Said) -> Row<'_> {
        let height = self.height();
        let fixed = window(self.preprocessed, number);
        let mut row = Row {
            main: RowWindow::from_two_rows(window(&self.cells, number), window(&self.cells, (number + 1) % height)),
            preprocessed: RowWindow::from_two_rows(fixed, fixed),
            periodic: self.periodic.iter().map(|column| column[number % column.len()]).collect(),
            public: &self.public,
            number,
            height,
            constraints: 0,
            failed: Vec::new(),
            said,
            messages: 0,
            spoken: Vec::new(),
        };
        assert_eq!(row.main.current_slice().len(), BaseAir::<F>::width(&self.table));
        self.table.eval(&mut row);
        row
    }
}

/// Returns what is wrong: the first constraint that fails, or a message that is not answered.
pub fn fault(tables: &[Rows]) -> Option<String> {
    let mut sums = [F::ZERO; 2];
    for rows in tables {
        for number in 0..rows.height() {
            let row = rows.row(number, Said::Sum(sums));
            if let Some(constraint) = row.failed.first() {
                return Some(format!("{:?} row {number}: constraint {constraint}", rows.table));
            }
            if let Said::Sum(more) = row.said {
                sums = more;
            }
        }
    }
    if sums == [F::ZERO; 2] {
        return None;
    }
    let mut balance: BTreeMap<Message, F> = BTreeMap::new();
    for (rows, number) in tables.iter().flat_map(|rows| (0..rows.height()).map(move |number| (rows, number))) {
        for (message, count) in rows.evaluate(number).said {
            *balance.entry(message).or_default() += count;
        }
    }
    let open = balance.into_iter().find(|(_, count)| *count != F::ZERO);
    Some(open.map_or("sums differ".into(), |(message, count)| format!("{message:?}: {count}")))
}
