//! Objects one by one: as a JSON array, or by a template of the user's. (docker/cli `cli/command/inspect`.)

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::PrettyFormatter;

use super::template::Template;
use super::template::TemplateError;

/// Prints objects as the daemon wrote them: without a format, all as one JSON array indented by four spaces.
pub(crate) fn render(objects: &[Value], format: Option<&str>) -> Result<String, TemplateError> {
    match format.map(str::trim) {
        None | Some("") => Ok(format!("{}\n", indented(&Value::Array(objects.to_vec())))),
        Some("json") => Ok(objects.iter().map(|object| format!("{object}\n")).collect()),
        Some(format) => {
            let template = Template::parse(format)?;
            let print = |object| Ok(format!("{}\n", template.print(object)?));
            objects.iter().map(print).collect()
        }
    }
}

/// JSON in Docker's indentation.
fn indented(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        // A value that was read from JSON can always be written.
        Err(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_indented_by_four_spaces_and_templates_print_a_line_each() {
        let objects = [
            json!({"ID": "a", "Spec": {"Name": "web"}}),
            json!({"ID": "b", "Spec": {"Name": "db"}}),
        ];
        insta::assert_snapshot!(render(&objects[..1], None).expect("prints"), @r#"
        [
            {
                "ID": "a",
                "Spec": {
                    "Name": "web"
                }
            }
        ]
        "#);
        assert_eq!(render(&objects, Some("{{.Spec.Name}}")).expect("prints"), "web\ndb\n");
        assert_eq!(
            render(&objects[..1], Some("json")).expect("prints"),
            "{\"ID\":\"a\",\"Spec\":{\"Name\":\"web\"}}\n"
        );
        assert_eq!(render(&[], None).expect("prints"), "[]\n");
    }
}
