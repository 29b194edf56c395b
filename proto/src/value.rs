//! What users write in the values of options and labels: pure parsers from text, in Docker's syntax.
//!
//! Every parser refuses with a lowercase fragment that names what is wrong; the caller knows which option or label it belongs to.

pub mod bytes;
pub mod cpus;
pub mod device;
pub mod env;
pub mod fields;
pub mod generic_resource;
pub mod http;
pub mod port;
pub mod security_opt;

#[cfg(test)]
mod tests;
