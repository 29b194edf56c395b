//! The format in which this manager writes what it replicates and keeps: the one that the cluster has reached, as far as this manager has
//! applied its log.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use swarmlite_proto::format::Format;

/// The format. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    format: Arc<Mutex<Format>>,
}

impl Level {
    /// The format to write in.
    pub(crate) fn get(&self) -> Format {
        *self.format.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster has reached `format`.
    pub(crate) fn set(&self, format: Format) {
        let mut known = self.format.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != format {
            tracing::info!("what this manager writes is in format {format} from now on");
            *known = format;
        }
    }
}
