//! A cluster that has a host served with a certificate by ACME, and what is asked of the server.

mod conformance;
mod driver;
mod fake;
mod plan;
mod world;
