//! Makes, uses and removes labs from the command line, and runs programs in the virtual machine.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use clap::Subcommand;
use swarmlite_lab::Lab;
use swarmlite_lab::Options;
use swarmlite_lab::Service;
use swarmlite_lab::environment;
use swarmlite_lab::run_in_machine;

/// Several real nodes on one machine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a lab and start its engines and daemons
    Up {
        /// The lab
        lab: String,
        /// How many nodes
        nodes: u8,
        /// The swarmlite program
        #[arg(long, env = "SWARMLITE_LAB_SWARMLITE")]
        swarmlite: PathBuf,
        /// The workload, statically linked
        #[arg(long, env = "SWARMLITE_LAB_WHOAMI")]
        whoami: PathBuf,
        /// Give this machine a link to the nodes
        #[arg(long)]
        host_access: bool,
        /// Start the engines only
        #[arg(long)]
        no_daemons: bool,
    },
    /// Remove a lab with all its files
    Down {
        /// The lab
        lab: String,
    },
    /// List the labs and the addresses of their nodes
    Ls,
    /// Print what a shell sets to talk to a node
    Env {
        /// The lab
        lab: String,
        /// The node
        node: String,
    },
    /// Print the address of a node
    Address {
        /// The lab
        lab: String,
        /// The node
        node: String,
    },
    /// Run a command on a node, or in the outside world when the node is "client"
    Exec {
        /// The lab
        lab: String,
        /// The node
        node: String,
        /// The command
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<String>,
    },
    /// Cut a node off from the others
    Cut {
        /// The lab
        lab: String,
        /// The node
        node: String,
    },
    /// Reconnect a node
    Heal {
        /// The lab
        lab: String,
        /// The node
        node: String,
    },
    /// Start the daemon or the engine of a node
    Start {
        /// The lab
        lab: String,
        /// The node
        node: String,
        /// Which
        #[arg(default_value = "swarmlite")]
        service: ServiceName,
    },
    /// Send a signal to the daemon or the engine of a node and wait for its end
    Kill {
        /// The lab
        lab: String,
        /// The node
        node: String,
        /// Which
        #[arg(default_value = "swarmlite")]
        service: ServiceName,
        /// The signal
        #[arg(long, default_value = "KILL")]
        signal: String,
    },
    /// Print what the kernel and the engine of a node hold
    Dump {
        /// The lab
        lab: String,
        /// The node
        node: String,
    },
    /// Run a program in a virtual machine whose kernel has IPVS, and print its console
    Machine {
        /// The program
        program: PathBuf,
        /// What it is given
        #[arg(last = true)]
        arguments: Vec<String>,
        /// For how long at most
        #[arg(long, default_value_t = 10)]
        minutes: u64,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ServiceName {
    Dockerd,
    Swarmlite,
}

impl From<ServiceName> for Service {
    fn from(name: ServiceName) -> Self {
        match name {
            ServiceName::Dockerd => Self::Engine,
            ServiceName::Swarmlite => Self::Daemon,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match Arguments::parse().command {
        Verb::Up { lab, nodes, swarmlite, whoami, host_access, no_daemons } => {
            let (swarmlite, whoami) = (absolute(swarmlite)?, absolute(whoami)?);
            let options = Options { name: lab, nodes, swarmlite, whoami, host_access };
            let lab = Lab::up(options).await?;
            if !no_daemons {
                lab.start_daemons().await?;
            }
        }
        Verb::Down { lab } => Lab::down(&lab).await?,
        Verb::Ls => {
            for name in Lab::names()? {
                for node in Lab::open(&name)?.nodes() {
                    writeln!(out, "{name} {} {}", node.name(), node.address())?;
                }
            }
        }
        Verb::Env { lab, node } => write!(out, "{}", environment(Lab::open(&lab)?.node(&node)?))?,
        Verb::Address { lab, node } => {
            writeln!(out, "{}", Lab::open(&lab)?.node(&node)?.address())?;
        }
        Verb::Exec { lab, node, command } => return exec(&Lab::open(&lab)?, &node, &command),
        Verb::Cut { lab, node } => {
            let lab = Lab::open(&lab)?;
            lab.cut(lab.node(&node)?).await?;
        }
        Verb::Heal { lab, node } => {
            let lab = Lab::open(&lab)?;
            lab.heal(lab.node(&node)?).await?;
        }
        Verb::Start { lab, node, service } => {
            Lab::open(&lab)?.node(&node)?.start(service.into()).await?;
        }
        Verb::Kill { lab, node, service, signal } => {
            Lab::open(&lab)?.node(&node)?.kill(service.into(), &signal).await?;
        }
        Verb::Dump { lab, node } => {
            write!(out, "{}", Lab::open(&lab)?.node(&node)?.kernel_state().await?)?;
        }
        Verb::Machine { program, arguments, minutes } => {
            let limit = Duration::from_secs(60 * minutes);
            let report = run_in_machine(&absolute(program)?, &arguments, limit).await?;
            write!(out, "{}", report.console())?;
        }
    }
    Ok(())
}

/// Becomes `command`, with this terminal as its own.
fn exec(lab: &Lab, node: &str, command: &[String]) -> anyhow::Result<()> {
    let namespace = if node == "client" { lab.client()? } else { lab.node(node)?.namespace()? };
    let (program, arguments) = command.split_first().context("no command")?;
    let mut entered = namespace.command(program).into_std();
    Err(entered.args(arguments).exec()).context("cannot start nsenter")
}

fn absolute(path: PathBuf) -> anyhow::Result<PathBuf> {
    std::path::absolute(&path).with_context(|| path.display().to_string())
}
