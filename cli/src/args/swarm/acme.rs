//! Options about certificates by ACME.

use std::path::Path;

use clap::Args;
use swarmlite_proto::spec::AcmeConfig;

/// Whom the swarm asks for the certificates of hosts. What is not given does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct AcmeFlags {
    /// Ask this ACME server for the certificates of HTTP rules with tls=acme: the URL of its directory; an empty one stands for the default [default:
    /// that of Let's Encrypt].
    #[arg(long, value_name = "URL")]
    pub(crate) acme_directory: Option<String>,

    /// Give the ACME server this address to write to.
    #[arg(long, value_name = "EMAIL")]
    pub(crate) acme_email: Option<String>,

    /// Trust only the authorities in this PEM file to vouch for the ACME server itself; an empty name stands for those that the machines trust.
    #[arg(long, value_name = "FILE", value_parser = authorities)]
    pub(crate) acme_ca: Option<String>,

    /// Agree to the terms of service of the ACME server; without that it is asked for nothing [default: false].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) acme_accept_terms: Option<bool>,
}

impl AcmeFlags {
    /// Changes what is given.
    pub(crate) fn change(&self, config: &mut Option<AcmeConfig>) {
        let Self { acme_directory, acme_email, acme_ca, acme_accept_terms } = self;
        if *self == Self::default() {
            return;
        }
        let config = config.get_or_insert_default();
        let texts = [
            (&mut config.directory, acme_directory),
            (&mut config.email, acme_email),
            (&mut config.ca, acme_ca),
        ];
        for (text, given) in texts {
            if let Some(given) = given {
                text.clone_from(given);
            }
        }
        config.terms_accepted = acme_accept_terms.unwrap_or(config.terms_accepted);
    }
}

fn authorities(file: &str) -> Result<String, String> {
    if file.is_empty() {
        return Ok(String::new());
    }
    std::fs::read_to_string(Path::new(file)).map_err(|error| format!("cannot read {file}: {error}"))
}
