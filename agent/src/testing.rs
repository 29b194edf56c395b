//! What the tests of the data plane on real kernels, and its benchmarks, reach into. For nobody else.

pub use crate::network::Config;
pub use crate::network::DataPlane;
pub use crate::network::DataPlaneHandle;
pub use crate::network::NetworkAssignments;
pub use crate::network::Reached;
pub use crate::network::balancer;
pub use crate::network::endpoint;
pub use crate::network::error;
pub use crate::network::held;
pub use crate::network::linux;
pub use crate::network::netns;
pub use crate::network::ruleset;
pub use crate::network::state;
pub use crate::network::uplink;
