//! The formulas beside the native verifier's evaluation, which they have to equal wherever a table is opened. Openings of a
//! real batch would leave most columns zero: these are random.

use super::Key;
use super::table::{Buses, DIMENSION, Inputs, run};
use p3_air::{BaseAir, RowWindow};
use p3_batch_stark::folder::VerifierConstraintFolderWithLookups;
use p3_commit::{PeriodicColumns, PolynomialSpace};
use p3_field::coset::TwoAdicMultiplicativeCoset;
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing as _};
use p3_lookup::{LogUpGadget, Lookup, LookupProtocol as _};
use p3_matrix::dense::RowMajorMatrixView;
use p3_matrix::stack::VerticalPair;
use p3_uni_stark::{VerifierConstraintFolder, recompose_quotient_from_chunks};
use proof::circuit::{F, Table};
use proof::validity::{Challenge, Config, LOG_HEIGHT, data};

/// Numbers that look random, the same ones every time (Marsaglia, Xorshift RNGs, 2003).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> F {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        F::from_u64(self.0)
    }

    fn challenge(&mut self) -> Challenge {
        Challenge::from_basis_coefficients_fn(|_| self.next())
    }

    fn row(&mut self, width: usize) -> Vec<Challenge> {
        (0..width).map(|_| self.challenge()).collect()
    }
}

/// Puts coefficients together that are opened one by one.
fn together(coefficients: &[Challenge]) -> Vec<Challenge> {
    let unit = |place: usize| Challenge::from_basis_coefficients_fn(|index| F::from_bool(index == place));
    let whole = |parts: &[Challenge]| parts.iter().enumerate().map(|(place, part)| *part * unit(place)).sum();
    coefficients.chunks(DIMENSION).map(whole).collect()
}

#[test]
fn every_formula_is_what_the_native_verifier_computes_at_random_openings() {
    let (key, data) = (Key::new(), data(LOG_HEIGHT));
    let lookups: Vec<&[Lookup<F>]> = data.common.lookups.iter().map(|lookups| &lookups[..]).collect();
    let buses = Buses::of(&lookups);
    let mut numbers = Numbers(7);
    for turn in 0..4 {
        for (index, table) in Table::ALL.into_iter().enumerate() {
            let (shape, log_height) = (&key.shapes[index], table.fixed_log_height().unwrap_or(LOG_HEIGHT));
            let [alpha, bus, element, point] = [(); 4].map(|()| numbers.challenge());
            let next = |is_read: bool, width: usize| if is_read { width } else { 0 };
            let main = [shape.width, next(shape.is_next_read, shape.width)].map(|width| numbers.row(width));
            let fixed = [shape.preprocessed, next(shape.is_preprocessed_next_read, shape.preprocessed)]
                .map(|width| numbers.row(width));
            let on_buses = [(); 2].map(|()| numbers.row(DIMENSION * shape.buses));
            let chunks = numbers.row(DIMENSION * shape.chunks);
            let terminals = numbers.row(usize::from(shape.buses > 0));
            let publics: Vec<F> = (0..shape.publics).map(|_| numbers.next()).collect();

            let mut values = [&main[..], &fixed, &on_buses, &[chunks.clone(), terminals.clone()]].concat().concat();
            values.extend(publics.iter().map(|value| Challenge::from(*value)));
            let inputs = Inputs { challenges: [alpha, bus, element], point, log_height, values };
            let formula = run(shape, &key.formulas[index], &inputs);

            let gamma = (0..buses.width).fold(Challenge::ONE, |power, _| power * element);
            let of_bus = |number: &usize| [bus + gamma * F::from_usize(number + 1), element];
            let challenges: Vec<Challenge> = buses.numbers[index].iter().flat_map(of_bus).collect();
            let domain = TwoAdicMultiplicativeCoset::new(F::ONE, log_height).unwrap();
            let periodic = periodic(table, &domain, point);
            // Where the next row is not opened, it is zero.
            let whole = |[row, next]: [Vec<Challenge>; 2]| {
                let next = if next.is_empty() { vec![Challenge::ZERO; row.len()] } else { next };
                [row, next]
            };
            let (main, fixed) = (whole(main), whole(fixed));
            let on_buses = on_buses.map(|row| together(&row));
            let selectors = domain.selectors_at_point(point);
            let mut folder: VerifierConstraintFolderWithLookups<'_, Config> = VerifierConstraintFolderWithLookups {
                inner: VerifierConstraintFolder {
                    main: rows(&main),
                    preprocessed: rows(&fixed),
                    preprocessed_window: RowWindow::from_two_rows(&fixed[0], &fixed[1]),
                    periodic_values: &periodic,
                    public_values: &publics,
                    is_first_row: selectors.is_first_row,
                    is_last_row: selectors.is_last_row,
                    is_transition: selectors.is_transition,
                    alpha,
                    accumulator: Challenge::ZERO,
                },
                permutation: rows(&on_buses),
                permutation_challenges: &challenges,
                permutation_values: &terminals,
            };
            LogUpGadget::new().eval_air_and_lookups(&table, &mut folder, lookups[index]);
            let quotients = domain.create_disjoint_domain(shape.chunks << log_height).split_domains(shape.chunks);
            let chunks: Vec<Vec<Challenge>> = chunks.chunks(DIMENSION).map(<[Challenge]>::to_vec).collect();
            let quotient = recompose_quotient_from_chunks::<Config>(&quotients, &chunks, point);
            let native = folder.inner.accumulator - quotient * domain.vanishing_poly_at_point(point);
            assert_eq!(formula, native, "{table:?}, turn {turn}");
        }
    }
}

fn rows(
    rows: &[Vec<Challenge>; 2],
) -> VerticalPair<RowMajorMatrixView<'_, Challenge>, RowMajorMatrixView<'_, Challenge>> {
    VerticalPair::new(RowMajorMatrixView::new_row(&rows[0]), RowMajorMatrixView::new_row(&rows[1]))
}

/// Evaluates the periodic columns, which repeat over the rows.
fn periodic(table: Table, domain: &TwoAdicMultiplicativeCoset<F>, point: Challenge) -> Vec<Challenge> {
    let declared = BaseAir::<F>::periodic_columns(&table);
    let columns = PeriodicColumns::new(&declared, domain.size()).unwrap();
    domain.evaluate_periodic_columns_at(columns, point)
}
