//! A user's own expressions about nodes and tasks: the filter and the score of a placement, in CEL.
//!
//! Only this module knows the language and the crate that reads it. It owns what expressions may say ([`mod@check`]), what they can ask about
//! ([`Fact`]), and what they come to. It must never do anything but compute: no time, no chance, no state. What the facts of a node are
//! is for those who ask.
//!
//! An expression is read once and then costs little. As both reading and computing take stack for every level, and a stack that is used
//! up ends the process, both are bounded: by the length of the text, by its brackets, and by the levels of what was read.

mod check;
mod compute;
mod fact;
mod fault;
mod kind;
mod operator;
mod own;
mod parse;

use cel::parser::Expression as Node;
use swarmlite_proto::error::Error;
use swarmlite_proto::spec::Placement;

pub(crate) use self::fact::Fact;
pub(crate) use self::fact::Facts;
pub(crate) use self::fact::Known;
use self::fact::Use;
pub(crate) use self::fault::Fault;
use self::kind::Kind;
pub(crate) use self::own::Own;
pub(crate) use self::own::ReadOnce;

/// An expression that has been checked.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    /// Every name of a fact in it is one identifier, as `node.labels`, and numbers of both kinds are nowhere mixed.
    root: Node,
    /// What it asks about, in the order in which it does.
    uses: Vec<Use>,
}

/// What an expression has come to, or why it has not.
pub(crate) type Computed<T> = Result<T, String>;

impl Expression {
    /// Reads an expression that is true or false.
    ///
    /// # Errors
    ///
    /// For anything that it cannot be, with where it is.
    pub(crate) fn filter(text: &str) -> Result<Self, Fault> {
        parse::expression(text, &Kind::Bool)
    }

    /// Reads an expression that is a number.
    ///
    /// # Errors
    ///
    /// For anything that it cannot be, with where it is.
    pub(crate) fn score(text: &str) -> Result<Self, Fault> {
        parse::expression(text, &Kind::Double)
    }

    /// Whether a filter holds.
    ///
    /// # Errors
    ///
    /// Why that cannot be said, as if a label is not there.
    pub(crate) fn holds(&self, facts: &dyn Facts) -> Computed<bool> {
        compute::truth(&self.root, facts)
    }

    /// What a score is.
    ///
    /// # Errors
    ///
    /// Why that cannot be said, as if a label is not there.
    pub(crate) fn number(&self, facts: &dyn Facts) -> Computed<f64> {
        compute::number(&self.root, facts)
    }

    /// What it asks about and what that is here, as `node.cpus is 4, node.labels.zone is "a"`.
    pub(crate) fn facts(&self, facts: &dyn Facts) -> String {
        let texts: Vec<String> = self.uses.iter().filter_map(|one| one.text(facts)).collect();
        texts.join(", ")
    }
}

/// Checks the expressions of a placement.
///
/// # Errors
///
/// If one of them cannot be read, or does not come to what it has to: where, and what is the matter there.
pub fn check(placement: &Placement) -> Result<(), Error> {
    let refused = |what: &str, fault| Error::invalid(format!("placement {what}, {fault}"));
    if let Some(text) = &placement.filter {
        Expression::filter(text).map_err(|fault| refused("filter", fault))?;
    }
    if let Some(text) = &placement.score {
        Expression::score(text).map_err(|fault| refused("score", fault))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
