//! From a program's operations to steps of a plan.

use crate::build::Builder;
use crate::plan::{Any, Bits, Local, Public, Ring};
use vm::layout::at;
use vm::{Fold, Operation, Type, Width};

/// What an operation is done to.
#[derive(Clone, Copy)]
pub(crate) struct Operand {
    pub(crate) any: Any,
    pub(crate) kind: Type,
}

impl Operand {
    fn is_secret(self) -> bool {
        self.kind.is_secret()
    }
}

/// Returns how many bits a lane has; `None` for the field, of which there is nothing yet.
fn bits_of(kind: Type) -> Option<usize> {
    match kind.width {
        Width::Int(bits) => Some(bits.into()),
        Width::Field => None,
    }
}

/// Takes a value of this type in; `None` for a secret of the field.
pub(crate) fn input(builder: &mut Builder, kind: Type) -> Option<Any> {
    let lanes = at(kind.lanes);
    Some(match (kind.is_secret(), kind.width) {
        (false, _) => Any::Public(builder.input_public(lanes)),
        (true, Width::BIT) => Any::Bits(builder.input_bits(lanes)),
        (true, Width::Int(bits)) => Any::Ring(builder.input(lanes, bits.into())),
        (true, Width::Field) => return None,
    })
}

/// Adds what an operation does to a plan and returns its results; `None` when no protocol is there for it yet.
pub(crate) fn lower(
    builder: &mut Builder,
    operation: &Operation,
    of: &[Operand],
    results: &[Type],
) -> Option<Vec<Any>> {
    use Operation as O;
    let is_drawn = matches!(operation, O::Rand | O::Classify | O::Shuffle);
    if !is_drawn && !of.iter().any(|operand| operand.is_secret()) {
        let operands = of.iter().map(|operand| public(operand.any)).collect::<Option<Vec<Public>>>()?;
        let kinds = of.iter().map(|operand| operand.kind).collect();
        return Some(
            builder.clear(*operation, kinds, &operands, results.to_vec()).into_iter().map(Any::Public).collect(),
        );
    }
    if of.iter().any(|operand| operand.kind.width == Width::Field) {
        return None;
    }
    if let O::ArgMax | O::ArgMaxs = operation {
        return builder.largest(of[0], results[1], *operation == O::ArgMaxs);
    }
    let (first, kind) = (of.first().copied(), *results.first()?);
    let one = match (operation, first) {
        (O::Rand, _) => match bits_of(kind)? {
            1 => Any::Bits(builder.random_bits(at(kind.lanes), 1)),
            width => Any::Ring(builder.random(at(kind.lanes), width)),
        },
        (O::Classify, Some(a)) => builder.secret(a)?,
        (_, Some(a)) => builder.single(operation, a, of, kind)?,
        (_, None) => return None,
    };
    Some(vec![one])
}

fn public(any: Any) -> Option<Public> {
    match any {
        Any::Public(public) => Some(public),
        Any::Ring(_) | Any::Bits(_) => None,
    }
}

impl Builder {
    /// Returns the operand as a share.
    fn secret(&mut self, a: Operand) -> Option<Any> {
        let Any::Public(from) = a.any else { return Some(a.any) };
        let lanes = from.lanes;
        Some(match bits_of(a.kind)? {
            1 => Any::Bits(Bits { at: self.local(&[from.at], Local::ClassifyBits(from.at)), lanes, planes: 1 }),
            width => Any::Ring(Ring { at: self.local(&[from.at], Local::Classify(from.at)), lanes, width }),
        })
    }

    fn ring(&mut self, a: Operand) -> Option<Ring> {
        match self.secret(a)? {
            Any::Ring(ring) => Some(ring),
            Any::Bits(_) | Any::Public(_) => None,
        }
    }

    fn bit(&mut self, a: Operand) -> Option<Bits> {
        match self.secret(a)? {
            Any::Bits(bits) => Some(bits),
            Any::Ring(_) | Any::Public(_) => None,
        }
    }

    fn single(&mut self, operation: &Operation, a: Operand, of: &[Operand], to: Type) -> Option<Any> {
        use Operation as O;
        Some(match operation {
            O::Add | O::Sub | O::Mul | O::And | O::Or | O::Xor => self.pair(operation, a, of[1])?,
            O::Neg | O::Not | O::Shl { .. } | O::Shr { .. } | O::Sar { .. } | O::Rotl { .. } => {
                self.alone(operation, a)?
            }
            O::Dot | O::MatMul { .. } => self.products(operation, a, of[1])?,
            O::Eq | O::Lt | O::Lts | O::Sign => Any::Bits(self.compared(operation, a, of)?),
            O::Select => self.chosen(a, of[1], of[2])?,
            O::Narrow | O::Zext | O::Sext => self.converted(operation, a, to)?,
            O::Bits => {
                let bits = self.any_bits(a)?;
                let (lanes, planes) = (bits.lanes * bits.planes, 1);
                Any::Bits(Bits { at: self.local(&[bits.at], Local::Spread { from: bits }), lanes, planes })
            }
            O::Word => {
                let bits = self.bit(a)?;
                let planes = bits_of(to)?;
                let from = self.gathered(bits, planes);
                self.word(from)
            }
            O::Splat | O::Slice { .. } | O::Concat | O::Gather | O::Get | O::Set => self.moved(operation, of, to)?,
            O::Reduce { fold } => self.reduced(*fold, a, at(to.lanes))?,
            O::Scan { fold } => self.scanned(*fold, a)?,
            O::ORead | O::OWrite => self.oblivious(operation, of)?,
            O::Reveal { .. } => match self.secret(a)? {
                Any::Ring(ring) => Any::Public(self.open(ring)),
                Any::Bits(bits) => Any::Public(self.open_bits(bits)),
                Any::Public(_) => return None,
            },
            _ => return None,
        })
    }

    /// Both secret, or one of them.
    fn pair(&mut self, operation: &Operation, a: Operand, b: Operand) -> Option<Any> {
        use Operation as O;
        let is_both = a.is_secret() && b.is_secret();
        let known = public(a.any).or(public(b.any));
        if bits_of(a.kind)? == 1 {
            let (x, y) = (self.bit(a)?, self.bit(b)?);
            let both = |builder: &mut Self| match known {
                None => builder.and(x, y),
                Some(known) => {
                    let from = if a.is_secret() { x } else { y };
                    Bits { at: builder.local(&[from.at, known.at], Local::Mask { from: from.at, by: known.at }), ..x }
                }
            };
            return Some(Any::Bits(match operation {
                O::Add | O::Sub | O::Xor => self.xor(x, y),
                O::Mul | O::And => both(self),
                _ => {
                    let (both, one) = (both(self), self.xor(x, y));
                    self.xor(both, one)
                }
            }));
        }
        Some(match operation {
            O::Add | O::Sub => {
                let (x, y) = (self.ring(a)?, self.ring(b)?);
                Any::Ring(if *operation == O::Add { self.add(x, y) } else { self.sub(x, y) })
            }
            O::Mul if is_both => {
                let (x, y) = (self.ring(a)?, self.ring(b)?);
                Any::Ring(self.multiply(x, y))
            }
            O::Mul => {
                let secret = self.ring(if a.is_secret() { a } else { b })?;
                Any::Ring(self.scale(secret, known?))
            }
            _ => {
                let (x, y) = (self.any_bits(a)?, self.any_bits(b)?);
                let bits = match operation {
                    O::And => self.and(x, y),
                    O::Or => self.or(x, y),
                    _ => self.xor(x, y),
                };
                self.word(bits)
            }
        })
    }

    fn alone(&mut self, operation: &Operation, a: Operand) -> Option<Any> {
        use Operation as O;
        if bits_of(a.kind)? == 1 {
            let bit = self.bit(a)?;
            return Some(Any::Bits(if *operation == O::Not { self.not(bit) } else { bit }));
        }
        let ring = self.ring(a)?;
        Some(Any::Ring(match *operation {
            O::Neg => self.scale_all(ring, u64::MAX),
            O::Not => {
                // The complement is -a - 1.
                let negative = self.scale_all(ring, u64::MAX);
                let ones = self.constant(vec![u64::MAX; ring.lanes]);
                self.add_public(negative, ones)
            }
            O::Shl { amount } => self.scale_all(ring, 1 << amount),
            O::Shr { amount } => self.shift_right(ring, amount.into(), false),
            O::Sar { amount } => self.shift_right(ring, amount.into(), true),
            O::Rotl { amount } => {
                let bits = self.bits(ring);
                let width = ring.width;
                let turned = (0..width).map(|plane| (plane + width - usize::from(amount)) % width);
                let turned = self.planes(bits, turned.collect());
                return Some(self.word(turned));
            }
            _ => return None,
        }))
    }

    fn products(&mut self, operation: &Operation, a: Operand, b: Operand) -> Option<Any> {
        if bits_of(a.kind)? == 1 {
            return None;
        }
        let lanes = at(a.kind.lanes);
        let (rows, inner, columns) = match *operation {
            Operation::MatMul { rows, inner, columns } => (at(rows), at(inner), at(columns)),
            _ => (1, lanes, 1),
        };
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let left: Vec<usize> = cells.clone().flat_map(|(row, _)| (0..inner).map(move |i| row * inner + i)).collect();
        let right = cells.flat_map(|(_, column)| (0..inner).map(move |i| i * columns + column)).collect();
        let (x, y) = (self.ring(a)?, self.ring(b)?);
        let (x, y) = (self.lanes(x, left), self.lanes(y, right));
        Some(Any::Ring(self.dot(x, y, inner)))
    }

    fn compared(&mut self, operation: &Operation, a: Operand, of: &[Operand]) -> Option<Bits> {
        use Operation as O;
        if bits_of(a.kind)? == 1 {
            let x = self.bit(a)?;
            if *operation == O::Sign {
                return Some(x);
            }
            let y = self.bit(of[1])?;
            return Some(match operation {
                O::Eq => {
                    let differ = self.xor(x, y);
                    self.not(differ)
                }
                // A single bit with a sign is zero or minus one.
                O::Lt => {
                    let not = self.not(x);
                    self.and(not, y)
                }
                _ => {
                    let not = self.not(y);
                    self.and(x, not)
                }
            });
        }
        let x = self.ring(a)?;
        if *operation == O::Sign {
            return Some(self.highest(x));
        }
        let y = self.ring(of[1])?;
        Some(match operation {
            O::Eq => self.equal(x, y),
            _ => self.less(x, y, *operation == O::Lts),
        })
    }

    fn chosen(&mut self, bit: Operand, a: Operand, b: Operand) -> Option<Any> {
        let is_bit = bits_of(a.kind)? == 1;
        if let Any::Public(known) = bit.any {
            return Some(if is_bit {
                let (x, y) = (self.bit(a)?, self.bit(b)?);
                let differ = self.xor(x, y);
                let mask = Local::Mask { from: differ.at, by: known.at };
                let change = Bits { at: self.local(&[differ.at, known.at], mask), ..x };
                Any::Bits(self.xor(y, change))
            } else {
                let (x, y) = (self.ring(a)?, self.ring(b)?);
                let difference = self.sub(x, y);
                let change = self.scale(difference, known);
                Any::Ring(self.add(y, change))
            });
        }
        let bit = self.bit(bit)?;
        Some(if is_bit {
            let (x, y) = (self.bit(a)?, self.bit(b)?);
            Any::Bits(self.select_bits(bit, x, y))
        } else {
            let (x, y) = (self.ring(a)?, self.ring(b)?);
            Any::Ring(self.select(bit, x, y))
        })
    }

    fn converted(&mut self, operation: &Operation, a: Operand, to: Type) -> Option<Any> {
        let (from, width) = (bits_of(a.kind)?, bits_of(to)?);
        let is_signed = *operation == Operation::Sext;
        if from == 1 {
            let bit = self.bit(a)?;
            if width == 1 {
                return Some(Any::Bits(bit));
            }
            let number = self.numbers(bit, width);
            return Some(Any::Ring(if is_signed { self.scale_all(number, u64::MAX) } else { number }));
        }
        let ring = self.ring(a)?;
        Some(match operation {
            // The lowest bits of shares are shares of the lowest bits.
            Operation::Narrow if width == 1 => Any::Bits(self.highest(Ring { width, ..ring })),
            Operation::Narrow => Any::Ring(Ring { width, ..ring }),
            _ => Any::Ring(self.extend(ring, width, is_signed)),
        })
    }

    /// Returns each lane's bits as planes.
    fn any_bits(&mut self, a: Operand) -> Option<Bits> {
        let width = bits_of(a.kind)?;
        if width == 1 {
            return self.bit(a);
        }
        if let Any::Public(known) = a.any {
            let lanes = a.kind.lanes * u32::try_from(width).ok()?;
            let kind = Type::public(Width::BIT, lanes);
            let bits = self.clear(Operation::Bits, vec![a.kind], &[known], vec![kind])[0];
            let all = self.bit(Operand { any: Any::Public(bits), kind })?;
            return Some(self.gathered(all, width));
        }
        let ring = self.ring(a)?;
        Some(self.bits(ring))
    }

    fn gathered(&mut self, from: Bits, planes: usize) -> Bits {
        let lanes = from.lanes / planes;
        Bits { at: self.local(&[from.at], Local::Gather { from, planes }), lanes, planes }
    }

    /// Returns numbers from their bits.
    fn word(&mut self, bits: Bits) -> Any {
        if bits.planes == 1 {
            return Any::Bits(bits);
        }
        let (lanes, width) = (bits.lanes, bits.planes);
        let numbers = self.numbers(bits, width);
        let weights = (0..width).flat_map(|plane| std::iter::repeat_n(1_u64 << plane, lanes)).collect();
        let weights = self.constant(weights);
        let weighted = self.scale(numbers, weights);
        let by_lane = (0..lanes).flat_map(|lane| (0..width).map(move |plane| plane * lanes + lane)).collect();
        let by_lane = self.lanes(weighted, by_lane);
        Any::Ring(self.sum(by_lane, width))
    }

    fn moved(&mut self, operation: &Operation, of: &[Operand], to: Type) -> Option<Any> {
        use Operation as O;
        let a = self.secret(of[0])?;
        let count = at(to.lanes);
        Some(match *operation {
            O::Splat => self.some(a, vec![0; count]),
            O::Slice { start, step } => self.some(a, (0..to.lanes).map(|lane| at(start + lane * step)).collect()),
            O::Concat => {
                let parts = of.iter().map(|part| self.secret(*part)).collect::<Option<Vec<Any>>>()?;
                self.joined(&parts)?
            }
            O::Gather => {
                let indices = public(of[1].any)?;
                self.reshaped(a, count, &[a.at(), indices.at], Local::Pick { from: a, indices: indices.at })
            }
            O::Get => {
                let index = public(of[1].any)?;
                let get = Local::Get { from: a, index: index.at, lanes: count };
                self.reshaped(a, count, &[a.at(), index.at], get)
            }
            _ => {
                let (index, part) = (public(of[1].any)?, self.secret(of[2])?);
                let put = Local::Put { to: a, index: index.at, part };
                self.reshaped(a, count, &[a.at(), index.at, part.at()], put)
            }
        })
    }

    /// Adds a step whose result is like a vector but for its number of lanes.
    fn reshaped(&mut self, like: Any, lanes: usize, needs: &[usize], what: Local) -> Any {
        let at = self.local(needs, what);
        match like {
            Any::Ring(ring) => Any::Ring(Ring { at, lanes, ..ring }),
            Any::Bits(bits) => Any::Bits(Bits { at, lanes, ..bits }),
            Any::Public(_) => Any::Public(Public { at, lanes }),
        }
    }

    fn some(&mut self, from: Any, lanes: Vec<usize>) -> Any {
        match from {
            Any::Ring(ring) => Any::Ring(self.lanes(ring, lanes)),
            Any::Bits(bits) => {
                let count = lanes.len();
                self.reshaped(from, count, &[bits.at], Local::BitLanes { from: bits, lanes })
            }
            Any::Public(_) => unreachable!("shares are moved here"),
        }
    }

    fn joined(&mut self, parts: &[Any]) -> Option<Any> {
        let rings: Vec<Ring> =
            parts.iter().filter_map(|part| if let Any::Ring(ring) = part { Some(*ring) } else { None }).collect();
        if rings.len() == parts.len() {
            return Some(Any::Ring(self.join(&rings)));
        }
        let bits: Vec<Bits> =
            parts.iter().filter_map(|part| if let Any::Bits(bits) = part { Some(*bits) } else { None }).collect();
        let (needs, lanes) =
            (bits.iter().map(|part| part.at).collect::<Vec<_>>(), bits.iter().map(|part| part.lanes).sum());
        Some(self.reshaped(*parts.first()?, lanes, &needs, Local::StackBits(bits)))
    }

    /// Combines lanes one by one.
    fn folded(&mut self, fold: Fold, a: Any, b: Any, kind: Type) -> Option<Any> {
        let lanes = |any: Any| match any {
            Any::Ring(ring) => ring.lanes,
            Any::Bits(bits) => bits.lanes,
            Any::Public(public) => public.lanes,
        };
        let operand = |any: Any| Some(Operand { any, kind: kind.with_lanes(u32::try_from(lanes(any)).ok()?) });
        let (x, y) = (operand(a)?, operand(b)?);
        let simple = match fold {
            Fold::Add => Operation::Add,
            Fold::Mul => Operation::Mul,
            Fold::And => Operation::And,
            Fold::Or => Operation::Or,
            Fold::Xor => Operation::Xor,
            Fold::Min | Fold::Max | Fold::Mins | Fold::Maxs => {
                let order = if matches!(fold, Fold::Min | Fold::Max) { Operation::Lt } else { Operation::Lts };
                let less = self.compared(&order, x, &[x, y])?;
                let less = Operand { any: Any::Bits(less), kind: x.kind.with_width(Width::BIT) };
                let (then, otherwise) = if matches!(fold, Fold::Min | Fold::Mins) { (x, y) } else { (y, x) };
                return self.chosen(less, then, otherwise);
            }
        };
        self.pair(&simple, x, y)
    }

    fn reduced(&mut self, fold: Fold, a: Operand, groups: usize) -> Option<Any> {
        let mut all = self.secret(a)?;
        let mut left = at(a.kind.lanes) / groups;
        while left > 1 {
            let pairs = left / 2;
            let places = |offset: usize| -> Vec<usize> {
                (0..groups).flat_map(|group| (0..pairs).map(move |pair| group * left + 2 * pair + offset)).collect()
            };
            let (first, second) = (self.some(all, places(0)), self.some(all, places(1)));
            let combined = self.folded(fold, first, second, a.kind)?;
            all = if left.is_multiple_of(2) {
                combined
            } else {
                let rest = self.some(all, (0..groups).map(|group| group * left + left - 1).collect());
                let both = self.joined(&[combined, rest])?;
                let order = (0..groups)
                    .flat_map(|group| (0..pairs).map(move |pair| group * pairs + pair).chain([groups * pairs + group]));
                self.some(both, order.collect())
            };
            left = left.div_ceil(2);
        }
        Some(all)
    }

    fn scanned(&mut self, fold: Fold, a: Operand) -> Option<Any> {
        let mut all = self.secret(a)?;
        let (lanes, mut length) = (at(a.kind.lanes), 1);
        while length < lanes {
            let upper: Vec<usize> = (0..lanes).filter(|lane| lane & length != 0).collect();
            let below = upper.iter().map(|lane| (lane & !(length - 1)) - 1).collect();
            let (low, high) = (self.some(all, below), self.some(all, upper.clone()));
            let combined = self.folded(fold, low, high, a.kind)?;
            let both = self.joined(&[all, combined])?;
            let order = (0..lanes).map(|lane| upper.binary_search(&lane).map_or(lane, |place| lanes + place));
            all = self.some(both, order.collect());
            length *= 2;
        }
        Some(all)
    }

    fn oblivious(&mut self, operation: &Operation, of: &[Operand]) -> Option<Any> {
        let (array, index) = (of[0], of[1]);
        if !index.is_secret() {
            return None;
        }
        let (lanes, width) = (at(array.kind.lanes), bits_of(index.kind)?);
        let hit = match self.secret(index)? {
            Any::Ring(ring) => {
                // A lane whose number the index cannot say is never meant.
                let named = if width < 32 { lanes.min(1 << width) } else { lanes };
                let places = self.constant((0..named).map(|lane| u64::try_from(lane).unwrap_or(u64::MAX)).collect());
                let places = self.ring(Operand {
                    any: Any::Public(places),
                    kind: Type::public(index.kind.width, u32::try_from(named).ok()?),
                })?;
                let spread = self.lanes(ring, vec![0; named]);
                let hit = Any::Bits(self.equal(spread, places));
                if named < lanes {
                    let none = self.constant(vec![0; lanes - named]);
                    let kind = Type::public(Width::BIT, u32::try_from(lanes - named).ok()?);
                    let none = self.secret(Operand { any: Any::Public(none), kind })?;
                    self.joined(&[hit, none])?
                } else {
                    hit
                }
            }
            Any::Bits(_) | Any::Public(_) => return None,
        };
        let hit = Operand { any: hit, kind: Type::secret(Width::BIT, array.kind.lanes) };
        if *operation == Operation::OWrite {
            let value = self.secret(of[2])?;
            let value =
                Operand { any: self.some(value, vec![0; lanes]), kind: of[2].kind.with_lanes(array.kind.lanes) };
            return self.chosen(hit, value, array);
        }
        let zeros = Any::Public(self.constant(vec![0; lanes]));
        let zeros = Operand { any: zeros, kind: Type::public(array.kind.width, array.kind.lanes) };
        let kept = self.chosen(hit, array, zeros)?;
        self.reduced(Fold::Add, Operand { any: kept, kind: Type::secret(array.kind.width, array.kind.lanes) }, 1)
    }

    /// A tournament: the larger of each pair goes on with its place, the first of equal ones.
    fn largest(&mut self, a: Operand, place: Type, is_signed: bool) -> Option<Vec<Any>> {
        let lanes = at(a.kind.lanes);
        let numbers = self.constant((0..lanes).map(|lane| u64::try_from(lane).unwrap_or(u64::MAX)).collect());
        let mut places =
            self.secret(Operand { any: Any::Public(numbers), kind: Type::public(place.width, a.kind.lanes) })?;
        let mut all = self.secret(a)?;
        let mut left = lanes;
        while left > 1 {
            let pairs = left / 2;
            let count = u32::try_from(pairs).ok()?;
            let pick = |offset: usize| (0..pairs).map(|pair| 2 * pair + offset).collect::<Vec<_>>();
            let of = |any: Any, kind: Type| Operand { any, kind: kind.with_lanes(count) };
            let kinds = (Type::secret(a.kind.width, count), Type::secret(place.width, count));
            let [first, second] = [0, 1].map(|offset| self.some(all, pick(offset))).map(|any| of(any, kinds.0));
            let [first_at, second_at] =
                [0, 1].map(|offset| self.some(places, pick(offset))).map(|any| of(any, kinds.1));
            let order = if is_signed { Operation::Lts } else { Operation::Lt };
            let less = Any::Bits(self.compared(&order, first, &[first, second])?);
            let less = of(less, Type::secret(Width::BIT, count));
            let mut winners = self.chosen(less, second, first)?;
            let mut winners_at = self.chosen(less, second_at, first_at)?;
            if !left.is_multiple_of(2) {
                let (rest, rest_at) = (self.some(all, vec![left - 1]), self.some(places, vec![left - 1]));
                winners = self.joined(&[winners, rest])?;
                winners_at = self.joined(&[winners_at, rest_at])?;
            }
            (all, places) = (winners, winners_at);
            left = left.div_ceil(2);
        }
        Some(vec![all, places])
    }
}
