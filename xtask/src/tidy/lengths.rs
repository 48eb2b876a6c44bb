//! A function fits on a screen, a file in a head.

use super::mask::{self, Language, is_name_byte, line_at};
use super::{Finding, Rule};

/// Lines of a function at most, from its name to its last brace. What a block of inline assembly has beyond its first line
/// is not counted: its values live on one stack, so that it cannot be cut where it gets long.
pub const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a source file at most.
pub const FILE_LINES_MAX: usize = 700;

static RULE: Rule = Rule {
    name: "length",
    why: "what does not fit on a screen cannot be read in one look.",
    fix: "keep the branches in the parent and move straight work into named functions, or split the file by concept.",
};

struct Function {
    name: String,
    start: usize,
    end: usize,
}

/// Checks the length of a source file and of every function in it.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let Some(language) = Language::of(path) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(RULE.at(path, 1, format!("the file has {lines} lines, {FILE_LINES_MAX} are allowed")));
    }
    let code = mask::mask(text, language).code;
    for function in functions(&code, language) {
        let first = line_at(&code, function.start);
        let lines = line_at(&code, function.end) - first + 1 - assembly_lines(&code, language, &function);
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{}` has {lines} lines, {FUNCTION_LINES_MAX} are allowed", function.name);
            findings.push(RULE.at(path, first, what));
        }
    }
    findings
}

/// How many lines of a function are inline assembly, without the first of each block.
fn assembly_lines(code: &str, language: Language, function: &Function) -> usize {
    if language != Language::Solidity {
        return 0;
    }
    let body = &code[..function.end];
    let blocks = mask::words(body).filter(|(start, word)| *start > function.start && *word == "assembly");
    let lines = blocks.filter_map(|(start, _)| {
        let open = start + body[start..].find('{')?;
        Some(line_at(code, mask::closing_brace(code, open)?) - line_at(code, open))
    });
    lines.sum()
}

fn functions(code: &str, language: Language) -> Vec<Function> {
    match language {
        Language::Rust => declared(code, &["fn"]),
        Language::Solidity => declared(code, &["function", "constructor", "modifier", "fallback", "receive"]),
        Language::Script => script(code),
    }
}

/// Functions that a keyword announces.
fn declared(code: &str, keywords: &[&str]) -> Vec<Function> {
    let mut found = Vec::new();
    for (start, word) in mask::words(code) {
        if !keywords.contains(&word) {
            continue;
        }
        let after = start + word.len();
        let name = name_at(code, after);
        // `fn(u8) -> u8` is a type. Solidity's constructor, fallback and receive have no other name than that.
        if name.is_empty() && matches!(word, "fn" | "function" | "modifier") {
            continue;
        }
        if let Some(end) = body(code, after).and_then(|open| mask::closing_brace(code, open)) {
            found.push(Function { name: if name.is_empty() { word.to_owned() } else { name }, start, end });
        }
    }
    found
}

/// The name that stands next, with a macro's `$` or a raw name's `r#`.
fn name_at(code: &str, from: usize) -> String {
    code[from..].trim_start().chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#')).collect()
}

/// The brace that opens the body of the function whose signature continues at `from`; `None` when it has no body.
fn body(code: &str, from: usize) -> Option<usize> {
    let bytes = code.as_bytes();
    let (mut depth, mut angles, mut at) = (0usize, 0usize, from);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.checked_sub(1)?,
            b'<' if depth == 0 => angles += 1,
            b'>' if depth == 0 && bytes[at - 1] != b'-' => angles = angles.saturating_sub(1),
            b'{' if depth == 0 && angles == 0 => return Some(at),
            // A constant between angle brackets or in an array's length.
            b'{' => at = mask::closing_brace(code, at)?,
            b';' | b'}' if depth == 0 => return None,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Functions, methods and arrows: blocks that a parameter list or an arrow opens.
fn script(code: &str) -> Vec<Function> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    for (open, _) in code.match_indices('{') {
        let before = code[..open].trim_end();
        let start = if before.ends_with("=>") {
            Some((before.len() - 2, "arrow".to_owned()))
        } else {
            parameters(before).and_then(|parameters| callee(before, parameters))
        };
        let Some((start, name)) = start else { continue };
        if let Some(end) = mask::closing_brace(code, open) {
            found.push(Function { name, start: start.min(bytes.len()), end });
        }
    }
    found
}

/// The parenthesis that opens the parameter list which ends `before`, with or without a return type behind it.
fn parameters(before: &str) -> Option<usize> {
    let close = if before.ends_with(')') {
        before.len() - 1
    } else {
        let close = before.rfind(')')?;
        let kind = before[close + 1..].trim_start().strip_prefix(':')?;
        if kind.contains([';', '{', '}', '=']) {
            return None;
        }
        close
    };
    let mut depth = 0usize;
    for (offset, byte) in before.bytes().enumerate().take(close + 1).rev() {
        match byte {
            b')' => depth += 1,
            b'(' => {
                depth -= 1;
                if depth == 0 {
                    return Some(offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// The name in front of a parameter list, unless it belongs to a statement such as `if`.
fn callee(before: &str, parameters: usize) -> Option<(usize, String)> {
    let head = before[..parameters].trim_end();
    let start = head.bytes().rposition(|byte| !is_name_byte(byte) && byte != b'$').map_or(0, |offset| offset + 1);
    let name = &head[start..];
    let statement = matches!(name, "if" | "for" | "while" | "switch" | "catch" | "with");
    (!statement && !name.is_empty()).then(|| (start, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The functions of a source, as `name:first-last`.
    fn found(path: &str, source: &str) -> String {
        let language = Language::of(path).expect("the test names a source file");
        let code = mask::mask(source, language).code;
        let show = |f: Function| format!("{}:{}-{}", f.name, line_at(&code, f.start), line_at(&code, f.end));
        functions(&code, language).into_iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rust_functions_are_measured_by_their_braces() {
        let source = r###"
pub fn plain(x: u8) -> u8 { x }
fn tricky<'a, const N: usize>(s: &'a str, f: fn(u8) -> u8) -> Array<{ N + 1 }>
where
    [(); N << 1]:,
{
    let a = "}"; let b = '}'; let c = r#"}"}"#; /* } /* } */ */ // }
    let d = b'}'; let e = '\''; let g = '"';
    if s == a { inner() }
}
trait T { fn required(&self) -> [u8; 4]; fn given(&self) {} }
macro_rules! m { ($n:ident) => { fn $n() {
} } }
type F = fn(u8) -> u8;
fn r#type() {}
async fn last() -> impl Fn() -> Vec<u8> {
    || vec![]
}
"###;
        assert_eq!(found("a.rs", source), "plain:2-2 tricky:3-10 given:11-11 $n:12-13 r#type:15-15 last:16-18");
    }

    #[test]
    fn solidity_functions_modifiers_and_constructors_are_measured() {
        let source = "contract C {\n  constructor(uint a) B(a) {\n  }\n  modifier only() {\n _; }\n  function f() external;\n  function g() public returns (string memory) {\n    return \"}\";\n  }\n  receive() external payable {}\n  function() internal x;\n}\n";
        assert_eq!(found("C.sol", source), "constructor:2-3 only:4-5 g:7-9 receive:10-10");
    }

    #[test]
    fn script_functions_methods_and_arrows_are_measured() {
        let source = "function a(x) {\n  if (x) { return `}${x}{`; }\n}\nclass B { c(d: number): Promise<void> {\n  for (const e of f) {}\n} }\nconst g = (h) => {\n  return /}/.test(h);\n};\n";
        assert_eq!(found("a.ts", source), "a:1-3 c:4-6 arrow:7-9");
    }

    #[test]
    fn seventy_lines_pass_and_seventy_one_do_not() {
        let of = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
        assert_eq!(check("a.rs", &of(FUNCTION_LINES_MAX)), []);
        assert_eq!(check("a.rs", &of(FUNCTION_LINES_MAX + 1)).len(), 1);
    }

    #[test]
    fn inline_assembly_counts_as_one_line() {
        let of = |lines: usize, assembly: usize| {
            let block = format!("assembly (\"memory-safe\") {{\n{}}}\n", "let x := 1\n".repeat(assembly - 2));
            format!("function f() {{\n{}{block}}}\n", "    g();\n".repeat(lines - 3))
        };
        assert_eq!(check("a.sol", &of(FUNCTION_LINES_MAX, 2)), []);
        assert_eq!(check("a.sol", &of(FUNCTION_LINES_MAX - 1, 100)), []);
        assert_eq!(check("a.sol", &of(FUNCTION_LINES_MAX + 1, 100)).len(), 1);
    }

    #[test]
    fn seven_hundred_lines_pass_and_one_more_does_not() {
        assert_eq!(check("a.sol", &"// a\n".repeat(FILE_LINES_MAX)), []);
        assert_eq!(check("a.sol", &"// a\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
        assert_eq!(check("a.json", &"1\n".repeat(FILE_LINES_MAX + 1)), []);
    }
}
