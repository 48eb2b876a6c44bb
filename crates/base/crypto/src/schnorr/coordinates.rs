//! Points and signatures as a circuit has them.

use super::{Limbs, PART_BYTES, SIGNATURE_BYTES, limbs_of, not_neutral};
use crate::ecgfp5::{self, Element, Point, Scalar};

/// A point of odd order on the curve itself, where addition is the textbook's. The group's element P + N with y/x = w stands
/// for P, with y/x = -w, whose x is the square among the two that w allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coordinates {
    /// x.
    pub x: Limbs,
    /// A square root of x.
    pub root: Limbs,
    /// y.
    pub y: Limbs,
}

/// Returns the coordinates of a public key or commitment, if it is one.
pub fn coordinates(encoded: &Limbs) -> Option<Coordinates> {
    let w = not_neutral(*encoded)?;
    let x = Point::decode(w)?.square_x();
    let root = x.square_root()?;
    Some(Coordinates { x: x.limbs(), root: root.limbs(), y: (-(w * x)).limbs() })
}

/// Returns a signature's commitment and response, the response's least significant limb first; nothing unless both are
/// canonical.
pub fn parts(signature: &[u8; SIGNATURE_BYTES]) -> Option<(Limbs, Limbs)> {
    let (commitment, response) = signature.split_at(PART_BYTES);
    let response = Scalar::from_be_bytes(response.try_into().ok()?)?;
    Some((Element::new(limbs_of(commitment))?.limbs(), response.limbs()))
}

/// The order of the group, the least significant limb first.
pub const ORDER: Limbs = ecgfp5::ORDER;

#[cfg(test)]
mod tests {
    use super::super::SigningKey;
    use super::*;

    #[test]
    fn coordinates_are_a_points_of_the_curve() {
        for number in 0..20 {
            let key = *SigningKey::from_seed(&[number; 32]).public().limbs();
            let Coordinates { x, root, y } = coordinates(&key).unwrap();
            let [w, x, root, y] = [key, x, root, y].map(|limbs| Element::new(limbs).unwrap());
            let [two, b] = [[2, 0, 0, 0, 0], [0, 263, 0, 0, 0]].map(|limbs| Element::new(limbs).unwrap());
            assert_eq!(root * root, x);
            assert_eq!(y, -(w * x));
            assert_eq!(y * y, x * (x * x + two * x + b));
        }
        assert_eq!(coordinates(&[0; 5]), None);
    }
}
