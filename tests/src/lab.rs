//! A lab as a value: made, opened by another process, removed.

mod network;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use nix::fcntl::Flock;
use nix::fcntl::FlockArg;
use serde::Deserialize;
use serde::Serialize;

use crate::answer::Answer;
use crate::cgroup;
use crate::command::run;
use crate::command::shell;
use crate::image;
use crate::namespace::Extent;
use crate::namespace::Namespace;
use crate::namespace::holders;
use crate::node::Node;
use crate::node::Programs;
use crate::node::Service;
use crate::subnet::MAX_NODES;
use crate::subnet::Subnet;

/// The folder of all labs. On a disk, as the engines' and the managers' files are there on real machines, and with a short name, as the
/// path of a socket has at most 107 bytes.
const ROOT: &str = "/var/lib/swarmlite-lab";
/// The file that makes a folder a lab.
const RECORD: &str = "lab.json";

/// What a lab is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Its name: lower-case letters, digits and hyphens, at most 20.
    pub name: String,
    /// How many nodes.
    pub nodes: u8,
    /// The `swarmlite` program.
    pub swarmlite: PathBuf,
    /// The workload, statically linked.
    pub whoami: PathBuf,
    /// Whether this machine gets a link to the switch.
    pub host_access: bool,
}

/// What is written down of a lab, for the processes that did not make it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    number: u8,
    options: Options,
}

/// Several nodes on this machine.
#[derive(Clone, Debug)]
pub struct Lab {
    number: u8,
    options: Options,
    nodes: Vec<Node>,
}

impl Lab {
    /// Makes a lab: networks, engines, the image. The daemons are not started. What is left of a lab of the same name is removed before.
    ///
    /// # Errors
    ///
    /// When this is not root, or something cannot be made; what was made by then is removed.
    pub async fn up(options: Options) -> anyhow::Result<Self> {
        check(&options)?;
        let name = options.name.clone();
        Self::down(&name).await?;
        let lab = Self::claim(options).await?;
        match lab.build().await {
            Ok(()) => Ok(lab),
            Err(error) => {
                Self::down(&name).await?;
                Err(error)
            }
        }
    }

    /// The lab `name`, made by another process.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn open(name: &str) -> anyhow::Result<Self> {
        let path = folder(name).join(RECORD);
        let text = fs::read(&path).with_context(|| format!("there is no lab {name}"))?;
        Ok(Self::from(serde_json::from_slice::<Record>(&text)?))
    }

    /// The names of all labs.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub fn names() -> anyhow::Result<Vec<String>> {
        let Ok(entries) = fs::read_dir(ROOT) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.path().join(RECORD).exists() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes the lab `name` with all its files, whoever made it and in whatever state it is. When there is none, nothing happens.
    ///
    /// # Errors
    ///
    /// When something cannot be removed.
    pub async fn down(name: &str) -> anyhow::Result<()> {
        // A lab that was not even written down has no link yet.
        if let Ok(lab) = Self::open(name) {
            network::remove_host_link(lab.number).await?;
        }
        let prefix = marker(name, "");
        for (_, marker) in holders()?.into_iter().filter(|(_, marker)| marker.starts_with(&prefix))
        {
            if let Some(namespace) = Namespace::find(&marker, Extent::Machine)? {
                namespace.destroy().await?;
            }
        }
        cgroup::remove(name).await?;
        let folder = folder(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
        }
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Its nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node with `name`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn node(&self, name: &str) -> anyhow::Result<&Node> {
        let node = self.nodes.iter().find(|node| node.name() == name);
        node.with_context(|| format!("the lab {} has no {name}", self.name()))
    }

    /// The outside world: a network of its own beside the nodes.
    ///
    /// # Errors
    ///
    /// When the lab is not up.
    pub fn client(&self) -> anyhow::Result<Namespace> {
        Namespace::find(&marker(self.name(), "client"), Extent::Network)?
            .with_context(|| format!("the lab {} is not up", self.name()))
    }

    /// The address of the outside world.
    #[must_use]
    pub const fn client_address(&self) -> std::net::Ipv4Addr {
        Subnet::new(self.number).client()
    }

    /// Runs the workload's client (`get` or `udp`) in the outside world.
    ///
    /// # Errors
    ///
    /// When it fails or the answer is not one of the workload.
    pub async fn ask(&self, args: &[&str]) -> anyhow::Result<Vec<Answer>> {
        let mut command = self.client()?.command(&self.options.whoami);
        Answer::parse_all(&run(command.args(args)).await?)
    }

    /// Starts the daemons of all nodes.
    ///
    /// # Errors
    ///
    /// When one does not answer.
    pub async fn start_daemons(&self) -> anyhow::Result<()> {
        self.on_all(|node| async move { node.start(Service::Daemon).await }).await
    }

    /// Cuts `node` off from the others: nothing passes its port of the switch. The node itself notices nothing.
    ///
    /// # Errors
    ///
    /// When the lab is not up.
    pub async fn cut(&self, node: &Node) -> anyhow::Result<()> {
        network::set_port(&self.switch()?, node.name(), "down").await
    }

    /// Takes back [`Lab::cut`].
    ///
    /// # Errors
    ///
    /// When the lab is not up.
    pub async fn heal(&self, node: &Node) -> anyhow::Result<()> {
        network::set_port(&self.switch()?, node.name(), "up").await
    }

    /// Takes the power from `node`: its containers, engine and daemon end at once, its memory is lost, its disk stays.
    ///
    /// # Errors
    ///
    /// When it is off already.
    pub async fn power_off(&self, node: &Node) -> anyhow::Result<()> {
        node.namespace()?.destroy().await?;
        network::remove_port(&self.switch()?, node.name()).await
    }

    /// Starts the kernel, as it were, of `node` after [`Lab::power_off`]: neither engine nor daemon.
    ///
    /// # Errors
    ///
    /// When it cannot be plugged in.
    pub async fn power_on(&self, node: &Node) -> anyhow::Result<()> {
        let namespace = node.make_namespace().await?;
        network::plug_node(&self.switch()?, node, &namespace, self.subnet()).await
    }

    /// The ends of the logs of all nodes.
    #[must_use]
    pub fn logs(&self, lines: usize) -> String {
        let ends = self.nodes.iter().map(|node| node.log_end(Service::Daemon, lines));
        ends.collect::<Vec<_>>().join("\n")
    }

    const fn subnet(&self) -> Subnet {
        Subnet::new(self.number)
    }

    fn switch(&self) -> anyhow::Result<Namespace> {
        Namespace::find(&marker(self.name(), "switch"), Extent::Network)?
            .with_context(|| format!("the lab {} is not up", self.name()))
    }

    /// Takes a number that no other lab has, and writes it down before the lock is given back.
    async fn claim(options: Options) -> anyhow::Result<Self> {
        fs::create_dir_all(ROOT).context(ROOT)?;
        let file = fs::File::create(Path::new(ROOT).join(".lock"))?;
        let lock = Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| error)
            .context("lock the folder of the labs")?;
        let names = Self::names()?;
        let labs = names.iter().map(|name| Self::open(name)).collect::<anyhow::Result<Vec<_>>>()?;
        let taken: Vec<u8> = labs.iter().map(|lab| lab.number).collect();
        let routes = shell("ip -4 route show table all").await?;
        let number = Subnet::free_number(&taken, &routes).context("too many labs")?;
        let record = Record { number, options };
        let folder = folder(&record.options.name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(RECORD), serde_json::to_vec_pretty(&record)?)?;
        drop(lock);
        Ok(Self::from(record))
    }

    async fn build(&self) -> anyhow::Result<()> {
        let folder = folder(self.name());
        // Nobody answers there, but the refusal comes at once.
        let resolver = format!("nameserver {}\n", self.client_address());
        fs::write(folder.join("resolv.conf"), resolver)?;
        let archive = folder.join("whoami.tar");
        image::pack(&self.options.whoami, &archive).await?;
        let host = self.options.host_access.then_some(self.number);
        network::make_switch(&marker(self.name(), "switch"), host).await?;
        network::make_client(&marker(self.name(), "client"), &self.switch()?, self.subnet())
            .await?;
        self.on_all(|node| {
            let archive = archive.clone();
            async move {
                let namespace = node.make_namespace().await?;
                network::plug_node(&self.switch()?, node, &namespace, self.subnet()).await?;
                write_environment(node)?;
                node.start(Service::Engine).await?;
                node.import(&archive).await
            }
        })
        .await
    }

    /// Does `work` on all nodes at once.
    async fn on_all<'a, F>(&'a self, work: impl Fn(&'a Node) -> F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        let all = self.nodes.iter().map(|node| {
            let done = work(node);
            async move { done.await.with_context(|| node.name().to_owned()) }
        });
        futures_util::future::try_join_all(all).await?;
        Ok(())
    }
}

impl From<Record> for Lab {
    fn from(record: Record) -> Self {
        let Record { number, options } = record;
        let node = |index| {
            let name = format!("node{index}");
            Node {
                address: Subnet::new(number).node(index),
                dir: folder(&options.name).join(&name),
                cgroup: format!("/{}/{name}", cgroup::name(&options.name)),
                marker: marker(&options.name, &name),
                programs: Programs {
                    swarmlite: options.swarmlite.clone(),
                    whoami: options.whoami.clone(),
                },
                name,
            }
        };
        let nodes = (1..=options.nodes).map(node).collect();
        Self { number, options, nodes }
    }
}

fn check(options: &Options) -> anyhow::Result<()> {
    ensure!(nix::unistd::geteuid().is_root(), "a lab is made of namespaces, which needs root");
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = &options.name;
    if name.is_empty() || name.len() > 20 || !name.chars().all(allowed) {
        bail!("{name:?} is no name for a lab: give at most 20 of a-z, 0-9 and -");
    }
    ensure!((1..=MAX_NODES).contains(&options.nodes), "a lab has 1 to {MAX_NODES} nodes");
    ensure!(options.whoami.is_file(), "there is no program {}", options.whoami.display());
    Ok(())
}

/// The file that a shell reads to talk to `node`.
fn write_environment(node: &Node) -> anyhow::Result<()> {
    fs::write(node.dir().join("env"), environment(node)).context("write the environment")
}

/// What a shell sets to talk to `node`.
#[must_use]
pub fn environment(node: &Node) -> String {
    format!(
        "export SWARMLITE_HOST=unix://{}\nexport DOCKER_HOST=unix://{}\n",
        node.socket().display(),
        node.engine_socket().display(),
    )
}

fn folder(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

fn marker(lab: &str, part: &str) -> String {
    format!("swarmlite-lab:{lab}:{part}")
}
