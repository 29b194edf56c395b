//! Templates that people use, and what is refused.

use serde_json::json;

use super::*;

fn print(template: &str) -> String {
    let value = json!({
        "ID": "abc",
        "Spec": {"Name": "web", "Labels": {"a": "1", "b": "2"}, "Args": ["x", "y"], "Mode": {}},
        "Leader": true,
        "Count": 3,
        "Nothing": null,
    });
    match Template::parse(template).and_then(|template| template.print(&value)) {
        Ok(text) => text,
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn templates_print_as_gos() {
    for (template, text) in [
        ("{{.ID}} {{ .Spec.Name }}", "abc web"),
        ("{{json .Spec.Labels}}", r#"{"a":"1","b":"2"}"#),
        ("{{.Spec.Labels | json}}", r#"{"a":"1","b":"2"}"#),
        ("{{.Spec.Labels}} {{.Spec.Args}}", "map[a:1 b:2] [x y]"),
        ("{{index .Spec.Labels \"a\"}}{{index .Spec.Labels \"z\"}}", "1"),
        ("{{index .Spec.Args 1}}", "y"),
        ("{{join .Spec.Args \", \"}}", "x, y"),
        ("{{len .Spec.Args}} {{upper .ID}} {{title .ID}}", "2 ABC Abc"),
        ("{{if .Leader}}*{{else}} {{end}}|{{if .Spec.Mode}}m{{end}}", "*|"),
        ("{{range .Spec.Args}}[{{.}}]{{end}}", "[x][y]"),
        ("{{range .Spec.Mode}}x{{else}}none{{end}}", "none"),
        ("a  {{- .Count -}}  b", "a3b"),
        (r"{{.ID}}\t{{.Count}}\n", "abc\t3\n"),
        ("{{.Nothing}}", "<no value>"),
        ("{{if eq .Spec.Name \"web\"}}yes{{end}}", "yes"),
        ("{{/* nothing */}}", ""),
    ] {
        assert_eq!(print(template), text, "{template}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for (template, message) in [
        ("{{.Nmae}}", "there is no field .Nmae here, only Count, ID, Leader, Nothing, Spec"),
        ("{{.ID.X}}", "can't evaluate field X in abc"),
        ("{{.ID", "unclosed action"),
        ("{{if .ID}}x", "missing {{end}}"),
        ("x{{end}}", "unexpected {{end}}"),
        ("{{foo .ID}}", "function \"foo\" not defined"),
        ("{{json}}", "wrong number of args for json: got 0"),
        ("{{with .Spec}}{{end}}", "{{with .Spec}} is not supported"),
        ("{{range $k, $v := .Spec.Labels}}{{end}}", "variables are not supported: $v"),
        ("{{(index .Spec.Args 0)}}", "( is not supported in (index .Spec.Args 0)"),
        ("{{index .Spec.Args 7}}", "index out of range: 7"),
        ("{{}}", "missing value for command"),
        ("{{\"x}}", "unterminated quoted string in \"x"),
    ] {
        assert_eq!(print(template), format!("! template parsing error: {message}"), "{template}");
    }
}
