//! Who holds which component of what is shared, and so has the same key to draw it with.

use mpc::{Parties, Party};

/// The parties that hold a component.
pub(crate) struct Circle {
    /// Which one.
    pub(crate) component: usize,
    /// Who holds it.
    pub(crate) holders: Vec<Party>,
    /// Who draws the key and gives it to the others.
    pub(crate) giver: Party,
}

/// Returns how many components there are.
pub(crate) fn components(parties: Parties) -> usize {
    parties.components().len()
}

/// Returns the circles of a party, in the order in which it holds their components.
pub(crate) fn circles(me: Party) -> Vec<Circle> {
    let parties = me.among();
    if parties == Parties::THREE {
        // A component with a party's number is that party's and the previous one's.
        let circle = |own: Party| Circle { component: own.index(), holders: vec![own.previous(), own], giver: own };
        return vec![circle(me), circle(me.next())];
    }
    let components = parties.components().into_iter().enumerate().filter(|(_, lacking)| !lacking.has(me.index()));
    let circles = components.map(|(component, lacking)| {
        let holders: Vec<Party> = Party::all(parties).filter(|party| !lacking.has(party.index())).collect();
        let giver = holders[0];
        Circle { component, holders, giver }
    });
    circles.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_mean_the_same_component_and_as_many_lack_it_as_may_be_curious() {
        for parties in Parties::ALL {
            for party in Party::all(parties) {
                for circle in circles(party) {
                    assert!(circle.holders.contains(&party) && circle.holders.contains(&circle.giver));
                    assert_eq!(circle.holders.len(), parties.curious() + 1);
                    for other in circle.holders {
                        assert!(circles(other).iter().any(|one| one.component == circle.component));
                    }
                }
            }
        }
    }
}
