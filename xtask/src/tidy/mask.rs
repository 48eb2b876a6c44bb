//! Tells code from text and comments, so that a rule about code is not fooled by a string.
//!
//! A scanner, no parser: it knows where strings, characters and comments begin and end in Rust, Solidity and
//! JavaScript or TypeScript, and nothing else of those languages. Lines and offsets stay as they were.

/// How a file is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Solidity,
    /// JavaScript and TypeScript.
    Script,
}

/// A source in two views of the same length, in which what does not belong is blank.
pub(super) struct Masked {
    /// Neither comments nor the contents of strings and characters.
    pub code: String,
    /// Comments only, with their marks.
    pub comments: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Code,
    Text,
    Comment,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    classes: Vec<Class>,
    language: Language,
    /// For each open `${` of a template, how many braces are open inside it.
    holes: Vec<usize>,
}

impl Language {
    /// Tells the language by the end of the path.
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1 {
            "rs" => Some(Self::Rust),
            "sol" => Some(Self::Solidity),
            "js" | "mjs" | "cjs" | "ts" | "tsx" | "jsx" => Some(Self::Script),
            _ => None,
        }
    }
}

/// Splits a source into its code and its comments.
pub(super) fn mask(source: &str, language: Language) -> Masked {
    let bytes = source.as_bytes();
    let classes = vec![Class::Code; bytes.len()];
    let mut scanner = Scanner { bytes, at: 0, classes, language, holes: Vec::new() };
    if language == Language::Script && source.starts_with("#!") {
        scanner.line_comment();
    }
    while scanner.at < bytes.len() {
        scanner.step();
    }
    Masked {
        code: keep(source, &scanner.classes, Class::Code),
        comments: keep(source, &scanner.classes, Class::Comment),
    }
}

/// The line of an offset, from one.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Whether a byte can be part of a name.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Every name and number of the code, with its offset.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = code.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_name_byte(bytes[at]) {
            at += 1;
        }
        let start = at;
        while at < bytes.len() && is_name_byte(bytes[at]) {
            at += 1;
        }
        (start < at).then(|| (start, &code[start..at]))
    })
}

/// The offset of the brace that closes the one at `open`.
pub(super) fn closing_brace(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// The code of a Rust file without the items that exist only in tests.
pub(super) fn without_tests(code: &str) -> String {
    let mut kept = code.to_owned();
    let mut from = 0;
    while let Some(start) = code[from..].find("#[cfg(").map(|found| from + found) {
        let Some(end) = code[start..].find(']').map(|found| start + found + 1) else {
            break;
        };
        from = end;
        let condition = &code[start..end];
        if words(condition).any(|(_, word)| word == "test") && !condition.contains("not(test") {
            let close = item_end(code, end);
            let blank: String = code[start..close].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            // Names outside ASCII are longer in bytes than their blanks: pad, so that offsets stay.
            let padding = " ".repeat(close - start - blank.len());
            kept.replace_range(start..close, &(blank + &padding));
            from = close;
        }
    }
    kept
}

/// Where the item that starts after `from` ends: behind its block or its semicolon.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0usize;
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => return offset + 1,
            b'{' if depth == 0 => {
                return closing_brace(code, offset).map_or(code.len(), |close| close + 1);
            }
            _ => {}
        }
    }
    code.len()
}

fn keep(source: &str, classes: &[Class], kept: Class) -> String {
    let mut text = String::with_capacity(source.len());
    for (offset, character) in source.char_indices() {
        if character == '\n' || classes[offset] == kept {
            text.push(character);
        } else {
            text.extend(std::iter::repeat_n(' ', character.len_utf8()));
        }
    }
    text
}

impl Scanner<'_> {
    fn step(&mut self) {
        if self.sees("//") {
            return self.line_comment();
        }
        if self.sees("/*") {
            return self.block_comment();
        }
        match (self.language, self.bytes[self.at]) {
            (Language::Rust, b'"') => self.quoted(b'"'),
            (Language::Rust, b'\'') => self.character_or_lifetime(),
            (Language::Rust, byte) if is_name_byte(byte) => self.name_or_literal(),
            (Language::Solidity | Language::Script, quote @ (b'"' | b'\'')) => self.quoted(quote),
            (Language::Script, b'`') => self.template(),
            (Language::Script, b'/') if self.expects_value() => self.pattern(),
            (Language::Script, brace @ (b'{' | b'}')) => self.brace(brace),
            _ => self.at += 1,
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn sees(&self, text: &str) -> bool {
        self.bytes[self.at..].starts_with(text.as_bytes())
    }

    /// Marks everything from `start` to here.
    fn mark(&mut self, start: usize, class: Class) {
        self.at = self.at.min(self.bytes.len());
        self.classes[start..self.at].fill(class);
    }

    fn line_comment(&mut self) {
        let start = self.at;
        self.at += self.bytes[start..].iter().position(|byte| *byte == b'\n').unwrap_or(self.bytes.len() - start);
        self.mark(start, Class::Comment);
    }

    /// Rust's block comments nest, the others' do not.
    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0usize;
        while self.at < self.bytes.len() {
            if self.sees("/*") && (depth == 0 || self.language == Language::Rust) {
                depth += 1;
                self.at += 2;
            } else if self.sees("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    break;
                }
            } else {
                self.at += 1;
            }
        }
        self.mark(start, Class::Comment);
    }

    fn quoted(&mut self, quote: u8) {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.byte(0) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                break;
            }
        }
        self.mark(start, Class::Text);
    }

    /// A name, or a literal whose prefix looks like one: `r#"…"#`, `b"…"`, `br"…"`, `c"…"`, `b'…'`.
    fn name_or_literal(&mut self) {
        let start = self.at;
        while self.byte(0).is_some_and(is_name_byte) {
            self.at += 1;
        }
        let prefix = &self.bytes[start..self.at];
        let raw = matches!(prefix, b"r" | b"br" | b"cr");
        match self.byte(0) {
            Some(b'"' | b'#') if raw => self.raw(),
            Some(b'"') if matches!(prefix, b"b" | b"c") => self.quoted(b'"'),
            Some(b'\'') if prefix == b"b" => self.character_or_lifetime(),
            _ => {}
        }
    }

    /// From behind the prefix of a raw string, if it is one: `r#name` is not.
    fn raw(&mut self) {
        let start = self.at;
        let hashes = self.bytes[start..].iter().take_while(|byte| **byte == b'#').count();
        if self.byte(hashes) != Some(b'"') {
            self.at += hashes;
            return;
        }
        let end = format!("\"{}", "#".repeat(hashes));
        self.at += hashes + 1;
        while self.at < self.bytes.len() && !self.sees(&end) {
            self.at += 1;
        }
        self.at += end.len();
        self.mark(start, Class::Text);
    }

    fn character_or_lifetime(&mut self) {
        let start = self.at;
        let Some(first) = self.byte(1) else {
            self.at += 1;
            return;
        };
        if first == b'\\' {
            self.at += 3;
            while self.byte(0).is_some_and(|byte| byte != b'\'') {
                self.at += 1;
            }
            self.at += 1;
            return self.mark(start, Class::Text);
        }
        let width = match first {
            0..0x80 => 1,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        if self.byte(1 + width) == Some(b'\'') {
            self.at += width + 2;
            self.mark(start, Class::Text);
        } else {
            self.at += 1;
        }
    }

    /// From a back quote, or from the brace that ends a hole, to the next hole or the end of the template.
    fn template(&mut self) {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.byte(0) {
            if self.sees("${") {
                self.at += 2;
                self.holes.push(0);
                break;
            }
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'`' {
                break;
            }
        }
        self.mark(start, Class::Text);
    }

    fn brace(&mut self, brace: u8) {
        match (self.holes.last_mut(), brace) {
            (Some(0), b'}') => {
                self.holes.pop();
                return self.template();
            }
            (Some(open), b'}') => *open -= 1,
            (Some(open), _) => *open += 1,
            (None, _) => {}
        }
        self.at += 1;
    }

    /// Whether a slash here begins a regular expression: it divides only behind a value.
    fn expects_value(&self) -> bool {
        let solid = |offset: &usize| {
            self.classes[*offset] == Class::Text
                || self.classes[*offset] == Class::Code && !self.bytes[*offset].is_ascii_whitespace()
        };
        let Some(last) = (0..self.at).rev().find(solid) else {
            return true;
        };
        if self.classes[last] == Class::Text {
            return false;
        }
        if is_name_byte(self.bytes[last]) {
            let start =
                (0..last).rev().find(|offset| !is_name_byte(self.bytes[*offset])).map_or(0, |offset| offset + 1);
            return matches!(
                &self.bytes[start..=last],
                b"return" | b"typeof" | b"case" | b"in" | b"of" | b"throw" | b"void"
            );
        }
        !matches!(self.bytes[last], b')' | b']' | b'}')
    }

    fn pattern(&mut self) {
        let start = self.at;
        let mut inside_class = false;
        self.at += 1;
        while let Some(byte) = self.byte(0) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            match byte {
                b'[' => inside_class = true,
                b']' => inside_class = false,
                b'/' if !inside_class => return self.mark(start, Class::Text),
                b'\n' => break,
                _ => {}
            }
        }
        // No end on this line: it divided after all.
        self.at = start + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, source: &str, code: &str) {
        let masked = mask(source, language);
        assert_eq!(masked.code.len(), source.len(), "offsets stay: {source}");
        assert_eq!(masked.code.split_whitespace().collect::<Vec<_>>().join(" "), code, "{source}");
    }

    #[test]
    fn rust_strings_characters_and_comments_are_blank() {
        let rust = |source: &str, code: &str| check(Language::Rust, source, code);
        rust(r#"let a = "{"; b"#, "let a = ; b");
        rust(r#"let a = "\"{"; b"#, "let a = ; b");
        rust(r##"let a = r#"{ " } "# ; b"##, "let a = r ; b");
        rust(r##"br#"{"# c"{" b"{" end"##, "br c b end");
        rust("let r#fn = r#type;", "let r#fn = r#type;");
        rust("let a = '{'; let b = '\\''; let c = '\\u{7d}'; d", "let a = ; let b = ; let c = ; d");
        rust("fn f<'a>(x: &'a str) -> Foo<'a> {}", "fn f<'a>(x: &'a str) -> Foo<'a> {}");
        rust("let a = b'{'; let b = b'\\\\'; 'outer: loop {}", "let a = b ; let b = b ; 'outer: loop {}");
        rust("a /* { /* } */ { */ b // {\nc", "a b c");
        rust("let a = 'é'; let b = '→'; let c = '𝄞'; d", "let a = ; let b = ; let c = ; d");
        rust("let url = \"http://x\"; a", "let url = ; a");
        rust("let bar = 1; bar\"{\" c", "let bar = 1; bar c");
        rust("let broken = \"{", "let broken =");
    }

    #[test]
    fn scripts_have_templates_and_patterns() {
        let script = |source: &str, code: &str| check(Language::Script, source, code);
        script("const a = `{ ${b({ c: '}' })} } ${d}`; e", "const a = b({ c: }) d ; e");
        script("const a = `x ${`y ${z} {`} {`; b", "const a = z ; b");
        script(r"const a = /[/{]\/{/g.test(b); c", "const a = g.test(b); c");
        script("const a = b / c; const d = (e) / f; g('/{')", "const a = b / c; const d = (e) / f; g( )");
        script("#!/usr/bin/env node\nconst a = 'it\\'s {'; b /* { /* */ c", "const a = ; b c");
    }

    #[test]
    fn solidity_strings_have_two_quotes() {
        check(Language::Solidity, "string a = \"{'\"; bytes b = hex'7b'; // }\nc", "string a = ; bytes b = hex ; c");
    }

    #[test]
    fn comments_are_kept_apart() {
        let masked = mask("let a = \"// no\"; // yes\n", Language::Rust);
        assert_eq!(masked.comments.trim(), "// yes");
    }

    #[test]
    fn test_items_are_blanked_whole() {
        let code = "use a;\n#[cfg(test)]\nmod tests {\n  fn f() { g() }\n}\nfn b() {}\n#[cfg(all(test, unix))]\nuse c::{d};\n#[cfg(not(test))]\nfn e() {}";
        let kept = without_tests(code);
        assert_eq!(kept.len(), code.len());
        assert_eq!(
            kept.split_whitespace().collect::<Vec<_>>().join(" "),
            "use a; fn b() {} ; #[cfg(not(test))] fn e() {}"
        );
    }
}
