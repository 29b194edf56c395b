//! The structure of the code: crates and modules form no circles, and arrows point down.
//!
//! Read off the tokens of the files, not off text, so that comments and strings do not count. Inside of a crate two things hold, at every
//! depth of the tree of modules:
//!
//! - Siblings, each with everything under it, form no circle.
//! - No module takes anything from the root of its crate: the root composes.
//!
//! What a file shares with the files in the folder of its name is their business: they are one thing in several files.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proc_macro2::Delimiter;
use proc_macro2::Group;
use proc_macro2::TokenStream;
use proc_macro2::TokenTree;
use toml_edit::DocumentMut;

use crate::root;

/// The crates from the bottom to the top: each may use those before it.
const CRATES: [&str; 10] =
    ["proto", "rpc", "vault", "proxy", "compose", "manager", "agent", "api", "cli", "tests"];

/// What may not be used, although it is further down.
const STRANGERS: [(&str, &str); 9] = [
    ("agent", "swarmlite-manager"),
    ("api", "swarmlite-agent"),
    ("api", "swarmlite-compose"),
    ("compose", "swarmlite-rpc"),
    ("manager", "bollard"),
    ("manager", "rtnetlink"),
    ("proto", "tokio"),
    ("proxy", "swarmlite-rpc"),
    ("proxy", "swarmlite-vault"),
];

/// The path of a module in its crate; empty for the root.
type Module = Vec<String>;

/// Which module uses which.
type Arrows = BTreeMap<Module, BTreeSet<Module>>;

/// The files of a crate by the modules that they are.
fn modules(source: &Path) -> BTreeMap<Module, TokenStream> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![(source.to_owned(), Module::new())];
    while let Some((folder, parent)) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let is_file = path.extension().is_some_and(|extension| extension == "rs");
            if !(is_file || path.is_dir()) || name == "bin" {
                continue;
            }
            let mut module = parent.clone();
            if !(parent.is_empty() && is_file && matches!(&*name, "lib" | "main")) {
                module.push(name);
            }
            if is_file {
                let text = fs::read_to_string(&path).unwrap();
                modules.insert(module, text.parse().unwrap());
            } else {
                folders.push((path, module));
            }
        }
    }
    let for_tests: Vec<Module> = modules.iter().flat_map(for_tests).collect();
    modules.retain(|module, _| !for_tests.iter().any(|tests| module.starts_with(tests)));
    modules
}

/// The modules that a file declares for tests only.
fn for_tests((module, code): (&Module, &TokenStream)) -> Vec<Module> {
    let mut found = Vec::new();
    let mut is_test = false;
    let mut tokens = code.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => is_test |= is_for_tests(&group),
            TokenTree::Ident(word) if word == "mod" && is_test => {
                let name = tokens.next().map(|name| name.to_string());
                found.push(module.iter().cloned().chain(name).collect());
            }
            TokenTree::Punct(sign) if sign.as_char() == ';' => is_test = false,
            _ => {}
        }
        is_test &= !matches!(tokens.peek(), Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace);
    }
    found
}

/// Whether these are the brackets of an attribute by which an item exists for tests only.
fn is_for_tests(group: &Group) -> bool {
    let text = group.stream().to_string().replace(' ', "");
    text == "cfg(test)" || text == "cfg(feature=\"testing\")" || text.starts_with("cfg(any(test,")
}

/// The paths in some code that begin with `crate`, `self` or `super`. Items under `#[cfg(test)]` are left out.
fn paths(code: TokenStream) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    let mut is_test = false;
    let mut is_visibility = false;
    for token in code {
        // `pub(in crate::x)` says who may look, and takes nothing.
        if std::mem::replace(&mut is_visibility, is_word(&token, "pub")) && is_group(&token) {
            continue;
        }
        match &token {
            TokenTree::Ident(word) => {
                let begins = ["crate", "self", "super"].iter().any(|root| word == root);
                if !path.is_empty() && colons == 2 {
                    path.push(word.to_string());
                } else {
                    found.push(std::mem::take(&mut path));
                    path.extend(begins.then(|| word.to_string()));
                }
                colons = 0;
            }
            TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
            TokenTree::Punct(sign) => {
                found.push(std::mem::take(&mut path));
                // An item without a body ends here.
                is_test &= sign.as_char() != ';';
            }
            TokenTree::Group(group) => {
                found.push(std::mem::take(&mut path));
                let is_body = group.delimiter() == Delimiter::Brace;
                if is_for_tests(group) {
                    is_test = true;
                } else if is_test && is_body {
                    is_test = false;
                } else if !is_test {
                    found.extend(paths(group.stream()));
                }
            }
            TokenTree::Literal(_) => {}
        }
        if is_test {
            path.clear();
        }
    }
    found.push(path);
    found.retain(|path| path.len() > 1);
    found
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(it) if it == word)
}

const fn is_group(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(_))
}

/// The module that a path in `from` leads into.
fn target(known: &BTreeSet<Module>, from: &[String], path: &[String]) -> Module {
    let mut target = from.to_vec();
    let mut names = path.iter().peekable();
    match names.next().map(String::as_str) {
        Some("crate") => target.clear(),
        Some("super") => drop(target.pop()),
        _ => {}
    }
    while names.next_if(|name| *name == "super").is_some() {
        target.pop();
    }
    for name in names {
        target.push(name.clone());
        if !known.contains(&target) {
            target.pop();
            break;
        }
    }
    target
}

/// Who uses whom in a crate.
fn arrows(modules: BTreeMap<Module, TokenStream>) -> Arrows {
    let known: BTreeSet<Module> = modules.keys().cloned().collect();
    let targets = |(from, code): (Module, TokenStream)| {
        let targets = paths(code).into_iter().map(|path| target(&known, &from, &path));
        let targets = targets.filter(|target| *target != from).collect();
        (from, targets)
    };
    modules.into_iter().map(targets).collect()
}

/// The circles among siblings, each as the modules on it.
fn circles(arrows: &Arrows) -> BTreeSet<BTreeSet<Module>> {
    let mut siblings = Arrows::new();
    for (from, targets) in arrows {
        for target in targets {
            let shared = from.iter().zip(target).take_while(|(a, b)| a == b).count();
            // One of them is an ancestor of the other.
            if shared == from.len() || shared == target.len() {
                continue;
            }
            let (from, target) = (from[..=shared].to_vec(), target[..=shared].to_vec());
            siblings.entry(from).or_default().insert(target);
        }
    }
    let reached = |from: &Module| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(next) = open.pop() {
            let targets = siblings.get(next).into_iter().flatten();
            open.extend(targets.filter(|target| reached.insert(Module::clone(target))));
        }
        reached
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> =
        siblings.keys().map(|from| (from, reached(from))).collect();
    let is_on = |module: &Module| reached[module].contains(module);
    let circle = |module: &Module| {
        let others = reached[module].iter();
        others
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(module)))
            .cloned()
            .collect()
    };
    siblings.keys().filter(|module| is_on(module)).map(circle).collect()
}

/// Modules that take something from the root of their crate.
fn upward(modules: &BTreeMap<Module, TokenStream>) -> Vec<Module> {
    let known: BTreeSet<Module> = modules.keys().cloned().collect();
    let takes = |(from, code): (&Module, &TokenStream)| {
        let mut paths = paths(code.clone()).into_iter();
        let is_root = |path: Vec<String>| target(&known, from, &path).is_empty();
        (!from.is_empty() && paths.any(is_root)).then(|| from.clone())
    };
    modules.iter().filter_map(takes).collect()
}

/// What is wrong with the modules of a crate.
fn faults(name: &str, modules: BTreeMap<Module, TokenStream>) -> Vec<String> {
    let say = |module: &Module| module.join("::");
    let mut faults: Vec<String> = upward(&modules)
        .iter()
        .map(|module| format!("{name}: {} takes something from the root of the crate", say(module)))
        .collect();
    let arrows = arrows(modules);
    for circle in circles(&arrows) {
        let names: Vec<_> = circle.iter().map(say).collect();
        faults.push(format!("{name}: a circle of {}", names.join(", ")));
        let is_on = |module: &Module| circle.iter().any(|one| module.starts_with(one));
        for (from, targets) in arrows.iter().filter(|(from, _)| is_on(from)) {
            for target in targets.iter().filter(|target| is_on(target)) {
                faults.push(format!("    {} uses {}", say(from), say(target)));
            }
        }
    }
    faults
}

#[test]
fn modules_form_no_circles() {
    let faults: Vec<String> = CRATES
        .iter()
        .flat_map(|name| faults(name, modules(&root().join(name).join("src"))))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn crates_use_only_what_is_below_them() {
    for (level, name) in CRATES.iter().enumerate() {
        let text = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let manifest: DocumentMut = text.parse().unwrap();
        let dependencies = manifest["dependencies"].as_table_like().unwrap();
        for (used, _) in dependencies.iter() {
            let stranger = STRANGERS.contains(&(*name, used));
            let position = |crates: &str| CRATES.iter().position(|one| *one == crates);
            let own = used.strip_prefix("swarmlite-").and_then(position);
            assert!(!stranger && own.is_none_or(|own| own < level), "{name} uses {used}");
        }
    }
}

/// The modules of a crate that is written down here.
fn planted(files: &[(&str, &str)]) -> BTreeMap<Module, TokenStream> {
    let module = |path: &str| -> Module {
        path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    files.iter().map(|(path, code)| (module(path), code.parse().unwrap())).collect()
}

#[test]
fn a_planted_circle_is_found() {
    let circle = planted(&[
        ("", "mod a; mod b; mod c;"),
        ("a", "mod deep;"),
        ("a::deep", "fn f() { let x = vec![crate::b::g()]; }"),
        ("b", "use super::c::h;"),
        ("c", "use crate::a;"),
        ("d", "use crate::a::deep;"),
    ]);
    let faults = faults("planted", circle);
    assert_eq!(
        faults,
        ["planted: a circle of a, b, c", "    a::deep uses b", "    b uses c", "    c uses a",]
    );
}

#[test]
fn a_planted_arrow_upwards_is_found() {
    let arrow = planted(&[("", "mod a; pub struct Top;"), ("a", "use crate::Top;")]);
    assert_eq!(faults("planted", arrow), ["planted: a takes something from the root of the crate"]);
}

#[test]
fn tests_comments_and_families_do_not_count() {
    let fine = planted(&[
        ("", "mod a; mod b; use self::a::A;"),
        ("a", "mod part; use crate::b::B; use self::part::P; pub struct A;"),
        ("a::part", "use super::A; pub(in crate::a) struct P; pub(crate) struct Q;"),
        (
            "b",
            "// crate::a\n const X: &str = \"crate::a\"; #[cfg(test)] mod tests { use crate::a::A; }",
        ),
        (
            "c",
            "#[cfg(test)] use crate::Top; #[cfg(test)] pub(super) fn f() { crate::g() } use crate::a;",
        ),
    ]);
    assert_eq!(faults("planted", fine), Vec::<String>::new());
}
