//! What the handlers work with.

use std::sync::Arc;

use crate::audit::Audit;
use crate::control::NodeControl;
use crate::engine::Engine;

/// A node, as the handlers see it.
#[derive(Clone)]
pub struct ApiState {
    /// This node.
    pub node: Arc<dyn NodeControl>,
    /// Its Docker Engine.
    pub engine: Arc<Engine>,
    /// Where it is noted who changes the cluster through it.
    pub audit: Audit,
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiState").field("engine", &self.engine).finish_non_exhaustive()
    }
}
