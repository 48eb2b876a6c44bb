//! What the functions of the language take and give.

use super::{Checker, Typed, step};
use crate::ast::{Argument, ExprKind, Name};
use crate::diagnostic::Diagnostic;
use crate::scalar::{INT64, Scalar};
use crate::source::Span;
use crate::types::{BOOL, INT, Type, join};
use std::rc::Rc;

type Values = [(Typed, Span)];

/// Returns how a function is called.
pub(super) fn usage(name: &str) -> String {
    let usage = match name {
        "print" => "`print(a, b)` shows public values",
        "reveal" => "`reveal(value)`, or `value.reveal()`",
        "send" => "`send(client, name=value)`",
        "len" => "`len(values)`, or `values.len()`",
        "sum" | "sort" | "argmax" | "argmin" | "shuffle" => "it takes one list of numbers",
        "dot" => "`dot(a, b)` takes two lists of one type",
        "matmul" => "`matmul(a, b)` takes two lists of rows",
        "lookup" => "`lookup(values, index)`",
        "store" => "`values = store(values, index, value)`",
        "append" | "push" => "`values.append(item)`",
        "select" => "`select(condition, yes, no)` chooses one of two values",
        "rotate" => "`rotate(x, 7)` turns the bits of a whole number",
        "random" => "`random()` gives a secret int64",
        "zeros" => "`zeros(10)` gives a list of ten zeros",
        _ => "it converts one number or truth value",
    };
    usage.to_string()
}

impl Checker<'_> {
    pub(super) fn builtin_arguments(&mut self, name: &str, arguments: &[Argument]) -> Vec<(Typed, Span)> {
        let Some((first, rest)) = arguments.split_first().filter(|_| name == "send") else {
            return self.arguments(arguments);
        };
        // The first argument of `send` may name a declared client.
        let client = matches!(&first.value.kind, ExprKind::Name(name) if self.program.objects.get(name).is_some_and(|object| object.client));
        let mut values = if client {
            vec![(Typed::public(Type::Text), first.value.span)]
        } else {
            self.arguments(std::slice::from_ref(first))
        };
        values.extend(self.arguments(rest));
        values
    }

    /// Returns the type of a function of the language; nothing if it does not take these arguments.
    pub(super) fn builtin(&mut self, name: &str, values: &Values, span: Span) -> Option<Typed> {
        if let Some(scalar) = Scalar::named(name) {
            let [(value, _)] = values else { return None };
            let fits = matches!(value.ty, Type::Scalar(..) | Type::Number | Type::Share | Type::Wrong);
            let ty = Type::Scalar(scalar, value.ty.is_secret());
            return fits.then(|| Typed { ty, flow: value.flow.clone() });
        }
        match (name, values) {
            ("print", _) => {
                for (value, place) in values {
                    if value.ty.is_secret() {
                        let help = "reveal what may be known, and print that";
                        self.leak(*place, "a print would show a secret", &value.flow, help);
                    }
                }
                self.effect("is printed", span);
                Some(Typed::public(Type::None))
            }
            ("send", [_, rest @ ..]) if !rest.is_empty() => {
                self.effect("is sent", span);
                Some(Typed::public(Type::None))
            }
            ("reveal", [(value, _)]) => {
                if matches!(value.ty, Type::Text | Type::None | Type::Object(_)) {
                    return None;
                }
                self.effect("is revealed", span);
                Some(Typed::public(value.ty.clone().public()))
            }
            ("select", [(condition, _), (yes, _), (no, _)]) => {
                let secret = condition.ty.is_secret();
                let single = |ty: &Type| matches!(ty, Type::Scalar(..) | Type::Number | Type::Share | Type::Wrong);
                let ty = join(&yes.ty, &no.ty).filter(single)?.secret_if(secret);
                let is_bool = matches!(condition.ty, Type::Scalar(Scalar::Bool, _) | Type::Wrong | Type::Share);
                let from = [condition, yes, no].into_iter().find_map(|value| value.flow.clone());
                let flow = if ty.is_secret() { step(span, "`select` gives a secret".into(), from) } else { None };
                is_bool.then_some(Typed { ty, flow })
            }
            ("rotate", [(value, _), (by, _)]) => {
                let is_whole = matches!(value.ty, Type::Scalar(scalar, _) if scalar.is_int()) || value.ty.is_wrong();
                let is_number = matches!(by.ty, Type::Scalar(scalar, false) if scalar.is_int());
                let flow = if value.ty.is_secret() {
                    step(span, "`rotate` gives a secret".into(), value.flow.clone())
                } else {
                    None
                };
                let fits = is_whole && (is_number || matches!(by.ty, Type::Number | Type::Wrong));
                fits.then_some(Typed { ty: value.ty.clone(), flow })
            }
            ("len", [(Typed { ty: Type::List(..) | Type::Text | Type::Wrong, .. }, _)]) => Some(Typed::public(INT)),
            ("zeros", [_]) => Some(Typed::public(Type::List(Rc::new(INT), None))),
            ("random", []) => {
                let flow = step(span, "a random number is secret".into(), None);
                Some(Typed { ty: Type::Scalar(INT64, true), flow })
            }
            (_, [(Typed { ty: Type::List(item, length), flow }, _), rest @ ..]) => {
                let item = (**item).clone();
                let flow = flow.clone();
                self.of_list(name, &item, *length, Typed { ty: Type::None, flow }, rest, span)
            }
            (_, [(Typed { ty: Type::Wrong, .. }, _), ..]) if crate::stage::NAMES.contains(&name) => {
                Some(Typed::wrong())
            }
            _ => None,
        }
    }

    fn of_list(
        &mut self,
        name: &str,
        item: &Type,
        length: Option<u64>,
        whole: Typed,
        rest: &Values,
        span: Span,
    ) -> Option<Typed> {
        let list = |item: Type| Type::List(Rc::new(item), length);
        let flow = whole.flow.or_else(|| rest.iter().find_map(|(value, _)| value.flow.clone()));
        let number = matches!(item, Type::Scalar(..) | Type::Wrong | Type::Share | Type::Number);
        let ty = match (name, rest) {
            ("append" | "push", [(value, place)]) | ("insert", [_, (value, place)]) => {
                let (value, place) = (value.clone(), *place);
                self.fits(&value, item, place, "the list's item");
                self.effect("changes a list's length", span);
                Type::None
            }
            ("extend", [(value, place)]) => {
                let (value, place) = (value.clone(), *place);
                self.fits(&value, &Type::List(Rc::new(item.clone()), None), place, "what is appended");
                self.effect("changes a list's length", span);
                Type::None
            }
            ("reverse", []) => {
                self.effect("changes a list", span);
                Type::None
            }
            ("pop", []) => {
                self.effect("changes a list's length", span);
                item.clone()
            }
            ("copy", []) => list(item.clone()),
            ("sort", []) if number => list(item.clone()),
            ("shuffle", []) if number => {
                let flow = step(span, "the order is secret".into(), flow);
                return Some(Typed { ty: list(item.clone().secret()), flow });
            }
            ("sum", []) if number => match item {
                Type::Scalar(Scalar::Bool, secret) => Type::Scalar(INT64, *secret),
                other => other.clone(),
            },
            ("argmax" | "argmin", []) if number => INT.secret_if(item.is_secret()),
            ("dot", [(Typed { ty: Type::List(other, _), .. }, _)]) if number => join(item, other)?,
            ("matmul", [(Typed { ty: Type::List(other, _), .. }, _)]) => {
                let joined = join(item, other)?;
                Type::List(Rc::new(joined), None)
            }
            ("lookup", [(at, _)]) if number => item.clone().secret_if(at.ty.is_secret()),
            ("store", [(at, _), (value, place)]) if number => {
                let secret = at.ty.is_secret() || value.ty.is_secret() || item.is_secret();
                let (value, place) = (value.clone(), *place);
                self.fits(&value, &item.clone().secret_if(secret), place, "the list's item");
                list(item.clone().secret_if(secret))
            }
            _ => return None,
        };
        let flow = if ty.is_secret() { step(span, format!("`{name}` gives a secret"), flow) } else { None };
        Some(Typed { ty, flow })
    }

    /// Returns the type of `Owner.method(...)`; nothing if there is no such owner.
    pub(super) fn namespace(
        &mut self,
        owner: &str,
        method: &Name,
        arguments: &[Argument],
        span: Span,
        want: Option<&Type>,
    ) -> Option<Typed> {
        if let Some((_, why)) = crate::stage::REFUSED.iter().find(|(name, _)| *name == owner) {
            let message = format!("there is no `{owner}.{}`", method.text);
            self.tell(Diagnostic::new("unsupported", span, message).help(*why));
            self.arguments(arguments);
            return Some(Typed::wrong());
        }
        if !matches!(owner, "Share" | "ClientStore" | "MpcOutput" | "Mpc" | "Field") {
            return None;
        }
        let values = self.arguments(arguments);
        let found = match (owner, method.text.as_str()) {
            ("Share", "batch_open_fixed") if matches!(want, Some(Type::List(..))) => {
                self.effect("is revealed", span);
                want.map(|ty| Typed::public(ty.clone().public()))
            }
            ("Share", name) => self.share_call(name, &values, span),
            ("ClientStore", "take_share" | "take_share_bool" | "take_share_fixed") => {
                let flow = step(span, "a client puts in a secret".into(), None);
                let ty = match want {
                    Some(ty @ Type::Scalar(_, true)) => ty.clone(),
                    _ => Type::Share,
                };
                Some(Typed { ty, flow })
            }
            ("ClientStore", "get_number_clients" | "get_number_input_clients" | "get_number_output_clients") => {
                Some(Typed::public(INT))
            }
            ("MpcOutput", "send_to_client") if values.len() == 2 => {
                self.effect("is sent", span);
                Some(Typed::public(BOOL))
            }
            ("Field", name) => {
                if let Some((value, place)) = values.iter().find(|(value, _)| value.ty.is_secret()) {
                    let help = "open it where all may see it: `Share.open_field(a)`";
                    self.leak(*place, "`Field` computes with public elements, and this is secret", &value.flow, help);
                    return Some(Typed::wrong());
                }
                field_call(name, &values)
            }
            ("Mpc", "has_capability") => Some(Typed::public(BOOL)),
            _ => None,
        };
        if found.is_none() {
            let message = format!("there is no `{owner}.{}` with {} arguments", method.text, values.len());
            let help = "shares take the operators of their type here: `a + b`, `a < b`, `if a < b:`, `a.reveal()`";
            self.tell(Diagnostic::new("unsupported", method.span, message).help(help));
        }
        Some(found.unwrap_or_else(Typed::wrong))
    }

    /// Returns the type of a function of `Share`; nothing if there is none.
    pub(super) fn share_call(&mut self, name: &str, values: &Values, span: Span) -> Option<Typed> {
        let flow = values.iter().find_map(|(value, _)| value.flow.clone());
        let share = || {
            let flow = step(span, "a share is secret".into(), flow.clone());
            Some(Typed { ty: Type::Share, flow })
        };
        match (name, values) {
            ("add" | "sub" | "mul" | "add_scalar" | "sub_scalar" | "mul_scalar", [_, _]) => share(),
            ("add_field" | "sub_field" | "mul_field" | "retag" | "from_clear_int" | "from_clear_uint", [_, _]) => {
                share()
            }
            ("neg" | "from_clear", [_]) | ("from_clear_fixed", [_, _, _]) | ("random" | "random_field", []) => share(),
            ("random_int", [(value, _)]) if !value.ty.is_secret() => share(),
            ("open_field", [_]) => {
                self.effect("is revealed", span);
                Some(Typed::public(Type::Scalar(Scalar::Field, false)))
            }
            ("open" | "reveal", [(value, _)]) => {
                if matches!(value.ty, Type::Text | Type::None | Type::Object(_)) {
                    return None;
                }
                self.effect("is revealed", span);
                Some(Typed::public(value.ty.clone().public()))
            }
            ("open_fixed", [_]) => {
                self.effect("is revealed", span);
                Some(Typed::public(Type::Scalar(Scalar::Fix, false)))
            }
            ("batch_mul", [_, _]) => {
                let found = share()?;
                Some(Typed { ty: Type::List(Rc::new(found.ty), None), flow: found.flow })
            }
            ("batch_open", [_]) => {
                self.effect("is revealed", span);
                Some(Typed::public(Type::List(Rc::new(INT), None)))
            }
            ("batch_open_fixed", [_]) => {
                self.effect("is revealed", span);
                Some(Typed::public(Type::List(Rc::new(Type::Scalar(Scalar::Fix, false)), None)))
            }
            ("send_to_client", [_, _]) => {
                self.effect("is sent", span);
                Some(Typed::public(BOOL))
            }
            _ => None,
        }
    }
}

/// Returns the type of a function of `Field`, which takes public elements of the field.
fn field_call(name: &str, values: &Values) -> Option<Typed> {
    let element = Type::Scalar(Scalar::Field, false);
    let is_element = |value: &(Typed, Span)| matches!(value.0.ty, Type::Scalar(Scalar::Field, false) | Type::Wrong);
    let is_number = |value: &(Typed, Span)| matches!(value.0.ty, Type::Scalar(_, false) | Type::Number | Type::Wrong);
    let ty = match (name, values) {
        ("zero" | "one", []) => element,
        ("from_int", [value]) if is_number(value) => element,
        ("is_zero", [value]) if is_element(value) => BOOL,
        ("neg" | "inverse" | "sqrt", [value]) if is_element(value) => element,
        ("add" | "sub" | "mul", [a, b]) if is_element(a) && is_element(b) => element,
        ("eq", [a, b]) if is_element(a) && is_element(b) => BOOL,
        _ => return None,
    };
    Some(Typed::public(ty))
}
