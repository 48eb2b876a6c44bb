//! The run, part after part.

use super::Options;
use super::audit::{self, Check, Replay};
use super::book::{Book, Deed, Purse};
use super::chance::Chance;
use super::lanes::{self, Done, Fate, Lanes};
use super::pipe::Pipe;
use super::plan::{self, Crowd, Intent, Size};
use super::progress::Progress;
use super::report::{Phase, Report};
use super::samples::{self, Sample};
use super::target::Target;
use crate::error::Error;
use crate::market;
use crate::say::Say;
use l1::{Call, Order, Reader, Receipt};
use ledger::Message;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{AccountId, Amount, EthAddress, Height, TransactionId};

/// How often things are asked for that nothing announces.
const POLL: Duration = Duration::from_millis(50);
/// How often it is asked how far settling is, only to tell it.
const WATCH: Duration = Duration::from_secs(1);
/// How long the network may take to credit what is deposited, or to settle what it did.
const SLOWEST: Duration = Duration::from_secs(900);
/// How many questions are on their way at one time.
const AT_ONCE: usize = 16;
/// How many parts of the run transactions are sampled from, paying others on the ledger not counted.
const SAMPLED_PARTS: usize = 5;

/// Waits for something, but not for ever.
async fn in_time<T>(what: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(SLOWEST, work).await.unwrap_or_else(|_| {
        let seconds = SLOWEST.as_secs();
        Err(Error::failed(format!("the network did not {what} in {seconds} s: look at its log, then run this again")))
    })
}

/// The run.
pub struct Walk {
    target: Target,
    size: Size,
    claims: usize,
    samples_each: usize,
    samples_all: usize,
    crowd: Arc<Crowd>,
    chance: Chance,
    reader: Arc<Reader>,
    pipe: Pipe,
    lanes: Lanes,
    progress: Progress,
    replay: Replay,
    book: Book,
    nonces: Vec<u64>,
    samples: Vec<Sample>,
    withdrawn: Vec<(TransactionId, Height)>,
    first_batch: u64,
    spent: Spent,
    /// What is shown at the end.
    pub report: Report,
}

/// What the funder's L1 account should have paid and got, in wei.
#[derive(Default)]
struct Spent {
    before: u128,
    deposits: u128,
    gas: u128,
    claims: u128,
}

impl Spent {
    fn pay_gas(&mut self, receipts: &[Receipt]) -> u64 {
        let cost = |receipt: &Receipt| u128::from(receipt.gas_used) * u128::from(receipt.price_wei);
        self.gas += receipts.iter().map(cost).sum::<u128>();
        receipts.iter().map(|receipt| receipt.gas_used).sum()
    }
}

const GWEI: u128 = 1_000_000_000;

impl Walk {
    /// Connects, and reads from the chain how far an earlier run has come.
    pub async fn start(target: Target, options: &Options, size: Size, say: &Say) -> Result<Self, Error> {
        let (reader, writer) = (Arc::new(target.reader().await?), Arc::new(target.writer().await?));
        let progress = Progress::start(say);
        let pipe = Pipe::new(Arc::clone(&writer), progress.clone());
        pipe.is_clear().await?;
        let crowd = Crowd::derive(writer.address(), &target.funder, &options.seed, &size);
        let status = target.client.status().await?;
        let mut replay = Replay::new(target.config.clone());
        let head = status.head.as_ref().map_or(Height(0), |head| head.height);
        replay.run_to(&target.client, head, &progress).await?;
        let lanes =
            Lanes::new(target.client.clone(), &target.config, options.in_flight, options.rate, progress.clone());
        let before = wei(&reader, writer.address()).await?;
        let mut walk = Self {
            report: Report::new(size.clone(), options.seed.clone()),
            book: Book::new(size.per_pair()),
            nonces: crowd.ids.iter().map(|id| replay.nonce(*id)).collect(),
            chance: Chance::new(options.seed.as_bytes()),
            claims: options.claims,
            samples_each: options.samples.div_ceil(SAMPLED_PARTS),
            samples_all: options.samples,
            first_batch: status.settled + 1,
            spent: Spent { before, ..Spent::default() },
            samples: Vec::new(),
            withdrawn: Vec::new(),
            crowd: Arc::new(crowd),
            target,
            size,
            reader,
            pipe,
            lanes,
            progress,
            replay,
        };
        walk.begin().await?;
        Ok(walk)
    }

    /// Notes in the book what everybody has, deposits included that an earlier run made and nobody credited yet.
    async fn begin(&mut self) -> Result<(), Error> {
        for who in 0..self.size.accounts {
            let tally = self.size.tally_of(who);
            for purse in [Purse::Money, Purse::Stock(tally), Purse::Foil(tally)] {
                self.book.begin(who, purse, audit::held(&self.replay.state, &self.crowd, who, purse));
            }
        }
        for tally in 0..self.size.tallies() {
            self.book.begin_locked(tally, audit::locked(&self.replay.state, &self.crowd, tally));
        }
        let numbers: BTreeMap<AccountId, usize> = self.crowd.ids.iter().copied().zip(0..).collect();
        for message in audit::messages(&self.reader, self.replay.taken()).await? {
            if let Message::Deposit(deposit) = message
                && let Some(who) = numbers.get(&deposit.account)
                && deposit.token == ledger::bridge::token_word(EthAddress::ZERO)
            {
                self.book.begin(*who, Purse::Money, deposit.amount.quanta());
            }
        }
        Ok(())
    }

    /// Does everything.
    pub async fn run(&mut self) -> Result<(), Error> {
        let held: Vec<u64> = (0..self.size.accounts)
            .map(|who| u64::try_from(self.book.balance(who, Purse::Money)).unwrap_or(0))
            .collect();
        self.deposit(plan::deposits(&self.size, &held)).await?;
        self.act("fan out", plan::fan_out(&self.size, &held)).await?;
        let transfers = plan::transfers(&self.size, &mut self.chance);
        self.act("transfers", transfers).await?;
        let halves = plan::halves(&self.size, &mut self.chance);
        self.act("tally splits", halves.split).await?;
        self.act("transfers of halves", halves.pay).await?;
        self.act("tally merges", halves.merge).await?;
        let withdrawals = plan::withdrawals(&self.size, &mut self.chance);
        self.act("withdrawals", withdrawals).await?;
        let settled = self.settle().await?;
        self.claim().await?;
        self.audit(settled).await
    }

    /// Ends the telling of how far it is.
    pub fn end(&self) {
        self.progress.end();
    }

    /// Makes the deposits on L1 and waits until all are credited.
    async fn deposit(&mut self, deeds: Vec<Deed>) -> Result<(), Error> {
        let from = self.replay.taken();
        let mut wanted: BTreeMap<AccountId, u64> = BTreeMap::new();
        let mut orders: Vec<Order> = Vec::with_capacity(deeds.len());
        for deed in &deeds {
            let Deed::Deposit { to, amount } = *deed else { continue };
            let account = self.crowd.ids[to];
            let quanta = Amount::new(amount).map_err(|error| Error::failed(error.to_string()))?;
            orders.push(self.pipe.writer().order(Call::DepositEth { account, amount: quanta }));
            wanted.insert(account, amount);
            self.spent.deposits += u128::from(amount) * GWEI;
        }
        self.progress.begin("deposits on L1", orders.len());
        let (start, count) = (Instant::now(), orders.len());
        let receipts = self.pipe.send(orders).await?;
        let gas = self.spent.pay_gas(&receipts);
        deeds.iter().for_each(|deed| self.book.write(deed));
        self.report.phases.push(Phase::plain("deposits on L1", count, start, gas));

        let start = Instant::now();
        let first = receipts.iter().map(|receipt| receipt.block).min();
        let messages = audit::messages(&self.reader, from).await?;
        let funder = self.pipe.writer().address();
        let mut queued = 0;
        for message in &messages {
            if let Message::Deposit(deposit) = message
                && deposit.sender == funder
                && wanted.get(&deposit.account) == Some(&deposit.amount.quanta())
            {
                wanted.remove(&deposit.account);
                queued += 1;
            }
        }
        self.report.checks.push(Check::new("deposits that the inbox holds", count, queued));
        if let (Some(_), Some(last)) = (first, messages.last()) {
            in_time("credit the deposits", self.credited(from, last.index() + 1)).await?;
        }
        self.report.phases.push(Phase::plain("deposits credited", count, start, 0));
        Ok(())
    }

    async fn credited(&self, from: u64, until: u64) -> Result<(), Error> {
        self.progress.begin("L1 messages taken", usize::try_from(until - from).unwrap_or(0));
        let mut taken = from;
        while taken < until {
            let now = self.target.client.status().await?.cursor.inbox_count;
            self.progress.add(usize::try_from(now.saturating_sub(taken)).unwrap_or(0));
            taken = now.max(taken);
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Signs and sends transactions, and writes down what was applied.
    async fn act(&mut self, name: &'static str, intents: Vec<Intent>) -> Result<(), Error> {
        if intents.is_empty() {
            return Ok(());
        }
        let signing = Instant::now();
        let signed = lanes::sign(&self.crowd, self.target.config.hash(), &mut self.nonces, &intents).await?;
        self.report.signing += signing.elapsed();
        self.progress.begin(name, signed.len());
        let start = Instant::now();
        let done = self.lanes.send(signed).await?;
        self.report.phases.push(Phase::sent(name, &done, start.elapsed()));
        for each in &done {
            let intent = &intents[each.signed.intent];
            self.report.compare(name, intent, each);
            if each.fate == Fate::Applied {
                self.book.write(&intent.deed);
                if let Deed::Withdraw { .. } = intent.deed {
                    self.withdrawn.push((each.signed.id, each.height));
                }
            }
        }
        self.samples.extend(samples::pick(&done, self.samples_each));
        self.read_nonces(&intents, &done).await
    }

    /// Asks for the nonces of those whose transactions used none up.
    async fn read_nonces(&mut self, intents: &[Intent], done: &[Done]) -> Result<(), Error> {
        for each in done.iter().filter(|each| matches!(each.fate, Fate::Refused(_))) {
            let who = intents[each.signed.intent].sender;
            self.nonces[who] = self.target.client.nonce(self.crowd.ids[who]).await?;
        }
        Ok(())
    }

    /// Waits until L1 has settled everything that was done.
    async fn settle(&mut self) -> Result<Height, Error> {
        self.progress.begin("batches settled on L1", 0);
        let start = Instant::now();
        let head = self.target.client.status().await?.head.map_or(Height(0), |head| head.height);
        let view = in_time("settle on L1", async {
            tokio::select! {
                view = market::settled(&self.target.client, head) => view,
                failed = self.watch_batches() => failed,
            }
        });
        let view = view.await?;
        let last = view.batch.header.number;
        let mut next = self.first_batch;
        while next <= last {
            let part = self.target.client.batches(next, AT_ONCE).await?;
            for view in part.batches.iter().filter(|view| view.batch.header.number <= last) {
                self.report.batches.count += 1;
                self.report.batches.blocks += view.batch.last.0 + 1 - view.batch.first.0;
                self.report.batches.settled.extend(market::Settled::of(&self.target.client, view).await?);
            }
            if part.next <= next {
                break;
            }
            next = part.next;
        }
        self.report.phases.push(Phase::plain("wait for L1 to settle", self.report.batches.count, start, 0));
        Ok(view.batch.last)
    }

    /// Tells how many batches are settled, until it is dropped.
    async fn watch_batches<T>(&self) -> Result<T, Error> {
        loop {
            let status = self.target.client.status().await?;
            let before = self.first_batch - 1;
            self.progress.reach(status.settled.saturating_sub(before), status.sealed.saturating_sub(before));
            tokio::time::sleep(WATCH).await;
        }
    }

    /// Claims some of the withdrawals on L1.
    async fn claim(&mut self) -> Result<(), Error> {
        let step = self.withdrawn.len().div_ceil(self.claims.max(1)).max(1);
        let picked: Vec<TransactionId> =
            self.withdrawn.iter().step_by(step).take(self.claims).map(|(id, _)| *id).collect();
        let (start, count) = (Instant::now(), picked.len());
        self.progress.begin("claims on L1", count);
        let find = |id: TransactionId| {
            let client = self.target.client.clone();
            async move { Ok(client.withdrawal(&id).await?) }
        };
        let proofs = self.progress.each(AT_ONCE, picked, find).await?;
        let order = |proof: &api::WithdrawalProof| {
            let (batch, position, path) = (proof.batch, proof.position, proof.path.as_slice());
            self.pipe.writer().order(Call::Claim { batch, claimed: &proof.withdrawal, position, path })
        };
        let receipts = self.pipe.send(proofs.iter().map(order).collect()).await?;
        let gas = self.spent.pay_gas(&receipts);
        let mut paid = 0;
        for proof in &proofs {
            self.spent.claims += u128::from(proof.withdrawal.amount.quanta()) * GWEI;
            paid += usize::from(self.reader.is_claimed(proof.withdrawal.index).await?);
        }
        self.report.phases.push(Phase::plain("claims on L1", count, start, gas));
        self.report.checks.push(Check::new("claims that the vault paid", count, paid));
        Ok(())
    }

    /// Compares everything.
    async fn audit(&mut self, settled: Height) -> Result<(), Error> {
        let start = Instant::now();
        let (client, progress) = (self.target.client.clone(), self.progress.clone());
        self.replay.run_to(&client, settled, &progress).await?;
        let faults = self.book.faults();
        self.report.checks.push(Check::new("laws that the own book breaks", 0, faults.len()));
        self.report.surprises.extend(faults);
        self.report.deviations = audit::compare(&self.book, &self.crowd, &self.replay.state);
        let count = self.book.balances().count() + self.book.locked().count();
        let agreeing = count - self.report.deviations.len();
        self.report.checks.push(Check::new(
            "balances and tallies that the blocks executed again give",
            count,
            agreeing,
        ));

        let number = client.batch_of(settled).await?.batch.header.number;
        let on_l1 = self.reader.batches(number..=number).await?;
        let root = on_l1.first().map_or("none".to_owned(), |batch| batch.header.state_root.to_string());
        let own = self.replay.root_at(settled).map_or("none".to_owned(), |root| root.to_string());
        self.report.checks.push(Check::new(format!("root of batch {number} on L1"), own, root));
        let (sequencer, chain) = (&self.target.config.sequencer, self.target.config.hash());
        let check = samples::confirmations(&client, sequencer, chain, &self.samples, &progress).await?;
        self.report.checks.push(check);
        let check = samples::receipts(&client, &self.target.anchor, &self.samples, &progress).await?;
        self.report.checks.push(check);
        let (book, crowd, samples) = (&self.book, &self.crowd, self.samples_all);
        let balances = samples::balances(&client, book, crowd, &mut self.replay, samples, &progress);
        self.report.checks.push(in_time("settle on L1", balances).await?);
        self.report.checks.push(audit::vault(&self.replay, &self.reader, &progress).await?);
        let found = wei(&self.reader, self.pipe.writer().address()).await?;
        let spent = &self.spent;
        let expected = (spent.before + spent.claims).checked_sub(spent.deposits + spent.gas);
        let expected = expected.map_or("less than nothing".to_owned(), |wei| wei.to_string());
        self.report.checks.push(Check::new(
            "the funder's ETH on L1, wei: before - deposits - gas + claims",
            expected,
            found,
        ));
        self.report.phases.push(Phase::plain("audit", count, start, 0));
        Ok(())
    }
}

async fn wei(reader: &Reader, owner: EthAddress) -> Result<u128, Error> {
    let units = reader.eth_balance(owner).await?.to_u128();
    units.ok_or_else(|| Error::failed("an L1 balance is too large to compare"))
}
