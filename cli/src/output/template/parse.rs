//! From text to the tree of a template.

use serde_json::Value;

use super::Expression;
use super::Function;
use super::Node;

/// A piece of the text: outside or inside of braces.
enum Piece<'a> {
    Text(&'a str),
    Action(&'a str),
}

/// What ended a list of nodes.
#[derive(PartialEq, Eq)]
enum Stop {
    Text,
    Else,
    Closed,
}

/// Reads a whole template.
pub(super) fn template(text: &str) -> Result<Vec<Node>, String> {
    let pieces = pieces(text)?;
    let mut pieces = pieces.into_iter();
    match list(&mut pieces)? {
        (nodes, Stop::Text) => Ok(nodes),
        (_, Stop::Else) => Err("unexpected {{else}}".to_owned()),
        (_, Stop::Closed) => Err("unexpected {{end}}".to_owned()),
    }
}

/// Splits at braces. `{{-` and `-}}` take the white space beside them away.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, after) = after.split_once("}}").ok_or("unclosed action")?;
        let (before, action) = match action.strip_prefix('-') {
            Some(action) => (before.trim_end(), action),
            None => (before, action),
        };
        let (action, after) = match action.strip_suffix('-') {
            Some(action) => (action, after.trim_start()),
            None => (action, after),
        };
        pieces.extend([Piece::Text(before), Piece::Action(action.trim())]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// Reads nodes up to the end of the text, `{{else}}` or `{{end}}`.
fn list<'a>(pieces: &mut impl Iterator<Item = Piece<'a>>) -> Result<(Vec<Node>, Stop), String> {
    let mut nodes = Vec::new();
    while let Some(piece) = pieces.next() {
        let action = match piece {
            Piece::Text("") => continue,
            Piece::Text(text) => {
                nodes.push(Node::Text(text.to_owned()));
                continue;
            }
            Piece::Action(action) => action,
        };
        let (word, rest) = action.split_once(char::is_whitespace).unwrap_or((action, ""));
        match word {
            "end" => return Ok((nodes, Stop::Closed)),
            "else" if rest.trim().is_empty() => return Ok((nodes, Stop::Else)),
            "if" => {
                let (then, otherwise) = branches(pieces)?;
                nodes.push(Node::If(expression(rest)?, then, otherwise));
            }
            "range" => {
                let (each, empty) = branches(pieces)?;
                nodes.push(Node::Range(expression(rest)?, each, empty));
            }
            "else" | "with" | "define" | "template" | "block" | "break" | "continue" => {
                return Err(format!("{{{{{action}}}}} is not supported"));
            }
            _ if action.starts_with("/*") => {}
            _ => nodes.push(Node::Print(expression(action)?)),
        }
    }
    Ok((nodes, Stop::Text))
}

/// Reads what belongs to an `if` or `range`, and to its `else`.
fn branches<'a>(
    pieces: &mut impl Iterator<Item = Piece<'a>>,
) -> Result<(Vec<Node>, Vec<Node>), String> {
    let unclosed = || "missing {{end}}".to_owned();
    let (first, end) = list(pieces)?;
    match end {
        Stop::Closed => Ok((first, Vec::new())),
        Stop::Text => Err(unclosed()),
        Stop::Else => match list(pieces)? {
            (second, Stop::Closed) => Ok((first, second)),
            _ => Err(unclosed()),
        },
    }
}

/// Reads `a b | c`: the result of what stands before a bar is the last argument of what stands behind it.
fn expression(text: &str) -> Result<Expression, String> {
    let mut result = None;
    for command in words(text)?.split(|word| word == "|") {
        result = Some(call(command, result)?);
    }
    result.ok_or_else(|| "missing value for command".to_owned())
}

fn call(words: &[String], piped: Option<Expression>) -> Result<Expression, String> {
    let (first, rest) = words.split_first().ok_or("missing value for command")?;
    let mut arguments = rest.iter().map(|word| operand(word)).collect::<Result<Vec<_>, _>>()?;
    match Function::named(first) {
        Some(function) => {
            arguments.extend(piped);
            if arguments.is_empty() {
                return Err(format!("wrong number of args for {first}: got 0"));
            }
            Ok(Expression::Call(function, arguments))
        }
        None if rest.is_empty() && piped.is_none() => operand(first),
        None => Err(format!("function \"{first}\" not defined")),
    }
}

fn operand(word: &str) -> Result<Expression, String> {
    if let Some(names) = word.strip_prefix('.') {
        if names.is_empty() {
            return Ok(Expression::Field(Vec::new()));
        }
        let names: Vec<String> = names.split('.').map(str::to_owned).collect();
        return if names.iter().all(|name| is_name(name)) {
            Ok(Expression::Field(names))
        } else {
            Err(format!("bad field {word:?}"))
        };
    }
    if word.starts_with('"') {
        let text = serde_json::from_str(word).map_err(|_| format!("bad string {word}"))?;
        return Ok(Expression::Literal(Value::String(text)));
    }
    match word.parse::<i64>() {
        Ok(number) => Ok(Expression::Literal(number.into())),
        Err(_) if word.starts_with('$') => Err(format!("variables are not supported: {word}")),
        Err(_) => Err(format!("function \"{word}\" not defined")),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Splits at white space and bars, outside of strings. Single parts in parentheses are not supported.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' if !word.ends_with('\\') => {
                quoted = !quoted;
                word.push(c);
            }
            '(' | ')' | '`' if !quoted => return Err(format!("{c} is not supported in {text}")),
            c if quoted => word.push(c),
            c if c.is_whitespace() || c == '|' => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if c == '|' {
                    words.push("|".to_owned());
                }
            }
            c => word.push(c),
        }
    }
    if quoted {
        return Err(format!("unterminated quoted string in {text}"));
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}
