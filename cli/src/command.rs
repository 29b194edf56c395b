//! The commands: each reads its options, calls the daemon and prints. One file for each verb.
//!
//! What is sent is built in [`crate::spec`], what is printed in [`crate::output`]; here is only the order of things.

mod backup;
mod dashboard;
mod doctor;
mod document;
mod events;
mod explain;
mod network;
mod node;
mod poll;
mod rebalance;
mod service;
mod simulate;
mod stack;
mod swarm;
mod system;
mod tasks;

use std::ffi::OsString;
use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::process::ExitCode;

use crate::args;
use crate::args::Cli;
use crate::args::Command;
use crate::args::NetworkCommand;
use crate::args::NodeCommand;
use crate::args::ServiceCommand;
use crate::args::StackCommand;
use crate::args::SwarmCommand;
use crate::client::Client;
use crate::client::Connection;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// The command failed.
const FAILURE: u8 = 1;

/// Reads the command line, does what it says, and says what came of it.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let cli = match args::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &arguments),
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(FAILURE)
        }
    }
}

/// Prints help, or what is wrong with the command line.
fn usage(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let printed = match args::explain(error, arguments) {
        Some(sentence) => writeln!(io::stderr(), "{sentence}"),
        None => error.print(),
    };
    // With the output gone there is nobody left to tell.
    drop(printed);
    ExitCode::from(args::exit_code(error))
}

/// Runs one command on a runtime that suits it.
fn run(cli: Cli) -> Result<()> {
    let connection = connection(&cli);
    match cli.command {
        Command::Daemon(args) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(crate::daemon::run(args)).map_err(Error::DaemonRun)
        }
        Command::Completion { shell } => system::completion(shell, &mut io::stdout()),
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (mut out, mut err) = (io::stdout(), io::stderr());
            let interactive = out.is_terminal();
            let mut console = Console { out: &mut out, err: &mut err, interactive };
            if let Some(done) = without_daemon(&command, &mut console) {
                return done;
            }
            let connection = connection?;
            runtime.block_on(async {
                if let Command::Doctor(args) = &command {
                    // That nobody answers is an answer to this one.
                    return doctor::doctor(args, &connection, &mut console).await;
                }
                let client = Client::connect(&connection).await?;
                dispatch(command, &client, &mut console).await
            })
        }
    }
}

/// Runs a command that needs no daemon; `None` for others.
fn without_daemon(command: &Command, console: &mut Console<'_>) -> Option<Result<()>> {
    match command {
        Command::Stack(StackCommand::Config(args)) => Some(stack::config(args, console)),
        Command::Restore(args) if args.verify => Some(backup::verify(args, console)),
        _ => None,
    }
}

/// Where the daemon is and how it is reached.
fn connection(cli: &Cli) -> Result<Connection> {
    let variable = |name: &str| std::env::var(name).ok();
    Connection::choose(cli.host.clone(), &cli.tls, variable, |path| path.exists())
}

/// Runs a command that talks to the daemon.
async fn dispatch(command: Command, client: &Client, console: &mut Console<'_>) -> Result<()> {
    match command {
        Command::Init(args) => swarm_command(SwarmCommand::Init(args), client, console).await,
        Command::Join(args) => swarm_command(SwarmCommand::Join(args), client, console).await,
        Command::JoinToken(args) => {
            swarm_command(SwarmCommand::JoinToken(args), client, console).await
        }
        Command::Leave(args) => swarm_command(SwarmCommand::Leave(args), client, console).await,
        Command::Swarm(command) => swarm_command(command, client, console).await,
        Command::Node(command) => node_command(command, client, console).await,
        Command::Service(command) => Box::pin(service_command(*command, client, console)).await,
        Command::Task(command) => explain::task(command, client, console).await,
        Command::Network(command) => network_command(command, client, console).await,
        Command::Stack(command) => Box::pin(stack_command(command, client, console)).await,
        Command::Secret(command) => document::secret(command, client, console).await,
        Command::Config(command) => document::config(command, client, console).await,
        Command::Events(args) => events::events(&args, client, console).await,
        Command::Dashboard(args) => dashboard::dashboard(&args, client, console).await,
        Command::Version(args) => system::version(args.format.as_deref(), client, console).await,
        Command::Info(args) => system::info(args.format.as_deref(), client, console).await,
        other => for_the_whole(other, client, console).await,
    }
}

/// Runs a command that is about all of the swarm at once.
async fn for_the_whole(command: Command, client: &Client, console: &mut Console<'_>) -> Result<()> {
    match command {
        Command::Rebalance(args) => rebalance::rebalance(args, client, console).await,
        Command::Simulate(args) => simulate::simulate(args, client, console).await,
        Command::Backup(args) => backup::save(args, client, console).await,
        Command::Restore(args) => backup::restore(args, client, console).await,
        // Done already, without a daemon to talk to.
        _ => Ok(()),
    }
}

async fn swarm_command(
    command: SwarmCommand,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    match command {
        SwarmCommand::Init(args) => swarm::init(args, client, console).await,
        SwarmCommand::Join(args) => swarm::join(args, client, console).await,
        SwarmCommand::JoinToken(args) => swarm::join_token(&args, client, console).await,
        SwarmCommand::Leave(args) => swarm::leave(&args, client, console).await,
        SwarmCommand::Update(args) => swarm::update(&args, client, console).await,
        SwarmCommand::Ca(args) => swarm::ca(&args, client, console).await,
        SwarmCommand::Unlock => swarm::unlock(client).await,
        SwarmCommand::UnlockKey(args) => swarm::unlock_key(&args, client, console).await,
    }
}

async fn node_command(
    command: NodeCommand,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    match command {
        NodeCommand::Ls(args) => node::ls(&args, client, console).await,
        NodeCommand::Inspect(args) => node::inspect(&args, client, console).await,
        NodeCommand::Update(args) => node::update(&args, client, console).await,
        NodeCommand::Drain(args) => node::drain(&args, client, console).await,
        NodeCommand::Activate(args) => node::activate(&args, client, console).await,
        NodeCommand::Pause(args) => node::pause(&args, client, console).await,
        NodeCommand::Promote(args) => node::promote(&args, client, console).await,
        NodeCommand::Demote(args) => node::demote(&args, client, console).await,
        NodeCommand::Ps(args) => node::ps(&args, client, console).await,
        NodeCommand::Rm(args) => node::rm(&args, client, console).await,
    }
}

async fn service_command(
    command: ServiceCommand,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    match command {
        // Boxed, as their arguments are large and every command would carry them.
        ServiceCommand::Create(args) => Box::pin(service::create(*args, client, console)).await,
        ServiceCommand::Ls(args) => service::ls(&args, client, console).await,
        ServiceCommand::Ps(args) => service::ps(&args, client, console).await,
        ServiceCommand::Inspect(args) => service::inspect(&args, client, console).await,
        ServiceCommand::Explain(args) => explain::service(&args, client, console).await,
        ServiceCommand::Logs(args) => service::logs(&args, client, console).await,
        ServiceCommand::Scale(args) => service::scale(&args, client, console).await,
        ServiceCommand::Update(args) => Box::pin(service::update(*args, client, console)).await,
        ServiceCommand::Rollback(args) => service::rollback(&args, client, console).await,
        ServiceCommand::Rm(args) => service::rm(&args, client, console).await,
    }
}

async fn network_command(
    command: NetworkCommand,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    match command {
        NetworkCommand::Create(args) => network::create(&args, client, console).await,
        NetworkCommand::Ls(args) => network::ls(&args, client, console).await,
        NetworkCommand::Inspect(args) => network::inspect(&args, client, console).await,
        NetworkCommand::Connect(args) => network::connect(&args, client).await,
        NetworkCommand::Disconnect(args) => network::disconnect(&args, client).await,
        NetworkCommand::Prune(args) => network::prune(&args, client, console).await,
        NetworkCommand::Rm(args) => network::rm(&args, client, console).await,
    }
}

async fn stack_command(
    command: StackCommand,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    match command {
        StackCommand::Deploy(args) => stack::deploy(&args, client, console).await,
        StackCommand::Ls(args) => stack::ls(&args, client, console).await,
        StackCommand::Ps(args) => stack::ps(&args, client, console).await,
        StackCommand::Services(args) => stack::services(&args, client, console).await,
        StackCommand::Rm(args) => stack::rm(&args, client, console).await,
        StackCommand::Config(args) => stack::config(&args, console),
    }
}

/// Does the same for each of several things: goes on after a failure, and fails at the end with all that went wrong.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    /// Takes note of a failure. Failures that concern all the rest too are returned.
    fn note(&mut self, result: Result<()>) -> Result<()> {
        match result {
            Err(error @ (Error::Daemon { .. } | Error::Refused(_))) => {
                self.0.push(error.to_string());
                Ok(())
            }
            other => other,
        }
    }

    /// The same, saying which thing it was.
    fn note_for(&mut self, what: &str, result: Result<()>) -> Result<()> {
        let before = self.0.len();
        self.note(result)?;
        if let Some(message) = self.0.get_mut(before) {
            *message = format!("{what}: {message}");
        }
        Ok(())
    }

    /// Whether nothing went wrong yet.
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that went wrong, a line each.
    fn into_result(self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Error::Refused(self.0.join("\n"))) }
    }
}

#[cfg(test)]
mod tests;
