//! Objects one by one: as a JSON array, or by a template of the user's. (docker/cli `cli/command/inspect`.)
//!
//! Objects are texts here, not values, so that their members are printed in the order in which the daemon wrote them.

use serde_json::Value;

use super::template::Template;
use crate::error::Result;
use crate::error::TemplateError;

/// Docker's indentation.
const INDENT: &str = "    ";

/// Prints objects, each a JSON text: without a format, all as one array, indented.
pub(crate) fn render(objects: &[String], format: Option<&str>) -> Result<String> {
    match format.map(str::trim) {
        None | Some("") => Ok(format!("{}\n", indent(&format!("[{}]", objects.join(","))))),
        Some("json") => Ok(objects.iter().map(|object| format!("{}\n", object.trim())).collect()),
        Some(format) => {
            let template = Template::parse(format)?;
            let print = |object: &String| {
                let value: Value = serde_json::from_str(object)
                    .map_err(|error| TemplateError::unreadable(&error))?;
                Ok(format!("{}\n", template.print(&value)?))
            };
            objects.iter().map(print).collect()
        }
    }
}

/// Lays JSON out over lines (Go `json.Indent`). Only white space changes.
fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    // A bracket that was opened and has nothing in it yet.
    let mut opened = false;
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(INDENT, depth));
    };
    for c in json.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            out.push(c);
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        if opened != closes {
            new_line(&mut out, depth);
        }
        opened = matches!(c, '{' | '[');
        if opened {
            depth += 1;
        }
        out.push(c);
        match c {
            '"' => in_string = true,
            ':' => out.push(' '),
            ',' => new_line(&mut out, depth),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_are_indented_by_four_spaces() {
        let objects = [
            r#"{"ID":"a","Empty":{},"None":[],"Args":["x, {y}","\"z\\"],"At":[{"B":1},{"A":null}]}"#.to_owned(),
        ];
        insta::assert_snapshot!(render(&objects, None).expect("prints"), @r#"
        [
            {
                "ID": "a",
                "Empty": {},
                "None": [],
                "Args": [
                    "x, {y}",
                    "\"z\\"
                ],
                "At": [
                    {
                        "B": 1
                    },
                    {
                        "A": null
                    }
                ]
            }
        ]
        "#);
        assert_eq!(render(&[], None).expect("prints"), "[]\n");
    }

    #[test]
    fn indented_json_is_the_same_json() {
        let json = r#"[{"a":{"b":[1,2.5,"\\",{"c":[]}],"d":""}},[],{},true]"#;
        let value: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(serde_json::from_str::<Value>(&indent(json)).expect("JSON"), value);
        assert_eq!(indent(&indent(json)), indent(json));
    }

    #[test]
    fn formats_print_a_line_for_each_object() {
        let objects =
            [r#"{"ID":"a","Name":"web"}"#, r#"{"ID":"b","Name":"db"}"#].map(str::to_owned);
        assert_eq!(render(&objects, Some("{{.Name}}")).expect("prints"), "web\ndb\n");
        assert_eq!(
            render(&objects[..1], Some("json")).expect("prints"),
            "{\"ID\":\"a\",\"Name\":\"web\"}\n"
        );
    }
}
