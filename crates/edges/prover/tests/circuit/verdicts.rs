//! What tests ask for of verdicts, and the state that they begin with. The unit tests of the crate read it, too.

use super::work::{NOW, asset, begun, key};
use ledger::account::{Balance, BalanceKey, post};
use ledger::tally::{self, Half, Holders, Resolver, Terms};
use proof::agreement::Outcome;
use state::{Overlay, State};
use task::{
    Assignment, Context, Decide, MakeOffer, Offer, Parameters, Params, ResolverSignature, Stage, Standing, Submit,
    Task, TaskRecord, Verdict,
};
use transition::Action;
use types::{AccountId, Amount, ContentId, Digest, Fuel, Millis, OfferId, Ppm, Rate, TaskId};

pub fn parameters() -> Parameters {
    Parameters {
        treasury: key(19).account(),
        provider_share: Ppm(800_001),
        author_share: Ppm(100_000),
        slash: Ppm(300_000),
        ..super::work::parameters()
    }
}

fn amount(quanta: u64) -> Amount {
    Amount::new(quanta).unwrap()
}

/// What a provider has done: nothing yet, committed, or delivered a result that used so much fuel.
#[derive(Clone, Copy)]
enum Done {
    Nothing,
    Committed,
    Used(u64),
}

use Done::{Committed, Nothing, Used};

pub fn id(number: u64) -> TaskId {
    TaskId(Digest::new([6, 6, 6, number]).unwrap())
}

fn outcome(fuel: u64) -> Outcome {
    Outcome { exit: 0, output: ContentId([u8::try_from(fuel % 251).unwrap(); 32]), fuel: Fuel(fuel) }
}

/// The tasks by their numbers: how many must agree, and what the providers from the fortieth account on have done.
fn tasks() -> Vec<(u8, Vec<Done>)> {
    vec![
        (2, vec![Used(3), Used(3)]),
        (2, vec![Used(3), Nothing, Used(4), Used(3), Committed]),
        (2, vec![Used(3), Used(4)]),
        (2, vec![Used(3)]),
        (2, vec![Used(3), Used(4), Used(3), Used(4)]),
        (1, vec![Used(1_000_000)]),
        (2, vec![Used(9), Used(5), Used(6), Used(5), Used(6), Used(5), Used(5), Used(7), Used(8)]),
        (2, vec![]),
        (2, vec![Used(3), Used(3), Used(8)]),
        (2, vec![Used(8), Used(0), Used(0)]),
        (1, vec![Used(5)]),
    ]
}

/// The place of a task's provider among the accounts.
fn provider(place: usize) -> AccountId {
    key(40 + u8::try_from(place).unwrap()).account()
}

fn offer_of(overlay: &mut Overlay<'_>, place: usize) -> OfferId {
    let (sender, id) = (provider(place), Digest::new([7, 7, 7, u64::try_from(place).unwrap()]).unwrap());
    if let Some(offer) = overlay.get::<Offer>(&sender) {
        return offer.id;
    }
    overlay.put::<Balance>(&BalanceKey { account: sender, asset: asset() }, &amount(100));
    let made = MakeOffer { asset: asset(), stake: amount(50), rate: Rate(1), fuel_per_second: 1, memory_bytes: 1 };
    let context = Context { chain: Digest::ZERO, now: NOW, id, sender };
    task::offer::offer(overlay, &context, &made).unwrap();
    OfferId(id)
}

/// A state with tasks on which providers worked under offers of theirs, some of which are gone. The FOIL of some tasks and
/// offers is in other hands.
pub fn delivered() -> State {
    let mut state = begun();
    let mut overlay = Overlay::new(&state);
    overlay.put::<Params>(&0, &parameters());
    let requester = key(5).account();
    overlay.put::<Balance>(&BalanceKey { account: requester, asset: asset() }, &amount(1 << 40));
    for (number, (redundancy, done)) in (0..).zip(tasks()) {
        let submit = Submit {
            program: ContentId([1; 32]),
            input: ContentId([2; 32]),
            fuel_limit: Fuel(1_000_000),
            memory_bytes: 1,
            asset: asset(),
            rate: Rate(1_000_003),
            redundancy,
            deadline: Millis(NOW.0 - 1),
        };
        let (id, price) = (id(number), amount(1_000_003 * u64::from(redundancy)));
        let terms = Terms {
            subject: id.0,
            collateral: asset(),
            per_pair: price,
            floor: 0,
            cap: submit.fuel_limit.0,
            resolver: Resolver::Rules(0),
            resolve_after: Millis(5),
            refund_after: Millis(NOW.0 + 5),
            refund_stock: Ppm(0),
        };
        let holders = Holders { payer: requester, stock: crypto::account::owned_by(&id), foil: requester };
        let tally = tally::split(&mut overlay, &terms, 1, &holders).unwrap();
        let assignments = done.into_iter().enumerate().map(|(place, done)| Assignment {
            provider: provider(place),
            offer: offer_of(&mut overlay, place),
            stage: match done {
                Nothing => Stage::Assigned(Millis(7)),
                Committed => Stage::Committed(Digest::ZERO),
                Used(fuel) => Stage::Delivered(outcome(fuel)),
            },
        });
        let assignments = assignments.collect();
        let record = TaskRecord { submit, requester, price, tally, assignments, standing: Standing::Open(0) };
        overlay.put::<Task>(&id, &record);
    }
    differ(&mut overlay, requester);
    overlay.keep();
    let changes = overlay.into_changes();
    state.apply(&changes);
    state
}

/// Makes some offers, works and claims other than the most are.
fn differ(overlay: &mut Overlay<'_>, requester: AccountId) {
    // Of one offer the count is known, of the others nobody counted.
    let counted = provider(0);
    let offer = overlay.get::<Offer>(&counted).unwrap();
    overlay.put::<Offer>(&counted, &task::OfferRecord { open_tasks: 2, ..offer });
    // In one task somebody worked under an offer before the present one, in another somebody who has none.
    let mut before = overlay.get::<Task>(&id(8)).unwrap();
    before.assignments[2].offer = OfferId(Digest::new([7, 7, 8, 2]).unwrap());
    overlay.put::<Task>(&id(8), &before);
    let mut last = overlay.get::<Task>(&id(9)).unwrap();
    last.assignments[0].provider = key(30).account();
    overlay.put::<Task>(&id(9), &last);
    // Claims change hands: of a task to somebody, of another to the task itself, of offers likewise.
    let one = amount(1);
    let foil = |overlay: &Overlay<'_>, number: u64| Half::Foil.asset(overlay.get::<Task>(&id(number)).unwrap().tally);
    let (sold, given) = (foil(overlay, 1), foil(overlay, 6));
    post(overlay, requester, key(1).account(), sold, one).unwrap();
    post(overlay, requester, crypto::account::owned_by(&id(6)), given, one).unwrap();
    for (place, is_sold) in [(2, true), (7, false)] {
        let offer = overlay.get::<Offer>(&provider(place)).unwrap();
        let to = if is_sold { key(1).account() } else { crypto::account::owned_by(&offer.id) };
        post(overlay, provider(place), to, Half::Foil.asset(offer.tally), one).unwrap();
    }
}

/// Returns the verdict that a task's deliveries call for, or would if this much fuel were right.
pub fn verdict(number: u64, fuel: u64) -> Verdict {
    let task = Overlay::new(&delivered()).get::<Task>(&id(number));
    let deliveries = task.map_or(Vec::new(), |task| task.deliveries());
    let (agreeing, dissenting): (Vec<_>, Vec<_>) =
        deliveries.into_iter().partition(|delivery| delivery.outcome == outcome(fuel));
    let names = |list: Vec<proof::agreement::Delivery>| list.into_iter().map(|delivery| delivery.provider).collect();
    Verdict { task: id(number), outcome: outcome(fuel), agreeing: names(agreeing), dissenting: names(dissenting) }
}

/// Brings a verdict with what these resolvers say of another, or of the same.
pub fn decided(chain: &Digest, verdict: &Verdict, said: &Verdict, resolvers: &[u32]) -> Decide {
    let digest = said.digest(chain);
    let signatures = resolvers.iter().map(|resolver| {
        let key = key(u8::try_from(*resolver).unwrap());
        ResolverSignature { resolver: *resolver, key: key.public(), signature: key.sign(&digest) }
    });
    Decide { verdict: verdict.clone(), signatures: signatures.collect() }
}

/// Verdicts with what was said elsewhere, of another verdict, or by another key: no transactions.
pub fn unsigned(chain: &Digest) -> Vec<Action> {
    let elsewhere = Digest::new([1, 1, 1, 1]).unwrap();
    let first = verdict(0, 3);
    let other = Verdict { outcome: outcome(4), ..first.clone() };
    let mut forged = decided(chain, &first, &first, &[0, 1]);
    forged.signatures[1].signature = forged.signatures[0].signature;
    let all = [forged, decided(&elsewhere, &first, &first, &[0, 1]), decided(chain, &first, &other, &[0, 1])];
    all.map(Action::Decide).to_vec()
}

/// Who brings which verdict on a chain, and the code that it has.
pub fn cases(chain: &Digest) -> Vec<(u8, Action, u32)> {
    let bring = |verdict: &Verdict, resolvers: &[u32], code: u32| {
        (3, Action::Decide(decided(chain, verdict, verdict, resolvers)), code)
    };
    let first = verdict(0, 3);
    let changed = |number: u64, fuel: u64, change: &dyn Fn(&mut Verdict)| {
        let mut verdict = verdict(number, fuel);
        change(&mut verdict);
        bring(&verdict, &[0, 1], 231)
    };
    // Somebody signed in the second resolver's place: the third, and one who is none.
    let in_place = |number: u8| {
        let mut tx = decided(chain, &first, &first, &[0, u32::from(number)]);
        tx.signatures[1].resolver = 1;
        (3, Action::Decide(tx), 230)
    };
    vec![
        bring(&verdict(99, 3), &[0, 1], 203),
        // Too few, none, the same twice, another order, and no resolver.
        bring(&first, &[0], 230),
        bring(&first, &[], 230),
        bring(&first, &[1, 1], 230),
        bring(&first, &[0, 2, 1], 230),
        bring(&first, &[0, 1, 3], 230),
        in_place(2),
        in_place(7),
        // What the deliveries do not call for.
        changed(0, 3, &|verdict| verdict.agreeing.truncate(1)),
        changed(0, 3, &|verdict| verdict.agreeing.swap(0, 1)),
        changed(0, 3, &|verdict| verdict.agreeing.push(key(1).account())),
        changed(0, 3, &|verdict| verdict.dissenting.push(key(1).account())),
        changed(0, 3, &|verdict| verdict.outcome.exit = 1),
        changed(1, 3, &|verdict| verdict.dissenting.clear()),
        changed(1, 3, &|verdict| verdict.dissenting[0] = key(1).account()),
        changed(1, 4, &|_| ()),
        changed(2, 3, &|_| ()),
        changed(3, 3, &|_| ()),
        changed(4, 3, &|_| ()),
        changed(4, 4, &|_| ()),
        changed(6, 6, &|_| ()),
        changed(7, 3, &|_| ()),
        bring(&first, &[0, 1], 0),
        bring(&first, &[0, 1], 204),
        bring(&verdict(1, 3), &[0, 1, 2], 0),
        bring(&verdict(8, 3), &[1, 2], 0),
        bring(&verdict(9, 0), &[0, 2], 0),
        bring(&verdict(5, 1_000_000), &[0, 1], 0),
        bring(&verdict(10, 5), &[0, 1], 0),
        bring(&verdict(6, 5), &[0, 1], 0),
        bring(&verdict(6, 5), &[0, 1], 204),
    ]
}
