//! Texts and what is shown to people. Only public values may stand in them.

use super::{Piece, Shown, Stage, Staged, Value, meaning};
use crate::ast::Argument;
use crate::ir::Work;
use crate::source::{Span, count};
use vm::Operation;

impl Stage<'_> {
    /// Appends what a person reads of a value.
    pub(super) fn show(&mut self, value: &Value, pieces: &mut Vec<Piece>, span: Span) -> Staged<()> {
        match value {
            Value::Number(number) => pieces.push(Piece::Text(number.to_string())),
            Value::Known(scalar, known) => pieces.push(Piece::Text(scalar.show(*known))),
            Value::Run(scalar, id) => {
                if self.is_secret(value) {
                    let stop = self.stop("leak", span, "a text would show a secret");
                    return Err(Box::new(stop.help("reveal what may be known: `{value.reveal()}`")));
                }
                pieces.push(Piece::Value(*scalar, *id));
            }
            Value::Text(text) => pieces.extend(text.iter().cloned()),
            Value::None => pieces.push(Piece::Text("None".into())),
            Value::List(list) => {
                pieces.push(Piece::Text("[".into()));
                for (at, item) in self.items(&list.clone(), span)?.iter().enumerate() {
                    if at > 0 {
                        pieces.push(Piece::Text(", ".into()));
                    }
                    self.show(item, pieces, span)?;
                }
                pieces.push(Piece::Text("]".into()));
            }
            other => return Err(self.stop("type", span, format!("{} cannot be shown", other.kind()))),
        }
        Ok(())
    }

    pub(super) fn print(&mut self, arguments: &[Argument], span: Span) -> Staged<Value> {
        let mut pieces = Vec::new();
        for (at, argument) in arguments.iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Text(" ".into()));
            }
            let value = self.eval(&argument.value, None)?;
            self.show(&value, &mut pieces, argument.value.span)?;
        }
        if let Some(secret) = self.oblivious.last() {
            let stop = self.stop("leak", span, "whether this is printed would tell the secret condition");
            return Err(Box::new(stop.at(*secret, "this condition is secret").help("print behind the branch")));
        }
        let (mut shown, mut ids) = (Vec::new(), Vec::new());
        for piece in pieces {
            match (piece, shown.last_mut()) {
                (Piece::Text(text), Some(Shown::Text(last))) => last.push_str(&text),
                (Piece::Text(text), _) => shown.push(Shown::Text(text)),
                (Piece::Value(scalar, id), _) => {
                    shown.push(Shown::Value(meaning(scalar)));
                    ids.push(id);
                }
            }
        }
        let host = count(self.prints.len());
        self.prints.push(shown);
        self.graph.prints.push(ids.iter().map(|id| self.graph.ty(*id)).collect());
        self.node(Work::Do(Operation::Host { host }), ids, Vec::new(), span);
        Ok(Value::None)
    }
}
