//! `Share`, `ClientStore`, `MpcOutput` and `Mpc`, as programs of Stoffel use them.
//!
//! A share has the type of what it was made from: an integer stays one, so that arithmetic is modulo its width.

use super::{Stage, Staged, Value};
use crate::ast::{Argument, Binary, Name, Unary};
use crate::scalar::{INT64, Scalar};
use crate::source::Span;
use crate::types::Type;

/// The namespaces of Stoffel that have no meaning here, and why.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("Rbc", "parties do not send each other messages from a program: the engine does"),
    ("Avss", "shares of keys on curves are not part of the language; `Share` holds numbers"),
    ("Crypto", "hashes of texts are made outside of the program: give it their bytes as an input"),
    ("Bytes", "texts have no bytes under MPC: give the program a list of uint8 as an input"),
    ("LocalStorage", "a program keeps nothing between runs: give it back as an output"),
];

impl Stage<'_> {
    /// Calls `Owner.method(...)`; nothing if there is no such owner.
    pub(super) fn namespace(
        &mut self,
        owner: &str,
        method: &Name,
        arguments: &[Argument],
        span: Span,
        hint: Option<&Type>,
    ) -> Staged<Option<Value>> {
        if let Some((_, why)) = REFUSED.iter().find(|(name, _)| *name == owner) {
            let stop = self.stop("unsupported", span, format!("there is no `{owner}.{}`", method.text));
            return Err(Box::new(stop.help(*why)));
        }
        if !matches!(owner, "Share" | "ClientStore" | "MpcOutput" | "Mpc" | "Field") {
            return Ok(None);
        }
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.eval(&argument.value, None)?);
        }
        let found = match owner {
            "Share" => self.share_call(&method.text, &values, span)?,
            "ClientStore" => self.client_store(&method.text, &values, span, hint)?,
            "Mpc" => match method.text.as_str() {
                "has_capability" => Some(Value::truth(true)),
                _ => None,
            },
            "Field" => self.field_call(&method.text, &values, span)?,
            "MpcOutput" if method.text == "send_to_client" => match values.as_slice() {
                [client, value] => Some(self.send_to_client(client, value, span)?),
                _ => None,
            },
            _ => None,
        };
        match found {
            Some(value) => Ok(Some(value)),
            None => {
                let message = format!("there is no `{owner}.{}` with {} arguments", method.text, values.len());
                let stop = self.stop("unsupported", method.span, message);
                let help = "shares take the operators of their type here: `a + b`, `a < b`, `if a < b:`, `a.reveal()`";
                Err(Box::new(stop.help(help)))
            }
        }
    }

    /// Calls a function of `Share`, also written `share.function(...)`. Nothing if there is none.
    pub(super) fn share_call(&mut self, name: &str, values: &[Value], span: Span) -> Staged<Option<Value>> {
        let operator = match name {
            "add" | "add_scalar" | "add_field" => Some(Binary::Add),
            "sub" | "sub_scalar" | "sub_field" => Some(Binary::Subtract),
            "mul" | "mul_scalar" | "mul_field" => Some(Binary::Multiply),
            _ => None,
        };
        Ok(match (name, values) {
            (_, [a, b]) if operator.is_some() => {
                let operator = operator.unwrap_or(Binary::Add);
                let (a, b) = (self.as_number(a, span)?, self.as_number(b, span)?);
                Some(self.binary(operator, &a, &b, span)?)
            }
            ("neg", [a]) => {
                let a = self.as_number(a, span)?;
                Some(self.unary(Unary::Negate, &a, span)?)
            }
            ("from_clear", [value]) => Some(self.made_secret(value, INT64, span)?),
            ("from_clear_int", [value, bits]) => {
                let scalar = if is(bits, 1) { Scalar::Bool } else { INT64 };
                Some(self.made_secret(value, scalar, span)?)
            }
            ("from_clear_uint", [value, _]) => {
                Some(self.made_secret(value, Scalar::Int { bits: 64, signed: false }, span)?)
            }
            ("from_clear_fixed", [value, _, _]) => Some(self.made_secret(value, Scalar::Fix, span)?),
            ("retag", [value, bits]) => {
                let value = self.settled(value.clone(), span)?;
                let scalar = self.scalar_of(&value, span)?;
                // A bit that becomes a number counts as 0 or 1, and an element of the field that is tagged as a bit or a
                // number is one; any other tag changes nothing.
                Some(match scalar {
                    Scalar::Bool if !is(bits, 1) => self.convert(&value, INT64, span)?,
                    Scalar::Field if is(bits, 1) => self.convert(&value, Scalar::Bool, span)?,
                    Scalar::Field => self.convert(&value, INT64, span)?,
                    _ => value,
                })
            }
            ("open" | "reveal" | "open_fixed", [value]) => Some(self.reveal(value, span)?),
            ("open_field", [value]) => {
                let value = self.convert(value, Scalar::Field, span)?;
                Some(self.reveal(&value, span)?)
            }
            ("random", []) => Some(self.random(INT64, span)),
            ("random_int", [Value::Number(bits) | Value::Known(_, bits)]) => Some(self.random_bits(*bits, span)?),
            ("random_field", []) => Some(self.random(Scalar::Field, span)),
            ("send_to_client", [value, client]) => Some(self.send_to_client(client, value, span)?),
            ("batch_mul", [Value::List(a), Value::List(b)]) => {
                let (a, b) = (self.items(&a.clone(), span)?, self.items(&b.clone(), span)?);
                let pairs = a.iter().zip(&b).map(|(a, b)| self.binary(Binary::Multiply, a, b, span));
                Some(Value::list(pairs.collect::<Staged<Vec<_>>>()?))
            }
            ("batch_open" | "batch_open_fixed", [list]) => Some(self.reveal(list, span)?),
            _ => None,
        })
    }

    /// Arithmetic on shares of bits counts them.
    fn as_number(&mut self, value: &Value, span: Span) -> Staged<Value> {
        match value {
            Value::Known(Scalar::Bool, _) | Value::Run(Scalar::Bool, _) => self.convert(value, INT64, span),
            other => Ok(other.clone()),
        }
    }

    /// A public value as a share. It stays known to the compiler: nobody learns from it what was not written there.
    fn made_secret(&mut self, value: &Value, scalar: Scalar, span: Span) -> Staged<Value> {
        self.convert(value, scalar, span)
    }

    fn random(&mut self, scalar: Scalar, span: Span) -> Value {
        let ty = vm::Type::secret(super::arith::width(scalar), 1);
        Value::Run(scalar, self.emit(vm::Operation::Rand, &[], ty, span))
    }

    /// A secret number of so many random bits.
    fn random_bits(&mut self, bits: i128, span: Span) -> Staged<Value> {
        let bits = u8::try_from(bits).ok().filter(|bits| (1..=64).contains(bits));
        let bits = bits.ok_or_else(|| self.stop("type", span, "a random number has between 1 and 64 bits"))?;
        let id = self.emit(vm::Operation::Rand, &[], vm::Type::secret(vm::Width::Int(bits), 1), span);
        let wide = self.graph.ty(id).with_width(vm::Width::Int(64));
        Ok(Value::Run(INT64, if bits == 64 { id } else { self.emit(vm::Operation::Zext, &[id], wide, span) }))
    }

    /// `Field.function(...)`: arithmetic on public elements of the field.
    fn field_call(&mut self, name: &str, values: &[Value], span: Span) -> Staged<Option<Value>> {
        let known = |value| Value::Known(Scalar::Field, value);
        let operator = match name {
            "add" => Some(Binary::Add),
            "sub" => Some(Binary::Subtract),
            "mul" => Some(Binary::Multiply),
            "eq" => Some(Binary::Equal),
            _ => None,
        };
        Ok(match (name, values) {
            ("zero", []) => Some(known(0)),
            ("one", []) => Some(known(1)),
            ("from_int", [value]) => Some(self.convert(value, Scalar::Field, span)?),
            ("is_zero", [value]) => Some(self.binary(Binary::Equal, value, &known(0), span)?),
            ("neg", [value]) => Some(self.unary(Unary::Negate, value, span)?),
            ("inverse", [value]) => Some(self.binary(Binary::Divide, &known(1), value, span)?),
            ("sqrt", [value]) => {
                let Some(function) = self.program.library.get("field_root").cloned() else { return Ok(None) };
                let passed = super::call::Passed { name: None, value: value.clone(), span };
                Some(self.call(&function, vec![passed], span)?)
            }
            (_, [a, b]) if operator.is_some() => Some(self.binary(operator.unwrap_or(Binary::Add), a, b, span)?),
            _ => None,
        })
    }

    fn client_store(&mut self, name: &str, values: &[Value], span: Span, hint: Option<&Type>) -> Staged<Option<Value>> {
        let scalar = match (name, hint) {
            ("take_share", Some(Type::Scalar(scalar, true))) => *scalar,
            ("take_share", _) => INT64,
            ("take_share_bool", _) => Scalar::Bool,
            ("take_share_fixed", _) => Scalar::Fix,
            ("get_number_clients" | "get_number_input_clients" | "get_number_output_clients", _) => {
                return Ok(Some(Value::Known(INT64, i128::from(self.options.clients))));
            }
            _ => return Ok(None),
        };
        let [Value::Number(client) | Value::Known(_, client), Value::Number(at) | Value::Known(_, at)] = values else {
            let stop = self.stop("unsupported", span, "which client gives which value is not known when compiling");
            return Err(Box::new(
                stop.help("count clients and values with numbers, or with a loop over a known range"),
            ));
        };
        let id = self.input(&client.to_string(), &at.to_string(), scalar, 1, span)?;
        Ok(Some(Value::Run(scalar, id)))
    }

    fn send_to_client(&mut self, client: &Value, value: &Value, span: Span) -> Staged<Value> {
        let client = match client {
            Value::Number(client) | Value::Known(_, client) => client.to_string(),
            other => match other.known_text() {
                Some(text) => text,
                None => {
                    return Err(self.stop("unsupported", span, "which client gets this is not known when compiling"));
                }
            },
        };
        self.send_value(&client, "output", value, span)?;
        Ok(Value::truth(true))
    }

    pub(super) fn send_value(&mut self, client: &str, name: &str, value: &Value, span: Span) -> Staged<()> {
        if let Some(secret) = self.oblivious.last() {
            let stop = self.stop("leak", span, "whether this is sent would tell the secret condition");
            let help = "choose the value in the branch, and send it behind";
            return Err(Box::new(stop.at(*secret, "this condition is secret").help(help)));
        }
        let value = self.settled(value.clone(), span)?;
        let (scalar, id) = match &value {
            Value::List(list) => self.lanes_of(&list.clone(), span)?,
            value => {
                let scalar = self.scalar_of(value, span)?;
                (scalar, self.run_of(value, scalar, span)?)
            }
        };
        let id = self.with_label(id, vm::Label::Secret, span);
        self.output(client, name, scalar, id, span)
    }

    /// The one way from secret to public.
    pub(super) fn reveal(&mut self, value: &Value, span: Span) -> Staged<Value> {
        if let Some(secret) = self.oblivious.last() {
            let stop = self.stop("leak", span, "whether this is revealed would tell the secret condition");
            let help = "choose the value in the branch, and reveal it behind";
            return Err(Box::new(stop.at(*secret, "this condition is secret").help(help)));
        }
        match value {
            Value::Run(scalar, id) if self.graph.ty(*id).is_secret() => {
                let id = self.reveal_lanes(*id, span);
                Ok(Value::Run(*scalar, id))
            }
            Value::List(list) => {
                let nested = matches!(&*list.borrow(), super::Items::Each(items) if items.iter().any(|item| matches!(item, Value::List(_))));
                if nested {
                    let items = self.items(&list.clone(), span)?;
                    let items = items.iter().map(|item| self.reveal(item, span)).collect::<Staged<Vec<_>>>()?;
                    return Ok(Value::list(items));
                }
                if list.borrow().len() == 0 {
                    return Ok(Value::list(Vec::new()));
                }
                let (scalar, id) = self.lanes_of(&list.clone(), span)?;
                let lanes = self.graph.ty(id).lanes;
                let id = if self.graph.ty(id).is_secret() { self.reveal_lanes(id, span) } else { id };
                Ok(Value::lanes(scalar, id, lanes))
            }
            Value::Number(_) | Value::Known(..) | Value::Run(..) => Ok(value.clone()),
            other => Err(self.stop("type", span, format!("{} cannot be revealed", other.kind()))),
        }
    }

    fn reveal_lanes(&mut self, id: crate::ir::Id, span: Span) -> crate::ir::Id {
        let (line, _) = self.sources.place(span);
        let file = self.sources.file(span.file).map_or("", |file| file.name.as_str());
        let file = file.rsplit('/').next().unwrap_or("").trim_end_matches(".stfl");
        let plain: String = file.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        let name = format!("{plain}.{line}");
        let known = self.graph.releases.iter().position(|release| *release == name);
        let release = known.unwrap_or_else(|| {
            self.graph.releases.push(name);
            self.graph.releases.len() - 1
        });
        let ty = self.graph.ty(id).with_label(vm::Label::Public);
        let release = crate::source::count(release);
        self.emit(vm::Operation::Reveal { release }, &[id], ty, span)
    }
}

fn is(value: &Value, wanted: i128) -> bool {
    matches!(value, Value::Number(found) | Value::Known(_, found) if *found == wanted)
}
