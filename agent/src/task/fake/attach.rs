//! A data plane in memory.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use swarmlite_proto::agent::NetworkAssignment;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::task::attach::Attach;
use crate::task::attach::AttachError;
use crate::task::attach::StartedContainer;

/// A process, and the name service that it was given.
type Named = (u32, Option<Ipv4Addr>);

/// A data plane that notes which processes it was asked to attach.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeAttach {
    pids: Arc<Mutex<Vec<u32>>>,
    refused: Arc<Mutex<Option<String>>>,
    named: Arc<Mutex<Vec<Named>>>,
}

impl FakeAttach {
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.pids.lock().expect("no panic").clone()
    }

    /// Which processes were given which name service, in order.
    pub(crate) fn named(&self) -> Vec<Named> {
        self.named.lock().expect("no panic").clone()
    }

    pub(crate) fn refuse(&self, reason: Option<&str>) {
        *self.refused.lock().expect("no panic") = reason.map(str::to_owned);
    }
}

impl Attach for FakeAttach {
    async fn ready(&self, _network: &NetworkAssignment) -> Result<(), AttachError> {
        Ok(())
    }

    async fn attach(&self, container: &StartedContainer) -> Result<(), AttachError> {
        if let Some(reason) = self.refused.lock().expect("no panic").clone() {
            return Err(AttachError(reason));
        }
        self.pids.lock().expect("no panic").push(container.pid);
        Ok(())
    }

    async fn names(&self, pid: u32, gateway: Option<Ipv4Addr>) -> Result<(), AttachError> {
        self.named.lock().expect("no panic").push((pid, gateway));
        Ok(())
    }

    async fn dial(&self, _pid: u32, addr: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        timeout(limit, TcpStream::connect(addr)).await?
    }
}
