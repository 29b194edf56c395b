//! Lists: rows with named fields, printed as a table, by a template of the user's, as JSON, or as ids only.
//! (docker/cli `cli/command/formatter`.)

use serde_json::Map;
use serde_json::Value;

use super::table;
use super::template::Template;
use crate::error::TemplateError;

/// A field of a list's rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// What templates call it.
    pub(crate) name: &'static str,
    /// What stands above its column.
    pub(crate) heading: &'static str,
}

/// A list that can be printed.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The fields of each row.
    pub(crate) fields: &'static [Field],
    /// The table when the user asks for nothing else, as a template.
    pub(crate) default_table: &'static str,
    /// The values of the rows, in the order of the fields.
    pub(crate) rows: Vec<Vec<Value>>,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style<'a> {
    /// A template, `table` with a template, `table` alone, or `json`.
    pub(crate) format: Option<&'a str>,
    /// Ids only.
    pub(crate) quiet: bool,
}

impl Listing {
    /// Prints the list.
    pub(crate) fn render(&self, style: Style<'_>) -> Result<String, TemplateError> {
        let format = match (style.format.map(str::trim), style.quiet) {
            (None | Some("table"), true) => "{{.ID}}",
            (None | Some("table"), false) => return self.table(self.default_table),
            (Some("json"), _) => "{{json .}}",
            (Some(format), _) => match format.strip_prefix("table ") {
                Some(format) => return self.table(format),
                None => format,
            },
        };
        Ok(self.lines(format)?.concat())
    }

    fn table(&self, format: &str) -> Result<String, TemplateError> {
        let headings =
            self.fields.iter().map(|field| (field.name.to_owned(), field.heading.into()));
        let headings =
            Template::parse(format)?.print_headings(&Value::Object(headings.collect()))?;
        Ok(table::align(&format!("{headings}\n{}", self.lines(format)?.concat())))
    }

    fn lines(&self, format: &str) -> Result<Vec<String>, TemplateError> {
        let template = Template::parse(format)?;
        let row = |values: &Vec<Value>| {
            let fields = self.fields.iter().map(|field| field.name.to_owned());
            let row: Map<_, _> = fields.zip(values.iter().cloned()).collect();
            Ok(format!("{}\n", template.print(&Value::Object(row))?))
        };
        self.rows.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        Listing {
            fields: &[Field { name: "ID", heading: "ID" }, Field { name: "Name", heading: "NAME" }],
            default_table: r"{{.ID}}\t{{.Name}}",
            rows: vec![
                vec!["a".into(), "web".into()],
                vec!["b".into(), "a-rather-long-name".into()],
            ],
        }
    }

    fn render(format: &str) -> String {
        match listing().render(Style { format: Some(format), quiet: false }) {
            Ok(text) => text,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn formats() {
        assert_eq!(
            render("json"),
            "{\"ID\":\"a\",\"Name\":\"web\"}\n{\"ID\":\"b\",\"Name\":\"a-rather-long-name\"}\n"
        );
        assert_eq!(render("{{.Name}}/{{.ID}}"), "web/a\na-rather-long-name/b\n");
        insta::assert_snapshot!(render(r"table {{.Name}}\t{{upper .ID}}"), @r"
        NAME                 ID
        web                  A
        a-rather-long-name   B
        ");
        assert!(render("{{.Nope}}").contains("there is no field .Nope here, only ID, Name"));
    }

    #[test]
    fn quiet_prints_ids() {
        let text = listing().render(Style { format: None, quiet: true }).expect("prints");
        assert_eq!(text, "a\nb\n");
    }
}
