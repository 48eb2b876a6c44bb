//! What a party does among how many, worked out once.

use std::ops::Range;
use vm::plan::{Lacking, Parties};

/// A party's place among the others. Components are named by their places among those that the party holds.
pub(crate) struct Seat {
    pub(crate) parties: Parties,
    pub(crate) me: usize,
    /// Who lacks each component that the party holds.
    pub(crate) held: Vec<Lacking>,
    /// The component that takes up what all know, if the party holds it.
    pub(crate) first: Option<usize>,
    /// Of the products of two components those that this party adds up: for one factor, the sum of which others.
    pub(crate) products: Vec<(usize, Vec<usize>)>,
    /// For each party before this one, the nearest first, the components that it is shown by this one.
    pub(crate) shown: Vec<Vec<usize>>,
}

impl Seat {
    pub(crate) fn new(parties: Parties, me: usize) -> Self {
        let components = parties.components();
        let held: Vec<Lacking> = components.iter().copied().filter(|lacking| !lacking.has(me)).collect();
        // Of the parties that hold both, each pair of components begins to look at another one.
        let multiplies = |one: usize, other: usize| {
            let all = (0..parties.count()).map(|places| parties.after(one + other, places));
            let mut holds = all.filter(|party| !components[one].has(*party) && !components[other].has(*party));
            holds.next()
        };
        let mine: Vec<usize> = (0..components.len()).filter(|at| !components[*at].has(me)).collect();
        let products = mine.iter().enumerate().map(|(one, first)| {
            let others = mine.iter().enumerate().filter(|(_, second)| multiplies(*first, **second) == Some(me));
            (one, others.map(|(other, _)| other).collect::<Vec<usize>>())
        });
        let products = products.filter(|(_, others)| !others.is_empty()).collect();
        let shown = (1..=parties.curious()).map(|places| {
            // What the party lacks and those between the two lack as well.
            let all_lack = |lacking: &Lacking| (1..=places).all(|places| lacking.has(parties.before(me, places)));
            held.iter().enumerate().filter(|(_, lacking)| all_lack(lacking)).map(|(at, _)| at).collect()
        });
        let shown = shown.collect();
        let first = held.iter().position(|lacking| *lacking == components[0]);
        Self { parties, me, first, products, shown, held }
    }

    /// Returns the components that this party speaks for after others have spoken for theirs.
    pub(crate) fn spoken(&self, before: impl Iterator<Item = usize>, without: Option<Lacking>) -> Vec<usize> {
        let before: Vec<usize> = before.collect();
        let is_left = |lacking: &Lacking| Some(*lacking) != without && before.iter().all(|party| lacking.has(*party));
        self.held.iter().enumerate().filter(|(_, lacking)| is_left(lacking)).map(|(at, _)| at).collect()
    }

    /// Returns the lanes of which a component is the one that no dealer knows.
    pub(crate) fn undealt(&self, lacking: Lacking, lanes: usize) -> Option<Range<usize>> {
        let blocks = self.parties.blocks(lanes).into_iter().enumerate();
        let mut mine = blocks.filter(|(block, _)| self.parties.undealt(*block) == lacking);
        mine.next().map(|(_, lanes)| lanes)
    }
}
