//! A balancer in memory, with connections that are only values: what the cases of the conformance suite say of a balancer,
//! without a kernel.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use swarmlite_agent::testing::balancer::Backend;
use swarmlite_agent::testing::balancer::Balancer;
use swarmlite_agent::testing::balancer::Frontend;
use swarmlite_agent::testing::balancer::Service;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::balancer::statistics::Counters;
use swarmlite_agent::testing::balancer::statistics::Statistics;
use swarmlite_agent::testing::error::KernelError;
use swarmlite_agent::testing::held::Held;
use swarmlite_agent::testing::netns::Netns;
use swarmlite_agent::testing::netns::SandboxName;
use swarmlite_agent::testing::uplink::INGRESS_ADDRESS;
use swarmlite_proto::balance::Scheduler;
use swarmlite_proto::spec::PortProtocol;

use crate::subject::Conversation;
use crate::subject::GATEWAY;
use crate::subject::PORT;
use crate::subject::SERVERS;
use crate::subject::Subject;
use crate::subject::Target;
use crate::subject::VIP;
use crate::subject::container;

/// What a kernel would hold.
#[derive(Debug, Default)]
struct World {
    services: VirtualServices,
    /// How many connections each frontend has had.
    turns: BTreeMap<Frontend, usize>,
    /// Which backend a client stays with, and until when.
    stuck: BTreeMap<(Frontend, Ipv4Addr), (Backend, Duration)>,
    counted: BTreeMap<Frontend, Statistics>,
    now: Duration,
}

impl World {
    /// Counts for a frontend and its backend.
    fn count(&mut self, (frontend, backend): (Frontend, Backend), counters: Counters) {
        let statistics = self.counted.entry(frontend).or_default();
        statistics.total.add(counters);
        let backend = SocketAddrV4::new(backend.addr, backend.port.unwrap_or_default());
        statistics.backends.entry(backend).or_default().add(counters);
    }
}

/// The balancer.
#[derive(Clone, Debug, Default)]
struct FakeBalancer(Arc<Mutex<World>>);

impl FakeBalancer {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no case panics while it holds the world")
    }
}

impl Balancer for FakeBalancer {
    fn observe(&self, _: &Netns) -> Result<Held<VirtualServices>, KernelError> {
        let services = self.world().services.clone();
        Ok(if services.is_empty() { Held::Absent } else { Held::Exactly(services) })
    }

    fn program(&self, _: &Netns, services: &VirtualServices) -> Result<(), KernelError> {
        self.world().services = services.clone();
        Ok(())
    }

    fn statistics(
        &self,
        _: &Netns,
        services: &VirtualServices,
    ) -> Result<BTreeMap<Frontend, Statistics>, KernelError> {
        let mut counted = self.world().counted.clone();
        counted.retain(|frontend, _| services.contains_key(frontend));
        Ok(counted)
    }

    fn forget(&self, _: &Netns) {}
}

/// The balancer with its clients and servers.
pub(crate) struct Fake {
    balancer: FakeBalancer,
    netns: Netns,
    /// The backends of open connections, once for each.
    open: Rc<RefCell<Vec<Backend>>>,
}

impl Fake {
    /// One that balances nothing.
    pub(crate) fn new() -> Self {
        let name = SandboxName::from_file_name("conformance0").expect("a name");
        Self { balancer: FakeBalancer::default(), netns: Netns::Sandbox(name), open: Rc::default() }
    }

    /// Which backend the next connection goes to.
    fn choose(&self, frontend: Frontend, from: Ipv4Addr) -> Option<Backend> {
        let mut world = self.balancer.world();
        let service = world.services.get(&frontend)?.clone();
        let now = world.now;
        let stuck = world.stuck.get(&(frontend, from)).filter(|(_, until)| *until > now);
        let kept = stuck
            .map(|(backend, _)| *backend)
            .filter(|kept| service.serving().any(|it| it == kept));
        let turn = world.turns.entry(frontend).or_default();
        let chosen = match kept {
            Some(kept) => kept,
            None => {
                *turn += 1;
                self.schedule(&service, *turn - 1, from)?
            }
        };
        if let Some(seconds) = service.balancing.sticky {
            world
                .stuck
                .insert((frontend, from), (chosen, now + Duration::from_secs(seconds.into())));
        }
        Some(chosen)
    }

    fn schedule(&self, service: &Service, turn: usize, from: Ipv4Addr) -> Option<Backend> {
        let serving: Vec<Backend> = service.serving().copied().collect();
        let open = self.open.borrow();
        match service.balancing.scheduler {
            Scheduler::Rr => serving.get(turn.checked_rem(serving.len())?).copied(),
            Scheduler::Wrr => {
                let each = |backend: &Backend| vec![*backend; backend.weight.into()];
                let slots: Vec<Backend> = serving.iter().flat_map(each).collect();
                slots.get(turn.checked_rem(slots.len())?).copied()
            }
            Scheduler::Lc => {
                let has = |backend: &Backend| open.iter().filter(|it| *it == backend).count();
                serving.into_iter().min_by_key(has)
            }
            // By the highest of a hash with each backend: a client moves only if its backend goes.
            Scheduler::Mh | Scheduler::Sh => {
                serving.into_iter().max_by_key(|backend| hash(&(backend.addr, from)))
            }
        }
    }
}

impl Subject for Fake {
    fn program(&self, services: &VirtualServices) {
        self.balancer.program(&self.netns, services).expect("it takes everything");
    }

    fn held(&self) -> Held<VirtualServices> {
        self.balancer.observe(&self.netns).expect("it tells")
    }

    fn restart(&self) {}

    fn damage(&self, services: &VirtualServices) {
        self.program(services);
    }

    fn open(&self, from: Ipv4Addr, to: Target) -> Box<dyn Conversation> {
        let balanced = match to.addr {
            VIP => Some(Frontend::Address(VIP)),
            INGRESS_ADDRESS => Some(Frontend::Port { protocol: to.protocol, port: to.port }),
            _ => None,
        };
        let backend = match balanced {
            Some(frontend) => self.choose(frontend, from),
            None => Some(Backend { addr: to.addr, port: None, weight: 1 }),
        };
        let answer = backend
            .filter(|backend| backend.port.unwrap_or(to.port) == PORT)
            .and_then(|backend| SERVERS.into_iter().find(|at| container(*at) == backend.addr))
            .map(|server| {
                let seen = if container(server) == from { GATEWAY } else { from };
                format!("c{server} {seen}")
            });
        let to = balanced.zip(backend);
        if let Some(to) = to {
            self.open.borrow_mut().push(to.1);
            let opened = Counters { connections: 1, ..Counters::default() };
            self.balancer.world().count(to, opened);
        }
        let answer = answer.unwrap_or_else(|| "ConnectionRefused".to_owned());
        Box::new(Talk { balancer: self.balancer.clone(), open: self.open.clone(), to, answer })
    }

    fn pass(&self, time: Duration) {
        self.balancer.world().now += time;
    }

    fn statistics(&self, services: &VirtualServices) -> BTreeMap<Frontend, Statistics> {
        self.balancer.statistics(&self.netns, services).expect("it tells")
    }

    fn listed(&self) -> String {
        let world = self.balancer.world();
        world.services.iter().map(|held| format!("{held:?}\n")).collect()
    }

    fn idle_limit(&self, protocol: PortProtocol) -> Duration {
        match protocol {
            PortProtocol::Udp => Duration::from_secs(120),
            PortProtocol::Tcp | PortProtocol::Sctp => Duration::MAX,
        }
    }
}

/// A connection: it stays where it began.
struct Talk {
    balancer: FakeBalancer,
    open: Rc<RefCell<Vec<Backend>>>,
    to: Option<(Frontend, Backend)>,
    answer: String,
}

impl Conversation for Talk {
    fn ask(&mut self) -> String {
        let bytes = self.answer.len() as u64;
        let packets = Counters {
            packets_in: 1,
            packets_out: 1,
            bytes_in: 1,
            bytes_out: bytes,
            ..Counters::default()
        };
        if let Some(to) = self.to {
            self.balancer.world().count(to, packets);
        }
        self.answer.clone()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let mut open = self.open.borrow_mut();
        if let Some(at) = open.iter().position(|backend| self.to.is_some_and(|to| to.1 == *backend))
        {
            open.remove(at);
        }
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
