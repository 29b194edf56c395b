//! The API over TCP, if the operator wants it: to holders of certificates, or to this machine alone.

use std::future::pending;
use std::io;

use anyhow::bail;
use axum::Router;
use swarmlite_api::ApiListener;
use swarmlite_api::Guard;
use swarmlite_api::TlsFiles;

use crate::args::DaemonArgs;

/// Listens as the options say.
pub(super) async fn bind(args: &DaemonArgs) -> anyhow::Result<Option<ApiListener>> {
    let guard = guard(args)?;
    let (Some(address), Some(guard)) = (args.api, guard) else { return Ok(None) };
    let listener = swarmlite_api::bind_tcp(address, &guard).await?;
    tracing::info!(address = %listener.local_addr()?, "serving the API over TCP");
    Ok(Some(listener))
}

/// Serves, for ever if there is nothing to serve on.
pub(super) async fn serve(listener: Option<ApiListener>, router: Router) -> io::Result<()> {
    match listener {
        Some(listener) => listener.serve(router).await,
        None => pending().await,
    }
}

/// Who is let in. None if nobody is asked to serve over TCP.
fn guard(args: &DaemonArgs) -> anyhow::Result<Option<Guard>> {
    let files = (&args.api_tls_ca, &args.api_tls_cert, &args.api_tls_key);
    match (args.api, files, args.api_plain) {
        (None, (None, None, None), false) => Ok(None),
        (None, ..) => bail!("--api-plain and --api-tls-* need --api"),
        (Some(_), (Some(ca), Some(certificate), Some(key)), false) => {
            Ok(Some(Guard::Certificates(TlsFiles {
                ca: ca.clone(),
                certificate: certificate.clone(),
                key: key.clone(),
            })))
        }
        (Some(_), (None, None, None), true) => Ok(Some(Guard::Loopback)),
        (Some(_), _, true) => bail!("--api-plain and --api-tls-* exclude each other"),
        (Some(_), _, false) => bail!(
            "--api needs --api-tls-ca, --api-tls-cert and --api-tls-key, or --api-plain on a loopback address"
        ),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;
    use crate::args::Command;

    fn guarded(options: &str) -> Result<Option<Guard>, String> {
        let line = format!("swarmlite daemon {options}");
        let cli = Cli::try_parse_from(line.split(' ').filter(|word| !word.is_empty()));
        match cli.expect("parses").command {
            Command::Daemon(args) => guard(&args).map_err(|error| error.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nobody_is_served_without_being_asked_who_they_are() {
        let files = "--api-tls-ca a --api-tls-cert b --api-tls-key c";
        let expected = TlsFiles { ca: "a".into(), certificate: "b".into(), key: "c".into() };
        let address = "--api tcp://0.0.0.0:2376";
        assert_eq!(guarded(""), Ok(None));
        assert_eq!(guarded(&format!("{address} {files}")), Ok(Some(Guard::Certificates(expected))));
        assert_eq!(guarded(&format!("{address} --api-plain")), Ok(Some(Guard::Loopback)));
        for (options, message) in [
            (address.to_owned(), "--api needs"),
            (format!("{address} --api-tls-ca a"), "--api needs"),
            (format!("{address} --api-plain {files}"), "--api-plain and --api-tls-* exclude"),
            (files.to_owned(), "--api-plain and --api-tls-* need --api"),
        ] {
            let refused = guarded(&options).expect_err("refused");
            assert!(refused.starts_with(message), "{refused}");
        }
    }
}
