//! Networks of a service: a name, or `name=NET,alias=A,driver-opt=K=V` (docker/cli `opts/network.go`).

use swarmlite_proto::spec::NetworkAttachmentConfig;

use super::fields;

/// Reads either syntax. The target is what the user wrote: a name or an id.
pub(crate) fn parse(text: &str) -> Result<NetworkAttachmentConfig, String> {
    let mut attachment = NetworkAttachmentConfig::default();
    if !text.contains('=') {
        text.clone_into(&mut attachment.target);
    } else {
        for field in fields::split(text)? {
            let (key, value) = field
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| format!("invalid field {field}"))?;
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "name" => value.clone_into(&mut attachment.target),
                "alias" => attachment.aliases.push(value.to_ascii_lowercase()),
                "driver-opt" => {
                    let (key, value) = value
                        .split_once('=')
                        .filter(|(key, _)| !key.is_empty())
                        .ok_or("invalid key value pair format in driver options")?;
                    attachment.driver_opts.insert(key.trim().to_owned(), value.trim().to_owned());
                }
                key @ ("ip" | "ip6" | "mac-address" | "link-local-ip" | "gw-priority") => {
                    return Err(format!("{key} cannot be chosen for the tasks of a service"));
                }
                key => return Err(format!("invalid field key {key}")),
            }
        }
    }
    if attachment.target.is_empty() {
        return Err("network name/id is not specified".to_owned());
    }
    Ok(attachment)
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::spec::Labels;

    use super::*;

    #[test]
    fn a_name_or_fields() {
        let plain = NetworkAttachmentConfig { target: "net".to_owned(), ..Default::default() };
        assert_eq!(parse("net"), Ok(plain.clone()));
        assert_eq!(parse("name=net"), Ok(plain.clone()));
        assert_eq!(
            parse("name=net,alias=Web,alias=w,driver-opt=a=b"),
            Ok(NetworkAttachmentConfig {
                aliases: vec!["web".to_owned(), "w".to_owned()],
                driver_opts: Labels::from([("a".to_owned(), "b".to_owned())]),
                ..plain
            })
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_network() {
        for (text, message) in [
            ("", "network name/id is not specified"),
            ("alias=a", "network name/id is not specified"),
            ("name=net,x=1", "invalid field key x"),
            ("name=net,alias", "invalid field alias"),
            ("name=net,driver-opt=a", "invalid key value pair format in driver options"),
            ("name=net,ip=10.0.0.5", "ip cannot be chosen for the tasks of a service"),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }
}
