//! `swarmlite network prune`.

use std::io;
use std::io::BufRead;

use crate::args::NetworkPruneArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;

const WARNING: &str = "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue? [y/N] ";

/// Removes the networks that nothing uses.
pub(crate) async fn prune(
    args: &NetworkPruneArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    if !args.force {
        console.print(WARNING)?;
        if !agrees(&mut io::stdin().lock())? {
            return Err(Error::refused("network prune has been cancelled"));
        }
    }
    let removed = client.networks_prune(&args.filter.iter().collect()).await?;
    if removed.is_empty() {
        return Ok(());
    }
    console.line("Deleted Networks:")?;
    removed.iter().try_for_each(|network| console.line(network))?;
    console.line("")
}

/// Whether the next line is a yes.
fn agrees(input: &mut impl BufRead) -> Result<bool> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line.trim().eq_ignore_ascii_case("y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (input, expected) in [("y\n", true), ("Y", true), ("yes\n", false), ("", false)] {
            assert_eq!(agrees(&mut input.as_bytes()).expect("reads"), expected, "{input:?}");
        }
    }
}
