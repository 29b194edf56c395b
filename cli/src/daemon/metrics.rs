//! The numbers of this node as Prometheus reads them: those of its agent and of its manager behind one another.

use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use prometheus_client::encoding::text::encode_eof;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

/// The numbers in `registries`, none of which is in two of them, and which build this is.
pub(super) fn text(registries: &[Registry]) -> Result<String, fmt::Error> {
    let build = Family::<[(&str, &str); 1], Gauge>::default();
    build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    let mut own = Registry::default();
    own.register("swarmlite_build_info", "Which build this is", build);
    let mut text = String::new();
    encode_registry(&mut text, &own)?;
    registries.iter().try_for_each(|registry| encode_registry(&mut text, registry))?;
    encode_eof(&mut text)?;
    Ok(text)
}

/// Listens for Prometheus, if there is an address for that.
pub(super) async fn bind(address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving metrics over plain HTTP");
    Ok(Some(listener))
}

/// Serves, for ever if there is nothing to serve on.
pub(super) async fn serve(listener: Option<TcpListener>, router: Router) -> io::Result<()> {
    match listener {
        Some(listener) => axum::serve(listener, router).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::gauge::ConstGauge;

    use super::*;

    #[test]
    fn the_text_ends_once() {
        let registries = ["one", "two"].map(|name| {
            let mut registry = Registry::default();
            registry.register(name, "A number", ConstGauge::new(1_i64));
            registry
        });
        let text = text(&registries).expect("is text");
        let numbers: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let build = concat!("swarmlite_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1");
        assert_eq!(numbers, [build, "one 1", "two 1"]);
        assert_eq!(text.matches("# EOF").count(), 1);
        assert!(text.ends_with("# EOF\n"));
    }
}
