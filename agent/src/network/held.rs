//! What is known of something that the kernel holds and that can only be replaced as a whole.

/// What a namespace holds of something that can only be replaced as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Held<T> {
    /// Nothing.
    #[default]
    Absent,
    /// Something, but not necessarily what was put there: another wrote to it, or this process has not.
    Unknown,
    /// Exactly this.
    Exactly(T),
}

impl<T> Held<T> {
    /// What it holds, where that is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Exactly(value) => Some(value),
            Self::Absent | Self::Unknown => None,
        }
    }
}
