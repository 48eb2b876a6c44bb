//! The rows of the bridge table: the rules of `ledger::bridge`, recorded.

use crate::Unprovable;
use crate::divide::halves;
use crate::hashes::{Sponge, felts};
use crate::memory::{Key, token_value};
use crate::record::{Post, Recorder, Request, Turn, moment};
use ledger::account::BalanceKey;
use ledger::authority::Authority;
use ledger::bridge::{CursorRecord, asset_of_word, token_word};
use ledger::{ForcedAction, Message, Withdraw, Withdrawal};
use p3_field::{Field as _, PrimeCharacteristicRing as _, PrimeField64 as _};
use proof::circuit::{
    ACTION_WITHDRAW, Bridge, Crossed, ENTRY_MESSAGE, F, MESSAGE_ACTION, MESSAGE_DEPOSIT, MESSAGE_WITHDRAWAL, POINTS,
    REJECTED_ASSET, REJECTED_INSUFFICIENT, REJECTED_MISNAMED, REJECTED_NARROW, REJECTED_ORDER, REJECTED_OVERFLOW,
    REJECTED_RECIPIENT, REJECTED_ZERO,
};
use proof::crossing::{Chains, longer};
use state::State;
use transition::Action;
use types::{AccountId, Amount, AssetId, Bytes32, Digest, Encode as _, EthAddress, Millis};

/// The cursor before the first entry.
const START: CursorRecord = CursorRecord::START;
/// One quantum, whose debit shows whether there is any.
const ONE: Amount = match Amount::new(1) {
    Ok(one) => one,
    Err(_) => Amount::ZERO,
};

/// What has crossed so far.
#[derive(Default)]
pub(crate) struct Crossings {
    rows: Vec<Bridge<F>>,
    pub(crate) messages: Vec<Message>,
    pub(crate) withdrawals: Vec<Withdrawal>,
    chains: [Digest; 2],
    cursor: Option<CursorRecord>,
    /// What is in the last row only.
    last: Option<Bridge<F>>,
}

impl Crossings {
    /// Returns how many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns what the lists come to.
    pub(crate) fn chains(&self) -> Chains {
        let [taken, made] = self.chains;
        Chains { taken, made }
    }
}

/// What is asked for at the border.
struct Crossing<'a> {
    account: AccountId,
    amount: Amount,
    party: &'a EthAddress,
}

fn blank() -> Bridge<F> {
    Bridge::read(&[F::ZERO; Bridge::WIDTH])
}

/// Returns bytes as limbs of 32 bits.
fn limbs<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let (chunks, _) = bytes.as_chunks::<4>();
    std::array::from_fn(|limb| u32::from_be_bytes(chunks[limb]).into())
}

fn address_of(limbs: &[u64]) -> EthAddress {
    let mut address = EthAddress::ZERO;
    for (bytes, limb) in address.0.chunks_mut(4).zip(limbs) {
        bytes.copy_from_slice(&u32::try_from(*limb).expect("a limb of an address").to_be_bytes());
    }
    address
}

/// Returns the account that holds the halves that are on L1.
fn custody(asset: AssetId) -> AccountId {
    crypto::account::owned_by(&asset)
}

fn balance(account: AccountId, asset: AssetId) -> Key {
    Key::Balance(BalanceKey { account, asset })
}

/// Fills in the elements of a forced action.
fn elements(row: &mut Bridge<F>, forced: &ForcedAction) {
    let [word @ .., amount, a, b, c, d, e] = forced.elements.limbs().map(F::from_u64);
    row.account = felts(&forced.account.0);
    (row.word, row.amount, row.party) = (word, amount, [a, b, c, d, e]);
    let high = row.word[0] + row.word[1] + row.word[2];
    row.high = F::from_bool(high != F::ZERO);
    row.high_inverse = high.try_inverse().unwrap_or_default();
    row.moved = row.amount;
}

impl Recorder {
    /// Returns the cursor as it stands.
    fn cursor(&mut self, state: &State) -> CursorRecord {
        let read = || state.get::<ledger::bridge::Cursor>(&0).unwrap_or(START);
        self.crossings.cursor.get_or_insert_with(read).clone()
    }

    /// Records a message of the inbox, and returns what became of it.
    pub(crate) fn message(
        &mut self,
        state: &State,
        chain: &Digest,
        turn: &Turn,
        message: &Message,
    ) -> Result<(u8, Digest, u32), Unprovable> {
        let number = turn.number;
        let sponge = self.hashes.sponge(crypto::Domain::Message, &message.to_elements());
        let mut row = Bridge {
            number: F::from_u64(number),
            id: felts(&sponge.digest),
            sponge: F::from_u64(sponge.name),
            index: halves(message.index()).map(F::from_u64),
            index_low: halves(message.index()).map(|half| self.lookups.range32(half)),
            ..blank()
        };
        let (kind, flag, crossing) = match message {
            Message::Deposit(m) => {
                let crossing = Crossing { account: m.account, amount: m.amount, party: &m.sender };
                (MESSAGE_DEPOSIT, &mut row.deposits, Ok((crossing, m.token)))
            }
            Message::Withdrawal(m) => {
                let crossing = Crossing { account: m.account, amount: m.amount, party: &m.recipient };
                (MESSAGE_WITHDRAWAL, &mut row.forced, Ok((crossing, m.token)))
            }
            Message::Action(m) => (MESSAGE_ACTION, &mut row.acts, Err(m)),
        };
        *flag = F::ONE;
        match &crossing {
            Ok((crossing, word)) => self.fill(&mut row, crossing, word),
            Err(forced) => elements(&mut row, forced),
        }
        let mut cursor = self.cursor(state);
        let (kind, code) = if message.index() == cursor.inbox_count {
            cursor.inbox_hash = message.hash_after(&cursor.inbox_hash);
            cursor.inbox_count += 1;
            row.inbox_carry = F::from_bool(halves(cursor.inbox_count)[1] == 0);
            let [taken, _] = &mut self.crossings.chains;
            *taken = self.hashes.compress(*taken, sponge.digest);
            self.crossings.messages.push(message.clone());
            self.crossings.cursor = Some(cursor);
            match &crossing {
                Ok((crossing, word)) => (ENTRY_MESSAGE + kind, self.taken(state, &mut row, number, crossing, word)),
                Err(forced) => self.force_action(state, chain, &mut row, turn, (&sponge.digest, forced))?,
            }
        } else {
            let [high, low] = halves(cursor.inbox_count).map(F::from_u64);
            let differs = [row.index[0] - high, row.index[1] - low];
            // One of them is enough.
            let inverse = differs[1].try_inverse();
            row.party_inverse = inverse.unwrap_or_default();
            row.moved_inverse = inverse.map_or_else(|| differs[0].inverse(), |_| F::ZERO);
            row.misplaced = F::ONE;
            (ENTRY_MESSAGE + kind, REJECTED_ORDER)
        };
        if let Ok((crossing, _)) = &crossing {
            self.rest(&mut row, crossing);
        }
        self.put_crossing(state, row);
        Ok((kind, sponge.digest, code))
    }

    /// Asks the table of its kind for an action that was forced, and returns what that says.
    fn force_action(
        &mut self,
        state: &State,
        chain: &Digest,
        row: &mut Bridge<F>,
        turn: &Turn,
        (id, forced): (&Digest, &ForcedAction),
    ) -> Result<(u8, u32), Unprovable> {
        let action = Action::forced(&forced.elements).ok_or(Unprovable::Forced(forced.index))?;
        let elements = action.to_elements();
        // Both tables hash it, each for itself; the machine's program does so, too.
        let own = self.hashes.sponge(crypto::Domain::Action, &elements);
        let opened = match self.is_run(state, &action) {
            true => Sponge { name: 0, digest: own.digest },
            false => self.hashes.sponge(crypto::Domain::Action, &elements),
        };
        (row.asks, row.long) = (F::ONE, F::from_bool(elements.len() > 8));
        (row.action, row.action_sponge) = (felts(&own.digest), F::from_u64(own.name));
        row.length = F::from_usize(elements.len());
        let request = Request {
            number: turn.number,
            time: turn.time,
            id: *id,
            sender: forced.account,
            authority: Authority::Keeper,
            is_narrow: false,
            action: opened,
            signed: Vec::new(),
        };
        self.act(state, chain, &request, &action)
    }

    /// Records a withdrawal that was signed for, and returns its code.
    pub(crate) fn withdraw(&mut self, state: &State, request: &Request, asked: &Withdraw) -> (u8, u32) {
        let crossing = Crossing { account: request.sender, amount: asked.amount, party: &asked.recipient };
        let mut row = Bridge {
            withdraws: F::ONE,
            number: F::from_u64(request.number),
            id: felts(&request.id),
            action: felts(&request.action.digest),
            sponge: F::from_u64(request.action.name),
            asset: felts(&asked.asset.0),
            ..blank()
        };
        let code = if request.is_narrow {
            self.fill(&mut row, &crossing, &Bytes32::ZERO);
            row.narrow = F::ONE;
            REJECTED_NARROW
        } else if asked.amount.is_zero() {
            self.fill(&mut row, &crossing, &Bytes32::ZERO);
            row.nothing = F::ONE;
            REJECTED_ZERO
        } else {
            let [address @ .., there, _] = self.memory.value(state, &Key::Token(asked.asset));
            let id = Bytes32(asked.asset.0.to_be_bytes());
            let word = if there == 1 { token_word(address_of(&address)) } else { id };
            self.fill(&mut row, &crossing, &word);
            self.name(&mut row, asked.asset, &word, there == 1);
            self.look(state, &mut row, request.number, asked.asset, None);
            self.leave(state, &mut row, request.number, &crossing, asked.asset)
        };
        self.rest(&mut row, &crossing);
        self.put_crossing(state, row);
        (ACTION_WITHDRAW, code)
    }

    /// Fills in what is asked for.
    fn fill(&mut self, row: &mut Bridge<F>, crossing: &Crossing<'_>, word: &Bytes32) {
        let (word, party) = (limbs::<8>(&word.0), limbs::<5>(&crossing.party.0));
        row.account = felts(&crossing.account.0);
        row.word = word.map(F::from_u64);
        row.word_low = word.map(|limb| self.lookups.range32(limb));
        let high = row.word[0] + row.word[1] + row.word[2];
        row.high = F::from_bool(high != F::ZERO);
        row.high_inverse = high.try_inverse().unwrap_or_default();
        row.party = party.map(F::from_u64);
        row.party_low = party.map(|limb| self.lookups.range32(limb));
        row.party_inverse = row.party.into_iter().sum::<F>().try_inverse().unwrap_or_default();
        row.amount = F::from_u64(crossing.amount.quanta());
        row.amount_limbs = self.lookups.range62(crossing.amount.quanta());
        row.moved = row.amount;
        row.moved_inverse = row.moved.try_inverse().unwrap_or_default();
    }

    /// Fills in how an asset is named.
    fn name(&mut self, row: &mut Bridge<F>, asset: AssetId, word: &Bytes32, addressed: bool) {
        let word = limbs::<8>(&word.0);
        row.asset = felts(&asset.0);
        if addressed {
            row.addressed = F::ONE;
            row.asset_sponge = F::from_u64(self.hashes.sponge(crypto::Domain::Token, &word[3..]).name);
            return;
        }
        row.identified = F::ONE;
        for (element, shown) in row.canonical.iter_mut().enumerate() {
            let below = row.word[2 * element] - F::from_u32(u32::MAX);
            *shown = below.try_inverse().unwrap_or_default();
        }
    }

    /// Looks at the leaf of an L1 token, which is made if `makes` says with which address.
    fn look(&mut self, state: &State, row: &mut Bridge<F>, number: u64, asset: AssetId, makes: Option<&EthAddress>) {
        let key = Key::Token(asset);
        let before = self.memory.value(state, &key);
        let [address @ .., there, _] = before;
        let time = moment(number, 1);
        let since = self.memory.set(state, &key, makes.map_or(before, |address| token_value(Some(address))), time);
        row.there = F::from_u64(there);
        row.address = address.map(F::from_u64);
        row.since = F::from_u64(since);
        row.passed = self.lookups.range32(time - since - 1);
    }

    /// Records what a message that was taken does.
    fn taken(
        &mut self,
        state: &State,
        row: &mut Bridge<F>,
        number: u64,
        crossing: &Crossing<'_>,
        word: &Bytes32,
    ) -> u32 {
        let deposits = row.deposits == F::ONE;
        if deposits && crossing.amount.is_zero() {
            row.nothing = F::ONE;
            return REJECTED_ZERO;
        }
        let addressed = row.high == F::ZERO;
        let Some(asset) = asset_of_word(word) else {
            self.name_nothing(row);
            return REJECTED_ASSET;
        };
        let [.., there, _] = self.memory.value(state, &Key::Token(asset));
        self.name(row, asset, word, addressed);
        if !addressed && there == 1 {
            self.look(state, row, number, asset, None);
            row.misnamed = F::ONE;
            return REJECTED_MISNAMED;
        }
        match (deposits, addressed) {
            (true, true) => self.enter(state, row, number, crossing, asset),
            (true, false) => {
                self.look(state, row, number, asset, None);
                self.exchange(state, row, number, [custody(asset), crossing.account], asset, crossing.amount)
            }
            (false, _) => self.force(state, row, number, crossing, asset),
        }
    }

    /// Shows an element of the word that is none.
    fn name_nothing(&mut self, row: &mut Bridge<F>) {
        row.unnamed = F::ONE;
        let wrong = (0..4)
            .find(|element| row.word[2 * element] == F::from_u32(u32::MAX) && row.word[2 * element + 1] != F::ZERO);
        let wrong = wrong.expect("a word that names nothing has an element that is none");
        row.canonical[wrong] = row.word[2 * wrong + 1].inverse();
    }

    /// Credits an L1 token that was deposited.
    fn enter(
        &mut self,
        state: &State,
        row: &mut Bridge<F>,
        number: u64,
        crossing: &Crossing<'_>,
        asset: AssetId,
    ) -> u32 {
        let post =
            |place, key| Post { time: moment(number, place), key, amount: crossing.amount.quanta(), credit: true };
        let [owed, ..] = self.memory.value(state, &Key::Supply(asset));
        if owed + crossing.amount.quanta() > Amount::MAX.quanta() {
            self.post(state, &post(5, Key::Supply(asset)));
            row.overflows = F::ONE;
            return REJECTED_OVERFLOW;
        }
        let [_, _, _, address @ ..] = row.word;
        let address = address_of(&address.map(|limb| limb.as_canonical_u64()));
        self.look(state, row, number, asset, Some(&address));
        self.post(state, &post(4, balance(crossing.account, asset)));
        self.post(state, &post(5, Key::Supply(asset)));
        row.token = F::ONE;
        0
    }

    /// Moves halves between custody and an account.
    fn exchange(
        &mut self,
        state: &State,
        row: &mut Bridge<F>,
        number: u64,
        [from, to]: [AccountId; 2],
        asset: AssetId,
        amount: Amount,
    ) -> u32 {
        let post = |place, account, credit| {
            let (time, key) = (moment(number, place), balance(account, asset));
            Post { time, key, amount: amount.quanta(), credit }
        };
        let done = self.post(state, &post(2, from, false));
        // Where somebody else's balance does not cover it, nobody asks for the custody.
        if done || row.deposits == F::ONE {
            let sponge = self.hashes.sponge(crypto::Domain::Owner, &asset.to_elements());
            (row.custody, row.custody_sponge) = (felts(&sponge.digest), F::from_u64(sponge.name));
        }
        if !done {
            row.uncovered = F::ONE;
            return REJECTED_INSUFFICIENT;
        }
        if row.whole == F::ONE {
            self.show(state, number, 3, balance(from, asset), false);
        }
        self.post(state, &post(4, to, true));
        row.half = F::ONE;
        0
    }

    /// Debits or credits one, to show whether there is any.
    fn show(&mut self, state: &State, number: u64, place: u64, key: Key, credit: bool) {
        self.post(state, &Post { time: moment(number, place), key, amount: ONE.quanta(), credit });
    }

    /// Takes what an owner demanded, as far as the account has it.
    fn force(
        &mut self,
        state: &State,
        row: &mut Bridge<F>,
        number: u64,
        crossing: &Crossing<'_>,
        asset: AssetId,
    ) -> u32 {
        self.look(state, row, number, asset, None);
        let key = || balance(crossing.account, asset);
        let [held, ..] = self.memory.value(state, &key());
        let amount = crossing.amount.min(Amount::new(held).expect("balances are below 2^62"));
        if amount.is_zero() {
            (row.empty, row.moved, row.moved_inverse) = (F::ONE, F::ZERO, F::ZERO);
            if !crossing.amount.is_zero() {
                row.whole = F::ONE;
                self.show(state, number, 3, key(), false);
            }
            return REJECTED_INSUFFICIENT;
        }
        if *crossing.party == EthAddress::ZERO {
            (row.nobody, row.shown) = (F::ONE, F::ONE);
            self.show(state, number, 6, key(), false);
            self.show(state, number, 7, key(), true);
            return REJECTED_RECIPIENT;
        }
        row.whole = F::from_bool(amount < crossing.amount);
        row.moved = F::from_u64(amount.quanta());
        row.moved_inverse = row.moved.inverse();
        self.leave(state, row, number, &Crossing { amount, ..*crossing }, asset)
    }

    /// Takes value off the ledger.
    fn leave(
        &mut self,
        state: &State,
        row: &mut Bridge<F>,
        number: u64,
        crossing: &Crossing<'_>,
        asset: AssetId,
    ) -> u32 {
        if *crossing.party == EthAddress::ZERO {
            row.nobody = F::ONE;
            return REJECTED_RECIPIENT;
        }
        let supply = || Key::Supply(asset);
        let code = if row.addressed == F::ONE {
            assert_eq!(row.there, F::ONE, "what is held of a token has a leaf");
            self.unlock(state, row, number, crossing, asset)
        } else {
            let [owed, ..] = self.memory.value(state, &supply());
            if owed == 0 || row.high == F::ZERO {
                row.unknown = F::ONE;
                if owed == 0 {
                    row.absent = F::ONE;
                    self.show(state, number, 3, supply(), false);
                }
                return REJECTED_ASSET;
            }
            self.exchange(state, row, number, [crossing.account, custody(asset)], asset, crossing.amount)
        };
        if code == 0 {
            self.made(state, row, crossing);
        } else if row.identified == F::ONE {
            row.shown = F::ONE;
            self.show(state, number, 6, supply(), false);
            self.show(state, number, 7, supply(), true);
        }
        code
    }

    /// Takes an L1 token off the ledger.
    fn unlock(
        &mut self,
        state: &State,
        row: &mut Bridge<F>,
        number: u64,
        crossing: &Crossing<'_>,
        asset: AssetId,
    ) -> u32 {
        let post =
            |place, key| Post { time: moment(number, place), key, amount: crossing.amount.quanta(), credit: false };
        if !self.post(state, &post(2, balance(crossing.account, asset))) {
            row.uncovered = F::ONE;
            return REJECTED_INSUFFICIENT;
        }
        if row.whole == F::ONE {
            self.show(state, number, 3, balance(crossing.account, asset), false);
        }
        self.post(state, &post(5, Key::Supply(asset)));
        row.token = F::ONE;
        0
    }

    /// Lists a withdrawal.
    fn made(&mut self, state: &State, row: &mut Bridge<F>, crossing: &Crossing<'_>) {
        let mut cursor = self.cursor(state);
        let mut token = Bytes32::ZERO;
        for (bytes, limb) in token.0.chunks_mut(4).zip(row.word) {
            let limb = u32::try_from(limb.as_canonical_u64()).expect("a limb of a word");
            bytes.copy_from_slice(&limb.to_be_bytes());
        }
        let (index, recipient) = (cursor.withdrawals, *crossing.party);
        let withdrawal = Withdrawal { index, recipient, token, amount: crossing.amount };
        cursor.withdrawals += 1;
        let [_, low] = halves(cursor.withdrawals);
        row.leaves = F::ONE;
        row.withdrawals_carry = F::from_bool(low == 0);
        row.withdrawals_low = self.lookups.range32(low);
        let sponge = self.hashes.sponge(crypto::Domain::Withdrawal, &withdrawal.to_elements());
        (row.withdrawal, row.withdrawal_sponge) = (felts(&sponge.digest), F::from_u64(sponge.name));
        let [_, made] = &mut self.crossings.chains;
        *made = self.hashes.compress(*made, sponge.digest);
        self.crossings.withdrawals.push(withdrawal);
        self.crossings.cursor = Some(cursor);
    }

    /// Fills in what is asked for beyond what moves.
    fn rest(&mut self, row: &mut Bridge<F>, crossing: &Crossing<'_>) {
        let moved = row.moved.as_canonical_u64();
        row.rest_limbs = self.lookups.range62(crossing.amount.quanta() - moved);
    }

    /// Ends a row: fills in where the ledger stands after it.
    fn put_crossing(&mut self, state: &State, mut row: Bridge<F>) {
        let cursor = self.cursor(state);
        self.stand(&mut row, &cursor);
        self.crossings.rows.push(row);
    }

    /// Fills in where the ledger stands.
    fn stand(&self, row: &mut Bridge<F>, cursor: &CursorRecord) {
        row.inbox = halves(cursor.inbox_count).map(F::from_u64);
        row.withdrawals = halves(cursor.withdrawals).map(F::from_u64);
        row.kept = F::from_bool(*cursor != START);
        let [taken, made] = self.crossings.chains;
        (row.taken, row.made) = (felts(&taken), felts(&made));
    }

    /// Records the cursor's leaf with the time of the last entry, and returns where the ledger stands before the batch and
    /// after it.
    pub(crate) fn close_crossings(&mut self, state: &State, time: Millis) -> [CursorRecord; 2] {
        let crossed = self.cursor(state);
        let after = CursorRecord { time, ..crossed.clone() };
        let before = state.get::<ledger::bridge::Cursor>(&0).unwrap_or(START);
        let mut ends = [&before, &after].map(|cursor| {
            let mut row = blank();
            self.stand(&mut row, cursor);
            if *cursor != START {
                let sponge = self.hashes.sponge(crypto::Domain::Value, &cursor.to_elements());
                (row.cursor, row.cursor_sponge) = (felts(&sponge.digest), F::from_u64(sponge.name));
            }
            row
        });
        let [first, last] = &mut ends;
        first.first = F::ONE;
        (first.taken, first.made) = ([F::ZERO; 4], [F::ZERO; 4]);
        last.last = F::ONE;
        if crossed == START {
            last.timed_inverse =
                halves(time.0).map(F::from_u64).into_iter().sum::<F>().try_inverse().unwrap_or_default();
        }
        let record = Some(after.clone()).filter(|cursor| *cursor != START);
        self.memory.set_cursor(state, record, 1);

        let [first, last] = ends;
        let rows = &mut self.crossings.rows;
        rows.insert(0, first);
        let numbers: Vec<F> = rows.iter().skip(1).map(|row| row.number).collect();
        for (row, next) in rows.iter_mut().zip(numbers) {
            row.gap = self.lookups.range32((next - row.number - F::ONE).as_canonical_u64());
        }
        self.crossings.last = Some(last);
        [before, after]
    }

    /// Returns the table's rows, with the lists at the points.
    pub(crate) fn crossings_trace(&self, crossed: &Crossed<F>, height: usize) -> Vec<F> {
        let Crossings { rows, messages, withdrawals, last, .. } = &self.crossings;
        let last = last.as_ref().expect("the crossings are closed");
        let (mut messages, mut withdrawals) = (messages.iter(), withdrawals.iter());
        let (mut taken_at, mut made_at) = ([F::ONE; POINTS], [F::ONE; POINTS]);
        let at_end = *last;
        let kept = F::from_bool(self.crossings.cursor.as_ref().is_some_and(|cursor| *cursor != START));
        let mut unused = Bridge { last: F::ZERO, kept, timed_inverse: F::ZERO, ..at_end };
        (unused.cursor, unused.cursor_sponge) = ([F::ZERO; 4], F::ZERO);
        let mut cells = Vec::with_capacity(height * Bridge::WIDTH);
        for (number, row) in rows.iter().chain(std::iter::repeat(&unused)).take(height).enumerate() {
            let mut row = *row;
            if row.deposits + row.forced + row.acts - row.misplaced == F::ONE {
                let message = messages.next().expect("a message for each that was taken");
                taken_at = at_each(taken_at, crossed, message);
            }
            if row.leaves == F::ONE {
                let withdrawal = withdrawals.next().expect("a withdrawal for each that was made");
                made_at = at_each(made_at, crossed, withdrawal);
            }
            (row.taken_at, row.made_at) = (taken_at, made_at);
            if number + 1 == height {
                (row.last, row.cursor, row.cursor_sponge) = (last.last, last.cursor, last.cursor_sponge);
                (row.kept, row.timed_inverse) = (last.kept, last.timed_inverse);
            }
            row.put(&mut cells);
        }
        cells
    }
}

/// Adds an item to a list at each point.
fn at_each(values: [F; POINTS], crossed: &Crossed<F>, item: &impl types::Encode) -> [F; POINTS] {
    std::array::from_fn(|index| longer(values[index], item, crossed.points[index]))
}
