//! How secure a proof is, and what its tables cost.

use p3_air::BaseAir;
use p3_air::symbolic::AirLayout;
use p3_batch_stark::BatchProof;
use p3_batch_stark::security::num_batched_openings;
use p3_batch_stark::symbolic::{get_log_num_quotient_chunks, get_max_constraint_degree, get_symbolic_constraints};
use p3_lookup::{LogUpGadget, Lookup};
use p3_security::fri::FriRegime;
use p3_security::logup::{LogUpAir, fingerprint_error};
use p3_security::shape::InstanceShape;
use p3_uni_stark::{ConjecturedSecurity, OpeningShape, ProvenSecurity, StarkSecurityParams};
use proof::circuit::{F, Table};
use proof::crossing;
use proof::validity::{
    Challenge, Config, LOG_ARITY, LOG_BLOWUP, LOG_FINAL, LOG_HEIGHT, QUERIES, QUERY_WORK_BITS, data, split,
};

/// Bits of the challenges' field.
const CHALLENGE_BITS: usize = 191;
/// Elements of a challenge.
const CHALLENGE_ELEMENTS: usize = 3;
/// Bits of work that finding a collision of Keccak-256 takes.
const COLLISION_BITS: usize = 128;

/// What a table costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The table.
    pub table: Table,
    /// How many rows it has.
    pub rows: usize,
    /// How many columns.
    pub columns: usize,
    /// How many columns of three elements its buses take.
    pub bus_columns: usize,
    /// How many constraints it has, those of its buses among them.
    pub constraints: usize,
    /// The degree of the highest.
    pub degree: usize,
    /// In how many parts its quotient is committed.
    pub quotient_chunks: usize,
}

impl Cost {
    /// Returns how many elements the prover commits to.
    pub fn cells(&self) -> usize {
        self.rows * (self.columns + CHALLENGE_ELEMENTS * (self.bus_columns + self.quotient_chunks))
    }
}

/// Bits of security of a proof with tables of some heights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Security {
    /// Proven, at the Johnson bound: what counts.
    pub proven: usize,
    /// Under the conjecture of random words, which nothing here relies on.
    pub conjectured: usize,
}

/// Returns what the tables cost at heights given by their binary logarithms.
///
/// # Panics
/// When there are not as many heights as tables.
pub fn costs(heights: &[usize]) -> Vec<Cost> {
    assert_eq!(heights.len(), Table::ALL.len(), "every table has a height");
    let data = data(LOG_HEIGHT);
    let tables = Table::ALL.iter().zip(heights).zip(&data.common.lookups);
    tables.map(|((table, height), lookups)| cost(*table, 1 << height, lookups)).collect()
}

fn cost(table: Table, rows: usize, lookups: &[Lookup<F>]) -> Cost {
    let (layout, gadget) = (AirLayout::from_air::<F>(&table), LogUpGadget::new());
    let (base, extension) = get_symbolic_constraints::<F, Challenge, _, _>(&table, layout, lookups, &gadget);
    Cost {
        table,
        rows,
        columns: BaseAir::<F>::width(&table),
        bus_columns: if lookups.is_empty() { 0 } else { lookups.len() + 1 },
        constraints: base.len() + extension.len(),
        degree: get_max_constraint_degree::<F, Challenge, _, _>(&table, layout, rows, lookups, &gadget),
        quotient_chunks: 1
            << get_log_num_quotient_chunks::<F, Challenge, _, _>(&table, layout, rows, lookups, 0, &gadget),
    }
}

/// Returns the security of a proof, by the heights of its tables; `None` of bytes that are no proof.
pub fn security_of(proof: &[u8]) -> Option<Security> {
    let (_, bytes) = split(proof)?;
    let proof: BatchProof<Config> = postcard::from_bytes(bytes).ok()?;
    (proof.degree_bits.len() == Table::ALL.len()).then(|| security(&costs(&proof.degree_bits)))
}

/// Returns the security of a proof with such tables: the weakest of its steps, each of which covers all tables.
pub fn security(costs: &[Cost]) -> Security {
    let opened = |cost: &Cost| {
        let table = &cost.table;
        num_batched_openings(
            cost.columns,
            !BaseAir::<F>::main_next_row_columns(table).is_empty(),
            BaseAir::<F>::preprocessed_width(table),
            false,
            cost.quotient_chunks,
            cost.bus_columns.saturating_sub(1),
            CHALLENGE_ELEMENTS,
            OpeningShape::new(),
        )
    };
    let regime = FriRegime {
        log_blowup: LOG_BLOWUP,
        num_queries: QUERIES,
        log_final_poly_len: LOG_FINAL,
        max_log_arity: LOG_ARITY,
        commit_pow_bits: 0,
        query_pow_bits: QUERY_WORK_BITS,
    };
    let batched = costs.iter().map(opened).sum();
    let params = StarkSecurityParams::new(
        regime,
        CHALLENGE_BITS,
        COLLISION_BITS,
        costs.iter().map(|cost| cost.constraints).sum(),
        costs.iter().map(|cost| cost.degree).max().unwrap_or(0),
        2,
        batched,
        costs.iter().map(|cost| cost.quotient_chunks).max().unwrap_or(0),
    );
    let rows = costs.iter().map(|cost| cost.rows).max().unwrap_or(1);
    let height = usize::try_from(rows.ilog2()).expect("small");
    let shape = InstanceShape {
        log_trace_length: height,
        modulus_bits: CHALLENGE_BITS,
        collision_resistance: COLLISION_BITS,
        num_batched_functions: batched,
    };
    // Every table is taken to be as high as the highest, with messages as wide as the widest.
    let buses = LogUpAir { num_interactions: INTERACTIONS_MAX, max_message_width: MESSAGE_MAX };
    // What crosses is bound by points of its own, beside the proof.
    let lookups = fingerprint_error(&buses, &shape).floor().min(crossing::BITS);
    Security {
        proven: lookups.min(ProvenSecurity::compute_from_proof(height, &params).list_decoding_bits),
        conjectured: lookups.min(ConjecturedSecurity::compute_from_params(&params, height).security_bits),
    }
}

/// More than there are messages in one row of all tables together.
const INTERACTIONS_MAX: usize = 512;
/// The most elements of a message: a signature's points and its challenge.
const MESSAGE_MAX: usize = 34;

#[cfg(test)]
mod tests {
    use super::*;
    use proof::validity::LOG_HEIGHT_MAX;

    #[test]
    fn no_more_is_said_on_the_buses_than_is_reckoned_with() {
        let data = data(LOG_HEIGHT_MAX);
        let said = || data.common.lookups.iter().flat_map(|lookups| lookups.iter()).flat_map(|lookup| &lookup.elements);
        assert!(said().count() <= INTERACTIONS_MAX, "{}", said().count());
        let longest = said().map(Vec::len).max();
        assert!(longest.is_some_and(|length| length <= MESSAGE_MAX), "{longest:?}");
    }

    #[test]
    fn the_largest_proof_has_a_hundred_provable_bits() {
        let heights = Table::ALL.map(|table| table.fixed_log_height().unwrap_or(LOG_HEIGHT_MAX));
        let costs = costs(&heights);
        for cost in &costs {
            assert!(cost.degree <= 5, "{cost:?}");
        }
        let security = security(&costs);
        assert!(security.proven >= 100, "{security:?}");
        assert!(security.conjectured >= 100, "{security:?}");
    }
}
