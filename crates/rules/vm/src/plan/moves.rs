//! Lanes that are moved, combined and found: at public places without a message, at secret ones by looking at all.

use super::{Any, Bits, Builder, Local, Operand, Public, Ring};
use crate::kind::{Fold, Type, Width};
use crate::layout::at;
use crate::operation::Operation;

impl Builder {
    pub(super) fn moved(&mut self, operation: &Operation, of: &[Operand], to: Type) -> Any {
        use Operation as O;
        let a = self.secret(of[0]);
        let count = at(to.lanes);
        match *operation {
            O::Splat => self.some(a, count, || vec![0; count]),
            O::Slice { start, step } => {
                self.some(a, count, || (0..to.lanes).map(|lane| at(start + lane * step)).collect())
            }
            O::Concat => {
                let parts: Vec<Any> = of.iter().map(|part| self.secret(*part)).collect();
                self.joined(&parts)
            }
            O::Gather => {
                let indices = of[1].known().expect("a public index").at;
                self.reshaped(a, count, &[a.at(), indices], || Local::Pick { from: a, indices })
            }
            O::Get => {
                let index = of[1].known().expect("a public index").at;
                self.reshaped(a, count, &[a.at(), index], || Local::Get { from: a, index, lanes: count })
            }
            _ => {
                let (index, part) = (of[1].known().expect("a public index").at, self.secret(of[2]));
                self.reshaped(a, count, &[a.at(), index, part.at()], || Local::Put { to: a, index, part })
            }
        }
    }

    /// Adds a step whose result is like a vector but for its number of lanes.
    fn reshaped(&mut self, like: Any, lanes: usize, needs: &[usize], what: impl FnOnce() -> Local) -> Any {
        let at = self.local(needs, what);
        match like {
            Any::Ring(ring) => Any::Ring(Ring { at, lanes, ..ring }),
            Any::Bits(bits) => Any::Bits(Bits { at, lanes, ..bits }),
            Any::Public(_) => Any::Public(Public { at, lanes }),
        }
    }

    /// Returns some of the lanes of a share. They are listed only when they are wanted.
    pub(super) fn some(&mut self, from: Any, count: usize, lanes: impl FnOnce() -> Vec<usize>) -> Any {
        match from {
            Any::Ring(ring) => Any::Ring(self.ordered(ring, count, lanes)),
            Any::Bits(bits) => {
                self.reshaped(from, count, &[bits.at], || Local::BitLanes { from: bits, lanes: lanes() })
            }
            Any::Public(_) => unreachable!("shares are moved here"),
        }
    }

    /// Returns the lanes of shares of one kind, one after another.
    pub(super) fn joined(&mut self, parts: &[Any]) -> Any {
        let needs: Vec<usize> = parts.iter().map(|part| part.at()).collect();
        let lanes = parts.iter().map(|part| part.lanes()).sum();
        self.reshaped(parts[0], lanes, &needs, || {
            let bits = parts.iter().filter_map(|part| if let Any::Bits(bits) = part { Some(*bits) } else { None });
            let bits: Vec<Bits> = bits.collect();
            if bits.is_empty() { Local::Stack(needs.clone()) } else { Local::StackBits(bits) }
        })
    }

    /// Combines lanes one by one.
    fn folded(&mut self, fold: Fold, a: Any, b: Any, kind: Type) -> Any {
        let operand = |any: Any| {
            let lanes = u32::try_from(any.lanes()).expect("lanes are counted in 32 bits");
            Operand { any, kind: kind.with_lanes(lanes) }
        };
        let (x, y) = (operand(a), operand(b));
        let simple = match fold {
            Fold::Add => Operation::Add,
            Fold::Mul => Operation::Mul,
            Fold::And => Operation::And,
            Fold::Or => Operation::Or,
            Fold::Xor => Operation::Xor,
            Fold::Min | Fold::Max | Fold::Mins | Fold::Maxs => {
                let order = if matches!(fold, Fold::Min | Fold::Max) { Operation::Lt } else { Operation::Lts };
                let less = self.compared(&order, x, &[x, y]);
                let less = Operand { any: Any::Bits(less), kind: x.kind.with_width(Width::BIT) };
                let (then, otherwise) = if matches!(fold, Fold::Min | Fold::Mins) { (x, y) } else { (y, x) };
                return self.chosen(less, then, otherwise);
            }
        };
        self.pair(&simple, x, y)
    }

    /// A tree over each group of neighbours; an odd one waits for the next level.
    pub(super) fn reduced(&mut self, fold: Fold, a: Operand, groups: usize) -> Any {
        let mut all = self.secret(a);
        let mut left = at(a.kind.lanes) / groups;
        if let (Fold::Add, Any::Ring(ring)) = (fold, all) {
            return Any::Ring(self.sum(ring, left));
        }
        while left > 1 {
            let pairs = left / 2;
            let places = |offset: usize| {
                let of = move |group: usize| (0..pairs).map(move |pair| group * left + 2 * pair + offset);
                move || (0..groups).flat_map(of).collect()
            };
            let (first, second) =
                (self.some(all, groups * pairs, places(0)), self.some(all, groups * pairs, places(1)));
            let combined = self.folded(fold, first, second, a.kind);
            all = if left.is_multiple_of(2) {
                combined
            } else {
                let rest = self.some(all, groups, || (0..groups).map(|group| group * left + left - 1).collect());
                let both = self.joined(&[combined, rest]);
                self.some(both, groups * (pairs + 1), || {
                    let of = |group: usize| (group * pairs..(group + 1) * pairs).chain([groups * pairs + group]);
                    (0..groups).flat_map(of).collect()
                })
            };
            left = left.div_ceil(2);
        }
        all
    }

    /// Sklansky's prefix network: at each level every lane whose bit of that level is set.
    pub(super) fn scanned(&mut self, fold: Fold, a: Operand) -> Any {
        let mut all = self.secret(a);
        let (lanes, mut length) = (at(a.kind.lanes), 1);
        while length < lanes {
            let upper = move || (0..lanes).filter(move |lane| lane & length != 0);
            let count = lanes / (length * 2) * length + (lanes % (length * 2)).saturating_sub(length);
            let low = self.some(all, count, || upper().map(|lane| (lane & !(length - 1)) - 1).collect());
            let high = self.some(all, count, || upper().collect());
            let combined = self.folded(fold, low, high, a.kind);
            let both = self.joined(&[all, combined]);
            all = self.some(both, lanes, || {
                let mut order: Vec<usize> = (0..lanes).collect();
                upper().enumerate().for_each(|(place, lane)| order[lane] = lanes + place);
                order
            });
            length *= 2;
        }
        all
    }

    /// Returns for each of so many lanes whether it is the one at an index.
    fn hit(&mut self, index: Operand, lanes: usize) -> Bits {
        let named = match index.kind.width.bits() {
            // A lane whose number the index cannot say is never meant.
            width @ 0..32 => lanes.min(1 << width),
            _ => lanes,
        };
        let hit = match self.secret(index) {
            Any::Ring(ring) => {
                let spread = self.ordered(ring, named, || vec![0; named]);
                let places = self.numbered(named, || (0..).take(named).collect());
                let places = Ring { at: self.local(&[places.at], || Local::Classify(places.at)), ..spread };
                self.equal(spread, places)
            }
            Any::Bits(bit) => {
                let other = self.not(bit);
                let all = self.joined(&[Any::Bits(other), Any::Bits(bit)]);
                let Any::Bits(all) = self.some(all, named, || (0..named).collect()) else {
                    unreachable!("bits stay bits")
                };
                all
            }
            Any::Public(_) => unreachable!("a share is none"),
        };
        if named == lanes {
            return hit;
        }
        let none = self.fixed(lanes - named, 1, 0);
        let Any::Bits(hit) = self.joined(&[Any::Bits(hit), Any::Bits(none)]) else { unreachable!("bits stay bits") };
        hit
    }

    pub(super) fn oblivious(&mut self, operation: &Operation, of: &[Operand]) -> Any {
        let (array, index) = (of[0], of[1]);
        let lanes = at(array.kind.lanes);
        let width = array.kind.width;
        if let Some(known) = index.known() {
            return self.oblivious_known(operation, of, known);
        }
        let hit = self.hit(index, lanes);
        if *operation == Operation::OWrite {
            let value = self.secret(of[2]);
            let value = Operand {
                any: self.some(value, lanes, || vec![0; lanes]),
                kind: of[2].kind.with_lanes(array.kind.lanes),
            };
            let hit = Operand { any: Any::Bits(hit), kind: Type::secret(Width::BIT, array.kind.lanes) };
            return self.chosen(hit, value, array);
        }
        if width == Width::BIT {
            let hit = Operand { any: Any::Bits(hit), kind: Type::secret(Width::BIT, array.kind.lanes) };
            let Any::Bits(kept) = self.pair(&Operation::And, hit, array) else { unreachable!("bits stay bits") };
            return Any::Bits(self.parity(kept, lanes));
        }
        let chosen = self.numbers(hit, width);
        Any::Ring(match array.known() {
            Some(array) => {
                let kept = self.scale(chosen, array);
                self.sum(kept, lanes)
            }
            None => {
                let array = self.ring(array);
                self.dot(chosen, array, lanes)
            }
        })
    }

    /// At an index that all know, beyond the end or not: which lane is meant is known as well.
    fn oblivious_known(&mut self, operation: &Operation, of: &[Operand], index: Public) -> Any {
        let (array, lanes) = (of[0], at(of[0].kind.lanes));
        let index_kind = of[1].kind;
        let bit = Type::public(Width::BIT, 1);
        let one = self.constant(vec![1]);
        // The lane's flag, by the definition of the operation on what all know.
        let none = self.numbered(lanes, || vec![0; lanes]);
        let flags = Type::public(Width::BIT, array.kind.lanes);
        let written = self.clear(Operation::OWrite, vec![flags, index_kind, bit], &[none, index, one], vec![flags]);
        let hit = Operand { any: Any::Public(written[0]), kind: flags };
        if *operation == Operation::OWrite {
            let value = self.secret(of[2]);
            let value = Operand {
                any: self.some(value, lanes, || vec![0; lanes]),
                kind: of[2].kind.with_lanes(array.kind.lanes),
            };
            return self.chosen(hit, value, array);
        }
        let zeros = Any::Public(self.numbered(lanes, || vec![0; lanes]));
        let zeros = Operand { any: zeros, kind: array.kind.with_label(crate::kind::Label::Public) };
        match self.chosen(hit, array, zeros) {
            Any::Ring(kept) => Any::Ring(self.sum(kept, lanes)),
            Any::Bits(kept) => Any::Bits(self.parity(kept, lanes)),
            Any::Public(_) => unreachable!("a share is chosen from"),
        }
    }

    /// Returns the exclusive or of each group of lanes that lie beside one another.
    pub(super) fn parity(&mut self, a: Bits, group: usize) -> Bits {
        let mut left = self.gathered(a, group);
        while left.planes > 1 {
            let half = left.planes / 2;
            let low = self.planes(left, (0..half).collect());
            let high = self.planes(left, (half..2 * half).collect());
            let mut parts = vec![self.xor(low, high)];
            if left.planes % 2 == 1 {
                parts.push(self.planes(left, vec![left.planes - 1]));
            }
            left = self.stack(&parts);
        }
        left
    }
}
