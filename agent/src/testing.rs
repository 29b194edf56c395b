//! What the tests of the data plane on real kernels, its benchmarks, and the simulation of a cluster reach into. For nobody else.

mod machine;

pub use self::machine::Ended;
pub use self::machine::Look;
pub use self::machine::Luck;
pub use self::machine::Machine;
pub use self::machine::Tables;
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
