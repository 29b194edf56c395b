//! The `.env` file beside a Compose file: values for variables that the user's own environment does not have.
//!
//! Docker compose reads it (compose-go `dotenv`), docker stack deploy does not: its rules are those of the former.

use std::collections::BTreeMap;

use super::template;
use super::template::Room;
use super::template::Variables;

/// Values that stand above in the file, and those of the user, which win.
struct Known<'a> {
    user: &'a BTreeMap<String, String>,
    file: BTreeMap<String, String>,
}

impl Variables for Known<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.user.get(name).or_else(|| self.file.get(name)).cloned()
    }

    fn missing(&mut self, _name: &str) {}
}

/// Reads a file.
///
/// # Errors
///
/// What is wrong, and on which line.
pub(super) fn parse(
    text: &str,
    user: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut known = Known { user, file: BTreeMap::new() };
    let mut room = Room::of_file();
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while !rest.is_empty() {
        let number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let at = |why: &str| format!("line {number}: {why}");
        rest = rest.strip_prefix("export ").map_or(rest, str::trim_start);
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = match line.split_once('=') {
            Some((name, _)) if !line.starts_with('#') => {
                let content = &rest[name.len() + 1..];
                let name = name.trim_end();
                if name.is_empty() || name.contains(char::is_whitespace) {
                    return Err(at(&format!("unexpected variable name {name:?}")));
                }
                let (value, after) =
                    value(content, &mut known, &mut room).map_err(|why| at(&why))?;
                known.file.insert(name.to_owned(), value);
                after
            }
            // A comment, or a name alone: it takes the user's value, which it has anyway.
            _ => after,
        };
        rest = rest.trim_start();
    }
    Ok(known.file)
}

/// Reads one value. Returns what follows its line.
fn value<'a>(
    text: &'a str,
    known: &mut Known<'_>,
    room: &mut Room,
) -> Result<(String, &'a str), String> {
    let text = text.trim_start_matches([' ', '\t']);
    let mut substituted = |text: &str, known: &mut Known<'_>| {
        template::substitute(text, known, room).map_err(|error| error.to_string())
    };
    let quote = text.chars().next().filter(|letter| matches!(letter, '\'' | '"'));
    let Some(quote) = quote else {
        let (line, after) = text.split_once('\n').unwrap_or((text, ""));
        let end = [" #", "\t#"].iter().filter_map(|mark| line.find(mark)).min();
        let line = if line.starts_with('#') { "" } else { &line[..end.unwrap_or(line.len())] };
        return Ok((substituted(line.trim_end(), known)?, after));
    };
    let quoted = &text[1..];
    let mut escaped = false;
    let end = quoted.find(|letter| {
        let ends = letter == quote && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    let end = end.ok_or_else(|| "unterminated quoted value".to_owned())?;
    let after = quoted[end + 1..].split_once('\n').map_or("", |(_, after)| after);
    let content = &quoted[..end];
    if quote == '\'' {
        return Ok((content.to_owned(), after));
    }
    Ok((substituted(&unescaped(content), known)?, after))
}

/// `\n` and the like as what they stand for. An escaped dollar sign stays one.
fn unescaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, if letter == '\\' { letters.next() } else { None }) {
            ('\\', Some('n')) => result.push('\n'),
            ('\\', Some('r')) => result.push('\r'),
            ('\\', Some('t')) => result.push('\t'),
            ('\\', Some('$')) => result.push_str("$$"),
            ('\\', Some(other @ ('"' | '\\'))) => result.push(other),
            ('\\', Some(other)) => result.extend(['\\', other]),
            (letter, _) => result.push(letter),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_plain_or_quoted() {
        let user = BTreeMap::from([("USER".to_owned(), "me".to_owned())]);
        let text = "\u{feff}# comment\n\nA=1\n  export B = two words # comment\nC='$A # \\n'\nD=\"$A ${USER} \\$A \\\"q\\\"\\n\"\n\
            E=\nF=#x\nG=a#b\nUSER\nH='two\nlines' \nI=${NONE:-d}\r\nJ=last";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "$A # \\n"),
            ("D", "1 me $A \"q\"\n"),
            ("E", ""),
            ("F", ""),
            ("G", "a#b"),
            ("H", "two\nlines"),
            ("I", "d"),
            ("J", "last"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text, &user), Ok(expected.into()));
    }

    #[test]
    fn says_which_line_is_wrong() {
        for (text, why) in [
            ("A=1\nB C=2", "line 2: unexpected variable name \"B C\""),
            ("\n=1", "line 2: unexpected variable name \"\""),
            ("A=\"x", "line 1: unterminated quoted value"),
            ("A=1\n\nB=${", "line 3: invalid interpolation format"),
        ] {
            assert_eq!(parse(text, &BTreeMap::new()), Err(why.to_owned()), "{text}");
        }
    }
}
