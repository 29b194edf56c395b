//! `swarmlite swarm update`.

use swarmlite_proto::spec::SwarmSpec;

use super::unlock_key;
use crate::args::SwarmSettings;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

/// Changes the settings that are named.
pub(crate) async fn update(
    args: &SwarmSettings,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    if *args == SwarmSettings::default() {
        return Err(Error::refused(
            "Nothing to update: name a setting, as in: swarmlite swarm update --autolock=true",
        ));
    }
    let before = client.swarm_change(|spec| change(spec, args)).await?;
    console.line("Swarm updated.")?;
    if args.autolock == Some(true) && !before.encryption_config.auto_lock_managers {
        console.print(&unlock_key::instructions(&client.unlock_key().await?))?;
    }
    Ok(())
}

/// Changes the settings of a swarm. Those of a new one are an empty spec, which the daemon fills in.
pub(super) fn change(spec: &mut SwarmSpec, args: &SwarmSettings) {
    let SwarmSettings {
        autolock,
        cert_expiry,
        external_ca,
        dispatcher_heartbeat,
        task_history_limit,
        snapshot_interval,
        max_snapshots,
        placement_strategy,
        http,
        http_options,
        acme,
    } = args;
    set(&mut spec.encryption_config.auto_lock_managers, *autolock);
    set(&mut spec.ca_config.node_cert_expiry, *cert_expiry);
    if !external_ca.is_empty() {
        spec.ca_config.external_cas.clone_from(external_ca);
    }
    set(&mut spec.dispatcher.heartbeat_period, *dispatcher_heartbeat);
    set(&mut spec.raft.snapshot_interval, *snapshot_interval);
    if placement_strategy.is_some() {
        spec.orchestration.placement_strategy.clone_from(placement_strategy);
    }
    // What turns it off has to be sent: what an update does not name stays as it is.
    spec.http = http.or(spec.http);
    http_options.change(&mut spec.http_options);
    acme.change(&mut spec.acme);
    let (limit, kept) =
        (&mut spec.orchestration.task_history_retention_limit, &mut spec.raft.keep_old_snapshots);
    *limit = task_history_limit.or(*limit);
    *kept = max_snapshots.or(*kept);
}

fn set<T>(member: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *member = wanted;
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use swarmlite_proto::spec::AccessLogFormat;
    use swarmlite_proto::spec::HttpConfig;
    use swarmlite_proto::spec::HttpOptions;

    use super::*;
    use crate::args::Cli;
    use crate::args::Command;
    use crate::args::SwarmCommand;

    fn args(options: &str) -> SwarmSettings {
        let line = shlex::split(&format!("swarmlite swarm update {options}")).expect("a line");
        match Cli::try_parse_from(line).expect("parses").command {
            Command::Swarm(SwarmCommand::Update(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_named_changes() {
        let mut spec = SwarmSpec::defaults();
        change(&mut spec, &args("--autolock --task-history-limit -1"));
        let mut expected = SwarmSpec::defaults();
        expected.encryption_config.auto_lock_managers = true;
        expected.orchestration.task_history_retention_limit = Some(-1);
        assert_eq!(spec, expected);
        change(&mut spec, &args("--autolock=false --task-history-limit 5"));
        assert_eq!(spec, SwarmSpec::defaults());
        change(&mut spec, &args("--placement-strategy binpack"));
        assert_eq!(spec.orchestration.placement_strategy.as_deref(), Some("binpack"));
        change(&mut spec, &args("--placement-strategy ''"));
        assert_eq!(spec.orchestration.placement_strategy.as_deref(), Some(""), "takes it back");
        for (option, port, tls_port) in [
            ("--http", 80, 443),
            ("--http=8080", 8080, 0),
            ("--http=0,8443", 0, 8443),
            ("--http=off", 0, 0),
        ] {
            change(&mut spec, &args(option));
            assert_eq!(spec.http, Some(HttpConfig { port, tls_port }), "{option}");
        }
        change(&mut spec, &args("--http-access-log json"));
        let options = HttpOptions { access_log: AccessLogFormat::Json, ..HttpOptions::default() };
        assert_eq!(spec.http_options, Some(options));
        change(&mut spec, &args("--http-access-log=off"));
        assert_eq!(spec.http_options, Some(HttpOptions::default()), "takes it back");
        let peers =
            |spec: &SwarmSpec| spec.http_options.as_ref().expect("is set").trusted_peers.clone();
        change(&mut spec, &args("--http-trusted-peer 192.0.2.9/24 --http-trusted-peer ::1"));
        assert_eq!(peers(&spec), ["192.0.2.0/24", "::1/128"]);
        change(&mut spec, &args("--http-access-log json"));
        assert_eq!(peers(&spec).len(), 2, "only what is named changes");
        change(&mut spec, &args("--http-trusted-peer=198.51.100.1"));
        assert_eq!(peers(&spec), ["198.51.100.1/32"]);
        change(&mut spec, &args("--http-proxy-protocol"));
        assert!(spec.http_options.as_ref().is_some_and(|options| options.proxy_protocol));
        change(&mut spec, &args("--http-proxy-protocol=false"));
        change(&mut spec, &args("--http-trusted-peer=''"));
        let options = HttpOptions { access_log: AccessLogFormat::Json, ..HttpOptions::default() };
        assert_eq!(spec.http_options, Some(options));
        assert_eq!(args(""), SwarmSettings::default());
    }
}
