//! `swarmlite node update`.

use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;

use super::resolve;
use crate::args::AvailabilityChoice;
use crate::args::NodeUpdateArgs;
use crate::args::RoleChoice;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::value::pair;

/// Changes a node.
pub(crate) async fn update(
    args: &NodeUpdateArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let reference = resolve(&args.node, client).await?;
    client.node_change(&reference, |spec| change(spec, args)).await?;
    console.line(&args.node)
}

fn change(spec: &mut NodeSpec, args: &NodeUpdateArgs) -> Result<()> {
    match args.availability {
        None => {}
        Some(AvailabilityChoice::Active) => spec.availability = Availability::Active,
        Some(AvailabilityChoice::Pause) => spec.availability = Availability::Pause,
        Some(AvailabilityChoice::Drain) => spec.availability = Availability::Drain,
    }
    match args.role {
        None => {}
        Some(RoleChoice::Worker) => spec.role = NodeRole::Worker,
        Some(RoleChoice::Manager) => spec.role = NodeRole::Manager,
    }
    spec.labels.extend(pair::labels(&args.label_add));
    for key in &args.label_rm {
        if spec.labels.remove(key).is_none() {
            return Err(Error::refused(format!("key {key} doesn't exist in node's labels")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;
    use crate::args::Command;
    use crate::args::NodeCommand;

    fn args(line: &str) -> NodeUpdateArgs {
        let line = shlex::split(line).expect("a line");
        match Cli::try_parse_from(line).expect("parses").command {
            Command::Node(NodeCommand::Update(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_named_changes() {
        let mut spec = NodeSpec::default();
        let options = "--availability DRAIN --role manager --label-add a=1 --label-add b=2";
        change(&mut spec, &args(&format!("swarmlite node update {options} n"))).expect("changes");
        assert_eq!(spec.availability, Availability::Drain);
        assert_eq!(spec.role, NodeRole::Manager);
        change(&mut spec, &args("swarmlite node update --label-rm a n")).expect("changes");
        assert_eq!(spec.labels, [("b".to_owned(), "2".to_owned())].into());
        assert_eq!(spec.availability, Availability::Drain);
        change(&mut spec, &args("swarmlite node update --label-rm a n")).expect_err("not there");
    }
}
