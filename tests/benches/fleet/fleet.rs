//! Managers, and agents that are in session with them.

use std::path::Path;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream;
use swarmlite_lab::eventually;
use swarmlite_proto::id::TaskId;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::sleep;

use crate::agent::Agent;
use crate::agent::Failing;
use crate::child::Managing;
use crate::child::Used;
use crate::manager::Question;
use crate::standing::Standing;
use crate::tally::Tally;
use crate::times::Times;

/// Agents that join at a time.
const AT_A_TIME: usize = 32;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(900);

/// Nothing happens if nothing has for so long.
const QUIET: Duration = Duration::from_millis(400);

/// How often the managers are asked where all tasks are.
const LOOK: Duration = Duration::from_millis(250);

/// A cluster of simulated nodes.
pub(crate) struct Fleet {
    /// The first is the leader.
    pub(crate) managers: Vec<Managing>,
    /// What the agents count.
    pub(crate) tally: Arc<Tally>,
    orders: Vec<mpsc::Sender<Failing>>,
    /// Ends with the fleet.
    _agents: JoinSet<()>,
}

/// What was used until some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    at: Instant,
    leader: Used,
    heard: u64,
    said: u64,
    sets: u64,
    applied: usize,
}

/// What was used between two moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// How long it took.
    pub(crate) time: Duration,
    /// Processor time of the leader.
    pub(crate) cpu: Duration,
    /// Bytes from the leader to agents.
    pub(crate) heard: u64,
    /// Bytes from agents to the leader.
    pub(crate) said: u64,
    /// Sets of assignments.
    pub(crate) sets: u64,
    /// States that the leader has applied, several at once as one.
    pub(crate) states: usize,
}

impl Fleet {
    /// Starts managers, with what they keep in `dir`.
    pub(crate) async fn start(dir: &Path, count: usize) -> anyhow::Result<Self> {
        let first = Managing::start(&dir.join("manager1"), None).await?;
        let (api, addr) = (first.api(), first.addr);
        let mut managers = vec![first];
        for number in 2..=count {
            let token = token(&api.get("/swarm").await?, "Manager")?;
            let dir = dir.join(format!("manager{number}"));
            managers.push(Managing::start(&dir, Some((addr, &token))).await?);
        }
        let (tally, orders, _agents) = Default::default();
        Ok(Self { managers, tally, orders, _agents })
    }

    /// Has so many agents join, and waits until the managers have told all of them everything.
    pub(crate) async fn join(&mut self, count: usize) -> anyhow::Result<()> {
        let leader = &self.managers[0];
        let token = token(&leader.api().get("/swarm").await?, "Worker")?;
        let (addr, token) = (leader.addr, token.as_str());
        let joining = (1..=count).map(|number| {
            let (order, orders) = mpsc::channel(1);
            self.orders.push(order);
            Agent::join(number, addr, token, Arc::clone(&self.tally), orders)
        });
        let joining: Vec<_> = joining.collect();
        let mut agents = stream::iter(joining).buffer_unordered(AT_A_TIME);
        while let Some(agent) = agents.try_next().await? {
            self._agents.spawn(agent.run());
        }
        let tally = &self.tally;
        eventually("the agents to be in session", LIMIT, async || {
            match tally.in_session.load(Ordering::Relaxed) {
                all if all == count => Ok(()),
                some => bail!("only {some} are"),
            }
        })
        .await?;
        self.until(|standing| standing.nodes == count).await?;
        Ok(())
    }

    /// Waits until the leader's state is as it should be.
    pub(crate) async fn until(
        &mut self,
        is: impl Fn(&Standing) -> bool,
    ) -> anyhow::Result<Standing> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let standing = self.managers[0].ask(&Question::Stand).await?;
            if is(&standing) {
                return Ok(standing);
            }
            if Instant::now() > deadline {
                bail!(
                    "the cluster does not get there: {:?}",
                    Standing { waits: Vec::new(), ..standing }
                );
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until so many tasks of a service are routed, and `gone` is not to run any more.
    pub(crate) async fn settled(
        &mut self,
        service: &str,
        tasks: usize,
        gone: Option<TaskId>,
    ) -> anyhow::Result<()> {
        let question = Question::Settled(service.to_owned(), tasks, gone);
        let answer = tokio::time::timeout(LIMIT, self.managers[0].ask(&question)).await;
        answer.with_context(|| format!("{service} does not settle"))??;
        Ok(())
    }

    /// Has a task fail, of the first agent from `number` on that has one which runs. Returns its service and which it is.
    pub(crate) async fn fail_one(&self, number: usize) -> anyhow::Result<(String, TaskId)> {
        for orders in self.orders.iter().cycle().skip(number).take(self.orders.len()) {
            let (failing, failed) = oneshot::channel();
            orders.send(failing).await?;
            if let Some(failed) = failed.await? {
                return Ok(failed);
            }
        }
        bail!("no task runs")
    }

    /// Waits until nothing happens any more.
    pub(crate) async fn quiet(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + LIMIT;
        let (mut before, mut since) = (self.reading()?, Instant::now());
        while since.elapsed() < QUIET {
            sleep(QUIET / 8).await;
            let now = self.reading()?;
            if (now.sets, now.applied) != (before.sets, before.applied) {
                (before, since) = (now, Instant::now());
            }
            if Instant::now() > deadline {
                bail!("the cluster does not come to rest");
            }
        }
        Ok(())
    }

    /// Sessions that have ended.
    pub(crate) fn lost(&self) -> usize {
        self.tally.lost.load(Ordering::Relaxed)
    }

    /// What was used until now.
    pub(crate) fn reading(&self) -> anyhow::Result<Reading> {
        let tally = &self.tally;
        let applied = self.managers[0].applied.lock().unwrap_or_else(PoisonError::into_inner).len();
        Ok(Reading {
            at: Instant::now(),
            leader: self.managers[0].used()?,
            heard: tally.heard.load(Ordering::Relaxed),
            said: tally.said.load(Ordering::Relaxed),
            sets: tally.sets.load(Ordering::Relaxed),
            applied,
        })
    }

    /// How long it took from the moment at which a state was applied until an agent had read what was different for it: of the sets that were not
    /// asked about before, those with tasks of the agent's own, and the others.
    pub(crate) fn deliveries(&self) -> (Times, Times) {
        let applied = self.managers[0].applied.lock().unwrap_or_else(PoisonError::into_inner);
        let (own, others): (Vec<_>, Vec<_>) =
            self.tally.take_deliveries().into_iter().partition(|delivery| delivery.own);
        let times = |deliveries: Vec<crate::tally::Delivery>| {
            let took = deliveries.into_iter().filter_map(|delivery| {
                let state = applied.partition_point(|(state, _)| *state < delivery.generation);
                Some(delivery.at.since(applied.get(state)?.1))
            });
            took.collect()
        };
        (times(own), times(others))
    }
}

impl Reading {
    /// What was used from then until `now`.
    pub(crate) fn until(&self, now: &Self) -> Usage {
        Usage {
            time: now.at - self.at,
            cpu: now.leader.cpu.saturating_sub(self.leader.cpu),
            heard: now.heard - self.heard,
            said: now.said - self.said,
            sets: now.sets - self.sets,
            states: now.applied - self.applied,
        }
    }

    /// The memory of the leader, and the most that it was, in bytes.
    pub(crate) const fn memory(&self) -> (u64, u64) {
        (self.leader.memory, self.leader.peak)
    }
}

impl Usage {
    /// All that goes beyond what is used when nothing happens.
    pub(crate) fn without(self, idle: Option<&Self>) -> Self {
        let Some(idle) = idle else { return self };
        let part = self.time.as_secs_f64() / idle.time.as_secs_f64();
        let rest = |all: u64, idle: u64| {
            let idle = Duration::from_nanos(idle).mul_f64(part).as_nanos();
            all.saturating_sub(u64::try_from(idle).unwrap_or(u64::MAX))
        };
        Self {
            cpu: self.cpu.saturating_sub(idle.cpu.mul_f64(part)),
            heard: rest(self.heard, idle.heard),
            said: rest(self.said, idle.said),
            ..self
        }
    }

    /// What each of so many things has used.
    pub(crate) fn each(self, count: usize) -> Self {
        let (share, parts) = (count.max(1), count.max(1) as u64);
        Self {
            time: self.time / u32::try_from(share).unwrap_or(u32::MAX),
            cpu: self.cpu / u32::try_from(share).unwrap_or(u32::MAX),
            heard: self.heard / parts,
            said: self.said / parts,
            sets: self.sets / parts,
            states: self.states / share,
        }
    }
}

/// A join token of the cluster that the API shows.
fn token(swarm: &serde_json::Value, role: &str) -> anyhow::Result<String> {
    Ok(swarm["JoinTokens"][role].as_str().context("no token")?.to_owned())
}
