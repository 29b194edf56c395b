//! The proxy between real sockets.

// The condition always holds; by it clippy knows that all of this is tests.
#[cfg(test)]
mod access_log;
#[cfg(test)]
mod challenge;
#[cfg(test)]
mod client_certificates;
#[cfg(test)]
mod failing;
#[cfg(test)]
mod forwarding;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod protocols;
#[cfg(test)]
mod rate;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod sticky;
#[cfg(test)]
mod tls;
