//! The operators and functions that there are, and what they make of what.

use cel::common::ast::operators;

use super::Kind;

/// What an operator or a function makes of `kinds`, of which the first may be what it is a member of. `None` if it is not known, or not
/// for those.
pub(super) fn result(name: &str, is_member: bool, kinds: &[Kind]) -> Option<Kind> {
    match (is_member, kinds) {
        (false, [Kind::Bool, one, other]) if name == operators::CONDITIONAL => {
            (one == other).then(|| one.clone())
        }
        (false, [left, right]) => binary(name, left, right),
        (false, [of]) => unary(name, of).or_else(|| function(name, false, kinds)),
        _ => function(name, is_member, kinds),
    }
}

/// Whether the last two of what it takes have to be numbers of one kind, if they are numbers.
pub(super) fn needs_one_kind(name: &str) -> bool {
    matches!(
        name,
        operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::CONDITIONAL
    )
}

/// Why there is no result.
pub(super) fn misfit(name: &str, kinds: &[Kind]) -> String {
    let is_operator = name.contains(|one: char| !one.is_alphanumeric() && one != '_');
    if !is_operator && !FUNCTIONS.contains(&name) {
        return format!("unknown function {name:?}");
    }
    let written = match name {
        operators::IN => "in",
        operators::CONDITIONAL => "?:",
        operators::INDEX => "[]",
        other => other.trim_matches('_'),
    };
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    let kinds = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(" and ") };
    format!("{written} is not for {kinds}")
}

const FUNCTIONS: [&str; 7] =
    ["size", "int", "double", "string", "contains", "startsWith", "endsWith"];

fn binary(name: &str, left: &Kind, right: &Kind) -> Option<Kind> {
    let both = |wanted: Kind| (*left == wanted && *right == wanted).then_some(wanted);
    let number = || (left == right && left.is_number()).then(|| left.clone());
    let truth = |is_fine: bool| is_fine.then_some(Kind::Bool);
    match name {
        operators::LOGICAL_AND | operators::LOGICAL_OR => both(Kind::Bool),
        operators::EQUALS | operators::NOT_EQUALS => truth(left.is_like(right)),
        operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS => truth(left.is_like(right) && left.has_order()),
        operators::ADD => both(Kind::Text).or_else(number),
        operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE => number(),
        operators::MODULO => both(Kind::Int),
        operators::IN => right.element().and_then(|element| truth(left.is_like(&element))),
        operators::INDEX => match (left, right) {
            (Kind::Labels, Kind::Text) => Some(Kind::Text),
            (Kind::List(element), Kind::Int) => Some(Kind::clone(element)),
            _ => None,
        },
        _ => None,
    }
}

fn unary(name: &str, of: &Kind) -> Option<Kind> {
    match name {
        operators::LOGICAL_NOT if *of == Kind::Bool => Some(Kind::Bool),
        operators::NEGATE if of.is_number() => Some(of.clone()),
        _ => None,
    }
}

fn function(name: &str, is_member: bool, kinds: &[Kind]) -> Option<Kind> {
    match (name, is_member, kinds) {
        ("size", _, [Kind::Text | Kind::Labels | Kind::List(_)])
        | ("int", false, [Kind::Int | Kind::Double | Kind::Text]) => Some(Kind::Int),
        ("double", false, [Kind::Int | Kind::Double | Kind::Text]) => Some(Kind::Double),
        ("string", false, [Kind::Bool | Kind::Int | Kind::Double | Kind::Text]) => Some(Kind::Text),
        ("contains" | "startsWith" | "endsWith", true, [Kind::Text, Kind::Text]) => {
            Some(Kind::Bool)
        }
        _ => None,
    }
}
