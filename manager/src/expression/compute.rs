//! What an expression comes to.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Context;
use cel::ExecutionError;
use cel::Value;
use cel::common::types::CelBool;
use cel::common::types::CelDouble;
use cel::common::types::CelMap;
use cel::common::types::CelMapKey;
use cel::common::types::CelString;
use cel::common::value::CowVal;
use cel::common::value::Val;
use cel::context::VariableResolver;
use cel::parser::Expression as Node;

use super::Computed;
use super::Fact;
use super::Facts;
use super::Known;
use super::parse::LANGUAGE;

/// What `root` is, which has been checked to be true or false.
pub(super) fn truth(root: &Node, facts: &dyn Facts) -> Computed<bool> {
    value(root, facts, |value| value.downcast_ref::<CelBool>().map(|it| *it.inner()))
}

/// What `root` is, which has been checked to be a number.
pub(super) fn number(root: &Node, facts: &dyn Facts) -> Computed<f64> {
    let number =
        value(root, facts, |value| value.downcast_ref::<CelDouble>().map(|it| *it.inner()))?;
    if number.is_nan() { Err("it is not a number".to_owned()) } else { Ok(number) }
}

fn value<T>(
    root: &Node,
    facts: &dyn Facts,
    read: impl FnOnce(&dyn Val) -> Option<T>,
) -> Computed<T> {
    let names = Names(facts);
    let mut context = Context::with_env(Arc::clone(&LANGUAGE));
    context.set_variable_resolver(&names);
    let value = Value::resolve_val(root, &context).map_err(|error| reason(&error))?;
    read(value.as_ref()).ok_or_else(|| "it comes to something else".to_owned())
}

/// Why nothing came out, for people.
fn reason(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(label) => format!("there is no label {label:?}"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number is too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a list has no such element".to_owned(),
        // Nothing else does not go together in what has been checked.
        ExecutionError::ValuesNotComparable(..) | ExecutionError::NoSuchOverload(_) => {
            "something is not a number".to_owned()
        }
        other => other.to_string().replace('\n', " "),
    }
}

/// The names of facts, each looked up when it is needed.
struct Names<'a>(&'a dyn Facts);

impl VariableResolver for Names<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let known = self.0.known(Fact::named(variable)?);
        Some(match known {
            Known::Number(number) => CowVal::owned(CelDouble::from(number)),
            Known::Text(text) => CowVal::owned(CelString::from(text)),
            Known::Labels(labels) => {
                let labels = labels.iter().map(|(name, value)| {
                    let value: Box<dyn Val + 'b> = Box::new(CelString::from(value.as_str()));
                    (CelMapKey::from(name.as_str()), value)
                });
                CowVal::owned(CelMap::from(labels.collect::<HashMap<_, _>>()))
            }
        })
    }
}
