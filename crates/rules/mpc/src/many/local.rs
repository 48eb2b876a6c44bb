//! Steps that need no message: the same on each component.

use super::machine::Machine;
use super::share::Components;
use crate::bits::{WORD, to_planes, words};
use crate::lanes::{bit, looked_up, place, repacked};
use crate::local::{WORDS, add, draw, mul, put_planes, shifted, some_planes, sub, sums};
use crate::machine::{Fault, Value};
use std::ops::Range;
use std::sync::Arc;
use vm::plan::{Any, Bits, Lacking, Local, Ring};
use vm::{Cause, Width};

impl Machine {
    pub(crate) fn local(&self, number: usize, what: &Local) -> Result<Value, Fault> {
        let (count, width) = match *what {
            Local::Constant(ref numbers) => return Ok(Value::Public(numbers.clone())),
            Local::Random { lanes, width } => (lanes, width),
            Local::RandomBits { words } => (words, WORDS),
            Local::Pick { from: Any::Public(_), .. } | Local::Get { from: Any::Public(_), .. } => {
                unreachable!("what all know is moved in the open")
            }
            _ => {
                let lanes = self.moved(what)?;
                let parts = self.seat.held.iter().enumerate();
                let part = |(at, lacking): (usize, &Lacking)| self.component(what, (at, *lacking), &lanes);
                return Ok(Value::Held(Arc::new(Components(parts.map(part).collect()))));
            }
        };
        let number = self.stream(number, 0);
        let parts = self.streams.iter().map(|stream| draw(stream, number, count, width));
        Ok(Value::Held(Arc::new(Components(parts.collect()))))
    }

    /// Returns the lanes that an index means, which all know; none for a step without.
    fn moved(&self, what: &Local) -> Result<Vec<usize>, Fault> {
        let (lanes, count) = match what {
            Local::Pick { from, indices } => {
                (self.public(*indices).iter().map(|lane| place(*lane)).collect::<Vec<_>>(), from.lanes())
            }
            Local::Get { from, index, lanes } => (self.between(*index, *lanes)?.collect(), from.lanes()),
            Local::Put { to, index, part } => (self.between(*index, part.lanes())?.collect(), to.lanes()),
            _ => return Ok(Vec::new()),
        };
        if lanes.iter().any(|lane| *lane >= count) { Err(Cause::Index.into()) } else { Ok(lanes) }
    }

    fn between(&self, index: usize, lanes: usize) -> Result<Range<usize>, Fault> {
        let first = place(self.public(index)[0]);
        let end = first.checked_add(lanes).ok_or(Cause::Index)?;
        Ok(first..end)
    }

    /// Does a step on one component.
    fn component(&self, what: &Local, (at, lacking): (usize, Lacking), lanes: &[usize]) -> Vec<u64> {
        let is_first = self.seat.first == Some(at);
        let of = |register: usize| self.held(register).0[at].as_slice();
        let both = |a: usize, b: usize, of_both: &dyn Fn(u64, u64) -> u64| -> Vec<u64> {
            of(a).iter().zip(of(b)).map(|(a, b)| of_both(*a, *b)).collect()
        };
        // What all know is in the first component.
        let known = |words: Vec<u64>| if is_first { words } else { vec![0; words.len()] };
        match what {
            Local::Add(a, b) => both(a.at, *b, &|x, y| add(a.width, x, y)),
            Local::Sub(a, b) => both(a.at, *b, &|x, y| sub(a.width, x, y)),
            Local::Xor(a, b) => both(*a, *b, &|x, y| x ^ y),
            Local::AddPublic(a, b) if is_first => {
                of(a.at).iter().zip(self.public(*b)).map(|(a_word, b)| add(a.width, *a_word, *b)).collect()
            }
            Local::AddAll(a, by) if is_first => of(a.at).iter().map(|word| add(a.width, *word, *by)).collect(),
            Local::AddPublic(a, _) | Local::AddAll(a, _) => of(a.at).to_vec(),
            Local::Scale(a, b) => {
                of(a.at).iter().zip(self.public(*b)).map(|(word, by)| mul(a.width, *word, *by)).collect()
            }
            Local::ScaleAll(a, by) => of(a.at).iter().map(|word| mul(a.width, *word, *by)).collect(),
            Local::Sum { from, group } => sums(from.width, of(from.at), *group),
            Local::Flip(from) if is_first => of(*from).iter().map(|word| !word).collect(),
            Local::Flip(from) => of(*from).to_vec(),
            Local::Planes { from, planes } => some_planes(of(from.at), words(from.lanes), planes),
            Local::Stack(parts) => parts.iter().map(|part| of(*part)).collect::<Vec<_>>().concat(),
            Local::Lanes { from, lanes } => lanes.iter().map(|lane| of(*from)[*lane]).collect(),
            Local::Shifted { from, shift, width } => shifted(of(from.at), from, *shift, *width),
            Local::LowBits(from) => to_planes(of(from.at), 1),
            Local::Classify(from) => known(self.public(*from).to_vec()),
            Local::ClassifyBits { from, planes } => known(to_planes(self.public(*from), *planes)),
            Local::Fixed { lanes, planes, number } => {
                let word = |plane: usize| if number >> plane & 1 == 1 { u64::MAX } else { 0 };
                known((0..*planes).flat_map(|plane| std::iter::repeat_n(word(plane), words(*lanes))).collect())
            }
            Local::Mask { from, by } => {
                let mask = to_planes(self.public(*by), from.planes);
                of(from.at).iter().zip(&mask).map(|(word, mask)| word & mask).collect()
            }
            Local::Third { from, shift, width } => self.third(of(from.at), from, lacking, (*shift, *width)),
            Local::ThirdBits { from, .. } => self.third_bits(of(from.at), from, lacking),
            Local::ThirdOfBits { from } => self.third_of_bits(of(from.at), from, lacking),
            _ => moved(what, of, lanes),
        }
    }

    /// Returns the component that no dealer knows, where this is it.
    fn third(&self, part: &[u64], from: &Ring, lacking: Lacking, (shift, width): (usize, Width)) -> Vec<u64> {
        let mut third = vec![0; from.lanes];
        if let Some(lanes) = self.seat.undealt(lacking, from.lanes) {
            third[lanes.clone()].copy_from_slice(&shifted(&part[lanes], from, shift, width));
        }
        third
    }

    fn third_bits(&self, part: &[u64], from: &Ring, lacking: Lacking) -> Vec<u64> {
        let words = words(from.lanes);
        let mut third = vec![0; words * from.bits()];
        if let Some(lanes) = self.seat.undealt(lacking, from.lanes).filter(|lanes| !lanes.is_empty()) {
            let first = lanes.start / WORD;
            put_planes(&mut third, words, first, &to_planes(&part[lanes], from.bits()), from.bits());
        }
        third
    }

    fn third_of_bits(&self, part: &[u64], from: &Bits, lacking: Lacking) -> Vec<u64> {
        let mut third = vec![0; from.planes * from.lanes];
        if let Some(lanes) = self.seat.undealt(lacking, from.lanes) {
            for plane in 0..from.planes {
                for lane in lanes.clone() {
                    third[plane * from.lanes + lane] = bit(part, from, plane, lane);
                }
            }
        }
        third
    }
}

/// Does a step that moves lanes about, on one component.
fn moved<'a>(what: &Local, of: impl Fn(usize) -> &'a [u64], lanes: &[usize]) -> Vec<u64> {
    match what {
        Local::Spread { from } => repacked(from.lanes * from.planes, 1, |_, index| {
            bit(of(from.at), from, index % from.planes, index / from.planes)
        }),
        Local::Gather { from, planes } => {
            repacked(from.lanes / planes, *planes, |plane, lane| bit(of(from.at), from, 0, lane * planes + plane))
        }
        Local::BitLanes { from, lanes } => {
            repacked(lanes.len(), from.planes, |plane, lane| bit(of(from.at), from, plane, lanes[lane]))
        }
        Local::Look { from, table, planes } => looked_up(of(from.at), from, table, *planes),
        Local::StackBits(parts) => {
            let places: Vec<(&Bits, usize)> =
                parts.iter().flat_map(|from| (0..from.lanes).map(move |lane| (from, lane))).collect();
            repacked(places.len(), parts[0].planes, |plane, lane| {
                let (from, lane) = places[lane];
                bit(of(from.at), from, plane, lane)
            })
        }
        Local::Pick { from: Any::Bits(bits), .. } | Local::Get { from: Any::Bits(bits), .. } => {
            repacked(lanes.len(), 1, |_, lane| bit(of(bits.at), bits, 0, lanes[lane]))
        }
        Local::Pick { from, .. } | Local::Get { from, .. } => lanes.iter().map(|lane| of(from.at())[*lane]).collect(),
        Local::Put { to: Any::Bits(to), part: Any::Bits(part), .. } => {
            repacked(to.lanes, 1, |_, lane| match lane.checked_sub(lanes[0]).filter(|inner| *inner < lanes.len()) {
                Some(inner) => bit(of(part.at), part, 0, inner),
                None => bit(of(to.at), to, 0, lane),
            })
        }
        Local::Put { to, part, .. } => {
            let mut replaced = of(to.at()).to_vec();
            replaced[lanes[0]..lanes[0] + lanes.len()].copy_from_slice(of(part.at()));
            replaced
        }
        _ => unreachable!("every step is done somewhere, and some only among three"),
    }
}
