//! Types with their secrecy, and what the operators make of them.

use crate::ast::Binary;
use crate::scalar::{INT64, Scalar};
use std::fmt;
use std::rc::Rc;

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    /// One value, secret or public.
    Scalar(Scalar, bool),
    /// A whole number that has no width yet.
    Number,
    /// A list, and its length if the type says it.
    List(Rc<Type>, Option<u64>),
    Dict(Rc<Type>, Rc<Type>),
    /// An object by its name.
    Object(String),
    /// A secret whose width is found out when it is used.
    Share,
    Text,
    None,
    /// Something that an error was told of: it fits everywhere.
    Wrong,
}

pub(crate) const BOOL: Type = Type::Scalar(Scalar::Bool, false);
pub(crate) const INT: Type = Type::Scalar(INT64, false);

impl Type {
    /// Tells whether a value of this type is or holds a secret.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Scalar(_, secret) => *secret,
            Self::List(item, _) => item.is_secret(),
            Self::Dict(_, value) => value.is_secret(),
            Self::Share => true,
            _ => false,
        }
    }

    /// Returns the type with `secret` before it.
    pub fn secret(self) -> Self {
        match self {
            Self::Scalar(scalar, _) => Self::Scalar(scalar, true),
            Self::Number => Self::Scalar(INT64, true),
            Self::List(item, length) => Self::List(Rc::new((*item).clone().secret()), length),
            other => other,
        }
    }

    /// Returns the type that `reveal` gives.
    pub fn public(self) -> Self {
        match self {
            Self::Scalar(scalar, _) => Self::Scalar(scalar, false),
            Self::Share => INT,
            Self::List(item, length) => Self::List(Rc::new((*item).clone().public()), length),
            other => other,
        }
    }

    /// Returns the type that a variable without a written type gets.
    pub fn settled(self) -> Self {
        match self {
            Self::Number => INT,
            Self::List(item, length) => Self::List(Rc::new((*item).clone().settled()), length),
            other => other,
        }
    }

    pub fn secret_if(self, secret: bool) -> Self {
        if secret { self.secret() } else { self }
    }

    pub fn is_wrong(&self) -> bool {
        match self {
            Self::Wrong => true,
            Self::List(item, _) => item.is_wrong(),
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar, true) => write!(f, "secret {scalar}"),
            Self::Scalar(scalar, false) => write!(f, "{scalar}"),
            Self::Number => f.write_str("int64"),
            Self::List(item, None) => write!(f, "list[{item}]"),
            Self::List(item, Some(length)) => write!(f, "list[{item}, {length}]"),
            Self::Dict(key, value) => write!(f, "dict[{key}, {value}]"),
            Self::Object(name) => f.write_str(name),
            Self::Share => f.write_str("Share"),
            Self::Text => f.write_str("string"),
            Self::None => f.write_str("None"),
            Self::Wrong => f.write_str("?"),
        }
    }
}

/// Why a value does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is secret where a public one is wanted.
    Leak,
    /// It is of another kind.
    Kind,
}

/// Checks that a value of type `from` can stand where `to` is wanted.
pub(crate) fn check_fits(from: &Type, to: &Type) -> Result<(), Misfit> {
    match (from, to) {
        (Type::Wrong, _) | (_, Type::Wrong) | (Type::Share, Type::Share) => Ok(()),
        (Type::Scalar(a, secret), Type::Scalar(b, wanted)) if a == b => {
            if *secret && !*wanted {
                Err(Misfit::Leak)
            } else {
                Ok(())
            }
        }
        (Type::Scalar(_, _) | Type::Number, Type::Share) | (Type::Share, Type::Scalar(_, true)) => Ok(()),
        (Type::Share, Type::Scalar(_, false)) => Err(Misfit::Leak),
        (Type::Number, Type::Scalar(scalar, _)) if *scalar != Scalar::Bool => Ok(()),
        (Type::List(a, n), Type::List(b, m)) => {
            if n.is_some() && m.is_some() && n != m {
                return Err(Misfit::Kind);
            }
            check_fits(a, b)
        }
        (Type::Dict(k, v), Type::Dict(l, w)) => check_fits(k, l).and_then(|()| check_fits(v, w)),
        _ if from == to => Ok(()),
        _ => Err(Misfit::Kind),
    }
}

/// Returns the type that both fit into.
pub(crate) fn join(left: &Type, right: &Type) -> Option<Type> {
    if let (Type::Scalar(a, x), Type::Scalar(b, y)) = (left, right) {
        return (a == b).then_some(Type::Scalar(*a, *x || *y));
    }
    if let (Type::List(a, n), Type::List(b, m)) = (left, right) {
        let length = if n == m { *n } else { None };
        return Some(Type::List(Rc::new(join(a, b)?), length));
    }
    if check_fits(left, right).is_ok() && *right != Type::Wrong {
        return Some(right.clone());
    }
    check_fits(right, left).is_ok().then(|| left.clone())
}

/// What is wrong with the operands, and what to write.
pub(crate) struct Refusal {
    pub message: String,
    pub help: String,
}

fn refuse<T>(operator: Binary, left: &Type, right: &Type, help: String) -> Result<T, Refusal> {
    let message = format!("`{}` does not take {left} and {right}", operator.sign());
    Err(Refusal { message, help })
}

/// Returns the type of `left operator right`.
pub(crate) fn binary(operator: Binary, left: &Type, right: &Type) -> Result<Type, Refusal> {
    let secret = left.is_secret() || right.is_secret();
    if left.is_wrong() || right.is_wrong() {
        return Ok(if operator.is_comparison() { BOOL.secret_if(secret) } else { Type::Wrong });
    }
    if matches!((left, right), (Type::Text, Type::Text)) {
        return match operator {
            Binary::Add => Ok(Type::Text),
            Binary::Equal | Binary::NotEqual => Ok(BOOL),
            _ => refuse(operator, left, right, "texts can be joined with `+` and compared with `==`".into()),
        };
    }
    let Some((a, b)) = scalars(left, right) else {
        if matches!(operator, Binary::Equal | Binary::NotEqual) && left == right && *left == Type::None {
            return Ok(BOOL);
        }
        return refuse(operator, left, right, "operators take single values: go through a list with `for`".into());
    };
    if operator.is_comparison() {
        return comparison(operator, (left, right), (a, b)).map(|()| BOOL.secret_if(secret));
    }
    if *left == Type::Number && *right == Type::Number {
        return Ok(Type::Number);
    }
    if *left == Type::Share || *right == Type::Share {
        return Ok(Type::Share);
    }
    arithmetic(operator, (left, right), (a, b)).map(|scalar| Type::Scalar(scalar, secret))
}

/// Returns the scalars of both; a number without a width and a share take the other's.
fn scalars(left: &Type, right: &Type) -> Option<(Scalar, Scalar)> {
    let scalar = |of: &Type, other: &Type| match (of, other) {
        (Type::Scalar(scalar, _), _) => Some(*scalar),
        (Type::Share, Type::Scalar(scalar, _)) => Some(*scalar),
        // A number next to a truth value stays a number: then it does not fit.
        (Type::Number, Type::Scalar(scalar, _)) if *scalar != Scalar::Bool => Some(*scalar),
        (Type::Number | Type::Share, _) => Some(INT64),
        _ => None,
    };
    Some((scalar(left, right)?, scalar(right, left)?))
}

fn comparison(operator: Binary, types: (&Type, &Type), scalars: (Scalar, Scalar)) -> Result<(), Refusal> {
    let ordered = !matches!(operator, Binary::Equal | Binary::NotEqual);
    match scalars {
        (Scalar::Bool | Scalar::Field, Scalar::Bool | Scalar::Field) if ordered => {
            refuse(operator, types.0, types.1, "these have no order: compare them with `==`".into())
        }
        (a, b) if a == b => Ok(()),
        (Scalar::Int { signed: a, .. }, Scalar::Int { signed: b, .. }) if a == b => Ok(()),
        _ => refuse(operator, types.0, types.1, convert_help(types, scalars)),
    }
}

fn convert_help(types: (&Type, &Type), scalars: (Scalar, Scalar)) -> String {
    match scalars {
        (Scalar::Bool, other) | (other, Scalar::Bool) if other != Scalar::Bool => {
            format!("convert the truth value first: `{other}(...)`")
        }
        (a, b) if a.bits() >= b.bits() => format!("convert one of them: `{a}(...)` makes a {a} of the {}", types.1),
        (_, b) => format!("convert one of them: `{b}(...)` makes a {b} of the {}", types.0),
    }
}

fn arithmetic(operator: Binary, types: (&Type, &Type), scalars: (Scalar, Scalar)) -> Result<Scalar, Refusal> {
    match (operator, scalars) {
        (Binary::ShiftLeft | Binary::ShiftRight, (a @ Scalar::Int { .. }, Scalar::Int { .. })) => Ok(a),
        (Binary::ShiftLeft | Binary::ShiftRight, _) => {
            refuse(operator, types.0, types.1, "shifts take whole numbers".into())
        }
        // A fixed-point number keeps its scale when a whole number multiplies or divides it.
        (Binary::Multiply, (Scalar::Fix, Scalar::Int { .. }) | (Scalar::Int { .. }, Scalar::Fix)) => Ok(Scalar::Fix),
        (Binary::Divide, (Scalar::Fix, Scalar::Int { .. })) => Ok(Scalar::Fix),
        (_, (a, b)) if a != b => refuse(operator, types.0, types.1, convert_help(types, scalars)),
        (Binary::And | Binary::Or | Binary::Xor, (a @ (Scalar::Bool | Scalar::Int { .. }), _)) => Ok(a),
        (Binary::And | Binary::Or | Binary::Xor, _) => {
            refuse(operator, types.0, types.1, "it takes truth values, or the bits of whole numbers".into())
        }
        (_, (Scalar::Bool, _)) => {
            refuse(operator, types.0, types.1, "use `and`, `or`, `xor`, or count with `int64(...)`".into())
        }
        (Binary::Remainder | Binary::Modulo, (Scalar::Fix | Scalar::Field, _))
        | (Binary::Divide, (Scalar::Field, _)) => refuse(
            operator,
            types.0,
            types.1,
            "only whole numbers have a remainder; public elements have `Field.inverse(a)`".into(),
        ),
        (_, (a, _)) => Ok(a),
    }
}
