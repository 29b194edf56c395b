//! One record of comma-separated values, as the long syntaxes use it (Go `encoding/csv`): a field in double quotes may
//! hold commas, and `""` in it stands for one quote.

/// Splits a record into its fields.
///
/// # Errors
///
/// When quotes do not match.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => bare_field(rest)?,
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// Reads up to a comma. What follows the comma is `None` at the end of the record.
fn bare_field(text: &str) -> Result<(String, Option<&str>), String> {
    let (field, after) = match text.split_once(',') {
        Some((field, after)) => (field, Some(after)),
        None => (text, None),
    };
    if field.contains('"') {
        return Err(format!("bare \" in field {field}"));
    }
    Ok((field.to_owned(), after))
}

/// Reads the rest of a field after its opening quote.
fn quoted_field(text: &str) -> Result<(String, Option<&str>), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err("missing closing \" in field".to_owned());
        };
        field.push_str(before);
        if let Some(after) = after.strip_prefix('"') {
            field.push('"');
            rest = after;
        } else if let Some(after) = after.strip_prefix(',') {
            return Ok((field, Some(after)));
        } else if after.is_empty() {
            return Ok((field, None));
        } else {
            return Err("extraneous text after a closing \"".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_commas_outside_quotes() {
        for (text, fields) in [
            ("a", vec!["a"]),
            ("a,b=c", vec!["a", "b=c"]),
            ("a,,b", vec!["a", "", "b"]),
            (
                r#"type=volume,"volume-opt=o=addr=1,rw""#,
                vec!["type=volume", "volume-opt=o=addr=1,rw"],
            ),
            (r#""say ""hi""",x"#, vec![r#"say "hi""#, "x"]),
        ] {
            assert_eq!(split(text).expect("a record"), fields, "{text}");
        }
    }

    #[test]
    fn loose_quotes_are_refused() {
        for text in [r#"a"b"#, r#""a"#, r#""a"b"#] {
            split(text).expect_err("not a record");
        }
    }
}
