//! The demo's steps.

use super::audit;
use super::liar::Liar;
use super::notes::{Notes, Purse, Shares, Who};
use super::report::Report;
use crate::account::held;
use crate::error::Error;
use crate::market::{self, Seen, Settled, Wish, money};
use crate::network::Network;
use crate::network::dev::{self, Role};
use crate::say::Say;
use client::{Client, Wallet};
use l1::{Reader, Writer};
use ledger::Withdraw;
use provider::{Execute as _, Executors, Stake};
use sandbox::Sandbox;
use std::sync::Arc;
use std::time::{Duration, Instant};
use task::{Reason, Standing, Submit, Verdict};
use transition::Action;
use types::{AccountId, Amount, AssetId, EthAddress, Fuel, Height, Rate, TaskId, TransactionId};

/// What the requester deposits: 100.000000 of the development token, and half an ether in gwei.
const TOKENS: u64 = 100_000_000;
const GWEI: u64 = 500_000_000;
/// What the requester offers, in quanta per million fuel.
const RATE: Rate = Rate(20_000);
/// What the liar asks: less than the honest ones, so that it is surely chosen.
const LIAR_RATE: Rate = Rate(9_000);
/// What one run may use.
const FUEL_LIMIT: Fuel = Fuel(50_000_000);
const MEMORY_BYTES: u64 = 16 << 20;
/// How long things outside the feed are waited for between two looks.
const POLL: Duration = Duration::from_millis(50);

/// The walk through the demo.
pub struct Walk<'a> {
    network: &'a Network,
    client: Client,
    pub(super) reader: Reader,
    pub(super) token: EthAddress,
    pub(super) asset: AssetId,
    program: Vec<u8>,
    input: Vec<u8>,
    lie: bool,
    pub(super) notes: Notes,
    pub(super) report: Report,
    task: Option<TaskId>,
    submitted: Option<(Height, Instant)>,
    verdict: Option<(Verdict, Height, TransactionId)>,
    liar: Option<tokio::task::JoinHandle<Result<(), provider::Error>>>,
}

fn missing(what: &str) -> Error {
    Error::failed(format!("the demo lost {what}: this is a fault of the demo"))
}

impl<'a> Walk<'a> {
    /// Connects to the network.
    pub async fn start(
        network: &'a Network,
        program: Vec<u8>,
        input: Vec<u8>,
        lie: bool,
        say: &Say,
    ) -> Result<Self, Error> {
        let contracts = network.contracts()?;
        let token = contracts.token.ok_or_else(|| Error::failed("this network has no development token"))?;
        // Confirmation by the node is what is waited for; L1 itself is read at its head.
        let reader = network.reader(0).await?;
        Ok(Self {
            network,
            client: Client::new(&network.api),
            reader,
            token,
            asset: ledger::bridge::asset_of(token),
            program,
            input,
            lie,
            notes: Notes::default(),
            report: Report::new(say, lie),
            task: None,
            submitted: None,
            verdict: None,
            liar: None,
        })
    }

    /// Returns somebody's account on the ledger.
    pub(super) fn account(&self, who: Who) -> Result<AccountId, Error> {
        let role = match who {
            Who::Treasury => return Ok(self.network.config.parameters.treasury),
            Who::Requester => Role::Requester,
            Who::Author => Role::Author,
            Who::ProviderA => Role::ProviderA,
            Who::ProviderB => Role::ProviderB,
            Who::Liar => Role::Liar,
        };
        Ok(role.key(self.network)?.account())
    }

    fn who(&self, account: AccountId) -> Result<Option<Who>, Error> {
        for who in [Who::Requester, Who::Author, Who::Treasury, Who::ProviderA, Who::ProviderB, Who::Liar] {
            if self.account(who)? == account {
                return Ok(Some(who));
            }
        }
        Ok(None)
    }

    fn named(&self, account: AccountId) -> Result<String, Error> {
        Ok(self.who(account)?.map_or_else(|| account.to_string(), |who| who.name().to_owned()))
    }

    async fn begin(&mut self, who: Who, purses: &[Purse]) -> Result<(), Error> {
        for purse in purses {
            let balance = self.found(who, *purse).await?;
            self.notes.begin(who, *purse, balance);
        }
        Ok(())
    }

    /// Reads a balance as it is now.
    pub(super) async fn found(&self, who: Who, purse: Purse) -> Result<i128, Error> {
        let account = self.account(who)?;
        Ok(match purse {
            Purse::Ledger => held(&self.client, account, self.asset).await?.quanta().into(),
            Purse::LedgerEth => {
                held(&self.client, account, ledger::bridge::asset_of(EthAddress::ZERO)).await?.quanta().into()
            }
            Purse::L1 => {
                let role = match who {
                    Who::ProviderA => Role::ProviderA,
                    _ => Role::Requester,
                };
                audit::units(self.reader.token_balance(self.token, role.l1_key().address()).await?)?
            }
        })
    }

    /// Step 1: a token and ETH go from L1 to the ledger.
    pub async fn deposit(&mut self) -> Result<(), Error> {
        self.report.step("deposit from L1");
        self.begin(Who::Requester, &[Purse::Ledger, Purse::LedgerEth, Purse::L1]).await?;
        let account = self.account(Who::Requester)?;
        let writer: Writer = Role::Requester.writer(self.network).await?;
        let (tokens, gwei) = (amount(TOKENS)?, amount(GWEI)?);
        let sent = writer.deposit_token(self.token, tokens, account).await?;
        if let Some(approval) = &sent.approval {
            self.report.gas("approve", approval.gas_used);
        }
        self.report.gas("deposit token", sent.deposit.gas_used);
        let eth = writer.deposit_eth(gwei, account).await?;
        self.report.gas("deposit ETH", eth.gas_used);
        self.report.event(format!("{} TTD and {GWEI} gwei are in the vault, L1 block {}", money(TOKENS), eth.block));
        self.notes.change(Who::Requester, Purse::Ledger, TOKENS.into());
        self.notes.change(Who::Requester, Purse::LedgerEth, GWEI.into());
        self.notes.change(Who::Requester, Purse::L1, -i128::from(TOKENS));
        let expected: Vec<_> =
            self.notes.expected().filter(|(who, purse, _)| *who == Who::Requester && *purse != Purse::L1).collect();
        for (who, purse, balance) in expected {
            while self.found(who, purse).await? < balance {
                tokio::time::sleep(POLL).await;
            }
        }
        let proof = self.client.balance(account, self.asset).await?;
        let depth = proof.path.siblings.len();
        let (height, root) = (proof.block.height, proof.block.state_root);
        self.report.event(format!(
            "the ledger credits it; a path of {depth} leads to root {} of block {height}",
            short(&root)
        ));
        Ok(())
    }

    /// Step 2: two providers have staked and offered; in the lying demo a stranger joins them.
    pub async fn offers(&mut self) -> Result<(), Error> {
        self.report.step("two providers stake and offer");
        let (a, b) = (self.account(Who::ProviderA)?, self.account(Who::ProviderB)?);
        let honest = loop {
            let offers = self.client.offers().await?;
            let honest: Vec<_> =
                offers.into_iter().filter(|offer| offer.provider == a || offer.provider == b).collect();
            if honest.len() == 2 {
                break honest;
            }
            tokio::time::sleep(POLL).await;
        };
        for offer in &honest {
            let (name, terms) = (self.named(offer.provider)?, &offer.record.offer);
            self.report.event(format!(
                "{name} locks {} in tally {}, asks {} per million fuel, measured {} million fuel/s",
                money(terms.stake.quanta()),
                short(&offer.record.tally.0),
                money(terms.rate.0),
                terms.fuel_per_second / 1_000_000,
            ));
        }
        if self.lie {
            self.invite_liar().await?;
        }
        for who in [Who::Author, Who::Treasury, Who::ProviderA, Who::ProviderB] {
            self.begin(who, &[Purse::Ledger]).await?;
        }
        self.begin(Who::ProviderA, &[Purse::L1]).await
    }

    async fn invite_liar(&mut self) -> Result<(), Error> {
        let wallet = Wallet::connect(self.client.clone(), Role::Liar.key(self.network)?).await?;
        let account = wallet.account();
        let stake = Stake {
            writer: Role::Liar.writer(self.network).await?,
            reader: self.network.reader(0).await?,
            token: self.token,
            stake: amount(dev::STAKE)?,
            rate: LIAR_RATE,
            memory_bytes: MEMORY_BYTES,
        };
        let sandbox = Sandbox::new().map_err(Error::role)?;
        self.liar = Some(tokio::spawn(provider::run(
            wallet,
            Executors { plain: Arc::new(Liar(sandbox)), private: None },
            stake,
        )));
        while !self.client.offers().await?.iter().any(|offer| offer.provider == account) {
            if self.liar.as_ref().is_some_and(tokio::task::JoinHandle::is_finished) {
                return Err(Error::failed("the liar could not join: see the log"));
            }
            tokio::time::sleep(POLL).await;
        }
        self.report.event(format!(
            "a stranger stakes {} and asks only {}: it will lie",
            money(dev::STAKE),
            money(LIAR_RATE.0)
        ));
        self.begin(Who::Liar, &[Purse::Ledger]).await
    }

    /// Step 3: the task is submitted and its price locked.
    pub async fn submit(&mut self) -> Result<(), Error> {
        self.report.step("submit a program, lock the price");
        let author = Wallet::connect(self.client.clone(), Role::Author.key(self.network)?).await?;
        let program = market::publish(&author, &self.program).await?;
        let wallet = Wallet::connect(self.client.clone(), Role::Requester.key(self.network)?).await?;
        let wish = Wish {
            fuel_limit: FUEL_LIMIT,
            memory_bytes: MEMORY_BYTES,
            rate: RATE,
            redundancy: 2,
            asset: self.asset,
            within: market::DEADLINE,
        };
        let start = Instant::now();
        let (task, confirmation) = market::submit(&wallet, program, &self.input, &wish).await?;
        self.report.soft_confirmation_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Two runs of 50 million fuel at the rate for each million.
        let price = FUEL_LIMIT.0 / 1_000_000 * RATE.0 * 2;
        self.report.price = price;
        self.notes.change(Who::Requester, Purse::Ledger, -i128::from(price));
        self.report.event(format!(
            "{} bytes of WASM on {} bytes of input: task {} in block {}, {} locked",
            self.program.len(),
            self.input.len(),
            short(&task.0),
            confirmation.height,
            money(price),
        ));
        self.task = Some(task);
        self.submitted = Some((confirmation.height, start));
        Ok(())
    }

    /// Step 4: the scheduler picks, the providers run, commit and deliver.
    pub async fn work(&mut self) -> Result<(), Error> {
        self.report.step("schedule, run, commit, deliver");
        let task = self.task.ok_or_else(|| missing("its task"))?;
        let (height, _) = self.submitted.ok_or_else(|| missing("its task"))?;
        let chain = self.network.config.hash();
        let (mut decided, mut stages) = (None, String::new());
        let client = self.client.clone();
        let tell = |provider, text: &str| {
            let name = self.named(provider).unwrap_or_else(|_| provider.to_string());
            self.report.event(format!("{name}: {text}"));
        };
        let record = market::follow(&client, &chain, task, height, |seen, record| match seen {
            Seen::Assigned(considered) => {
                for each in considered {
                    tell(each.provider, &describe(&each));
                }
            }
            Seen::Moved => {
                for assignment in &record.assignments {
                    let text = stage(&assignment.stage);
                    let key = format!("{} {text};", assignment.provider);
                    if !stages.contains(&key) {
                        stages.push_str(&key);
                        tell(assignment.provider, &text);
                    }
                }
            }
            Seen::Decided(height, id) => decided = Some((height, id)),
        })
        .await?;
        let Standing::Decided(verdict) = record.standing else {
            return Err(Error::failed("nobody delivered in time: look at node.log in the network's folder"));
        };
        let (height, id) = decided.ok_or_else(|| missing("the verdict's block"))?;
        self.verdict = Some((verdict, height, id));
        Ok(())
    }

    /// Step 5: the result is checked here, and the tally pays.
    pub async fn payout(&mut self) -> Result<(), Error> {
        self.report.step("agree, pay, slash");
        let (verdict, ..) = self.verdict.clone().ok_or_else(|| missing("the verdict"))?;
        let output = self.client.content(&verdict.outcome.output).await?;
        self.check_result(&verdict, &output)?;
        let text = String::from_utf8_lossy(&output);
        let first: Vec<&str> = text.lines().take(3).collect();
        self.report.event(format!(
            "the committee's verdict: {} fuel; result \"{} ...\"",
            verdict.outcome.fuel,
            first.join(", ")
        ));
        let params = &self.network.config.parameters;
        let (provider_ppm, author_ppm) = (params.provider_share.0.into(), params.author_share.0.into());
        let (price, fuel, limit) = (self.report.price.into(), verdict.outcome.fuel.0.into(), FUEL_LIMIT.0.into());
        let shares = Shares::of(price, fuel, limit, 2, provider_ppm, author_ppm);
        self.report.fuel = verdict.outcome.fuel.0;
        self.report.paid = u64::try_from(shares.paid).map_err(|_| missing("the payment"))?;
        self.notes.change(Who::Requester, Purse::Ledger, price - shares.paid);
        let program = self.client.program(&crypto::content_id(&self.program)).await?;
        // Whoever published these bytes first is their author, on a network that was used before perhaps not ours.
        if let Some(author) = self.who(program.author)? {
            self.notes.change(author, Purse::Ledger, shares.author);
        }
        self.notes.change(Who::Treasury, Purse::Ledger, shares.treasury);
        for provider in &verdict.agreeing {
            let who = self.who(*provider)?.ok_or_else(|| {
                Error::failed(
                    "a provider that the demo does not know took the task: run the demo on a network of its own",
                )
            })?;
            self.notes.change(who, Purse::Ledger, shares.each);
            self.report.event(format!("{} is paid {}", who.name(), money(u64::try_from(shares.each).unwrap_or(0))));
        }
        let rest =
            [("author", shares.author), ("treasury", shares.treasury), ("requester gets back", price - shares.paid)];
        for (name, share) in rest {
            self.report.event(format!("{name} {}", money(u64::try_from(share).unwrap_or(0))));
        }
        self.punish(&verdict).await
    }

    fn check_result(&self, verdict: &Verdict, output: &[u8]) -> Result<(), Error> {
        // The demo has the program and the input, so it can know the right answer by itself.
        let sandbox = Sandbox::new().map_err(Error::role)?;
        let submit = Submit {
            program: crypto::content_id(&self.program),
            input: crypto::content_id(&self.input),
            fuel_limit: FUEL_LIMIT,
            memory_bytes: MEMORY_BYTES,
            asset: self.asset,
            rate: RATE,
            redundancy: 2,
            deadline: market::now(),
        };
        let own = sandbox.execute(&self.program, &self.input, &submit).map_err(Error::role)?;
        if own.outcome == verdict.outcome && own.output == output && verdict.agreeing.len() == 2 {
            return Ok(());
        }
        Err(Error::failed("the network's result is not the one that this machine computes: it must not be paid for"))
    }

    async fn punish(&mut self, verdict: &Verdict) -> Result<(), Error> {
        let liar = self.account(Who::Liar)?;
        let expected: &[AccountId] = if self.lie { std::slice::from_ref(&liar) } else { &[] };
        if verdict.dissenting != expected {
            return Err(Error::failed("the verdict names the wrong providers as liars"));
        }
        if !self.lie {
            return Ok(());
        }
        let stake = i128::from(dev::STAKE);
        let cut = stake * i128::from(self.network.config.parameters.slash.0) / 1_000_000;
        self.notes.change(Who::Treasury, Purse::Ledger, cut);
        self.notes.change(Who::Liar, Purse::Ledger, stake - cut);
        self.report
            .event(format!("the liar is outvoted and loses {} of its stake", money(u64::try_from(cut).unwrap_or(0))));
        if let Some(liar) = self.liar.take() {
            match liar.await {
                Ok(Err(provider::Error::Closed)) => self.report.event("its offer is closed; the stranger leaves"),
                Ok(other) => {
                    return Err(Error::failed(format!(
                        "the liar should have lost its offer, but ended with {other:?}"
                    )));
                }
                Err(error) => return Err(Error::role(error)),
            }
        }
        Ok(())
    }

    /// Step 6: the batch is re-executed and signed by the committee, and settles on L1.
    pub async fn settle(&mut self) -> Result<(), Error> {
        self.report.step("re-execute, sign, settle on L1");
        let (_, height, id) = self.verdict.clone().ok_or_else(|| missing("the verdict"))?;
        let (submitted, since) = self.submitted.ok_or_else(|| missing("its task"))?;
        let view = self.settled(submitted).await?;
        self.report.settlement_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.note_batch(&view).await?;
        let view = self.settled(height).await?;
        self.note_batch(&view).await?;
        let proven = self.client.proof(&id).await?;
        // Against the anchor of our own folder, not the one that the gateway sends along.
        let checked = crate::verify::check(&proven, &self.network.anchor()?)?;
        let signers = checked.proof.evidence.len() / 65;
        self.report.event(format!("the verdict's receipt holds offline: two paths, {signers} signatures"));
        let status = self.client.status().await?;
        let members = status.config.committee.members.len();
        self.report.event(format!(
            "{} of {members} availability members have signed since the node started",
            status.members_seen
        ));
        Ok(())
    }

    /// Waits until a block is settled, and shows how far that is.
    pub(super) async fn settled(&self, height: Height) -> Result<api::BatchView, Error> {
        market::settled_in_time(&self.client, height, |text| self.report.event(text)).await
    }

    async fn note_batch(&mut self, view: &api::BatchView) -> Result<(), Error> {
        let number = view.batch.header.number;
        if self.report.batches.iter().any(|batch| batch.number == number) {
            return Ok(());
        }
        let settlement = view.settlement.as_ref().ok_or_else(|| missing("a settlement"))?;
        let settled = Settled::of(&self.client, view).await?.ok_or_else(|| missing("a settlement"))?;
        let transactions = settled.transactions;
        self.report.gas("settle", settlement.gas_used);
        self.report.event(format!(
            "batch {number}: blocks {} to {}, {transactions} entries, settled in L1 block {}",
            view.batch.first, view.batch.last, settlement.block
        ));
        self.report.batches.push(settled);
        Ok(())
    }

    /// Step 7: a provider takes its pay to L1.
    pub async fn withdraw(&mut self) -> Result<(), Error> {
        self.report.step("withdraw, claim on L1");
        let (verdict, ..) = self.verdict.clone().ok_or_else(|| missing("the verdict"))?;
        let paid = Shares::of(
            self.report.price.into(),
            verdict.outcome.fuel.0.into(),
            FUEL_LIMIT.0.into(),
            2,
            self.network.config.parameters.provider_share.0.into(),
            0,
        );
        let pay = amount(u64::try_from(paid.each).map_err(|_| missing("the pay"))?)?;
        let wallet = Wallet::connect(self.client.clone(), Role::ProviderA.key(self.network)?).await?;
        let recipient = Role::ProviderA.l1_key().address();
        let withdraw = Action::Withdraw(Withdraw { asset: self.asset, amount: pay, recipient });
        let confirmation = wallet.send(&withdraw).await?;
        self.report.event(format!("provider-a withdraws {} in block {}", money(pay.quanta()), confirmation.height));
        let view = self.settled(confirmation.height).await?;
        self.note_batch(&view).await?;
        let proof = self.client.withdrawal(&confirmation.id).await?;
        let writer = Role::ProviderA.writer(self.network).await?;
        let claimed = writer.claim(proof.batch, &proof.withdrawal, proof.position, &proof.path).await?;
        self.report.gas("claim", claimed.gas_used);
        self.report.event(format!(
            "the vault pays against a path of {} to the settled root, L1 block {}",
            proof.path.len(),
            claimed.block
        ));
        self.notes.change(Who::ProviderA, Purse::Ledger, -i128::from(pay.quanta()));
        self.notes.change(Who::ProviderA, Purse::L1, pay.quanta().into());
        Ok(())
    }

    /// The end: every balance again, from the notes, from a replay of the whole chain, and from L1.
    pub async fn audit(mut self) -> Result<Report, Error> {
        self.report.step("compute every balance again");
        let expected: Vec<_> = self.notes.expected().collect();
        let network = self.network;
        audit::run(&mut self, network, &expected).await?;
        self.report.finish();
        Ok(self.report)
    }

    /// Returns the client.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

fn amount(quanta: u64) -> Result<Amount, Error> {
    Amount::new(quanta).map_err(|error| Error::failed(error.to_string()))
}

fn short(digest: &types::Digest) -> String {
    digest.to_string().chars().take(10).collect()
}

fn describe(considered: &task::Considered) -> String {
    let (rate, ms) = (money(considered.rate.0), considered.expected_ms);
    match considered.reason {
        Reason::Chosen(rank) => format!("chosen as number {rank}: asks {rate}, expects {ms} ms"),
        Reason::NotNeeded(rank) => format!("not needed, number {rank}: asks {rate}, expects {ms} ms"),
        Reason::TooDear(_) => format!("left: asks {rate}, more than is paid"),
        Reason::TooLittleMemory(_) => "left: gives too little memory".to_owned(),
        Reason::TooSlow(_) => format!("left: expects {ms} ms, past the deadline"),
        Reason::OtherAsset(_) => "left: deals in another asset".to_owned(),
        Reason::AlreadyAssigned(_) => "left: already at work on it".to_owned(),
    }
}

fn stage(stage: &task::Stage) -> String {
    match stage {
        task::Stage::Assigned(_) => "assigned".to_owned(),
        task::Stage::Committed(commitment) => format!("commits to {}", short(commitment)),
        task::Stage::Delivered(outcome) => {
            let output: String = outcome.output.to_string().chars().take(10).collect();
            format!("delivers {output}, {} fuel", outcome.fuel)
        }
    }
}
