//! The API over TCP, if the operator wants it: to holders of certificates, or to this machine alone.

use std::future::pending;
use std::io;

use anyhow::bail;
use axum::Router;
use swarmlite_api::ApiListener;
use swarmlite_api::Guard;
use swarmlite_api::Names;
use swarmlite_api::TlsFiles;
use swarmlite_api::for_browsers;
use swarmlite_api::with_page;

use crate::args::DaemonArgs;

/// Listens as the options say.
pub(super) async fn bind(args: &DaemonArgs) -> anyhow::Result<Option<ApiListener>> {
    let guard = guard(args)?;
    let (Some(address), Some(guard)) = (args.api, guard) else { return Ok(None) };
    let listener = swarmlite_api::bind_tcp(address, &guard).await?;
    tracing::info!(address = %listener.local_addr()?, "serving the API over TCP");
    Ok(Some(listener))
}

/// What is served there: `api`, and the page where a browser can show a certificate, or where it was asked for.
pub(super) fn router(api: Router, is_plain: bool, has_page: bool) -> Router {
    match (is_plain, has_page) {
        (true, false) => api,
        (true, true) => for_browsers(with_page(api), Names::Loopback),
        (false, _) => for_browsers(with_page(api), Names::Certified),
    }
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
        (None, (None, None, None), false) if !args.api_ui => Ok(None),
        (None, ..) => bail!("--api-plain, --api-ui and --api-tls-* need --api"),
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
    use axum::body::Body;
    use axum::extract::Request;
    use clap::Parser;
    use swarmlite_api::UI;
    use tower::ServiceExt;

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
            (files.to_owned(), "--api-plain, --api-ui and --api-tls-* need --api"),
            ("--api-ui".to_owned(), "--api-plain, --api-ui and --api-tls-* need --api"),
        ] {
            let refused = guarded(&options).expect_err("refused");
            assert!(refused.starts_with(message), "{refused}");
        }
    }

    /// What a browser is answered that was led to `path` by a page of `origin`.
    async fn status(router: &Router, path: &str, host: &str, origin: &str) -> u16 {
        let request = Request::builder().uri(path).header("host", host).header("origin", origin);
        let request = request.body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("infallible").status().as_u16()
    }

    #[tokio::test]
    async fn the_page_is_where_browsers_are_asked_who_they_are_or_where_it_was_asked_for() {
        let api = Router::new().route("/nodes", axum::routing::get(async || "nodes"));
        let (own, foreign) = ("http://localhost", "http://evil.example");
        for (is_plain, has_page, host, served, of_others) in [
            (false, false, "node1.example", 200, 403),
            (false, true, "node1.example", 200, 403),
            (true, true, "localhost", 200, 403),
            // Nobody but programs is expected here, which are served as they are.
            (true, false, "localhost", 404, 200),
        ] {
            let router = router(api.clone(), is_plain, has_page);
            let own = if host == "localhost" { own } else { "https://node1.example" };
            assert_eq!(status(&router, UI, host, own).await, served, "{is_plain} {has_page}");
            assert_eq!(status(&router, "/nodes", host, own).await, 200);
            assert_eq!(status(&router, "/nodes", host, foreign).await, of_others);
        }
        let plain = router(api, true, true);
        assert_eq!(status(&plain, UI, "evil.example", foreign).await, 403);
    }
}
