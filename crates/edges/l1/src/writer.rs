//! What we do on the base chain, with one key.

use crate::abi::{Rollup, TestToken, Vault};
use crate::call::{Call, Order};
use crate::chain::{Chain, Contracts};
use crate::convert::{address, digest_word, our_address};
use crate::error::Error;
use crate::payer::{Limits, Payer, Sent};
use crate::refusal;
use crate::standing::{Answer, Receipt, Standing};
use crate::units::Units;
use alloy::primitives::U256;
use alloy::sol_types::SolCall as _;
use crypto::Secret;
use ledger::Withdrawal;
use proof::BatchHeader;
use types::{AccountId, Amount, Bytes32, EthAddress};

/// Sends transactions to the contracts of one rollup and waits until they are in a block. One writer per key: it may
/// be called from many tasks, but two writers of one key race for nonces.
pub struct Writer {
    payer: Payer,
    contracts: Contracts,
    exits: EthAddress,
}

/// A deposit of a token, which may have needed an approval first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenDeposit {
    /// The approval; `None` when an earlier one sufficed.
    pub approval: Option<Sent>,
    /// The deposit.
    pub deposit: Sent,
}

impl Writer {
    /// Connects to a node, checks the contracts, and takes a copy of the key.
    pub async fn connect(url: &str, key: &Secret<[u8; 32]>, contracts: Contracts) -> Result<Self, Error> {
        let chain = Chain::connect_to(url, &contracts).await?;
        let exits = our_address(chain.read(&contracts.rollup, &Rollup::exitsCall {}).await?);
        Ok(Self { payer: Payer::new(chain, key)?, contracts, exits })
    }

    /// Bounds what each transaction may cost, in place of the default.
    #[must_use]
    pub fn limited_to(mut self, limits: Limits) -> Self {
        self.payer.limits = limits;
        self
    }

    /// Returns the account that signs and pays.
    pub fn address(&self) -> EthAddress {
        self.payer.address
    }

    /// Returns the base chain's id.
    pub fn chain_id(&self) -> u64 {
        self.payer.chain.id
    }

    /// Returns how the account and the chain stand, in two questions. A block is final with `depth` others on top.
    pub async fn view(&self, depth: u64) -> Result<Standing, Error> {
        self.payer.chain.standing(&self.payer.address, depth).await
    }

    /// Returns the transaction that makes a call.
    pub fn order(&self, call: Call<'_>) -> Order {
        call.order(&self.contracts, &self.exits)
    }

    /// Returns the gas that a transaction would use on the newest state.
    pub async fn estimate(&self, order: &Order) -> Result<u64, Error> {
        self.payer.estimate(order).await
    }

    /// Signs and sends a transaction on these terms. Does not wait for a block. The same terms have the same hash,
    /// however often they are sent, and it is returned whatever the node says.
    pub async fn sign_and_send(
        &self,
        order: &Order,
        nonce: u64,
        gas_limit: u64,
        max_fee_wei: u64,
        tip_wei: u64,
    ) -> (Bytes32, Answer) {
        self.payer.offer(order, nonce, gas_limit, max_fee_wei, tip_wei).await
    }

    /// Returns where a transaction of ours is; `None` when it is in no block.
    pub async fn receipt(&self, transaction: &Bytes32) -> Result<Option<Receipt>, Error> {
        self.payer.found(transaction).await
    }

    /// Makes a call and waits until it is in a block. Chooses nonce and fees by itself: not for a key that an outbox
    /// sends with.
    pub async fn call(&self, call: Call<'_>) -> Result<Sent, Error> {
        self.payer.execute(&self.order(call)).await
    }

    /// Settles a batch with its published chunks and the committee's evidence.
    pub async fn settle(&self, batch: &BatchHeader, chunks: &[Bytes32], evidence: &[u8]) -> Result<Sent, Error> {
        self.call(Call::Settle { batch, chunks, evidence }).await
    }

    /// Deposits ETH for an account of the rollup. A quantum of ETH is 10^9 wei.
    pub async fn deposit_eth(&self, amount: Amount, account: AccountId) -> Result<Sent, Error> {
        self.call(Call::DepositEth { account, amount }).await
    }

    /// Deposits a token for an account of the rollup. Approves the Vault first when its allowance is short, and for no
    /// more than this amount.
    pub async fn deposit_token(
        &self,
        token: EthAddress,
        amount: Amount,
        account: AccountId,
    ) -> Result<TokenDeposit, Error> {
        let units = self.units(&token, amount).await?;
        let approval = self.approve(&token, units).await?;
        let call = Vault::depositCall { token: address(&token), amount: units, account: digest_word(&account.0) };
        let deposit = self.payer.execute(&Order::call(&self.contracts.vault, call.abi_encode())).await?;
        Ok(TokenDeposit { approval, deposit })
    }

    /// Claims a withdrawal of a settled batch for its recipient. `position` and `path` lead to the batch's
    /// withdrawals root.
    pub async fn claim(
        &self,
        batch_number: u64,
        claimed: &Withdrawal,
        position: u64,
        path: &[Bytes32],
    ) -> Result<Sent, Error> {
        self.call(Call::Claim { batch: batch_number, claimed, position, path }).await
    }

    /// Makes base units of a dev token out of nothing. Other tokens refuse.
    pub async fn mint(&self, token: EthAddress, to: EthAddress, units: Units) -> Result<Sent, Error> {
        let call = TestToken::mintCall { recipient: address(&to), amount: units.0 };
        self.payer.execute(&Order::call(&token, call.abi_encode())).await
    }

    async fn units(&self, token: &EthAddress, amount: Amount) -> Result<U256, Error> {
        let call = Vault::quantumOfCall { token: address(token) };
        let quantum = self.payer.chain.read(&self.contracts.vault, &call).await?;
        // ETH has a quantum too, but comes by its own door.
        if quantum == U256::ZERO || *token == EthAddress::ZERO {
            return Err(refusal::foreseen("TokenUnknown"));
        }
        U256::from(amount.quanta()).checked_mul(quantum).ok_or_else(|| refusal::foreseen("AmountTooLarge"))
    }

    async fn approve(&self, token: &EthAddress, units: U256) -> Result<Option<Sent>, Error> {
        let (owner, spender) = (address(&self.payer.address), address(&self.contracts.vault));
        let allowance = self.payer.chain.read(token, &TestToken::allowanceCall { owner, spender }).await?;
        if allowance >= units {
            return Ok(None);
        }
        let call = TestToken::approveCall { spender, value: units };
        self.payer.execute(&Order::call(token, call.abi_encode())).await.map(Some)
    }
}
