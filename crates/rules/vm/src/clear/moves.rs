//! Copies that happen all at once, in an order in which none overwrites what another still needs.

use super::code::Home;
use std::collections::BTreeMap;

/// One of the copies in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// To the first, from the second.
    Move(Home, Home),
    /// Both change places.
    Swap(Home, Home),
}

/// Orders copies, each to a place of its own, from the second of the pair.
pub(super) fn steps(pairs: Vec<(Home, Home)>) -> Vec<Step> {
    let mut from: BTreeMap<Home, Home> = pairs.into_iter().filter(|(to, from)| to != from).collect();
    let mut readers: BTreeMap<Home, usize> = BTreeMap::new();
    from.values().for_each(|home| *readers.entry(*home).or_default() += 1);
    let mut ready: Vec<Home> = from.keys().filter(|to| !readers.contains_key(to)).copied().collect();
    let mut steps = Vec::new();
    while let Some(to) = ready.pop() {
        let Some(source) = from.remove(&to) else { continue };
        steps.push(Step::Move(to, source));
        let left = readers.entry(source).or_default();
        *left -= 1;
        if *left == 0 {
            ready.push(source);
        }
    }
    // What is left are rings: each place is read once.
    while let Some((to, source)) = from.pop_first() {
        steps.push(Step::Swap(to, source));
        // What was at `to` is at `source` now, where the one who wants it may be already.
        let reader = from.iter().find(|(_, other)| **other == to).map(|(reader, _)| *reader);
        if let Some(reader) = reader {
            if reader == source {
                from.remove(&reader);
            } else {
                from.insert(reader, source);
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pairs: &[(u16, u16)]) -> Result<(), TestCaseError> {
        let homes = pairs.iter().map(|(to, from)| (Home::Register(*to), Home::Register(*from)));
        let before: BTreeMap<Home, u16> = (0..8).map(|number| (Home::Register(number), number)).collect();
        let mut expected = before.clone();
        homes.clone().for_each(|(to, from)| {
            expected.insert(to, before[&from]);
        });
        let mut after = before;
        for step in steps(homes.collect()) {
            match step {
                Step::Move(to, from) => {
                    after.insert(to, after[&from]);
                }
                Step::Swap(a, b) => {
                    let (x, y) = (after[&a], after[&b]);
                    after.insert(a, y);
                    after.insert(b, x);
                }
            }
        }
        prop_assert_eq!(after, expected);
        Ok(())
    }

    proptest! {
        #[test]
        fn copies_in_order_are_copies_at_once(from in prop::collection::vec(0_u16..8, 0..8)) {
            let pairs: Vec<(u16, u16)> = (0..).zip(from).collect();
            check(&pairs)?;
        }
    }
}
