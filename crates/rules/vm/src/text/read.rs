//! The assembler.

use super::TextError;
use super::scan::{Scanner, Token};
use crate::build::FunctionBuilder;
use crate::kind::{Label, Type, Width};
use crate::operation::Operation;
use crate::program::{Certificate, Constant, Function, Host, Meaning, Name, Port, Program, Release, VERSION};
use std::collections::BTreeMap;
use types::limits;

/// Reads a program. It is not verified; without a `certificate` line its certificate is empty.
pub fn assemble(text: &str) -> Result<Program, TextError> {
    let mut reader = Reader { scanner: Scanner::new(text)? };
    reader.program()
}

struct Reader<'a> {
    scanner: Scanner<'a>,
}

/// The function that is read, and what its values are called.
struct Body<'a> {
    builder: FunctionBuilder,
    names: BTreeMap<&'a str, u32>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn program(&mut self) -> Result<Program, TextError> {
        self.scanner.keyword("talea")?;
        self.scanner.keyword("1")?;
        let mut program = Program {
            version: VERSION,
            ports: Vec::new(),
            constants: Vec::new(),
            releases: Vec::new(),
            hosts: Vec::new(),
            functions: Vec::new(),
            certificate: Certificate::default(),
        };
        while self.scanner.peek().is_some() {
            match self.scanner.word()? {
                "port" => program.ports.push(self.port()?),
                "constant" => program.constants.push(self.constant()?),
                "release" => {
                    program.releases.push(Release { name: self.name()?, lanes: self.scanner.number()? });
                }
                "host" => program.hosts.push(self.host()?),
                "certificate" => program.certificate = self.certificate()?,
                "function" => program.functions.push(self.function()?),
                word => {
                    return self.scanner.error(format!(
                        "`{word}` begins nothing: expected port, constant, release, host, certificate or function"
                    ));
                }
            }
        }
        Ok(program)
    }

    fn name(&mut self) -> Result<Name, TextError> {
        let text = self.scanner.quoted()?;
        match Name::new(text) {
            Some(name) => Ok(name),
            None => self.scanner.error("a name has at most 64 printable characters and no spaces"),
        }
    }

    fn port(&mut self) -> Result<Port, TextError> {
        let is_output = match self.scanner.word()? {
            "in" => false,
            "out" => true,
            _ => return self.scanner.error("expected `in` or `out`"),
        };
        let (client, name) = (self.name()?, self.name()?);
        self.scanner.mark(':')?;
        let kind = self.kind()?;
        let meaning = match self.scanner.word()? {
            "unsigned" => Meaning::Unsigned,
            "signed" => Meaning::Signed,
            "fixed" => Meaning::Fixed(self.scanner.number()?),
            "bool" => Meaning::Bool,
            "field" => Meaning::Field,
            _ => return self.scanner.error("expected unsigned, signed, fixed, bool or field"),
        };
        Ok(Port { is_output, client, name, kind, meaning })
    }

    fn kind(&mut self) -> Result<Type, TextError> {
        let is_secret = self.scanner.accept(Token::Word("secret"))?;
        let label = if is_secret { Label::Secret } else { Label::Public };
        let word = self.scanner.word()?;
        let bits = word.strip_prefix('u').and_then(|bits| bits.parse::<u8>().ok());
        let width = match (word, bits) {
            ("field", _) => Width::Field,
            (_, Some(bits @ 1..=64)) => Width::Int(bits),
            _ => return self.scanner.error(format!("`{word}` is no type: expected u1 to u64, or field")),
        };
        let lanes = if self.scanner.accept(Token::Word("x"))? { self.scanner.number()? } else { 1 };
        Ok(Type { width, lanes, label })
    }

    /// Reads what stands between two marks, with commas between.
    fn list<T>(
        &mut self,
        [open, close]: [char; 2],
        mut item: impl FnMut(&mut Self) -> Result<T, TextError>,
    ) -> Result<Vec<T>, TextError> {
        self.scanner.mark(open)?;
        let mut items = Vec::new();
        while !self.scanner.accept(Token::Mark(close))? {
            if !items.is_empty() {
                self.scanner.mark(',')?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn kinds(&mut self) -> Result<Vec<Type>, TextError> {
        self.list(['(', ')'], Self::kind)
    }

    fn constant(&mut self) -> Result<Constant, TextError> {
        let kind = self.kind()?;
        self.scanner.mark('=')?;
        let lanes = self.list(['(', ')'], |reader| reader.scanner.number())?;
        Ok(Constant { kind, lanes })
    }

    fn host(&mut self) -> Result<Host, TextError> {
        let name = self.name()?;
        let parameters = self.kinds()?;
        self.scanner.keyword("->")?;
        let results = self.kinds()?;
        self.scanner.keyword("fuel")?;
        Ok(Host { name, parameters, results, fuel: self.scanner.number()? })
    }

    fn certificate(&mut self) -> Result<Certificate, TextError> {
        let exact = match self.scanner.word()? {
            "exact" => true,
            "most" => false,
            _ => return self.scanner.error("expected `exact` or `most`"),
        };
        let mut figure = |name: &str| {
            self.scanner.keyword(name)?;
            self.scanner.number()
        };
        let (fuel, slots, rounds) = (figure("fuel")?, figure("slots")?, figure("rounds")?);
        let sent_first = figure("sent")?;
        let (sent_second, sent_third) = (self.scanner.number()?, self.scanner.number()?);
        self.scanner.keyword("preprocessing")?;
        let preprocessing = self.scanner.number()?;
        Ok(Certificate { exact, fuel, slots, rounds, sent_first, sent_second, sent_third, preprocessing })
    }

    fn function(&mut self) -> Result<Function, TextError> {
        let name = self.name()?;
        let parameters = self.parameters()?;
        let kinds: Vec<Type> = parameters.iter().map(|(_, kind)| *kind).collect();
        self.scanner.keyword("->")?;
        let results = self.kinds()?;
        self.scanner.keyword("releases")?;
        let releases = self.list(['(', ')'], |reader| reader.scanner.number())?;
        let mut body = Body { builder: FunctionBuilder::new(name, &kinds, &results), names: BTreeMap::new(), depth: 0 };
        let numbers: Vec<u32> = (0..body.builder.next_value()).collect();
        self.define(&mut body, &parameters, &numbers)?;
        let given = self.block(&mut body)?;
        Ok(Function { releases, ..body.builder.finish(&given) })
    }

    fn parameters(&mut self) -> Result<Vec<(&'a str, Type)>, TextError> {
        self.list(['[', ']'], Self::definition)
    }

    fn definition(&mut self) -> Result<(&'a str, Type), TextError> {
        let name = self.scanner.word()?;
        if !name.starts_with('%') {
            return self.scanner.error(format!("`{name}` is no name of a value: it begins with %"));
        }
        self.scanner.mark(':')?;
        Ok((name, self.kind()?))
    }

    fn define(&mut self, body: &mut Body<'a>, names: &[(&'a str, Type)], numbers: &[u32]) -> Result<(), TextError> {
        for ((name, _), number) in names.iter().zip(numbers) {
            if body.names.insert(name, *number).is_some() {
                return self.scanner.error(format!("there are two values `{name}`"));
            }
        }
        Ok(())
    }

    fn uses(&mut self, body: &Body<'a>) -> Result<Vec<u32>, TextError> {
        self.list(['(', ')'], |reader| {
            let name = reader.scanner.word()?;
            match body.names.get(name) {
                Some(number) => Ok(*number),
                None => reader.scanner.error(format!("there is no value `{name}` yet")),
            }
        })
    }

    /// Reads a block from its brace to its end, and returns what it gives.
    fn block(&mut self, body: &mut Body<'a>) -> Result<Vec<u32>, TextError> {
        body.depth += 1;
        if body.depth > limits::NESTING {
            return self.scanner.error("blocks are nested too deeply");
        }
        self.scanner.mark('{')?;
        while !self.scanner.accept(Token::Word("give"))? {
            self.instruction(body)?;
        }
        let given = self.uses(body)?;
        self.scanner.mark('}')?;
        body.depth -= 1;
        Ok(given)
    }

    fn instruction(&mut self, body: &mut Body<'a>) -> Result<(), TextError> {
        let mut results = Vec::new();
        while let Some(Token::Word(word)) = self.scanner.peek()
            && word.starts_with('%')
        {
            results.push(self.definition()?);
            if !self.scanner.accept(Token::Mark(','))? {
                self.scanner.mark('=')?;
                break;
            }
        }
        let name = self.scanner.word()?;
        let mut immediates = Vec::new();
        while let Some(Token::Word(word)) = self.scanner.peek() {
            immediates.push(word);
            self.scanner.take()?;
        }
        let operands = self.uses(body)?;
        let mut blocks = Vec::new();
        while self.scanner.peek() == Some(Token::Mark('[')) {
            let parameters = self.parameters()?;
            let kinds: Vec<Type> = parameters.iter().map(|(_, kind)| *kind).collect();
            let (index, numbers) = body.builder.open(&kinds);
            self.define(body, &parameters, &numbers)?;
            let given = self.block(body)?;
            body.builder.close(&given);
            blocks.push(index.to_string());
        }
        // The blocks come first among what such an operation carries.
        let all: Vec<&str> = blocks.iter().map(String::as_str).chain(immediates).collect();
        let operation = Operation::from_text(name, &all).filter(|one| one.blocks().len() == blocks.len());
        let Some(operation) = operation else {
            return self.scanner.error(format!("`{name}` is no operation, or carries something else"));
        };
        let kinds: Vec<Type> = results.iter().map(|(_, kind)| *kind).collect();
        let numbers = body.builder.push(operation, &operands, &kinds);
        self.define(body, &results, &numbers)
    }
}
