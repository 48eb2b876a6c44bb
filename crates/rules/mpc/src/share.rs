//! Replicated secret sharing among three parties: a secret is the sum of three components, modulo a power of two or bit
//! by bit, and each party holds two of them.
//!
//! Setting: any two components are uniformly random and say nothing of the secret, so one party alone learns nothing;
//! any two parties together know all three. (Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016.)

use crate::field;
use vm::Width;
use vm::plan::Parties;
use zeroize::{Zeroize as _, ZeroizeOnDrop};

/// One of the parties, in their circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Party {
    number: u8,
    parties: Parties,
}

impl Party {
    /// All of three, in order.
    pub const ALL: [Self; 3] = [Self::third(0), Self::third(1), Self::third(2)];

    const fn third(number: u8) -> Self {
        Self { number, parties: Parties::THREE }
    }

    /// Returns the party with this number among three, if there is one.
    pub fn new(number: u8) -> Option<Self> {
        Self::all(Parties::THREE).nth(number.into())
    }

    /// Returns all of so many parties, in order.
    pub fn all(parties: Parties) -> impl Iterator<Item = Self> {
        (0..).take(parties.count()).map(move |number| Self { number, parties })
    }

    /// Returns how many parties it is one of.
    pub fn among(self) -> Parties {
        self.parties
    }

    /// Returns its number, from 0.
    pub fn number(self) -> u8 {
        self.number
    }

    /// Returns the party so many places after it.
    #[must_use]
    pub fn after(self, places: usize) -> Self {
        let number = u8::try_from(self.parties.after(self.index(), places)).expect("there are few parties");
        Self { number, ..self }
    }

    /// Returns the party after it: of three the one whose first component it holds too, and from whom it receives.
    #[must_use]
    pub fn next(self) -> Self {
        self.after(1)
    }

    /// Returns the party before it: of three the one to whom it sends.
    #[must_use]
    pub fn previous(self) -> Self {
        self.after(self.parties.count() - 1)
    }

    /// Returns its number as a place in a list of all.
    pub fn index(self) -> usize {
        self.number.into()
    }
}

/// A party's two components of shared words. They are wiped when they are dropped, and cannot be printed or cloned.
pub struct Share {
    /// The component with the party's own number.
    pub mine: Vec<u64>,
    /// The component with the next party's number.
    pub next: Vec<u64>,
}

impl ZeroizeOnDrop for Share {}

impl Drop for Share {
    fn drop(&mut self) {
        for part in [&mut self.mine, &mut self.next] {
            // What is beyond the end may have been used; words are wiped faster than the bytes of room that is left.
            part.resize(part.capacity(), 0);
            part.as_mut_slice().zeroize();
        }
    }
}

impl Share {
    pub(crate) fn zeros(words: usize) -> Self {
        Self { mine: vec![0; words], next: vec![0; words] }
    }

    pub(crate) fn copy(&self) -> Self {
        Self { mine: self.mine.clone(), next: self.next.clone() }
    }
}

/// Shares numbers among the parties: what a client does with its inputs. The noise is two uniformly random words for
/// each number, used for nothing else.
///
/// # Panics
/// When there is less noise than that.
pub fn share(numbers: &[u64], noise: &[u64]) -> [Share; 3] {
    assert!(noise.len() >= 2 * numbers.len(), "two words of noise for each number");
    let (first, second) = (noise[..numbers.len()].to_vec(), noise[numbers.len()..2 * numbers.len()].to_vec());
    let rest = numbers.iter().zip(&first).zip(&second);
    let rest = rest.map(|((number, a), b)| number.wrapping_sub(*a).wrapping_sub(*b)).collect();
    parts([first, second, rest])
}

/// Shares numbers of a width: elements of the field as a sum modulo its prime, all others as [`share`] does. What draws the
/// noise gives a uniformly random word each time.
pub fn share_as(width: Width, numbers: &[u64], draw: &mut dyn FnMut() -> u64) -> [Share; 3] {
    if width.is_int() {
        let noise: Vec<u64> = (0..2 * numbers.len()).map(|_| draw()).collect();
        return share(numbers, &noise);
    }
    let mut element = || loop {
        // One word in 2^32 is no element, and left out.
        let word = draw();
        if field::is_canonical(word) {
            return word;
        }
    };
    let first: Vec<u64> = numbers.iter().map(|_| element()).collect();
    let second: Vec<u64> = numbers.iter().map(|_| element()).collect();
    let rest = numbers.iter().zip(&first).zip(&second);
    let rest = rest.map(|((number, a), b)| field::sub(field::sub(field::reduced(*number), *a), *b)).collect();
    parts([first, second, rest])
}

fn parts(components: [Vec<u64>; 3]) -> [Share; 3] {
    let part = |own: usize, next: usize| Share { mine: components[own].clone(), next: components[next].clone() };
    [part(0, 1), part(1, 2), part(2, 0)]
}

/// Puts numbers together again from all three shares: what a client does with its outputs. Returns `None` when the
/// parties contradict each other, which an honest three never do.
pub fn combine(shares: &[Share; 3]) -> Option<Vec<u64>> {
    together(shares, u64::wrapping_add)
}

pub(crate) fn together(shares: &[Share; 3], add: impl Fn(u64, u64) -> u64) -> Option<Vec<u64>> {
    for party in Party::ALL {
        if shares[party.index()].next != shares[party.next().index()].mine {
            return None;
        }
    }
    let [first, second, third] = shares;
    let lanes = first.mine.iter().zip(&second.mine).zip(&third.mine);
    Some(lanes.map(|((a, b), c)| add(add(*a, *b), *c)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_unless_somebody_lies() {
        let numbers = [0, 1, u64::MAX, 42];
        let noise = [7, 8, 9, u64::MAX, 1, 2, 3, 4];
        assert_eq!(combine(&share(&numbers, &noise)), Some(numbers.to_vec()));
        for party in 0..3 {
            for lane in 0..4 {
                for own in [true, false] {
                    let mut shares = share(&numbers, &noise);
                    let liar = &mut shares[party];
                    let word = if own { &mut liar.mine[lane] } else { &mut liar.next[lane] };
                    *word ^= 1;
                    assert_eq!(combine(&shares), None);
                }
            }
        }
    }
}
