//! What users write in the values of options: pure parsers from text to the types of the spec.
//!
//! Every parser refuses with a lowercase fragment that names what is wrong; the caller knows which option it belongs to.

pub(crate) mod affinity;
pub(crate) mod count;
pub(crate) mod document;
pub(crate) mod duration;
pub(crate) mod endpoint;
pub(crate) mod external_ca;
pub(crate) mod filter;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod image;
pub(crate) mod moment;
pub(crate) mod mount;
pub(crate) mod network;
pub(crate) mod new_nodes;
pub(crate) mod pair;
pub(crate) mod rebalance;
pub(crate) mod socket;
pub(crate) mod strategy;
pub(crate) mod ulimit;
pub(crate) mod volumes;

pub(crate) use swarmlite_proto::value::bytes;
pub(crate) use swarmlite_proto::value::cpus;
pub(crate) use swarmlite_proto::value::device;
pub(crate) use swarmlite_proto::value::env;
pub(crate) use swarmlite_proto::value::fields;
pub(crate) use swarmlite_proto::value::generic_resource;
pub(crate) use swarmlite_proto::value::port;
pub(crate) use swarmlite_proto::value::security_opt;
