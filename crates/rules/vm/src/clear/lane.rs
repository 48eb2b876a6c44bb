//! What an operation does to a lane, fast. `s` is 64 minus the width; `t` is what the instruction carries.

use p3_field::{Field, PrimeCharacteristicRing, PrimeField64};
use p3_goldilocks::Goldilocks;

/// The lowest 64 - s bits.
#[inline(always)]
pub(super) const fn low(s: u8, x: u64) -> u64 {
    x << (s & 63) >> (s & 63)
}

/// The lane as a signed number.
#[inline(always)]
pub(super) const fn signed(s: u8, x: u64) -> i64 {
    (x << (s & 63)).cast_signed() >> (s & 63)
}

/// The lowest 64 bits of a wide number.
#[inline(always)]
fn truncated(x: i128) -> u64 {
    u64::try_from(x.cast_unsigned() & u128::from(u64::MAX)).unwrap_or(0)
}

macro_rules! pairs {
    ($($name:ident($s:ident, $t:ident, $a:ident, $b:ident) $body:expr;)*) => {
        $(#[inline(always)]
        pub(super) fn $name($s: u8, $t: u8, $a: u64, $b: u64) -> u64 {
            let _ = ($s, $t);
            $body
        })*
    };
}

pairs! {
    add(s, t, a, b) low(s, a.wrapping_add(b));
    sub(s, t, a, b) low(s, a.wrapping_sub(b));
    mul(s, t, a, b) low(s, a.wrapping_mul(b));
    mul_hi(s, t, a, b) {
        let product = u128::from(a) * u128::from(b);
        low(s, u64::try_from(product >> (64 - s) & u128::from(u64::MAX)).unwrap_or(0))
    };
    mul_his(s, t, a, b) low(s, truncated((i128::from(signed(s, a)) * i128::from(signed(s, b))) >> (64 - s)));
    mul_fix(s, t, a, b) low(s, truncated((i128::from(signed(s, a)) * i128::from(signed(s, b))) >> (t & 63)));
    div(s, t, a, b) a.checked_div(b).unwrap_or(low(s, u64::MAX));
    rem(s, t, a, b) a.checked_rem(b).unwrap_or(a);
    divs(s, t, a, b) {
        if b == 0 { low(s, u64::MAX) } else { low(s, signed(s, a).wrapping_div(signed(s, b)).cast_unsigned()) }
    };
    rems(s, t, a, b) {
        if b == 0 { a } else { low(s, signed(s, a).wrapping_rem(signed(s, b)).cast_unsigned()) }
    };
    div_fix(s, t, a, b) {
        let (over, under) = (i128::from(signed(s, a)) << (t & 63), i128::from(signed(s, b)));
        if under == 0 {
            return low(s, u64::MAX);
        }
        let quotient = over / under;
        let is_over = over % under != 0 && (over < 0) != (under < 0);
        low(s, truncated(quotient - i128::from(is_over)))
    };
    and(s, t, a, b) a & b;
    or(s, t, a, b) a | b;
    xor(s, t, a, b) a ^ b;
    shlv(s, t, a, b) if b < u64::from(64 - s) { low(s, a << (b & 63)) } else { 0 };
    shrv(s, t, a, b) if b < u64::from(64 - s) { a >> (b & 63) } else { 0 };
    sarv(s, t, a, b) low(s, (signed(s, a) >> b.min(63)).cast_unsigned());
    eq(s, t, a, b) u64::from(a == b);
    lt(s, t, a, b) u64::from(a < b);
    lts(s, t, a, b) u64::from(signed(s, a) < signed(s, b));
    field_add(s, t, a, b) (Goldilocks::new(a) + Goldilocks::new(b)).as_canonical_u64();
    field_sub(s, t, a, b) (Goldilocks::new(a) - Goldilocks::new(b)).as_canonical_u64();
    field_mul(s, t, a, b) (Goldilocks::new(a) * Goldilocks::new(b)).as_canonical_u64();
    field_div(s, t, a, b) {
        let inverse = Goldilocks::new(b).try_inverse().unwrap_or(Goldilocks::ZERO);
        (Goldilocks::new(a) * inverse).as_canonical_u64()
    };
    min(s, t, a, b) a.min(b);
    max(s, t, a, b) a.max(b);
    mins(s, t, a, b) if signed(s, a) <= signed(s, b) { a } else { b };
    maxs(s, t, a, b) if signed(s, a) >= signed(s, b) { a } else { b };
}

macro_rules! singles {
    ($($name:ident($s:ident, $t:ident, $a:ident) $body:expr;)*) => {
        $(#[inline(always)]
        pub(super) fn $name($s: u8, $t: u8, $a: u64) -> u64 {
            let _ = ($s, $t);
            $body
        })*
    };
}

singles! {
    neg(s, t, a) low(s, a.wrapping_neg());
    not(s, t, a) low(s, !a);
    shl(s, t, a) low(s, a << (t & 63));
    shr(s, t, a) a >> (t & 63);
    sar(s, t, a) low(s, (signed(s, a) >> (t & 63)).cast_unsigned());
    // A rotation by nothing shifts right by the whole width, which would be too far for 64 bits.
    rotl(s, t, a) if t == 0 { a } else { low(s, a << (t & 63)) | a >> ((64 - s - t) & 63) };
    sign(s, t, a) a >> ((63 - s) & 63);
    same(s, t, a) a;
    narrow(s, t, a) low(s, a);
    // From a width of 64 - t bits.
    sext(s, t, a) low(s, signed(t, a).cast_unsigned());
    field_neg(s, t, a) (-Goldilocks::new(a)).as_canonical_u64();
    to_field(s, t, a) Goldilocks::new(a).as_canonical_u64();
}
