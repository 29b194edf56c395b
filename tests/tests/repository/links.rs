//! Links of the documents to files of the repository and to their headings.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::root;

/// The documents with their texts, by path.
fn documents() -> BTreeMap<PathBuf, String> {
    let folders = [root(), root().join("docs")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The targets of the links in a text, without those in code.
fn targets(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.starts_with("    "));
    let links = lines.flat_map(|line| line.split("](").skip(1));
    links.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// The anchors of the headings in a text, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let titles = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    titles.map(|title| title.chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// What is wrong with a link from the document `from` to `target`.
fn fault(documents: &BTreeMap<PathBuf, String>, from: &Path, target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() {
        from.to_owned()
    } else {
        from.parent()?.join(path).canonicalize().ok().unwrap_or_default()
    };
    if !path.exists() {
        return Some(format!("{}: there is no {target}", from.display()));
    }
    let known = documents.get(&path).map(|text| anchors(text)).unwrap_or_default();
    let missing = !anchor.is_empty() && !known.contains(anchor);
    missing.then(|| format!("{}: there is no heading {target}", from.display()))
}

#[test]
fn links_lead_somewhere() {
    let documents = documents();
    assert!(documents.len() > 10, "{:?}", documents.keys());
    let links = documents
        .iter()
        .flat_map(|(path, text)| targets(text).into_iter().map(move |target| (path, target)));
    let faults: Vec<String> =
        links.filter_map(|(path, target)| fault(&documents, path, target)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_is_in_the_index() {
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    let listed: BTreeSet<&str> = targets(&index).into_iter().collect();
    let pages = documents().into_keys().filter(|path| path.parent() == Some(&root().join("docs")));
    let names = pages.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let missing: Vec<String> =
        names.filter(|name| name != "README.md" && !listed.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_is_wrong_with_a_link_is_found() {
    let text = "# One Title: `x`\n\n[a](#one-title-x) [b](#two) [c](nowhere.md)\n    [code](no)\n";
    let from = root().join("README.md");
    let documents = BTreeMap::from([(from.clone(), text.to_owned())]);
    let faults = targets(text).into_iter().map(|target| fault(&documents, &from, target).is_some());
    assert_eq!(faults.collect::<Vec<_>>(), [false, true, true]);
}
