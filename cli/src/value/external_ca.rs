//! Servers of external authorities, as `protocol=cfssl,url=https://ca.example.com/api/v1/cfssl/sign,cacert=ca.pem` (docker/cli `cli/command/swarm/opts.go`).

use swarmlite_proto::spec::ExternalCa;

use super::fields;

/// Reads one, with the file that it names.
///
/// # Errors
///
/// In Docker's words where it has some.
pub(crate) fn parse(text: &str) -> Result<ExternalCa, String> {
    let mut ca = ExternalCa::default();
    for field in fields::split(text)? {
        let (name, value) = field
            .split_once('=')
            .ok_or_else(|| format!("invalid field '{field}' must be a key=value pair"))?;
        match name.trim().to_ascii_lowercase().as_str() {
            "protocol" if value.eq_ignore_ascii_case(ExternalCa::CFSSL) => {
                ExternalCa::CFSSL.clone_into(&mut ca.protocol);
            }
            "protocol" => return Err(format!("unrecognized external CA protocol {value}")),
            "url" => value.clone_into(&mut ca.url),
            "cacert" => {
                let read = std::fs::read_to_string(value);
                ca.ca_cert = read.map_err(|error| format!("cannot read {value}: {error}"))?;
            }
            _ => drop(ca.options.insert(name.to_owned(), value.to_owned())),
        }
    }
    if ca.protocol.is_empty() {
        return Err("the external-ca option needs a protocol= parameter".to_owned());
    }
    if ca.url.is_empty() {
        return Err("the external-ca option needs a url= parameter".to_owned());
    }
    Ok(ca)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_protocol_and_a_url() {
        let found = parse("protocol=CFSSL,url=https://ca/sign").expect("one");
        assert_eq!(
            (&*found.protocol, &*found.url, &*found.ca_cert),
            ("cfssl", "https://ca/sign", "")
        );
        for (text, message) in [
            ("", "invalid field '' must be a key=value pair"),
            ("url=https://ca", "the external-ca option needs a protocol= parameter"),
            ("protocol=cfssl", "the external-ca option needs a url= parameter"),
            ("protocol=acme,url=https://ca", "unrecognized external CA protocol acme"),
        ] {
            assert_eq!(parse(text).expect_err(text), message);
        }
        let missing = parse("protocol=cfssl,url=https://ca,cacert=/nonexistent").expect_err("none");
        assert!(missing.starts_with("cannot read /nonexistent: "), "{missing}");
    }
}
