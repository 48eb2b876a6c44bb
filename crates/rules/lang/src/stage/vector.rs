//! Loops whose rounds do not need each other: each instruction once, with a lane for each round.
//!
//! What a round reads and writes lies at its own place of a list, and what it adds to comes together in a fold: then all
//! rounds wait for each other as often as one alone. Whatever is not seen to be so stays a loop.

use super::{Stage, Staged, Value};
use crate::ast::Block;
use crate::ir::{Id, Node, Region, Work};
use crate::scalar::{INT64, Scalar};
use crate::source::{Span, count};
use crate::stage::stmt::Flow;
use crate::stage::{Items, Log};
use std::collections::{BTreeMap, BTreeSet};
use vm::{Fold, Operation, Type, Width};

/// From how many rounds on the compiler looks whether they need each other.
const ROUNDS_MIN: usize = 16;

/// What a value of a loop's body is over all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The same in every round.
    Same(Id),
    /// `scale * round + offset`, modulo 2^64.
    Index { scale: u64, offset: u64 },
    /// A lane for each round.
    Lanes(Id),
}

/// How a carried value comes out of the loop.
#[derive(Debug, Clone, Copy)]
enum Carried {
    /// Something is combined with it in each round, the second where a bit says so.
    Folded { fold: Fold, by: Id, only: Option<(Id, bool)>, negative: bool },
    /// An item of the list is written in each round, where a bit says so.
    Written { at: Id, value: Id, only: Option<(Id, bool)> },
}

/// A loop's body while it is rewritten.
struct Rounds<'r> {
    region: &'r Region,
    count: u32,
    forms: BTreeMap<Id, Form>,
    /// The instruction that makes a value.
    makers: BTreeMap<Id, usize>,
    /// How often a value is used.
    uses: BTreeMap<Id, usize>,
    /// The instructions that combine carried values, and are not needed once that is known.
    combining: BTreeSet<usize>,
    /// For carried lists: what they are at first.
    lists: BTreeMap<Id, Id>,
    /// Where items of carried lists are read.
    read: Vec<(Id, Form)>,
    /// The factors of products.
    products: BTreeMap<Id, (Id, Id)>,
}

impl<'r> Rounds<'r> {
    fn new(region: &'r Region, count: u32) -> Self {
        let (mut makers, mut uses) = (BTreeMap::new(), BTreeMap::new());
        for (at, node) in region.nodes.iter().enumerate() {
            makers.extend(node.results.iter().map(|id| (*id, at)));
            for id in &node.operands {
                *uses.entry(*id).or_insert(0) += 1;
            }
        }
        for id in &region.results {
            *uses.entry(*id).or_insert(0) += 1;
        }
        Self {
            region,
            count,
            forms: BTreeMap::new(),
            makers,
            uses,
            combining: BTreeSet::new(),
            lists: BTreeMap::new(),
            read: Vec::new(),
            products: BTreeMap::new(),
        }
    }

    fn made_by(&self, id: Id) -> Option<(usize, Operation, &'r [Id])> {
        let at = *self.makers.get(&id)?;
        let node: &'r Node = self.region.nodes.get(at)?;
        let Work::Do(operation) = &node.work else { return None };
        Some((at, *operation, &node.operands))
    }

    fn uses(&self, id: Id) -> usize {
        self.uses.get(&id).copied().unwrap_or(0)
    }

    /// Finds out how a carried value goes from round to round.
    fn carried(&mut self, parameter: Id, result: Id, lanes: u32) -> Option<Carried> {
        let (found, combining, uses) =
            if lanes == 1 { self.folded(parameter, result)? } else { self.written(parameter, result)? };
        // Nothing else may look at what only other rounds know; what combines has no form, so nothing uses it either.
        (lanes > 1 || self.uses(parameter) == uses).then_some(())?;
        self.combining.extend(combining);
        Some(found)
    }

    fn folded(&self, parameter: Id, result: Id) -> Option<(Carried, Vec<usize>, usize)> {
        let (at, operation, operands) = self.made_by(result)?;
        if let (Operation::Select, [bit, yes, no]) = (operation, operands) {
            let (new, holds) = if *no == parameter { (*yes, true) } else { (*no, false) };
            (holds || *yes == parameter).then_some(())?;
            if let Some((inner, operation, operands)) = self.made_by(new)
                && let Some((fold, by, negative)) = combined(operation, operands, parameter)
                && fold == Fold::Add
            {
                let found = Carried::Folded { fold, by, only: Some((*bit, holds)), negative };
                return Some((found, vec![at, inner], 2));
            }
            return self.extreme(parameter, *bit, new, holds, at);
        }
        let (fold, by, negative) = combined(operation, operands, parameter)?;
        Some((Carried::Folded { fold, by, only: None, negative }, vec![at], 1))
    }

    /// `if x > best: best = x`, in all the ways to write it.
    fn extreme(&self, best: Id, bit: Id, new: Id, holds: bool, at: usize) -> Option<(Carried, Vec<usize>, usize)> {
        let (mut combining, mut holds, mut bit) = (vec![at], holds, bit);
        if let Some((inner, Operation::Not, [negated])) = self.made_by(bit) {
            combining.push(inner);
            (holds, bit) = (!holds, *negated);
        }
        let (inner, order, operands) = self.made_by(bit)?;
        combining.push(inner);
        let grows = match operands {
            [a, b] if (*a, *b) == (best, new) => holds,
            [a, b] if (*a, *b) == (new, best) => !holds,
            _ => return None,
        };
        let fold = match (order, grows) {
            (Operation::Lts, true) => Fold::Maxs,
            (Operation::Lts, false) => Fold::Mins,
            (Operation::Lt, true) => Fold::Max,
            (Operation::Lt, false) => Fold::Min,
            _ => return None,
        };
        Some((Carried::Folded { fold, by: new, only: None, negative: false }, combining, 2))
    }

    fn written(&self, parameter: Id, result: Id) -> Option<(Carried, Vec<usize>, usize)> {
        let (at, operation, operands) = self.made_by(result)?;
        let (mut combining, mut only, mut set) = (vec![at], None, (operation, operands));
        if let (Operation::Select, [bits, yes, no]) = (operation, operands) {
            let (new, holds) = if *no == parameter { (*yes, true) } else { (*no, false) };
            (holds || *yes == parameter).then_some(())?;
            let (splat, Operation::Splat, [bit]) = self.made_by(*bits)? else { return None };
            let (inner, operation, operands) = self.made_by(new)?;
            combining.extend([splat, inner]);
            (only, set) = (Some((*bit, holds)), (operation, operands));
        }
        let (Operation::Set, [list, place, value]) = set else { return None };
        (*list == parameter).then_some(())?;
        Some((Carried::Written { at: *place, value: *value, only }, combining, 0))
    }
}

/// Returns how an instruction combines a carried value with another one.
fn combined(operation: Operation, operands: &[Id], with: Id) -> Option<(Fold, Id, bool)> {
    let [a, b] = operands else { return None };
    let fold = match operation {
        Operation::Add => Fold::Add,
        Operation::Sub if *a == with && *b != with => return Some((Fold::Add, *b, true)),
        Operation::Mul => Fold::Mul,
        Operation::And => Fold::And,
        Operation::Or => Fold::Or,
        Operation::Xor => Fold::Xor,
        _ => return None,
    };
    match (*a == with, *b == with) {
        (true, false) => Some((fold, *b, false)),
        (false, true) => Some((fold, *a, false)),
        _ => None,
    }
}

/// Tells whether an instruction does the same with each lane.
fn is_lane_by_lane(operation: &Operation) -> bool {
    use Operation as O;
    matches!(
        operation,
        O::Add
            | O::Sub
            | O::Neg
            | O::Mul
            | O::MulHi
            | O::MulHis
            | O::MulFix { .. }
            | O::Div
            | O::Rem
            | O::Divs
            | O::Rems
            | O::DivFix { .. }
            | O::And
            | O::Or
            | O::Xor
            | O::Not
            | O::Shl { .. }
            | O::Shr { .. }
            | O::Sar { .. }
            | O::Rotl { .. }
            | O::Shlv
            | O::Shrv
            | O::Sarv
            | O::Eq
            | O::Lt
            | O::Lts
            | O::Sign
            | O::Select
            | O::Lut { .. }
            | O::Narrow
            | O::Zext
            | O::Sext
            | O::ToField
            | O::FromField
            | O::Classify
    )
}

impl Stage<'_> {
    /// Takes all rounds at once, if their number is worth it and they do not need each other. Tells whether it did.
    ///
    /// Only what becomes secret may change: of a public value the compiler knows more when it takes the rounds one by one.
    pub(super) fn at_once(
        &mut self,
        name: &str,
        rounds: usize,
        item: &mut dyn FnMut(&mut Stage<'_>, Value) -> Staged<Value>,
        body: &Block,
        span: Span,
    ) -> Staged<bool> {
        if !self.optimise || rounds < ROUNDS_MIN || super::branch::leaves_early(body) {
            return Ok(false);
        }
        let (mark, nodes) = (self.mark(), self.nodes);
        let (open, logs, frames, locals) = (self.open.len(), self.logs.len(), self.frames.len(), self.locals.len());
        let (oblivious, conditional, depth) = (self.oblivious.len(), self.conditional, self.depth);
        self.open_region();
        self.logs.push(Log { locals_below: locals, ..Log::default() });
        let mut work = |stage: &mut Stage<'_>, index: Option<Value>| {
            let item = item(stage, index.unwrap_or(Value::Known(INT64, 0)))?;
            stage.round(name, item, body)
        };
        self.vectors = None;
        let flow = self.running(span, None, &mut work, u64::try_from(rounds).ok());
        let written = self.vectors.take().filter(|ids| ids.iter().all(|id| self.graph.ty(*id).is_secret()));
        // What stopped on the way left everything open.
        self.open.truncate(open + 1);
        self.logs.truncate(logs + 1);
        self.frames.truncate(frames);
        self.locals.truncate(locals);
        self.oblivious.truncate(oblivious);
        (self.conditional, self.depth) = (conditional, depth);
        let (region, log) = (self.open.pop(), self.logs.pop().unwrap_or_default());
        if let (Ok(Flow::Normal), Some(written), Some(region)) = (flow, written, region) {
            self.append(region);
            // A list that was only read is as well known as before.
            for (list, old) in log.lists {
                let is_read = matches!(&*list.borrow(), Items::Lanes(_, id, _) if !written.contains(id));
                if is_read {
                    list.replace(old);
                }
            }
            return Ok(true);
        }
        self.back_to(mark);
        self.undo(log);
        self.nodes = nodes;
        Ok(false)
    }

    /// Returns the lanes of a list of single values, of which the run knows some.
    pub(super) fn lanes_to_go_over(&mut self, value: &Value, span: Span) -> Option<(Scalar, Id)> {
        let Value::List(list) = value else { return None };
        (self.optimise && list.borrow().len() >= ROUNDS_MIN).then_some(())?;
        if let Items::Each(items) = &*list.borrow() {
            let scalar = |value: &Value| match value {
                Value::Known(scalar, _) | Value::Run(scalar, _) => Some(*scalar),
                _ => None,
            };
            let first = scalar(items.first()?)?;
            let alike = items.iter().all(|item| scalar(item) == Some(first));
            (alike && items.iter().any(|item| matches!(item, Value::Run(..)))).then_some(())?;
        }
        self.lanes_of(list, span).ok()
    }

    /// Writes a loop's body once for all rounds. Nothing if the rounds need each other.
    pub(super) fn vector_loop(
        &mut self,
        region: &Region,
        index: Id,
        initial: &[Id],
        rounds: u64,
        span: Span,
    ) -> Option<Vec<Id>> {
        let lanes = u32::try_from(rounds).ok().filter(|lanes| self.optimise && (2..=1 << 20).contains(lanes))?;
        let mut body = Rounds::new(region, lanes);
        body.forms.insert(index, Form::Index { scale: 1, offset: 0 });
        let mut carried = Vec::new();
        for ((parameter, result), first) in region.parameters.iter().zip(&region.results).zip(initial) {
            let kind = self.graph.ty(*parameter);
            carried.push(body.carried(*parameter, *result, kind.lanes)?);
            if kind.lanes > 1 {
                body.lists.insert(*parameter, *first);
            }
        }
        for (at, node) in region.nodes.iter().enumerate() {
            if !body.combining.contains(&at) {
                let Work::Do(operation) = &node.work else { return None };
                let [result] = node.results.as_slice() else { return None };
                let form = self.widened(&mut body, operation, node, self.graph.ty(*result))?;
                body.forms.insert(*result, form);
            }
        }
        let ends = carried.iter().zip(&region.parameters).zip(initial);
        ends.map(|((carried, parameter), first)| self.end(&mut body, *carried, *parameter, *first, span)).collect()
    }

    /// Returns what a value is over all rounds; what the body does not make is the same in all.
    fn form(&self, body: &Rounds<'_>, id: Id) -> Option<Form> {
        let outside = !body.makers.contains_key(&id) && !body.region.parameters.contains(&id);
        body.forms.get(&id).copied().or(outside.then_some(Form::Same(id)))
    }

    /// Writes one instruction for all rounds.
    fn widened(&mut self, body: &mut Rounds<'_>, operation: &Operation, node: &Node, kind: Type) -> Option<Form> {
        if let (Operation::Get, [list, at]) = (operation, node.operands.as_slice()) {
            return self.read_all(body, *list, *at, kind, node.span);
        }
        let forms = node.operands.iter().map(|id| self.form(body, *id)).collect::<Option<Vec<Form>>>()?;
        if forms.iter().all(|form| matches!(form, Form::Same(_))) {
            crate::ir::is_pure(operation).then_some(())?;
            let operands: Vec<Id> =
                forms.iter().filter_map(|form| if let Form::Same(id) = form { Some(*id) } else { None }).collect();
            let id = self.emit(*operation, &operands, kind, node.span);
            if let Operation::Int { value } = operation {
                self.numbers.insert(id, *value);
            }
            return Some(Form::Same(id));
        }
        if let Some(index) = self.index_form(operation, &forms) {
            return Some(index);
        }
        let narrow = kind.lanes == 1 && node.operands.iter().all(|id| self.graph.ty(*id).lanes == 1);
        (narrow && is_lane_by_lane(operation)).then_some(())?;
        let operands: Vec<Id> = forms.into_iter().map(|form| self.lanes_of_form(body, form, node.span)).collect();
        let id = self.emit(*operation, &operands, kind.with_lanes(body.count), node.span);
        if let (Operation::Mul, [a, b]) = (operation, operands.as_slice()) {
            body.products.insert(id, (*a, *b));
        }
        Some(Form::Lanes(id))
    }

    /// Sums and products of the round's number and known numbers.
    fn index_form(&self, operation: &Operation, forms: &[Form]) -> Option<Form> {
        let number = |form: &Form| match form {
            Form::Same(id) => self.numbers.get(id).map(|value| (0, *value)),
            Form::Index { scale, offset } => Some((*scale, *offset)),
            Form::Lanes(_) => None,
        };
        let [a, b] = forms else { return None };
        let ((s, x), (t, y)) = (number(a)?, number(b)?);
        let (scale, offset) = match operation {
            Operation::Add => (s.wrapping_add(t), x.wrapping_add(y)),
            Operation::Sub => (s.wrapping_sub(t), x.wrapping_sub(y)),
            Operation::Mul if t == 0 => (s.wrapping_mul(y), x.wrapping_mul(y)),
            Operation::Mul if s == 0 => (t.wrapping_mul(x), x.wrapping_mul(y)),
            _ => return None,
        };
        Some(Form::Index { scale, offset })
    }

    fn lanes_of_form(&mut self, body: &Rounds<'_>, form: Form, span: Span) -> Id {
        match form {
            Form::Lanes(id) => id,
            Form::Same(id) => {
                let kind = self.graph.ty(id).with_lanes(body.count);
                self.emit(Operation::Splat, &[id], kind, span)
            }
            Form::Index { scale, offset } => {
                let lane = |round: u32| u64::from(round).wrapping_mul(scale).wrapping_add(offset);
                let lanes: Vec<u64> = (0..body.count).map(lane).collect();
                let kind = Type::public(Width::Int(64), body.count);
                self.graph.tables.push((kind, lanes));
                let constant = count(self.graph.tables.len() - 1);
                self.emit(Operation::Const { constant }, &[], kind, span)
            }
        }
    }

    /// Reads a list's items of all rounds.
    fn read_all(&mut self, body: &mut Rounds<'_>, list: Id, at: Id, kind: Type, span: Span) -> Option<Form> {
        let at = self.form(body, at)?;
        let Form::Index { scale, offset } = at else { return None };
        let from = match body.lists.get(&list) {
            Some(first) => {
                body.read.push((list, at));
                *first
            }
            None => match self.form(body, list)? {
                Form::Same(id) => id,
                _ => return None,
            },
        };
        let label = self.graph.ty(list).label;
        let id = self.items_at(from, scale, offset, body.count, kind.with_label(label), span)?;
        Some(Form::Lanes(id))
    }

    /// Returns so many items of a list, in steps. Nothing if there are not as many.
    fn items_at(&mut self, from: Id, scale: u64, offset: u64, lanes: u32, kind: Type, span: Span) -> Option<Id> {
        let whole = self.graph.ty(from);
        (kind.lanes == 1).then_some(())?;
        let last = u64::from(lanes - 1).checked_mul(scale)?.checked_add(offset)?;
        (scale > 0 && last < u64::from(whole.lanes)).then_some(())?;
        if (scale, offset, lanes) == (1, 0, whole.lanes) {
            return Some(from);
        }
        let (start, step) = (u32::try_from(offset).ok()?, u32::try_from(scale).ok()?);
        Some(self.emit(Operation::Slice { start, step }, &[from], whole.with_lanes(lanes), span))
    }

    /// Writes what comes out of the loop.
    fn end(&mut self, body: &mut Rounds<'_>, carried: Carried, parameter: Id, first: Id, span: Span) -> Option<Id> {
        match carried {
            Carried::Folded { fold, by, only, negative } => {
                let by = self.form(body, by)?;
                let mut by = self.lanes_of_form(body, by, span);
                if let Some((bit, holds)) = only {
                    let kind = self.graph.ty(by);
                    let zero = self.emit(Operation::Int { value: 0 }, &[], Type::public(kind.width, kind.lanes), span);
                    by = self.chosen(body, (bit, holds), by, zero, span)?;
                }
                Some(self.fold(body, fold, negative, first, by, span))
            }
            Carried::Written { at, value, only } => {
                let at = self.form(body, at)?;
                let Form::Index { scale: 1, offset } = at else { return None };
                // A round that reads what another one writes would need it.
                let own = body.read.iter().all(|(list, place)| *list != parameter || *place == at);
                own.then_some(())?;
                let value = self.form(body, value)?;
                let kind = self.graph.ty(first);
                let mut value = self.lanes_of_form(body, value, span);
                (self.graph.ty(value).width == kind.width).then_some(())?;
                let old = self.items_at(first, 1, offset, body.count, kind.with_lanes(1), span)?;
                if let Some(only) = only {
                    value = self.chosen(body, only, value, old, span)?;
                }
                self.spliced(first, u32::try_from(offset).ok()?, value, span)
            }
        }
    }

    /// Chooses lane by lane.
    fn chosen(&mut self, body: &Rounds<'_>, (bit, holds): (Id, bool), new: Id, old: Id, span: Span) -> Option<Id> {
        let bits = self.form(body, bit)?;
        let bits = self.lanes_of_form(body, bits, span);
        let (yes, no) = if holds { (new, old) } else { (old, new) };
        let label = self.join_labels(&[bits, yes, no]);
        let kind = self.graph.ty(new).with_label(label);
        Some(self.emit(Operation::Select, &[bits, yes, no], kind, span))
    }

    fn fold(&mut self, body: &Rounds<'_>, fold: Fold, negative: bool, first: Id, by: Id, span: Span) -> Id {
        let one = self.graph.ty(by).with_lanes(1);
        let whole = match (fold, body.products.get(&by)) {
            // A sum of products costs as much as one product.
            (Fold::Add, Some((a, b))) => self.emit(Operation::Dot, &[*a, *b], one, span),
            _ => self.emit(Operation::Reduce { fold }, &[by], one, span),
        };
        let label = self.join_labels(&[first, whole]);
        let kind = one.with_label(label);
        let operation = match fold {
            Fold::Add if negative => Operation::Sub,
            Fold::Add => Operation::Add,
            Fold::Mul => Operation::Mul,
            Fold::And => Operation::And,
            Fold::Or => Operation::Or,
            Fold::Xor => Operation::Xor,
            Fold::Min | Fold::Max | Fold::Mins | Fold::Maxs => {
                let order = if matches!(fold, Fold::Min | Fold::Max) { Operation::Lt } else { Operation::Lts };
                let operands = if matches!(fold, Fold::Max | Fold::Maxs) { [first, whole] } else { [whole, first] };
                let bit = self.emit(order, &operands, kind.with_width(Width::BIT), span);
                return self.emit(Operation::Select, &[bit, whole, first], kind, span);
            }
        };
        self.emit(operation, &[first, whole], kind, span)
    }

    /// Puts items into a list, one beside the other.
    fn spliced(&mut self, list: Id, start: u32, items: Id, span: Span) -> Option<Id> {
        let (kind, lanes) = (self.graph.ty(list), self.graph.ty(items).lanes);
        if lanes == kind.lanes {
            return Some(self.with_label(items, kind.label, span));
        }
        let end = start + lanes;
        let mut parts = Vec::new();
        if start > 0 {
            parts.push(self.items_at(list, 1, 0, start, kind.with_lanes(1), span)?);
        }
        parts.push(items);
        if end < kind.lanes {
            parts.push(self.items_at(list, 1, u64::from(end), kind.lanes - end, kind.with_lanes(1), span)?);
        }
        let label = self.join_labels(&parts);
        Some(self.emit(Operation::Concat, &parts, kind.with_label(label), span))
    }
}
