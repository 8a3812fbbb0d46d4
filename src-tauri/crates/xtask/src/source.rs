//! Reads Rust source just well enough to say which paths it names: comments, strings and test modules aside.

/// A path that a source names: its parts, `crate` and `super` among them. A `use` of a group gives one for each member.
pub(crate) type Path = Vec<String>;

/// The lines of a source before its tests.
pub(crate) fn lines_before_tests(text: &str) -> usize {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .count()
}

/// Every path of two parts or more that the source names outside its test modules, with `super` resolved against
/// `module`, the path of the file's own module.
pub(crate) fn paths(text: &str, module: &[&str]) -> Vec<Path> {
    let tokens = without_tests(&tokens(text));
    let mut found = Vec::new();
    let mut at = 0;
    // Modules written inside the file, each with the depth of braces at which it ends.
    let mut inner: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => depth += 1,
            "}" => {
                depth = usize::saturating_sub(depth, 1);
                while inner.last().is_some_and(|(_, end)| *end >= depth) {
                    inner.pop();
                }
            }
            "mod" if tokens.get(at + 2).is_some_and(|t| t == "{") => {
                inner.push((tokens[at + 1].clone(), depth));
                at += 2;
                depth += 1;
            }
            token if is_name(token) && tokens.get(at + 1).is_some_and(|t| t == "::") => {
                let mut here: Path = module.iter().map(|part| (*part).to_owned()).collect();
                here.extend(inner.iter().map(|(name, _)| name.clone()));
                let mut group = Vec::new();
                at = tree(&tokens, at, &Vec::new(), &mut group);
                found.extend(group.into_iter().map(|path| absolute(path, &here)));
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads one path, or one tree of a `use`, from `at`; gives where it ends.
fn tree(tokens: &[String], mut at: usize, head: &Path, found: &mut Vec<Path>) -> usize {
    let mut path = head.clone();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while at < tokens.len() && tokens[at] != "}" {
                    let before = at;
                    if tokens[at] == "as" {
                        at += 2;
                        continue;
                    }
                    at = tree(tokens, at, &path, found);
                    // What is no path here (`*`, `as`, a comma) is stepped over.
                    if at == before {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some(name) if is_name(name) => {
                path.push(name.to_owned());
                at += 1;
            }
            _ => {
                if path.len() > head.len() {
                    found.push(path);
                }
                return at;
            }
        }
        if tokens.get(at).is_some_and(|token| token == "::") {
            at += 1;
        } else {
            found.push(path);
            return at;
        }
    }
}

fn absolute(path: Path, here: &Path) -> Path {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let (base, rest) = match path.first().map(String::as_str) {
        Some("super") => (&here[..here.len().saturating_sub(ups)], &path[ups..]),
        Some("self") => (&here[..], &path[1..]),
        _ => return path,
    };
    std::iter::once("crate".to_owned())
        .chain(base.iter().cloned())
        .chain(rest.iter().cloned())
        .collect()
}

fn is_name(token: &str) -> bool {
    token
        .chars()
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// Takes `#[cfg(test)]` items with braces out.
fn without_tests(tokens: &[String]) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at..].iter().take(MARK.len()).eq(MARK.iter()) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += MARK.len();
        let mut depth = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                ";" if depth == 0 => break,
                _ => continue,
            }
            if depth == 0 {
                break;
            }
        }
    }
    kept
}

/// Names, `::` and single signs; no comments, strings, characters, numbers or lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        match c {
            '/' if next == '/' => at = skip_to(&chars, at, "\n"),
            '/' if next == '*' => at = skip_to(&chars, at + 2, "*/"),
            '"' => at = after_string(&chars, at + 1),
            'r' | 'b' | 'c' if raw_hashes(&chars, at).is_some() => {
                let (start, hashes) = raw_hashes(&chars, at).unwrap_or((at + 1, 0));
                at = skip_to(&chars, start, &format!("\"{}", "#".repeat(hashes)));
            }
            '\'' if next == '\\' => at = skip_to(&chars, at + 3, "'"),
            '\'' if chars.get(at + 2) == Some(&'\'') => at += 3,
            '\'' => at += 1,
            ':' if next == ':' => {
                tokens.push("::".into());
                at += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let start = at;
                while chars
                    .get(at)
                    .is_some_and(|c| c.is_alphanumeric() || *c == '_')
                {
                    at += 1;
                }
                tokens.push(chars[start..at].iter().collect());
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                at += 1;
            }
        }
    }
    tokens
}

/// Where a raw string's text begins and how many `#` close it, if one begins here.
fn raw_hashes(chars: &[char], at: usize) -> Option<(usize, usize)> {
    let mut here = at;
    while matches!(chars.get(here), Some('r' | 'b' | 'c')) {
        here += 1;
    }
    if here - at > 2 || chars[here - 1] != 'r' {
        return None;
    }
    let start = here;
    while chars.get(here) == Some(&'#') {
        here += 1;
    }
    (chars.get(here) == Some(&'"')).then_some((here + 1, here - start))
}

fn after_string(chars: &[char], mut at: usize) -> usize {
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn skip_to(chars: &[char], mut at: usize, end: &str) -> usize {
    let end: Vec<char> = end.chars().collect();
    while at < chars.len() && !chars[at..].starts_with(&end) {
        at += 1;
    }
    at + end.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, module: &[&str]) -> Vec<String> {
        paths(text, module).iter().map(|p| p.join("::")).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        assert_eq!(
            read(
                "use crate::{frame::{A, B as C}, convert, rate::*};",
                &["media"]
            ),
            [
                "crate::frame::A",
                "crate::frame::B",
                "crate::convert",
                "crate::rate"
            ]
        );
    }

    #[test]
    fn super_leads_out_of_the_module() {
        assert_eq!(
            read("super::x::y();", &["audio", "jitter"]),
            ["crate::audio::x::y"]
        );
        assert_eq!(
            read("use super::super::call::Call;", &["audio", "jitter"]),
            ["crate::call::Call"]
        );
        assert_eq!(
            read(
                "mod inner { use super::super::call::A; } use self::b::B;",
                &["audio"]
            ),
            ["crate::call::A", "crate::audio::b::B"]
        );
    }

    #[test]
    fn comments_strings_and_tests_name_nothing() {
        let text = r##"
            // tokio::spawn
            /* tokio::x */ let a = "tokio::y \" tokio::z"; let b = r#"tokio::"x""#; let c = '"'; let d: &'static str;
            #[cfg(test)]
            mod tests { use tokio::runtime; fn a() { { } } }
            fn real() { std::thread::spawn(|| ()); }
        "##;
        assert_eq!(read(text, &[]), ["std::thread::spawn"]);
    }

    #[test]
    fn code_inside_a_call_is_seen() {
        assert_eq!(
            read(
                "fn f() { g(crate::rtc::Peer::new(tokio::time::sleep)) }",
                &[]
            ),
            ["crate::rtc::Peer::new", "tokio::time::sleep"]
        );
    }
}
