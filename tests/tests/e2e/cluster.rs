//! The cluster that the tests share: three managers, a worker, and a machine that is in no cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use futures_util::future::try_join_all;
use hyper::Method;
use serde::de::DeserializeOwned;
use swarmlite_lab::Answer;
use swarmlite_lab::Lab;
use swarmlite_lab::Node;
use swarmlite_lab::Options;
use swarmlite_lab::Service;
use swarmlite_lab::eventually;
use swarmlite_lab::http;

use crate::views::ContainerView;
use crate::views::Named;
use crate::views::NamedView;
use crate::views::NetworkView;
use crate::views::NodeView;
use crate::views::ServiceView;
use crate::views::TaskView;

/// The image of the workload.
pub(crate) const IMAGE: &str = "whoami:latest";
/// How long a change may take until it is seen everywhere. Far more than it takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// How long the loss of a node may take to be noticed and mended: heartbeats are missed, tasks start elsewhere.
pub(crate) const MENDED: Duration = Duration::from_secs(90);
/// How many lines of each node's log a failure brings with it: what happened a minute ago may be its cause.
pub(crate) const LOG_LINES: usize = 300;

const MANAGERS: usize = 3;
const MEMBERS: usize = 4;

/// The cluster.
pub(crate) struct Cluster {
    lab: Lab,
}

impl Cluster {
    /// Makes the lab and the cluster on it.
    pub(crate) async fn form(name: &str) -> anyhow::Result<Self> {
        // The tests themselves make some calls.
        let options = Options { host_access: true, ..options(name.to_owned(), 5)? };
        Self::form_on(Lab::up(options).await?).await
    }

    /// Does something to another cluster, of members only, which is made for it. Its name is that of this one with `suffix`.
    pub(crate) async fn on_another(
        &self,
        suffix: &str,
        test: impl AsyncFnOnce(&Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let lab = self.small_lab(suffix, u8::try_from(MEMBERS)?).await?;
        let another = Self::form_on(lab).await?;
        let outcome = test(&another).await;
        let outcome = outcome.map_err(|error| error.context(another.lab.logs(LOG_LINES)));
        Lab::down(another.lab.name()).await?;
        outcome
    }

    async fn form_on(lab: Lab) -> anyhow::Result<Self> {
        lab.start_daemons().await?;
        let cluster = Self { lab };
        match cluster.join_all().await {
            Ok(()) => Ok(cluster),
            Err(error) => Err(error.context(cluster.lab.logs(LOG_LINES))),
        }
    }

    /// Another lab, for a cluster of its own. Its name is that of this one with `suffix`.
    pub(crate) async fn small_lab(&self, suffix: &str, nodes: u8) -> anyhow::Result<Lab> {
        Lab::up(options(format!("{}-{suffix}", self.lab.name()), nodes)?).await
    }

    async fn join_all(&self) -> anyhow::Result<()> {
        let first = self.manager();
        let address = first.address().to_string();
        first.swarmlite(&["init", "--advertise-addr", &address]).await?;
        for (index, node) in self.members().iter().enumerate().skip(1) {
            let role = if index < MANAGERS { "manager" } else { "worker" };
            let token = self.token(role).await?;
            let remote = self.remote();
            let address = node.address().to_string();
            let join = ["join", "--token", &token, "--advertise-addr", &address, &remote];
            node.swarmlite(&join).await.with_context(|| format!("{} joins", node.name()))?;
        }
        self.all_ready().await
    }

    /// The lab.
    pub(crate) const fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The manager that commands are given to.
    pub(crate) fn manager(&self) -> &Node {
        &self.lab.nodes()[0]
    }

    /// The managers.
    pub(crate) fn managers(&self) -> &[Node] {
        &self.lab.nodes()[..MANAGERS]
    }

    /// All nodes of the cluster.
    pub(crate) fn members(&self) -> &[Node] {
        &self.lab.nodes()[..MEMBERS]
    }

    /// The node that is no manager.
    pub(crate) fn worker(&self) -> &Node {
        &self.lab.nodes()[MANAGERS]
    }

    /// A machine that is in no cluster.
    pub(crate) fn stranger(&self) -> &Node {
        &self.lab.nodes()[MEMBERS]
    }

    /// Where a machine that joins turns to.
    pub(crate) fn remote(&self) -> String {
        format!("{}:2377", self.manager().address())
    }

    /// The join token for `role`.
    pub(crate) async fn token(&self, role: &str) -> anyhow::Result<String> {
        let token = self.manager().swarmlite(&["join-token", "--quiet", role]).await?;
        Ok(token.trim().to_owned())
    }

    /// Runs a client command against the first manager. The words are separated by spaces.
    pub(crate) async fn run(&self, command: &str) -> anyhow::Result<String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        self.manager().swarmlite(&words).await
    }

    /// Makes a service of the workload with `options`, and returns once it has converged. It is watched for a second and not for five,
    /// as many tests do this.
    pub(crate) async fn create(&self, options: &str) -> anyhow::Result<()> {
        // Jobs have no updates, and other tests choose for themselves.
        let is_free = !options.contains("-job") && !options.contains("--update-monitor");
        let monitor = if is_free { "--update-monitor 1s" } else { "" };
        self.run(&format!("service create --quiet {monitor} {options} {IMAGE}")).await.map(drop)
    }

    /// What `path` of the HTTP interface says on `node`.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        node: &Node,
        path: &str,
    ) -> anyhow::Result<T> {
        let reply = node.api(Method::GET, path, "").await?;
        ensure!(
            reply.status == 200,
            "GET {path} on {}: {} {}",
            node.name(),
            reply.status,
            reply.body
        );
        serde_json::from_str(&reply.body).with_context(|| format!("GET {path}: {}", reply.body))
    }

    /// The nodes, as `node` sees them.
    pub(crate) async fn nodes(&self, node: &Node) -> anyhow::Result<Vec<NodeView>> {
        self.read(node, "/nodes").await
    }

    /// The services, as `node` sees them.
    pub(crate) async fn services(&self, node: &Node) -> anyhow::Result<Vec<ServiceView>> {
        self.read(node, "/services").await
    }

    /// The tasks of `service` that should run and do, as `node` sees them.
    pub(crate) async fn running(
        &self,
        node: &Node,
        service: &str,
    ) -> anyhow::Result<Vec<TaskView>> {
        let tasks = self.tasks(node, service).await?;
        Ok(tasks.into_iter().filter(TaskView::runs).collect())
    }

    /// All tasks of `service`, as `node` sees them.
    pub(crate) async fn tasks(&self, node: &Node, service: &str) -> anyhow::Result<Vec<TaskView>> {
        let service = self.service(node, service).await?;
        let tasks: Vec<TaskView> = self.read(node, "/tasks").await?;
        Ok(tasks.into_iter().filter(|task| task.service_id == service.id).collect())
    }

    /// The service with `name`, as `node` sees it.
    pub(crate) async fn service(&self, node: &Node, name: &str) -> anyhow::Result<ServiceView> {
        let services = self.services(node).await?;
        services.into_iter().find(|view| view.spec.name == name).context("no such service")
    }

    /// The id of `node`.
    pub(crate) async fn node_id(&self, node: &Node) -> anyhow::Result<String> {
        let nodes = self.nodes(self.manager()).await?;
        let found = nodes.into_iter().find(|view| view.description.hostname == node.name());
        Ok(found.context("no such node")?.id)
    }

    /// The name of the leader, as `node` sees it.
    pub(crate) async fn leader(&self, node: &Node) -> anyhow::Result<String> {
        let nodes = self.nodes(node).await?;
        let leads =
            |view: &&NodeView| view.manager_status.as_ref().is_some_and(|status| status.leader);
        Ok(nodes.iter().find(leads).context("no leader")?.description.hostname.clone())
    }

    /// Every container of `service` with its task, the time of its start, its restarts and its process.
    pub(crate) async fn lives(&self, service: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let format = "{{index .Config.Labels \"com.docker.swarm.task.id\"}} {{.State.StartedAt}} \
                      {{.RestartCount}} {{.State.Pid}}";
        let mut lives = BTreeMap::new();
        for node in self.members() {
            for id in self.containers(node, service).await? {
                let life = node.docker(&["inspect", "--format", format, &id]).await?;
                lives.insert(id, life);
            }
        }
        Ok(lives)
    }

    /// The names of the containers of `service` on `node` that run, with their ids, as its engine knows them.
    pub(crate) async fn containers(
        &self,
        node: &Node,
        service: &str,
    ) -> anyhow::Result<Vec<String>> {
        let filter = format!("label=com.docker.swarm.service.name={service}");
        let args = ["ps", "--quiet", "--no-trunc", "--filter", &filter];
        Ok(node.docker(&args).await?.lines().map(str::to_owned).collect())
    }

    /// The one container of `service`, and its node.
    pub(crate) async fn container(&self, service: &str) -> anyhow::Result<(&Node, String)> {
        let mut found = Vec::new();
        for node in self.members() {
            found.extend(self.containers(node, service).await?.into_iter().map(|id| (node, id)));
        }
        ensure!(found.len() == 1, "{service} has {} containers", found.len());
        found.pop().context("no container")
    }

    /// Runs the workload's client in a container.
    pub(crate) async fn inside(
        &self,
        (node, container): (&Node, &str),
        command: &str,
    ) -> anyhow::Result<String> {
        let mut args = vec!["exec", container, "/whoami"];
        args.extend(command.split_whitespace());
        node.docker(&args).await
    }

    /// Asks `node` on `port` from the outside, `count` times.
    pub(crate) async fn ask(
        &self,
        node: &Node,
        port: u16,
        count: u32,
    ) -> anyhow::Result<Vec<Answer>> {
        let url = format!("http://{}:{port}/", node.address());
        self.lab.ask(&["get", &url, "-n", &count.to_string()]).await
    }

    /// Waits until every member is ready and there is a leader.
    pub(crate) async fn all_ready(&self) -> anyhow::Result<()> {
        eventually("all nodes to be ready", MENDED, async || {
            for manager in self.managers() {
                let nodes = self.nodes(manager).await?;
                ensure!(nodes.len() == MEMBERS, "{} nodes", nodes.len());
                for node in &nodes {
                    let name = &node.description.hostname;
                    ensure!(node.status.state == "ready", "{name} is {}", node.status.state);
                }
                let managers = nodes.iter().filter_map(|node| node.manager_status.as_ref());
                let leaders = managers.filter(|status| status.leader).count();
                ensure!(leaders == 1, "{} sees {leaders} leaders", manager.name());
            }
            Ok(())
        })
        .await
    }

    /// The containers that the engine of `node` has, those that have ended included.
    async fn all_containers(&self, node: &Node) -> anyhow::Result<Vec<ContainerView>> {
        let path = "/containers/json?all=true";
        let reply = http::request(&node.engine_socket(), Method::GET, path, "").await?;
        serde_json::from_str(&reply.body).with_context(|| format!("{path}: {}", reply.body))
    }

    /// Plugs in the cable of `node` and starts what does not run there.
    async fn revive(&self, node: &Node) -> anyhow::Result<()> {
        self.lab.heal(node).await?;
        for service in [Service::Engine, Service::Daemon] {
            if !node.is_running(service).await? {
                node.start(service).await?;
            }
        }
        Ok(())
    }

    /// Removes secrets and configs, and the containers of users. Those of services go by themselves.
    async fn remove_what_is_not_of_services(&self) -> anyhow::Result<()> {
        let manager = self.manager();
        for kind in ["secret", "config"] {
            let all: Vec<NamedView> = self.read(manager, &format!("/{kind}s")).await?;
            for NamedView { spec: Named { name } } in &all {
                manager.swarmlite(&[kind, "rm", name]).await?;
            }
        }
        for node in self.members() {
            let containers = self.all_containers(node).await?;
            for container in containers.iter().filter(|container| container.is_of_users()) {
                node.docker(&["rm", "--force", &container.id]).await?;
            }
        }
        Ok(())
    }

    /// Removes whatever a test has left: cut cables, dead daemons, drained nodes, services, secrets, configs, networks. Looks first, as
    /// most tests leave little of that.
    pub(crate) async fn reset(&self) -> anyhow::Result<()> {
        try_join_all(self.members().iter().map(|node| self.revive(node))).await?;
        self.all_ready().await.context("before the test")?;
        let manager = self.manager();
        for node in self.nodes(manager).await? {
            if node.spec.availability != "active" {
                manager.swarmlite(&["node", "activate", &node.description.hostname]).await?;
            }
        }
        for service in self.services(manager).await? {
            manager.swarmlite(&["service", "rm", &service.spec.name]).await?;
        }
        self.remove_what_is_not_of_services().await?;
        eventually("all networks to be gone", MENDED, async || {
            let networks: Vec<NetworkView> = self.read(manager, "/networks").await?;
            for network in networks.iter().filter(|network| network.is_of_users()) {
                manager.swarmlite(&["network", "rm", &network.name]).await?;
            }
            Ok(())
        })
        .await?;
        eventually("all containers to be gone", MENDED, async || {
            for node in self.members() {
                let containers = self.all_containers(node).await?;
                ensure!(containers.is_empty(), "{} has {containers:?}", node.name());
            }
            Ok(())
        })
        .await
    }
}

fn options(name: String, nodes: u8) -> anyhow::Result<Options> {
    let swarmlite = program("SWARMLITE_LAB_SWARMLITE")?;
    let whoami = program("SWARMLITE_LAB_WHOAMI")?;
    Ok(Options { name, nodes, swarmlite, whoami, host_access: false })
}

/// The program that a variable of the environment names.
pub(crate) fn program(variable: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os(variable);
    let path = path.with_context(|| format!("{variable} is not set: use tests/run.sh"))?;
    Ok(std::path::absolute(path)?)
}
