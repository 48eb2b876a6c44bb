//! What each party holds of a secret: all components but those of the sets that it is in.

use crate::field;
use crate::local::add;
use vm::plan::Parties;
use vm::{Type, Width};
use zeroize::ZeroizeOnDrop;

/// A party's components of shared words, in the order of [`Parties::components`], without those that it lacks. They are wiped
/// when they are dropped, and cannot be printed or cloned.
#[derive(ZeroizeOnDrop)]
pub struct Components(pub Vec<Vec<u64>>);

impl Components {
    pub(crate) fn zeros(count: usize, words: usize) -> Self {
        Self(vec![vec![0; words]; count])
    }

    pub(crate) fn words(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// Returns the same of each component.
    pub(crate) fn each(&self, of: impl Fn(&[u64]) -> Vec<u64>) -> Self {
        Self(self.0.iter().map(|part| of(part)).collect())
    }

    /// Whether there are as many as a party among so many holds, of so many words each.
    pub fn fits(&self, parties: Parties, words: usize) -> bool {
        self.0.len() == held(parties, 0).count() && self.0.iter().all(|part| part.len() == words)
    }
}

/// What a party gives to or gets from a port.
pub enum Part {
    /// A client's secret, as what the party holds of it: of elements of the field modulo the prime, of all other numbers
    /// modulo 2^64, whatever their width.
    Secret(Components),
    /// What all know.
    Public(Vec<u64>),
}

impl Part {
    /// Returns a copy: what is everybody's goes to each client.
    #[must_use]
    pub fn copied(&self) -> Self {
        match self {
            Self::Public(numbers) => Self::Public(numbers.clone()),
            Self::Secret(components) => Self::Secret(components.each(<[u64]>::to_vec)),
        }
    }
}

fn held(parties: Parties, party: usize) -> impl Iterator<Item = usize> {
    let all = parties.components().into_iter().enumerate();
    all.filter(move |(_, lacking)| !lacking.has(party)).map(|(at, _)| at)
}

/// Shares numbers of a width among parties: what a client does with its inputs. What draws the noise gives a uniformly random
/// word each time.
pub fn share(parties: Parties, width: Width, numbers: &[u64], draw: &mut dyn FnMut() -> u64) -> Vec<Components> {
    let mut element = || loop {
        // One word in 2^32 is no element of the field, and left out.
        let word = draw();
        if width.is_int() || field::is_canonical(word) {
            return word;
        }
    };
    let count = parties.components().len();
    let mut last: Vec<u64> =
        numbers.iter().map(|number| if width.is_int() { *number } else { field::reduced(*number) }).collect();
    let mut components = Vec::with_capacity(count);
    for _ in 1..count {
        let part: Vec<u64> = numbers.iter().map(|_| element()).collect();
        last.iter_mut().zip(&part).for_each(|(last, part)| *last = crate::local::sub(width, *last, *part));
        components.push(part);
    }
    components.push(last);
    let mine = |party| Components(held(parties, party).map(|at| components[at].clone()).collect());
    let shares = (0..parties.count()).map(mine).collect();
    components.iter_mut().for_each(zeroize::Zeroize::zeroize);
    shares
}

/// Puts a port's numbers together from what all parties gave; `None` when they contradict each other.
pub fn gathered(parties: Parties, kind: Type, given: &[Part]) -> Option<Vec<u64>> {
    if given.len() != parties.count() {
        return None;
    }
    let mut known: Vec<Option<Vec<u64>>> = vec![None; parties.components().len()];
    let mut public = None;
    // What is above a number's width is nobody's business.
    let mask = if kind.width.is_int() { kind.width.largest() } else { u64::MAX };
    for (party, part) in given.iter().enumerate() {
        match part {
            Part::Public(numbers) => {
                if public.get_or_insert(numbers) != &numbers {
                    return None;
                }
            }
            Part::Secret(components) => {
                let words = components.words();
                if public.is_some() || !components.fits(parties, words) {
                    return None;
                }
                for (at, part) in held(parties, party).zip(&components.0) {
                    let part: Vec<u64> = part.iter().map(|word| word & mask).collect();
                    if known[at].get_or_insert_with(|| part.clone()) != &part {
                        return None;
                    }
                }
            }
        }
    }
    if let Some(numbers) = public {
        return known.iter().all(Option::is_none).then(|| numbers.clone());
    }
    let mut known = known.into_iter();
    let first = known.next()??;
    known.try_fold(first, |sum, part| {
        let part = part.filter(|part| part.len() == sum.len())?;
        Some(sum.iter().zip(&part).map(|(a, b)| add(kind.width, *a, *b) & mask).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm::sample::Chance;

    #[test]
    fn numbers_come_back_unless_somebody_lies() {
        let mut chance = Chance::new(3);
        for parties in Parties::ALL {
            for width in [Width::Int(13), Width::Int(64), Width::Field] {
                let kind = Type::secret(width, 3);
                let numbers = [0, 1, width.largest()];
                let shares = |chance: &mut Chance| {
                    let shares = share(parties, width, &numbers, &mut || chance.bits());
                    shares.into_iter().map(Part::Secret).collect::<Vec<Part>>()
                };
                assert_eq!(gathered(parties, kind, &shares(&mut chance)), Some(numbers.to_vec()));
                for liar in 0..parties.count() {
                    let mut lied = shares(&mut chance);
                    let at = usize::try_from(chance.below(3)).unwrap();
                    if let Part::Secret(components) = &mut lied[liar] {
                        components.0[at][at] ^= 1;
                    }
                    assert_eq!(gathered(parties, kind, &lied), None);
                }
                let mut few = shares(&mut chance);
                few.pop();
                assert_eq!(gathered(parties, kind, &few), None);
            }
        }
    }
}
