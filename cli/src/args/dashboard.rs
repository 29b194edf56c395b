//! Options of `dashboard`.

use std::net::SocketAddr;

use clap::Args;

/// Options of `dashboard`.
#[derive(Debug, Args)]
#[command(
    after_help = "Whoever has the address that is printed may do all that the page can. From another machine:
  ssh -t -L 8377:127.0.0.1:8377 NODE sudo swarmlite dashboard"
)]
pub(crate) struct DashboardArgs {
    /// Loopback address to serve the page on, as ADDRESS:PORT.
    #[arg(
        long,
        value_parser = loopback,
        default_value = "127.0.0.1:8377",
        value_name = "ADDRESS:PORT"
    )]
    pub(crate) listen: SocketAddr,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("'{text}' is not of the form ADDRESS:PORT"))?;
    if !address.ip().is_loopback() {
        return Err(format!(
            "{} is no loopback address: the page is served to this machine only, and to others by ssh -L",
            address.ip()
        ));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_served() {
        assert_eq!(loopback("127.0.0.1:0"), Ok(([127, 0, 0, 1], 0).into()));
        loopback("[::1]:8377").expect("is loopback");
        for text in ["0.0.0.0:8377", "192.0.2.1:8377", "[::]:8377", "localhost:1", "8377"] {
            loopback(text).expect_err(text);
        }
    }
}
