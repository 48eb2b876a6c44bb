//! What each operation does to vectors.

use super::{index, numbers};
use crate::engine::Cause;
use crate::kind::Type;
use crate::layout::at;
use crate::operation::Operation;

/// Returns the lanes of each result.
pub(super) fn results(
    operation: &Operation,
    kinds: &[Type],
    operands: &[Vec<u64>],
    results: &[Type],
) -> Result<Vec<Vec<u64>>, Cause> {
    use Operation as O;
    let lanes = match *operation {
        O::Int { value } => vec![value; at(results[0].lanes)],
        O::Select => {
            let choose = |lane: usize| if operands[0][lane] == 1 { operands[1][lane] } else { operands[2][lane] };
            (0..operands[0].len()).map(choose).collect()
        }
        O::Splat => vec![operands[0][0]; at(results[0].lanes)],
        O::Slice { start, step } => (0..results[0].lanes).map(|lane| operands[0][at(start + lane * step)]).collect(),
        O::Concat => operands.concat(),
        O::Bits | O::Word => regrouped(operation, kinds[0], results[0], &operands[0]),
        O::Dot | O::MatMul { .. } => products(operation, kinds[0], operands),
        O::Gather | O::Get | O::Set | O::ORead | O::OWrite => memory(operation, operands, results[0])?,
        O::Reduce { fold } => {
            let group = operands[0].len() / at(results[0].lanes);
            let combine = |lanes: &[u64]| {
                lanes.iter().copied().reduce(|a, b| numbers::folded(fold, kinds[0].width, a, b)).unwrap_or(0)
            };
            operands[0].chunks(group).map(combine).collect()
        }
        O::Scan { fold } => {
            let mut sums: Vec<u64> = Vec::new();
            for lane in &operands[0] {
                let sum = sums.last().map_or(*lane, |sum| numbers::folded(fold, kinds[0].width, *sum, *lane));
                sums.push(sum);
            }
            sums
        }
        O::Sort | O::Sorts | O::ArgMax | O::ArgMaxs => return Ok(ordered(operation, kinds[0], operands)),
        _ => {
            let (from, to) = (kinds[0].width, results[0].width);
            let lane = |lane: usize| match operands {
                [a] => numbers::single(operation, from, to, a[lane]),
                [a, b] => numbers::pair(operation, from, a[lane], b[lane]),
                _ => None,
            };
            let lanes: Option<Vec<u64>> = (0..operands[0].len()).map(lane).collect();
            lanes.expect("every operation is evaluated somewhere")
        }
    };
    Ok(vec![lanes])
}

fn regrouped(operation: &Operation, from: Type, to: Type, lanes: &[u64]) -> Vec<u64> {
    if *operation == Operation::Bits {
        let bits = |lane: &u64| (0..from.width.bits()).map(|bit| *lane >> bit & 1).collect::<Vec<_>>();
        return lanes.iter().flat_map(bits).collect();
    }
    let word = |bits: &[u64]| bits.iter().rev().fold(0, |word, bit| word << 1 | bit);
    lanes.chunks(usize::from(to.width.bits())).map(word).collect()
}

fn products(operation: &Operation, kind: Type, operands: &[Vec<u64>]) -> Vec<u64> {
    let (rows, inner, columns) = match *operation {
        Operation::MatMul { rows, inner, columns } => (at(rows), at(inner), at(columns)),
        _ => (1, operands[0].len(), 1),
    };
    let cell = |row: usize, column: usize| {
        let terms = (0..inner).map(|i| (operands[0][row * inner + i], operands[1][i * columns + column]));
        terms.fold(0, |sum, (a, b)| {
            let product = numbers::reduced(kind.width, u128::from(a) * u128::from(b));
            numbers::reduced(kind.width, u128::from(sum) + u128::from(product))
        })
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| cell(row, column))).collect()
}

fn memory(operation: &Operation, operands: &[Vec<u64>], result: Type) -> Result<Vec<u64>, Cause> {
    let (array, indices) = (&operands[0], &operands[1]);
    let first = index(indices[0]);
    let count = at(result.lanes);
    Ok(match operation {
        Operation::Gather => {
            let lanes: Option<Vec<u64>> = indices.iter().map(|lane| array.get(index(*lane)).copied()).collect();
            lanes.ok_or(Cause::Index)?
        }
        Operation::Get => {
            let end = first.checked_add(count).ok_or(Cause::Index)?;
            array.get(first..end).ok_or(Cause::Index)?.to_vec()
        }
        Operation::Set => {
            let mut changed = array.clone();
            let end = first.checked_add(operands[2].len()).ok_or(Cause::Index)?;
            changed.get_mut(first..end).ok_or(Cause::Index)?.copy_from_slice(&operands[2]);
            changed
        }
        Operation::ORead => vec![array.get(first).copied().unwrap_or(0)],
        _ => {
            let mut changed = array.clone();
            if let Some(lane) = changed.get_mut(first) {
                *lane = operands[2][0];
            }
            changed
        }
    })
}

fn ordered(operation: &Operation, kind: Type, operands: &[Vec<u64>]) -> Vec<Vec<u64>> {
    let is_signed = matches!(operation, Operation::Sorts | Operation::ArgMaxs);
    let key = |lane: u64| if is_signed { numbers::signed(kind.width.bits(), lane) } else { lane.into() };
    let keys = &operands[0];
    if matches!(operation, Operation::ArgMax | Operation::ArgMaxs) {
        let mut best = 0;
        for (place, lane) in keys.iter().enumerate() {
            if key(*lane) > key(keys[best]) {
                best = place;
            }
        }
        return vec![vec![keys[best]], vec![u64::try_from(best).expect("lanes are counted in 32 bits")]];
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|place| key(keys[*place]));
    operands.iter().map(|column| order.iter().map(|place| column[*place]).collect()).collect()
}
