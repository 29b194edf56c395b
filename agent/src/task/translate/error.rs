//! What the engine cannot be asked for.

use crate::task::template::TemplateError;

/// Something in the spec that the engine cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TranslateError {
    /// A task that is not a container.
    #[error("only containers are supported")]
    NotAContainer,
    /// A placeholder that means nothing.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A value that the engine has no word for.
    #[error("unsupported {field}: {value:?}")]
    Unsupported {
        /// The field of the spec.
        field: &'static str,
        value: String,
    },
}
