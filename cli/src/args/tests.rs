//! The command line as a whole.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::Parser;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(shlex::split(line).expect("a command line"))
}

fn create(line: &str) -> ServiceCreateArgs {
    match parse(&format!("swarmlite service create {line}")).expect("parses").command {
        Command::Service(service) => match *service {
            ServiceCommand::Create(args) => *args,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_and_command_has_a_sentence() {
    fn check(command: &clap::Command) {
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let id = argument.get_id().as_str();
            assert!(!help.is_empty(), "{} {id} has no help", command.get_name());
        }
        for command in command.get_subcommands() {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            check(command);
        }
    }
    check(&Cli::command());
}

#[test]
fn what_follows_the_image_belongs_to_the_container() {
    let args = create("--name web -p 8000:8000 --replicas 2 whoami:latest serve --name x -p 1");
    assert_eq!(args.name.as_deref(), Some("web"));
    assert_eq!(args.image, ["whoami:latest", "serve", "--name", "x", "-p", "1"]);
    assert_eq!(args.scalars.task.replicas, Some(2));
    assert_eq!(args.lists.publish.len(), 1);
}

#[test]
fn switches_can_be_switched_off() {
    let args = create("--tty --init=false -d image");
    assert_eq!(args.scalars.container.tty, Some(true));
    assert_eq!(args.scalars.container.init, Some(false));
    assert!(args.wait.detach);
    assert_eq!(args.image, ["image"]);
}

#[test]
fn the_host_of_a_service_is_not_the_host_of_the_client() {
    let cli = parse("swarmlite -H unix:///run/x.sock service create --host db:10.0.0.1 image")
        .expect("parses");
    assert_eq!(cli.host.to_string(), "unix:///run/x.sock");
}

#[test]
fn what_docker_has_and_is_missing_is_refused_by_name() {
    for (line, message) in [
        (
            "swarmlite -H unix:///x service logs web",
            "service logs is not supported yet: use docker logs on the node that runs the task.",
        ),
        (
            "swarmlite stack deploy x",
            "stack is not supported yet: make services and networks one by one instead.",
        ),
        (
            "swarmlite service create --secret s image",
            "--secret of service create is not supported yet: swarmlite does not keep secrets yet.",
        ),
        (
            "swarmlite -H unix:///x service update --rollback web",
            "--rollback of service update is not supported yet: set the former values with service update instead.",
        ),
        (
            "swarmlite service create --with-registry-auth=true image",
            "--with-registry-auth of service create is not supported yet: nodes pull with their own credentials; run docker login on each node.",
        ),
    ] {
        let arguments: Vec<OsString> =
            shlex::split(line).expect("a line").into_iter().map(OsString::from).collect();
        let error = Cli::try_parse_from(&arguments).expect_err("refused");
        assert_eq!(explain(&error, &arguments).as_deref(), Some(message), "{error}");
    }
}

#[test]
fn options_that_nobody_knows_stay_typing_errors() {
    let arguments: Vec<OsString> =
        ["swarmlite", "node", "ls", "--secret"].into_iter().map(OsString::from).collect();
    let error = Cli::try_parse_from(&arguments).expect_err("refused");
    assert_eq!(explain(&error, &arguments), None);
}

#[test]
fn dockers_swarm_commands_are_the_same_as_the_short_ones() {
    for line in [
        "swarmlite init",
        "swarmlite swarm init",
        "swarmlite join --token T a:2377",
        "swarmlite swarm join --token T a:2377",
    ] {
        parse(line).expect(line);
    }
}
