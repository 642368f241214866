//! Which files of a crate use which others, read from the paths in them: a file is a module. What is
//! shown on from elsewhere (`pub use`) is used where it is from.

#![expect(clippy::indexing_slicing, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::{MAY_NAME, root, rust_files};

/// A circle of so many files can still be read as one.
const LARGEST: usize = 3;

/// How far a name is followed that is shown on.
const MOST_STEPS: usize = 8;

#[test]
fn no_crate_has_a_large_circle_of_files() {
    for (name, _) in MAY_NAME {
        for circle in Files::of(&root().join("crates").join(name).join("src")).circles() {
            let size = circle.len();
            assert!(
                size <= LARGEST,
                "{name} has a circle of {size} files: {circle:?}"
            );
        }
    }
}

#[test]
fn a_circle_is_seen_through_what_is_shown_on() {
    let files = Files(BTreeMap::from([
        (
            path(""),
            File::read("mod a; mod b; pub use a::A; pub use b::*;"),
        ),
        (path("a"), File::read("use crate::B; pub struct A(B);")),
        (
            path("b"),
            File::read("pub struct B; fn f() -> Option<super::A> { None }"),
        ),
        (
            path("c"),
            File::read("// crate::d::D\nuse crate::a::A; const D: &str = \"crate::d::D\";"),
        ),
        (
            path("d"),
            File::read("use crate::c; fn f() { c::g() } #[cfg(test)]\nmod tests {}"),
        ),
    ]));
    assert_eq!(files.circles(), [["a", "b"].map(str::to_owned).to_vec()]);
    assert!(files.used_by(&path("d")).contains(&path("c")));
}

/// A module's path: nothing for the crate itself.
type Module = Vec<String>;

fn path(text: &str) -> Module {
    let parts = text.split("::").filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// A `use`.
struct Use {
    is_public: bool,
    path: Vec<String>,
    /// What it is called here; `*` for all there is.
    name: String,
}

struct File {
    uses: Vec<Use>,
    /// The other paths in it.
    paths: Vec<Vec<String>>,
    /// Every word in it.
    words: BTreeSet<String>,
}

struct Files(BTreeMap<Module, File>);

impl Files {
    fn of(folder: &Path) -> Self {
        let mut found = Vec::new();
        rust_files(folder, &mut found);
        let module = |file: &Path| {
            let within = file.strip_prefix(folder).unwrap().with_extension("");
            let parts = within.iter().map(|part| part.to_str().unwrap().to_owned());
            let mut parts: Module = parts.collect();
            let is_folder = parts.last().is_some_and(|last| last == "mod");
            if is_folder || parts == ["lib"] || parts == ["main"] {
                parts.pop();
            }
            parts
        };
        let read = |file: &Path| File::read(&fs::read_to_string(file).unwrap());
        Self(
            found
                .iter()
                .map(|file| (module(file), read(file)))
                .collect(),
        )
    }

    /// Where what a path in a module names is made, and what is left of the path; nothing for what is
    /// another crate's.
    fn find(&self, from: &Module, path: &[String], steps: usize) -> Option<(Module, Vec<String>)> {
        let rest = path.iter().filter(|part| *part != "self").cloned();
        let mut rest: Vec<String> = rest.collect();
        let mut place = match path.first()?.as_str() {
            "crate" => {
                rest.remove(0);
                Vec::new()
            }
            "self" | "super" => from.clone(),
            first if self.0.contains_key(&join(from, first)) => from.clone(),
            _ => return None,
        };
        while rest.first().is_some_and(|part| part == "super") {
            rest.remove(0);
            place.pop();
        }
        while let Some(next) = rest.first() {
            let inner = join(&place, next);
            if !self.0.contains_key(&inner) {
                break;
            }
            place = inner;
            rest.remove(0);
        }
        let shown = rest.first().filter(|_| steps < MOST_STEPS);
        let through = shown.and_then(|name| self.through(&place, name, &rest[1..], steps + 1));
        Some(through.unwrap_or((place, rest)))
    }

    /// Follows a name that a module shows on.
    fn through(
        &self,
        module: &Module,
        name: &str,
        rest: &[String],
        steps: usize,
    ) -> Option<(Module, Vec<String>)> {
        let mut shown = self.0.get(module)?.uses.iter().filter(|one| one.is_public);
        shown.find_map(|one| match one.name.as_str() {
            "*" => {
                let path = [&one.path[..], &[name.to_owned()], rest].concat();
                let found = self.find(module, &path, steps)?;
                let is_there = self.0.get(&found.0)?.words.contains(name);
                (is_there && found.0 != *module).then_some(found)
            }
            known if known == name => self.find(module, &[&one.path[..], rest].concat(), steps),
            _ => None,
        })
    }

    /// The files that one uses something of.
    fn used_by(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.0[module];
        let mut used = BTreeSet::new();
        let mut modules = BTreeMap::new();
        for one in &file.uses {
            match self.find(module, &one.path, 0) {
                Some((found, rest)) if rest.is_empty() && one.name != "*" => {
                    modules.insert(one.name.as_str(), found);
                }
                Some((found, _)) if !one.is_public => drop(used.insert(found)),
                _ => {}
            }
        }
        for path in &file.paths {
            let found = match modules.get(path[0].as_str()) {
                Some(known) => {
                    let path = [&["self".to_owned()], &path[1..]].concat();
                    self.find(known, &path, 0)
                }
                None => self.find(module, path, 0),
            };
            used.extend(
                found
                    .filter(|(_, rest)| !rest.is_empty())
                    .map(|(found, _)| found),
            );
        }
        used.remove(module);
        used
    }

    /// Each circle of two files or more, by the names of its files.
    fn circles(&self) -> Vec<Vec<String>> {
        let modules: Vec<_> = self.0.keys().collect();
        let mut reached: BTreeMap<_, BTreeSet<Module>> = BTreeMap::new();
        for module in &modules {
            let mut seen = BTreeSet::new();
            let mut next = self.used_by(module);
            while let Some(one) = next.pop_first() {
                if seen.insert(one.clone()) {
                    next.extend(self.used_by(&one));
                }
            }
            reached.insert(*module, seen);
        }
        let both = |one: &Module, other: &Module| {
            one == other || (reached[one].contains(other) && reached[other].contains(one))
        };
        let circle = |one: &&Module| {
            let all = modules.iter().filter(|other| both(one, other));
            all.map(|module| module.join("::")).collect::<Vec<_>>()
        };
        let circles: BTreeSet<_> = modules.iter().map(circle).collect();
        circles.into_iter().filter(|all| all.len() > 1).collect()
    }
}

fn join(module: &Module, name: &str) -> Module {
    [&module[..], &[name.to_owned()]].concat()
}

impl File {
    fn read(text: &str) -> Self {
        let words = words(text);
        // Tests are at the end.
        let test = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
        let tests = words.windows(test.len()).position(|window| window == test);
        let words = &words[..tests.unwrap_or(words.len())];
        let mut file = Self {
            uses: Vec::new(),
            paths: Vec::new(),
            words: words.iter().cloned().collect(),
        };
        let mut at = 0;
        while at < words.len() {
            if words[at] == "use" {
                let length = words[at..].iter().position(|word| word == ";");
                let end = at + length.unwrap_or(words.len() - at);
                let is_public = at > 0 && matches!(&*words[at - 1], "pub" | ")");
                file.read_use(is_public, &mut words[at + 1..end].iter(), &[]);
                at = end;
            } else if is_name(&words[at]) {
                let mut parts = vec![words[at].clone()];
                while words.get(at + 1).is_some_and(|word| word == "::")
                    && words.get(at + 2).is_some_and(|word| is_name(word))
                {
                    parts.push(words[at + 2].clone());
                    at += 2;
                }
                if parts.len() > 1 {
                    file.paths.push(parts);
                }
                at += 1;
            } else {
                at += 1;
            }
        }
        file
    }

    /// Reads a tree of names up to its end, or to that of the braces around it.
    fn read_use<'a>(
        &mut self,
        is_public: bool,
        words: &mut impl Iterator<Item = &'a String>,
        before: &[String],
    ) {
        let (mut path, mut name) = (before.to_vec(), None);
        let mut is_over = false;
        while !is_over {
            match words.next().map(String::as_str) {
                Some("::") => {}
                Some("{") => {
                    let prefix = std::mem::replace(&mut path, before.to_vec());
                    self.read_use(is_public, words, &prefix);
                }
                Some("as") => name = words.next().cloned(),
                Some("*") => name = Some("*".to_owned()),
                Some(word) if word != "," && word != "}" => path.push(word.to_owned()),
                end => {
                    is_over = end != Some(",");
                    let path = std::mem::replace(&mut path, before.to_vec());
                    let last = path.iter().rfind(|part| *part != "self").cloned();
                    if let Some(name) = name.take().or(last.filter(|_| path != before)) {
                        self.uses.push(Use {
                            is_public,
                            path,
                            name,
                        });
                    }
                }
            }
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The words and signs of a text, without comments and what is quoted.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            quoted(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\") {
            rest[2..].find('\'').map_or(rest.len(), |end| end + 3)
        } else if is_name(rest) || first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let end = end.unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            words.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                words.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

/// How long what is quoted at the start of a text is, in octets.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, sign) in text.char_indices().skip(1) {
        match sign {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
