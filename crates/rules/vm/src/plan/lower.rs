//! From a program's operations to steps of a plan.

use super::{Any, Bits, Builder, Local, Public, Ring, Talk};
use crate::kind::{Type, Width};
use crate::layout::at;
use crate::operation::Operation;
use crate::program::Constant;

/// What an operation is done to.
#[derive(Debug, Clone, Copy)]
pub struct Operand {
    /// Where it is.
    pub any: Any,
    /// What it is to the program.
    pub kind: Type,
}

impl Operand {
    fn is_secret(self) -> bool {
        self.kind.is_secret()
    }

    /// Returns it if all know it.
    pub(super) fn known(self) -> Option<Public> {
        match self.any {
            Any::Public(public) => Some(public),
            Any::Ring(_) | Any::Bits(_) => None,
        }
    }
}

/// Takes a value of this type in.
pub fn input(builder: &mut Builder, kind: Type) -> Any {
    let lanes = at(kind.lanes);
    match (kind.is_secret(), kind.width) {
        (false, _) => Any::Public(builder.input_public(lanes)),
        (true, Width::BIT) => Any::Bits(builder.input_bits(lanes)),
        (true, width) => Any::Ring(builder.input(lanes, width)),
    }
}

/// Adds what an operation of a verified program does to a plan and returns its results. It begins when all its operands are
/// known, and ends when all its results are. What a block, a callee or a host does is not in a plan.
pub fn lower(
    builder: &mut Builder,
    constants: &[Constant],
    operation: &Operation,
    of: &[Operand],
    results: &[Type],
) -> Vec<Any> {
    let first = builder.begin(of.iter().map(|operand| operand.any));
    let given = builder.instruction(constants, operation, of, results);
    builder.end(first);
    given
}

impl Builder {
    fn instruction(
        &mut self,
        constants: &[Constant],
        operation: &Operation,
        of: &[Operand],
        results: &[Type],
    ) -> Vec<Any> {
        use Operation as O;
        let is_secret = of.iter().any(|operand| operand.is_secret());
        match *operation {
            O::Call { .. } | O::If { .. } | O::Repeat { .. } | O::Loop { .. } | O::While { .. } => Vec::new(),
            O::Input { .. } | O::Host { .. } | O::Check { .. } => Vec::new(),
            O::Output { .. } => self.refreshed(of[0].any).into_iter().collect(),
            O::Rand => vec![match results[0].width {
                Width::BIT => Any::Bits(self.random_bits(at(results[0].lanes), 1)),
                width => Any::Ring(self.random(at(results[0].lanes), width)),
            }],
            O::Const { constant } => {
                let stored = &constants[at(constant)];
                vec![Any::Public(self.numbered(at(stored.kind.lanes), || stored.lanes.clone()))]
            }
            // A table at a public index is an array.
            O::Lut { constant } if !is_secret => {
                let stored = &constants[at(constant)];
                let table = self.numbered(at(stored.kind.lanes), || stored.lanes.clone());
                let index = of[0].known().expect("a public index");
                let kinds = vec![stored.kind, of[0].kind];
                self.clear(O::Gather, kinds, &[table, index], results.to_vec()).into_iter().map(Any::Public).collect()
            }
            O::Lut { constant } => vec![self.looked_up(&constants[at(constant)], of[0])],
            O::Classify => vec![self.secret(of[0])],
            O::Shuffle => {
                let columns = of.iter().map(|column| self.secret(*column)).collect();
                self.shuffled(columns)
            }
            _ if !is_secret => {
                let operands: Vec<Public> = of.iter().filter_map(|operand| operand.known()).collect();
                let kinds = of.iter().map(|operand| operand.kind).collect();
                self.clear(*operation, kinds, &operands, results.to_vec()).into_iter().map(Any::Public).collect()
            }
            O::ArgMax | O::ArgMaxs => self.largest(of[0], results[1], *operation == O::ArgMaxs),
            O::Sort | O::Sorts => self.sorted(of, *operation == O::Sorts),
            _ => vec![self.single(operation, of[0], of, results[0])],
        }
    }

    /// Shares of a secret that say no more than the numbers, for whoever puts them together.
    fn refreshed(&mut self, a: Any) -> Option<Any> {
        if self.dealers().is_some() {
            // Of any components that curious parties lack, the rest and the number say all.
            return Some(a);
        }
        Some(match a {
            Any::Ring(ring) => a.placed(self.talk(&[ring.at], Talk::Refresh(ring))),
            // Handed out as numbers, of which a change can be seen.
            Any::Bits(bits) if self.is_guarded() => {
                let numbers = self.numbers(bits, Width::Int(8));
                Any::Ring(Ring { at: self.talk(&[numbers.at], Talk::Refresh(numbers)), ..numbers })
            }
            Any::Bits(bits) => a.placed(self.talk(&[bits.at], Talk::RefreshBits(bits))),
            Any::Public(_) => a,
        })
    }

    /// Returns the operand as a share.
    pub(super) fn secret(&mut self, a: Operand) -> Any {
        let Any::Public(from) = a.any else { return a.any };
        let lanes = from.lanes;
        match a.kind.width {
            Width::BIT => Any::Bits(self.classified_bits(from, 1)),
            width => Any::Ring(Ring { at: self.local(&[from.at], || Local::Classify(from.at)), lanes, width }),
        }
    }

    fn classified_bits(&mut self, from: Public, planes: usize) -> Bits {
        let at = self.local(&[from.at], || Local::ClassifyBits { from: from.at, planes });
        Bits { at, lanes: from.lanes, planes }
    }

    pub(super) fn ring(&mut self, a: Operand) -> Ring {
        match self.secret(a) {
            Any::Ring(ring) => ring,
            Any::Bits(_) | Any::Public(_) => unreachable!("wider than a bit, and a share"),
        }
    }

    fn bit(&mut self, a: Operand) -> Bits {
        match self.secret(a) {
            Any::Bits(bits) => bits,
            Any::Ring(_) | Any::Public(_) => unreachable!("a bit, and a share"),
        }
    }

    fn single(&mut self, operation: &Operation, a: Operand, of: &[Operand], to: Type) -> Any {
        use Operation as O;
        match operation {
            O::Add | O::Sub | O::Mul | O::And | O::Or | O::Xor => self.pair(operation, a, of[1]),
            O::MulHi | O::MulHis | O::MulFix { .. } => self.multiplied(operation, a, of[1]),
            O::Div | O::Rem | O::Divs | O::Rems | O::DivFix { .. } => self.quotient(operation, a, of[1]),
            O::Shlv | O::Shrv | O::Sarv => self.shifted(operation, a, of[1]),
            O::Neg | O::Not | O::Shl { .. } | O::Shr { .. } | O::Sar { .. } | O::Rotl { .. } => {
                self.alone(operation, a)
            }
            O::Dot | O::MatMul { .. } => self.products(operation, a, of[1]),
            O::Eq | O::Lt | O::Lts | O::Sign => Any::Bits(self.compared(operation, a, of)),
            O::Select => self.chosen(a, of[1], of[2]),
            O::Narrow | O::Zext | O::Sext | O::ToField | O::FromField => self.converted(operation, a, to),
            O::Bits => {
                let bits = self.any_bits(a);
                let (lanes, planes) = (bits.lanes * bits.planes, 1);
                Any::Bits(Bits { at: self.local(&[bits.at], || Local::Spread { from: bits }), lanes, planes })
            }
            O::Word => {
                let bits = self.bit(a);
                let from = self.gathered(bits, to.width.bits().into());
                self.integer(from)
            }
            O::Splat | O::Slice { .. } | O::Concat | O::Gather | O::Get | O::Set => self.moved(operation, of, to),
            O::Reduce { fold } => self.reduced(*fold, a, at(to.lanes)),
            O::Scan { fold } => self.scanned(*fold, a),
            O::ORead | O::OWrite => self.oblivious(operation, of),
            O::Reveal { .. } => Any::Public(match a.any {
                Any::Ring(ring) => self.open(ring),
                Any::Bits(bits) => self.open_bits(bits),
                Any::Public(public) => public,
            }),
            _ => unreachable!("every other operation is done elsewhere"),
        }
    }

    /// Both secret, or one of them.
    pub(super) fn pair(&mut self, operation: &Operation, a: Operand, b: Operand) -> Any {
        use Operation as O;
        let known = a.known().or(b.known());
        if a.kind.width == Width::BIT {
            let (x, y) = (self.bit(a), self.bit(b));
            let both = |builder: &mut Self| match known {
                None => builder.and(x, y),
                Some(known) => builder.masked(if a.known().is_some() { y } else { x }, known),
            };
            return Any::Bits(match operation {
                O::Add | O::Sub | O::Xor => self.xor(x, y),
                O::Mul | O::And => both(self),
                _ => {
                    let (both, one) = (both(self), self.xor(x, y));
                    self.xor(both, one)
                }
            });
        }
        match operation {
            O::Add | O::Sub => {
                let (x, y) = (self.ring(a), self.ring(b));
                Any::Ring(if *operation == O::Add { self.add(x, y) } else { self.sub(x, y) })
            }
            O::Mul => Any::Ring(match known {
                None => {
                    let (x, y) = (self.ring(a), self.ring(b));
                    self.multiply(x, y)
                }
                Some(known) => {
                    let secret = self.ring(if a.known().is_some() { b } else { a });
                    self.scale(secret, known)
                }
            }),
            _ => {
                let (x, y) = (self.any_bits(a), self.any_bits(b));
                let known = a.known().or(b.known());
                let secret = if a.known().is_some() { y } else { x };
                let bits = match (operation, known) {
                    (O::Xor, _) => self.xor(x, y),
                    (_, None) if *operation == O::And => self.and(x, y),
                    (_, None) => self.or(x, y),
                    (_, Some(known)) => {
                        let both = self.masked(secret, known);
                        if *operation == O::And {
                            both
                        } else {
                            let one = self.xor(x, y);
                            self.xor(both, one)
                        }
                    }
                };
                self.integer(bits)
            }
        }
    }

    /// Returns bits where those of numbers that all know are set, zeros elsewhere.
    fn masked(&mut self, from: Bits, by: Public) -> Bits {
        Bits { at: self.local(&[from.at, by.at], || Local::Mask { from, by: by.at }), ..from }
    }

    fn multiplied(&mut self, operation: &Operation, a: Operand, b: Operand) -> Any {
        let width = usize::from(a.kind.width.bits());
        let (by, signed) = match *operation {
            Operation::MulHi => (width, false),
            Operation::MulHis => (width, true),
            Operation::MulFix { fraction } => (usize::from(fraction), true),
            _ => unreachable!("every other product is done elsewhere"),
        };
        if a.kind.width == Width::BIT {
            // The product of single bits has one bit, with a sign or without.
            return if by == 0 {
                self.pair(&Operation::And, a, b)
            } else {
                Any::Bits(self.fixed(at(a.kind.lanes), 1, 0))
            };
        }
        let (x, y) = (self.ring(a), self.ring(b));
        Any::Ring(self.product_shifted(x, y, by, signed))
    }

    fn quotient(&mut self, operation: &Operation, a: Operand, b: Operand) -> Any {
        if a.kind.width == Width::Field {
            let inverse = match b.known() {
                Some(known) => {
                    let ones = self.numbered(known.lanes, || vec![1; known.lanes]);
                    let inverse = self.clear(Operation::Div, vec![b.kind; 2], &[ones, known], vec![b.kind])[0];
                    let x = self.ring(a);
                    return Any::Ring(self.scale(x, inverse));
                }
                None => {
                    let y = self.ring(b);
                    self.inverse(y)
                }
            };
            return Any::Ring(match a.known() {
                Some(known) => self.scale(inverse, known),
                None => {
                    let x = self.ring(a);
                    self.multiply(x, inverse)
                }
            });
        }
        let (x, y) = (self.any_bits(a), self.any_bits(b));
        let bits = self.division(operation, x, y);
        self.integer(bits)
    }

    fn shifted(&mut self, operation: &Operation, a: Operand, b: Operand) -> Any {
        if let (Operation::Shlv, Some(amount)) = (operation, b.known()) {
            // A multiple by a power of two that all know.
            let ones = self.numbered(amount.lanes, || vec![1; amount.lanes]);
            let kind = b.kind;
            let powers = self.clear(Operation::Shlv, vec![kind; 2], &[ones, amount], vec![kind])[0];
            let powers = Operand { any: Any::Public(powers), kind };
            return self.pair(&Operation::Mul, a, powers);
        }
        let (x, y) = (self.any_bits(a), self.any_bits(b));
        let bits = self.barrel(x, y, *operation == Operation::Shlv, *operation == Operation::Sarv);
        self.integer(bits)
    }

    fn alone(&mut self, operation: &Operation, a: Operand) -> Any {
        use Operation as O;
        if a.kind.width == Width::BIT {
            let bit = self.bit(a);
            return Any::Bits(if *operation == O::Not { self.not(bit) } else { bit });
        }
        let ring = self.ring(a);
        Any::Ring(match *operation {
            O::Neg => self.scale_all(ring, ring.width.largest()),
            O::Not => {
                // The complement is -a - 1.
                let negative = self.scale_all(ring, u64::MAX);
                self.add_all(negative, u64::MAX)
            }
            O::Shl { amount } => self.scale_all(ring, 1 << amount),
            O::Shr { amount } => self.shift_right(ring, amount.into(), false),
            O::Sar { amount } => self.shift_right(ring, amount.into(), true),
            O::Rotl { amount: 0 } => ring,
            O::Rotl { amount } => {
                // What goes over the top comes back at the bottom.
                let over = self.shift_right(ring, ring.bits() - usize::from(amount), false);
                let moved = self.scale_all(ring, 1 << amount);
                self.add(moved, over)
            }
            _ => unreachable!("every other operation is done elsewhere"),
        })
    }

    fn products(&mut self, operation: &Operation, a: Operand, b: Operand) -> Any {
        let lanes = at(a.kind.lanes);
        let (rows, inner, columns) = match *operation {
            Operation::MatMul { rows, inner, columns } => (at(rows), at(inner), at(columns)),
            _ => (1, lanes, 1),
        };
        let cells = move || (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)));
        let left =
            move || cells().flat_map(move |(row, _)| (0..inner).map(move |i| row * inner + i)).collect::<Vec<_>>();
        let right = move || {
            cells().flat_map(move |(_, column)| (0..inner).map(move |i| i * columns + column)).collect::<Vec<_>>()
        };
        let count = rows * inner * columns;
        if a.known().is_none() && b.known().is_none() {
            return match (self.secret(a), self.secret(b)) {
                (Any::Ring(x), Any::Ring(y)) => {
                    let (x, y) = (self.ordered(x, count, left), self.ordered(y, count, right));
                    Any::Ring(self.dot(x, y, inner))
                }
                (x, y) => {
                    let (x, y) = (self.some(x, count, left), self.some(y, count, right));
                    let (Any::Bits(x), Any::Bits(y)) = (x, y) else { unreachable!("both are of one width") };
                    let both = self.and(x, y);
                    Any::Bits(self.parity(both, inner))
                }
            };
        }
        let (secret, by) = if a.known().is_some() {
            let by = self.public_lanes(a, count, left);
            let y = self.secret(b);
            (self.some(y, count, right), by)
        } else {
            let by = self.public_lanes(b, count, right);
            let x = self.secret(a);
            (self.some(x, count, left), by)
        };
        match secret {
            Any::Ring(ring) => {
                let scaled = self.scale(ring, by);
                Any::Ring(self.sum(scaled, inner))
            }
            Any::Bits(bits) => {
                let both = self.masked(bits, by);
                Any::Bits(self.parity(both, inner))
            }
            Any::Public(_) => unreachable!("a share is none"),
        }
    }

    /// Returns lanes of what all know.
    fn public_lanes(&mut self, a: Operand, count: usize, order: impl FnOnce() -> Vec<usize>) -> Public {
        let from = a.known().expect("a public operand");
        let number = |lane| u64::try_from(lane).expect("lanes are counted in 32 bits");
        let indices = self.numbered(count, || order().into_iter().map(number).collect());
        let lanes = u32::try_from(count).expect("lanes are counted in 32 bits");
        let kinds = vec![a.kind, Type::public(Width::Int(32), lanes)];
        self.clear(Operation::Gather, kinds, &[from, indices], vec![a.kind.with_lanes(lanes)])[0]
    }

    pub(super) fn compared(&mut self, operation: &Operation, a: Operand, of: &[Operand]) -> Bits {
        use Operation as O;
        if a.kind.width == Width::BIT {
            let x = self.bit(a);
            if *operation == O::Sign {
                return x;
            }
            let y = self.bit(of[1]);
            let (x, y) = match operation {
                O::Eq => {
                    let differ = self.xor(x, y);
                    return self.not(differ);
                }
                // A single bit with a sign is zero or minus one.
                O::Lt => (self.not(x), y),
                _ => (x, self.not(y)),
            };
            let flag = |any: Bits, from: Operand| Operand { any: Any::Bits(any), kind: from.kind };
            // What all know stays known.
            let (x, y) = match (operation, a.known(), of[1].known()) {
                (O::Lt, _, Some(_)) => (flag(x, a), of[1]),
                (O::Lts, Some(_), _) => (a, flag(y, of[1])),
                _ => (flag(x, a), flag(y, of[1])),
            };
            let Any::Bits(less) = self.pair(&O::And, x, y) else { unreachable!("bits stay bits") };
            return less;
        }
        let x = self.ring(a);
        if *operation == O::Sign {
            return self.highest(x);
        }
        let y = self.ring(of[1]);
        if *operation == O::Eq {
            return self.equal(x, y);
        }
        let difference = self.sub(x, y);
        let difference = self.highest(difference);
        let (of_a, of_b) = (self.sign(a), self.sign(of[1]));
        self.decided(difference, of_a, of_b, *operation == O::Lts)
    }

    /// Returns the highest bits; those of what all know are known.
    fn sign(&mut self, a: Operand) -> Bits {
        let Some(known) = a.known() else {
            let ring = self.ring(a);
            return self.highest(ring);
        };
        let flag = a.kind.with_width(Width::BIT);
        let signs = self.clear(Operation::Sign, vec![a.kind], &[known], vec![flag])[0];
        self.classified_bits(signs, 1)
    }

    pub(super) fn chosen(&mut self, bit: Operand, a: Operand, b: Operand) -> Any {
        let is_bit = a.kind.width == Width::BIT;
        if let Some(known) = bit.known() {
            return if is_bit {
                let (x, y) = (self.bit(a), self.bit(b));
                let differ = self.xor(x, y);
                let change = self.masked(differ, known);
                Any::Bits(self.xor(y, change))
            } else {
                let (x, y) = (self.ring(a), self.ring(b));
                let difference = self.sub(x, y);
                let change = self.scale(difference, known);
                Any::Ring(self.add(y, change))
            };
        }
        let flag = self.bit(bit);
        // Between what all know, nothing is multiplied.
        let difference = match (a.known(), b.known()) {
            (Some(x), Some(y)) => {
                let operation = if is_bit { Operation::Xor } else { Operation::Sub };
                Some(self.clear(operation, vec![a.kind; 2], &[x, y], vec![a.kind])[0])
            }
            _ => None,
        };
        if is_bit {
            let (x, y) = (self.bit(a), self.bit(b));
            return Any::Bits(match difference {
                Some(difference) => {
                    let change = self.masked(flag, difference);
                    self.xor(y, change)
                }
                None => self.select_bits(flag, x, y),
            });
        }
        let (x, y) = (self.ring(a), self.ring(b));
        Any::Ring(match difference {
            Some(difference) => {
                let numbers = self.numbers(flag, x.width);
                let change = self.scale(numbers, difference);
                self.add(y, change)
            }
            None => self.select(flag, x, y),
        })
    }

    fn converted(&mut self, operation: &Operation, a: Operand, to: Type) -> Any {
        let is_signed = *operation == Operation::Sext;
        if a.kind.width == Width::BIT {
            let bit = self.bit(a);
            if to.width == Width::BIT {
                return Any::Bits(bit);
            }
            let number = self.numbers(bit, to.width);
            return Any::Ring(if is_signed { self.scale_all(number, u64::MAX) } else { number });
        }
        let ring = self.ring(a);
        let width = to.width;
        match operation {
            Operation::FromField => {
                let bits = self.bits(ring);
                let low = self.planes(bits, (0..usize::from(width.bits())).collect());
                self.integer(low)
            }
            Operation::ToField => Any::Ring(self.rescale(ring, 0, width, false)),
            // The lowest bits of shares are shares of the lowest bits.
            Operation::Narrow if width == Width::BIT => {
                let at = self.local(&[ring.at], || Local::LowBits(ring));
                Any::Bits(Bits { at, lanes: ring.lanes, planes: 1 })
            }
            Operation::Narrow => Any::Ring(Ring { width, ..ring }),
            _ => Any::Ring(self.extend(ring, width, is_signed)),
        }
    }

    fn looked_up(&mut self, table: &Constant, index: Operand) -> Any {
        let index = self.any_bits(index);
        let planes = table.kind.width.bits().into();
        let bits = self.look(index, &table.lanes, planes);
        if table.kind.width == Width::Field { Any::Ring(self.element(bits)) } else { self.integer(bits) }
    }

    /// Returns each lane's bits as planes.
    pub(super) fn any_bits(&mut self, a: Operand) -> Bits {
        match a.any {
            Any::Public(known) => self.classified_bits(known, a.kind.width.bits().into()),
            Any::Bits(bits) => bits,
            Any::Ring(ring) => self.bits(ring),
        }
    }

    pub(super) fn gathered(&mut self, from: Bits, planes: usize) -> Bits {
        let lanes = from.lanes / planes;
        Bits { at: self.local(&[from.at], || Local::Gather { from, planes }), lanes, planes }
    }

    /// Returns integers from their bits.
    pub(super) fn integer(&mut self, bits: Bits) -> Any {
        if bits.planes == 1 { Any::Bits(bits) } else { Any::Ring(self.word(bits)) }
    }
}
