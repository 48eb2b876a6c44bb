//! The chain's parameters, as the genesis state holds them.

use crypto::account::PublicKey;
use state::{Overlay, leaf};
use types::{AccountId, Amount, Millis, Ppm, record};

record! {
    /// What the chain's configuration fixes for tasks.
    pub struct Parameters {
        /// Who may assign tasks.
        pub coordinator: AccountId,
        /// Who gets the chain's share and cut stakes.
        pub treasury: AccountId,
        /// Who signs verdicts: the committee's account keys.
        pub resolvers: Vec<PublicKey>,
        /// How many of them must sign.
        pub threshold: u32,
        /// What the agreeing providers share of a task's payment.
        pub provider_share: Ppm,
        /// What the program's author gets of it; the treasury gets the rest, dust included.
        pub author_share: Ppm,
        /// How much of a stake a provider loses whose result was refuted.
        pub slash: Ppm,
        /// The smallest stake of an offer.
        pub stake_min: Amount,
        /// How long after its deadline a task may still be decided.
        pub verdict_window: Millis,
    }
}

leaf!(
    /// The one set of parameters; its key is 0.
    pub Params = 20: u8 => Parameters
);

/// Returns the parameters that genesis wrote.
pub fn parameters(s: &Overlay<'_>) -> Parameters {
    s.get::<Params>(&0).expect("genesis writes the parameters")
}
