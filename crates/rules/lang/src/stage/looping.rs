//! Loops: taken round by round while it is known how they go on, and left to the run otherwise.

use super::branch::{LOOP, leaves_early};
use super::stmt::Flow;
use super::{Fields, Items, Log, Stage, Staged, Value};
use crate::ast::{Block, Expr, ExprKind};
use crate::ir::{Id, Region, Work};
use crate::scalar::{INT64, Scalar};
use crate::source::Span;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// From how many rounds on the compiler looks whether unrolling would be too long.
const ROUNDS_SMALL: usize = 64;
/// How many instructions an unrolled loop may have.
const UNROLLED_MAX: u64 = 1 << 16;
/// How often the compiler looks at a loop's body to find out what it carries.
const LOOKS_MAX: usize = 64;

pub(super) type Test<'f> = &'f mut dyn FnMut(&mut Stage<'_>) -> Staged<Value>;
pub(super) type Body<'f> = &'f mut dyn FnMut(&mut Stage<'_>, Option<Value>) -> Staged<Flow>;

/// Something that a loop changes.
#[derive(Clone)]
enum Place {
    Local(usize),
    List(Rc<RefCell<Items>>),
    Object(Rc<RefCell<Fields>>),
}

/// How much there was of what belongs to the whole program.
pub(super) struct Mark {
    prints: usize,
    checks: usize,
    outputs: usize,
    sent: BTreeMap<String, u64>,
}

impl Place {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local(a), Self::Local(b)) => a == b,
            (Self::List(a), Self::List(b)) => Rc::ptr_eq(a, b),
            (Self::Object(a), Self::Object(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Stage<'_> {
    pub(super) fn while_loop(&mut self, condition: &Expr, body: &Block, span: Span) -> Staged<Flow> {
        loop {
            self.step(span)?;
            let value = self.eval(condition, None)?;
            match &value {
                Value::Known(Scalar::Bool, 0) => return Ok(Flow::Normal),
                Value::Known(Scalar::Bool, _) => {}
                Value::Run(Scalar::Bool, id) if self.graph.ty(*id).is_secret() => {
                    let stop = self.stop("leak", condition.span, "how often this loop runs would tell a secret");
                    let help = "run a fixed number of rounds: `for i in 0..n:` with an `if` on the secret inside";
                    return Err(Box::new(stop.help(help)));
                }
                Value::Run(Scalar::Bool, _) => return self.while_running(Some(condition), body, span),
                other => {
                    let message = format!("a condition is a bool, not {}", other.kind());
                    return Err(self.stop("type", condition.span, message));
                }
            }
            let flow = if leaves_early(body) {
                self.trial(&mut |stage| stage.block(body, Some(&LOOP)))?
            } else {
                self.block(body, Some(&LOOP))?
            };
            match flow {
                Flow::Normal | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Normal),
                Flow::Left(_) => {
                    let endless = matches!(condition.kind, ExprKind::Bool(true));
                    return self.while_running((!endless).then_some(condition), body, span);
                }
                other => return Ok(other),
            }
        }
    }

    /// A loop that ends when only the run knows.
    fn while_running(&mut self, condition: Option<&Expr>, body: &Block, span: Span) -> Staged<Flow> {
        let mut work = |stage: &mut Stage<'_>, _: Option<Value>| stage.block(body, Some(&LOOP));
        let mut ask = |stage: &mut Stage<'_>| match condition {
            Some(condition) => stage.eval(condition, None),
            None => Ok(Value::truth(true)),
        };
        if leaves_early(body) {
            let test: Option<Test<'_>> = if condition.is_some() { Some(&mut ask) } else { None };
            return self.running_until(span, test, &mut work);
        }
        self.running(span, Some(&mut ask), &mut work, None)
    }

    pub(super) fn for_loop(&mut self, name: &str, over: &Expr, body: &Block, span: Span) -> Staged<Flow> {
        if let Some((from, to)) = self.range(over)? {
            return match (&from, &to) {
                (Value::Number(from) | Value::Known(_, from), Value::Number(to) | Value::Known(_, to)) => {
                    self.counted(name, *from, *to, body, span)
                }
                _ => self.counted_running(name, &from, &to, body, over.span),
            };
        }
        let value = self.eval(over, None)?;
        if let Some((scalar, lanes)) = self.lanes_to_go_over(&value, span) {
            let mut item = |stage: &mut Stage<'_>, index: Value| {
                let index = stage.run_of(&index, INT64, span)?;
                let one = stage.graph.ty(lanes).with_lanes(1);
                Ok(Value::Run(scalar, stage.emit(vm::Operation::Get, &[lanes, index], one, span)))
            };
            let rounds = crate::source::index(self.graph.ty(lanes).lanes);
            if self.at_once(name, rounds, &mut item, body, span)? {
                return Ok(Flow::Normal);
            }
        }
        let items = self.sequence_of(&value, over.span)?;
        self.rounds(name, &mut items.into_iter(), body, span)
    }

    pub(super) fn round(&mut self, name: &str, item: Value, body: &Block) -> Staged<Flow> {
        let before = self.locals.len();
        self.declare(name, item, None);
        let flow = self.block(body, Some(&LOOP));
        self.locals.truncate(before);
        flow
    }

    fn counted(&mut self, name: &str, from: i128, to: i128, body: &Block, span: Span) -> Staged<Flow> {
        let rounds = usize::try_from(to.saturating_sub(from)).unwrap_or(0);
        let first = Value::Known(INT64, from);
        let mut item =
            |stage: &mut Stage<'_>, index: Value| stage.binary(crate::ast::Binary::Add, &index, &first, span);
        if self.at_once(name, rounds, &mut item, body, span)? {
            return Ok(Flow::Normal);
        }
        if rounds > ROUNDS_SMALL && !leaves_early(body) && self.is_long(name, from, rounds, body, span)? {
            return self.running(
                span,
                None,
                &mut |stage, index| {
                    let at = item(stage, index.unwrap_or(Value::Known(INT64, 0)))?;
                    stage.round(name, at, body)
                },
                Some(u64::try_from(rounds).unwrap_or(u64::MAX)),
            );
        }
        self.rounds(name, &mut (from..to).map(|at| Value::Known(INT64, at)), body, span)
    }

    /// Tells whether all rounds together would be too many instructions.
    fn is_long(&mut self, name: &str, from: i128, rounds: usize, body: &Block, _span: Span) -> Staged<bool> {
        let before = self.nodes;
        let (flow, log) = self.dry(&mut |stage| stage.round(name, Value::Known(INT64, from), body))?;
        self.undo(log);
        let nodes = self.nodes - before;
        self.nodes = before;
        let all = nodes.saturating_mul(u64::try_from(rounds).unwrap_or(u64::MAX));
        Ok(matches!(flow, Flow::Normal) && all > UNROLLED_MAX)
    }

    /// A loop over a range whose ends are public values of the run.
    fn counted_running(&mut self, name: &str, from: &Value, to: &Value, body: &Block, span: Span) -> Staged<Flow> {
        if self.is_secret(from) || self.is_secret(to) {
            let stop = self.stop("leak", span, "how often this loop runs would tell a secret");
            let help = "run to a public bound, with an `if` on the secret inside";
            return Err(Box::new(stop.help(help)));
        }
        let before = self.locals.len();
        let from = self.settled(from.clone(), span)?;
        self.declare("(round)", from, None);
        let to = self.settled(to.clone(), span)?;
        let test: Test<'_> = &mut |stage: &mut Stage<'_>| {
            let at = stage.locals[before].value.clone();
            stage.binary(crate::ast::Binary::Less, &at, &to, span)
        };
        let work: Body<'_> = &mut |stage: &mut Stage<'_>, _: Option<Value>| {
            let at = stage.locals[before].value.clone();
            let flow = stage.round(name, at.clone(), body)?;
            let next = stage.binary(crate::ast::Binary::Add, &at, &Value::Known(INT64, 1), span)?;
            stage.set_local(before, next);
            Ok(flow)
        };
        let flow = if leaves_early(body) {
            self.running_until(span, Some(test), work)
        } else {
            self.running(span, Some(test), work, None)
        };
        self.locals.truncate(before);
        flow
    }

    /// Runs something without keeping its instructions.
    pub(super) fn dry(&mut self, work: &mut dyn FnMut(&mut Self) -> Staged<Flow>) -> Staged<(Flow, Log)> {
        let before = self.mark();
        self.open_region();
        self.logs.push(Log { locals_below: self.locals.len(), ..Log::default() });
        let flow = work(self)?;
        self.close_region();
        self.back_to(before);
        Ok((flow, self.logs.pop().unwrap_or_default()))
    }

    /// Notes what a part of the program adds to the whole.
    pub(super) fn mark(&self) -> Mark {
        let (prints, checks, outputs) = (self.prints.len(), self.checks.len(), self.graph.outputs.len());
        Mark { prints, checks, outputs, sent: self.sent.clone() }
    }

    /// Takes back what was added since.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.graph.outputs.truncate(mark.outputs);
        self.sent = mark.sent;
        self.prints.truncate(mark.prints);
        self.graph.prints.truncate(mark.prints);
        self.checks.truncate(mark.checks);
    }

    /// Leaves a loop to the run.
    pub(super) fn running(
        &mut self,
        span: Span,
        mut test: Option<Test<'_>>,
        body: Body<'_>,
        count: Option<u64>,
    ) -> Staged<Flow> {
        let mut places: Vec<Place> = Vec::new();
        let mut secret: Vec<bool> = Vec::new();
        for _ in 0..LOOKS_MAX {
            let before: Vec<Id> = self.leaves(&places, span)?;
            secret.resize(before.len().max(secret.len()), false);
            let parameters = self.parameters(&before, &secret);
            let mut after = Vec::new();
            let found = places.clone();
            self.conditional += 1;
            let (flow, log) = self.dry(&mut |stage| {
                stage.set_leaves(&found, &parameters);
                if let Some(test) = &mut test {
                    test(stage)?;
                }
                let index = stage.graph.fresh(vm::Type::public(vm::Width::Int(64), 1));
                let flow = body(stage, Some(Value::Run(INT64, index)))?;
                after = stage.leaves(&found, span)?;
                Ok(flow)
            })?;
            self.conditional -= 1;
            if !matches!(flow, Flow::Normal) {
                let stop = self.stop("unsupported", span, "a loop that only the run knows is left from inside");
                return Err(Box::new(stop.help("put the condition behind `while`, or keep a flag")));
            }
            let more = self.look(log, &mut places, &before, &after, &mut secret, span)?;
            if !more {
                return self.write_loop(span, &places, &before, &secret, test, body, count);
            }
        }
        Err(self.stop("limit", span, "what this loop changes could not be found out"))
    }

    /// Learns from a dry run. Tells whether there was something new.
    fn look(
        &mut self,
        log: Log,
        places: &mut Vec<Place>,
        before: &[Id],
        after: &[Id],
        secret: &mut Vec<bool>,
        span: Span,
    ) -> Staged<bool> {
        let locals = log.locals.keys().copied().map(Place::Local);
        let lists = log.lists.iter().filter(|(list, _)| !self.is_gone(&log, list));
        let lists = lists.map(|(list, _)| Place::List(Rc::clone(list)));
        let objects = log.objects.iter().map(|(object, _)| Place::Object(Rc::clone(object)));
        let written: Vec<Place> = locals.chain(lists).chain(objects).collect();
        let indexed = log.indexed.iter().filter(|list| !self.is_gone(&log, list)).cloned().collect::<Vec<_>>();
        self.undo(log);
        let mut more = false;
        for place in written {
            if !places.iter().any(|known| known.is(&place)) {
                places.push(place);
                more = true;
            }
        }
        for list in indexed {
            let each = matches!(&*list.borrow(), Items::Each(_));
            if each {
                let (scalar, id) = self.lanes_of(&list, span)?;
                self.changed_list(&list);
                *list.borrow_mut() = Items::Lanes(scalar, id, self.graph.ty(id).lanes);
                more = true;
            }
        }
        if more {
            secret.clear();
            return Ok(true);
        }
        if before.len() != after.len() {
            let stop = self.stop("unsupported", span, "a list changes its length in a loop that only the run knows");
            return Err(Box::new(stop.help("make the list as long as it can become, and assign its items")));
        }
        for ((old, new), secret) in before.iter().zip(after).zip(secret.iter_mut()) {
            let (old, new) = (self.graph.ty(*old), self.graph.ty(*new));
            if old.lanes != new.lanes || old.width != new.width {
                return Err(self.stop(
                    "unsupported",
                    span,
                    "a value changes its type in a loop that only the run knows",
                ));
            }
            if new.is_secret() && !old.is_secret() && !*secret {
                *secret = true;
                more = true;
            }
        }
        Ok(more)
    }

    /// Tells whether a list was made in the body and is gone: nobody but the logs knows it.
    fn is_gone(&self, log: &Log, list: &Rc<RefCell<Items>>) -> bool {
        let is_it = |other: &&Rc<RefCell<Items>>| Rc::ptr_eq(other, list);
        let noted = |log: &Log| {
            log.lists.iter().filter(|(other, _)| Rc::ptr_eq(other, list)).count()
                + log.indexed.iter().filter(is_it).count()
        };
        Rc::strong_count(list) == noted(log) + self.logs.iter().map(noted).sum::<usize>()
    }

    fn parameters(&mut self, before: &[Id], secret: &[bool]) -> Vec<Id> {
        let types: Vec<_> = before.iter().map(|id| self.graph.ty(*id)).collect();
        let typed = types.into_iter().zip(secret);
        typed
            .map(|(ty, secret)| {
                let ty = if *secret { ty.with_label(vm::Label::Secret) } else { ty };
                self.graph.fresh(ty)
            })
            .collect()
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one loop, used once")]
    fn write_loop(
        &mut self,
        span: Span,
        places: &[Place],
        before: &[Id],
        secret: &[bool],
        test: Option<Test<'_>>,
        body: Body<'_>,
        count: Option<u64>,
    ) -> Staged<Flow> {
        for place in places {
            self.remember(place);
        }
        let labelled = before.iter().zip(secret);
        let initial: Vec<Id> = labelled
            .map(|(id, secret)| if *secret { self.with_label(*id, vm::Label::Secret, span) } else { *id })
            .collect();
        let test = match test {
            Some(test) => Some(self.test_region(places, before, secret, test, span)?),
            None => None,
        };
        let parameters = self.parameters(before, secret);
        self.open_region();
        self.conditional += 1;
        self.set_leaves(places, &parameters);
        let index = self.graph.fresh(vm::Type::public(vm::Width::Int(64), 1));
        body(self, Some(Value::Run(INT64, index)))?;
        let mut ends = self.leaves(places, span)?;
        for (end, parameter) in ends.iter_mut().zip(&parameters) {
            let label = self.graph.ty(*parameter).label;
            *end = self.with_label(*end, label, span);
        }
        self.conditional -= 1;
        let mut region: Region = self.close_region();
        region.results = ends;
        region.parameters = parameters.clone();
        self.vectors = None;
        if let (None, Some(rounds)) = (&test, count)
            && let Some(ids) = self.vector_loop(&region, index, &initial, rounds, span)
        {
            self.set_leaves(places, &ids);
            self.vectors = Some(ids);
            return Ok(Flow::Normal);
        }
        let results = self.parameters(before, secret);
        let work = match (test, count) {
            (Some(test), _) => Work::While { test, body: region, bound: self.options.rounds_max },
            (None, count) => {
                region.parameters.insert(0, index);
                Work::Repeat(region, count.unwrap_or(0))
            }
        };
        self.node(work, initial, results.clone(), span);
        self.set_leaves(places, &results);
        Ok(Flow::Normal)
    }

    fn test_region(
        &mut self,
        places: &[Place],
        before: &[Id],
        secret: &[bool],
        test: Test<'_>,
        span: Span,
    ) -> Staged<Region> {
        let parameters = self.parameters(before, secret);
        self.open_region();
        self.set_leaves(places, &parameters);
        let value = test(self)?;
        if self.is_secret(&value) {
            let stop = self.stop("leak", span, "how often this loop runs would tell a secret");
            return Err(Box::new(stop.help("run a fixed number of rounds, with an `if` on the secret inside")));
        }
        let id = self.run_of(&value, Scalar::Bool, span)?;
        let mut region = self.close_region();
        region.parameters = parameters;
        region.results = vec![id];
        Ok(region)
    }

    fn remember(&mut self, place: &Place) {
        match place {
            Place::Local(at) => {
                let value = self.locals[*at].value.clone();
                self.set_local(*at, value);
            }
            Place::List(list) => self.changed_list(list),
            Place::Object(object) => self.changed_object(object),
        }
    }

    fn place_value(&self, place: &Place) -> Value {
        match place {
            Place::Local(at) => self.locals[*at].value.clone(),
            Place::List(list) => Value::List(Rc::clone(list)),
            Place::Object(object) => Value::Object(Rc::clone(object)),
        }
    }

    /// Returns the single values that the places consist of.
    fn leaves(&mut self, places: &[Place], span: Span) -> Staged<Vec<Id>> {
        let mut ids = Vec::new();
        for place in places {
            let value = self.place_value(place);
            self.value_leaves(&value, &mut ids, span)?;
        }
        Ok(ids)
    }

    fn value_leaves(&mut self, value: &Value, ids: &mut Vec<Id>, span: Span) -> Staged<()> {
        match value {
            Value::Number(_) | Value::Known(..) | Value::Run(..) => {
                let scalar = self.scalar_of(value, span)?;
                ids.push(self.run_of(value, scalar, span)?);
                Ok(())
            }
            Value::List(list) => {
                let items = list.borrow().clone();
                match items {
                    Items::Lanes(_, id, _) => ids.push(id),
                    Items::Each(items) => {
                        for item in &items {
                            self.value_leaves(item, ids, span)?;
                        }
                    }
                }
                Ok(())
            }
            Value::Object(fields) => {
                let fields = fields.borrow().clone();
                for (_, value) in &fields.fields {
                    self.value_leaves(value, ids, span)?;
                }
                Ok(())
            }
            Value::None => Ok(()),
            Value::Text(_) | Value::Dict(_) => {
                let stop = self.stop("unsupported", span, "a text or a map changes in a loop that only the run knows");
                Err(Box::new(stop.help("use numbers and lists in such loops")))
            }
        }
    }

    fn set_leaves(&mut self, places: &[Place], ids: &[Id]) {
        let mut ids = ids.iter().copied();
        for place in places {
            let old = self.place_value(place);
            let new = self.with_leaves(&old, &mut ids);
            match (place, new) {
                (Place::Local(at), new) => self.set_local(*at, new),
                (Place::List(list), Value::List(items)) => {
                    self.changed_list(list);
                    let items = items.borrow().clone();
                    *list.borrow_mut() = items;
                }
                (Place::Object(object), Value::Object(fields)) => {
                    self.changed_object(object);
                    let fields = fields.borrow().clone();
                    *object.borrow_mut() = fields;
                }
                _ => {}
            }
        }
    }

    fn with_leaves(&self, value: &Value, ids: &mut dyn Iterator<Item = Id>) -> Value {
        match value {
            Value::Number(_) => ids.next().map_or(Value::None, |id| Value::Run(INT64, id)),
            Value::Known(scalar, _) | Value::Run(scalar, _) => {
                ids.next().map_or(Value::None, |id| Value::Run(*scalar, id))
            }
            Value::List(list) => match &*list.borrow() {
                Items::Lanes(scalar, _, length) => {
                    ids.next().map_or(Value::None, |id| Value::lanes(*scalar, id, *length))
                }
                Items::Each(items) => Value::list(items.iter().map(|item| self.with_leaves(item, &mut *ids)).collect()),
            },
            Value::Object(fields) => {
                let Fields { object, fields } = &*fields.borrow();
                let fields =
                    fields.iter().map(|(name, value)| (name.clone(), self.with_leaves(value, &mut *ids))).collect();
                Value::Object(Rc::new(RefCell::new(Fields { object: object.clone(), fields })))
            }
            other => other.clone(),
        }
    }
}
