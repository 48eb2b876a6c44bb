//! How many parties there are, and who speaks among more than three.
//!
//! Setting: `2t + 1` parties, of whom any `t` together may be curious. A secret is a sum with a component for each set of `t`
//! parties, which all but these hold. (Ito, Saito, Nishizeki, GLOBECOM 1987.) Whatever is shared anew is a sum of what some
//! parties know by themselves: each of these draws all its components but one with those who hold them (Cramer, Damgård,
//! Ishai, TCC 2005), and sends what is left to the holders of that one, who are the `t` parties before it. So each party
//! hears from the `t` parties after it, as each of three hears from one.

use super::{Any, Talk, WORD, words};
use std::ops::Range;

/// A number of parties: three, five or seven, of whom one, two or three may be curious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Parties {
    curious: Curious,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Curious {
    #[default]
    One,
    Two,
    Three,
}

/// The parties that lack a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacking(u8);

impl Lacking {
    /// Whether a party is one of them.
    pub fn has(self, party: usize) -> bool {
        self.0 >> party & 1 == 1
    }
}

impl Parties {
    /// Three of them.
    pub const THREE: Self = Self { curious: Curious::One };
    /// All numbers of parties that there are protocols for.
    pub const ALL: [Self; 3] = [Self::THREE, Self { curious: Curious::Two }, Self { curious: Curious::Three }];

    /// Returns so many parties, if there is a protocol for them.
    pub fn new(count: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|parties| parties.count() == count)
    }

    /// Returns how many they are.
    pub fn count(self) -> usize {
        2 * self.curious() + 1
    }

    /// Returns how many of them may put together what they see and learn nothing.
    pub fn curious(self) -> usize {
        match self.curious {
            Curious::One => 1,
            Curious::Two => 2,
            Curious::Three => 3,
        }
    }

    /// Returns the party so many places after another.
    pub fn after(self, party: usize, places: usize) -> usize {
        (party + places) % self.count()
    }

    /// Returns the party so many places before another.
    pub fn before(self, party: usize, places: usize) -> usize {
        self.after(party, self.count() - places % self.count())
    }

    /// Returns who lacks each component, in the order of the components.
    pub fn components(self) -> Vec<Lacking> {
        let sets = 0_u8..1 << self.count();
        sets.filter(|set| usize::try_from(set.count_ones()) == Ok(self.curious())).map(Lacking).collect()
    }

    /// Returns so many parties from one on.
    fn from(self, first: usize, count: usize) -> Lacking {
        Lacking((0..count).fold(0, |set, place| set | 1 << self.after(first, place)))
    }

    /// Returns who lacks the component by which a party tells what is left after all that it draws.
    pub fn told(self, speaker: usize) -> Lacking {
        self.from(self.after(speaker, 1), self.curious())
    }

    /// Returns the parties that deal lanes of a block, in the order in which they take components up.
    pub fn dealers(self, block: usize) -> impl Iterator<Item = usize> {
        (0..self.curious()).map(move |place| self.after(block, place))
    }

    /// Returns who lacks the component that no dealer of a block knows: the dealers.
    pub fn undealt(self, block: usize) -> Lacking {
        self.from(block, self.curious())
    }

    /// Returns the lanes of each block. Dealing costs its dealers messages, so it is shared out among all.
    pub fn blocks(self, lanes: usize) -> Vec<Range<usize>> {
        let count = self.count();
        let bound = |block: usize| (words(lanes) * block / count * WORD).min(lanes);
        (0..count).map(|block| bound(block)..bound(block + 1)).collect()
    }
}

/// What one party puts into a sum that is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// Which party.
    pub speaker: usize,
    /// In which of the results that lie one after another.
    pub part: usize,
    /// The lanes of which it speaks.
    pub lanes: Range<usize>,
    /// For dealt lanes, their block.
    pub block: usize,
}

impl Talk {
    /// Returns who puts what into the sum that the step shares; nothing for a step that shows something.
    pub fn speeches(&self, parties: Parties) -> Vec<Speech> {
        let all = |lanes: usize, speaks: &dyn Fn(usize) -> bool| {
            let speakers = (0..parties.count()).filter(|party| speaks(*party));
            speakers.map(|speaker| Speech { speaker, part: 0, lanes: 0..lanes, block: 0 }).collect()
        };
        let dealt = |lanes: usize, is_apart: bool| {
            let blocks = parties.blocks(lanes).into_iter().enumerate().filter(|(_, lanes)| !lanes.is_empty());
            let speech = move |(block, lanes): (usize, Range<usize>)| {
                parties.dealers(block).enumerate().map(move |(place, speaker)| {
                    let part = if is_apart { place } else { 0 };
                    Speech { speaker, part, lanes: lanes.clone(), block }
                })
            };
            blocks.flat_map(speech).collect()
        };
        match self {
            Self::Multiply { a, group, .. } => all(a.lanes / group, &|_| true),
            Self::And { a, .. } => all(a.lanes, &|_| true),
            Self::DealSum { from, .. } => dealt(from.lanes, false),
            Self::DealSumBits { from } => dealt(from.lanes, true),
            Self::DealOfBits { from, .. } => dealt(from.lanes, true),
            Self::Mix { from, first, .. } => {
                let outside = parties.components()[*first];
                all(from.lanes(), &|party| !outside.has(party))
            }
            Self::OpenRing(_) | Self::OpenBits(_) => Vec::new(),
            Self::Refresh(_) | Self::RefreshBits(_) | Self::DealCarries { .. } | Self::Complete { .. } => {
                unreachable!("only three parties do this")
            }
        }
    }

    /// Returns how many bytes a party sends to each of the parties that it sends to, among so many.
    pub fn bytes_to_each(&self, parties: Parties, party: usize) -> usize {
        let each = match self {
            Self::Multiply { a, .. } => a.bits(),
            Self::And { a, .. } => a.planes,
            Self::DealSum { width, .. } => width.bits().into(),
            Self::DealSumBits { from } => from.bits(),
            Self::DealOfBits { from, width } => from.planes * usize::from(width.bits()),
            Self::Mix { from: Any::Ring(ring), .. } => ring.bits(),
            Self::Mix { from: Any::Bits(bits), .. } => bits.planes,
            Self::OpenRing(from) => return (from.lanes * from.bits()).div_ceil(8),
            Self::OpenBits(from) => return (from.lanes * from.planes).div_ceil(8),
            _ => unreachable!("only three parties do this"),
        };
        let said = self.speeches(parties).into_iter().filter(|speech| speech.speaker == party);
        (said.map(|speech| speech.lanes.len()).sum::<usize>() * each).div_ceil(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_told_what_is_left_holds_that_component_and_nobody_else() {
        for parties in Parties::ALL {
            let (count, curious) = (parties.count(), parties.curious());
            for speaker in 0..count {
                let told = parties.told(speaker);
                assert!(parties.components().contains(&told) && !told.has(speaker));
                let holders: Vec<usize> = (0..count).filter(|party| !told.has(*party) && *party != speaker).collect();
                let mut before: Vec<usize> = (1..=curious).map(|places| parties.before(speaker, places)).collect();
                before.sort_unstable();
                assert_eq!(holders, before);
            }
        }
    }

    #[test]
    fn any_curious_parties_lack_a_component_and_one_more_lack_none() {
        for parties in Parties::ALL {
            for set in 0_u32..1 << parties.count() {
                let lacks = parties
                    .components()
                    .iter()
                    .any(|lacking| (0..parties.count()).all(|party| set >> party & 1 == 0 || lacking.has(party)));
                assert_eq!(lacks, usize::try_from(set.count_ones()).unwrap() <= parties.curious());
            }
        }
        assert_eq!([2, 4, 6, 8, 9].map(Parties::new), [None; 5]);
    }
}
