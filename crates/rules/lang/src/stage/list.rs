//! Lists: reading and writing items, at places that are known and at places that only the run knows.

use super::{Items, Stage, Staged, Value, arith};
use crate::ast::Expr;
use crate::ir::Id;
use crate::scalar::{INT64, Scalar};
use crate::source::{Span, count, index};
use std::cell::RefCell;
use std::rc::Rc;
use vm::Operation;

/// The most items of a list, as many as a value has lanes.
const ITEMS_MAX: usize = 1 << 20;

type List = Rc<RefCell<Items>>;

impl Stage<'_> {
    pub(super) fn index_expr(&mut self, base: &Expr, at: &Expr, span: Span) -> Staged<Value> {
        let base_value = self.eval(base, None)?;
        let at_value = self.eval(at, None)?;
        self.read(&base_value, &at_value, span, at.span)
    }

    fn read(&mut self, base: &Value, at: &Value, span: Span, place: Span) -> Staged<Value> {
        match base {
            Value::List(list) => match at {
                Value::Number(at) | Value::Known(_, at) => {
                    let at = self.position(list, *at, place)?;
                    self.item(list, at, span)
                }
                _ => self.read_running(list, at, span, place),
            },
            Value::Dict(entries) => {
                let entries = entries.borrow().clone();
                for (key, value) in entries {
                    if self.same_key(&key, at, place)? {
                        return Ok(value);
                    }
                }
                Err(self.stop("index", place, "this key is not in the map"))
            }
            Value::Text(_) => {
                let (Some(text), Value::Number(at) | Value::Known(_, at)) = (base.known_text(), at) else {
                    return Err(self.stop("unsupported", span, "only a text that is known when compiling has letters"));
                };
                let letter = usize::try_from(*at).ok().and_then(|at| text.chars().nth(at));
                let letter = letter.ok_or_else(|| self.stop("index", place, "the text has no such letter"))?;
                Ok(Value::text(letter.to_string()))
            }
            other => Err(self.stop("type", span, format!("{} has no items", other.kind()))),
        }
    }

    fn same_key(&mut self, key: &Value, at: &Value, span: Span) -> Staged<bool> {
        match (key.known_text(), at.known_text()) {
            (Some(a), Some(b)) => Ok(a == b),
            _ => match (key, at) {
                (Value::Number(a) | Value::Known(_, a), Value::Number(b) | Value::Known(_, b)) => Ok(a == b),
                _ => Err(self.stop("unsupported", span, "keys of maps are known when compiling: use a list")),
            },
        }
    }

    /// Returns the place of a known index; negative ones count from the end.
    fn position(&self, list: &List, at: i128, span: Span) -> Staged<usize> {
        let length = list.borrow().len();
        let signed = i128::try_from(length).unwrap_or(0);
        let place = if at < 0 { at + signed } else { at };
        match usize::try_from(place) {
            Ok(place) if place < length => Ok(place),
            _ => {
                let stop = self.stop("index", span, format!("item {at} of a list with {length} items"));
                Err(Box::new(stop.help("items are counted from 0; `values.len()` is their number")))
            }
        }
    }

    fn item(&mut self, list: &List, at: usize, span: Span) -> Staged<Value> {
        let lanes = match &*list.borrow() {
            Items::Each(items) => return Ok(items[at].clone()),
            Items::Lanes(scalar, id, _) => (*scalar, *id),
        };
        let ty = self.graph.ty(lanes.1).with_lanes(1);
        let id = self.emit(Operation::Slice { start: count(at), step: 1 }, &[lanes.1], ty, span);
        Ok(Value::Run(lanes.0, id))
    }

    /// Reads at an index that only the run knows.
    fn read_running(&mut self, list: &List, at: &Value, span: Span, place: Span) -> Staged<Value> {
        self.check_index(at, place)?;
        let rows = match &*list.borrow() {
            Items::Each(items) => items.iter().any(|item| matches!(item, Value::List(_))),
            Items::Lanes(..) => false,
        };
        let at = self.run_of(at, INT64, place)?;
        if rows {
            return self.read_row(list, at, span);
        }
        for log in &mut self.logs {
            log.indexed.push(Rc::clone(list));
        }
        let (scalar, id) = self.lanes_of(list, span)?;
        let ty = self.graph.ty(id).with_lanes(1);
        let id = self.emit(Operation::Get, &[id, at], ty, span);
        Ok(Value::Run(scalar, id))
    }

    /// Reads a row of a list of lists. The row is a copy.
    fn read_row(&mut self, list: &List, at: Id, span: Span) -> Staged<Value> {
        let rows = self.items(list, span)?;
        let (mut lanes, mut found) = (Vec::new(), None);
        for row in &rows {
            let Value::List(row) = row else { return Err(self.stop("type", span, "rows are lists")) };
            let (scalar, id) = self.lanes_of(row, span)?;
            let length = self.graph.ty(id).lanes;
            if found.is_some_and(|found| found != (scalar, length)) {
                return Err(self.stop("type", span, "rows that are chosen while running have one length"));
            }
            found = Some((scalar, length));
            lanes.push(id);
        }
        let Some((scalar, length)) = found else { return Err(self.stop("index", span, "the list is empty")) };
        let label = self.join_labels(&lanes);
        let ty = self.graph.ty(lanes[0]).with_lanes(length * count(lanes.len())).with_label(label);
        let lanes = self.same_label(&lanes, label, span);
        let whole = self.emit(Operation::Concat, &lanes, ty, span);
        let wide = self.constant(INT64, i128::from(length));
        let start = self.like(Operation::Mul, &[at, wide], span);
        let id = self.emit(Operation::Get, &[whole, start], ty.with_lanes(length), span);
        Ok(Value::lanes(scalar, id, length))
    }

    fn check_index(&self, at: &Value, span: Span) -> Staged<()> {
        if !self.is_secret(at) {
            return Ok(());
        }
        let stop = self.stop("leak", span, "which item is read would tell the secret index");
        Err(Box::new(stop.help("`lookup(values, index)` and `store(values, index, value)` touch every item")))
    }

    /// Makes all values secret if one of them is.
    pub(super) fn same_label(&mut self, ids: &[Id], label: vm::Label, span: Span) -> Vec<Id> {
        ids.iter().map(|id| self.with_label(*id, label, span)).collect()
    }

    pub(super) fn with_label(&mut self, id: Id, label: vm::Label, span: Span) -> Id {
        let ty = self.graph.ty(id);
        if ty.label == label || !matches!(label, vm::Label::Secret) {
            return id;
        }
        self.emit(Operation::Classify, &[id], ty.with_label(label), span)
    }

    /// Returns the lanes that hold all items of a list of single values.
    pub(super) fn lanes_of(&mut self, list: &List, span: Span) -> Staged<(Scalar, Id)> {
        let items = match &*list.borrow() {
            Items::Lanes(scalar, id, _) => return Ok((*scalar, *id)),
            Items::Each(items) => items.clone(),
        };
        if items.is_empty() {
            return Err(self.stop("type", span, "an empty list has no values to work on"));
        }
        if items.len() > ITEMS_MAX {
            return Err(self.stop("limit", span, format!("a list has at most {ITEMS_MAX} items")));
        }
        let scalar = items.iter().find_map(|item| match item {
            Value::Known(scalar, _) | Value::Run(scalar, _) => Some(*scalar),
            _ => None,
        });
        let scalar = scalar.unwrap_or(INT64);
        if let Some(id) = self.known_lanes(&items, scalar, span) {
            return Ok((scalar, id));
        }
        let mut ids = Vec::with_capacity(items.len());
        for item in &items {
            let item = self.convert(item, scalar, span)?;
            ids.push(self.run_of(&item, scalar, span)?);
        }
        let label = self.join_labels(&ids);
        let ids = self.same_label(&ids, label, span);
        if ids.len() == 1 {
            return Ok((scalar, ids[0]));
        }
        let ty = vm::Type { width: arith::width(scalar), lanes: count(ids.len()), label };
        Ok((scalar, self.emit(Operation::Concat, &ids, ty, span)))
    }

    /// Puts known items into a table of the program.
    fn known_lanes(&mut self, items: &[Value], scalar: Scalar, span: Span) -> Option<Id> {
        if items.len() < 2 {
            return None;
        }
        let lane = |item: &Value| match item {
            Value::Known(found, value) if *found == scalar => Some(arith::lane(scalar, *value)),
            _ => None,
        };
        let lanes: Vec<u64> = items.iter().map(lane).collect::<Option<_>>()?;
        let ty = vm::Type::public(arith::width(scalar), count(lanes.len()));
        let known = self.graph.tables.iter().position(|table| table.0 == ty && table.1 == lanes);
        let table = known.unwrap_or_else(|| {
            self.graph.tables.push((ty, lanes));
            self.graph.tables.len() - 1
        });
        Some(self.emit(Operation::Const { constant: count(table) }, &[], ty, span))
    }

    pub(super) fn slice(&mut self, base: &Expr, from: Option<&Expr>, to: Option<&Expr>, span: Span) -> Staged<Value> {
        let value = self.eval(base, None)?;
        let Value::List(list) = &value else {
            return Err(self.stop("type", span, format!("{} has no slices", value.kind())));
        };
        let items = self.items(list, span)?;
        let length = i128::try_from(items.len()).unwrap_or(0);
        let mut ends = [0, length];
        for (end, expr) in ends.iter_mut().zip([from, to]) {
            if let Some(expr) = expr {
                let found = self.eval(expr, None)?;
                let (Value::Number(at) | Value::Known(_, at)) = found else {
                    let stop =
                        self.stop("unsupported", expr.span, "how long this slice is is not known when compiling");
                    return Err(Box::new(stop.help("a list's length is fixed: copy the items in a loop")));
                };
                *end = if at < 0 { at + length } else { at }.clamp(0, length);
            }
        }
        let from = usize::try_from(ends[0]).unwrap_or(0);
        let to = usize::try_from(ends[1]).unwrap_or(0).max(from);
        Ok(Value::list(items.get(from..to).unwrap_or(&[]).to_vec()))
    }

    /// Writes an item.
    pub(super) fn write(&mut self, base: &Value, at: &Value, value: Value, span: Span, place: Span) -> Staged<()> {
        match base {
            Value::List(list) => match at {
                Value::Number(at) | Value::Known(_, at) => {
                    let at = self.position(list, *at, place)?;
                    self.write_known(list, at, value, span)
                }
                _ => self.write_running(list, at, &value, span, place),
            },
            Value::Dict(entries) => {
                self.check_shape_change(span)?;
                let known = entries.borrow().clone();
                for (number, (key, _)) in known.iter().enumerate() {
                    if self.same_key(key, at, place)? {
                        entries.borrow_mut()[number].1 = value;
                        return Ok(());
                    }
                }
                entries.borrow_mut().push((at.clone(), value));
                Ok(())
            }
            other => Err(self.stop("type", span, format!("{} has no items", other.kind()))),
        }
    }

    fn write_known(&mut self, list: &List, at: usize, value: Value, span: Span) -> Staged<()> {
        // An item keeps the width that the list has.
        let value = match (&self.item(list, at, span)?, &value) {
            (Value::Known(scalar, _) | Value::Run(scalar, _), Value::Number(_)) => {
                self.settle(&value, *scalar, span)?
            }
            (Value::Known(scalar, _) | Value::Run(scalar, _), Value::Known(..) | Value::Run(..)) => {
                self.convert(&value, *scalar, span)?
            }
            _ => value,
        };
        self.changed_list(list);
        self.spread(list, span)?;
        if let Items::Each(items) = &mut *list.borrow_mut() {
            items[at] = value;
        }
        Ok(())
    }

    /// Lets the items of a list lie one by one.
    fn spread(&mut self, list: &List, span: Span) -> Staged<()> {
        if matches!(&*list.borrow(), Items::Each(_)) {
            return Ok(());
        }
        let all = self.items(list, span)?;
        *list.borrow_mut() = Items::Each(all);
        Ok(())
    }

    fn write_running(&mut self, list: &List, at: &Value, value: &Value, span: Span, place: Span) -> Staged<()> {
        self.check_index(at, place)?;
        for log in &mut self.logs {
            log.indexed.push(Rc::clone(list));
        }
        let (scalar, id) = self.lanes_of(list, span)?;
        let at = self.run_of(at, INT64, place)?;
        let value = self.convert(value, scalar, span)?;
        let value = self.run_of(&value, scalar, span)?;
        let label = self.join_labels(&[id, value]);
        let (id, value) = (self.with_label(id, label, span), self.with_label(value, label, span));
        let ty = self.graph.ty(id);
        let id = self.emit(Operation::Set, &[id, at, value], ty, span);
        self.changed_list(list);
        *list.borrow_mut() = Items::Lanes(scalar, id, ty.lanes);
        Ok(())
    }

    /// Refuses a change of a list's length where it would depend on a condition of the run.
    pub(super) fn check_shape_change(&self, span: Span) -> Staged<()> {
        if let Some(condition) = self.oblivious.last() {
            let stop = self.stop("leak", span, "the list's length would tell the secret condition");
            return Err(Box::new(
                stop.at(*condition, "this condition is secret")
                    .help("change the list outside of the branch, or assign an item that exists"),
            ));
        }
        Ok(())
    }

    /// Grows or shrinks a list.
    pub(super) fn resize(&mut self, list: &List, span: Span, change: impl FnOnce(&mut Vec<Value>)) -> Staged<()> {
        self.check_shape_change(span)?;
        self.changed_list(list);
        self.spread(list, span)?;
        if let Items::Each(items) = &mut *list.borrow_mut() {
            change(items);
        }
        Ok(())
    }

    /// Remembers a list as it was before the branches at hand.
    pub(super) fn changed_list(&mut self, list: &List) {
        for log in &mut self.logs {
            if !log.lists.iter().any(|(known, _)| Rc::ptr_eq(known, list)) {
                log.lists.push((Rc::clone(list), list.borrow().clone()));
            }
        }
    }

    /// Returns the number of items that a type's length says.
    pub(super) fn length_of(&self, length: u64, span: Span) -> Staged<u32> {
        let fits = u32::try_from(length).ok().filter(|length| index(*length) <= ITEMS_MAX && *length > 0);
        fits.ok_or_else(|| self.stop("limit", span, format!("a list has between 1 and {ITEMS_MAX} items")))
    }
}
