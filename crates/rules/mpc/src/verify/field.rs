//! The field of 2^64 elements: polynomials over bits modulo x^64 + x^4 + x^3 + x + 1, the lowest bit the constant.

/// Returns an element times x.
pub(super) fn twice(a: u64) -> u64 {
    a << 1 ^ if a >> 63 == 1 { 0b1_1011 } else { 0 }
}

/// Returns an element times a power of x below the 64th.
pub(super) fn raised(a: u64, power: usize) -> u64 {
    reduced(u128::from(a) << power)
}

/// Returns a product: a table of the first factor's small multiples, four bits of the second at a time.
pub(super) fn times(a: u64, b: u64) -> u64 {
    Multiples::of(a).times(b)
}

/// A factor of many products.
pub(super) struct Multiples([u128; 16]);

impl Multiples {
    pub(super) fn of(a: u64) -> Self {
        let mut table = [0; 16];
        table[1] = u128::from(a);
        for at in 1..8 {
            table[2 * at] = table[at] << 1;
            table[2 * at + 1] = table[2 * at] ^ table[1];
        }
        Self(table)
    }

    pub(super) fn times(&self, b: u64) -> u64 {
        let mut product = 0;
        for byte in b.to_be_bytes() {
            product = product << 4 ^ self.0[usize::from(byte >> 4)];
            product = product << 4 ^ self.0[usize::from(byte & 15)];
        }
        reduced(product)
    }
}

/// Returns a product of polynomials as an element.
pub(super) fn reduced(product: u128) -> u64 {
    let once = |number: u128| {
        let high = number >> 64;
        number & u128::from(u64::MAX) ^ high ^ high << 1 ^ high << 3 ^ high << 4
    };
    // The first time leaves four bits too many at most.
    u64::try_from(once(once(product))).expect("nothing is left above")
}

/// A linear map of words, given by what becomes of each bit.
pub(super) struct Linear(Box<[[u64; 256]; 8]>);

impl Linear {
    pub(super) fn of(basis: &[u64; 64]) -> Self {
        let mut tables = Box::new([[0; 256]; 8]);
        for (table, bits) in tables.iter_mut().zip(basis.chunks_exact(8)) {
            for (bit, image) in bits.iter().enumerate() {
                let (known, rest) = table.split_at_mut(1 << bit);
                rest.iter_mut().zip(known).for_each(|(to, from)| *to = *from ^ image);
            }
        }
        Self(tables)
    }

    /// Returns multiplication by an element.
    pub(super) fn by(element: u64) -> Self {
        let mut basis = [element; 64];
        for bit in 1..64 {
            basis[bit] = twice(basis[bit - 1]);
        }
        Self::of(&basis)
    }

    pub(super) fn apply(&self, word: u64) -> u64 {
        let bytes = word.to_le_bytes();
        let of = |table: usize| self.0[table][usize::from(bytes[table])];
        (of(0) ^ of(1) ^ of(2) ^ of(3)) ^ (of(4) ^ of(5) ^ of(6) ^ of(7))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow(a: u64, b: u64) -> u64 {
        (0..64).rev().fold(0, |sum, bit| twice(sum) ^ if b >> bit & 1 == 1 { a } else { 0 })
    }

    proptest! {
        #[test]
        fn products_are_those_of_polynomials(a: u64, b: u64, power in 0_usize..64) {
            prop_assert_eq!(times(a, b), slow(a, b));
            prop_assert_eq!(Linear::by(a).apply(b), slow(a, b));
            prop_assert_eq!(raised(a, power), slow(a, 1 << power));
        }
    }

    #[test]
    fn every_element_but_zero_has_an_inverse() {
        // The 2^64 - 2nd power.
        for element in [1, 2, 3, 0x8000_0000_0000_0000, u64::MAX, 0x0123_4567_89ab_cdef] {
            let (mut inverse, mut power) = (1, element);
            for _ in 1..64 {
                power = times(power, power);
                inverse = times(inverse, power);
            }
            assert_eq!(times(inverse, element), 1);
        }
    }
}
