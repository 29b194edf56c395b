//! Countable resources: `SSD=3` so many of a kind, `GPU=UUID1` one by its name (swarmkit `api/genericresource/parse.go`).

use std::collections::BTreeMap;

use crate::spec::DiscreteResource;
use crate::spec::GenericResource;
use crate::spec::NamedResource;

/// Reads what a node has: each kind is either counted, once, or all of it is named.
///
/// # Errors
///
/// When a term is no `KIND=VALUE`, or a kind is both counted and named, or counted twice.
pub fn of_node<T: AsRef<str>>(terms: &[T]) -> Result<Vec<GenericResource>, String> {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for term in terms {
        let (kind, value) = split(term.as_ref(), "node-generic-resource")?;
        let values = kinds.entry(kind.to_owned()).or_default();
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    let mut resources = Vec::new();
    for (kind, values) in kinds {
        if let [value] = values.as_slice()
            && let Ok(count) = value.parse::<i64>()
        {
            resources.push(counted(&kind, count)?);
            continue;
        }
        if values.iter().any(|value| value.parse::<i64>().is_ok()) {
            let values = values.join(",");
            return Err(format!(
                "mixed discrete and named resources in expression '{kind}={values}'"
            ));
        }
        resources.extend(values.into_iter().map(|value| GenericResource {
            named_resource_spec: Some(NamedResource { kind: kind.clone(), value }),
            discrete_resource_spec: None,
        }));
    }
    Ok(resources)
}

/// Reads what a task needs: so many of a kind. Which ones they are is for the scheduler to choose.
///
/// # Errors
///
/// When it is no `KIND=COUNT`.
pub fn of_task(term: &str) -> Result<GenericResource, String> {
    let (kind, value) = split(term, "generic-resource")?;
    let count = value.parse().map_err(|_| {
        format!(
            "invalid generic-resource request `{kind}={value}`, Named Generic Resources is not supported for service create or update"
        )
    })?;
    counted(kind, count)
}

/// The kind of a resource; empty if it has none.
#[must_use]
pub fn kind(resource: &GenericResource) -> &str {
    let named = resource.named_resource_spec.as_ref().map(|named| named.kind.as_str());
    let counted = resource.discrete_resource_spec.as_ref().map(|counted| counted.kind.as_str());
    named.or(counted).unwrap_or_default()
}

/// The environment variables by which a task learns what it was given, as `DOCKER_RESOURCE_GPU=UUID1,UUID2`.
#[must_use]
pub fn environment(given: &[GenericResource]) -> Vec<String> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in given {
        let named = resource.named_resource_spec.as_ref().map(|named| named.value.clone());
        let counted = resource.discrete_resource_spec.as_ref().map(|one| one.value.to_string());
        let name = kind(resource).to_ascii_uppercase();
        values.entry(name).or_default().extend(named.or(counted));
    }
    let variable = |(kind, values): (String, Vec<String>)| {
        format!("DOCKER_RESOURCE_{kind}={}", values.join(","))
    };
    values.into_iter().map(variable).collect()
}

fn split<'a>(term: &'a str, option: &str) -> Result<(&'a str, &'a str), String> {
    let parts = term.split_once('=').filter(|(kind, value)| !kind.is_empty() && !value.is_empty());
    parts.ok_or_else(|| format!("invalid {option} format `{term}` expected `name=value`"))
}

fn counted(kind: &str, value: i64) -> Result<GenericResource, String> {
    if value < 0 {
        return Err(format!("cannot ask for negative resource {kind}"));
    }
    Ok(GenericResource {
        named_resource_spec: None,
        discrete_resource_spec: Some(DiscreteResource { kind: kind.to_owned(), value }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_has_is_counted_or_named() {
        let has = of_node(&["SSD=3", "GPU=b", "GPU=a", "GPU=b"]).expect("resources");
        assert_eq!(
            environment(&has),
            ["DOCKER_RESOURCE_GPU=b,a", "DOCKER_RESOURCE_SSD=3"],
            "each once"
        );
        for (terms, message) in [
            (&["GPU"][..], "invalid node-generic-resource format `GPU` expected `name=value`"),
            (&["=3"], "invalid node-generic-resource format `=3` expected `name=value`"),
            (&["GPU=a", "GPU=2"], "mixed discrete and named resources in expression 'GPU=a,2'"),
            (&["GPU=1", "GPU=2"], "mixed discrete and named resources in expression 'GPU=1,2'"),
            (&["GPU=-1"], "cannot ask for negative resource GPU"),
        ] {
            assert_eq!(of_node(terms), Err(message.to_owned()));
        }
    }

    #[test]
    fn what_a_task_needs_is_counted() {
        assert_eq!(of_task("SSD=2").map(|one| kind(&one).to_owned()).as_deref(), Ok("SSD"));
        let refused = of_task("GPU=UUID1").expect_err("named");
        assert!(refused.starts_with("invalid generic-resource request `GPU=UUID1`"), "{refused}");
        of_task("GPU").expect_err("no count");
    }
}
