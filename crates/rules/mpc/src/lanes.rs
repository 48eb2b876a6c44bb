//! Steps that move lanes about, or make shares of what all know.

use crate::bits::{WORD, to_planes, words};
use crate::machine::{Fault, Machine, Value};
use crate::share::Share;
use vm::Cause;
use vm::plan::{Any, Bits, Local};

impl Machine {
    /// Does a step that needs no message and changes no lane's number.
    pub(crate) fn move_lanes(&self, what: &Local) -> Result<Value, Fault> {
        Ok(match what {
            Local::Classify(from) => Value::from(self.known(self.public(*from).to_vec())),
            Local::LowBits(from) => self.each(from.at, |part| to_planes(part, 1)),
            Local::ClassifyBits { from, planes } => Value::from(self.known(to_planes(self.public(*from), *planes))),
            Local::Fixed { lanes, planes, number } => {
                let word = |plane: usize| if number >> plane & 1 == 1 { u64::MAX } else { 0 };
                let words = (0..*planes).flat_map(|plane| std::iter::repeat_n(word(plane), words(*lanes)));
                Value::from(self.known(words.collect()))
            }
            Local::Mask { from, by } => {
                let mask = to_planes(self.public(*by), from.planes);
                let masked = |part: &[u64]| part.iter().zip(&mask).map(|(word, mask)| word & mask).collect();
                self.each(from.at, masked)
            }
            Local::Spread { from } => {
                let lane = |index: usize| (index % from.planes, index / from.planes);
                self.each(from.at, |part| {
                    repacked(from.lanes * from.planes, 1, |_, index| source(part, from, lane(index)))
                })
            }
            Local::Gather { from, planes } => self.each(from.at, |part| {
                repacked(from.lanes / planes, *planes, |plane, lane| source(part, from, (0, lane * planes + plane)))
            }),
            Local::BitLanes { from, lanes } => self.each(from.at, |part| {
                repacked(lanes.len(), from.planes, |plane, lane| source(part, from, (plane, lanes[lane])))
            }),
            Local::Look { from, table, planes } => self.each(from.at, |part| looked_up(part, from, table, *planes)),
            Local::StackBits(parts) => {
                let (lanes, planes) = (parts.iter().map(|part| part.lanes).sum(), parts[0].planes);
                let all = |choose: fn(&Share) -> &Vec<u64>| {
                    let mut places = Vec::with_capacity(lanes);
                    for from in parts {
                        let part = choose(self.shared(from.at));
                        places.extend((0..from.lanes).map(|lane| (part, from, lane)));
                    }
                    repacked(lanes, planes, |plane, lane| {
                        let (part, from, lane) = places[lane];
                        bit(part, from, plane, lane)
                    })
                };
                Value::from(Share { mine: all(|share| &share.mine), next: all(|share| &share.next) })
            }
            Local::Pick { from, indices } => {
                let lanes = self.public(*indices).iter().map(|lane| place(*lane)).collect::<Vec<_>>();
                self.picked(*from, &lanes)?
            }
            Local::Get { from, index, lanes } => {
                let first = place(self.public(*index)[0]);
                let end = first.checked_add(*lanes).ok_or(Cause::Index)?;
                self.picked(*from, &(first..end).collect::<Vec<_>>())?
            }
            Local::Put { to, index, part } => self.put(*to, place(self.public(*index)[0]), *part)?,
            _ => unreachable!("every step is done somewhere"),
        })
    }

    /// Shares what all know: the first component is it, the others are zero.
    fn known(&self, words: Vec<u64>) -> Share {
        let zeros = vec![0; words.len()];
        match self.me().number() {
            0 => Share { mine: words, next: zeros },
            2 => Share { mine: zeros, next: words },
            _ => Share { mine: zeros.clone(), next: zeros },
        }
    }

    fn each(&self, at: usize, of: impl Fn(&[u64]) -> Vec<u64>) -> Value {
        let share = self.shared(at);
        Value::from(Share { mine: of(&share.mine), next: of(&share.next) })
    }

    fn picked(&self, from: Any, lanes: &[usize]) -> Result<Value, Fault> {
        let count = from.lanes();
        if lanes.iter().any(|lane| *lane >= count) {
            return Err(Cause::Index.into());
        }
        let numbers = |part: &[u64]| lanes.iter().map(|lane| part[*lane]).collect();
        Ok(match from {
            Any::Ring(ring) => self.each(ring.at, numbers),
            Any::Bits(bits) => {
                self.each(bits.at, |part| repacked(lanes.len(), 1, |_, lane| source(part, &bits, (0, lanes[lane]))))
            }
            Any::Public(public) => Value::Public(numbers(self.public(public.at))),
        })
    }

    fn put(&self, to: Any, first: usize, part: Any) -> Result<Value, Fault> {
        let count = part.lanes();
        let end = first.checked_add(count).filter(|end| *end <= to.lanes()).ok_or(Cause::Index)?;
        let (old, new) = (self.shared(to.at()), self.shared(part.at()));
        let replaced = |choose: fn(&Share) -> &Vec<u64>| {
            let (old, new) = (choose(old), choose(new));
            match (to, part) {
                (Any::Bits(to), Any::Bits(part)) => repacked(to.lanes, 1, |_, lane| {
                    if (first..end).contains(&lane) { bit(new, &part, 0, lane - first) } else { bit(old, &to, 0, lane) }
                }),
                _ => [&old[..first], new, &old[end..]].concat(),
            }
        };
        Ok(Value::from(Share { mine: replaced(|share| &share.mine), next: replaced(|share| &share.next) }))
    }
}

/// An index as this machine counts; one that is too large for it is beyond every end.
pub(crate) fn place(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn source(part: &[u64], from: &Bits, (plane, lane): (usize, usize)) -> u64 {
    bit(part, from, plane, lane)
}

pub(crate) fn bit(part: &[u64], of: &Bits, plane: usize, lane: usize) -> u64 {
    part[plane * words(of.lanes) + lane / WORD] >> (lane % WORD) & 1
}

/// Of planes of which one is set in each lane, the bits that a table has for that one.
pub(crate) fn looked_up(part: &[u64], from: &Bits, table: &[u64], planes: usize) -> Vec<u64> {
    let words = words(from.lanes);
    let mut all = vec![0; planes * words];
    for (hot, entry) in part.chunks_exact(words).zip(table) {
        for plane in (0..planes).filter(|plane| entry >> plane & 1 == 1) {
            all[plane * words..(plane + 1) * words].iter_mut().zip(hot).for_each(|(all, hot)| *all ^= hot);
        }
    }
    all
}

/// Returns planes whose bits are found one by one.
pub(crate) fn repacked(lanes: usize, planes: usize, of: impl Fn(usize, usize) -> u64) -> Vec<u64> {
    let mut all = vec![0; planes * words(lanes)];
    for plane in 0..planes {
        for lane in 0..lanes {
            all[plane * words(lanes) + lane / WORD] |= of(plane, lane) << (lane % WORD);
        }
    }
    all
}
