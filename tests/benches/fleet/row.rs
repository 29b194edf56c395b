//! One row: a cluster of one size, from nothing to the last change.

use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use serde_json::json;
use tokio::time::sleep;

use crate::child::Api;
use crate::fleet::Fleet;
use crate::fleet::Usage;
use crate::format;
use crate::probe::Probe;
use crate::probe::version;
use crate::table::Column;
use crate::times::Times;

/// How long nothing happens while it is measured what that costs.
const IDLE: Duration = Duration::from_secs(20);

/// Of so many services, one has a published port.
const PUBLISHED: usize = 10;

/// A size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    agents: usize,
    tasks: usize,
}

impl FromStr for Size {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (agents, tasks) = text.split_once(':').context("not AGENTS:TASKS")?;
        Ok(Self { agents: agents.parse()?, tasks: tasks.parse()? })
    }
}

/// What is the same for all sizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Managers.
    pub(crate) managers: usize,
    /// Tasks of a service.
    pub(crate) replicas: usize,
    /// How often each change is made.
    pub(crate) changes: usize,
}

/// A row in the making.
struct Row {
    size: Size,
    options: Options,
    fleet: Fleet,
    api: Api,
    column: Column,
    /// What the leader uses when nothing happens.
    idle: Option<Usage>,
}

/// Measures.
pub(crate) async fn measure(size: Size, options: Options) -> anyhow::Result<Column> {
    let dir = tempfile::tempdir()?;
    let fleet = Fleet::start(dir.path(), options.managers).await?;
    let api = fleet.managers[0].api();
    let title = format!("{}:{}", size.agents, size.tasks);
    let column = Column::new(&title);
    let mut row = Row { size, options, fleet, api, column, idle: None };
    row.join().await?;
    row.converge().await?;
    row.rest().await?;
    row.change().await?;
    Ok(row.column)
}

impl Row {
    fn services(&self) -> usize {
        self.size.tasks.div_ceil(self.options.replicas)
    }

    async fn join(&mut self) -> anyhow::Result<()> {
        let before = self.fleet.reading()?;
        self.fleet.join(self.size.agents).await?;
        let usage = before.until(&self.fleet.reading()?);
        self.fleet.quiet().await?;
        let column = &mut self.column;
        column.part("all agents join");
        column.tell("until all are in session", format::time(usage.time));
        column.used(&usage);
        column.tell("memory afterwards", bytes(self.fleet.reading()?.memory().0));
        Ok(())
    }

    async fn converge(&mut self) -> anyhow::Result<()> {
        self.networks().await?;
        self.fleet.quiet().await?;
        let _before = self.fleet.deliveries();
        let probe = Probe::start(self.api.clone()).await?;
        let before = self.fleet.reading()?;
        for number in 0..self.services() {
            let spec = self.service(number);
            self.api.post("/services/create", &spec).await?;
        }
        let created = before.until(&self.fleet.reading()?);
        let tasks = self.size.tasks;
        let standing = self.fleet.until(|standing| standing.is_settled(tasks)).await?;
        let usage = before.until(&self.fleet.reading()?);
        let calls = probe.finish(&self.api).await?;
        let waits: Times = standing.waits.into_iter().collect();
        let (own, tables) = self.fleet.deliveries();
        self.fleet.quiet().await?;
        let memory = self.fleet.reading()?.memory();
        let column = &mut self.column;
        column.part("all services start");
        column.tell("until all are created", format::time(created.time));
        column.tell("until all tasks run and are routed", format::time(usage.time));
        column.used(&usage);
        column.tell("service ls, p50 / p99", calls.list.summary());
        column.tell("service inspect", calls.inspect.summary());
        column.tell("service update", calls.update.summary());
        column.tell("own tasks to an agent", own.summary());
        column.tell("other tables to an agent", tables.summary());
        column.tell("running until routed", waits.summary());
        column.tell("memory afterwards", bytes(memory.0));
        column.tell("memory at most", bytes(memory.1));
        Ok(())
    }

    async fn rest(&mut self) -> anyhow::Result<()> {
        let before = self.fleet.reading()?;
        sleep(IDLE).await;
        let usage = before.until(&self.fleet.reading()?);
        self.idle = Some(usage);
        let share = |of: f64| of / usage.time.as_secs_f64();
        let column = &mut self.column;
        column.part("nothing happens");
        column.tell("CPU, of one core", format!("{:.1} %", 100.0 * share(usage.cpu.as_secs_f64())));
        column.tell("to agents, per second", bytes(rate(usage.heard, usage.time)));
        column.tell("from agents, per second", bytes(rate(usage.said, usage.time)));
        column.tell("states applied", usage.states.to_string());
        column.tell("sessions lost until now", self.fleet.lost().to_string());
        Ok(())
    }

    async fn change(&mut self) -> anyhow::Result<()> {
        let mut replicas = self.options.replicas.min(self.size.tasks);
        for (title, number) in [("one task more, published", 0), ("one task more", 1)] {
            if number >= self.services() {
                continue;
            }
            let mut tasks = replicas;
            let name = name(number);
            self.measure_changes(title, async |row, _| {
                tasks += 1;
                scale(&row.api, &name, tasks).await?;
                row.fleet.settled(&name, tasks, None).await
            })
            .await?;
        }
        replicas = self.options.replicas;
        self.measure_changes("one task fails", async |row, round| {
            let (service, task) = row.fleet.fail_one(round * 7).await?;
            let number: usize = service.trim_start_matches("service").parse()?;
            let more = if number < 2 { row.options.changes } else { 0 };
            let tasks = replicas.min(row.size.tasks) + more;
            row.fleet.settled(&service, tasks, Some(task)).await
        })
        .await
    }

    async fn measure_changes(
        &mut self,
        title: &'static str,
        mut change: impl AsyncFnMut(&mut Self, usize) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.fleet.quiet().await?;
        let _before = self.fleet.deliveries();
        let before = self.fleet.reading()?;
        let mut took = Times::default();
        for round in 0..self.options.changes {
            let began = tokio::time::Instant::now();
            change(self, round).await?;
            took.note(began.elapsed());
            self.fleet.quiet().await?;
        }
        let usage = before.until(&self.fleet.reading()?);
        let (own, tables) = self.fleet.deliveries();
        let usage = usage.without(self.idle.as_ref()).each(self.options.changes);
        let column = &mut self.column;
        column.part(title);
        column.tell("until it is routed, p50 / p99", took.summary());
        column.used(&usage);
        column.tell("own tasks to an agent", own.summary());
        column.tell("other tables to an agent", tables.summary());
        Ok(())
    }

    /// Makes the networks: that of the routing mesh anew, with room for more than a few tasks, and one for each service.
    async fn networks(&self) -> anyhow::Result<()> {
        self.api.delete("/networks/ingress").await?;
        let network = |name: &str, subnet: String, ingress: bool| {
            json!({
                "Name": name, "Driver": "overlay", "Ingress": ingress,
                "IPAM": {"Config": [{"Subnet": subnet}]},
            })
        };
        let ingress = network("ingress", "10.60.0.0/16".to_owned(), true);
        self.api.post("/networks/create", &ingress).await?;
        for number in 0..self.services() {
            let subnet = format!("10.{}.{}.0/20", 64 + number / 16, number % 16 * 16);
            let spec = network(&name(number), subnet, false);
            self.api.post("/networks/create", &spec).await?;
        }
        Ok(())
    }

    fn service(&self, number: usize) -> Value {
        let first = number * self.options.replicas;
        let replicas = self.options.replicas.min(self.size.tasks - first);
        let ports = match number % PUBLISHED {
            0 => json!([{"TargetPort": 80, "PublishedPort": 20_000 + number}]),
            _ => json!([]),
        };
        json!({
            "Name": name(number),
            "TaskTemplate": {
                "ContainerSpec": {"Image": "fleet:1", "Env": ["A=1", "B=2"]},
                "Networks": [{"Target": name(number)}],
                "RestartPolicy": {"Condition": "any", "Delay": 0},
            },
            "Mode": {"Replicated": {"Replicas": replicas}},
            "EndpointSpec": {"Ports": ports},
        })
    }
}

/// The name of a service, and of its network.
fn name(number: usize) -> String {
    format!("service{number}")
}

async fn scale(api: &Api, name: &str, replicas: usize) -> anyhow::Result<()> {
    let mut service = api.get(&format!("/services/{name}")).await?;
    let version = version(&service)?;
    service["Spec"]["Mode"]["Replicated"]["Replicas"] = json!(replicas);
    api.post(&format!("/services/{name}/update?version={version}"), &service["Spec"]).await?;
    Ok(())
}

fn rate(count: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1000 / time.as_millis().max(1)).unwrap_or(u64::MAX)
}

/// A size, for people.
pub(crate) fn bytes(count: u64) -> String {
    format::bytes(usize::try_from(count).unwrap_or(usize::MAX))
}
