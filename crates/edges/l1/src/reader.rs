//! What happened on the base chain, as far as it is deep enough to stay.

use crate::abi::{Rollup, TestToken, Vault};
use crate::chain::{Chain, Contracts, View, asked};
use crate::convert::{address, digest_word, our_address, our_digest, our_word};
use crate::error::Error;
use crate::history::{self, SettledBatch};
use crate::inbox::{self, BLOCKS_PER_QUERY};
use crate::units::Units;
use alloy::primitives::U256;
use alloy::providers::Provider as _;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent as _;
use ledger::Message;
use std::ops::RangeInclusive;
use tokio::sync::Mutex;
use types::{AccountId, Bytes32, Digest, EthAddress};

/// How often the inbox is looked at before a contradiction of the node is an error.
const LOOKS: usize = 3;

/// Says whether a node answered of one block first and of an older one then, though it was asked about the same: under load
/// some do. Only counts that the inbox has are asked for, so the contract itself never says so.
fn is_of_two_blocks(error: &Error) -> bool {
    matches!(error, Error::Reverted { name, .. } if name == "InboxTooShort")
}

/// Reads the contracts of one rollup. What can be reorganised away is read at a depth; see each method.
#[derive(Debug)]
pub struct Reader {
    chain: Chain,
    contracts: Contracts,
    confirmations: u64,
    first_block: u64,
    place: Mutex<Option<Place>>,
}

/// Where reading of the inbox stopped: messages from `index` on are in blocks from `block` on.
#[derive(Debug, Clone, Copy)]
struct Place {
    index: u64,
    hash: Bytes32,
    block: u64,
}

/// How far the rollup is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The last settled batch; 0 before the first.
    pub number: u64,
    /// The state root after it.
    pub state_root: Digest,
}

/// Where a batch was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The transaction's hash.
    pub transaction: Bytes32,
    /// The block it is in.
    pub block: u64,
    /// What it used.
    pub gas_used: u64,
}

impl Reader {
    /// Connects to a node and checks the contracts. A block counts as confirmed when `confirmations` others are on top
    /// of it; with 0 the newest block counts. Nodes drop old states, so keep it below a hundred or so.
    pub async fn connect(url: &str, contracts: Contracts, confirmations: u64) -> Result<Self, Error> {
        let chain = Chain::connect_to(url, &contracts).await?;
        Ok(Self { chain, contracts, confirmations, first_block: 0, place: Mutex::new(None) })
    }

    /// Connects to a node and asks the rollup itself for what belongs to it.
    pub async fn of_rollup(url: &str, rollup: EthAddress, confirmations: u64) -> Result<Self, Error> {
        let contracts = Chain::connect(url).await?.contracts_of(rollup).await?;
        Self::connect(url, contracts, confirmations).await
    }

    /// Names the block that the contracts were deployed in: nothing is searched for before it.
    #[must_use]
    pub fn starting_at(mut self, block: u64) -> Self {
        self.first_block = block;
        self
    }

    /// Returns the base chain's id.
    pub fn chain_id(&self) -> u64 {
        self.chain.id
    }

    /// Returns the contracts that are read.
    pub fn contracts(&self) -> Contracts {
        self.contracts
    }

    /// Returns the hash of the rules that the rollup was deployed with.
    pub async fn config_hash(&self) -> Result<Digest, Error> {
        let word = self.chain.read(&self.contracts.rollup, &Rollup::configHashCall {}).await?;
        our_digest(word, "the rollup's configuration hash")
    }

    /// Checks that this is the chain and the rollup that a configuration speaks of.
    pub async fn check_config(&self, chain_id: u64, config_hash: &Digest) -> Result<(), Error> {
        if self.chain.id != chain_id {
            let (expected, found) = (chain_id.to_string(), self.chain.id.to_string());
            return Err(Error::WrongChain { what: "the node's chain id", expected, found });
        }
        let found = self.config_hash().await?;
        if found != *config_hash {
            let (expected, found) = (config_hash.to_string(), found.to_string());
            return Err(Error::WrongChain { what: "the rollup's configuration hash", expected, found });
        }
        Ok(())
    }

    /// Returns at most `max` confirmed messages of the inbox in order, from `from_index` on. None are returned when none
    /// are confirmed yet, and also when the node lags behind what it showed before.
    pub async fn messages(&self, from_index: u64, max: u64) -> Result<Vec<Message>, Error> {
        let mut looks = 1;
        loop {
            match self.messages_now(from_index, max).await {
                Err(error) if is_of_two_blocks(&error) && looks < LOOKS => looks += 1,
                found => return found,
            }
        }
    }

    async fn messages_now(&self, from_index: u64, max: u64) -> Result<Vec<Message>, Error> {
        let mut place = self.place.lock().await;
        let Some(view) = self.confirmed().await? else { return Ok(Vec::new()) };
        let count = inbox::count(&self.chain, &self.contracts, &view).await?.unwrap_or(0);
        if count < from_index || count == 0 {
            return Ok(Vec::new());
        }
        let before = inbox::hash(&self.chain, &self.contracts, &view, from_index).await?;
        let known = place.filter(|known| known.index == from_index);
        if known.is_some_and(|known| known.hash != before) {
            return Err(Error::Reorganised { confirmations: self.confirmations });
        }
        let first_block = known.map_or(self.first_block, |known| known.block);
        let until = count.min(from_index.saturating_add(max));
        if until == from_index {
            // With nothing left to find, whatever comes is in later blocks.
            let block = if count == from_index { view.block.saturating_add(1) } else { first_block };
            *place = Some(Place { index: from_index, hash: before, block });
            return Ok(Vec::new());
        }
        let after = inbox::hash(&self.chain, &self.contracts, &view, until).await?;
        let found = inbox::search(&self.chain, &self.contracts, &view, first_block, from_index..until).await;
        let checked = found.and_then(|found| inbox::check(&found.messages, &before, &after).map(|()| found));
        // After a failure the place keeps its hash but not its block: a shallow reorganisation may have moved messages.
        let (index, hash, block) = match &checked {
            Ok(found) => (until, after, found.block),
            Err(_) => (from_index, before, self.first_block),
        };
        *place = Some(Place { index, hash, block });
        checked.map(|found| found.messages)
    }

    /// Returns the inbox's rolling hash after this many messages; `None` while so many are not confirmed. Compare it
    /// with a stored cursor after a restart: if they differ, the base chain dropped what was taken from it.
    pub async fn inbox_hash(&self, count: u64) -> Result<Option<Bytes32>, Error> {
        let mut looks = 1;
        loop {
            match self.inbox_hash_now(count).await {
                Err(error) if is_of_two_blocks(&error) && looks < LOOKS => looks += 1,
                found => return found,
            }
        }
    }

    async fn inbox_hash_now(&self, count: u64) -> Result<Option<Bytes32>, Error> {
        let Some(view) = self.confirmed().await? else { return Ok(None) };
        let queued = inbox::count(&self.chain, &self.contracts, &view).await?;
        if queued.is_none_or(|queued| queued < count) {
            return Ok(None);
        }
        inbox::hash(&self.chain, &self.contracts, &view, count).await.map(Some)
    }

    /// Returns how far the rollup is settled, as of the newest confirmed block.
    pub async fn settled(&self) -> Result<Settled, Error> {
        let too_recent = || Error::TooRecent { confirmations: self.confirmations };
        let view = self.confirmed().await?.ok_or_else(too_recent)?;
        let number = self.batch_number(&view).await?.ok_or_else(too_recent)?;
        let root = self.chain.read_at(&self.contracts.rollup, &Rollup::stateRootCall {}, view.id).await?;
        let state_root = our_digest(root.ok_or_else(too_recent)?, "the settled state root")?;
        Ok(Settled { number, state_root })
    }

    /// Returns where a batch was settled; `None` while that is not confirmed.
    pub async fn settlement(&self, number: u64) -> Result<Option<Settlement>, Error> {
        let Some(view) = self.confirmed().await? else { return Ok(None) };
        if number == 0 || self.batch_number(&view).await?.is_none_or(|settled| settled < number) {
            return Ok(None);
        }
        let inconsistent = |what| Error::Inconsistent { what: format!("batch {number} is settled but {what}") };
        let log = self.settlement_log(number, &view).await?.ok_or_else(|| inconsistent("not among the logs"))?;
        let (Some(hash), Some(block)) = (log.transaction_hash, log.block_number) else {
            return Err(inconsistent("its log names no transaction"));
        };
        let receipt = asked("a receipt", self.chain.node.get_transaction_receipt(hash)).await?;
        let receipt = receipt.ok_or_else(|| inconsistent("its transaction has no receipt"))?;
        Ok(Some(Settlement { transaction: our_word(hash), block, gas_used: receipt.gas_used }))
    }

    /// Returns a chunk of a state difference by its hash; `None` while its publication is not confirmed.
    pub async fn published(&self, chunk: &Bytes32) -> Result<Option<Vec<u8>>, Error> {
        let Some(view) = self.confirmed().await? else { return Ok(None) };
        history::published(&self.chain, &self.contracts, &view, chunk).await
    }

    /// Says whether a chunk of a state difference with this hash is published, as of the newest block.
    pub async fn is_published(&self, chunk: &Bytes32) -> Result<bool, Error> {
        let call = Rollup::publishedInCall { chunkHash: crate::convert::word(chunk) };
        Ok(self.chain.read(&self.contracts.rollup, &call).await? != U256::ZERO)
    }

    /// Returns the last settled batch, as of the newest block; 0 before the first.
    pub async fn newest_settled(&self) -> Result<u64, Error> {
        self.chain.read(&self.contracts.rollup, &Rollup::batchNumberCall {}).await
    }

    /// Returns the first published chunk that is wanted; `None` when no confirmed one is.
    pub async fn find_published(&self, is_wanted: impl FnMut(&[u8]) -> bool) -> Result<Option<Vec<u8>>, Error> {
        let Some(view) = self.confirmed().await? else { return Ok(None) };
        history::find_published(&self.chain, &self.contracts, &view, self.first_block, is_wanted).await
    }

    /// Returns the confirmed batches with these numbers, in order, each with the hashes of its chunks. With
    /// [`Reader::published`] that is all it takes to rebuild the state from L1 alone.
    pub async fn batches(&self, numbers: RangeInclusive<u64>) -> Result<Vec<SettledBatch>, Error> {
        let Some(view) = self.confirmed().await? else { return Ok(Vec::new()) };
        let settled = self.batch_number(&view).await?.unwrap_or(0);
        let wanted = *numbers.start().max(&1)..=settled.min(*numbers.end());
        let config_hash = self.config_hash().await?;
        history::batches(&self.chain, &self.contracts, &view, self.first_block, config_hash, wanted).await
    }

    /// Says whether the rollup has stopped for good, as of the newest block.
    pub async fn is_frozen(&self) -> Result<bool, Error> {
        self.chain.read(&self.contracts.rollup, &Rollup::frozenCall {}).await
    }

    /// Returns when the oldest message that no settled batch took was queued, in seconds since the Unix epoch; `None`
    /// when there is none. As of the newest block.
    pub async fn oldest_waiting(&self) -> Result<Option<u64>, Error> {
        // One block for all three, or a batch between them could take the message.
        let Some(view) = self.chain.view(0).await? else { return Ok(None) };
        let rollup = &self.contracts.rollup;
        let no_code = || Error::NoCode { address: *rollup };
        let taken = self.chain.read_at(rollup, &Rollup::consumedCall {}, view.id).await?.ok_or_else(no_code)?;
        let queued = inbox::count(&self.chain, &self.contracts, &view).await?.ok_or_else(no_code)?;
        if taken >= queued {
            return Ok(None);
        }
        self.chain.read_at(rollup, &Rollup::messageTimeCall { index: taken }, view.id).await
    }

    /// Returns how many messages the settled batches have taken, as of the newest block.
    pub async fn consumed(&self) -> Result<u64, Error> {
        self.chain.read(&self.contracts.rollup, &Rollup::consumedCall {}).await
    }

    /// Returns the L1 owner of an account, as of the newest block; `None` while the account is not open there.
    pub async fn owner_of(&self, account: AccountId) -> Result<Option<EthAddress>, Error> {
        let call = Rollup::ownerOfCall { account: digest_word(&account.0) };
        let owner = our_address(self.chain.read(&self.contracts.rollup, &call).await?);
        Ok((owner != EthAddress::ZERO).then_some(owner))
    }

    /// Says whether a withdrawal was paid, as of the newest block.
    pub async fn is_claimed(&self, withdrawal: u64) -> Result<bool, Error> {
        self.chain.read(&self.contracts.vault, &Vault::isClaimedCall { index: withdrawal }).await
    }

    /// Returns what the Vault holds of a token for the rollup, as of the newest block; the zero address is ETH.
    pub async fn vault_locked(&self, token: EthAddress) -> Result<Units, Error> {
        self.chain.read(&self.contracts.vault, &Vault::lockedCall { token: address(&token) }).await.map(Units)
    }

    /// Returns a token's base units per quantum, as of the newest block; `None` for a token never registered.
    pub async fn quantum(&self, token: EthAddress) -> Result<Option<Units>, Error> {
        let quantum = self.chain.read(&self.contracts.vault, &Vault::quantumOfCall { token: address(&token) }).await?;
        Ok((quantum != U256::ZERO).then_some(Units(quantum)))
    }

    /// Returns what an account holds of a token, as of the newest block.
    pub async fn token_balance(&self, token: EthAddress, owner: EthAddress) -> Result<Units, Error> {
        self.chain.read(&token, &TestToken::balanceOfCall { account: address(&owner) }).await.map(Units)
    }

    /// Returns what an account holds in wei, as of the newest block.
    pub async fn eth_balance(&self, owner: EthAddress) -> Result<Units, Error> {
        self.chain.eth_balance(&owner).await.map(Units)
    }

    async fn confirmed(&self) -> Result<Option<View>, Error> {
        self.chain.view(self.confirmations).await
    }

    async fn batch_number(&self, view: &View) -> Result<Option<u64>, Error> {
        self.chain.read_at(&self.contracts.rollup, &Rollup::batchNumberCall {}, view.id).await
    }

    /// Searches backwards, because most questions are about recent batches.
    async fn settlement_log(&self, number: u64, view: &View) -> Result<Option<Log>, Error> {
        let filter = Filter::new()
            .address(address(&self.contracts.rollup))
            .event_signature(Rollup::BatchSettled::SIGNATURE_HASH)
            .topic1(U256::from(number));
        let mut above = view.block.saturating_add(1);
        while above > self.first_block {
            let first = above.saturating_sub(BLOCKS_PER_QUERY).max(self.first_block);
            let mut logs = self.chain.logs(&filter, first, above - 1).await?;
            if let Some(log) = logs.pop() {
                return Ok(Some(log));
            }
            above = first;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Bytes, U64};
    use alloy::providers::RootProvider;
    use alloy::rpc::client::RpcClient;
    use alloy::rpc::types::Block;
    use alloy::sol_types::{SolCall as _, SolError as _};
    use alloy::transports::mock::Asserter;

    fn reader(answers: &Asserter) -> Reader {
        let chain = Chain { node: RootProvider::new(RpcClient::mocked(answers.clone())), id: 1 };
        let contracts = Contracts { rollup: EthAddress([1; 20]), vault: EthAddress([2; 20]) };
        Reader { chain, contracts, confirmations: 0, first_block: 0, place: Mutex::new(None) }
    }

    /// Answers of a node that counts a message in its newest block.
    fn counted(answers: &Asserter) {
        answers.push_success(&U64::from(7));
        answers.push_success(&Block::<alloy::rpc::types::Transaction>::default());
        answers.push_success(&Bytes::from(Rollup::inboxCountCall::abi_encode_returns(&1)));
    }

    /// And does not know it when it is asked for its hash.
    fn contradicted(answers: &Asserter) {
        let revert = Rollup::InboxTooShort { count: 1, queued: 0 }.abi_encode();
        let (code, message, data) = (3, "execution reverted", Bytes::from(revert).to_string());
        // From text: raw JSON is not taken out of a value.
        let text = serde_json::json!({ "code": code, "message": message, "data": data }).to_string();
        answers.push_failure(serde_json::from_str(&text).unwrap());
    }

    fn hashed(answers: &Asserter, hash: [u8; 32]) {
        answers.push_success(&Bytes::from(hash));
    }

    #[tokio::test]
    async fn a_node_that_answers_of_two_blocks_is_asked_again() {
        let answers = Asserter::new();
        for _ in 1..LOOKS {
            counted(&answers);
            contradicted(&answers);
        }
        counted(&answers);
        hashed(&answers, [5; 32]);
        assert_eq!(reader(&answers).inbox_hash(1).await.unwrap(), Some(Bytes32([5; 32])));

        let answers = Asserter::new();
        counted(&answers);
        contradicted(&answers);
        counted(&answers);
        hashed(&answers, [5; 32]);
        assert_eq!(reader(&answers).messages(1, 9).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_node_that_goes_on_contradicting_itself_is_an_error() {
        let answers = Asserter::new();
        for _ in 0..LOOKS {
            counted(&answers);
            contradicted(&answers);
        }
        let error = reader(&answers).inbox_hash(1).await.unwrap_err();
        assert!(is_of_two_blocks(&error), "{error}");
        assert!(answers.read_q().is_empty(), "it was asked so often and no more");
    }
}
