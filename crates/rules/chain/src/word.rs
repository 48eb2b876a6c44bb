//! Fields whose values are words from a list.

/// A list of words, each a value, some of them without anything behind them yet.
pub trait Word: Copy + PartialEq + 'static {
    /// The words, in the order in which they are shown.
    const WORDS: &'static [Entry<Self>];
}

/// One word of a list.
pub struct Entry<T> {
    /// How the file spells it.
    pub word: &'static str,
    /// What it means.
    pub value: T,
    /// Whether there is code behind it. A word without is refused by name.
    pub is_built: bool,
}

macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal $built:ident,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl Word for $name {
            const WORDS: &'static [Entry<Self>] =
                &[$(Entry { word: $word, value: Self::$variant, is_built: words!(@ $built) }),+];
        }
    };
    (@ built) => { true };
    (@ later) => { false };
}

words! {
    /// Why L1 believes a batch.
    Execution {
        /// A quorum of the committee executed it again and signed it.
        Committee = "committee" built,
        /// A validity proof; a quorum of the committee vouches for the data.
        Zk = "zk" built,
        /// Nobody contradicted it within the challenge period; a validity proof, where somebody did.
        Optimistic = "optimistic" built,
    }
}

words! {
    /// The chain that batches settle on.
    BaseChain {
        /// Ethereum, one of its test networks, or a local chain that behaves like it.
        Ethereum = "ethereum" built,
        /// BNB Smart Chain or its test network.
        Binance = "binance" built,
        /// Solana.
        Solana = "solana" later,
    }
}

words! {
    /// Who orders transactions.
    Sequencer {
        /// One sequencer.
        Centralized = "centralized" built,
        /// Many, who agree.
        Decentralized = "decentralized" later,
        /// One, with many to fall back on.
        Hybrid = "hybrid" later,
    }
}

words! {
    /// Who has to agree before a batch is final.
    Algorithm {
        /// A quorum of the committee, over batches.
        Committee = "committee" built,
        /// Nobody: a proof or a challenge period decides.
        None = "none" built,
        /// Stakers, by what they locked.
        ProofOfStake = "pos" later,
        /// A Byzantine agreement, over blocks.
        Byzantine = "bft" later,
    }
}

words! {
    /// How accounts are spread over shards.
    ShardingAlgorithm {
        /// By id, once and for all.
        Static = "static" built,
        /// By load.
        Dynamic = "dynamic" later,
    }
}

words! {
    /// Where the data of a batch can be had.
    AvailabilityMode {
        /// On L1: anybody can rebuild the state from there.
        Rollup = "rollup" built,
        /// From the committee, who sign only what they keep.
        Validium = "validium" built,
    }
}

words! {
    /// How data goes to L1.
    Publish {
        /// As the input of ordinary transactions.
        Calldata = "calldata" built,
        /// As blobs.
        Blob = "blob" later,
    }
}

words! {
    /// What becomes of a transaction that the hook refuses, or about which it says nothing in time.
    HookPolicy {
        /// It is rejected.
        Drop = "drop" built,
        /// Sequencing stops until an operator goes on.
        Halt = "halt" built,
        /// It is set aside for an operator, and the others go on.
        Quarantine = "quarantine" built,
    }
}
