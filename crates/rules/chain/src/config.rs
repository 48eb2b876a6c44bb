//! The file's contents, table by table.

use crate::fault::Fault;
use crate::field::{Field, Section, section};
use crate::fit;
use crate::kind::{Choice, Mandatory, MandatoryList, Maybe, MemberList, Members, Number, Only, Switch, Text, Url};
use crate::machine::Machine;
use crate::source::{Reading, Source};
use crate::word::{
    Algorithm, AvailabilityMode, BaseChain, Execution, HookPolicy, Publish, Sequencer, ShardingAlgorithm,
};
use types::{Amount, Millis, Ppm, limits};

/// Billionths of an ether.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gwei(pub u64);

/// The largest number that every reader of JSON and TOML holds exactly, 2^53 - 1.
const EXACT: u64 = (1 << 53) - 1;
/// Seconds of a day.
const DAY: u64 = 86_400;

const fn seconds(low: u64, high: u64) -> Number<Millis> {
    Number { range: low..=high, decimals: 0, unit: "seconds", make: |seconds| Millis(seconds * 1_000) }
}

const fn millis(low: u64, high: u64) -> Number<Millis> {
    Number { range: low..=high, decimals: 0, unit: "milliseconds", make: Millis }
}

const fn count(low: u64, high: u64, unit: &'static str) -> Number<u64> {
    Number { range: low..=high, decimals: 0, unit, make: |count| count }
}

section! {
    /// What kind of chain it is.
    Heading, HeadingDraft, HEADING at "" required {
        /// What people call the chain.
        name: String = Text { length: 1..=50 }, "\"chain\"";
        /// Why L1 believes a batch.
        execution: Execution = Choice::<Execution>::ANY, "\"committee\"";
        /// The chain that batches settle on.
        base_chain: BaseChain = Choice::<BaseChain>::ANY, "\"ethereum\"";
        /// Who orders transactions.
        sequencer: Sequencer = Choice::<Sequencer>::ANY, "\"centralized\"";
        /// How many transactions per second the chain is laid out for.
        tps: u64 = count(1_000, 100_000, "transactions per second"), "1000";
    }
}

section! {
    /// What the chain promises its users.
    Features, FeaturesDraft, FEATURES at "features" required {
        /// Whether amounts and parties can be hidden.
        privacy: bool = Only { kind: Switch, now: "false", is_now: |value| !*value, missing: "shielded accounts" }, "false";
        /// Whether messages go to other chains and come from them.
        interop: bool = Only { kind: Switch, now: "false", is_now: |value| !*value, missing: "messages between chains" }, "false";
        /// Whether the state can be rebuilt from L1 alone.
        data_availability: bool = Switch, "true";
    }
}

section! {
    /// How blocks come about, and who agrees to them.
    Consensus, ConsensusDraft, CONSENSUS at "consensus" required {
        /// Who has to agree before a batch is final.
        algorithm: Algorithm = Choice::<Algorithm>::ANY, "\"committee\"";
        /// How long one block gathers transactions at most; an idle sequencer closes it sooner.
        block_time: Millis = Number { range: 100..=60_000, decimals: 3, unit: "seconds", make: Millis }, "1";
        /// How many have a vote: as many as the committee has members.
        validators: u64 = count(1, 1_000, "members"), "3";
    }
}

section! {
    /// How the load is spread.
    Scaling, ScalingDraft, SCALING at "scaling" required {
        /// How many parts the state is executed in.
        shards: u64 = Only { kind: count(1, 256, "shards"), now: "1", is_now: |shards| *shards == 1, missing: "sharding" }, "1";
        /// How many transactions of one block a shard takes at most.
        max_tx_per_shard: u64 = count(100, 10_000, "transactions per block"), "4096";
        /// How accounts are spread over shards.
        sharding_algorithm: ShardingAlgorithm = Choice::<ShardingAlgorithm>::ANY, "\"static\"";
        /// How many leaves of the state each role keeps in memory, up to 2 KiB for each; the others it reads from its disk. Without it, all are in memory.
        state_cache_leaves: Option<u64> = Maybe(count(1_000, 1_000_000_000, "leaves")), "1000000";
    }
}

section! {
    /// What stands behind honesty.
    Security, SecurityDraft, SECURITY at "security" required {
        /// What a provider has to lock, in quanta of the asset that it is paid in.
        min_stake: Amount = Number {
            range: 1_000..=Amount::MAX.quanta(), decimals: 0, unit: "quanta",
            make: |quanta| Amount::new(quanta).unwrap_or(Amount::MAX),
        }, "1000000000";
        /// How much of its stake a provider loses whom the others show wrong.
        slashing_penalty: Ppm = Number { range: 0..=1_000_000, decimals: 4, unit: "percent", make: Ppm }, "40";
        /// How long a batch can be challenged; for optimistic execution only.
        challenge_period: Option<Millis> = Maybe(seconds(60, 7 * DAY)), "604800";
        /// What a proposer locks who claims what batches lead to, or contradicts somebody; half of a lost one pays the prover. For optimistic execution only.
        proposer_bond_eth: Option<Gwei> =
            Maybe(Number { range: 10_000_000..=1_000_000_000_000, decimals: 9, unit: "ETH", make: Gwei }), "24";
    }
}

section! {
    /// Where the data of batches can be had.
    Availability, AvailabilityDraft, AVAILABILITY at "availability" required {
        /// Whether state differences go to L1 (rollup) or stay with the committee (validium).
        mode: AvailabilityMode = Choice::<AvailabilityMode>::ANY, "\"rollup\"";
        /// How they go to L1; for a rollup only.
        publish: Option<Publish> = Maybe(Choice::<Publish>::ANY), "\"calldata\"";
        /// How many batches that L1 cannot drop any more keep their transactions and receipts in the node; of older ones headers and differences stay. Without it, all keep them.
        history: Option<u64> = Maybe(count(1, 1_000_000_000, "batches")), "100000";
    }
}

/// Most members of a committee: the bound that `proof` and the contracts have.
const MEMBERS: u64 = {
    // Counted, because a conversion between widths is no constant.
    let (mut members, mut counted) = (0, 0);
    while counted < limits::COMMITTEE_MEMBERS {
        counted += 1;
        members += 1;
    }
    members
};

/// Most leaves of a batch that settles by its proof: the bound that the sequencer and the contracts have.
pub(crate) const LEAVES: u64 = {
    // Counted, because a conversion between widths is no constant.
    let (mut leaves, mut counted) = (0, 0);
    while counted < limits::BATCH_LEAVES {
        counted += 1;
        leaves += 1;
    }
    leaves
};

section! {
    /// Who executes every batch again, keeps its data and signs it.
    Committee, CommitteeDraft, COMMITTEE at "availability.committee" required {
        /// How many members, or who they are.
        members: Members = MemberList { range: 2..=MEMBERS }, "3";
        /// How many of them must sign: at least two thirds, and never fewer than two.
        threshold: u64 = count(2, MEMBERS, "signatures"), "2";
        /// Whose signature must be among them.
        mandatory: Mandatory = MandatoryList { most: MEMBERS }, "[]";
    }
}

section! {
    /// What users can force through L1 when the sequencer ignores them.
    Forced, ForcedDraft, FORCED at "forced" required {
        /// How long a message may wait on L1; a batch that leaves an older one behind is refused.
        deadline: Millis = seconds(1, 30 * DAY), "86400";
        /// How long before a new verifier counts, so that whoever mistrusts it can leave.
        exit_window: Millis = seconds(1, 365 * DAY), "604800";
        /// How long after the deadline anybody may freeze the chain, from when on all exit on L1.
        freeze_grace: Millis = seconds(1, 30 * DAY), "86400";
    }
}

section! {
    /// When a batch is sealed: as soon as it reaches any of these.
    Batch, BatchDraft, BATCH at "batch" required {
        /// How many transactions and L1 messages it holds.
        count: u64 = count(1, 1_000_000, "entries"), "10000";
        /// How long its data is.
        bytes: u64 = count(1_024, 4 << 20, "bytes"), "1048576";
        /// How old its first block is.
        age_ms: Millis = millis(100, 1_000 * DAY), "2000";
        /// How long nothing may have come since its last block. Without it, a batch waits for its age.
        idle_ms: Option<Millis> = Maybe(millis(100, 1_000 * DAY)), "3000";
    }
}

section! {
    /// Validity proofs of batches. With zk execution they settle by them, with optimistic execution only those about which claims contradict each other are proven; otherwise proofs are made beside the quorum. Without this table nothing is proven.
    Proving, ProvingDraft, PROVING at "proving" optional {
        /// Whether batches are proven.
        enabled: bool = Switch, "false";
        /// How many prover processes the node starts. With none, start them elsewhere with `talea prover run`.
        processes: u64 = count(0, 64, "processes"), "1";
        /// How many jobs each of them works on at one time.
        jobs: u64 = count(1, 64, "jobs"), "1";
        /// How many leaves a batch has at most that settles by its proof or by claims: each has a proof of its own, for some 1,000 transactions, which L1 is paid for checking. Without it, 16.
        leaves: Option<u64> = Maybe(count(1, LEAVES, "leaves")), "1";
    }
}

section! {
    /// A server of the operator's that is asked what shall stand in the place of a transaction which would be rejected.
    /// Without this table nobody is asked.
    Hook, HookDraft, HOOK at "hook" optional {
        /// Where it listens.
        url: String = Url, "\"http://127.0.0.1:8080/check\"";
        /// How long it may take to answer.
        timeout_ms: Millis = millis(1, 60_000), "500";
        /// What becomes of a transaction about which it says nothing in time, and of those that wait behind it.
        policy: HookPolicy = Choice::<HookPolicy>::ANY, "\"drop\"";
    }
}

section! {
    /// The way to L1, and what it may cost.
    L1, L1Draft, L1_SECTION at "l1" required {
        /// A node of the base chain. Without it, a local one is started on this machine.
        rpc_url: Option<String> = Maybe(Url), "\"http://127.0.0.1:8545\"";
        /// The id of the base chain, which every signature names.
        chain_id: u64 = count(1, EXACT, ""), "31337";
        /// How many blocks must stand on a block before it is believed, itself counted.
        confirmations: u64 = count(1, 1_000, "blocks"), "1";
        /// The highest price of gas that is ever offered.
        gas_price_max_gwei: Gwei = Number { range: 1..=100_000, decimals: 0, unit: "gwei", make: Gwei }, "200";
        /// What all that is on its way to L1 may cost together at most. Without it, what the operator's account holds.
        spend_max_eth: Option<Gwei> =
            Maybe(Number { range: 1_000_000..=1_000_000_000_000, decimals: 9, unit: "ETH", make: Gwei }), "2.5";
    }
}

/// Every table of the file, in its order.
pub const SECTIONS: &[Section] = &[
    HEADING,
    FEATURES,
    CONSENSUS,
    SCALING,
    SECURITY,
    AVAILABILITY,
    COMMITTEE,
    FORCED,
    BATCH,
    PROVING,
    HOOK,
    L1_SECTION,
];

/// A chain's configuration, of which every part was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What kind of chain it is.
    pub heading: Heading,
    /// `[features]`.
    pub features: Features,
    /// `[consensus]`.
    pub consensus: Consensus,
    /// `[scaling]`.
    pub scaling: Scaling,
    /// `[security]`.
    pub security: Security,
    /// `[availability]`.
    pub availability: Availability,
    /// `[availability.committee]`.
    pub committee: Committee,
    /// `[forced]`.
    pub forced: Forced,
    /// `[batch]`.
    pub batch: Batch,
    /// `[proving]`, where there is one.
    pub proving: Option<Proving>,
    /// `[hook]`, where there is one.
    pub hook: Option<Hook>,
    /// `[l1]`.
    pub l1: L1,
}

/// A configuration with holes where the file did not read.
pub(crate) struct Draft {
    pub heading: HeadingDraft,
    pub features: FeaturesDraft,
    pub consensus: ConsensusDraft,
    pub scaling: ScalingDraft,
    pub security: SecurityDraft,
    pub availability: AvailabilityDraft,
    pub committee: CommitteeDraft,
    pub forced: ForcedDraft,
    pub batch: BatchDraft,
    pub proving: Option<ProvingDraft>,
    pub hook: Option<HookDraft>,
    pub l1: L1Draft,
}

impl Draft {
    fn read(reading: &mut Reading<'_>) -> Self {
        Self {
            heading: HeadingDraft::read(reading).unwrap_or_default(),
            features: FeaturesDraft::read(reading).unwrap_or_default(),
            consensus: ConsensusDraft::read(reading).unwrap_or_default(),
            scaling: ScalingDraft::read(reading).unwrap_or_default(),
            security: SecurityDraft::read(reading).unwrap_or_default(),
            availability: AvailabilityDraft::read(reading).unwrap_or_default(),
            committee: CommitteeDraft::read(reading).unwrap_or_default(),
            forced: ForcedDraft::read(reading).unwrap_or_default(),
            batch: BatchDraft::read(reading).unwrap_or_default(),
            proving: ProvingDraft::read(reading),
            hook: HookDraft::read(reading),
            l1: L1Draft::read(reading).unwrap_or_default(),
        }
    }

    fn complete(self) -> Option<Config> {
        let proving = match self.proving {
            Some(proving) => Some(proving.complete()?),
            None => None,
        };
        let hook = match self.hook {
            Some(hook) => Some(hook.complete()?),
            None => None,
        };
        Some(Config {
            heading: self.heading.complete()?,
            features: self.features.complete()?,
            consensus: self.consensus.complete()?,
            scaling: self.scaling.complete()?,
            security: self.security.complete()?,
            availability: self.availability.complete()?,
            committee: self.committee.complete()?,
            forced: self.forced.complete()?,
            batch: self.batch.complete()?,
            proving,
            hook,
            l1: self.l1.complete()?,
        })
    }
}

/// Reads a chain's file, or returns everything that is wrong with it, in the order of its lines; what is missing comes
/// last. With a machine, also whether that machine can carry the chain.
pub fn check(text: &str, machine: Option<&Machine>) -> Result<Config, Vec<Fault>> {
    let source = Source::new(text)?;
    let mut reading = Reading::new(&source);
    let draft = Draft::read(&mut reading);
    fit::check(&draft, &mut reading);
    if let Some(machine) = machine {
        machine.check(&draft, &mut reading);
    }
    let mut faults = reading.faults;
    faults.sort_by_key(|fault| (fault.line.is_none(), fault.line));
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(draft.complete().expect("a field without a value has left a fault"))
}
