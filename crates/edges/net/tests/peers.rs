//! Real endpoints on the loopback.

use net::{Endpoint, Error, Guests, Identity, Link, Peer, PeerId, Policy};
use std::net::SocketAddr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const IMPATIENCE: Duration = Duration::from_millis(700);

fn identity(number: u8) -> Identity {
    Identity::from_seed(&[number; 32]).expect("any seed is a key")
}

fn ids(numbers: &[u8]) -> Vec<PeerId> {
    numbers.iter().map(|number| identity(*number).id()).collect()
}

fn bind(number: u8, peers: &[u8]) -> Endpoint {
    Endpoint::bind(identity(number), SocketAddr::from(([127, 0, 0, 1], 0)), Policy::only(&ids(peers)))
        .expect("a free port")
}

fn peer(number: u8, at: &Endpoint) -> Peer {
    Peer { id: identity(number).id(), address: at.address().expect("it listens") }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_peers_meet_and_send_in_a_ring() {
    let all = [1, 2, 3];
    let endpoints: Vec<Endpoint> = all.iter().map(|number| bind(*number, &all)).collect();
    let peers: Vec<Peer> = all.iter().zip(&endpoints).map(|(number, at)| peer(*number, at)).collect();
    let tasks = endpoints.into_iter().enumerate().map(|(me, endpoint)| {
        let peers = peers.clone();
        tokio::spawn(async move {
            let others: Vec<Peer> = peers.iter().copied().filter(|peer| peer.id != peers[me].id).collect();
            let mut links = endpoint.meet(&[7; 32], &others, PATIENCE).await.expect("all are there");
            let (next, previous) = (peers[(me + 1) % 3].id, peers[(me + 2) % 3].id);
            let mut heard = Vec::new();
            for length in [0, 1, 5_000_000] {
                let mark = u8::try_from(me).expect("small");
                let (mut to, mut from) = (links.remove(&previous).expect("met"), links.remove(&next).expect("met"));
                let message = vec![mark; length];
                let (sent, received) = tokio::join!(to.send(&message), from.receive());
                sent.expect("it is there");
                heard.push(received.expect("it sends"));
                links.insert(previous, to);
                links.insert(next, from);
            }
            for link in links.into_values() {
                link.finish().await;
            }
            endpoint.close().await;
            heard
        })
    });
    for (me, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
        let mark = u8::try_from((me + 1) % 3).expect("small");
        assert_eq!(task.await.expect("it ends"), [vec![], vec![mark], vec![mark; 5_000_000]]);
    }
}

/// Lets two peers meet who expect `first_expects` and `second_expects`, for sessions of their own.
async fn meet(
    (first, first_expects): (u8, u8),
    (second, second_expects): (u8, u8),
    sessions: [[u8; 32]; 2],
) -> [Result<Link, Error>; 2] {
    let (one, other) = (bind(first, &[first_expects]), bind(second, &[second_expects]));
    let (to_other, to_one) = (peer(first_expects, &other), peer(second_expects, &one));
    let (a, b) = tokio::join!(
        one.meet(&sessions[0], std::slice::from_ref(&to_other), IMPATIENCE),
        other.meet(&sessions[1], std::slice::from_ref(&to_one), IMPATIENCE)
    );
    [a, b].map(|links| links.map(|links| links.into_values().next().expect("one link")))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_another_key_is_refused_on_either_side() {
    for (first, second) in [((1, 2), (3, 1)), ((3, 2), (2, 1)), ((2, 1), (3, 2)), ((3, 1), (1, 2))] {
        let [one, other] = meet(first, second, [[7; 32]; 2]).await;
        assert!(one.is_err() && other.is_err(), "{first:?} {second:?}");
    }
    let [one, other] = meet((1, 2), (2, 1), [[7; 32]; 2]).await;
    assert!(one.is_ok() && other.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_of_different_sessions_do_not_meet() {
    let [one, other] = meet((1, 2), (2, 1), [[7; 32], [8; 32]]).await;
    assert!(matches!(one, Err(Error::Session(_))), "{:?}", one.err());
    assert!(other.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_goes_is_noticed() {
    let [one, other] = meet((1, 2), (2, 1), [[7; 32]; 2]).await;
    let (mut one, other) = (one.expect("met"), other.expect("met"));
    drop(other);
    assert!(matches!(one.receive().await, Err(Error::Broken { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_known_by_its_key_and_another_key_is_refused_at_once() {
    let policy = Policy { guests: Guests::Anybody, ..Policy::only(&[]) };
    let host = Endpoint::bind(identity(1), SocketAddr::from(([127, 0, 0, 1], 0)), policy).expect("a free port");
    let guest = bind(2, &[]);
    let serve = async {
        let arrival = host.arrival().await.expect("it is open");
        let (mut link, session) = arrival.welcome(PATIENCE).await.expect("a guest");
        assert_eq!((link.peer(), session), (identity(2).id(), [7; 32]));
        let mut longer = [0; 64];
        longer.copy_from_slice(&link.receive().await.expect("a message"));
        let (_, mut from) = link.split();
        assert!(matches!(from.next(63).await, Err(Error::Broken { .. })), "it is longer than asked for");
        let lost = host.arrival().await.expect("it is open").welcome(PATIENCE).await;
        assert!(matches!(lost, Err(Error::Stranger { .. })));
    };
    let visit = async {
        let mut link = guest.call(&[7; 32], peer(1, &host), PATIENCE).await.expect("it is there");
        link.send(&[1; 64]).await.expect("it listens");
        link.send(&[1; 64]).await.expect("it listens");
        let other = Peer { id: identity(3).id(), address: host.address().expect("it listens") };
        let refused = guest.call(&[7; 32], other, PATIENCE).await.err();
        assert!(matches!(refused, Some(Error::Refused { .. })), "{refused:?}");
    };
    tokio::join!(serve, visit);
    // The host that pins keys tells a stranger as much.
    let stranger = bind(4, &[]);
    let (refused, _) = tokio::join!(stranger.call(&[7; 32], peer(2, &guest), PATIENCE), async {
        guest.arrival().await.expect("it is open").welcome(PATIENCE).await
    });
    assert!(matches!(refused, Err(Error::Refused { .. })), "{:?}", refused.err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_not_there_is_named() {
    let endpoint = bind(1, &[2]);
    let absent = Peer { id: identity(2).id(), address: SocketAddr::from(([127, 0, 0, 1], 9)) };
    let Err(Error::Absent { peer, .. }) = endpoint.meet(&[7; 32], &[absent], IMPATIENCE).await else {
        panic!("nobody is there")
    };
    assert_eq!(peer, absent.id);
}
