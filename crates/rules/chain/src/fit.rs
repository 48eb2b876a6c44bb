//! Whether the fields fit together.
//!
//! Each rule looks at the fields that could be read, so that one broken field does not hide what else is wrong.

use crate::config::{Draft, Gwei, LEAVES};
use crate::kind::{Mandatory, Members};
use crate::source::Reading;
use crate::word::{Algorithm, AvailabilityMode, BaseChain, Execution};
use types::{Millis, limits};

/// The id of the local chain. No public chain has it, so nothing signed for one counts on the other.
const LOCAL_CHAIN: u64 = 31_337;
/// The ids of BNB Smart Chain and of its test network.
const BINANCE_CHAINS: [u64; 2] = [56, 97];
/// What one settlement costs at most, in gas: a header, a quorum and some withdrawals.
const SETTLEMENT_GAS: u64 = 200_000;
/// What the dearest step of checking a proof costs at most, in gas.
const STEP_GAS: u64 = 10_000_000;

/// What checking the proof of a leaf costs, in gas.
const PROOF_GAS: u64 = 60_000_000;
/// How many batches wait for their windows at one time: the bound that the settler has.
const CLAIMED: u64 = 16_384;

/// Notes every rule that the draft breaks.
pub fn check(draft: &Draft, reading: &mut Reading<'_>) {
    execution(draft, reading);
    availability(draft, reading);
    quorum(draft, reading);
    mandatory(draft, reading);
    capacity(draft, reading);
    deadlines(draft, reading);
    base_chain(draft, reading);
    spending(draft, reading);
    claims(draft, reading);
}

fn execution(draft: &Draft, reading: &mut Reading<'_>) {
    let Some(execution) = draft.heading.execution else { return };
    let period = draft.security.challenge_period;
    match (execution, period) {
        (Execution::Optimistic, Some(None)) => {
            reading.fault("security.challenge_period", "there when execution is optimistic", "add it, in seconds");
        }
        (Execution::Committee | Execution::Zk, Some(Some(_))) => {
            let advice = "nothing would read it: remove it";
            reading.fault("security.challenge_period", "left out unless execution is optimistic", advice);
        }
        _ => {}
    }
    match (execution, draft.security.proposer_bond_eth) {
        (Execution::Optimistic, Some(None)) => {
            let advice = "add it, in ETH: whoever claims what is false has to have something to lose";
            reading.fault("security.proposer_bond_eth", "there when execution is optimistic", advice);
        }
        (Execution::Committee | Execution::Zk, Some(Some(_))) => {
            let advice = "nothing would read it: remove it";
            reading.fault("security.proposer_bond_eth", "left out unless execution is optimistic", advice);
        }
        _ => {}
    }
    match (execution, draft.consensus.algorithm) {
        (Execution::Committee, Some(Algorithm::None)) => {
            let advice = "batches are believed because a quorum agrees: say so";
            reading.fault("consensus.algorithm", "\"committee\" when execution is", advice);
        }
        (Execution::Zk | Execution::Optimistic, Some(Algorithm::None)) => {
            let advice = "that a batch's data is there is in no proof, so a quorum has to sign it: say so";
            reading.fault("consensus.algorithm", "\"committee\" when execution is \"zk\" or \"optimistic\"", advice);
        }
        _ => {}
    }
    let is_proven = draft.proving.as_ref().is_some_and(|proving| proving.enabled != Some(false));
    match execution {
        Execution::Zk if !is_proven => {
            let advice = "batches settle by their proofs: add the table [proving], and turn it on";
            reading.fault("proving.enabled", "true when execution is \"zk\"", advice);
        }
        Execution::Optimistic if !is_proven => {
            let advice = "a batch that is contradicted waits for its proof: add the table [proving], and turn it on";
            reading.fault("proving.enabled", "true when execution is \"optimistic\"", advice);
        }
        _ => {}
    }
}

fn availability(draft: &Draft, reading: &mut Reading<'_>) {
    let Some(mode) = draft.availability.mode else { return };
    let on_l1 = mode == AvailabilityMode::Rollup;
    if draft.features.data_availability.is_some_and(|claimed| claimed != on_l1) {
        let (bound, advice) = match on_l1 {
            true => ("true", "a rollup puts its data on L1: say so, or choose the mode \"validium\""),
            false => ("false", "a validium keeps its data off L1: say so, or choose the mode \"rollup\""),
        };
        reading.fault("features.data_availability", bound, advice);
    }
    match draft.availability.publish {
        Some(None) if on_l1 => {
            reading.fault("availability.publish", "there for a rollup", "add publish = \"calldata\"");
        }
        Some(Some(_)) if !on_l1 => {
            reading.fault("availability.publish", "left out for a validium", "nothing is published: remove it");
        }
        _ => {}
    }
}

fn quorum(draft: &Draft, reading: &mut Reading<'_>) {
    let Some(count) = draft.committee.members.as_ref().map(Members::count) else { return };
    if draft.consensus.validators.is_some_and(|validators| validators != count) {
        let advice = "only the committee has votes: write how many members it has";
        reading.fault("consensus.validators", count.to_string(), advice);
    }
    let least = (count * 2).div_ceil(3).max(2);
    if draft.committee.threshold.is_some_and(|threshold| threshold < least || threshold > count) {
        let advice = format!("of {count} members at least two thirds must sign, and no more than there are");
        reading.fault("availability.committee.threshold", format!("{least}..={count} signatures"), advice);
    }
}

fn mandatory(draft: &Draft, reading: &mut Reading<'_>) {
    const PATH: &str = "availability.committee.mandatory";
    let (Some(mandatory), Some(members)) = (&draft.committee.mandatory, &draft.committee.members) else { return };
    if mandatory.count() == 0 {
        return;
    }
    let is_among = match (mandatory, members) {
        (Mandatory::Numbered(numbers), Members::Made(count)) => numbers.iter().all(|number| number < count),
        (Mandatory::Listed(some), Members::Listed(all)) => some.iter().all(|one| all.contains(one)),
        _ => false,
    };
    let count = u64::try_from(mandatory.count()).unwrap_or(u64::MAX);
    let is_too_many = draft.committee.threshold.is_some_and(|threshold| count > threshold);
    let bound = "some of the members, no more than the threshold";
    if !is_among {
        let advice = match members {
            Members::Made(count) => format!("keys are made: number the members from 0 to {}", count - 1),
            Members::Listed(_) => "name addresses that are in `members`".to_owned(),
        };
        reading.fault(PATH, bound, advice);
    } else if is_too_many {
        reading.fault(PATH, bound, format!("it has {count}: remove some, or raise the threshold"));
    }
}

fn capacity(draft: &Draft, reading: &mut Reading<'_>) {
    let entries = u64::try_from(limits::BLOCK_ENTRIES).unwrap_or(u64::MAX);
    let in_block = draft.scaling.max_tx_per_shard;
    if in_block.is_some_and(|count| count > entries) {
        let advice = "a block takes no more entries than that: lower it";
        reading.fault("scaling.max_tx_per_shard", format!("at most {entries}"), advice);
    }
    let Some(block_time) = draft.consensus.block_time else { return };
    if let Some(count) = in_block {
        let most = count.min(entries) * 1_000 / block_time.0.max(1);
        if draft.heading.tps.is_some_and(|tps| tps > most) {
            let advice =
                "blocks of max_tx_per_shard transactions each block_time carry no more: lower it, or change those";
            reading.fault("tps", format!("at most {most}"), advice);
        }
    }
    let blocks = u64::try_from(limits::BATCH_BLOCKS).unwrap_or(u64::MAX);
    let (least, most) = (block_time.0, block_time.0.saturating_mul(blocks));
    if draft.batch.age_ms.is_some_and(|age| age.0 < least || age.0 > most) {
        let advice = format!("a batch holds at least one block, and at most {blocks} of one block_time each");
        reading.fault("batch.age_ms", format!("{least}..={most} milliseconds"), advice);
    }
}

fn deadlines(draft: &Draft, reading: &mut Reading<'_>) {
    let forced = &draft.forced;
    if let (Some(window), Some(deadline), Some(grace)) = (forced.exit_window, forced.deadline, forced.freeze_grace) {
        let least = deadline.after(grace);
        if window < least {
            let advice = "whoever leaves before a new verifier needs the deadline and the grace to do so: raise it";
            reading.fault("forced.exit_window", format!("at least {} seconds", least.0 / 1_000), advice);
        }
    }
    if let (Some(Execution::Optimistic), Some(Some(period)), Some(grace)) =
        (draft.heading.execution, draft.security.challenge_period, forced.freeze_grace)
    {
        // What the contract asks for, too.
        let least = period.after(period);
        if grace < least {
            let advice =
                "a batch waits for the challenge period, and as long again for a proof if it is challenged: raise it";
            reading.fault("forced.freeze_grace", format!("at least {} seconds", least.0 / 1_000), advice);
        }
    }
    let Some(deadline) = forced.deadline else { return };
    let (age, confirmations) = (draft.batch.age_ms, draft.l1.confirmations);
    if let (Some(age), Some(confirmations), Some(block)) = (age, confirmations, l1_block(draft)) {
        let needed = age.after(Millis(confirmations.saturating_mul(block.0)));
        if deadline <= needed {
            let advice =
                "a message waits for its confirmations and for its batch, and an honest sequencer must not be late";
            reading.fault("forced.deadline", format!("more than {} seconds", needed.0.div_ceil(1_000)), advice);
        }
    }
    if let Some(timeout) = draft.hook.as_ref().and_then(|hook| hook.timeout_ms)
        && timeout >= deadline
    {
        let advice = "a silent hook would hold messages beyond forced.deadline and freeze the chain: lower it";
        reading.fault("hook.timeout_ms", format!("less than {} milliseconds", deadline.0), advice);
    }
}

/// Returns how far apart blocks of the base chain are, taken long.
fn l1_block(draft: &Draft) -> Option<Millis> {
    match (draft.l1.rpc_url.as_ref()?, draft.heading.base_chain?) {
        (None, _) => Some(Millis(1_000)),
        (Some(_), BaseChain::Ethereum) => Some(Millis(12_000)),
        (Some(_), BaseChain::Binance) => Some(Millis(3_000)),
        (Some(_), BaseChain::Solana) => None,
    }
}

fn base_chain(draft: &Draft, reading: &mut Reading<'_>) {
    let (Some(chain), Some(id)) = (draft.heading.base_chain, draft.l1.chain_id) else { return };
    let is_binance = BINANCE_CHAINS.contains(&id);
    match chain {
        BaseChain::Binance if !is_binance => {
            let [main, test] = BINANCE_CHAINS;
            reading.fault("l1.chain_id", format!("{main} or {test} for binance"), "write the one you mean");
        }
        BaseChain::Ethereum if is_binance => {
            reading.fault("l1.chain_id", "no chain of binance", "change it, or write base_chain = \"binance\"");
        }
        BaseChain::Binance if draft.l1.rpc_url == Some(None) => {
            let advice = "the local chain that is started otherwise is an Ethereum one: add a node of binance";
            reading.fault("l1.rpc_url", "there for binance", advice);
        }
        BaseChain::Ethereum if draft.l1.rpc_url == Some(None) && id != LOCAL_CHAIN => {
            let advice = "without l1.rpc_url a local chain is started, which has this id: write it, or name a node";
            reading.fault("l1.chain_id", LOCAL_CHAIN.to_string(), advice);
        }
        BaseChain::Ethereum | BaseChain::Binance | BaseChain::Solana => {}
    }
}

fn spending(draft: &Draft, reading: &mut Reading<'_>) {
    let (Some(Some(Gwei(spend))), Some(Gwei(price))) = (draft.l1.spend_max_eth, draft.l1.gas_price_max_gwei) else {
        return;
    };
    let (gas, what) = match draft.heading.execution {
        Some(Execution::Zk | Execution::Optimistic) => (STEP_GAS, "the dearest step of a proof"),
        _ => (SETTLEMENT_GAS, "one settlement"),
    };
    let least = price.saturating_mul(gas);
    if spend < least {
        let bound = format!("at least {}.{:09} ETH", least / 1_000_000_000, least % 1_000_000_000);
        let advice = format!("{what} at gas_price_max_gwei costs as much, and without it nothing settles: raise it");
        reading.fault("l1.spend_max_eth", bound, advice);
    }
}

/// What bonds have to be worth, and how many claims can wait.
fn claims(draft: &Draft, reading: &mut Reading<'_>) {
    if draft.heading.execution != Some(Execution::Optimistic) {
        return;
    }
    // Whoever is contradicted about the largest batch has all of its leaves proven.
    let leaves = draft.proving.as_ref().map_or(Some(None), |proving| proving.leaves).map(|of| of.unwrap_or(LEAVES));
    if let (Some(Some(Gwei(bond))), Some(Gwei(price)), Some(leaves)) =
        (draft.security.proposer_bond_eth, draft.l1.gas_price_max_gwei, leaves)
    {
        let least = price.saturating_mul(PROOF_GAS).saturating_mul(leaves).saturating_mul(2);
        if bond < least {
            let bound = format!("at least {}.{:09} ETH", least / 1_000_000_000, least % 1_000_000_000);
            let advice = "half of a lost bond has to pay for a proof of as many leaves as a batch may have, at \
                gas_price_max_gwei: raise it, or lower proving.leaves or gas_price_max_gwei";
            reading.fault("security.proposer_bond_eth", bound, advice);
        }
    }
    if let (Some(Some(period)), Some(age)) = (draft.security.challenge_period, draft.batch.age_ms) {
        let least = period.0.div_ceil(CLAIMED);
        if age.0 < least {
            let advice = format!("no more than {CLAIMED} batches wait for the challenge period at one time: raise it");
            reading.fault("batch.age_ms", format!("at least {least} milliseconds"), advice);
        }
    }
}
