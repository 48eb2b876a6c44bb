//! Guessing which word was meant.

/// Longest word that is compared: names of fields are shorter, and the comparison takes time by the square.
const WORD: usize = 40;

/// Returns the word that is nearest to what stands there, if any is near enough to be what was meant.
pub fn near(given: &str, words: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let given: Vec<char> = given.chars().take(WORD).flat_map(char::to_lowercase).collect();
    let distances = words.map(|word| (distance(&given, &word.chars().collect::<Vec<_>>()), word));
    let (least, word) = distances.min_by_key(|(distance, _)| *distance)?;
    (least <= (word.len() / 3).max(1)).then_some(word)
}

/// Counts the letters to add, remove or replace, and the neighbours to swap (Damerau and Levenshtein, restricted).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(a != b);
            let mut least = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let words = ["min_stake", "slashing_penalty", "tps"];
        for (given, meant) in [
            ("min_steak", Some("min_stake")),
            ("minstake", Some("min_stake")),
            ("MIN_STAKE", Some("min_stake")),
            ("slashing_penaltys", Some("slashing_penalty")),
            ("tsp", Some("tps")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(near(given, words.into_iter()), meant, "{given}");
        }
    }
}
