//! What expressions may say, where it is said what they may not, and what they come to.

use std::borrow::Cow;
use std::thread;

use swarmlite_proto::spec::Labels;

use super::parse::MAX_BRACKETS;
use super::parse::MAX_LENGTH;
use super::*;

/// A node that has every fact.
struct Sample {
    labels: Labels,
}

impl Sample {
    fn node() -> Self {
        let labels = [("zone", "a"), ("size", "12")];
        Self { labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into() }
    }
}

impl Facts for Sample {
    fn known(&self, fact: Fact) -> Known<'_> {
        match fact.kind() {
            Kind::Text => Known::Text(Cow::Borrowed(fact.name())),
            Kind::Labels => Known::Labels(&self.labels),
            _ => Known::Number(match fact {
                Fact::NodeCpus => 4.0,
                Fact::FreeCpus => 1.5,
                Fact::NodeMemory => 8e9,
                Fact::FreeMemory => 2e9,
                _ => 3.0,
            }),
        }
    }
}

fn holds(text: &str) -> Computed<bool> {
    Expression::filter(text)
        .unwrap_or_else(|fault| panic!("{text}: {fault}"))
        .holds(&Sample::node())
}

fn number(text: &str) -> Computed<f64> {
    Expression::score(text)
        .unwrap_or_else(|fault| panic!("{text}: {fault}"))
        .number(&Sample::node())
}

fn fault(text: &str) -> String {
    Expression::filter(text).expect_err(text).to_string()
}

#[test]
fn a_filter_is_true_or_false() {
    for (text, expected) in [
        ("true", true),
        ("node.labels.zone == 'a'", true),
        ("node.labels['zone'] != 'a'", false),
        ("node.labels.zone in ['b', 'c'] || node.cpus >= 4", true),
        ("has(node.labels.gpu) && node.labels.gpu == 'yes'", false),
        ("has(node.engine.labels.zone)", true),
        ("'zone' in service.labels", true),
        ("!('gpu' in node.labels)", true),
        ("node.hostname.startsWith('node.') && node.hostname.size() == 13", true),
        ("node.role.contains('x') ? node.cpus > 1 : node.cpus > 9", false),
        ("int(node.labels.size) > 10", true),
        ("int(node.tasks) % 2 == 1", true),
        ("node.labels.exists(name, name.endsWith('ne'))", true),
        ("node.labels.all(name, node.labels[name] == 'a')", false),
        ("[1, 2.5].exists_one(size, size * 2 == node.tasks - 1)", true),
        ("string(node.tasks) + 'x' == '3x'", true),
        // What is not needed may be missing.
        ("node.labels.gpu == 'yes' || node.cpus > 2", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_score_is_a_number_and_whole_ones_are_as_good() {
    for (text, expected) in [
        ("1", 1.0),
        ("-node.tasks", -3.0),
        ("node.free.memory / node.memory * 100", 25.0),
        ("node.tasks * 2 + 1", 7.0),
        ("size(node.labels) + node.cpus", 6.0),
        ("node.labels.zone == 'a' ? 1 : 0.5", 1.0),
        ("node.labels.zone == 'b' ? 1.5 : size(node.id)", 7.0),
        ("double(node.labels.size) / 8", 1.5),
        ("[1, 2.5][0] / 2", 0.5),
        ("1 / 2", 0.0),
        ("1 / 0.0", f64::INFINITY),
    ] {
        assert_eq!(number(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_told_says_why() {
    for (text, expected) in [
        ("node.labels.gpu == 'yes'", "there is no label \"gpu\""),
        ("node.engine.labels['gpu'] == 'yes'", "there is no label \"gpu\""),
        ("int(node.tasks) / 0 == 1", "it divides by zero"),
        ("[1][1] == 1", "a list has no such element"),
        ("9223372036854775807 + 1 == 0", "a number is too large"),
        ("0.0 / 0 < 1", "something is not a number"),
    ] {
        assert_eq!(holds(text), Err(expected.to_owned()), "{text}");
    }
    assert_eq!(number("0.0 / 0"), Err("it is not a number".to_owned()));
    let unreadable = holds("int(node.labels.zone) == 1").expect_err("no number");
    assert!(unreadable.contains("invalid digit"), "{unreadable}");
}

#[test]
fn a_fault_has_its_place() {
    for (text, expected) in [
        ("", "line 1, column 1: there is no expression"),
        ("node.zone == 'a'", "line 1, column 1: unknown name \"node.zone\""),
        ("true &&\n node == 1", "line 2, column 2: unknown name \"node\""),
        ("'ä' == 'b' && nodes > 1", "line 1, column 15: unknown name \"nodes\""),
        ("node.cpus", "line 1, column 5: it has to come to true or false, and comes to a double"),
        ("node.cpus > ", "line 1, column 13: mismatched input '<EOF>'"),
        ("node.cpus > 'a'", "line 1, column 11: > is not for double and string"),
        ("node.cpus + 'a' == 1", "line 1, column 11: + is not for double and string"),
        ("node.tasks % 2 == 0", "line 1, column 12: % is not for double and int"),
        ("node.labels.zone == 1", "line 1, column 18: == is not for string and int"),
        ("-node.id == 1", "line 1, column 1: - is not for string"),
        ("true ? 1 : 'a'", "line 1, column 6: ?: is not for bool and int and string"),
        ("node.id[0] == 'a'", "line 1, column 8: [] is not for string and int"),
        ("node.cpus.size() > 1", "line 1, column 15: size is not for double"),
        ("node.id.matches('a')", "line 1, column 16: unknown function \"matches\""),
        ("now() > 1", "line 1, column 4: unknown function \"now\""),
        (
            "node.id.length > 1",
            "line 1, column 1: node.id is a string and has no member \"length\"",
        ),
        (
            "node.labels.a.b == 'c'",
            "line 1, column 1: node.labels is a map and has no member \"a\"",
        ),
        ("has(node.id)", "line 1, column 5: node.id is always there, has() is for labels"),
        ("node.cpus in []", "line 1, column 14: a list has to have an element"),
        (
            "1 in [1, 'a']",
            "line 1, column 10: a list is of one kind, and this one of int and string",
        ),
        ("{'a': true}['a']", "line 1, column 1: maps are not supported"),
        ("1u == 1u", "line 1, column 1: unsigned numbers are not supported"),
        ("null == null", "line 1, column 1: null is not supported"),
        ("b'a' == b'a'", "line 1, column 1: bytes are not supported"),
        (
            "size([1].map(x, x)) == 1",
            "line 1, column 13: only has, all, exists and exists_one are supported",
        ),
        (
            "[1].exists(x, [2].all(y, x < y))",
            "line 1, column 22: all, exists and exists_one cannot be nested",
        ),
        ("node.id.exists(x, true)", "line 1, column 5: a string has no elements to go over"),
        (
            "[1].exists(x, x)",
            "line 1, column 15: the condition has to come to true or false, and comes to a int",
        ),
        (
            "['a'].exists(node, node.id == 'a')",
            "line 1, column 20: node is a string and has no members",
        ),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
    let score = Expression::score("node.cpus > 1").expect_err("is true or false").to_string();
    assert_eq!(score, "line 1, column 11: it has to come to a number, and comes to a bool");
    let unclosed = fault("size('a");
    assert!(unclosed.starts_with("line 1, column 6: token recognition error"), "{unclosed}");
}

#[test]
fn every_fact_has_a_name_and_a_kind_that_holds() {
    for fact in Fact::ALL {
        let name = fact.name();
        let text = match fact.kind() {
            Kind::Text => format!("{name} == '{name}'"),
            Kind::Labels => format!("{name}.zone == 'a'"),
            _ => format!("{name} > 1"),
        };
        assert_eq!(holds(&text), Ok(true), "{text}");
        let expression = Expression::filter(&text).expect("is one");
        assert!(expression.facts(&Sample::node()).starts_with(name), "{text}");
    }
}

#[test]
fn what_was_asked_about_is_told() {
    let text = "node.cpus > 9 || node.labels.zone == 'b' || 'gpu' in node.labels || node.labels.size() > 7";
    let told = Expression::filter(text).expect("is one").facts(&Sample::node());
    assert_eq!(told, "node.cpus is 4, node.labels.zone is \"a\", node.labels.gpu is not there");
}

/// What takes the most stack while it is read ends in a fault, and not the process.
#[test]
fn nothing_uses_the_stack_up() {
    let fitting = |part: &str, end: &str| part.repeat((MAX_LENGTH - end.len()) / part.len()) + end;
    for text in [
        fitting("(", "1"),
        fitting("[", "1"),
        fitting("!", "true"),
        fitting("-", "1"),
        fitting("- ", "1"),
        fitting("1+", "1"),
        fitting("a.", "a"),
        fitting("a?", "a"),
        fitting("true?1:", "1"),
        fitting("true&&", "true"),
        fitting("a||b&&", "true"),
        fitting("1==", "1"),
        fitting("\n", "1"),
        fitting("'", "1"),
        fitting(")", "1"),
        "(".repeat(MAX_BRACKETS),
        format!("{}1{}", "(".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS)),
        format!("{}1{}", "[".repeat(MAX_BRACKETS), "]".repeat(MAX_BRACKETS)),
        format!("{}1{}", "size(".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS)),
        format!("{}1{}", "-(".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS)),
        format!("{}1{}", "{1:".repeat(MAX_BRACKETS), "}".repeat(MAX_BRACKETS)),
        format!("{}1{}", "true?1:(".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS)),
        format!("{}1{}", "a.b(".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS)),
        format!("{}1{}", "[1].all(x,".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS)),
    ] {
        assert!(text.len() <= MAX_LENGTH, "{text}");
        if let Err(fault) = Expression::score(&text) {
            assert!(fault.to_string().starts_with("line "), "{fault}");
        }
    }
}

#[test]
fn the_limits_are_told() {
    let brackets = |count: usize| format!("{}1{}", "(".repeat(count), ")".repeat(count));
    assert_eq!(Expression::score(&brackets(64)).map(drop), Ok(()));
    let many = Expression::score(&brackets(65)).expect_err("too many").to_string();
    assert_eq!(many, "line 1, column 65: an expression has at most 64 opening brackets");
    let long = format!("'{}' == ''", "ä".repeat(600));
    let expected = "line 1, column 513: an expression has at most 1024 bytes, and this one 1208";
    assert_eq!(fault(&long), expected);
    let sum = |terms: usize| vec!["1.5"; terms].join("+");
    assert_eq!(Expression::score(&sum(24)).map(drop), Ok(()));
    let deep = Expression::score(&sum(25)).expect_err("too deep").to_string();
    assert_eq!(deep, "line 1, column 1: an expression has at most 24 levels, and this one 25");
    let list = |elements: usize| format!("1 in [{}]", vec!["1"; elements].join(","));
    assert_eq!(Expression::filter(&list(64)).map(drop), Ok(()));
    assert_eq!(fault(&list(65)), "line 1, column 6: a list has at most 64 elements");
}

/// As much as a thread of the runtime has left, whatever else is on it.
#[test]
fn the_deepest_expression_is_computed_on_a_small_stack() {
    let deepest = format!("{}size([1])", "1.5+(".repeat(20)) + &")".repeat(20);
    let looped = format!("[1].exists(x, {}x > 0{})", "!(".repeat(20), ")".repeat(20));
    let sum = Expression::score(&deepest).expect("is within the limits");
    let looped = Expression::filter(&looped).expect("is within the limits");
    assert!(Expression::score(&format!("1.5+({deepest})")).is_err(), "it is the deepest");
    let small = thread::Builder::new().stack_size(1 << 20);
    let computed =
        small.spawn(move || (sum.number(&Sample::node()), looped.holds(&Sample::node())));
    let computed = computed.expect("starts").join().expect("there is enough of the stack");
    assert_eq!(computed, (Ok(31.0), Ok(true)));
}

#[test]
fn the_manual_has_every_fact_and_its_examples_can_be_read() {
    let manual = include_str!("../../../docs/placement.md");
    let (_, section) = manual.split_once("## Expressions\n").expect("is there");
    let (section, _) = section.split_once("\n## ").expect("others follow");
    for fact in Fact::ALL {
        assert!(section.contains(&format!("`{}`", fact.name())), "{}", fact.name());
    }
    let examples: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| !["sudo ", "$ ", "Error: "].iter().any(|start| line.starts_with(start)))
        .filter_map(|line| line.split("   ").next())
        .collect();
    assert!(examples.len() > 4, "{examples:?}");
    for example in examples {
        let read = Expression::filter(example).or_else(|_| Expression::score(example));
        assert_eq!(read.map(drop), Ok(()), "{example}");
    }
}
