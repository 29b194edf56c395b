//! Published ports, `[[host:]published:]target[/protocol]` with ranges, as one mapping for each port.

use serde_json::Value;
use serde_json::json;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::value::port;

use super::super::error::ComposeError;
use super::super::error::Result;
use super::super::notes::Notes;
use super::super::yaml;

/// The most ports that one service may ask for, as many as there are. A few ranges would be more than any memory holds.
const MOST: usize = 65_535;

/// Expands all short forms of a list. What still has variables in it, because nobody puts values there, stays as it is.
pub(super) fn expand(path: &str, list: &mut Value, notes: &mut Notes) -> Result<()> {
    let Value::Array(items) = list else { return Ok(()) };
    let mut expanded = Vec::with_capacity(items.len());
    for (at, item) in items.drain(..).enumerate() {
        match &item {
            Value::String(_) | Value::Number(_) => {
                let text = yaml::scalar(&item).unwrap_or_default();
                if text.contains("${") {
                    expanded.push(item);
                    continue;
                }
                let refused = |why| ComposeError::invalid(format!("{path}.{at}"), why);
                let published = port::short(&text).map_err(refused)?;
                if let Some(host) = published.host {
                    notes.say(ignored_address(&text, &host));
                }
                if expanded.len() + published.ports.len() > MOST {
                    return Err(ComposeError::invalid(
                        path,
                        format!("asks for more than {MOST} ports"),
                    ));
                }
                expanded.extend(published.ports.iter().map(long));
            }
            _ => expanded.push(item),
        }
    }
    *items = expanded;
    Ok(())
}

/// What docker says about an address to publish at (`opts/swarmopts/port.go` in docker/cli).
pub(in super::super) fn ignored_address(port: &str, host: &str) -> String {
    format!(
        "ignoring IP-address {host} ({port}): the service will listen on all addresses of all nodes"
    )
}

fn long(port: &PortConfig) -> Value {
    let mut long = json!({
        "mode": "ingress",
        "target": port.target_port,
        "protocol": port.protocol.as_str(),
    });
    if port.published_port != 0 {
        long["published"] = port.published_port.into();
    }
    long
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(ports: Value) -> Result<(Value, Notes)> {
        let (mut ports, mut notes) = (ports, Notes::default());
        expand("services.web.ports", &mut ports, &mut notes)?;
        Ok((ports, notes))
    }

    #[test]
    fn each_port_of_a_range_is_one() {
        let (ports, notes) =
            expanded(json!(["8000-8001:80-81/udp", 90, "9000-9001:9", {"target": 5}]))
                .expect("ports");
        let udp = |published, target| json!({"mode": "ingress", "target": target, "protocol": "udp", "published": published});
        let tcp = |published, target| json!({"mode": "ingress", "target": target, "protocol": "tcp", "published": published});
        let any = json!({"mode": "ingress", "target": 90, "protocol": "tcp"});
        assert_eq!(
            ports,
            json!([udp(8000, 80), udp(8001, 81), any, tcp(9000, 9), tcp(9001, 9), {"target": 5}])
        );
        assert_eq!(notes, Notes::default());
    }

    #[test]
    fn an_address_to_publish_at_is_noted() {
        let (ports, notes) = expanded(json!(["127.0.0.1:8080:80"])).expect("ports");
        assert_eq!(ports[0]["published"], 8080);
        assert!(notes.paragraphs()[0].starts_with("ignoring IP-address 127.0.0.1"));
    }

    #[test]
    fn says_which_port_is_none() {
        let refused = expanded(json!(["80", "x:80"])).expect_err("refused").to_string();
        assert_eq!(refused, "services.web.ports.1 invalid hostPort: x");
        let (kept, _) = expanded(json!(["${PORT}:80"])).expect("kept");
        assert_eq!(kept, json!(["${PORT}:80"]));
    }
}
