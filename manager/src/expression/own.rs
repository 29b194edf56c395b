//! The expressions of one spec, read when they are first needed, and once for all tasks that are made from it.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::OnceLock;

use swarmlite_proto::spec::Placement;

use super::Expression;
use super::Fault;

/// What a placement says in expressions. One that cannot be read is there with its fault: another version has let it in.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// What has to hold on a node.
    pub filter: Option<Result<Expression, Fault>>,
    /// By what the nodes that fit are compared.
    pub score: Option<Result<Expression, Fault>>,
}

/// Of a placement without expressions.
static NOTHING: LazyLock<Arc<Own>> = LazyLock::new(Arc::default);

/// Where the expressions of a spec are kept once they have been read. They follow from the spec that it stands beside, and are nothing by
/// themselves: two of these are equal whatever they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadOnce(OnceLock<Arc<Own>>);

impl ReadOnce {
    /// What `placement`, which has to be the same each time, says in expressions.
    pub(crate) fn of(&self, placement: Option<&Placement>) -> Arc<Own> {
        let Some(placement) = placement.filter(|it| it.filter.is_some() || it.score.is_some())
        else {
            return Arc::clone(&NOTHING);
        };
        let read = || {
            Arc::new(Own {
                filter: placement.filter.as_deref().map(Expression::filter),
                score: placement.score.as_deref().map(Expression::score),
            })
        };
        Arc::clone(self.0.get_or_init(read))
    }
}

impl PartialEq for ReadOnce {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ReadOnce {}
