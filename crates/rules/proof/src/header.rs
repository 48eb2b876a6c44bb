//! Headers: what a block and a batch commit to.

use crypto::eth::{Words, keccak};
use crypto::list;
use types::{Bytes32, Digest, Encode, EthAddress, Height, Millis, record};

record! {
    /// A block's header.
    pub struct BlockHeader {
        /// Its place in the chain; the first block is 1.
        pub height: Height,
        /// The hash of the header before it; zero for the first.
        pub parent: Bytes32,
        /// When it was made, in milliseconds since the Unix epoch.
        pub time: Millis,
        /// The state root after it.
        pub state_root: Digest,
        /// The list root over its entries, each with its receipt.
        pub entries_root: Bytes32,
    }
}

impl BlockHeader {
    /// Returns the header's hash, which is also its leaf digest under a batch's data root.
    pub fn hash(&self) -> Bytes32 {
        list::leaf(&self.to_bytes())
    }
}

/// Returns the leaf digest of an entry and its receipt under a block's entries root.
pub fn entry_leaf(entry: &[u8], receipt: &[u8]) -> Bytes32 {
    let (entry, receipt) = (keccak(&[entry]), keccak(&[receipt]));
    list::leaf(Words::new().bytes32(&entry).bytes32(&receipt).as_bytes())
}

record! {
    /// A batch's header: what L1 settles.
    pub struct BatchHeader {
        /// The digest of the chain's configuration.
        pub config_hash: Digest,
        /// Its place; the first batch is 1.
        pub number: u64,
        /// The state root that it starts from.
        pub parent_root: Digest,
        /// The state root that it ends with.
        pub state_root: Digest,
        /// How many inbox messages are taken after it.
        pub inbox_count: u64,
        /// The inbox's rolling hash after them.
        pub inbox_hash: Bytes32,
        /// The list root over its withdrawals.
        pub withdrawals_root: Bytes32,
        /// The list root over its block headers' hashes.
        pub data_root: Bytes32,
        /// The hash of the state differences as L1 was given them; zero when they stay with the committee.
        pub diff_hash: Bytes32,
    }
}

record! {
    /// Which contract on which chain a signature is meant for.
    pub struct Domain {
        /// The base chain's id.
        pub chain_id: u64,
        /// The rollup contract.
        pub rollup: EthAddress,
    }
}

const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const HEADER_TYPE: &str = "Header(bytes32 configHash,uint64 number,bytes32 parentRoot,bytes32 stateRoot,uint64 inboxCount,bytes32 inboxHash,bytes32 withdrawalsRoot,bytes32 dataRoot,bytes32 diffHash)";

impl Domain {
    /// Returns the EIP-712 domain separator.
    pub fn separator(&self) -> Bytes32 {
        Words::new()
            .bytes32(&keccak(&[DOMAIN_TYPE.as_bytes()]))
            .bytes32(&keccak(&[b"Talea"]))
            .bytes32(&keccak(&[b"1"]))
            .number(self.chain_id)
            .address(&self.rollup)
            .keccak()
    }
}

impl BatchHeader {
    /// Returns the EIP-712 digest that committee members sign.
    pub fn digest(&self, domain: &Domain) -> Bytes32 {
        let structure = Words::new()
            .bytes32(&keccak(&[HEADER_TYPE.as_bytes()]))
            .digest(&self.config_hash)
            .number(self.number)
            .digest(&self.parent_root)
            .digest(&self.state_root)
            .number(self.inbox_count)
            .bytes32(&self.inbox_hash)
            .bytes32(&self.withdrawals_root)
            .bytes32(&self.data_root)
            .bytes32(&self.diff_hash)
            .keccak();
        keccak(&[&[0x19, 0x01], &domain.separator().0, &structure.0])
    }
}
