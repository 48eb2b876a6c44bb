//! What is stored under a nonce.

use types::record;

record! {
    /// A transaction to be, as its owner names it.
    pub struct Package {
        /// Its place in the stream: each id is above the one before.
        pub id: u64,
        /// What it is, in the owner's words, opaque here. The same words name the same call for ever.
        pub what: Box<[u8]>,
        /// What it needs, as far as the owner can tell.
        pub gas: u64,
    }
}

record! {
    /// What a transaction pays for a unit of gas.
    pub struct Offer {
        /// The most in all, in wei.
        pub max_fee_wei: u64,
        /// The part that goes to whoever makes the block, in wei.
        pub tip_wei: u64,
    }
}

record! {
    /// What a nonce is used for. An offer is in here before it is sent, so that none is ever unknown.
    pub struct Record {
        /// What is sent.
        pub package: Package,
        /// Most gas that it may use.
        pub gas_limit: u64,
        /// All offers made, each above the one before.
        pub offers: Vec<Offer>,
        /// The highest id that had a nonce by then. It may be above this package's, when that one had to move behind.
        pub newest: u64,
        /// Whether the package is final. Such a record is kept only to know the highest nonce.
        pub closed: bool,
    }
}
