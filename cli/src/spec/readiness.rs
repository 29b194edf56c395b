//! Options about readiness.

use swarmlite_proto::spec::ReadinessConfig;

use super::container::set;
use crate::args::ReadinessFlags;
use crate::error::Error;
use crate::error::Result;

/// Changes how readiness is checked.
pub(super) fn change(config: &mut Option<ReadinessConfig>, flags: &ReadinessFlags) -> Result<()> {
    let test = [
        ("CMD-SHELL", &flags.readiness_cmd),
        ("HTTP", &flags.readiness_http),
        ("TCP", &flags.readiness_tcp),
    ];
    let test = test.into_iter().find_map(|(kind, value)| Some([kind, value.as_deref()?]));
    let given = test.is_some()
        || flags.readiness_interval.is_some()
        || flags.readiness_timeout.is_some()
        || flags.readiness_retries.is_some()
        || flags.readiness_start_period.is_some();
    if flags.no_readiness {
        if given {
            return Err(Error::refused("--no-readiness conflicts with --readiness-* options"));
        }
        // What an update does not name stays, so that taking a check back has to be said.
        let test = vec!["NONE".to_owned()];
        *config = Some(ReadinessConfig { test, ..ReadinessConfig::default() });
    } else if given {
        if test.is_none() && config.is_none() {
            return Err(Error::refused(
                "--readiness-* options need --readiness-cmd, --readiness-http or --readiness-tcp",
            ));
        }
        let config = config.get_or_insert_with(ReadinessConfig::default);
        if let Some(test) = test {
            config.test = test.map(str::to_owned).to_vec();
            config.probe().map_err(|_unknown| {
                let [kind, value] = test;
                let form = if kind == "HTTP" { "PORT/PATH" } else { "PORT" };
                let option = kind.to_lowercase();
                let option = if kind == "CMD-SHELL" { "cmd" } else { &option };
                Error::refused(format!("invalid --readiness-{option} {value:?}: must be {form}"))
            })?;
        }
        set(&mut config.interval, flags.readiness_interval.as_ref());
        set(&mut config.timeout, flags.readiness_timeout.as_ref());
        set(&mut config.retries, flags.readiness_retries.as_ref());
        set(&mut config.start_period, flags.readiness_start_period.as_ref());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::time::Nanoseconds;

    use super::*;

    #[test]
    fn a_check_is_made_changed_and_taken_away() {
        let mut config = None;
        let http = ReadinessFlags {
            readiness_http: Some("8080/ready".to_owned()),
            readiness_retries: Some(2),
            ..ReadinessFlags::default()
        };
        change(&mut config, &http).expect("makes it");
        let interval = Some(Nanoseconds::from_secs(1));
        let slower = ReadinessFlags { readiness_interval: interval, ..ReadinessFlags::default() };
        change(&mut config, &slower).expect("changes it");
        let expected = ReadinessConfig {
            test: vec!["HTTP".to_owned(), "8080/ready".to_owned()],
            interval: Nanoseconds::from_secs(1),
            retries: 2,
            ..ReadinessConfig::default()
        };
        assert_eq!(config, Some(expected));
        let command = Some("test -e /ready".to_owned());
        change(
            &mut config,
            &ReadinessFlags { readiness_cmd: command, ..ReadinessFlags::default() },
        )
        .expect("tries something else");
        assert_eq!(config.as_ref().expect("some").test, ["CMD-SHELL", "test -e /ready"]);
        change(&mut config, &ReadinessFlags { no_readiness: true, ..ReadinessFlags::default() })
            .expect("takes it away");
        assert_eq!(config.expect("is sent").test, ["NONE"]);
        let mut config = None;
        change(&mut config, &slower).expect_err("nothing to change");
        change(&mut config, &ReadinessFlags { no_readiness: true, ..http })
            .expect_err("a conflict");
    }

    #[test]
    fn what_cannot_be_tried_is_refused_by_option() {
        let flags = |http: &str| ReadinessFlags {
            readiness_http: Some(http.to_owned()),
            ..ReadinessFlags::default()
        };
        let refused = change(&mut None, &flags("/ready")).expect_err("no port");
        assert_eq!(refused.to_string(), "invalid --readiness-http \"/ready\": must be PORT/PATH");
    }
}
