//! Values while compiling: known ones, and places of values that only a run knows.

use crate::ir::Id;
use crate::scalar::Scalar;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// A whole number without a width.
    Number(i128),
    Known(Scalar, i128),
    /// What a run computes.
    Run(Scalar, Id),
    List(Rc<RefCell<Items>>),
    Object(Rc<RefCell<Fields>>),
    Dict(Rc<RefCell<Vec<(Value, Value)>>>),
    /// A text in pieces; only public values stand in it.
    Text(Rc<Vec<Piece>>),
    None,
}

#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    Value(Scalar, Id),
}

/// The items of a list.
#[derive(Debug, Clone)]
pub(crate) enum Items {
    Each(Vec<Value>),
    /// All items in the lanes of one value.
    Lanes(Scalar, Id, u32),
}

#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub object: String,
    pub fields: Vec<(String, Value)>,
}

impl Value {
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Rc::new(RefCell::new(Items::Each(items))))
    }

    pub fn lanes(scalar: Scalar, id: Id, length: u32) -> Self {
        Self::List(Rc::new(RefCell::new(Items::Lanes(scalar, id, length))))
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Rc::new(vec![Piece::Text(text.into())]))
    }

    pub fn truth(truth: bool) -> Self {
        Self::Known(Scalar::Bool, i128::from(truth))
    }

    /// Returns the text if all of it is known.
    pub fn known_text(&self) -> Option<String> {
        let Self::Text(pieces) = self else { return None };
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Value(..) => None,
        };
        pieces.iter().map(piece).collect()
    }

    pub fn kind(&self) -> String {
        match self {
            Self::Number(_) => "a number".into(),
            Self::Known(scalar, _) | Self::Run(scalar, _) => format!("a {scalar}"),
            Self::List(_) => "a list".into(),
            Self::Object(fields) => format!("an object {}", fields.borrow().object),
            Self::Dict(_) => "a map".into(),
            Self::Text(_) => "a text".into(),
            Self::None => "None".into(),
        }
    }
}

impl Items {
    pub fn len(&self) -> usize {
        match self {
            Self::Each(items) => items.len(),
            Self::Lanes(_, _, length) => crate::source::index(*length),
        }
    }
}
