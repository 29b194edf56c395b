//! How a service is reached.

use std::collections::BTreeSet;

use super::require;
use crate::error::Error;
use crate::error::Result;
use crate::spec::EndpointMode;
use crate::spec::EndpointOptions;
use crate::spec::EndpointSpec;
use crate::spec::PortProtocol;
use crate::spec::PublishMode;

/// Checks the published ports of a service, and what is asked of its balancing by options or labels.
pub(super) fn check(endpoint: &EndpointSpec, options: EndpointOptions) -> Result<()> {
    if endpoint.mode == EndpointMode::DnsRr
        && let Some((option, _)) = options.entries().next()
    {
        let option = option.as_str();
        return Err(Error::invalid(format!(
            "EndpointSpec: endpoint option {option} can't be used with dnsrr mode"
        )));
    }
    let mut published = BTreeSet::new();
    for port in &endpoint.ports {
        if port.protocol == PortProtocol::Sctp {
            return Err(Error::not_implemented(
                "EndpointSpec: protocol sctp is not supported yet, only tcp and udp are",
            ));
        }
        require(port.target_port != 0, || {
            "EndpointSpec: TargetPort must be between 1 and 65535".to_owned()
        })?;
        require(
            endpoint.mode == EndpointMode::Vip || port.publish_mode == PublishMode::Host,
            || {
                "EndpointSpec: port published with ingress mode can't be used with dnsrr mode"
                    .to_owned()
            },
        )?;
        // Ports that are still to be chosen are in nobody's way.
        require(
            port.published_port == 0 || published.insert((port.protocol, port.published_port)),
            || "EndpointSpec: duplicate published ports provided".to_owned(),
        )?;
    }
    Ok(())
}
