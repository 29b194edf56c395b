//! Where clients are: the loops of one network namespace, on one thread.

use std::fs::File;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use nix::sched::CloneFlags;
use nix::sched::setns;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;

use crate::load::LIMIT;
use crate::load::PERIOD;
use crate::load::client::Connection;
use crate::load::client::Expectation;
use crate::load::client::Kind;
use crate::load::ledger::Ledger;
use crate::load::stream;

/// One client that asks again and again.
#[derive(Clone, Debug)]
pub struct Loop {
    /// What reports call the way it takes.
    pub via: String,
    /// How it uses connections.
    pub kind: Kind,
    /// Whom it asks.
    pub target: SocketAddr,
    /// The name under which the service answers.
    pub name: String,
    /// The address that the server has to see over HTTP, if it is known.
    pub peer: Option<IpAddr>,
    /// The host that it asks for over HTTP, by which a proxy finds the service: each request may be answered by another server then.
    pub host: Option<String>,
    /// Whom to trust, if requests go over TLS.
    pub root: Option<CertificateDer<'static>>,
}

impl Loop {
    /// What reports call it.
    fn describe(&self) -> String {
        let tls = if self.root.is_some() { ", TLS" } else { "" };
        format!("via {}, {}{tls}", self.via, self.kind.name())
    }

    fn expectation(&self) -> anyhow::Result<Expectation> {
        let Self { kind, target, name, peer, host, root, .. } = self.clone();
        let tls = root.map(|root| stream::config(&root, kind.protocol())).transpose()?;
        Ok(Expectation { kind, target, name, peer, host, tls })
    }
}

/// Clients in one network namespace.
#[derive(Debug)]
pub struct Source {
    /// What reports call it.
    pub name: String,
    /// The namespace; that of this process if there is none.
    pub network: Option<File>,
    /// What its clients do.
    pub loops: Vec<Loop>,
}

impl Source {
    /// Runs the loops until `stop`.
    pub(super) fn run(self, ledger: &Arc<Ledger>, stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
        if let Some(network) = &self.network {
            // Only of this thread, which ends with the loops.
            setns(network, CloneFlags::CLONE_NEWNET).context("enter the network namespace")?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let count = u32::try_from(self.loops.len().max(1))?;
            let asking = (0..count).zip(&self.loops).map(|(index, one)| {
                let who = format!("{} {}", self.name, one.describe());
                // Spread over the period, so that the load is even.
                let offset = PERIOD * index / count;
                Ok(ask_until(one.expectation()?, who, offset, ledger, stop))
            });
            let asking = asking.collect::<anyhow::Result<Vec<_>>>()?;
            futures_util::future::join_all(asking).await;
            Ok(())
        })
    }
}

async fn ask_until(
    expected: Expectation,
    who: String,
    offset: Duration,
    ledger: &Arc<Ledger>,
    stop: &Arc<AtomicBool>,
) {
    let mut connection: Option<Connection> = None;
    let mut ticks = tokio::time::interval_at(Instant::now() + offset, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0_u64.. {
        ticks.tick().await;
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let mut entry = ledger.begin();
        let asked = tokio::time::timeout(LIMIT, async {
            let mut open = match connection.take_if(Connection::is_open) {
                Some(open) => open,
                None => Connection::open(&expected).await?,
            };
            let (server, usable) = open.ask(&expected, &format!("{number}")).await?;
            anyhow::Ok((server, usable.then_some(open)))
        });
        match asked.await.map_err(anyhow::Error::from).and_then(|asked| asked) {
            Ok((server, open)) => {
                connection = open;
                entry.answered(&server);
            }
            Err(error) => entry.failed(&who, &error),
        }
    }
}
