//! Many L1 transactions of one key: sent with successive nonces and not one after the other.

use super::progress::Progress;
use crate::error::Error;
use l1::{Answer, GAS_PER_TRANSACTION_MAX, Order, Receipt, Standing, Writer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::Bytes32;

/// How many transactions wait for a block at one time. Their gas fits into a block or two.
const WINDOW: usize = 512;
/// How many of them are on their way to the node at one time.
const AT_ONCE: usize = 32;
/// How often the node is asked how far it is.
const POLL: Duration = Duration::from_millis(50);
/// How long nothing may come into a block before everything is offered again for more.
const STALL: Duration = Duration::from_secs(15);
/// How long nothing may come into a block at all.
const LONGEST: Duration = Duration::from_secs(180);

/// A transaction that has its nonce, with the hashes under which it was sent.
struct Ticket {
    order: Order,
    nonce: u64,
    hashes: Vec<Bytes32>,
}

/// What is offered for a unit of gas.
#[derive(Clone, Copy)]
struct Fees {
    most: u64,
    tip: u64,
}

impl Fees {
    fn of(standing: &Standing) -> Self {
        let tip = standing.tip_wei;
        Self { most: standing.base_fee_wei.saturating_mul(2).saturating_add(tip), tip }
    }

    /// Returns enough more that a node takes it in the place of the same at the old price.
    fn raised(self, standing: &Standing) -> Self {
        let now = Self::of(standing);
        let more = |old: u64| old.saturating_add(old / 4).saturating_add(1);
        Self { most: now.most.max(more(self.most)), tip: now.tip.max(more(self.tip)) }
    }
}

/// Sends from one L1 account. Nothing else may send from it meanwhile.
#[derive(Clone)]
pub struct Pipe {
    writer: Arc<Writer>,
    progress: Progress,
}

impl Pipe {
    /// Takes the account's writer.
    pub fn new(writer: Arc<Writer>, progress: Progress) -> Self {
        Self { writer, progress }
    }

    /// Returns the writer.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Waits until nothing of an earlier run is on its way any more.
    pub async fn is_clear(&self) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let standing = self.writer.view(0).await?;
            if standing.nonce == standing.nonce_pending {
                return Ok(());
            }
            if start.elapsed() > LONGEST {
                return Err(Error::failed(format!(
                    "{} has transactions on L1 that come into no block: wait for them, or name another key",
                    self.writer.address()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends transactions that need about the same gas, waits until all are in blocks, and returns their receipts in
    /// order.
    ///
    /// # Errors
    /// When one of them reverted, or another program sends from this account.
    pub async fn send(&self, orders: Vec<Order>) -> Result<Vec<Receipt>, Error> {
        let Some(first) = orders.first() else { return Ok(Vec::new()) };
        let gas = self.writer.estimate(first).await?;
        // Some need a word of storage that the first found made already.
        let gas = gas.saturating_add(gas / 2).saturating_add(25_000).min(GAS_PER_TRANSACTION_MAX);
        let mut receipts = Vec::with_capacity(orders.len());
        for window in orders.chunks(WINDOW) {
            receipts.extend(self.window(window, gas).await?);
            self.progress.add(window.len());
        }
        Ok(receipts)
    }

    async fn window(&self, orders: &[Order], gas: u64) -> Result<Vec<Receipt>, Error> {
        let standing = self.writer.view(0).await?;
        let ticket = |(nonce, order): (u64, &Order)| Ticket { order: order.clone(), nonce, hashes: Vec::new() };
        let mut tickets: Vec<Ticket> = (standing.nonce..).zip(orders).map(ticket).collect();
        let last = standing.nonce.saturating_add(u64::try_from(orders.len()).unwrap_or(u64::MAX));
        let mut fees = Fees::of(&standing);
        self.offer(&mut tickets, gas, fees).await?;
        let (mut reached, mut moved, mut offered) = (standing.nonce, Instant::now(), Instant::now());
        loop {
            let standing = self.writer.view(0).await?;
            if standing.nonce >= last {
                break;
            }
            if standing.nonce > reached {
                (reached, moved, offered) = (standing.nonce, Instant::now(), Instant::now());
            }
            if moved.elapsed() > LONGEST {
                return Err(Error::failed(format!(
                    "L1 takes no transaction of {} into a block: look at the L1 node, then run this again",
                    self.writer.address()
                )));
            }
            if offered.elapsed() > STALL {
                fees = fees.raised(&standing);
                let waiting = tickets.partition_point(|ticket| ticket.nonce < standing.nonce);
                self.offer(&mut tickets[waiting..], gas, fees).await?;
                offered = Instant::now();
            }
            tokio::time::sleep(POLL).await;
        }
        self.receipts(tickets).await
    }

    async fn offer(&self, tickets: &mut [Ticket], gas: u64, fees: Fees) -> Result<(), Error> {
        let orders = tickets.iter().map(|ticket| (ticket.order.clone(), ticket.nonce)).collect();
        let send = |(order, nonce): (Order, u64)| {
            let writer = Arc::clone(&self.writer);
            async move { Ok(writer.sign_and_send(&order, nonce, gas, fees.most, fees.tip).await) }
        };
        let answers = self.progress.each(AT_ONCE, orders, send).await?;
        for (ticket, (hash, answer)) in tickets.iter_mut().zip(answers) {
            let address = self.writer.address();
            match answer {
                Answer::Unfunded => {
                    return Err(Error::failed(format!("{address} holds too little ETH on L1 for this: send it some")));
                }
                Answer::Refused => {
                    return Err(Error::failed(format!(
                        "the L1 node refused transaction {} of {address}: read its log, then run this again",
                        ticket.nonce
                    )));
                }
                // Whatever did not arrive is offered again when nothing moves.
                Answer::Taken | Answer::Underpriced | Answer::NonceTooLow | Answer::Unreachable => {
                    ticket.hashes.push(hash);
                }
            }
        }
        Ok(())
    }

    async fn receipts(&self, tickets: Vec<Ticket>) -> Result<Vec<Receipt>, Error> {
        let find = |ticket: Ticket| {
            let writer = Arc::clone(&self.writer);
            async move {
                for hash in &ticket.hashes {
                    let Some(receipt) = writer.receipt(hash).await? else { continue };
                    if receipt.succeeded {
                        return Ok(receipt);
                    }
                    return Err(Error::failed(format!(
                        "L1 transaction {hash} failed: look at it on the L1 node, then run this again"
                    )));
                }
                Err(Error::failed(format!(
                    "another program sends from {}: stop it, or name another key",
                    writer.address()
                )))
            }
        };
        self.progress.each(AT_ONCE, tickets, find).await
    }
}
