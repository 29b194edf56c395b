//! How a task is reached.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::net::TcpStream;

/// Opens connections to tasks. A node does so from inside of a network's namespace; tests from where they are.
#[async_trait]
pub trait Dial: Send + Sync + std::fmt::Debug + 'static {
    /// Connects to `address`. The caller gives up when it takes too long, by dropping the future.
    ///
    /// # Errors
    ///
    /// When nobody takes the connection.
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream>;
}
