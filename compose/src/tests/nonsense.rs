//! Files with something wrong in them, and those that only want to take memory. They are read or refused, and nothing breaks.

use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoil_bytes;
use swarmlite_proto::testing::spoiled_json;
use swarmlite_proto::testing::spoiled_text;

use super::*;

/// Much that there is.
const STACK: &str = include_str!("stack.yml");

/// What becomes of one text.
fn outcome(text: &str) -> Result<Stack, ComposeError> {
    let case = Case::new(&[text]).file("/project/.env", "A=1\nB=${A:-2}\n");
    case.project().and_then(|project| project.to_yaml())?;
    case.stack().map(|(stack, _)| stack)
}

#[test]
fn no_file_breaks_anything() {
    let tree = yaml::parse(STACK).expect("is sound");
    let mut stacks = 0;
    for mut case in cases(100) {
        // JSON is YAML.
        let text = String::from_utf8_lossy(&spoiled_json(&mut case, &tree)).into_owned();
        stacks += u32::from(outcome(&text).is_ok());
        let text = spoiled_text(&mut case, STACK);
        stacks += u32::from(outcome(&text).is_ok());
    }
    assert!(stacks > 0, "some of what is wrong does no harm");
}

#[test]
fn no_variables_break_anything() {
    let sound = "export A='1'\nB=\"${A:-x}\\n$$\" # c\nC=${A:+${B-$A}}${D:?why}\n";
    for mut case in cases(500) {
        let mut bytes = sound.as_bytes().to_vec();
        spoil_bytes(&mut case, &mut bytes);
        let _variables = dotenv::parse(&String::from_utf8_lossy(&bytes), &BTreeMap::new());
    }
}

#[test]
fn variables_in_variables_end_somewhere() {
    let deep = |levels| format!("A={}{}", "${B-".repeat(levels), "}".repeat(levels));
    assert!(dotenv::parse(&deep(10), &BTreeMap::new()).is_ok());
    let refused = dotenv::parse(&deep(20_000), &BTreeMap::new()).expect_err("is too deep");
    assert_eq!(refused, "line 1: too many variables in one another");
}

#[test]
fn variables_of_variables_take_no_memory() {
    let twice = |number: usize| format!("A{}=$A{number}$A{number}\n", number + 1);
    let text = format!("A0=x\n{}", (0..60).map(twice).collect::<String>());
    let refused = dotenv::parse(&text, &BTreeMap::new()).expect_err("is too long");
    assert_eq!(refused, "line 25: variables put more than 16777216 bytes into the file");
}

#[test]
fn ranges_of_ports_take_no_memory() {
    let all =
        |count| format!("services: {{web: {{image: i, ports: [{}]}}}}", "'1-65535',".repeat(count));
    let refused = outcome(&all(4000)).expect_err("are too many").to_string();
    assert_eq!(refused, "services.web.ports asks for more than 65535 ports");
}

#[test]
fn services_that_extend_others_end_somewhere() {
    let chain = |length: usize| {
        let link = |at: usize| format!("  s{at}: {{extends: s{}}}\n", at + 1);
        format!(
            "services:\n{}  s{length}: {{image: i}}\n",
            (0..length).map(link).collect::<String>()
        )
    };
    assert!(outcome(&chain(10)).is_ok());
    let refused = outcome(&chain(3000)).expect_err("is too long").to_string();
    assert!(refused.ends_with("extends too many services"), "{refused}");
}

#[test]
fn files_that_include_others_end_somewhere() {
    let case = Case::new(&["include: [a.yml]"]).file("/project/a.yml", "include: [a.yml, a.yml]");
    assert!(case.refusal().ends_with("includes too many files"), "{}", case.refusal());
    // Thirty files, and 2³⁰ ways to the last.
    let mut case = Case::new(&["include: [0.yml]"]).file("/project/30.yml", "{}");
    for at in 0..30 {
        let text = format!("include: [{0}.yml, {0}.yml]", at + 1);
        case = case.file(&format!("/project/{at}.yml"), text.leak());
    }
    assert!(case.refusal().ends_with("includes too many files"), "{}", case.refusal());
}

#[test]
fn deep_and_repeated_trees_are_refused() {
    let deep = |levels| format!("x: {}{}", "[".repeat(levels), "]".repeat(levels));
    for levels in [100, 1000, 100_000] {
        let _outcome = outcome(&deep(levels));
    }
    let twice =
        |number: usize| format!("x{}: &a{} [*a{number}, *a{number}]\n", number + 1, number + 1);
    let laughs = format!("x0: &a0 [a]\n{}", (0..40).map(twice).collect::<String>());
    outcome(&laughs).expect_err("would be large");
}
