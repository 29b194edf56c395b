//! Rules of HTTP routing, as `shop.example.com/cart,port=8080,tls=shop-cert,https-only`: the host and the path that are asked for, then what else is
//! asked and what becomes of the request.

use std::net::IpAddr;

use ipnet::IpNet;

use super::bytes;
use super::fields;
use crate::spec::CertificateReference;
use crate::spec::HttpRate;
use crate::spec::HttpRoute;
use crate::time::Nanoseconds;
use crate::time::duration;

/// What stands in place of a secret for a certificate that is got by ACME.
pub const ACME: &str = "acme";

const SECOND: i64 = 1_000_000_000;

/// Reads a rule. The host may be left out, as may the path, which then is `/`.
///
/// # Errors
///
/// When it is no rule. Whether what it asks for is possible is for validation to say.
pub fn parse(text: &str) -> Result<HttpRoute, String> {
    let fields = fields::split(text)?;
    let (asked, settings) = fields.split_first().ok_or("missing host or path")?;
    let Place { host, path } = place(asked)?;
    let mut rule = HttpRoute { host, path, ..HttpRoute::default() };
    for field in settings {
        match field.split_once('=') {
            None if field == "https-only" => rule.https_only = true,
            None => return Err(format!("invalid field: {field}")),
            Some((key, value)) => set(&mut rule, key, value)?,
        }
    }
    if rule.target_port == 0 {
        return Err("missing mandatory field 'port'".to_owned());
    }
    if rule.rate.is_some_and(|rate| rate.requests == 0) {
        return Err("a burst is possible only beside a rate".to_owned());
    }
    Ok(rule.canonical())
}

/// Where requests go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// [`HttpRoute::host`].
    pub host: String,
    /// [`HttpRoute::path`].
    pub path: String,
}

/// Reads `HOST`, `HOST/PATH` or `/PATH`.
///
/// # Errors
///
/// When it is a URL, or nothing.
pub fn place(text: &str) -> Result<Place, String> {
    if text.is_empty() {
        return Err("missing host or path".to_owned());
    }
    if text.contains("://") {
        return Err(format!("'{text}' is a URL: HOST/PATH is asked for, without a scheme"));
    }
    let host = text.find('/').map_or(text, |at| &text[..at]);
    if host.contains('=') {
        return Err(format!("missing host or path before '{text}'"));
    }
    let HttpRoute { host, path, .. } = HttpRoute {
        host: host.to_owned(),
        path: text[host.len()..].to_owned(),
        ..HttpRoute::default()
    }
    .canonical();
    Ok(Place { host, path })
}

/// Reads the network of other proxies, or the address of one.
///
/// # Errors
///
/// When it is none.
pub fn peer(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().ok();
    let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network.map(|it| it.trunc()).ok_or_else(|| {
        format!("{text:?} is no network, such as 192.0.2.0/24 or 2001:db8::/32, and no address")
    })
}

fn set(rule: &mut HttpRoute, key: &str, value: &str) -> Result<(), String> {
    match key {
        "port" => rule.target_port = port(value)?,
        "weight" => {
            let weight = value.parse().map_err(|_| format!("invalid weight: {value}"))?;
            rule.weight = Some(weight);
        }
        "tls" if value == ACME => rule.acme = true,
        "tls" => {
            let secret_name = value.to_owned();
            rule.certificate = Some(CertificateReference { secret_id: String::new(), secret_name });
        }
        "client-ca" => {
            let secret_name = value.to_owned();
            rule.client_ca = Some(CertificateReference { secret_id: String::new(), secret_name });
        }
        "https-only" => {
            rule.https_only = value.parse().map_err(|_| format!("invalid https-only: {value}"))?;
        }
        "sticky" => rule.sticky = Some(value.parse().map_err(|error| format!("{error}"))?),
        "rewrite" => rule.rewrite = Some(value.to_owned()),
        "timeout" => rule.timeout = Some(duration::parse(value)?),
        "hsts" => rule.hsts = Some(duration::parse(value)?),
        "rate" => {
            let burst = rule.rate.map_or(0, |rate| rate.burst);
            rule.rate = Some(HttpRate { burst, ..rate(value)? });
        }
        "burst" => {
            let burst = value.parse().map_err(|_| format!("invalid burst: {value}"))?;
            rule.rate.get_or_insert_default().burst = burst;
        }
        "max-body" => {
            let size = bytes::parse(value)?;
            rule.max_body = Some(u64::try_from(size).map_err(|error| error.to_string())?);
        }
        "method" => rule.methods.push(value.to_owned()),
        "header" => {
            let (name, value) = value
                .split_once(':')
                .ok_or_else(|| format!("invalid header: {value} is not NAME:VALUE"))?;
            let value = value.trim().to_owned();
            if rule.headers.insert(name.trim().to_ascii_lowercase(), value).is_some() {
                return Err(format!("header {name} is asked for twice"));
            }
        }
        _ => return Err(format!("invalid field key: {key}")),
    }
    Ok(())
}

fn rate(text: &str) -> Result<HttpRate, String> {
    let read = text.split_once('/').and_then(|(count, unit)| {
        let (_, per) = HttpRate::TIMES.into_iter().find(|(name, _)| *name == unit)?;
        let requests = count.parse().ok().filter(|count| *count != 0)?;
        Some(HttpRate { requests, per, burst: 0 })
    });
    read.ok_or_else(|| format!("invalid rate: {text} is not COUNT/s, COUNT/m or COUNT/h"))
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| format!("invalid port ({text}): value must be an integer from 1 to 65535"))
}

/// The rule as [`parse`] reads it.
#[must_use]
pub fn show(rule: &HttpRoute) -> String {
    let mut fields =
        vec![format!("{}{}", rule.host, rule.path), format!("port={}", rule.target_port)];
    fields.extend(rule.methods.iter().map(|method| format!("method={method}")));
    fields.extend(rule.headers.iter().map(|(name, value)| format!("header={name}:{value}")));
    let certificate = rule.certificate.as_ref();
    let settings = [
        rule.weight.map(|weight| format!("weight={weight}")),
        rule.rewrite.as_ref().map(|path| format!("rewrite={path}")),
        rule.sticky.map(|sticky| format!("sticky={sticky}")),
        rule.timeout.map(|timeout| format!("timeout={}", time(timeout))),
        rule.max_body.map(|bytes| format!("max-body={bytes}")),
        rule.rate.map(shown_rate),
        rule.rate.filter(|it| it.burst != 0).map(|it| format!("burst={}", it.burst)),
        certificate.map(|it| format!("tls={}", it.secret_name)),
        rule.acme.then(|| format!("tls={ACME}")),
        rule.client_ca.as_ref().map(|it| format!("client-ca={}", it.secret_name)),
        rule.https_only.then(|| "https-only".to_owned()),
        rule.hsts.map(|hsts| format!("hsts={}", time(hsts))),
    ];
    fields.extend(settings.into_iter().flatten());
    fields.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",")
}

fn shown_rate(rate: HttpRate) -> String {
    let unit = HttpRate::TIMES.into_iter().find(|(_, per)| *per == rate.per);
    let unit = unit.map_or_else(|| time(rate.per), |(name, _)| name.to_owned());
    format!("rate={}/{unit}", rate.requests)
}

/// Whole hours, minutes or seconds if it is some, as people write them.
fn time(Nanoseconds(length): Nanoseconds) -> String {
    let units = [(3600 * SECOND, "h"), (60 * SECOND, "m"), (SECOND, "s"), (1, "ns")];
    let whole = units.into_iter().find(|(unit, _)| length % unit == 0);
    whole.map_or_else(|| length.to_string(), |(unit, name)| format!("{}{name}", length / unit))
}

/// A field of a record ([`fields`]).
fn quoted(field: &str) -> String {
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rule_says_what_is_asked_and_what_becomes_of_it() {
        let text = "Shop.example.com/cart/,port=8080,weight=5,tls=cert,client-ca=staff,https-only,sticky=90s,rewrite=/,timeout=30s,max-body=10m,burst=5,rate=100/m,\
                    method=post,method=GET,\"header=X-Beta: 1,2\",hsts=8760h";
        let rule = parse(text).expect("a rule");
        let expected = HttpRoute {
            host: "shop.example.com".to_owned(),
            path: "/cart".to_owned(),
            methods: vec!["GET".to_owned(), "POST".to_owned()],
            headers: [("x-beta".to_owned(), "1,2".to_owned())].into(),
            target_port: 8080,
            weight: Some(5),
            rewrite: Some("/".to_owned()),
            sticky: Some("1m30s".parse().expect("a time")),
            timeout: Some(Nanoseconds::from_secs(30)),
            max_body: Some(10 << 20),
            rate: Some(HttpRate { requests: 100, per: Nanoseconds::from_secs(60), burst: 5 }),
            certificate: Some(CertificateReference {
                secret_id: String::new(),
                secret_name: "cert".to_owned(),
            }),
            client_ca: Some(CertificateReference {
                secret_id: String::new(),
                secret_name: "staff".to_owned(),
            }),
            acme: false,
            https_only: true,
            hsts: Some(Nanoseconds::from_secs(8760 * 3600)),
        };
        assert_eq!(rule, expected);
        assert_eq!(
            show(&rule),
            "shop.example.com/cart,port=8080,method=GET,method=POST,\"header=x-beta:1,2\",weight=5,rewrite=/,sticky=1m30s,timeout=30s,\
             max-body=10485760,rate=100/m,burst=5,tls=cert,client-ca=staff,https-only,hsts=8760h"
        );
    }

    #[test]
    fn host_and_path_may_be_left_out() {
        for (text, host, path) in [
            ("/cart,port=80", "", "/cart"),
            ("/,port=80", "", "/"),
            ("*.example.com,port=80", "*.example.com", "/"),
            ("shop/a=b,port=80", "shop", "/a=b"),
        ] {
            let rule = parse(text).expect("a rule");
            assert_eq!((rule.host.as_str(), rule.path.as_str()), (host, path), "{text}");
        }
    }

    #[test]
    fn peers_are_networks_or_addresses() {
        for (text, expected) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            assert_eq!(peer(text).expect("a network").to_string(), expected);
        }
        let message = "\"lb\" is no network, such as 192.0.2.0/24 or 2001:db8::/32, and no address";
        assert_eq!(peer("lb"), Err(message.to_owned()));
    }

    #[test]
    fn says_what_is_wrong_with_a_rule() {
        for (text, message) in [
            ("", "missing host or path"),
            ("port=80", "missing host or path before 'port=80'"),
            (
                "http://shop/,port=80",
                "'http://shop/' is a URL: HOST/PATH is asked for, without a scheme",
            ),
            ("shop", "missing mandatory field 'port'"),
            ("shop,port=0", "invalid port (0): value must be an integer from 1 to 65535"),
            ("shop,port=80,https", "invalid field: https"),
            ("shop,port=80,color=red", "invalid field key: color"),
            ("shop,port=80,weight=-1", "invalid weight: -1"),
            (
                "shop,port=80,sticky=1.5s",
                "invalid sticky \"1.5s\": whole seconds from 1s to 744h are possible, such as 10m",
            ),
            ("shop,port=80,timeout=5", "missing unit in duration \"5\""),
            ("shop,port=80,max-body=big", "invalid size: 'big'"),
            ("shop,port=80,burst=1", "a burst is possible only beside a rate"),
            ("shop,port=80,burst=-1,rate=1/s", "invalid burst: -1"),
            ("shop,port=80,rate=0/s", "invalid rate: 0/s is not COUNT/s, COUNT/m or COUNT/h"),
            ("shop,port=80,rate=9/d", "invalid rate: 9/d is not COUNT/s, COUNT/m or COUNT/h"),
            ("shop,port=80,header=x", "invalid header: x is not NAME:VALUE"),
            ("shop,port=80,header=a:1,header=A:2", "header A is asked for twice"),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }

    prop_compose! {
        fn asked()(
            host in prop_oneof![Just(String::new()), "(\\*\\.)?[a-z0-9]{1,9}(\\.[a-z-]{1,5}){0,2}"],
            path in "(/[a-zA-Z0-9=,\"%._-]{1,9}){0,3}",
            methods in proptest::collection::vec("[A-Z]{1,9}", 0..3),
            headers in proptest::collection::btree_map("[a-z-]{1,9}", "[!-~]([ -~]{0,9}[!-~])?", 0..3),
        ) -> (String, String, Vec<String>, BTreeMap<String, String>) {
            (host, path, methods, headers)
        }
    }

    prop_compose! {
        fn rule()(
            (host, path, methods, headers) in asked(),
            target_port in 1..=u16::MAX,
            weight in proptest::option::of(any::<u16>()),
            rewrite in proptest::option::of("/[a-z,]{0,5}"),
            sticky in proptest::option::of(1..2_678_400_u32),
            timeout in proptest::option::of(0..1_000_000_000_000_i64),
            max_body in proptest::option::of(0..1_u64 << 40),
            secret in proptest::option::of("[b-zA-Z0-9._-]{1,9}"),
            client_ca in proptest::option::of("[a-zA-Z0-9._-]{1,9}"),
            acme in any::<bool>(),
            rate in proptest::option::of((1..100_u32, 0..3_usize, 0..9_u32)),
            https_only in any::<bool>(),
            hsts in proptest::option::of(0..100_000_i64),
        ) -> HttpRoute {
            HttpRoute {
                host, path, methods, headers, target_port, weight, rewrite, max_body, https_only, acme,
                sticky: sticky.map(|seconds| format!("{seconds}s").parse().expect("a time")),
                timeout: timeout.map(Nanoseconds),
                certificate: secret.map(|secret_name| CertificateReference { secret_id: String::new(), secret_name }),
                client_ca: client_ca.map(|secret_name| CertificateReference { secret_id: String::new(), secret_name }),
                hsts: hsts.map(Nanoseconds::from_secs),
                rate: rate.map(|(requests, time, burst)| HttpRate { requests, per: HttpRate::TIMES[time].1, burst }),
            }.canonical()
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(rule in rule()) {
            prop_assert_eq!(parse(&show(&rule)), Ok(rule));
        }
    }
}
