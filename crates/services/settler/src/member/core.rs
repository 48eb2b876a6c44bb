//! A member's decisions.

use crypto::account::SecretKey;
use crypto::eth::{EthKey, EthSignature};
use proof::{Anchor, BatchHeader, BlockHeader};
use state::{LeafChange, State};
use std::collections::BTreeMap;
use task::{Task, Verdict};
use transition::diff::{self, Before};
use transition::{Batch, BatchInput, Block, ChainConfig, Executed, Mismatch, Receipt};
use types::{Bytes32, Digest, Height, Signature, TaskId};

/// What happens to a member.
#[derive(Debug)]
pub enum Input {
    /// The next block of the feed.
    Block(Box<Block>),
    /// A batch that asks for a signature.
    Batch {
        /// What the sequencer sealed.
        asked: Box<Batch>,
        /// What this member stored under that number, if it signed one before.
        stored: Option<Box<Batch>>,
    },
    /// A batch that L1 holds a commitment to. For an observer, who is asked nothing and believes nobody what it leads to.
    Committed {
        /// The batch.
        number: u64,
        /// Its last block, whoever says so: another one gives other data.
        last: Height,
        /// The list root of its data, as the commitment has it.
        data_root: Bytes32,
    },
    /// Time passes: say again what was not heard.
    Tick,
}

/// What the member wants done, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Store a block that was executed again and holds.
    Commit(Box<Executed>),
    /// Store a batch and its state difference before its signature leaves: a member signs one batch for each number.
    CommitBatch {
        /// The batch.
        batch: Box<Batch>,
        /// The difference that L1 is given; `None` when it stays with the committee.
        diff: Option<Vec<u8>>,
    },
    /// Send the signature on a batch.
    SignBatch {
        /// Which batch.
        number: u64,
        /// The signature on its header's digest.
        signature: EthSignature,
    },
    /// Send the signature on a verdict.
    Vote {
        /// The verdict.
        verdict: Verdict,
        /// The signature on its digest.
        signature: Signature,
    },
    /// Sign nothing: what was asked does not hold. The text says what.
    Refuse(String),
    /// The feed is not the chain that this member executed: see [`way_back`].
    Diverged(Divergence),
}

/// How the feed differs from what a member executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// In words.
    pub why: String,
    /// Whether the feed merely leaves this member's chain. A block that does not hold, or another batch than the one
    /// signed before, is worse.
    pub is_fork: bool,
}

/// A place where a member's chain has taken some of L1's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// The inbox's rolling hash there, as the member executed it.
    pub ours: Bytes32,
    /// What L1 shows after as many messages; `None` when it has fewer.
    pub theirs: Option<Bytes32>,
}

/// What a member knows when its feed is another chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Whether the feed merely leaves this member's chain.
    pub is_fork: bool,
    /// The batches that it signed, in order, from the last one on that L1's inbox bears out.
    pub signed: Vec<(u64, Stand)>,
    /// The last batch that it signed; zero before the first.
    pub last: u64,
    /// Whether it executed blocks behind that batch.
    pub has_loose: bool,
    /// Whether L1 had long enough to show a reason.
    pub is_patience_over: bool,
}

/// What a member does about a feed that is another chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It takes its own chain back to the end of this batch, and follows.
    BackTo(u64),
    /// It signs nothing and looks again later: L1 may show the reason yet.
    Wait,
    /// It stops.
    Halt,
}

/// Decides what to do about a feed that is another chain. What a member signed binds it, unless L1 dropped messages that
/// the batch took: nobody can settle it any more. It looks itself; nobody's word is enough. Blocks that it executed and
/// did not sign bind it to nothing.
pub fn way_back(sight: &Sight) -> Way {
    for (number, stand) in &sight.signed {
        match stand.theirs {
            Some(theirs) if theirs == stand.ours => {}
            Some(_) => return Way::BackTo(number - 1),
            None if sight.is_patience_over => return Way::BackTo(number - 1),
            None => return Way::Wait,
        }
    }
    match sight.is_patience_over {
        _ if sight.is_fork && sight.has_loose => Way::BackTo(sight.last),
        // Its view of L1 may be older than the one that made the feed go back.
        false => Way::Wait,
        true => Way::Halt,
    }
}

/// A member's two keys: one for L1, one for the ledger.
pub struct Keys {
    /// Signs batches.
    pub batches: EthKey,
    /// Signs verdicts.
    pub verdicts: SecretKey,
}

/// What a restart finds in the member's store.
pub struct Restored {
    /// The state after the last block.
    pub state: State,
    /// The last block's header.
    pub head: Option<BlockHeader>,
    /// The last signed batch's header.
    pub batch: Option<BatchHeader>,
    /// The blocks after it.
    pub blocks: Vec<Block>,
    /// The receipts of each of them.
    pub receipts: Vec<Vec<Receipt>>,
    /// What the leaves that each of them changed held before it.
    pub undo: Vec<Vec<LeafChange>>,
}

/// A batch of the first blocks that wait.
struct Sealed {
    /// How many.
    blocks: usize,
    batch: Batch,
    diff: Option<Vec<u8>>,
}

/// An availability member, or an observer: who executes everything again as members do, and signs nothing.
pub struct Member {
    config: ChainConfig,
    anchor: Anchor,
    /// None of an observer.
    keys: Option<Keys>,
    genesis_root: Digest,
    at: Restored,
    undecided: BTreeMap<TaskId, Verdict>,
}

impl Member {
    /// Takes up from what the store holds.
    ///
    /// # Panics
    /// When the restored state's root is not the head's.
    pub fn restore(config: ChainConfig, anchor: Anchor, keys: impl Into<Option<Keys>>, mut restored: Restored) -> Self {
        let keys = keys.into();
        let mut genesis = State::default();
        genesis.apply(&transition::genesis(&config));
        let genesis_root = genesis.root();
        // What the store has before the first block is the genesis too; nothing has it, where there is no store.
        if restored.head.is_none() && restored.state.is_empty() {
            restored.state = genesis;
        }
        let expected = restored.head.as_ref().map_or(genesis_root, |head| head.state_root);
        assert_eq!(restored.state.root(), expected, "the stored leaves give the root of the stored head");
        let undecided =
            restored.state.iter::<Task>().filter_map(|(id, task)| Some((id, Verdict::of(id, &task)?))).collect();
        Self { config, anchor, keys, genesis_root, at: restored, undecided }
    }

    /// Lets go of what the state's cache may not hold, now that the store has the leaves of all blocks up to `stored`.
    pub fn trim(&mut self, stored: Height) {
        self.at.state.trim(self.at.head.as_ref().map_or(Height(0), |head| head.height), stored);
    }

    /// Returns the height of the block that is wanted next.
    pub fn next(&self) -> Height {
        self.at.head.as_ref().map_or(Height(1), |head| head.height.next())
    }

    /// Returns the member's place among the chain's resolvers, if it is one.
    pub fn resolver(&self) -> Option<u32> {
        let key = self.keys.as_ref()?.verdicts.public();
        let place = self.config.parameters.resolvers.iter().position(|resolver| *resolver == key)?;
        u32::try_from(place).ok()
    }

    /// Returns the member's L1 address; an observer has none.
    pub fn address(&self) -> Option<types::EthAddress> {
        self.keys.as_ref().map(|keys| keys.batches.address())
    }

    /// Takes one step.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Block(block) => self.follow(&block),
            Input::Batch { asked, stored } => self.sign(*asked, stored),
            Input::Committed { number, last, data_root } => self.conclude(number, last, &data_root),
            Input::Tick => self.undecided.values().filter_map(|verdict| self.vote(verdict)).collect(),
        }
    }

    fn follow(&mut self, block: &Block) -> Vec<Effect> {
        if block.header.height < self.next() {
            let unsigned = self.at.blocks.iter().map(|block| &block.header).chain(self.at.head.as_ref());
            let is_other = |own: &BlockHeader| own.height == block.header.height && *own != block.header;
            let why = || format!("block {} is another one than was executed here", block.header.height);
            let forked = unsigned.into_iter().any(is_other);
            return forked.then(|| Effect::Diverged(Divergence { why: why(), is_fork: true })).into_iter().collect();
        }
        match transition::replay(&mut self.at.state, &self.config, self.at.head.as_ref(), block) {
            Ok(executed) => {
                self.at.head = Some(executed.block.header.clone());
                self.at.blocks.push(executed.block.clone());
                self.at.receipts.push(executed.receipts.clone());
                self.at.undo.push(executed.undo.clone());
                let fresh = self.notice(&executed);
                let mut effects = vec![Effect::Commit(Box::new(executed))];
                effects.extend(fresh.iter().filter_map(|verdict| self.vote(verdict)));
                effects
            }
            Err(mismatch) => {
                let is_fork = matches!(mismatch, Mismatch::Order(_));
                vec![Effect::Diverged(Divergence { why: mismatch.to_string(), is_fork })]
            }
        }
    }

    /// Notices which tasks a block made ripe for a verdict, and which it decided.
    fn notice(&mut self, executed: &Executed) -> Vec<Verdict> {
        let mut fresh = Vec::new();
        for id in executed.touched::<Task>() {
            let verdict = self.at.state.get::<Task>(&id).and_then(|task| Verdict::of(id, &task));
            match verdict {
                Some(verdict) => {
                    fresh.push(verdict.clone());
                    self.undecided.insert(id, verdict);
                }
                None => {
                    self.undecided.remove(&id);
                }
            }
        }
        fresh
    }

    fn vote(&self, verdict: &Verdict) -> Option<Effect> {
        let signature = self.keys.as_ref()?.verdicts.sign(&verdict.digest(&self.anchor.config_hash));
        Some(Effect::Vote { verdict: verdict.clone(), signature })
    }

    fn signed(&self, header: &BatchHeader) -> Option<Effect> {
        let signature = self.keys.as_ref()?.batches.sign(&header.digest(&self.anchor.domain));
        Some(Effect::SignBatch { number: header.number, signature })
    }

    fn sign(&mut self, asked: Batch, stored: Option<Box<Batch>>) -> Vec<Effect> {
        let number = asked.header.number;
        if let Some(stored) = stored {
            // The number was signed before. The same batch gets the same signature; another never does.
            return if *stored == asked {
                self.signed(&stored.header).into_iter().collect()
            } else {
                vec![Effect::Refuse(format!("batch {number} differs from the one signed before"))]
            };
        }
        if asked.last >= self.next() {
            return Vec::new();
        }
        if asked.last < asked.first {
            return vec![Effect::Refuse(format!("batch {number} holds no block"))];
        }
        let Some(sealed) = self.seal(asked.last) else {
            return vec![Effect::Refuse(format!("batch {number} holds no block that is not signed already"))];
        };
        if sealed.batch != asked {
            return vec![Effect::Refuse(format!("batch {number} is not what its blocks give"))];
        }
        let signed = self.signed(&asked.header);
        std::iter::once(self.store(sealed)).chain(signed).collect()
    }

    /// Says for itself what a batch leads to. Nothing in it is anybody's word but where it ends, and another end would give
    /// other data.
    fn conclude(&mut self, number: u64, last: Height, data_root: &Bytes32) -> Vec<Effect> {
        if last >= self.next() {
            return Vec::new();
        }
        match self.seal(last) {
            Some(sealed) if sealed.batch.header.number == number && sealed.batch.header.data_root == *data_root => {
                vec![self.store(sealed)]
            }
            _ => vec![Effect::Refuse(format!("batch {number} does not hold what the sequencer committed to"))],
        }
    }

    /// Seals the blocks that wait, up to one of them.
    fn seal(&mut self, last: Height) -> Option<Sealed> {
        let blocks = self.at.blocks.iter().take_while(|block| block.header.height <= last).count();
        if blocks == 0 {
            return None;
        }
        let receipts = self.at.receipts[..blocks].concat();
        let diff = self.config.rules.data_on_l1.then(|| self.diff(blocks, &receipts));
        let batch = transition::seal(&BatchInput {
            config_hash: self.anchor.config_hash,
            parent: self.at.batch.as_ref(),
            genesis_root: self.genesis_root,
            blocks: &self.at.blocks[..blocks],
            receipts: &receipts,
            diff: diff.as_deref(),
        });
        Some(Sealed { blocks, batch, diff })
    }

    /// Goes on behind a batch, and says to store it.
    fn store(&mut self, sealed: Sealed) -> Effect {
        let Sealed { blocks, batch, diff } = sealed;
        self.at.blocks.drain(..blocks);
        self.at.receipts.drain(..blocks);
        self.at.undo.drain(..blocks);
        self.at.batch = Some(batch.header.clone());
        Effect::CommitBatch { batch: Box::new(batch), diff }
    }

    /// Tells what the first blocks that wait changed, from the state after them: those executed beyond are taken back
    /// meanwhile.
    fn diff(&mut self, count: usize, receipts: &[Receipt]) -> Vec<u8> {
        let (mut before, mut beyond) = (Before::new(), Before::new());
        self.at.undo[..count].iter().for_each(|undo| diff::note(&mut before, undo));
        self.at.undo[count..].iter().for_each(|undo| diff::note(&mut beyond, undo));
        let back: Vec<LeafChange> = beyond.into_iter().map(|(key, record)| LeafChange { key, record }).collect();
        let forth = self.at.state.undo_of(&back);
        self.at.state.apply(&back);
        let bytes = diff::encode(&before, &self.at.state, receipts);
        self.at.state.apply(&forth);
        bytes
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ledger::Message;
    use proof::Domain;
    use proof::committee::Committee;
    use task::Parameters;
    use transition::{Entry, L1Rules};
    use types::{AccountId, Amount, Bytes32, EthAddress, Millis, Ppm};

    pub(crate) fn config() -> ChainConfig {
        let nobody = AccountId(Digest::ZERO);
        let parameters = Parameters {
            coordinator: nobody,
            treasury: nobody,
            resolvers: vec![SecretKey::from_seed([2; 32]).public()],
            threshold: 2,
            provider_share: Ppm(0),
            author_share: Ppm(0),
            slash: Ppm(0),
            stake_min: Amount::ZERO,
            verdict_window: Millis(0),
        };
        let committee = Committee { members: vec![keys().batches.address()], threshold: 2, mandatory: Vec::new() };
        ChainConfig {
            salt: Bytes32::ZERO,
            l1_chain_id: 1,
            committee,
            parameters,
            sequencer: SecretKey::from_seed([0; 32]).public(),
            rules: L1Rules { data_on_l1: true, ..L1Rules::default() },
        }
    }

    fn keys() -> Keys {
        let batches = EthKey::from_bytes([1; 32]).expect("a scalar in range");
        Keys { batches, verdicts: SecretKey::from_seed([2; 32]) }
    }

    fn member() -> Member {
        with(Some(keys()))
    }

    fn with(keys: Option<Keys>) -> Member {
        let config = config();
        let domain = Domain { chain_id: 1, rollup: EthAddress([1; 20]) };
        let anchor = Anchor { config_hash: config.hash(), domain, committee: config.committee.clone() };
        let state = State::default();
        let (blocks, receipts, undo) = (Vec::new(), Vec::new(), Vec::new());
        let restored = Restored { state, head: None, batch: None, blocks, receipts, undo };
        Member::restore(config, anchor, keys, restored)
    }

    /// Three blocks of one deposit each, and the batches that split them after `cut`.
    pub(crate) fn chain(cut: usize) -> (Vec<Executed>, Vec<Batch>) {
        let config = config();
        let mut state = State::default();
        state.apply(&transition::genesis(&config));
        let genesis_root = state.root();
        let mut blocks: Vec<Executed> = Vec::new();
        let (mut before, mut states) = (Before::new(), Vec::new());
        for index in 0..3 {
            let deposit = ledger_deposit(index);
            let head = blocks.last().map(|executed| executed.block.header.clone());
            let executed = transition::execute(
                &mut state,
                &config,
                head.as_ref(),
                vec![Entry::Message(Message::Deposit(deposit))],
                Millis(index),
            );
            states.push(diff_of(&mut before, &executed, &state, blocks.len() + 1 == cut));
            blocks.push(executed);
        }
        let seal = |part: &[Executed], parent: Option<&BatchHeader>, diff: &[u8]| {
            let receipts: Vec<_> = part.iter().flat_map(|executed| executed.receipts.clone()).collect();
            let blocks: Vec<_> = part.iter().map(|executed| executed.block.clone()).collect();
            transition::seal(&BatchInput {
                config_hash: config.hash(),
                parent,
                genesis_root,
                blocks: &blocks,
                receipts: &receipts,
                diff: Some(diff),
            })
        };
        let first = seal(&blocks[..cut], None, &states[cut - 1]);
        let second = seal(&blocks[cut..], Some(&first.header), &states[2]);
        (blocks, vec![first, second])
    }

    /// Tells the difference since the last batch, and begins anew where a batch ends.
    fn diff_of(before: &mut Before, executed: &Executed, state: &State, ends: bool) -> Vec<u8> {
        diff::note(before, &executed.undo);
        let bytes = diff::encode(before, state, &executed.receipts);
        if ends {
            before.clear();
        }
        bytes
    }

    fn ledger_deposit(index: u64) -> ledger::Deposit {
        let amount = Amount::new(5).expect("small");
        ledger::Deposit {
            index,
            account: AccountId(Digest::ZERO),
            token: Bytes32::ZERO,
            amount,
            sender: EthAddress::ZERO,
        }
    }

    fn show(effects: &[Effect]) -> String {
        let words = effects.iter().map(|effect| match effect {
            Effect::Commit(executed) => format!("commit {}", executed.block.header.height),
            Effect::CommitBatch { batch, .. } => format!("keep {}", batch.header.number),
            Effect::SignBatch { number, .. } => format!("sign {number}"),
            Effect::Vote { .. } => "vote".to_owned(),
            Effect::Refuse(why) => format!("refuse: {why}"),
            Effect::Diverged(divergence) if divergence.is_fork => format!("forked: {}", divergence.why),
            Effect::Diverged(divergence) => format!("diverged: {}", divergence.why),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    fn ask(member: &mut Member, batch: &Batch, stored: Option<&Batch>) -> String {
        let (asked, stored) = (Box::new(batch.clone()), stored.map(|batch| Box::new(batch.clone())));
        show(&member.step(Input::Batch { asked, stored }))
    }

    #[test]
    fn a_member_signs_what_it_executed_and_keeps_it_first() {
        let (mut member, (blocks, batches)) = (member(), chain(2));
        assert_eq!(ask(&mut member, &batches[0], None), "", "it waits for the blocks");
        for executed in &blocks {
            let effects = member.step(Input::Block(Box::new(executed.block.clone())));
            assert_eq!(show(&effects), format!("commit {}", executed.block.header.height));
            assert_eq!(
                show(&member.step(Input::Block(Box::new(executed.block.clone())))),
                "",
                "an old block is passed over"
            );
        }
        assert_eq!(ask(&mut member, &batches[0], None), "keep 1; sign 1", "though the head is further");
        assert_eq!(ask(&mut member, &batches[0], Some(&batches[0])), "sign 1", "asked again, it says it again");
        assert_eq!(ask(&mut member, &batches[1], None), "keep 2; sign 2");
    }

    #[test]
    fn an_observer_says_for_itself_what_was_committed_to_and_signs_nothing() {
        let (mut observer, (blocks, batches)) = (with(None), chain(2));
        let Batch { last, header, .. } = &batches[0];
        let committed = |number, data_root| Input::Committed { number, last: *last, data_root };
        assert_eq!(show(&observer.step(committed(1, header.data_root))), "", "it waits for the blocks");
        for executed in &blocks {
            observer.step(Input::Block(Box::new(executed.block.clone())));
        }
        let refused = |number| format!("refuse: batch {number} does not hold what the sequencer committed to");
        assert_eq!(show(&observer.step(committed(1, Bytes32::ZERO))), refused(1));
        assert_eq!(show(&observer.step(committed(2, header.data_root))), refused(2));
        let effects = observer.step(committed(1, header.data_root));
        assert!(matches!(&effects[..], [Effect::CommitBatch { batch, .. }] if **batch == batches[0]), "{effects:?}");
        assert_eq!(
            (show(&observer.step(Input::Tick)), observer.address(), observer.resolver()),
            (String::new(), None, None)
        );
    }

    #[test]
    fn a_member_never_signs_a_second_batch_of_one_number() {
        let mut member = member();
        let (blocks, batches) = chain(2);
        for executed in &blocks {
            member.step(Input::Block(Box::new(executed.block.clone())));
        }
        ask(&mut member, &batches[0], None);
        let (_, others) = chain(1);
        assert_eq!(
            ask(&mut member, &others[0], Some(&batches[0])),
            "refuse: batch 1 differs from the one signed before"
        );
        assert!(ask(&mut member, &batches[0], None).starts_with("refuse"), "also when the store forgot");
    }

    #[test]
    fn a_member_refuses_a_batch_changed_in_any_field() {
        let (blocks, batches) = chain(2);
        let edits: [fn(&mut Batch); 11] = [
            |b| b.header.config_hash = Digest::ZERO,
            |b| b.header.number = 2,
            |b| b.header.parent_root = Digest::ZERO,
            |b| b.header.state_root = Digest::ZERO,
            |b| b.header.inbox_count += 1,
            |b| b.header.inbox_hash.0[0] ^= 1,
            |b| b.header.withdrawals_root.0[0] ^= 1,
            |b| b.header.data_root.0[0] ^= 1,
            |b| b.header.diff_hash.0[0] ^= 1,
            |b| b.first = Height(2),
            |b| b.last = Height(1),
        ];
        for (at, edit) in edits.iter().enumerate() {
            let mut member = member();
            for executed in &blocks {
                member.step(Input::Block(Box::new(executed.block.clone())));
            }
            let mut bad = batches[0].clone();
            edit(&mut bad);
            assert!(ask(&mut member, &bad, None).starts_with("refuse"), "edit {at}");
            assert_eq!(ask(&mut member, &batches[0], None), "keep 1; sign 1", "and still signs the right one");
        }
    }

    #[test]
    fn a_member_notices_a_block_that_does_not_hold() {
        let (blocks, _) = chain(2);
        let mut member = member();
        let mut bad = blocks[0].block.clone();
        bad.header.state_root = Digest::ZERO;
        assert_eq!(
            show(&member.step(Input::Block(Box::new(bad)))),
            "diverged: block 1 does not give the roots that its header claims"
        );
        assert!(show(&member.step(Input::Block(Box::new(blocks[1].block.clone())))).starts_with("forked"));
    }

    #[test]
    fn a_member_notices_that_the_feed_left_its_chain() {
        let (blocks, _) = chain(2);
        let mut member = member();
        member.step(Input::Block(Box::new(blocks[0].block.clone())));
        let mut other = blocks[0].block.clone();
        other.header.state_root = Digest::ZERO;
        let shown = show(&member.step(Input::Block(Box::new(other.clone()))));
        assert_eq!(shown, "forked: block 1 is another one than was executed here");
        let mut next = blocks[1].block.clone();
        next.header.parent = other.header.hash();
        assert_eq!(show(&member.step(Input::Block(Box::new(next)))), "forked: block 2 does not follow the head");
        assert_eq!(show(&member.step(Input::Block(Box::new(blocks[1].block.clone())))), "commit 2");
        // The feed may have gone back further, and be shorter now.
        let shown = show(&member.step(Input::Block(Box::new(other))));
        assert_eq!(shown, "forked: block 1 is another one than was executed here");
    }

    #[test]
    fn a_member_goes_back_only_behind_what_l1_contradicts_or_it_did_not_sign() {
        let (ours, other) = (Bytes32([1; 32]), Bytes32([2; 32]));
        let stand = |theirs| Stand { ours, theirs };
        let (same, changed, short) = (stand(Some(ours)), stand(Some(other)), stand(None));
        let check = |signed: &[(u64, Stand)], is_fork, has_loose, is_patience_over, expected| {
            let (signed, last) = (signed.to_vec(), signed.last().map_or(3, |(number, _)| *number));
            let sight = Sight { is_fork, signed, last, has_loose, is_patience_over };
            assert_eq!(way_back(&sight), expected, "{sight:?}");
        };
        check(&[(4, same), (5, changed), (6, changed)], true, true, false, Way::BackTo(4));
        check(&[(4, changed)], false, false, false, Way::BackTo(3));
        check(&[(4, same), (5, short)], true, true, false, Way::Wait);
        check(&[(4, same), (5, short)], false, true, true, Way::BackTo(4));
        // What was signed and may still settle is never taken back, whatever the feed shows.
        check(&[(4, same)], false, true, true, Way::Halt);
        check(&[(4, same)], true, false, true, Way::Halt);
        check(&[(4, same)], true, false, false, Way::Wait);
        // The node went back further than this member had signed: its own blocks there bind it to nothing.
        check(&[(4, same)], true, true, false, Way::BackTo(4));
        check(&[], true, true, false, Way::BackTo(3));
        check(&[], false, true, true, Way::Halt);
    }
}
