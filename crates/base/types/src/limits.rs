//! Bounds of everything that can grow. A name here is the only place its number is written.

/// Longest encoded transaction, in bytes.
pub const TRANSACTION_BYTES: usize = 4_096;
/// Most entries (transactions and L1 messages) in one block.
pub const BLOCK_ENTRIES: usize = 4_096;
/// Most blocks in one batch.
pub const BATCH_BLOCKS: usize = 4_096;
/// Longest program or input that the content store accepts, in bytes.
pub const CONTENT_BYTES: usize = 8 << 20;
/// Longest output that a provider may deliver, in bytes.
pub const OUTPUT_BYTES: usize = 1 << 20;
/// Most linear memory that a task may ask for, in bytes.
pub const TASK_MEMORY_BYTES: u64 = 256 << 20;
/// Most fuel that one task may ask for.
pub const TASK_FUEL: u64 = 1_000_000_000_000;
/// Most providers that may work on one task: the redundancy and every tie-breaker.
pub const TASK_PROVIDERS: usize = 9;
/// Most offers that a plan considers, and so the longest list of reasons in an assignment.
pub const PLAN_CANDIDATES: usize = 16;
/// Most members of the committee.
pub const COMMITTEE_MEMBERS: usize = 32;
/// Most members of a tally's quorum. If all of them sign, each with an identity, one transaction brings their word.
pub const QUORUM_MEMBERS: usize = 24;
/// Deepest state path: one level for each bit of a key's digest.
pub const PATH_DEPTH: usize = 256;
/// Deepest list Merkle path, in contracts as here: more leaves than a batch can ever hold.
pub const LIST_DEPTH: usize = 32;
/// Most transactions waiting for a block.
pub const QUEUE_TRANSACTIONS: usize = 65_536;
/// Longest leaf key or value, in bytes: a task with all its assignments fits many times over.
pub const LEAF_BYTES: usize = 1 << 16;
/// Longest piece of a batch's state differences that one L1 transaction publishes, in bytes. Nodes refuse transactions
/// above 128 KiB.
pub const CHUNK_BYTES: usize = 120_000;
/// Most pieces that one batch publishes.
pub const BATCH_CHUNKS: usize = 64;
/// Longest evidence of a proven batch, in bytes: it goes in one L1 transaction, with the header and the chunks' hashes.
pub const EVIDENCE_BYTES: usize = 120_000;
/// Most weight of a leaf of a proven batch: as much as 1,024 transfers.
pub const LEAF_WEIGHT: usize = 1_024;
/// Most leaves of a batch that settles by its proof. Every leaf's job shows what the whole batch touches, and a leaf takes
/// a dozen L1 transactions.
pub const BATCH_LEAVES: usize = 16;
/// Most sessions or names of other kinds that one request may list.
pub const PAGE: usize = 1_000;
/// Longest encoding of a program's bytecode, in bytes.
pub const BYTECODE_BYTES: usize = 16 << 20;
/// Most lanes of one value.
pub const VALUE_LANES: u32 = 1 << 20;
/// Most lanes of all constants of a program together.
pub const CONSTANT_LANES: usize = 1 << 21;
/// Most functions of a program.
pub const FUNCTIONS: usize = 4_096;
/// Most ports, releases or host functions of a program.
pub const PORTS: usize = 4_096;
/// Most instructions of one function.
pub const INSTRUCTIONS: usize = 1 << 20;
/// Deepest nesting of blocks in a function.
pub const NESTING: usize = 32;
/// Steps that verifying one program may take: one for each instruction, operand, result and block.
pub const VERIFIER_STEPS: u64 = 1 << 26;
/// Largest figure that a cost certificate may hold: what is dearer is refused.
pub const COST: u64 = 1 << 60;
