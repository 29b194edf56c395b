//! Balancing: from one address or port to the tasks of a service.
//!
//! What is balanced is a value ([`service`]); what makes the kernel do it is a [`Balancer`]: [`ipvs`] or [`nftables`], which do
//! not know each other. `takeover` takes away what the other one left, and [`choice`] tells which of them a kernel has. Nothing
//! else knows how balancing is done.

pub mod choice;
pub mod contract;
pub mod ipvs;
pub mod nftables;
pub mod service;
pub mod statistics;
mod tables;
mod takeover;

pub use self::contract::Balancer;
pub use self::service::Backend;
pub use self::service::Frontend;
pub use self::service::Service;
pub use self::service::VirtualServices;
