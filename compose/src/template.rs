//! `$VARIABLE` and `${VARIABLE...}` in one text (compose specification, `12-interpolation.md`).

/// How deep variables may stand in what is put in the places of others: each level takes stack.
const MAX_DEPTH: usize = 32;

/// What cannot be substituted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    /// A `$` that begins nothing known.
    #[error("invalid interpolation format")]
    Invalid,
    /// `${VARIABLE:?why}` of a variable that has no value.
    #[error("required variable {name} is missing a value: {why}")]
    Required {
        /// The variable.
        name: String,
        /// What the author of the file says about it.
        why: String,
    },
    /// More of `${A:-${B:-...}}` than anybody means.
    #[error("too many variables in one another")]
    TooDeep,
    /// The values of a file are larger than anybody means.
    #[error("variables put more than {} bytes into the file", Room::BYTES)]
    TooLong,
}

/// How much variables may still put into a file. By `A=$B$B`, `B=$C$C` and so on few lines become more than any memory holds.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    depth: usize,
}

impl Room {
    const BYTES: usize = 16 << 20;

    /// That of one file.
    pub(super) const fn of_file() -> Self {
        Self { bytes: Self::BYTES, depth: 0 }
    }

    fn take(&mut self, value: &str) -> Result<(), TemplateError> {
        self.bytes = self.bytes.checked_sub(value.len()).ok_or(TemplateError::TooLong)?;
        Ok(())
    }
}

/// Where values come from, and who is told about those that are missing.
pub(super) trait Variables {
    /// The value, if the variable is set.
    fn get(&self, name: &str) -> Option<String>;
    /// Takes note that a variable without default is not set, so that nothing stands in its place.
    fn missing(&mut self, name: &str);
}

/// What `${NAME` is followed by.
#[derive(Clone, Copy)]
enum Operator {
    /// `-`: instead of a variable without value.
    Default,
    /// `?`: refuse a variable without value.
    Required,
    /// `+`: instead of a variable with a value.
    Replacement,
}

/// Puts values in the places of variables.
///
/// # Errors
///
/// See [`TemplateError`].
pub(super) fn substitute(
    text: &str,
    variables: &mut dyn Variables,
    room: &mut Room,
) -> Result<String, TemplateError> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let end = closing_brace(after).ok_or(TemplateError::Invalid)?;
            let value = braced(&after[..end], variables, room)?;
            room.take(&value)?;
            result.push_str(&value);
            rest = &after[end + 1..];
        } else {
            let (name, after) = leading_name(after).ok_or(TemplateError::Invalid)?;
            let value = plain(name, variables);
            room.take(&value)?;
            result.push_str(&value);
            rest = after;
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// Where the brace closes that was opened just before `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut previous = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            '{' if previous == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        previous = letter;
    }
    None
}

/// The name that a text begins with, and what follows it.
fn leading_name(text: &str) -> Option<(&str, &str)> {
    let in_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let end = text.find(|letter| !in_name(letter)).unwrap_or(text.len());
    let starts_well = !text.starts_with(|letter: char| letter.is_ascii_digit());
    (end > 0 && starts_well).then(|| text.split_at(end))
}

fn plain(name: &str, variables: &mut dyn Variables) -> String {
    variables.get(name).unwrap_or_else(|| {
        variables.missing(name);
        String::new()
    })
}

/// What a text in braces becomes.
fn nested(
    text: &str,
    variables: &mut dyn Variables,
    room: &mut Room,
) -> Result<String, TemplateError> {
    if room.depth == MAX_DEPTH {
        return Err(TemplateError::TooDeep);
    }
    room.depth += 1;
    let result = substitute(text, variables, room);
    room.depth -= 1;
    result
}

/// What stands between the braces.
fn braced(
    text: &str,
    variables: &mut dyn Variables,
    room: &mut Room,
) -> Result<String, TemplateError> {
    let (name, rest) = leading_name(text).ok_or(TemplateError::Invalid)?;
    if rest.is_empty() {
        return Ok(plain(name, variables));
    }
    let (empty_counts, rest) = match rest.strip_prefix(':') {
        Some(rest) => (false, rest),
        None => (true, rest),
    };
    let operator = match rest.chars().next() {
        Some('-') => Operator::Default,
        Some('?') => Operator::Required,
        Some('+') => Operator::Replacement,
        _ => return Err(TemplateError::Invalid),
    };
    let word = &rest[1..];
    let value = variables.get(name).filter(|value| empty_counts || !value.is_empty());
    match (operator, value) {
        (Operator::Default | Operator::Required, Some(value)) => Ok(value),
        (Operator::Default, None) | (Operator::Replacement, Some(_)) => {
            nested(word, variables, room)
        }
        (Operator::Replacement, None) => Ok(String::new()),
        (Operator::Required, None) => {
            let why = nested(word, variables, room)?;
            Err(TemplateError::Required { name: name.to_owned(), why })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SET` has a value, `EMPTY` has none in it.
    #[derive(Default)]
    struct Fixed(Vec<String>);

    impl Variables for Fixed {
        fn get(&self, name: &str) -> Option<String> {
            match name {
                "SET" => Some("value".to_owned()),
                "EMPTY" => Some(String::new()),
                _ => None,
            }
        }

        fn missing(&mut self, name: &str) {
            self.0.push(name.to_owned());
        }
    }

    fn substitute(text: &str, variables: &mut Fixed) -> Result<String, TemplateError> {
        super::substitute(text, variables, &mut Room::of_file())
    }

    #[test]
    fn every_form_of_the_specification() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$SET", "value"),
            ("a $SET/$SET-b", "a value/value-b"),
            ("${SET}s", "values"),
            ("$NONE.", "."),
            ("$$SET $${SET}", "$SET ${SET}"),
            ("${SET:-d}", "value"),
            ("${EMPTY:-d}", "d"),
            ("${NONE:-d}", "d"),
            ("${SET-d}", "value"),
            ("${EMPTY-d}", ""),
            ("${NONE-d}", "d"),
            ("${NONE:-}", ""),
            ("${NONE-a:-b?c}", "a:-b?c"),
            ("${SET:+r}", "r"),
            ("${EMPTY:+r}", ""),
            ("${NONE:+r}", ""),
            ("${SET+r}", "r"),
            ("${EMPTY+r}", "r"),
            ("${NONE+r}", ""),
            ("${SET:?e}", "value"),
            ("${EMPTY?e}", ""),
            ("${NONE:-${EMPTY:-${SET}}}!", "value!"),
            ("${NONE:-{\"a\": 1}", "{\"a\": 1"),
        ] {
            let substituted = substitute(text, &mut Fixed::default());
            assert_eq!(substituted.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for text in ["$", "a $ b", "${", "${SET", "${}", "${1}", "$1", "${SET/a/b}", "${ SET}"] {
            let refused = substitute(text, &mut Fixed::default());
            assert_eq!(refused, Err(TemplateError::Invalid), "{text}");
        }
        for (text, name, why) in
            [("${NONE?no $SET}", "NONE", "no value"), ("${EMPTY:?}", "EMPTY", "")]
        {
            let required = TemplateError::Required { name: name.to_owned(), why: why.to_owned() };
            assert_eq!(substitute(text, &mut Fixed::default()), Err(required), "{text}");
        }
    }

    #[test]
    fn only_what_has_no_default_is_missing() {
        let mut variables = Fixed::default();
        substitute("$A ${B} ${C:-c} ${SET:+${D}} ${NONE:+$E}", &mut variables).expect("good");
        assert_eq!(variables.0, ["A", "B", "D"]);
    }
}
