//! Agreement by redundancy: a result stands when enough providers delivered it independently.
//!
//! Setting: fewer than `redundancy` of a task's providers collude. They commit before anybody reveals, so a lazy
//! provider of the first round cannot copy. A tie-breaker sees what it decides between: what that leaves open is in
//! decision 0011.

use types::{AccountId, ContentId, Fuel, record};

record! {
    /// What a run gave. Two honest runs of one task give equal outcomes, fuel included.
    pub struct Outcome {
        /// How the run ended; 0 is success. The sandbox names the others.
        pub exit: u8,
        /// What it wrote; the empty content unless it succeeded.
        pub output: ContentId,
        /// The fuel it used.
        pub fuel: Fuel,
    }
}

/// One provider's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who ran it.
    pub provider: AccountId,
    /// What it gave.
    pub outcome: Outcome,
}

/// An outcome that stands, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The outcome.
    pub outcome: Outcome,
    /// Who delivered it.
    pub agreeing: Vec<AccountId>,
    /// Who delivered something else.
    pub dissenting: Vec<AccountId>,
}

/// What a set of deliveries says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// Too few deliveries to say anything.
    Waiting,
    /// Enough deliveries, and they differ: one more provider must run the task.
    Split,
    /// One outcome stands.
    Decided(Decision),
}

/// Weighs deliveries. An outcome stands when at least `redundancy` providers delivered it and no other outcome has
/// as many.
pub fn check(deliveries: &[Delivery], redundancy: usize) -> Agreement {
    if deliveries.len() < redundancy || redundancy == 0 {
        return Agreement::Waiting;
    }
    let votes = |outcome: &Outcome| deliveries.iter().filter(|d| d.outcome == *outcome).count();
    let Some(best) = deliveries.iter().max_by_key(|d| votes(&d.outcome)) else { return Agreement::Waiting };
    let most = votes(&best.outcome);
    let rival = deliveries.iter().any(|d| d.outcome != best.outcome && votes(&d.outcome) >= most);
    if most < redundancy || rival {
        return Agreement::Split;
    }
    let (agreeing, dissenting): (Vec<_>, Vec<_>) = deliveries.iter().partition(|d| d.outcome == best.outcome);
    let names = |list: Vec<&Delivery>| list.into_iter().map(|d| d.provider).collect();
    Agreement::Decided(Decision {
        outcome: best.outcome.clone(),
        agreeing: names(agreeing),
        dissenting: names(dissenting),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Digest;

    fn verdict(outcomes: &[u64], redundancy: usize) -> String {
        let deliveries: Vec<_> = outcomes
            .iter()
            .zip(0u64..)
            .map(|(fuel, n)| Delivery {
                provider: AccountId(Digest::new([n, 0, 0, 0]).unwrap()),
                outcome: Outcome { exit: 0, output: ContentId::ZERO, fuel: Fuel(*fuel) },
            })
            .collect();
        match check(&deliveries, redundancy) {
            Agreement::Waiting => "waiting".into(),
            Agreement::Split => "split".into(),
            Agreement::Decided(d) => {
                format!("{} for {} against {}", d.outcome.fuel, d.agreeing.len(), d.dissenting.len())
            }
        }
    }

    #[test]
    fn a_result_stands_only_when_enough_agree() {
        assert_eq!(verdict(&[], 2), "waiting");
        assert_eq!(verdict(&[5], 2), "waiting");
        assert_eq!(verdict(&[5, 5], 2), "5 for 2 against 0");
        assert_eq!(verdict(&[5, 6], 2), "split");
        assert_eq!(verdict(&[5, 6, 6], 2), "6 for 2 against 1");
        assert_eq!(verdict(&[5, 6, 7], 2), "split");
        assert_eq!(verdict(&[5, 6, 6, 5], 2), "split");
        assert_eq!(verdict(&[5, 6, 6, 5, 5], 2), "5 for 3 against 2");
        assert_eq!(verdict(&[5], 1), "5 for 1 against 0");
        assert_eq!(verdict(&[5], 0), "waiting");
    }

    #[test]
    fn every_field_of_an_outcome_counts() {
        let same = Outcome { exit: 0, output: ContentId::ZERO, fuel: Fuel(1) };
        for other in [
            Outcome { exit: 1, ..same.clone() },
            Outcome { output: ContentId([1; 32]), ..same.clone() },
            Outcome { fuel: Fuel(2), ..same.clone() },
        ] {
            let by = |n, outcome: &Outcome| Delivery {
                provider: AccountId(Digest::new([n, 0, 0, 0]).unwrap()),
                outcome: outcome.clone(),
            };
            assert_eq!(check(&[by(1, &same), by(2, &other)], 2), Agreement::Split);
        }
    }
}
