//! Lines for /etc/hosts, as `name:address` (docker/cli `opts.ValidateExtraHost`).

use std::net::IpAddr;

/// Stands for the address of the node that the container runs on.
const HOST_GATEWAY: &str = "host-gateway";

/// Reads `name:address` or `name=address` into the form of the spec, `address name`.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    let invalid = || format!("bad format for add-host: \"{text}\"");
    let (name, address) = text.split_once([':', '=']).ok_or_else(invalid)?;
    if name.is_empty() {
        return Err(invalid());
    }
    if address == HOST_GATEWAY {
        return Ok(format!("{HOST_GATEWAY} {name}"));
    }
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr =
        bare.parse().map_err(|_| format!("invalid IP address in add-host: \"{address}\""))?;
    Ok(format!("{address} {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_address_change_places() {
        for (text, line) in [
            ("db:10.0.0.1", "10.0.0.1 db"),
            ("db=10.0.0.1", "10.0.0.1 db"),
            ("db:::1", "::1 db"),
            ("db:[::1]", "::1 db"),
            ("node:host-gateway", "host-gateway node"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(line), "{text}");
        }
    }

    #[test]
    fn both_parts_have_to_be_there() {
        for text in ["db", ":10.0.0.1", "db:nowhere", "db:"] {
            parse(text).expect_err("not a host");
        }
    }
}
