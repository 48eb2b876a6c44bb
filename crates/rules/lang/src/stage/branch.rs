//! Branches: chosen now, chosen by the run, or both arms with a choice between their results.

use super::leave::{Left, blank};
use super::stmt::{Flow, Rest};
use super::{Fields, Items, Log, Open, Stage, Staged, Value};
use crate::ast::{Binary, Block, Expr, Stmt, StmtKind};
use crate::ir::{Id, Work};
use crate::scalar::Scalar;
use crate::source::Span;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What stands at the end of a loop's body: leaving from inside needs an answer that only a run has.
pub(super) static LOOP: Rest<'static> = Rest { statements: &[], next: None };

pub(super) type Arm<'f> = &'f mut dyn FnMut(&mut Stage<'_>) -> Staged<Flow>;

/// What an arm left behind.
#[derive(Default)]
struct Changes {
    locals: BTreeMap<usize, Value>,
    lists: Vec<(Rc<RefCell<Items>>, Items)>,
    objects: Vec<(Rc<RefCell<Fields>>, Fields)>,
}

/// A pair of values of which the run takes one.
struct Leaf {
    scalar: Scalar,
    yes: Value,
    no: Value,
}

/// What is built again from the chosen leaves.
enum Shape {
    Same(Value),
    Leaf(usize),
    Lanes(usize),
    List(Vec<Shape>),
    Object(String, Vec<(String, Shape)>),
}

impl Stage<'_> {
    pub(super) fn conditional(
        &mut self,
        arms: &[(Expr, Block)],
        other: Option<&Block>,
        rest: &Rest<'_>,
    ) -> Staged<Flow> {
        let Some(((condition, block), later)) = arms.split_first() else {
            return other.map_or(Ok(Flow::Normal), |block| self.block(block, Some(rest)));
        };
        let value = self.eval(condition, None)?;
        let id = match &value {
            Value::Known(Scalar::Bool, 1) => return self.block(block, Some(rest)),
            Value::Known(Scalar::Bool, _) => return self.conditional(later, other, rest),
            Value::Run(Scalar::Bool, id) => *id,
            value => {
                let stop = self.stop("type", condition.span, format!("a condition is a bool, not {}", value.kind()));
                return Err(Box::new(stop.help("compare it: `x != 0`")));
            }
        };
        let leaves = leaves_early(block)
            || later.iter().any(|arm| leaves_early(&arm.1))
            || other.is_some_and(|b| leaves_early(b));
        let (span, secret) = (condition.span, self.graph.ty(id).is_secret());
        if leaves && secret {
            let stop = self.stop("leak", span, "leaving here early would tell this secret condition");
            let help = "put the result into a variable, assign it in the branch, and return it at the end";
            return Err(Box::new(stop.help(help)));
        }
        if leaves {
            return self.branch(
                id,
                span,
                &mut |stage| {
                    let flow = stage.block(block, Some(rest))?;
                    stage.go_on(flow, rest)
                },
                &mut |stage| {
                    let flow = stage.conditional(later, other, rest)?;
                    stage.go_on(flow, rest)
                },
            );
        }
        self.branch(id, span, &mut |stage| stage.block(block, Some(rest)), &mut |stage| {
            stage.conditional(later, other, rest)
        })
    }

    pub(super) fn matching(
        &mut self,
        subject: &Expr,
        arms: &[(Vec<Expr>, Block)],
        other: Option<&Block>,
        rest: &Rest<'_>,
    ) -> Staged<Flow> {
        // `match x` is a chain of comparisons with x.
        let compare = |value: &Expr| {
            let kind = crate::ast::ExprKind::Binary(Binary::Equal, Box::new(subject.clone()), Box::new(value.clone()));
            Expr { kind, span: value.span }
        };
        let mut chain = Vec::new();
        for (values, block) in arms {
            let conditions = values.iter().map(compare).reduce(|a, b| {
                let span = a.span.to(b.span);
                Expr { kind: crate::ast::ExprKind::Binary(Binary::Or, Box::new(a), Box::new(b)), span }
            });
            chain.extend(conditions.map(|condition| (condition, block.clone())));
        }
        self.conditional(&chain, other, rest)
    }

    /// Runs what follows a branch in the function, or in the loop's body, inside of its arm.
    pub(super) fn go_on(&mut self, flow: Flow, rest: &Rest<'_>) -> Staged<Flow> {
        if !matches!(flow, Flow::Normal) {
            return Ok(flow);
        }
        if std::ptr::eq(rest, &LOOP) {
            return Ok(Flow::Continue);
        }
        match self.statements(rest.statements, rest.next)? {
            Flow::Normal => {}
            other => return Ok(other),
        }
        match rest.next {
            Some(next) => self.go_on(Flow::Normal, next),
            None => Ok(Flow::Return(Value::None)),
        }
    }

    /// Runs both arms and lets the condition choose.
    pub(super) fn branch(&mut self, condition: Id, span: Span, yes: Arm<'_>, no: Arm<'_>) -> Staged<Flow> {
        let secret = self.graph.ty(condition).is_secret();
        if secret {
            self.oblivious.push(span);
        } else {
            self.conditional += 1;
        }
        let first = self.arm(secret, yes)?;
        let second = self.arm(secret, no)?;
        if secret {
            self.oblivious.pop();
        } else {
            self.conditional -= 1;
        }
        let (mut pairs, flow) = self.pairs(&first.1, &second.1, (&first.2, &second.2), span)?;
        if secret {
            for open in [first.0, second.0] {
                self.append(open);
            }
            let condition = Value::Run(Scalar::Bool, condition);
            let mut chosen = Vec::new();
            for leaf in &pairs.leaves {
                chosen.push(self.choose(&condition, leaf, span)?);
            }
            return self.apply(pairs, &chosen, flow);
        }
        let leaves = std::mem::take(&mut pairs.leaves);
        let (regions, ids) = self.give(&leaves, first.0, second.0, span)?;
        let chosen = leaves.iter().zip(&ids).map(|(leaf, id)| Value::Run(leaf.scalar, *id)).collect::<Vec<_>>();
        self.node(Work::If(regions.0, regions.1), vec![condition], ids, span);
        self.apply(pairs, &chosen, flow)
    }

    /// Runs one arm, puts everything back as it was, and returns what it computed.
    fn arm(&mut self, secret: bool, arm: Arm<'_>) -> Staged<(Open, Changes, Flow)> {
        self.open_region();
        self.logs.push(Log { locals_below: self.locals.len(), ..Log::default() });
        let flow = arm(self)?;
        let log = self.logs.pop().unwrap_or_default();
        let changes = self.restore(log);
        let open =
            self.open.pop().unwrap_or_else(|| Open { region: crate::ir::Region::default(), known: BTreeMap::new() });
        let _ = secret;
        Ok((open, changes, flow))
    }

    /// Puts everything back as it was when the log began, and returns what it was changed to.
    fn restore(&mut self, log: Log) -> Changes {
        let mut changes = Changes::default();
        for (at, old) in log.locals {
            let new = std::mem::replace(&mut self.locals[at].value, old);
            changes.locals.insert(at, new);
        }
        for (list, old) in log.lists {
            let new = list.replace(old);
            changes.lists.push((list, new));
        }
        for (object, old) in log.objects {
            let new = object.replace(old);
            changes.objects.push((object, new));
        }
        changes
    }

    pub(super) fn undo(&mut self, log: Log) {
        self.restore(log);
    }

    /// Both arms of a choice by a secret run one after the other, in the block around.
    pub(super) fn append(&mut self, open: Open) {
        if let Some(around) = self.open.last_mut() {
            around.region.nodes.extend(open.region.nodes);
            for (key, id) in open.known {
                around.known.entry(key).or_insert(id);
            }
        }
    }

    fn choose(&mut self, condition: &Value, leaf: &Leaf, span: Span) -> Staged<Value> {
        let (Value::List(yes), Value::List(no)) = (&leaf.yes, &leaf.no) else {
            return self.select(condition, &leaf.yes, &leaf.no, span);
        };
        let (yes, no) = (self.lanes_of(yes, span)?.1, self.lanes_of(no, span)?.1);
        let Value::Run(_, condition) = condition else { return Ok(leaf.yes.clone()) };
        Ok(Value::Run(leaf.scalar, self.select_lanes(*condition, yes, no, span)))
    }

    /// Writes at the end of both blocks what they give.
    #[allow(clippy::type_complexity, reason = "the two blocks and the numbers of what they give")]
    fn give(
        &mut self,
        leaves: &[Leaf],
        yes: Open,
        no: Open,
        span: Span,
    ) -> Staged<((crate::ir::Region, crate::ir::Region), Vec<Id>)> {
        let (yes, first) = self.ends(leaves.iter().map(|leaf| (leaf.scalar, &leaf.yes)), yes, span)?;
        let (no, second) = self.ends(leaves.iter().map(|leaf| (leaf.scalar, &leaf.no)), no, span)?;
        let labels: Vec<_> = first.iter().zip(&second).map(|(a, b)| self.join_labels(&[*a, *b])).collect();
        let ids =
            first.iter().zip(&labels).map(|(id, label)| self.graph.ty(*id).with_label(*label)).collect::<Vec<_>>();
        let ids = ids.into_iter().map(|ty| self.graph.fresh(ty)).collect();
        let yes = self.label_ends(yes, &first, &labels, span);
        let no = self.label_ends(no, &second, &labels, span);
        Ok(((yes, no), ids))
    }

    fn ends<'v>(
        &mut self,
        leaves: impl Iterator<Item = (Scalar, &'v Value)>,
        open: Open,
        span: Span,
    ) -> Staged<(Open, Vec<Id>)> {
        self.open.push(open);
        let mut ids = Vec::new();
        for (scalar, value) in leaves {
            ids.push(match value {
                Value::List(list) => self.lanes_of(list, span)?.1,
                value => {
                    let value = self.convert(value, scalar, span)?;
                    self.run_of(&value, scalar, span)?
                }
            });
        }
        let open = self.open.pop().ok_or_else(|| self.stop("limit", span, "no block is open"))?;
        Ok((open, ids))
    }

    fn label_ends(&mut self, open: Open, ids: &[Id], labels: &[vm::Label], span: Span) -> crate::ir::Region {
        self.open.push(open);
        let results = ids.iter().zip(labels).map(|(id, label)| self.with_label(*id, *label, span)).collect();
        let mut region = self.close_region();
        region.results = results;
        region
    }
}

/// What is to be set after a branch.
#[derive(Default)]
struct Pairs {
    leaves: Vec<Leaf>,
    locals: Vec<(usize, Shape)>,
    lists: Vec<(Rc<RefCell<Items>>, Shape)>,
    objects: Vec<(Rc<RefCell<Fields>>, Shape)>,
    result: Option<Shape>,
    way: Option<Shape>,
}

impl Stage<'_> {
    fn pairs(&mut self, yes: &Changes, no: &Changes, flows: (&Flow, &Flow), span: Span) -> Staged<(Pairs, Flow)> {
        let mut pairs = Pairs::default();
        let places: std::collections::BTreeSet<usize> = yes.locals.keys().chain(no.locals.keys()).copied().collect();
        for at in places {
            let old = self.locals[at].value.clone();
            let name = self.locals[at].name.clone();
            let (a, b) = (yes.locals.get(&at).unwrap_or(&old), no.locals.get(&at).unwrap_or(&old));
            let shape = self.pair(a, b, &name, span, &mut pairs.leaves)?;
            pairs.locals.push((at, shape));
        }
        let mut lists: Vec<Rc<RefCell<Items>>> = Vec::new();
        for (list, _) in yes.lists.iter().chain(&no.lists) {
            if !lists.iter().any(|known| Rc::ptr_eq(known, list)) {
                lists.push(Rc::clone(list));
            }
        }
        for list in lists {
            let of = |changes: &Changes| {
                let found = changes.lists.iter().find(|(known, _)| Rc::ptr_eq(known, &list));
                let items = found.map_or_else(|| list.borrow().clone(), |(_, items)| items.clone());
                Value::List(Rc::new(RefCell::new(items)))
            };
            let shape = self.pair(&of(yes), &of(no), "the list", span, &mut pairs.leaves)?;
            pairs.lists.push((list, shape));
        }
        let mut objects: Vec<Rc<RefCell<Fields>>> = Vec::new();
        for (object, _) in yes.objects.iter().chain(&no.objects) {
            if !objects.iter().any(|known| Rc::ptr_eq(known, object)) {
                objects.push(Rc::clone(object));
            }
        }
        for object in objects {
            let of = |changes: &Changes| {
                let found = changes.objects.iter().find(|(known, _)| Rc::ptr_eq(known, &object));
                let fields = found.map_or_else(|| object.borrow().clone(), |(_, fields)| fields.clone());
                Value::Object(Rc::new(RefCell::new(fields)))
            };
            let shape = self.pair(&of(yes), &of(no), "the object", span, &mut pairs.leaves)?;
            pairs.objects.push((object, shape));
        }
        let flow = self.pair_flows(flows, span, &mut pairs)?;
        Ok((pairs, flow))
    }

    fn pair_flows(&mut self, flows: (&Flow, &Flow), span: Span, pairs: &mut Pairs) -> Staged<Flow> {
        match flows {
            (Flow::Normal, Flow::Normal) => return Ok(Flow::Normal),
            (Flow::Continue, Flow::Continue) => return Ok(Flow::Continue),
            (Flow::Break, Flow::Break) => return Ok(Flow::Break),
            (Flow::Return(a), Flow::Return(b)) => {
                pairs.result = Some(self.pair(a, b, "what is returned", span, &mut pairs.leaves)?);
                return Ok(Flow::Return(Value::None));
            }
            _ => {}
        }
        let (Some(a), Some(b)) = (Left::of(flows.0), Left::of(flows.1)) else {
            let stop =
                self.stop("unsupported", span, "one arm leaves and the other does not, on a condition of the run");
            return Err(Box::new(stop.help("assign a variable in both arms, and leave behind the branch")));
        };
        pairs.way = Some(self.pair(&a.way, &b.way, "how it goes on", span, &mut pairs.leaves)?);
        let results = match (a.result, b.result) {
            (Some(a), Some(b)) => Some((a, b)),
            (Some(a), None) => Some((a.clone(), blank(&a))),
            (None, Some(b)) => Some((blank(&b), b)),
            (None, None) => None,
        };
        if let Some((a, b)) = results {
            pairs.result = Some(self.pair(&a, &b, "what is returned", span, &mut pairs.leaves)?);
        }
        let (breaks, returns) = (a.breaks || b.breaks, a.returns || b.returns);
        let left = Left { way: Value::None, result: None, breaks, returns };
        Ok(Flow::Left(Box::new(left)))
    }

    fn pair(&mut self, a: &Value, b: &Value, name: &str, span: Span, leaves: &mut Vec<Leaf>) -> Staged<Shape> {
        match (a, b) {
            (Value::Number(x), Value::Number(y)) if x == y => Ok(Shape::Same(a.clone())),
            (Value::Known(s, x), Value::Known(t, y)) if s == t && x == y => Ok(Shape::Same(a.clone())),
            (Value::Run(_, x), Value::Run(_, y)) if x == y => Ok(Shape::Same(a.clone())),
            (Value::None, Value::None) => Ok(Shape::Same(Value::None)),
            (Value::List(x), Value::List(y)) if Rc::ptr_eq(x, y) => Ok(Shape::Same(a.clone())),
            (Value::Object(x), Value::Object(y)) if Rc::ptr_eq(x, y) => Ok(Shape::Same(a.clone())),
            (Value::Dict(x), Value::Dict(y)) if Rc::ptr_eq(x, y) => Ok(Shape::Same(a.clone())),
            (Value::Text(_), Value::Text(_)) if a.known_text().is_some() && a.known_text() == b.known_text() => {
                Ok(Shape::Same(a.clone()))
            }
            (Value::List(x), Value::List(y)) => self.pair_lists(x, y, name, span, leaves),
            (Value::Object(x), Value::Object(y)) => {
                let (x, y) = (x.borrow().clone(), y.borrow().clone());
                let mut fields = Vec::new();
                for ((field, a), (other, b)) in x.fields.iter().zip(&y.fields) {
                    if field != other || x.fields.len() != y.fields.len() {
                        return Err(self.stop("type", span, format!("{name} has other fields in the other arm")));
                    }
                    fields.push((field.clone(), self.pair(a, b, name, span, leaves)?));
                }
                Ok(Shape::Object(x.object, fields))
            }
            (
                Value::Number(_) | Value::Known(..) | Value::Run(..),
                Value::Number(_) | Value::Known(..) | Value::Run(..),
            ) => {
                let typed = |value: &Value| match value {
                    Value::Known(scalar, _) | Value::Run(scalar, _) => Some(*scalar),
                    _ => None,
                };
                let scalar = typed(a).or(typed(b)).unwrap_or(crate::scalar::INT64);
                leaves.push(Leaf { scalar, yes: a.clone(), no: b.clone() });
                Ok(Shape::Leaf(leaves.len() - 1))
            }
            _ => {
                let message = format!("{name} is {} in one arm and {} in the other", a.kind(), b.kind());
                let stop = self.stop("type", span, message);
                Err(Box::new(stop.help("texts, maps and None cannot depend on a condition of the run")))
            }
        }
    }

    fn pair_lists(
        &mut self,
        x: &Rc<RefCell<Items>>,
        y: &Rc<RefCell<Items>>,
        name: &str,
        span: Span,
        leaves: &mut Vec<Leaf>,
    ) -> Staged<Shape> {
        if x.borrow().len() != y.borrow().len() {
            let message =
                format!("{name} has {} items in one arm and {} in the other", x.borrow().len(), y.borrow().len());
            let stop = self.stop("type", span, message);
            return Err(Box::new(
                stop.help("a list's length is known when compiling: assign items instead of appending"),
            ));
        }
        if let (Items::Lanes(s, p, _), Items::Lanes(t, q, _)) = (&*x.borrow(), &*y.borrow())
            && s == t
            && p == q
        {
            return Ok(Shape::Same(Value::List(Rc::clone(x))));
        }
        if let (Items::Each(a), Items::Each(b)) = (&*x.borrow(), &*y.borrow()) {
            let items = a.iter().zip(b).map(|(a, b)| self.pair(a, b, name, span, leaves));
            return Ok(Shape::List(items.collect::<Staged<Vec<_>>>()?));
        }
        let scalar = match (&*x.borrow(), &*y.borrow()) {
            (Items::Lanes(scalar, ..), _) | (_, Items::Lanes(scalar, ..)) => *scalar,
            _ => crate::scalar::INT64,
        };
        leaves.push(Leaf { scalar, yes: Value::List(Rc::clone(x)), no: Value::List(Rc::clone(y)) });
        Ok(Shape::Lanes(leaves.len() - 1))
    }

    fn apply(&mut self, pairs: Pairs, chosen: &[Value], flow: Flow) -> Staged<Flow> {
        for (at, shape) in pairs.locals {
            let value = self.build(shape, chosen);
            self.set_local(at, value);
        }
        for (list, shape) in pairs.lists {
            if let Value::List(items) = self.build(shape, chosen) {
                self.changed_list(&list);
                let items = items.borrow().clone();
                *list.borrow_mut() = items;
            }
        }
        for (object, shape) in pairs.objects {
            if let Value::Object(fields) = self.build(shape, chosen) {
                self.changed_object(&object);
                let fields = fields.borrow().clone();
                *object.borrow_mut() = fields;
            }
        }
        let result = pairs.result.map(|shape| self.build(shape, chosen));
        Ok(match (flow, result, pairs.way) {
            (Flow::Return(_), Some(result), _) => Flow::Return(result),
            (Flow::Left(left), result, Some(way)) => {
                Flow::Left(Box::new(Left { way: self.build(way, chosen), result, ..*left }))
            }
            (flow, ..) => flow,
        })
    }

    fn build(&self, shape: Shape, chosen: &[Value]) -> Value {
        match shape {
            Shape::Same(value) => value,
            Shape::Leaf(at) => chosen[at].clone(),
            Shape::Lanes(at) => match chosen[at] {
                Value::Run(scalar, id) => Value::lanes(scalar, id, self.graph.ty(id).lanes),
                ref other => other.clone(),
            },
            Shape::List(items) => Value::list(items.into_iter().map(|item| self.build(item, chosen)).collect()),
            Shape::Object(object, fields) => {
                let fields = fields.into_iter().map(|(name, shape)| (name, self.build(shape, chosen))).collect();
                Value::Object(Rc::new(RefCell::new(Fields { object, fields })))
            }
        }
    }

    pub(super) fn changed_object(&mut self, object: &Rc<RefCell<Fields>>) {
        for log in &mut self.logs {
            if !log.objects.iter().any(|(known, _)| Rc::ptr_eq(known, object)) {
                log.objects.push((Rc::clone(object), object.borrow().clone()));
            }
        }
    }
}

/// Tells whether a block may return, or break out of a loop around it.
pub(super) fn leaves_early(block: &[Stmt]) -> bool {
    block.iter().any(|statement| match &statement.kind {
        StmtKind::Return(_) | StmtKind::Break | StmtKind::Continue => true,
        StmtKind::If { arms, other } => {
            arms.iter().any(|arm| leaves_early(&arm.1)) || other.as_ref().is_some_and(|block| leaves_early(block))
        }
        StmtKind::Match { arms, other, .. } => {
            arms.iter().any(|arm| leaves_early(&arm.1)) || other.as_ref().is_some_and(|block| leaves_early(block))
        }
        StmtKind::While { body, .. } | StmtKind::For { body, .. } => returns(body),
        _ => false,
    })
}

/// Tells whether a block may return.
fn returns(block: &[Stmt]) -> bool {
    block.iter().any(|statement| match &statement.kind {
        StmtKind::Return(_) => true,
        StmtKind::If { arms, other } => {
            arms.iter().any(|arm| returns(&arm.1)) || other.as_ref().is_some_and(|block| returns(block))
        }
        StmtKind::Match { arms, other, .. } => {
            arms.iter().any(|arm| returns(&arm.1)) || other.as_ref().is_some_and(|block| returns(block))
        }
        StmtKind::While { body, .. } | StmtKind::For { body, .. } => returns(body),
        _ => false,
    })
}
