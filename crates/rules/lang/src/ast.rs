//! The shape of a program as it was written.

use crate::scalar::Scalar;
use crate::source::Span;

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub text: String,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum ExprKind {
    Int(i128, Option<Scalar>),
    Decimal {
        digits: u128,
        behind: i32,
        negative: bool,
    },
    Text(Vec<Piece>),
    Bool(bool),
    None,
    Name(String),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Comprehension {
        value: Box<Expr>,
        name: Name,
        over: Box<Expr>,
        filter: Option<Box<Expr>>,
    },
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    Range(Box<Expr>, Box<Expr>),
    Call {
        callee: Box<Expr>,
        arguments: Vec<Argument>,
    },
    Index(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Option<Box<Expr>>, Option<Box<Expr>>),
    Field(Box<Expr>, Name),
    /// What could not be read; an error was told.
    Wrong,
}

#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    Hole(Expr),
}

#[derive(Debug, Clone)]
pub(crate) struct Argument {
    pub name: Option<Name>,
    pub value: Expr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unary {
    Negate,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Modulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
}

impl Binary {
    /// Returns the operator as it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Modulo => "mod",
            Self::And => "and",
            Self::Or => "or",
            Self::Xor => "xor",
            Self::ShiftLeft => "shl",
            Self::ShiftRight => "shr",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
        }
    }

    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::NotEqual | Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual | Self::In
        )
    }
}

/// A type as it was written.
#[derive(Debug, Clone)]
pub(crate) struct TypeExpr {
    pub kind: TypeKind,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum TypeKind {
    Name(String),
    Secret(Box<TypeExpr>),
    /// A list, and its length if it is part of the type.
    List(Box<TypeExpr>, Option<Box<Expr>>),
    Dict(Box<TypeExpr>, Box<TypeExpr>),
    Wrong,
}

#[derive(Debug, Clone)]
pub(crate) struct Stmt {
    pub kind: StmtKind,
    pub span: Span,
}

pub(crate) type Block = Vec<Stmt>;

#[derive(Debug, Clone)]
pub(crate) enum StmtKind {
    Var { name: Name, ty: Option<TypeExpr>, value: Option<Expr>, constant: bool },
    Assign { target: Expr, operator: Option<Binary>, value: Expr },
    Expr(Expr),
    If { arms: Vec<(Expr, Block)>, other: Option<Block> },
    While { condition: Expr, body: Block },
    For { name: Name, over: Expr, body: Block },
    Match { subject: Expr, arms: Vec<(Vec<Expr>, Block)>, other: Option<Block> },
    Return(Option<Expr>),
    Break,
    Continue,
    Pass,
    Assert { condition: Expr, message: Option<Expr> },
}

#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub name: Name,
    pub ty: Option<TypeExpr>,
    pub default: Option<Expr>,
    /// `*xs`: takes all further arguments as a list.
    pub rest: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub name: Name,
    pub generics: Vec<Name>,
    pub parameters: Vec<Parameter>,
    pub result: Option<TypeExpr>,
    pub body: Block,
    /// `{.builtin.}`: declared elsewhere, nothing to compile.
    pub builtin: bool,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub name: Name,
    pub base: Option<Name>,
    pub fields: Vec<(Name, TypeExpr)>,
    /// Declared with `client`: its fields are what that client puts in.
    pub client: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Enum {
    pub name: Name,
    pub variants: Vec<(Name, Option<Expr>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Import {
    pub path: Vec<Name>,
    pub alias: Option<Name>,
    pub span: Span,
}

/// One file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Module {
    pub imports: Vec<Import>,
    pub functions: Vec<Function>,
    pub objects: Vec<Object>,
    pub enums: Vec<Enum>,
    pub aliases: Vec<(Name, TypeExpr)>,
    /// What stands outside of functions, in order.
    pub statements: Block,
}
