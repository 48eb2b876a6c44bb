//! Routes that read the state after the last block. They run between two steps of the sequencer, so that each looks at
//! a bounded number of leaves.

use crate::answer::Fault;
use crate::port::Node;
use crate::read::Answer;
use crate::run::Gateway;
use api::{
    AccountView, BalanceProof, Holding, OfferView, PAGE_LOOKS, Page, ProgramView, SessionView, TallyView, TaskView,
};
use axum::Json;
use axum::extract::{Path, Query, State};
use ledger::account::{Account, Balance, BalanceKey};
use ledger::authority::{Session, SessionKey};
use ledger::tally::Tally;
use serde::Deserialize;
use state::Leaf;
use task::{Offer, Program, Task};
use types::{AccountId, AssetId, ContentId, Digest, TallyId, TaskId, limits};

/// Which part of a list is wanted.
#[derive(Deserialize)]
pub(crate) struct Ask<K> {
    after: Option<K>,
    count: Option<usize>,
}

/// Where a part of a list of leaves begins, and how long it is.
struct Part<K> {
    /// The first key that is wanted, or the last that is not.
    start: K,
    is_known: bool,
    count: usize,
}

impl<K> Part<K> {
    /// Begins after a key, or else with the smallest.
    fn new<A>(after: Option<A>, count: Option<usize>, smallest: A, key: impl Fn(A) -> K) -> Self {
        let (start, is_known) = after.map_or((smallest, false), |after| (after, true));
        Self { start: key(start), is_known, count: count.unwrap_or(limits::PAGE).clamp(1, limits::PAGE) }
    }
}

/// Reads a part of a list of leaves: those that `item` takes among those up to the first that is not `within`.
fn page<L: Leaf<Key: Clone + PartialEq>, T>(
    state: &state::State,
    part: &Part<L::Key>,
    within: impl Fn(&L::Key) -> bool,
    item: impl Fn(L::Key, L::Value) -> Option<T>,
) -> Page<T, L::Key> {
    let leaves = state.iter_from::<L>(&part.start).take_while(|(key, _)| within(key));
    let unknown = leaves.skip_while(|(key, _)| part.is_known && *key == part.start);
    let (mut items, mut last) = (Vec::new(), None);
    for (looks, (key, value)) in unknown.enumerate() {
        if items.len() == part.count || looks == PAGE_LOOKS {
            return Page { items, next: last };
        }
        last = Some(key.clone());
        items.extend(item(key, value));
    }
    Page { items, next: None }
}

fn smallest() -> AccountId {
    AccountId(Digest::ZERO)
}

/// Which parts of an account's lists are wanted.
#[derive(Deserialize)]
pub(crate) struct AskAccount {
    after: Option<AssetId>,
    sessions_after: Option<AccountId>,
    count: Option<usize>,
}

pub(crate) async fn account<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(account): Path<AccountId>,
    Query(ask): Query<AskAccount>,
) -> Answer<AccountView> {
    let balances = Part::new(ask.after, ask.count, AssetId(Digest::ZERO), |asset| BalanceKey { account, asset });
    let agents = Part::new(ask.sessions_after, ask.count, smallest(), |agent| SessionKey { account, agent });
    let view = gateway.node.read(move |state, _| {
        let holding = |key: BalanceKey, amount| Some(Holding { asset: key.asset, amount });
        let holdings = page::<Balance, _>(state, &balances, |key| key.account == account, holding);
        let session = |key: SessionKey, record: ledger::authority::SessionRecord| {
            Some(SessionView { agent: key.agent, expires: record.expires, keeper: record.keeper })
        };
        let sessions = page::<Session, _>(state, &agents, |key| key.account == account, session);
        let record = state.get::<Account>(&account).unwrap_or_default();
        AccountView {
            account,
            nonce: record.nonce,
            keeper: record.keeper.unwrap_or(account),
            holdings: Page { items: holdings.items, next: holdings.next.map(|key| key.asset) },
            sessions: Page { items: sessions.items, next: sessions.next.map(|key| key.agent) },
        }
    });
    Ok(Json(view.await?))
}

pub(crate) async fn balance<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path((account, asset)): Path<(AccountId, AssetId)>,
) -> Answer<BalanceProof> {
    let key = BalanceKey { account, asset };
    let proof = gateway.node.read(move |state, head| {
        let block = head?.clone();
        let amount = state.get::<Balance>(&key).unwrap_or_default();
        Some(BalanceProof { block, amount, path: state.path::<Balance>(&key) })
    });
    proof.await?.map(Json).ok_or_else(|| Fault::missing("there is no block yet, so there is no root to prove against"))
}

pub(crate) async fn program<N: Node>(
    State(gateway): State<Gateway<N>>,
    Path(id): Path<ContentId>,
) -> Answer<ProgramView> {
    let found = gateway.node.read(move |state, _| state.get::<Program>(&id)).await?;
    let record = found.ok_or_else(|| Fault::missing("no such program is published: publish it first"))?;
    Ok(Json(ProgramView { author: record.author }))
}

pub(crate) async fn tally<N: Node>(State(gateway): State<Gateway<N>>, Path(id): Path<TallyId>) -> Answer<TallyView> {
    let found = gateway.node.read(move |state, _| state.get::<Tally>(&id)).await?;
    let record = found.ok_or_else(|| Fault::missing("no such tally was split: check the id"))?;
    Ok(Json(TallyView { id, record }))
}

pub(crate) async fn offers<N: Node>(
    State(gateway): State<Gateway<N>>,
    Query(ask): Query<Ask<AccountId>>,
) -> Answer<Page<OfferView, AccountId>> {
    let part = Part::new(ask.after, ask.count, smallest(), |key| key);
    let item = |provider, record| Some(OfferView { provider, record });
    Ok(Json(gateway.node.read(move |state, _| page::<Offer, _>(state, &part, |_| true, item)).await?))
}

pub(crate) async fn tasks<N: Node>(
    State(gateway): State<Gateway<N>>,
    Query(ask): Query<Ask<TaskId>>,
) -> Answer<Page<TaskView, TaskId>> {
    let part = Part::new(ask.after, ask.count, TaskId(Digest::ZERO), |key| key);
    let item = |id, record: task::TaskRecord| record.is_open().then_some(TaskView { id, record });
    Ok(Json(gateway.node.read(move |state, _| page::<Task, _>(state, &part, |_| true, item)).await?))
}

pub(crate) async fn task<N: Node>(State(gateway): State<Gateway<N>>, Path(id): Path<TaskId>) -> Answer<TaskView> {
    let found = gateway.node.read(move |state, _| state.get::<Task>(&id)).await?;
    let record = found.ok_or_else(|| Fault::missing("no such task: check the id"))?;
    Ok(Json(TaskView { id, record }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use state::Overlay;
    use types::Amount;

    fn account(n: u64) -> AccountId {
        AccountId(Digest::new([n, 0, 0, 0]).unwrap())
    }

    /// Reads the odd ones of these many nonces in parts, and returns them with how many parts it took.
    fn odd(leaves: u64, count: usize) -> (Vec<AccountId>, usize) {
        let mut state = state::State::default();
        let mut overlay = Overlay::new(&state);
        for n in 0..leaves {
            overlay.put::<Balance>(
                &BalanceKey { account: account(n), asset: AssetId(Digest::ZERO) },
                &Amount::new(n % 2 + 1).unwrap(),
            );
        }
        overlay.keep();
        let changes = overlay.into_changes();
        state.apply(&changes);
        let key = |account| BalanceKey { account, asset: AssetId(Digest::ZERO) };
        let (mut found, mut after) = (Vec::new(), None);
        for parts in 1.. {
            let part = Part::new(after, Some(count), smallest(), key);
            let item = |key: BalanceKey, amount: Amount| (amount.quanta() == 2).then_some(key.account);
            let page = page::<Balance, _>(&state, &part, |_| true, item);
            assert!(page.items.len() <= count);
            found.extend(page.items);
            match page.next {
                Some(next) => after = Some(next.account),
                None => return (found, parts),
            }
        }
        unreachable!("a list ends")
    }

    #[test]
    fn a_list_in_parts_has_everything_once_and_looks_at_few_leaves_at_a_time() {
        let wanted = |leaves: u64| (0..leaves).filter(|n| n % 2 == 1).map(account).collect::<Vec<_>>();
        for (leaves, count, parts) in [(0, 5, 1), (1, 1, 1), (10, 5, 1), (11, 5, 2), (10, 2, 3), (10, 1, 5)] {
            let mut all = wanted(leaves);
            all.sort_by_key(types::Encode::to_bytes);
            assert_eq!(odd(leaves, count), (all, parts), "{leaves} leaves by {count}");
        }
        let looks = u64::try_from(PAGE_LOOKS).unwrap();
        let (found, parts) = odd(looks + 1, limits::PAGE * 4);
        assert_eq!((found.len(), parts), (PAGE_LOOKS / 2, 3), "a part is never longer than allowed");
    }
}
