//! Which files the `mod` lines of a Rust file name.

use super::mask::{self, Language};

/// A file that another file names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Where it may lie; the first that exists is it.
    pub candidates: Vec<String>,
    /// Whether it is named only for tests.
    pub only_tests: bool,
}

/// The files that a Rust file names with `mod name;`, `#[path]` or `include!`.
///
/// `is_root` says that the file opens a target: its modules then lie beside it, as those of a `mod.rs` do.
pub(super) fn named(path: &str, text: &str, is_root: bool) -> Vec<Named> {
    let code = mask::mask(text, Language::Rust).code;
    let product = mask::without_tests(&code);
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let home = match file {
        "mod.rs" => folder.to_owned(),
        _ if is_root => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    };
    let mut found = Vec::new();
    let mut blocks: Vec<(usize, &str)> = Vec::new();
    for (offset, word) in mask::words(&code) {
        let only_tests = product.as_bytes()[offset] == b' ';
        let rest = &code[offset + word.len()..];
        blocks.retain(|(end, _)| *end > offset);
        if word == "include" && rest.starts_with('!') {
            found
                .extend(quoted(&text[offset..]).map(|name| Named { candidates: vec![join(folder, name)], only_tests }));
        }
        if word != "mod" {
            continue;
        }
        let Some((start, name)) = mask::words(rest).next() else {
            continue;
        };
        let behind = rest[start + name.len()..].trim_start();
        let name = name.trim_start_matches("r#");
        if behind.starts_with('{') {
            let open = code.len() - behind.len();
            blocks.push((mask::closing_brace(&code, open).unwrap_or(code.len()), name));
        } else if behind.starts_with(';') {
            let inner = blocks.iter().fold(home.clone(), |folder, (_, block)| join(&folder, block));
            let candidates = match path_attribute(&code, text, offset) {
                Some(given) => vec![join(folder, given)],
                None => vec![format!("{}.rs", join(&inner, name)), format!("{}/mod.rs", join(&inner, name))],
            };
            found.push(Named { candidates, only_tests });
        }
    }
    found
}

/// The path that an attribute in front of the item at `offset` gives.
fn path_attribute<'a>(code: &str, text: &'a str, offset: usize) -> Option<&'a str> {
    let start = code[..offset].rfind([';', '{', '}']).map_or(0, |end| end + 1);
    let attribute = start + code[start..offset].find("#[path")?;
    quoted(&text[attribute..offset])
}

/// The first thing in double quotes.
fn quoted(text: &str) -> Option<&str> {
    text.split('"').nth(1)
}

fn join(folder: &str, name: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str, is_root: bool) -> Vec<String> {
        let show = |named: Named| {
            format!("{}{}", named.candidates.join(" or "), if named.only_tests { " (tests)" } else { "" })
        };
        named(path, text, is_root).into_iter().map(show).collect()
    }

    #[test]
    fn modules_lie_beside_a_root_and_below_any_other_file() {
        assert_eq!(found("c/src/lib.rs", "pub mod a;", true), ["c/src/a.rs or c/src/a/mod.rs"]);
        assert_eq!(found("c/src/a.rs", "mod b;", false), ["c/src/a/b.rs or c/src/a/b/mod.rs"]);
        assert_eq!(found("c/src/a/mod.rs", "mod b;", false), ["c/src/a/b.rs or c/src/a/b/mod.rs"]);
        assert_eq!(found("c/src/lib.rs", "mod a { pub(crate) mod b; } mod d;", true).len(), 2);
        assert_eq!(found("c/src/lib.rs", "mod a { mod b; }", true), ["c/src/a/b.rs or c/src/a/b/mod.rs"]);
    }

    #[test]
    fn attributes_comments_and_strings_are_understood() {
        assert_eq!(found("c/src/lib.rs", "#[path = \"../x/y.rs\"]\nmod a;", true), ["c/x/y.rs"]);
        assert_eq!(found("c/src/lib.rs", "#[cfg(test)]\nmod a;", true), ["c/src/a.rs or c/src/a/mod.rs (tests)"]);
        assert_eq!(found("c/src/lib.rs", "include!(\"made.rs\");", true), ["c/src/made.rs"]);
        assert_eq!(found("c/src/lib.rs", "// mod a;\nconst A: &str = \"mod b;\";", true), [""; 0]);
    }
}
