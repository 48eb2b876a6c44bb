//! Parties and their clients in one thread: messages arrive in any order that links allow, get lost, or are wrong.

use mpc::{Parties, Party, Prepared, Security};
use net::PeerId;
use party::client::{Bringing, Failure, Outcome, Visit};
use party::core::{Effect, Input, Session, Setting};
use party::{Clients, Commitments, Reason, Receipt, Refusal};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use types::{Encode as _, Millis};
use vm::sample::Chance;
use vm::{Cause, Name, Verified, certify, text::assemble};
use zeroize::Zeroizing;

/// The first byte of a message of a round.
const ROUND: u8 = 4;
/// The first byte of a message in which a party says what it certifies.
const FINISHED: u8 = 5;
/// The first byte of a message that ends a session.
const ABORT: u8 = 7;
const GATHER: Millis = Millis(60_000);
const SILENCE: Millis = Millis(20_000);

fn program() -> Arc<Verified> {
    let text = "talea 1
        port in \"alice\" \"a\" : secret u32 unsigned
        port in \"bob\" \"b\" : secret u32 unsigned
        port in \"bob\" \"n\" : u8 unsigned
        port out \"\" \"product\" : u32 unsigned
        port out \"alice\" \"larger\" : secret u32 unsigned
        port out \"bob\" \"less\" : secret u1 bool
        release \"product\" 1
        function \"main\" [] -> () releases (0) {
            %a : secret u32 = input 0 ()
            %b : secret u32 = input 1 ()
            %n : u8 = input 2 ()
            %zero : u8 = int 0 ()
            %ok : u1 = lt (%zero, %n)
            check 3 (%ok)
            %less : secret u1 = lt (%a, %b)
            %larger : secret u32 = select (%less, %b, %a)
            %product : secret u32 = mul (%a, %b)
            %known : u32 = reveal 0 (%product)
            output 3 (%known)
            output 4 (%larger)
            output 5 (%less)
            give ()
        }";
    let program = assemble(text).unwrap_or_else(|error| panic!("{error}"));
    Arc::new(certify(program).unwrap_or_else(|refusal| panic!("{refusal}")))
}

fn id(number: u8) -> PeerId {
    PeerId::new([number; 32])
}

const PARTIES: [u8; 7] = [3, 1, 2, 4, 5, 6, 7];
const ALICE: u8 = 10;
const BOB: u8 = 11;

fn name(text: &str) -> Name {
    Name::new(text).expect("a short name")
}

fn ids(parties: Parties) -> Vec<PeerId> {
    PARTIES.into_iter().take(parties.count()).map(id).collect()
}

fn setting(me: Party, clients: &Clients) -> Arc<Setting> {
    let (clients, parties) = (clients.clone(), ids(me.among()));
    Arc::new(Setting { me, parties, clients, gather: GATHER, silence: SILENCE, fuel: 1 << 20, guarded: false })
}

/// One who brings some names' inputs.
struct Client {
    id: PeerId,
    visit: Visit,
    ended: Option<Result<Outcome, Failure>>,
}

type Joins = Vec<Zeroizing<Vec<u8>>>;

fn bring(names: &[&str], inputs: &[(u32, u64)], seed: u64) -> (Visit, Joins) {
    bring_to(Security::SemiHonest, names, inputs, seed)
}

fn bring_to(security: Security, names: &[&str], inputs: &[(u32, u64)], seed: u64) -> (Visit, Joins) {
    bring_among(Parties::THREE, security, names, inputs, seed)
}

fn bring_among(
    parties: Parties,
    security: Security,
    names: &[&str],
    inputs: &[(u32, u64)],
    seed: u64,
) -> (Visit, Joins) {
    let bringing = Bringing {
        program: program(),
        security,
        label: [9; 32],
        parties: ids(parties),
        names: names.iter().map(|text| name(text)).collect(),
        inputs: inputs.iter().map(|(port, number)| (*port, Zeroizing::new(vec![*number]))).collect(),
    };
    let mut chance = Chance::new(seed);
    bringing.split(&mut || chance.bits())
}

/// Somebody in the room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Who {
    Party(u8),
    Client(usize),
}

/// What is on its way between two: in order.
type Way = VecDeque<Zeroizing<Vec<u8>>>;

struct Room {
    now: Millis,
    sessions: Vec<Session>,
    all: Vec<Party>,
    ended: Vec<Option<Result<(), Reason>>>,
    receipts: Vec<Receipt>,
    /// Who certifies something else than it has.
    forges: Option<u8>,
    clients: Vec<Client>,
    ways: BTreeMap<(Who, Who), Way>,
    chance: Chance,
    /// How many messages of rounds were sent.
    rounds: usize,
    /// Who changes which of its messages of rounds, and how many it has sent less than that.
    lies: Option<(u8, usize)>,
}

impl Room {
    fn new(clients: &Clients, coming: Vec<(u8, (Visit, Joins))>, seed: u64) -> Self {
        Self::of(Parties::THREE, clients, coming, seed)
    }

    fn of(parties: Parties, clients: &Clients, coming: Vec<(u8, (Visit, Joins))>, seed: u64) -> Self {
        let session = *coming[0].1.0.session();
        let sessions: Vec<Session> = Party::all(parties)
            .map(|me| {
                let key = Zeroizing::new([me.number(); 16]);
                Session::new(setting(me, clients), session, key, Millis(0))
            })
            .collect();
        let mut ways = BTreeMap::new();
        let mut people = Vec::new();
        for (at, (number, (visit, joins))) in coming.into_iter().enumerate() {
            for (party, join) in (0..).zip(joins) {
                ways.insert((Who::Client(at), Who::Party(party)), Way::from([join]));
            }
            people.push(Client { id: id(number), visit, ended: None });
        }
        let chance = Chance::new(seed);
        Self {
            now: Millis(0),
            ended: sessions.iter().map(|_| None).collect(),
            sessions,
            all: Party::all(parties).collect(),
            receipts: Vec::new(),
            forges: None,
            clients: people,
            ways,
            chance,
            rounds: 0,
            lies: None,
        }
    }

    fn step(&mut self, party: u8, input: Input) {
        if self.ended[usize::from(party)].is_some() {
            return;
        }
        let effects = self.sessions[usize::from(party)].step(self.now, input);
        let me = Who::Party(party);
        for effect in effects {
            match effect {
                // Both ends of a link learn of it before anything is said on it.
                Effect::Meet => {
                    let others: Vec<u8> = self.numbers().filter(|other| *other != party).collect();
                    others.into_iter().for_each(|other| self.meet(party, other));
                }
                Effect::Tell(other, mut message) => {
                    if let Some((_, turn)) = self
                        .lies
                        .as_mut()
                        .filter(|(liar, _)| *liar == party && message[0] == ROUND && message.len() > 1)
                    {
                        if *turn == 0 {
                            message[1] ^= 1;
                            self.lies = None;
                        } else {
                            *turn -= 1;
                        }
                    }
                    if message[0] == FINISHED && self.forges == Some(party) {
                        // The last byte of its last commitment.
                        let last = message.len() - 1;
                        message[last] ^= 1;
                    }
                    self.rounds += usize::from(message[0] == ROUND);
                    self.ways.entry((me, Who::Party(other.number()))).or_default().push_back(message);
                }
                Effect::Answer(client, message) => {
                    if let Some(at) = self.clients.iter().position(|one| one.id == client) {
                        self.ways.entry((me, Who::Client(at))).or_default().push_back(message);
                    }
                }
                Effect::Part(_) => {}
                Effect::Certify(receipt) => self.receipts.push(*receipt),
                Effect::Over(how) => self.ended[usize::from(party)] = Some(how),
            }
        }
    }

    fn numbers(&self) -> impl Iterator<Item = u8> + use<> {
        self.all.clone().into_iter().map(Party::number)
    }

    fn meet(&mut self, party: u8, other: u8) {
        let pair = (Who::Party(party.min(other)), Who::Party(party.max(other)));
        if let std::collections::btree_map::Entry::Vacant(way) = self.ways.entry(pair) {
            way.insert(Way::new());
            for (at, to) in [(party, other), (other, party)] {
                self.step(at, Input::Met(self.all[usize::from(to)]));
            }
        }
    }

    /// Delivers one message; `false` when none is on its way.
    fn deliver(&mut self) -> bool {
        let full: Vec<(Who, Who)> =
            self.ways.iter().filter(|(_, way)| !way.is_empty()).map(|(pair, _)| *pair).collect();
        if full.is_empty() {
            return false;
        }
        let (from, to) = self.chance.pick(&full);
        let message = self.ways.get_mut(&(from, to)).and_then(Way::pop_front).expect("it is not empty");
        match (from, to) {
            (Who::Party(from), Who::Party(to)) => {
                self.step(to, Input::Heard(self.all[usize::from(from)], message));
            }
            (Who::Client(from), Who::Party(to)) => {
                let client = self.clients[from].id;
                self.step(to, Input::Asked(client, message));
            }
            (Who::Party(from), Who::Client(to)) => {
                let client = &mut self.clients[to];
                if client.ended.is_none() {
                    client.ended = client.visit.hear(from, &message).transpose();
                }
            }
            (Who::Client(_), Who::Client(_)) => unreachable!("clients do not talk to each other"),
        }
        true
    }

    fn run(mut self) -> Self {
        while self.deliver() {}
        self
    }

    /// Runs until as many messages of rounds were sent.
    fn until(mut self, rounds: usize) -> Self {
        while self.rounds < rounds && self.deliver() {}
        self
    }

    /// Lets time go by for everybody who has not ended.
    fn wait(mut self, length: Millis) -> Self {
        self.now = self.now.after(length);
        let numbers: Vec<u8> = self.numbers().collect();
        numbers.into_iter().for_each(|party| self.step(party, Input::Tick));
        self
    }

    fn outcome(&self, client: usize) -> &Outcome {
        match &self.clients[client].ended {
            Some(Ok(outcome)) => outcome,
            other => panic!("{other:?} {:?}", self.ended),
        }
    }

    fn reasons(&self) -> Vec<&Reason> {
        self.ended.iter().flatten().filter_map(|ended| ended.as_ref().err()).collect()
    }
}

fn alone(a: u64, b: u64, n: u64, seed: u64) -> Vec<(u8, (Visit, Joins))> {
    vec![(ALICE, bring(&["alice", "bob"], &[(0, a), (1, b), (2, n)], seed))]
}

fn two(a: u64, b: u64, seed: u64) -> Vec<(u8, (Visit, Joins))> {
    vec![(ALICE, bring(&["alice"], &[(0, a)], seed)), (BOB, bring(&["bob"], &[(1, b), (2, 1)], seed + 1))]
}

fn named() -> Clients {
    Clients::Named(BTreeMap::from([(name("alice"), id(ALICE)), (name("bob"), id(BOB))]))
}

#[test]
fn clients_get_what_is_theirs_in_whatever_order_messages_come() {
    for seed in 0..60 {
        let room = Room::new(&Clients::Anybody, alone(6, 7, 1, seed), seed).run();
        assert_eq!(room.outcome(0).outputs, [(3, vec![42]), (4, vec![7]), (5, vec![1])]);
        let (a, b) = (room.outcome(0), program().program().certificate.rounds);
        assert!(a.rounds.iter().all(|rounds| *rounds == a.rounds[0]) && a.rounds[0] >= b.min(1), "{:?}", a.rounds);
        let room = Room::new(&named(), two(9, 5, seed), seed).run();
        assert_eq!(room.outcome(0).outputs, [(3, vec![45]), (4, vec![9])]);
        assert_eq!(room.outcome(1).outputs, [(3, vec![45]), (5, vec![0])]);
        assert_eq!(room.ended, [const { Some(Ok(())) }; 3]);
    }
}

#[test]
fn what_all_know_stops_a_program_alike_everywhere() {
    let room = Room::new(&Clients::Anybody, alone(6, 7, 0, 1), 1).run();
    let stopped = Reason::Stopped(Cause::Check(3).into());
    assert_eq!(room.reasons(), [&stopped; 3]);
    assert!(matches!(&room.clients[0].ended, Some(Err(Failure::Told { reason, .. })) if *reason == stopped));
}

#[test]
fn inputs_that_do_not_fit_are_found_before_any_share_moves() {
    // The last byte is of the last input: the number that all know when one client brings all, else a share of alice's.
    for is_alone in [true, false] {
        for victim in 0..3 {
            for seed in 0..20 {
                let mut coming = if is_alone { alone(6, 7, 1, 1) } else { two(6, 7, 1) };
                let join = &mut coming[0].1.1[victim];
                let last = join.len() - 1;
                join[last] ^= 2;
                let room = Room::new(&Clients::Anybody, coming, seed).run();
                assert_eq!(room.rounds, 0, "no share has moved");
                assert_eq!(room.reasons().len(), 3, "{:?}", room.ended);
                assert!(room.reasons().iter().all(|reason| matches!(reason, Reason::Differs(_))), "{:?}", room.ended);
                assert!(matches!(&room.clients[0].ended, Some(Err(Failure::Told { reason: Reason::Differs(_), .. }))));
            }
        }
    }
}

#[test]
fn whoever_goes_is_named_to_all_that_stay() {
    for rounds in 1..9 {
        for gone in 0..3_u8 {
            let mut room = Room::new(&Clients::Anybody, alone(6, 7, 1, 5), u64::from(gone)).until(rounds);
            room.ways.values_mut().for_each(Way::clear);
            let lost = Party::ALL[usize::from(gone)];
            for party in (0..3).filter(|party| *party != gone) {
                room.step(party, Input::Lost(lost));
            }
            room.ended[usize::from(gone)] = Some(Ok(()));
            let room = room.run();
            let finished = room.ended.iter().flatten().filter(|ended| ended.is_ok()).count() - 1;
            let reasons = room.reasons();
            assert_eq!(reasons.len() + finished, 2, "{:?}", room.ended);
            assert!(reasons.iter().all(|reason| **reason == Reason::Gone(gone)), "{reasons:?}");
        }
    }
}

#[test]
fn whoever_is_silent_is_named() {
    // Bob does not come.
    let coming = vec![(ALICE, bring(&["alice"], &[(0, 1)], 1))];
    let room = Room::new(&named(), coming, 1).run().wait(Millis(GATHER.0 - 1));
    assert_eq!(room.ended, [None, None, None]);
    let room = room.wait(Millis(1)).run();
    assert_eq!(room.reasons(), [&Reason::Missing(name("bob")); 3]);
    // A party stops in the middle.
    let mut room = Room::new(&Clients::Anybody, alone(6, 7, 1, 5), 3).until(4);
    room.ways.values_mut().for_each(Way::clear);
    let room = room.wait(SILENCE).run();
    assert_eq!(room.reasons().len(), 3);
    assert!(room.reasons().iter().all(|reason| matches!(reason, Reason::Silent(_))), "{:?}", room.ended);
}

#[test]
fn garbage_ends_a_session_or_changes_nothing_and_never_stops_a_party() {
    for seed in 0..400 {
        let mut chance = Chance::new(seed);
        let mut room = Room::new(&Clients::Anybody, alone(6, 7, 1, 5), seed);
        for _ in 0..chance.bits() % 30 {
            room.deliver();
        }
        let full: Vec<(Who, Who)> =
            room.ways.iter().filter(|(_, way)| !way.is_empty()).map(|(pair, _)| *pair).collect();
        let Some(way) = (!full.is_empty()).then(|| room.chance.pick(&full)) else { continue };
        let message = room.ways.get_mut(&way).and_then(Way::front_mut).expect("it is not empty");
        let at = usize::try_from(chance.bits()).expect("64 bits") % message.len();
        match seed % 3 {
            0 => message[at] ^= 1 << (chance.bits() % 8),
            1 => message.truncate(at),
            _ => *message = Zeroizing::new((0..chance.bits() % 80).map(|_| chance.bits().to_le_bytes()[0]).collect()),
        }
        // A wrong number in a round gives a wrong result here: the parties are taken to follow the protocol.
        let room = room.run().wait(GATHER).run();
        assert!(room.ended.iter().all(Option::is_some), "seed {seed}: {:?}", room.ended);
    }
}

/// Lets a client ask one party, and returns why it was refused.
fn refusal(clients: &Clients, client: u8, message: Zeroizing<Vec<u8>>) -> Option<Refusal> {
    let (visit, joins) = bring(&["alice"], &[(0, 1)], 1);
    drop(joins);
    let setting = (*setting(Party::ALL[0], clients)).clone();
    refusal_of(setting, client, (visit, vec![message]))
}

/// The same for a party of one's own, with the session's first message.
fn refusal_of(setting: Setting, client: u8, (mut visit, joins): (Visit, Joins)) -> Option<Refusal> {
    let key = Zeroizing::new([1; 16]);
    let mut session = Session::new(Arc::new(setting), *visit.session(), key, Millis(0));
    let effects = session.step(Millis(1), Input::Asked(id(client), joins[0].clone()));
    effects.into_iter().find_map(|effect| match effect {
        Effect::Answer(_, message) => match visit.hear(0, &message) {
            Err(Failure::Told { reason: Reason::Refused(refusal), .. }) => Some(refusal),
            _ => None,
        },
        _ => None,
    })
}

fn guarded(a: u64, b: u64, n: u64, seed: u64) -> Vec<(u8, (Visit, Joins))> {
    let inputs = [(0, a), (1, b), (2, n)];
    vec![(ALICE, bring_to(Security::Malicious, &["alice", "bob"], &inputs, seed))]
}

#[test]
fn a_session_that_finds_lies_has_a_name_of_its_own_and_the_same_outputs() {
    let (trusting, _) = bring(&["alice"], &[(0, 1)], 1);
    let (other, _) = bring_to(Security::Malicious, &["alice"], &[(0, 1)], 1);
    assert_ne!(trusting.session(), other.session());
    let prepared = Prepared::secure(program(), Security::Malicious).unwrap_or_else(|error| panic!("{error}"));
    let quote = prepared.cost().expect("there is no loop");
    for seed in 0..20 {
        let room = Room::new(&Clients::Anybody, guarded(6, 7, 1, seed), seed).run();
        assert_eq!(room.outcome(0).outputs, [(3, vec![42]), (4, vec![7]), (5, vec![1])]);
        assert_eq!(room.outcome(0).rounds, [u64::try_from(quote.rounds).expect("few"); 3]);
        let bytes: Vec<u64> = quote.bytes.iter().map(|bytes| u64::try_from(*bytes).expect("few")).collect();
        assert_eq!(room.outcome(0).bytes, bytes);
    }
}

#[test]
fn whoever_lies_in_a_round_is_caught_and_all_are_told_by_which_check() {
    let (mut caught, mut by_honest, mut right) = (0, 0, 0);
    for liar in 0..3_u8 {
        for turn in 0..40 {
            let mut room = Room::new(&Clients::Anybody, guarded(6, 7, 1, 5), 9);
            room.lies = Some((liar, turn));
            let room = room.run();
            let honest = |party: &u8| *party != liar;
            match &room.clients[0].ended {
                Some(Ok(outcome)) => {
                    assert_eq!(outcome.outputs, [(3, vec![42]), (4, vec![7]), (5, vec![1])]);
                    right += 1;
                }
                Some(Err(Failure::Told { reason: Reason::Caught(found), .. })) => {
                    // Whoever lied notices as well that nothing fits, and may be the first to say so.
                    by_honest += usize::from(honest(&found.by));
                    for party in (0..3).filter(honest) {
                        let ended = room.ended[usize::from(party)].as_ref();
                        // Who was through before the lie has what is right.
                        assert!(matches!(ended, Some(Ok(()) | Err(Reason::Caught(_)))), "turn {turn}: {ended:?}");
                    }
                    caught += 1;
                }
                other => panic!("party {liar}, turn {turn}: {other:?} {:?}", room.ended),
            }
        }
    }
    // Turns after the last one change nothing.
    assert!(caught > 30 && by_honest > 10 && right > 0, "{caught} caught, {by_honest} by others, {right} right");
}

#[test]
fn who_has_no_part_is_told_why() {
    let first = |names: &[&str], inputs: &[(u32, u64)]| bring(names, inputs, 1).1[0].clone();
    let open = Clients::Anybody;
    assert_eq!(refusal(&open, ALICE, first(&["alice"], &[(0, 1)])), None);
    assert_eq!(refusal(&named(), ALICE, first(&["alice"], &[(0, 1)])), None);
    assert_eq!(refusal(&named(), BOB, first(&["alice"], &[(0, 1)])), Some(Refusal::Name));
    assert_eq!(refusal(&open, ALICE, first(&["carol"], &[])), Some(Refusal::Name));
    assert_eq!(refusal(&open, ALICE, first(&[], &[])), Some(Refusal::Name));
    assert_eq!(refusal(&open, ALICE, first(&["alice"], &[])), Some(Refusal::Inputs));
    assert_eq!(refusal(&open, ALICE, first(&["alice"], &[(1, 1)])), Some(Refusal::Inputs));
    assert_eq!(refusal(&open, BOB, first(&["bob"], &[(1, 1), (2, 256)])), Some(Refusal::Inputs));
    assert_eq!(refusal(&open, ALICE, Zeroizing::new(vec![1, 2, 3])), Some(Refusal::Unreadable));
    let other = Bringing {
        program: program(),
        security: Security::SemiHonest,
        label: [8; 32],
        parties: ids(Parties::THREE),
        names: BTreeSet::from([name("alice")]),
        inputs: BTreeMap::from([(0, Zeroizing::new(vec![1]))]),
    };
    let guarded = Setting { guarded: true, ..(*setting(Party::ALL[0], &open)).clone() };
    let join = |security| bring_to(security, &["alice"], &[(0, 1)], 1);
    assert_eq!(refusal_of(guarded.clone(), ALICE, join(Security::SemiHonest)), Some(Refusal::Trusting));
    assert_eq!(refusal_of(guarded, ALICE, join(Security::Malicious)), None);
    assert_eq!(refusal(&open, ALICE, other.split(&mut || 7).1[0].clone()), Some(Refusal::Terms));
}

#[test]
fn all_parties_certify_the_same_and_each_client_finds_its_outputs_in_it_but_nobody_elses() {
    for seed in 0..20 {
        let room = Room::new(&named(), two(42, 37, seed), seed).run();
        let [first, second, third] = room.receipts.as_slice() else { panic!("{:?}", room.ended) };
        assert_eq!((first, first), (second, third));
        assert_eq!(first.terms.session(), *room.clients[0].visit.session());
        assert_eq!(first.fuel, program().program().certificate.fuel);
        let (alice, bob) = (room.outcome(0), room.outcome(1));
        assert_eq!((first.rounds.as_slice(), first.bytes.as_slice()), (&alice.rounds[..], &alice.bytes[..]));
        assert!(first.holds(&alice.commitments) && first.holds(&bob.commitments));
        let names =
            |commitments: &[Commitments]| commitments.iter().map(|one| one.name.to_string()).collect::<Vec<_>>();
        assert_eq!(
            (names(&alice.commitments), names(&bob.commitments)),
            (vec!["".into(), "alice".into()], vec!["".into(), "bob".into()])
        );
        let again = Room::new(&named(), two(42, 37, seed), seed + 100).run();
        assert_eq!(again.outcome(0).outputs, alice.outputs);
        let mut other = first.clone();
        other.outputs[1].components[2].0[0] ^= 1;
        assert!(!other.holds(&alice.commitments), "a receipt of something else is not taken");
        assert!(!first.holds(&[]), "nor one that says nothing");
    }
}

#[test]
fn equal_outputs_under_other_keys_have_other_commitments() {
    let run = |noise: u64| {
        let mut room = Room::new(&named(), two(1, 0, noise), noise);
        if noise == 1 {
            let key = Zeroizing::new([99; 16]);
            room.sessions[0] =
                Session::new(setting(Party::ALL[0], &named()), *room.clients[0].visit.session(), key, Millis(0));
        }
        room.run().receipts.remove(0)
    };
    let (one, other) = (run(0), run(1));
    assert_eq!(one.terms, other.terms);
    for (one, other) in one.outputs.iter().zip(&other.outputs) {
        assert_ne!(one.components[0], other.components[0], "{}", one.name);
    }
}

#[test]
fn a_party_that_certifies_another_result_is_found_out_and_there_is_no_receipt() {
    for (forger, seed) in [(0, 1), (1, 2), (2, 3), (1, 4), (2, 5)] {
        let mut room = Room::new(&named(), two(42, 37, seed), seed);
        room.forges = Some(forger);
        let room = room.run();
        // The one who forges holds its own word against the others' and may see nothing wrong.
        assert!(room.receipts.len() <= 1, "{forger}: {:?}", room.ended);
        assert!(room.reasons().iter().all(|reason| **reason == Reason::Unsealed(forger)), "{:?}", room.reasons());
        assert!(room.reasons().len() >= 2, "{:?}", room.reasons());
    }
}

#[test]
fn who_is_missing_is_the_same_for_parties_that_hear_it_from_a_client() {
    let mut room = Room::new(&named(), vec![(ALICE, bring(&["alice"], &[(0, 1)], 1))], 1).run();
    let told = |who: &str| Zeroizing::new([vec![ABORT], Reason::Missing(name(who)).to_bytes()].concat());
    room.step(1, Input::Asked(id(ALICE), told("bob")));
    // That it is missing itself is no reason: it was there, and leaves.
    room.step(2, Input::Asked(id(ALICE), told("alice")));
    assert_eq!(room.reasons(), [&Reason::Missing(name("bob")), &Reason::Left(name("alice"))]);
}

fn among(parties: Parties, a: u64, b: u64, seed: u64) -> Vec<(u8, (Visit, Joins))> {
    let bring =
        |names: &[&str], inputs: &[(u32, u64)], seed| bring_among(parties, Security::SemiHonest, names, inputs, seed);
    vec![(ALICE, bring(&["alice"], &[(0, a)], seed)), (BOB, bring(&["bob"], &[(1, b), (2, 1)], seed + 1))]
}

#[test]
fn five_parties_and_seven_give_and_certify_what_they_should_and_cost_what_was_said() {
    for parties in [5, 7].into_iter().filter_map(Parties::new) {
        let prepared = Prepared::among(program(), parties).unwrap_or_else(|error| panic!("{error}"));
        let quote = prepared.cost().expect("there is no loop");
        let number = |number: usize| u64::try_from(number).expect("few");
        for seed in 0..10 {
            let room = Room::of(parties, &named(), among(parties, 9, 5, seed), seed).run();
            assert_eq!(room.outcome(0).outputs, [(3, vec![45]), (4, vec![9])]);
            assert_eq!(room.outcome(1).outputs, [(3, vec![45]), (5, vec![0])]);
            assert_eq!(room.ended, vec![Some(Ok(())); parties.count()]);
            for client in [0, 1] {
                let outcome = room.outcome(client);
                assert_eq!(outcome.rounds, vec![number(quote.rounds); parties.count()]);
                assert_eq!(outcome.bytes, quote.bytes.iter().copied().map(number).collect::<Vec<u64>>());
                assert!(room.receipts.iter().all(|receipt| receipt.holds(&outcome.commitments)));
            }
            assert_eq!(room.receipts.len(), parties.count());
        }
    }
}

#[test]
fn of_five_parties_whoever_goes_is_silent_or_holds_something_else_is_named() {
    let parties = Parties::new(5).expect("there is a protocol for five");
    for victim in 0..5 {
        let mut coming = among(parties, 6, 7, 1);
        // The last byte is of a share of alice's.
        let join = &mut coming[0].1.1[victim];
        let last = join.len() - 1;
        join[last] ^= 2;
        let room = Room::of(parties, &named(), coming, 3).run();
        assert_eq!((room.rounds, room.reasons().len()), (0, 5), "{:?}", room.ended);
        assert!(room.reasons().iter().all(|reason| matches!(reason, Reason::Differs(_))), "{:?}", room.ended);
    }
    for gone in 0..5_u8 {
        let mut room = Room::of(parties, &named(), among(parties, 6, 7, 1), 5).until(12);
        room.ways.values_mut().for_each(Way::clear);
        let lost = room.all[usize::from(gone)];
        room.ended[usize::from(gone)] = Some(Ok(()));
        for party in (0..5).filter(|party| *party != gone) {
            room.step(party, Input::Lost(lost));
        }
        let room = room.run();
        assert!(room.reasons().iter().all(|reason| **reason == Reason::Gone(gone)), "{:?}", room.ended);
        assert_eq!(room.reasons().len(), 4, "{:?}", room.ended);
    }
    let mut room = Room::of(parties, &named(), among(parties, 6, 7, 1), 5).until(12);
    room.ways.values_mut().for_each(Way::clear);
    let room = room.wait(SILENCE).run();
    assert!(room.reasons().iter().all(|reason| matches!(reason, Reason::Silent(_))), "{:?}", room.ended);
}

#[test]
fn more_than_three_parties_refuse_to_look_for_lies_that_they_cannot_find() {
    let parties = Parties::new(5).expect("there is a protocol for five");
    let me = Party::all(parties).next().expect("five of them");
    let join = |security| bring_among(parties, security, &["alice"], &[(0, 1)], 1);
    let setting = || (*setting(me, &Clients::Anybody)).clone();
    assert_eq!(refusal_of(setting(), ALICE, join(Security::Malicious)), Some(Refusal::Terms));
    assert_eq!(refusal_of(setting(), ALICE, join(Security::SemiHonest)), None);
}
