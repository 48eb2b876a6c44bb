//! Leaving a loop early where only the run knows whether: a number says which way it went, and what comes later asks it.

use super::branch::Arm;
use super::stmt::{Flow, Rest};
use super::{Fields, Items, Log, Stage, Staged, Value};
use crate::ast::{Binary, Block};
use crate::scalar::INT64;
use crate::source::Span;
use crate::stage::looping::{Body, Test};
use std::cell::RefCell;
use std::rc::Rc;

/// The loop goes on.
const ON: i128 = 0;
/// The loop is left.
const BREAK: i128 = 1;
/// The function is left.
const RETURN: i128 = 2;

/// How a statement ended, as the run alone knows it.
#[derive(Debug, Clone)]
pub(super) struct Left {
    /// One of the numbers above.
    pub way: Value,
    /// What is returned, where that is the way.
    pub result: Option<Value>,
    /// Whether the loop alone may be left.
    pub breaks: bool,
    /// Whether the function may be left.
    pub returns: bool,
}

impl Left {
    /// Returns the way of a statement that ended, at the end of a loop's body or before it.
    pub(super) fn of(flow: &Flow) -> Option<Self> {
        let known = |way| Value::Known(INT64, way);
        match flow {
            Flow::Normal => None,
            Flow::Continue => Some(Self { way: known(ON), result: None, breaks: false, returns: false }),
            Flow::Break => Some(Self { way: known(BREAK), result: None, breaks: true, returns: false }),
            Flow::Return(value) => {
                Some(Self { way: known(RETURN), result: Some(value.clone()), breaks: false, returns: true })
            }
            Flow::Left(left) => Some((**left).clone()),
        }
    }
}

/// Returns something of the same shape, for where nobody looks.
pub(super) fn blank(value: &Value) -> Value {
    match value {
        Value::Number(_) => Value::Known(INT64, 0),
        Value::Known(scalar, _) | Value::Run(scalar, _) => Value::Known(*scalar, 0),
        Value::List(list) => Value::list(match &*list.borrow() {
            Items::Each(items) => items.iter().map(blank).collect(),
            Items::Lanes(scalar, _, length) => {
                vec![Value::Known(*scalar, 0); crate::source::index(*length)]
            }
        }),
        Value::Object(fields) => {
            let Fields { object, fields } = &*fields.borrow();
            let fields = fields.iter().map(|(name, value)| (name.clone(), blank(value))).collect();
            Value::Object(Rc::new(RefCell::new(Fields { object: object.clone(), fields })))
        }
        other => other.clone(),
    }
}

impl Stage<'_> {
    /// Goes on behind a loop that may have left the function.
    pub(super) fn after_loop(&mut self, flow: Flow, rest: &Rest<'_>, span: Span) -> Staged<Flow> {
        let Flow::Left(left) = flow else { return Ok(flow) };
        let result = left.result.clone().unwrap_or(Value::None);
        self.on_way(&left.way, RETURN, span, &mut |_| Ok(Flow::Return(result.clone())), &mut |stage| {
            stage.go_on(Flow::Normal, rest)
        })
    }

    /// Chooses by the way that was taken.
    fn on_way(&mut self, way: &Value, wanted: i128, span: Span, yes: Arm<'_>, no: Arm<'_>) -> Staged<Flow> {
        match self.binary(Binary::Equal, way, &Value::Known(INT64, wanted), span)? {
            Value::Run(_, id) => self.branch(id, span, yes, no),
            Value::Known(_, 0) => no(self),
            _ => yes(self),
        }
    }

    /// Runs something; if it leaves as the run alone knows, nothing of it is kept, and it is told how.
    pub(super) fn trial(&mut self, work: &mut dyn FnMut(&mut Self) -> Staged<Flow>) -> Staged<Flow> {
        let before = self.mark();
        self.open_region();
        self.logs.push(Log { locals_below: self.locals.len(), ..Log::default() });
        let flow = work(self)?;
        let (open, log) = (self.open.pop(), self.logs.pop().unwrap_or_default());
        if matches!(flow, Flow::Left(_)) {
            self.back_to(before);
            self.undo(log);
        } else if let Some(open) = open {
            self.append(open);
        }
        Ok(flow)
    }

    /// Takes the rounds of a loop one by one, as their number is known.
    pub(super) fn rounds(
        &mut self,
        name: &str,
        items: &mut dyn Iterator<Item = Value>,
        body: &Block,
        span: Span,
    ) -> Staged<Flow> {
        let mut left: Option<Box<Left>> = None;
        for item in items {
            let flow = match &left {
                None => self.round(name, item, body)?,
                Some(before) => {
                    let (way, before) = (before.way.clone(), before.clone());
                    let mut round = |stage: &mut Stage<'_>| {
                        let flow = stage.round(name, item.clone(), body)?;
                        Ok(if matches!(flow, Flow::Normal) { Flow::Continue } else { flow })
                    };
                    self.on_way(&way, ON, span, &mut round, &mut |_| Ok(Flow::Left(before.clone())))?
                }
            };
            match (flow, &left) {
                (Flow::Normal | Flow::Continue, _) => {}
                (Flow::Left(now), _) => left = Some(now),
                (Flow::Break, _) => return Ok(Flow::Normal),
                (returned, _) => return Ok(returned),
            }
        }
        Ok(left.filter(|left| left.returns).map_or(Flow::Normal, Flow::Left))
    }

    /// Leaves a loop to the run whose body may leave early. A loop without a test ends in no other way.
    pub(super) fn running_until(&mut self, span: Span, mut test: Option<Test<'_>>, body: Body<'_>) -> Staged<Flow> {
        let endless = test.is_none();
        // What is returned has no shape before it was seen once.
        let (flow, log) = self.dry(&mut |stage| body(stage, None))?;
        self.undo(log);
        let result = Left::of(&flow).and_then(|left| left.result);
        let at = self.locals.len();
        self.declare("(way)", Value::Known(INT64, ON), None);
        self.declare("(result)", result.as_ref().map_or(Value::None, blank), None);
        let (mut breaks, mut returns) = (false, false);
        let flow = self.running(
            span,
            Some(&mut |stage: &mut Stage<'_>| {
                let way = stage.locals[at].value.clone();
                let on = stage.binary(Binary::Equal, &way, &Value::Known(INT64, ON), span)?;
                let Some(test) = &mut test else { return Ok(on) };
                let more = test(stage)?;
                stage.binary(Binary::And, &on, &more, span)
            }),
            &mut |stage, index| {
                let flow = body(stage, index)?;
                let Some(left) = Left::of(&flow) else { return Ok(Flow::Normal) };
                breaks |= left.breaks;
                returns |= left.returns;
                stage.set_local(at, left.way);
                if let Some(result) = left.result {
                    stage.set_local(at + 1, result);
                }
                Ok(Flow::Normal)
            },
            None,
        )?;
        let (way, result) = (self.locals[at].value.clone(), self.locals[at + 1].value.clone());
        self.locals.truncate(at);
        match flow {
            Flow::Normal if !returns => Ok(Flow::Normal),
            Flow::Normal if endless && !breaks => Ok(Flow::Return(result)),
            Flow::Normal => Ok(Flow::Left(Box::new(Left { way, result: Some(result), breaks, returns }))),
            other => Ok(other),
        }
    }
}
