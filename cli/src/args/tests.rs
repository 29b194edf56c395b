//! The command line as a whole.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::CommandFactory;
use clap::Parser;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::DATA_PATH_PORTS;
use swarmlite_proto::spec::DEFAULT_ADDRESS_POOL;
use swarmlite_proto::spec::DEFAULT_DATA_PATH_PORT;
use swarmlite_proto::spec::OrchestrationConfig;
use swarmlite_proto::spec::ReadinessConfig;
use swarmlite_proto::spec::RestartPolicy;
use swarmlite_proto::spec::ServiceMode;
use swarmlite_proto::spec::Strategy;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::spec::UpdateConfig;

use super::*;
use crate::value::duration;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    let words = shlex::split(line).expect("a command line");
    super::parse(&words.into_iter().map(OsString::from).collect::<Vec<_>>())
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

/// What the helps of commands begin with, as those of docker do.
const VERBS: [&str; 33] = [
    "Activate",
    "Check",
    "Connect",
    "Create",
    "Demote",
    "Deploy",
    "Disconnect",
    "Display",
    "Drain",
    "Explain",
    "Fetch",
    "Generate",
    "Get",
    "Initialize",
    "Join",
    "Leave",
    "List",
    "Manage",
    "Move",
    "Output",
    "Pause",
    "Promote",
    "Remove",
    "Restore",
    "Roll",
    "Run",
    "Save",
    "Say",
    "Scale",
    "Serve",
    "Show",
    "Unlock",
    "Update",
];

/// Whether the help of an option begins with what it does or is, and not with a question.
fn begins_well(help: &str) -> bool {
    let first = help.split(' ').next().unwrap_or_default();
    let questions = ["How", "What", "When", "Where", "Whether", "Which", "Who", "Whose"];
    first.starts_with(char::is_uppercase) && !questions.contains(&first)
}

#[test]
fn every_option_and_command_has_a_help_in_the_form_of_dockers() {
    fn check(command: &clap::Command) {
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let id = argument.get_id().as_str();
            assert!(begins_well(&help), "{} {id}: {help:?}", command.get_name());
        }
        for command in command.get_subcommands() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let verb = about.split(' ').next().unwrap_or_default();
            assert!(VERBS.contains(&verb), "{}: {about:?} is not a command", command.get_name());
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
    assert_eq!(cli.host.expect("a host").to_string(), "unix:///run/x.sock");
}

#[test]
fn what_docker_has_and_is_missing_is_refused_by_name() {
    let line = "swarmlite service create --credential-spec=file://x image";
    let arguments: Vec<OsString> =
        shlex::split(line).expect("a line").into_iter().map(OsString::from).collect();
    let error = Cli::try_parse_from(&arguments).expect_err("refused");
    let message = "--credential-spec of service create is not supported yet: it is for Windows containers only.";
    assert_eq!(explain(&error, &arguments).as_deref(), Some(message), "{error}");
}

#[test]
fn switches_may_say_that_they_are_off() {
    for (switches, detach, quiet) in [
        ("--detach=false --quiet=true", false, true),
        ("--detach=T -q", true, true),
        ("-d", true, false),
    ] {
        let line = format!("swarmlite service create {switches} image --detach=false");
        let Command::Service(service) = parse(&line).expect("is fine").command else {
            panic!("no service command");
        };
        let ServiceCommand::Create(args) = *service else { panic!("no create") };
        assert_eq!((args.wait.detach, args.wait.quiet), (detach, quiet), "{line}");
        assert_eq!(args.image, ["image", "--detach=false"]);
    }
    for line in ["swarmlite service create --detach=perhaps image", "swarmlite node ls --quiet=2"] {
        let error = parse(line).expect_err("refused").to_string();
        assert!(error.contains("must be true or false"), "{error}");
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

#[test]
fn what_the_parser_refuses_is_told_in_dockers_words() {
    for (line, message) in [
        (
            "swarmlite service create --replicas -1 image",
            r#"invalid argument "-1" for "--replicas" flag: must be a whole number that is not negative"#,
        ),
        (
            "swarmlite service update --update-parallelism=x web",
            r#"invalid argument "x" for "--update-parallelism" flag: must be a whole number that is not negative"#,
        ),
        (
            "swarmlite service create --update-order sideways image",
            r#"invalid argument "sideways" for "--update-order" flag: must be stop-first or start-first"#,
        ),
        ("swarmlite service scale web=-1", "web: invalid replicas value -1"),
        (
            "swarmlite service update --rollback --image x web",
            "other flags may not be combined with --rollback",
        ),
        (
            "swarmlite service update --env-add A=1 web --rollback",
            "other flags may not be combined with --rollback",
        ),
    ] {
        let arguments: Vec<OsString> =
            shlex::split(line).expect("a line").into_iter().map(OsString::from).collect();
        let error = Cli::try_parse_from(&arguments).expect_err("refused");
        assert_eq!(explain(&error, &arguments).as_deref(), Some(message), "{error}");
    }
}

#[test]
fn rollback_goes_with_no_option_that_changes_the_service() {
    let cli = Cli::command();
    let service = cli.find_subcommand("service").expect("a command");
    let update = service.find_subcommand("update").expect("a command");
    let rollback = update.get_arguments().find(|argument| argument.get_id() == "rollback");
    let refused = update.get_arg_conflicts_with(rollback.expect("an option"));
    let refused: BTreeSet<_> = refused.into_iter().map(clap::Arg::get_id).collect();
    let goes_with = ["service", "rollback", "detach", "quiet", "max_failures"];
    for argument in update.get_arguments().map(clap::Arg::get_id) {
        let is_refused = refused.contains(argument);
        assert_ne!(is_refused, goes_with.contains(&argument.as_str()), "{argument}");
    }
    parse("swarmlite service update --rollback -d web").expect("parses");
}

#[test]
fn the_defaults_that_helps_name_are_those_that_hold() {
    let cli = Cli::command();
    let help = |command: &str, option: &str| {
        let command = command
            .split(' ')
            .fold(&cli, |command, name| command.find_subcommand(name).expect("a command"));
        let argument = command.get_arguments().find(|it| it.get_long() == Some(option));
        argument.expect("an option").get_help().expect("a help").to_string()
    };
    let (swarm, update) = (SwarmSpec::defaults(), UpdateConfig::defaults());
    let readiness = ReadinessConfig::default();
    let grace = ContainerSpec::default().stop_grace();
    let delay = RestartPolicy::default().delay();
    let history = OrchestrationConfig::DEFAULT_TASK_HISTORY;
    for (command, option, default) in [
        ("service create", "replicas", ServiceMode::DEFAULT_REPLICAS.to_string()),
        ("service create", "stop-grace-period", duration::go(grace)),
        ("service create", "restart-delay", duration::go(delay)),
        ("service create", "update-parallelism", update.parallelism.to_string()),
        ("service create", "update-delay", duration::go(update.delay)),
        ("service create", "update-monitor", duration::go(update.monitor)),
        ("service create", "rollback-parallelism", update.parallelism.to_string()),
        ("service create", "rollback-delay", duration::go(update.delay)),
        ("service create", "rollback-monitor", duration::go(update.monitor)),
        ("service create", "readiness-interval", duration::go(readiness.interval())),
        ("service create", "readiness-timeout", duration::go(readiness.timeout())),
        ("service create", "readiness-retries", readiness.retries().to_string()),
        ("init", "default-addr-pool", DEFAULT_ADDRESS_POOL.to_string()),
        ("init", "cert-expiry", duration::go(swarm.ca_config.node_cert_expiry)),
        ("init", "dispatcher-heartbeat", duration::go(swarm.dispatcher.heartbeat_period)),
        ("init", "task-history-limit", history.to_string()),
        ("init", "snapshot-interval", swarm.raft.snapshot_interval.to_string()),
        ("init", "placement-strategy", Strategy::default().to_string()),
        ("init", "max-snapshots", swarm.raft.keep_old_snapshots.unwrap_or_default().to_string()),
    ] {
        let help = help(command, option);
        assert!(help.ends_with(&format!("[default: {default}]")), "{option}: {help}");
    }
    let (first, last) = (DATA_PATH_PORTS.start(), DATA_PATH_PORTS.end());
    let ports = format!("{first} to {last}; 0 stands for {DEFAULT_DATA_PATH_PORT}");
    let help = help("init", "data-path-port");
    assert!(help.ends_with(&ports), "{help}");
}

#[test]
fn what_is_said_about_backups_needs_a_place_for_them() {
    for option in ["--backup-every 1h", "--backup-keep 3", "--backup-passphrase-file p"] {
        let refused = parse(&format!("swarmlite daemon {option}")).expect_err("would be ignored");
        assert!(refused.to_string().contains("--backup-dir <DIR>"), "{refused}");
    }
    parse("swarmlite daemon --backup-dir d --backup-passphrase-file p --backup-keep 3")
        .expect("parses");
}
