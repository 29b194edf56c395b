//! The text of Compose files, as trees of JSON values.
//!
//! Plain scalars mean what they mean to docker (go.yaml.in/yaml/v3): `yes` and `on` are text, `0440` is octal, `1_000` a number.

use serde_json::Map;
use serde_json::Value;

/// A mapping.
pub(super) type Tree = Map<String, Value>;

/// Reads the one document of a text. Nothing at all is an empty mapping.
///
/// # Errors
///
/// What is wrong with it, and where.
pub(super) fn parse(text: &str) -> Result<Tree, String> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        legacy_octal_numbers: true,
        // `!reset` and the like mean something to other tools: they are no ornament that may be dropped.
        reject_unsupported_tags: true,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options(text, options) {
        Ok(Value::Object(tree)) => Ok(tree),
        Ok(Value::Null) => Ok(Tree::new()),
        Ok(_) => Err("top-level object must be a mapping".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Writes a tree, its sections in the order in which people write them.
pub(super) fn write(tree: &Tree) -> Result<String, String> {
    const FIRST: [&str; 7] =
        ["name", "version", "services", "networks", "volumes", "secrets", "configs"];
    let first = FIRST.iter().filter_map(|key| tree.get_key_value(*key));
    let rest = tree.iter().filter(|(key, _)| !FIRST.contains(&key.as_str()));
    let mut text = String::new();
    for (key, value) in first.chain(rest) {
        let section = Tree::from_iter([(key.clone(), value.clone())]);
        let options = serde_saphyr::ser_options! { compact_list_indent: false };
        let written = serde_saphyr::to_string_with_options(&section, options);
        text.push_str(&written.map_err(|error| error.to_string())?);
    }
    Ok(text)
}

/// Makes texts that are read again, with variables substituted, mean what they say.
pub(super) fn escape(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace('$', "$$"),
        Value::Array(items) => items.iter_mut().for_each(escape),
        Value::Object(entries) => entries.values_mut().for_each(escape),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A scalar as text, in Go's spelling of numbers; none for lists and mappings.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(float),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number as Go's `%v` prints it: with an exponent only when it is very large or very small.
fn float(value: f64) -> String {
    let magnitude = value.abs();
    if value != 0.0 && !(1e-4..1e21).contains(&magnitude) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) => {
                let (sign, exponent) = match exponent.strip_prefix('-') {
                    Some(exponent) => ('-', exponent),
                    None => ('+', exponent),
                };
                format!("{digits}e{sign}{exponent:0>2}")
            }
            None => text,
        };
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_mean_what_they_mean_to_docker() {
        let text = "{a: yes, b: on, c: 0440, d: 1_000, e: 0x1f, f: ~, g: true, h: .5, i: '1', j: 1e3, k: 0o17, l: }";
        let expected = json!({
            "a": "yes", "b": "on", "c": 288, "d": 1000, "e": 31, "f": null, "g": true, "h": 0.5, "i": "1", "j": 1e3, "k": 15,
            "l": null,
        });
        assert_eq!(Value::Object(parse(text).expect("reads")), expected);
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        let text = "
            x-base: &base {image: a, labels: {l: m}}
            services:
              one: {<<: *base, image: b}
              two: *base
            ";
        let tree = parse(text).expect("reads");
        assert_eq!(tree["services"]["one"], json!({"image": "b", "labels": {"l": "m"}}));
        assert_eq!(tree["services"]["two"], tree["x-base"]);
    }

    #[test]
    fn a_text_that_says_two_things_or_unknown_ones_is_refused() {
        for text in ["a: 1\na: 2", "a: !reset null", "- a", "a: [", "a: &b {c: *b}"] {
            parse(text).expect_err(text);
        }
        assert_eq!(parse("# nothing").expect("reads"), Tree::new());
    }

    #[test]
    fn numbers_are_spelled_as_go_does() {
        for (value, text) in [
            (json!(1.0), "1"),
            (json!(1.1), "1.1"),
            (json!(0.5), "0.5"),
            (json!(1000.0), "1000"),
            (json!(1e21), "1e+21"),
            (json!(1.5e-5), "1.5e-05"),
            (json!(-7), "-7"),
            (json!(true), "true"),
            (json!(null), ""),
        ] {
            assert_eq!(scalar(&value).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_written_reads_as_what_it_was() {
        let text = "{services: {web: {command: ['yes', '0440', 'a: b', \"two\\nlines\", ''], n: 1}}, name: x, x-y: {}}";
        let tree = parse(text).expect("reads");
        let written = write(&tree).expect("writes");
        assert_eq!(parse(&written).expect("reads"), tree);
        assert!(written.starts_with("name: x\nservices:\n  web:\n"), "{written}");
    }
}
