//! The agent of a witness: a certificate, and a session by which the managers know that the node is there. It has no engine and no data plane, and is
//! told of nothing.

use std::io;
use std::thread::available_parallelism;

use nix::sys::utsname::uname;
use procfs::FromRead;
use procfs::Meminfo;
use swarmlite_proto::agent::Registration;
use swarmlite_proto::format::Versions;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeResources;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::version::Generation;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::handle::AgentHandle;
use crate::logs;
use crate::member::Member;
use crate::member::Told;
use crate::member::Wanted;
use crate::node;
use crate::standing::Known;

/// Billionths of a core in a core.
const NANO: i64 = 1_000_000_000;

/// Runs the agent of a witness.
pub(crate) fn start(member: Member) -> AgentHandle {
    let (mut running, wanted) = (JoinSet::new(), Wanted::default());
    let registration = watch::Sender::new(registration(&member));
    let programmed = watch::Sender::default();
    running.spawn(member.renewal(&wanted).run());
    running.spawn(describe_anew(member.clone(), registration.clone()));
    running.spawn(confirm(member.known.subscribe(), programmed.clone()));
    let told = Told {
        registration: registration.subscribe(),
        engine: watch::Sender::new(true).subscribe(),
        programmed: programmed.subscribe(),
        reached: None,
        load: watch::Sender::default().subscribe(),
        traffic: watch::Sender::default().subscribe(),
    };
    // Nobody orders logs of a node without tasks.
    let (log_orders, _orders) = mpsc::channel(logs::ORDERS);
    running.spawn(member.session(wanted, told, log_orders).run());
    AgentHandle::new(member, None, running)
}

/// Says which authority has signed the certificate, whenever there is another.
async fn describe_anew(member: Member, known: watch::Sender<Registration>) {
    let mut identity = member.identity.subscribe();
    while identity.changed().await.is_ok() {
        known.send_replace(registration(&member));
    }
}

/// There is nothing to program.
async fn confirm(mut known: watch::Receiver<Known>, programmed: watch::Sender<Generation>) {
    loop {
        let generation = known.borrow_and_update().as_ref().map(|known| known.generation);
        programmed.send_replace(generation.unwrap_or_default());
        if known.changed().await.is_err() {
            return;
        }
    }
}

/// What the node says about itself: what the kernel says about the machine.
fn registration(member: &Member) -> Registration {
    let Member { config, identity, .. } = member;
    let kernel = uname();
    let name = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let (hostname, architecture) = kernel
        .as_ref()
        .map(|kernel| (name(kernel.nodename()), name(kernel.machine())))
        .unwrap_or_default();
    let cores = available_parallelism().map_or(0, |cores| i64::try_from(cores.get()).unwrap_or(0));
    let description = NodeDescription {
        hostname: config.hostname.clone().unwrap_or(hostname),
        platform: Platform { architecture, os: "linux".to_owned() },
        resources: NodeResources {
            nano_cpus: cores * NANO,
            memory_bytes: memory(config).unwrap_or_default(),
            ..NodeResources::default()
        },
        tls_info: node::tls_info(&identity.borrow()),
        ..NodeDescription::default()
    };
    Registration { description, data_path_addr: config.data_path_addr, versions: Versions::own() }
}

/// The memory of the machine, in bytes.
fn memory(config: &crate::config::AgentConfig) -> io::Result<i64> {
    let memory = Meminfo::from_file(config.procfs.join("meminfo")).map_err(io::Error::other)?;
    Ok(i64::try_from(memory.mem_total).unwrap_or(i64::MAX))
}
