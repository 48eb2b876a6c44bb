//! How people write and read the values of ports.

use crate::scalar::{FIELD, Scalar, fix_of};
use vm::{Meaning, Width};

/// Reads the lanes of a port from a text such as `42`, `-1.5`, `true` or `1,2,3`. What is wrong is said in a sentence.
pub fn lanes(text: &str, kind: vm::Type, meaning: Meaning) -> Result<Vec<u64>, String> {
    let lanes: Vec<u64> =
        text.split(',').map(|item| lane(item.trim(), kind.width, meaning)).collect::<Result<_, _>>()?;
    let wanted = usize::try_from(kind.lanes).unwrap_or(usize::MAX);
    if lanes.len() != wanted {
        return Err(format!("{} values are given, and {wanted} are wanted: separate them with commas", lanes.len()));
    }
    Ok(lanes)
}

fn lane(text: &str, width: Width, meaning: Meaning) -> Result<u64, String> {
    let scalar = scalar(width, meaning);
    let value = match meaning {
        Meaning::Bool => match text {
            "true" | "True" | "1" => Some(1),
            "false" | "False" | "0" => Some(0),
            _ => None,
        },
        Meaning::Fixed(_) => fixed(text),
        _ => text.parse::<i128>().ok(),
    };
    let (least, most) = scalar.range();
    let value = value.filter(|value| scalar.holds(*value)).ok_or_else(|| match meaning {
        Meaning::Bool => format!("`{text}` is neither true nor false"),
        Meaning::Fixed(_) => format!("`{text}` is no decimal number that fits 64 bits with 16 behind the point"),
        _ => format!("`{text}` is no whole number between {least} and {most}"),
    })?;
    let modulus = if scalar == Scalar::Field { i128::try_from(FIELD).unwrap_or(i128::MAX) } else { 1 << scalar.bits() };
    Ok(u64::try_from(value.rem_euclid(modulus)).unwrap_or(0))
}

fn fixed(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || part.len() > 20 {
        return None;
    }
    let raw = fix_of(all.parse().ok()?, i32::try_from(part.len()).ok()?)?;
    Some(if negative { -raw } else { raw })
}

fn scalar(width: Width, meaning: Meaning) -> Scalar {
    match meaning {
        Meaning::Bool => Scalar::Bool,
        Meaning::Fixed(_) => Scalar::Fix,
        Meaning::Field => Scalar::Field,
        Meaning::Signed => Scalar::Int { bits: u32::from(width.bits()), signed: true },
        Meaning::Unsigned => Scalar::Int { bits: u32::from(width.bits()), signed: false },
    }
}

/// Returns lanes as a person reads them: one value plainly, several in brackets.
#[must_use]
pub fn show(lanes: &[u64], width: Width, meaning: Meaning) -> String {
    let scalar = scalar(width, meaning);
    let shown: Vec<String> = lanes.iter().map(|lane| scalar.show(scalar.wrap(i128::from(*lane)))).collect();
    match shown.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_shown_as_it_was_written() {
        let check = |text: &str, width, meaning| {
            let kind = vm::Type::public(width, u32::try_from(text.split(',').count()).unwrap());
            let shown = lanes(text, kind, meaning).map(|lanes| show(&lanes, width, meaning));
            assert_eq!(shown.unwrap().trim_matches(['[', ']']).replace(", ", ","), text);
        };
        for text in ["0", "-1", "9223372036854775807", "1,2,-3"] {
            check(text, Width::Int(64), Meaning::Signed);
        }
        check("255", Width::Int(8), Meaning::Unsigned);
        check("-1.5", Width::Int(64), Meaning::Fixed(16));
        check("True,False", Width::BIT, Meaning::Bool);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let bad = [
            ("256", 8, Meaning::Unsigned),
            ("-1", 8, Meaning::Unsigned),
            ("x", 64, Meaning::Signed),
            ("", 64, Meaning::Signed),
        ];
        for (text, bits, meaning) in bad {
            assert!(lanes(text, vm::Type::public(Width::Int(bits), 1), meaning).is_err(), "{text}");
        }
        assert!(
            lanes("1,2", vm::Type::public(Width::Int(64), 3), Meaning::Signed).unwrap_err().contains("3 are wanted")
        );
        assert!(lanes("1.5.5", vm::Type::public(Width::Int(64), 1), Meaning::Fixed(16)).is_err());
    }
}
