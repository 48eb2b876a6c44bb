//! A provider's part in private programs: its party, and what it says of it.

use crate::error::Error;
use crate::market::now;
use crate::task::committee;
use ::party::core::Setting;
use ::party::host::{Handle, Invitation};
use ::party::{Bounds, Clients, Terms};
use ::provider::Failed;
use ::provider::private::{Ended, Ending, Private, Seat};
use api::private::{Host, Job, REPEAT};
use client::Wallet;
use mpc::{Party, Security};
use net::{Endpoint, Guests, Identity, Peer, PeerId, Policy};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use types::{Bytes32, Causes, Encode as _, Fuel, Millis};

/// How long before a task's deadline its clients must have come: time to run, to commit and to deliver.
const MARGIN: Millis = Millis(10_000);
/// How soon a word is said again that was not heard.
const AGAIN: Duration = Duration::from_secs(1);

/// A party that sits in committees for a provider.
pub struct Hosting {
    wallet: Wallet,
    id: PeerId,
    handle: Handle,
}

impl Hosting {
    /// Starts the party of a wallet's account, with a key that only the wallet can derive, and has it say where it is. What
    /// is returned beside it serves for as long as it is awaited.
    pub fn start(wallet: Wallet) -> Result<(Self, impl Future<Output = ()> + Send), Error> {
        let seed = wallet.key().derive("party identity", &wallet.account().0);
        let identity = Identity::from_seed(seed.expose_secret())?;
        let id = identity.id();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let socket = UdpSocket::bind(any).map_err(Error::io(format!("listen on {any}")))?;
        // Who may be a client is each task's to say.
        let policy = Policy { guests: Guests::Anybody, idle: Bounds::default().gone() };
        let endpoint = Arc::new(Endpoint::on(identity, socket, policy)?);
        let address = endpoint.address()?;
        let (handle, serving) = ::party::host::start(endpoint);
        let saying = say_where(wallet.clone(), Bytes32(id.bytes()), address);
        let both = async move {
            tokio::select! {
                () = serving => {}
                () = saying => {}
            }
        };
        Ok((Self { wallet, id, handle }, both))
    }

    async fn sit(&self, seat: Seat) -> Result<Ended, Failed> {
        let own = self.wallet.account();
        let place = seat.committee.iter().position(|member| *member == own);
        let place = place.ok_or_else(|| Failed("this provider was called after the committee was full".to_owned()))?;
        let peers = self.peers(&seat).await?;
        if peers[place].id != self.id {
            return Err(Failed("the network knows another key of this provider's party".to_owned()));
        }
        let invitation = invite(&seat, Party::ALL[place], peers);
        let ended = self.handle.take_part(invitation).await.map_err(|error| Failed(error.to_string()))?;
        Ok(match ended {
            Ok(receipt) => Ended::Certified { fuel: Fuel(receipt.fuel), receipt: receipt.to_bytes() },
            Err(reason) => Ended::Aborted(format!("{reason}\n").into_bytes()),
        })
    }

    /// Waits until all of a committee have said where they are.
    async fn peers(&self, seat: &Seat) -> Result<[Peer; 3], Failed> {
        loop {
            let known = committee::peers(self.wallet.client(), self.wallet.chain(), &seat.committee).await;
            if let Some(peers) = known.map_err(|error| Failed(Causes(&error).to_string()))? {
                return Ok(peers);
            }
            if now() >= seat.submit.deadline {
                return Err(Failed("a member of the committee never said where it is".to_owned()));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

impl Private for Hosting {
    fn take(&self, seat: Seat) -> Ending<'_> {
        Box::pin(self.sit(seat))
    }
}

/// Returns the session of a committee, as all its members and clients name it.
fn invite(seat: &Seat, me: Party, peers: [Peer; 3]) -> Invitation {
    let Job { malicious, clients, .. } = &seat.job;
    let security = if *malicious { Security::Malicious } else { Security::SemiHonest };
    let parties = peers.map(|peer| peer.id);
    let terms = Terms::new(security, seat.submit.program, committee::label(&seat.task), &parties);
    let named = clients.iter().map(|guest| (guest.name.clone(), PeerId::new(guest.id.0))).collect();
    let silence = u64::try_from(Bounds::default().silence().as_millis()).unwrap_or(u64::MAX);
    let setting = Setting {
        me,
        parties: parties.into(),
        clients: Clients::Named(named),
        gather: Millis(seat.submit.deadline.0.saturating_sub(now().after(MARGIN).0)),
        silence: Millis(silence),
        fuel: seat.submit.fuel_limit.0,
        guarded: *malicious,
    };
    Invitation { name: terms.session(), setting, peers: peers.into() }
}

/// Says again and again where a party is.
async fn say_where(wallet: Wallet, party: Bytes32, address: SocketAddr) {
    loop {
        let host = Host::sign(wallet.key(), wallet.chain(), party, address.to_string(), now());
        let wait = match wallet.client().put_host(&host).await {
            Ok(()) => Duration::from_millis(REPEAT.0),
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "host");
                AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}
