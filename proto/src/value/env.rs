//! Environment of containers: `NAME=value`, `NAME` alone, and files of such lines (docker/cli `opts/env.go`, `kvfile`).

/// Reads one variable. `lookup` gives the value of a variable of the user's own environment, for a name without value:
/// such a name stays as it is, which removes it, when the user has none either.
pub fn variable(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let (name, value) =
        text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    if name.is_empty() {
        return Err(format!("invalid environment variable: {text}"));
    }
    match value {
        Some(_) => Ok(text.to_owned()),
        None => Ok(lookup(name).map_or_else(|| name.to_owned(), |value| format!("{name}={value}"))),
    }
}

/// Reads the text of a file of variables: one a line, `#` starts a comment line. A name without value that the user has not
/// set either is left out.
pub fn file(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, String> {
    let mut variables = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) =
            line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
        if name.is_empty() {
            return Err(format!("no variable name on line '{line}'"));
        }
        if name.contains(char::is_whitespace) {
            return Err(format!("variable '{name}' contains whitespaces"));
        }
        match value {
            Some(_) => variables.push(line.to_owned()),
            None => variables.extend(lookup(name).map(|value| format!("{name}={value}"))),
        }
    }
    Ok(variables)
}

/// Keeps the last value of each name, in the order in which these were given.
pub fn last_of_each(variables: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for variable in variables {
        kept.retain(|other| name(other) != name(&variable));
        kept.push(variable);
    }
    kept
}

/// What stands before the `=`.
pub fn name(variable: &str) -> &str {
    variable.split_once('=').map_or(variable, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        (name == "HOME").then(|| "/root".to_owned())
    }

    #[test]
    fn a_name_alone_takes_the_users_value() {
        assert_eq!(variable("A=b=c", lookup).as_deref(), Ok("A=b=c"));
        assert_eq!(variable("HOME", lookup).as_deref(), Ok("HOME=/root"));
        assert_eq!(variable("NONE", lookup).as_deref(), Ok("NONE"));
        variable("=x", lookup).expect_err("no name");
    }

    #[test]
    fn files_have_comments_and_blank_lines() {
        let text = "\u{feff}# comment\n\nA=1\n  B = 2\nHOME\nNONE\n";
        file(text, lookup).expect_err("a name with a space");
        assert_eq!(
            file("# c\n\n A=1\nHOME\nNONE\n", lookup),
            Ok(vec!["A=1".into(), "HOME=/root".into()])
        );
    }

    #[test]
    fn the_last_value_of_a_name_counts() {
        let given = ["A=1", "B=2", "A=3"].map(str::to_owned);
        assert_eq!(last_of_each(given), ["B=2", "A=3"]);
    }
}
