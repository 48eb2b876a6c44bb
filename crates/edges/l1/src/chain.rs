//! One node of the base chain, asked one question at a time.

use crate::abi::Rollup;
use crate::convert::{address, our_address};
use crate::error::Error;
use crate::standing::Standing;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{U64, U256};
use alloy::providers::utils::{EIP1559_FEE_ESTIMATION_PAST_BLOCKS as FEE_BLOCKS, eip1559_default_estimator};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::{BatchRequest, RpcClient};
use alloy::rpc::types::{FeeHistory, Filter, Log, TransactionRequest};
use alloy::sol_types::SolCall;
use alloy::transports::http::reqwest::{Client, Url};
use alloy::transports::{RpcError, TransportResult};
use std::future::Future;
use std::time::Duration;
use types::EthAddress;

/// How long one question may take. A node that is slower than this is down for our purposes.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// The percentile of recent tips that we offer to match.
pub const TIP_PERCENTILE: f64 = 20.0;

/// Where a rollup lives on the base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contracts {
    /// The chain of batches and the inbox.
    pub rollup: EthAddress,
    /// The holder of the value.
    pub vault: EthAddress,
}

/// A block to read the state at, named by hash: two reads at one view never see two histories.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub block: u64,
    pub id: BlockId,
}

#[derive(Debug)]
pub struct Chain {
    pub node: RootProvider,
    pub id: u64,
}

impl Chain {
    /// Connects to a node and asks it for its chain.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let url: Url = url.parse().map_err(|error| Error::BadUrl { source: Box::new(error) })?;
        if url.scheme() != "http" || url.host_str().is_none() {
            return Err(Error::BadUrl { source: "only http is spoken here".into() });
        }
        let client = Client::builder().timeout(ANSWER_WAIT).build();
        let client = client.map_err(|error| Error::Unreachable { doing: "a connection", source: Box::new(error) })?;
        let node = RootProvider::new(RpcClient::new_http_with_client(client, url));
        let id = asked("its chain id", node.get_chain_id()).await?;
        Ok(Self { node, id })
    }

    /// Connects to a node and checks that it knows the contracts, and that they know each other.
    pub async fn connect_to(url: &str, contracts: &Contracts) -> Result<Self, Error> {
        let chain = Self::connect(url).await?;
        for contract in [contracts.rollup, contracts.vault] {
            chain.check_code(contract).await?;
        }
        let vault = our_address(chain.read(&contracts.rollup, &Rollup::vaultCall {}).await?);
        if vault != contracts.vault {
            let (expected, found) = (contracts.vault.to_string(), vault.to_string());
            return Err(Error::WrongChain { what: "the rollup's vault", expected, found });
        }
        Ok(chain)
    }

    /// Asks a rollup for the contracts that belong to it.
    pub async fn contracts_of(&self, rollup: EthAddress) -> Result<Contracts, Error> {
        self.check_code(rollup).await?;
        let vault = our_address(self.read(&rollup, &Rollup::vaultCall {}).await?);
        Ok(Contracts { rollup, vault })
    }

    async fn check_code(&self, contract: EthAddress) -> Result<(), Error> {
        let code = asked("a contract's code", async { self.node.get_code_at(address(&contract)).await }).await?;
        if code.is_empty() { Err(Error::NoCode { address: contract }) } else { Ok(()) }
    }

    /// Reads from a contract at the head.
    pub async fn read<C: SolCall>(&self, contract: &EthAddress, call: &C) -> Result<C::Return, Error> {
        let found = self.read_at(contract, call, BlockId::latest()).await?;
        found.ok_or(Error::NoCode { address: *contract })
    }

    /// Reads from a contract at a block; `None` when there is no contract yet.
    pub async fn read_at<C: SolCall>(
        &self,
        contract: &EthAddress,
        call: &C,
        block: BlockId,
    ) -> Result<Option<C::Return>, Error> {
        let request = TransactionRequest::default().to(address(contract)).input(call.abi_encode().into());
        let output = asked("a contract's state", async { self.node.call(request).block(block).await }).await?;
        if output.is_empty() {
            return Ok(None);
        }
        let value = C::abi_decode_returns_validate(&output);
        let what = || format!("{contract} does not answer {} as its contract does", C::SIGNATURE);
        value.map(Some).map_err(|_| Error::Inconsistent { what: what() })
    }

    /// Returns the newest block that has this many others on top; `None` when the chain is shorter.
    pub async fn view(&self, confirmations: u64) -> Result<Option<View>, Error> {
        let head = asked("its newest block", self.node.get_block_number()).await?;
        let Some(block) = head.checked_sub(confirmations) else { return Ok(None) };
        let query = async { self.node.get_block_by_number(BlockNumberOrTag::Number(block)).await };
        let Some(found) = asked("a block", query).await? else {
            return Err(Error::Inconsistent { what: format!("block {block} is gone although block {head} is there") });
        };
        Ok(Some(View { block, id: BlockId::hash_canonical(found.header.hash) }))
    }

    /// Returns the logs in a range of blocks, both ends included. Asks for fewer blocks at once when the node finds
    /// the answer too long.
    pub async fn logs(&self, filter: &Filter, first: u64, last: u64) -> Result<Vec<Log>, Error> {
        let mut found = Vec::new();
        let (mut at, mut span) = (first, last.saturating_sub(first).saturating_add(1));
        while at <= last {
            let end = last.min(at.saturating_add(span - 1));
            let part = filter.clone().from_block(at).to_block(end);
            match self.node.get_logs(&part).await {
                Ok(logs) => {
                    check_logs(&logs, &part, at, end)?;
                    found.extend(logs);
                    at = end + 1;
                }
                Err(RpcError::ErrorResp(_)) if span > 1 => span = span.div_ceil(2),
                Err(error) => return Err(Error::from_node("logs", error)),
            }
        }
        Ok(found)
    }

    /// Looks at an account and at fees: one batch of questions at the head, and one at the final depth, whose block is
    /// known only then.
    pub async fn standing(&self, account: &EthAddress, depth: u64) -> Result<Standing, Error> {
        let (account, newest) = (address(account), BlockNumberOrTag::Latest);
        let mut batch = BatchRequest::new(self.node.client());
        // Not from the history of fees, which some nodes write a moment after the block.
        let head = batch.add_call::<_, U64>("eth_blockNumber", &());
        let history =
            batch.add_call::<_, FeeHistory>("eth_feeHistory", &(U64::from(FEE_BLOCKS), newest, [TIP_PERCENTILE]));
        let nonce = batch.add_call::<_, U64>("eth_getTransactionCount", &(account, newest));
        let pending = batch.add_call::<_, U64>("eth_getTransactionCount", &(account, BlockNumberOrTag::Pending));
        let balance = batch.add_call::<_, U256>("eth_getBalance", &(account, newest));
        let doing = "how our account stands";
        let ours = |error| Error::from_node(doing, error);
        let (head, history, nonce) = (head.map_err(ours)?, history.map_err(ours)?, nonce.map_err(ours)?);
        let (pending, balance) = (pending.map_err(ours)?, balance.map_err(ours)?);
        asked(doing, batch.send()).await?;
        let (head, history): (u64, _) = (asked(doing, head).await?.to(), asked(doing, history).await?);
        let (nonce, pending) = (asked(doing, nonce).await?.to(), asked(doing, pending).await?.to());
        let balance = asked(doing, balance).await?;
        let Some(base) = history.next_block_base_fee() else {
            return Err(Error::Inconsistent { what: "the node names no base fee".to_owned() });
        };
        let tips = history.reward.unwrap_or_default();
        let tip = eip1559_default_estimator(0, &tips).max_priority_fee_per_gas;
        let at = BlockId::number(head.saturating_sub(depth));
        let count = async { self.node.get_transaction_count(account).block_id(at).await };
        let nonce_final = asked("our final nonce", count).await?;
        Ok(Standing {
            head,
            nonce,
            nonce_final,
            nonce_pending: pending,
            balance_wei: balance.try_into().unwrap_or(u128::MAX),
            base_fee_wei: u64::try_from(base).unwrap_or(u64::MAX),
            tip_wei: u64::try_from(tip).unwrap_or(u64::MAX),
        })
    }

    pub async fn eth_balance(&self, owner: &EthAddress) -> Result<U256, Error> {
        asked("a balance", async { self.node.get_balance(address(owner)).await }).await
    }
}

/// Checks that a node answered what was asked: logs of another contract or event must never count.
fn check_logs(logs: &[Log], filter: &Filter, first: u64, last: u64) -> Result<(), Error> {
    let fits = |log: &Log| {
        let in_range = log.block_number.is_some_and(|block| (first..=last).contains(&block));
        in_range && !log.removed && filter.matches(&log.inner)
    };
    if logs.iter().all(fits) {
        return Ok(());
    }
    Err(Error::Inconsistent { what: "a log is not among those asked for".to_owned() })
}

/// Waits for an answer and sorts what may have gone wrong.
pub async fn asked<T>(doing: &'static str, answer: impl Future<Output = TransportResult<T>>) -> Result<T, Error> {
    answer.await.map_err(|error| Error::from_node(doing, error))
}
