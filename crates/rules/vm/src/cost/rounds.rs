//! The steps of the protocols with replicated sharing: what each party sends, round by round.
//!
//! Every step is for `n` lanes at once. Steps side by side share their rounds; steps in a chain do not.

use crate::kind::Width;

/// Bits that each party sends, round by round.
pub(super) type Rounds = Vec<[u64; 3]>;

/// How many bits count up to below `lanes`: the depth of a tree over them.
pub(super) fn depth(lanes: u64) -> u32 {
    u64::BITS - lanes.saturating_sub(1).leading_zeros()
}

/// How many numbers below `lanes` have a bit set.
pub(super) fn with_bit(lanes: u64, bit: u32) -> u64 {
    let half = 1_u64 << bit;
    let rest = lanes % (half * 2);
    lanes / (half * 2) * half + rest.saturating_sub(half)
}

/// Each party's bytes. A round's bits are rounded up.
pub(super) fn bytes(rounds: &Rounds) -> [u64; 3] {
    let sum = |party: usize| rounds.iter().fold(0_u64, |sum, bits| sum.saturating_add(bits[party].div_ceil(8)));
    std::array::from_fn(sum)
}

/// One after the other.
pub(super) fn chain<const N: usize>(steps: [Rounds; N]) -> Rounds {
    steps.concat()
}

/// Both at once.
pub(super) fn beside(left: Rounds, right: Rounds) -> Rounds {
    let (mut long, short) = if left.len() >= right.len() { (left, right) } else { (right, left) };
    for (all, part) in long.iter_mut().zip(short) {
        *all = std::array::from_fn(|party| all[party] + part[party]);
    }
    long
}

/// As many at once.
fn many(count: u64, step: Rounds) -> Rounds {
    step.into_iter().map(|bits| bits.map(|bits| bits.saturating_mul(count))).collect()
}

/// One after the other, as often.
fn again(count: u64, step: &Rounds) -> Rounds {
    (0..count).flat_map(|_| step.iter().copied()).collect()
}

/// Each party sends one share for each lane of the result: a product, or an opening.
pub(super) fn product(k: u64, n: u64) -> Rounds {
    vec![[k.saturating_mul(n); 3]]
}

/// The first party, which knows two of the three summands, shares the bits of their sum. The bits of the third are
/// shared already, by the two who know it.
fn reshare(k: u64, n: u64) -> Rounds {
    vec![[k.saturating_mul(n), 0, 0]]
}

/// The sum of two numbers of k shared bits, without the carry out: Sklansky's prefix adder.
fn adder(k: u64, n: u64) -> Rounds {
    let carries = k - 1;
    if carries == 0 {
        return Vec::new();
    }
    let mut all = product(1, carries * n);
    for level in 0..depth(carries) {
        // Where the lower end is reached, the propagating half is not needed.
        let ends = (carries.min(2 << level)).saturating_sub(1 << level);
        all.extend(product(1, (2 * with_bit(carries, level) - ends) * n));
    }
    all
}

/// The carry into the top bit of such a sum.
fn top_carry(k: u64, n: u64) -> Rounds {
    let mut left = k - 1;
    if left == 0 {
        return Vec::new();
    }
    let mut all = product(1, left * n);
    while left > 1 {
        all.extend(product(1, (left / 2 * 2 - 1) * n));
        left = left.div_ceil(2);
    }
    all
}

/// `and` of each lane's k bits.
fn all_of(k: u64, n: u64) -> Rounds {
    let mut left = k;
    let mut all = Vec::new();
    while left > 1 {
        all.extend(product(1, left / 2 * n));
        left = left.div_ceil(2);
    }
    all
}

/// A summed share into shared bits. In the field, the sum of 65 bits is reduced once.
pub(super) fn bits(width: Width, n: u64) -> Rounds {
    match width {
        Width::Int(1) => Vec::new(),
        Width::Int(k) => chain([reshare(k.into(), n), adder(k.into(), n)]),
        Width::Field => chain([reshare(64, n), adder(65, n), adder(66, n), product(1, 64 * n)]),
    }
}

/// A bit into a summed share: two products, one for each further share.
pub(super) fn inject(k: u64, n: u64) -> Rounds {
    if k == 1 { Vec::new() } else { again(2, &product(k, n)) }
}

/// k shared bits into a summed share: the bits minus two masks that are known to two parties each, opened to them.
pub(super) fn word(k: u64, n: u64) -> Rounds {
    if k == 1 { Vec::new() } else { chain([product(1, k * n), adder(k, n), product(k, n)]) }
}

/// As many operands as are secret into bits, a step in bits, and back.
pub(super) fn in_bits(k: u64, n: u64, secrets: usize, step: Rounds) -> Rounds {
    let secrets = u64::try_from(secrets).unwrap_or(1);
    chain([many(secrets, bits(int(k), n)), step, word(k, n)])
}

fn int(k: u64) -> Width {
    Width::Int(u8::try_from(k).unwrap_or(64))
}

/// The top bit.
pub(super) fn sign(k: u64, n: u64) -> Rounds {
    if k == 1 { Vec::new() } else { chain([reshare(k, n), top_carry(k, n)]) }
}

/// Where both tops are equal, the top of the difference; elsewhere, the top of one.
pub(super) fn less(k: u64, n: u64) -> Rounds {
    chain([many(3, sign(k, n)), product(1, n)])
}

/// The difference is zero where the sum of two summands is the third's negative.
pub(super) fn equal(k: u64, n: u64) -> Rounds {
    if k == 1 { Vec::new() } else { chain([reshare(k, n), all_of(k, n)]) }
}

/// One of two by a secret bit; without a product if both are public.
pub(super) fn choice(k: u64, n: u64, has_secrets: bool) -> Rounds {
    let multiplied = if has_secrets { product(k, n) } else { Vec::new() };
    chain([inject(k, n), multiplied])
}

/// A shift by a shared amount: a stage for each bit below the width, and none of the bits above.
pub(super) fn barrel(k: u64, n: u64) -> Rounds {
    let stages = u64::from(depth(k));
    let above = all_of(k.saturating_sub(stages) + 1, n);
    chain([beside(again(stages, &product(1, k * n)), above), product(1, k * n)])
}

/// Both numbers to twice the width, their product there, and the bits that are wanted.
pub(super) fn long_product(k: u64, n: u64, secrets: usize) -> Rounds {
    let secrets = u64::try_from(secrets).unwrap_or(1);
    let longer = chain([bits(int(k), n), again(1, &word(2 * k, n))]);
    let multiplied = if secrets == 2 { product(2 * k, n) } else { Vec::new() };
    let lower = chain([reshare(2 * k, n), adder(2 * k, n)]);
    chain([many(secrets, longer), multiplied, lower, word(k, n)])
}

/// A restoring division in bits: for each bit of the quotient a difference of k + 1 bits and a choice. In the field, the
/// inverse by squaring and multiplying, and a product.
pub(super) fn division(width: Width, n: u64, secrets: usize) -> Rounds {
    if width == Width::Field {
        // The exponent p - 2 has 64 bits, 63 of them set.
        return again(63 + 62 + 1, &product(64, n));
    }
    let k = u64::from(width.bits());
    let step = chain([adder(k + 1, n), product(1, k * n)]);
    let sign = chain([adder(k, n), product(1, k * n)]);
    in_bits(k, n, secrets, chain([sign.clone(), again(k, &step), sign]))
}

/// Which of the 2^k lanes: doubled bit by bit.
pub(super) fn one_hot(k: u64, n: u64) -> Rounds {
    (1..k).flat_map(|bit| product(1, n.saturating_mul(1 << bit.min(32)))).collect()
}

/// Which of `lanes` an index of k bits names, none if it is beyond.
pub(super) fn place(k: u64, lanes: u64) -> Rounds {
    let used = u64::from(depth(lanes)).min(k).max(1);
    let above = all_of(k - used + 1, 1);
    chain([bits(int(k), 1), beside(one_hot(used, 1), above), product(1, lanes)])
}

/// A bitonic network over the next power of two. A comparison is by key, then by where the row was before.
pub(super) fn sort(row: &[u64], n: u64) -> Rounds {
    let (levels, key) = (depth(n), row.first().copied().unwrap_or(1));
    let pairs = if levels == 0 { 0 } else { 1_u64 << (levels - 1) };
    let at = u64::from(levels).max(1);
    let compared = beside(beside(less(key, pairs), equal(key, pairs)), less(at, pairs));
    let exchanged = row.iter().chain([&at]).fold(Vec::new(), |all, k| beside(all, choice(*k, pairs, true)));
    let stage = chain([compared, product(1, pairs), exchanged]);
    again(u64::from(levels) * (u64::from(levels) + 1) / 2, &stage)
}

/// A tournament: the larger of each pair goes on, with its place.
pub(super) fn tournament(k: u64, at: u64, n: u64) -> Rounds {
    let mut left = n;
    let mut all = Vec::new();
    while left > 1 {
        let pairs = left / 2;
        all.extend(less(k, pairs));
        all.extend(beside(choice(k, pairs, true), choice(at, pairs, true)));
        left = left.div_ceil(2);
    }
    all
}

/// Three passes: in each, two parties permute alike and share the rows anew with the third.
pub(super) fn shuffle(row: u64, n: u64) -> Rounds {
    let bits = row.saturating_mul(n);
    vec![[bits, bits, 0], [0, bits, bits], [bits, 0, bits]]
}
