//! Rules of HTTP routing.

use serde_json::Value;
use serde_json::json;

use super::merge;
use super::service_with;
use crate::error::ErrorKind::InvalidArgument;
use crate::value::http;

/// Rules of HTTP routing that cannot be.
const RULES: &[(&str, &str)] = &[
    (
        r#"[{"TargetPort": 80, "Host": "a b"}]"#,
        "HTTP rule for a b/: \"a b\" is no name of a host, nor *. and a name",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "*"}]"#,
        "HTTP rule for */: \"*\" is no name of a host, nor *. and a name",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "shop:80"}]"#,
        "HTTP rule for shop:80/: \"shop:80\" is no name of a host, nor *. and a name",
    ),
    (
        r#"[{"TargetPort": 80, "Path": "cart"}]"#,
        "HTTP rule for cart: \"cart\" is no path: it begins with / and has no spaces, no ?, # or \\, and no parts that are empty, . or ..",
    ),
    (
        r#"[{"TargetPort": 80, "Path": "/a", "Rewrite": "/../b"}]"#,
        "HTTP rule for /a: \"/../b\" is no path: it begins with / and has no spaces, no ?, # or \\, and no parts that are empty, . or ..",
    ),
    (
        r#"[{"TargetPort": 80, "Methods": ["G T"]}]"#,
        "HTTP rule for / (G T): \"G T\" is no HTTP method",
    ),
    (
        r#"[{"TargetPort": 80, "Headers": {"a b": "c"}}]"#,
        "HTTP rule for / (a b: c): \"a b\" is no name of a header",
    ),
    (
        r#"[{"TargetPort": 80, "Headers": {"a": " c"}}]"#,
        "HTTP rule for / (a:  c): \" c\" is no value of header a",
    ),
    (
        r#"[{"TargetPort": 80, "Headers": {"Host": "c"}}]"#,
        "HTTP rule for / (host: c): the host is no header: it stands before the path",
    ),
    (r#"[{"Host": "shop"}]"#, "HTTP rule for shop/: TargetPort must be between 1 and 65535"),
    (r#"[{"TargetPort": 80, "Weight": 0}]"#, "HTTP rule for /: Weight must be between 1 and 65535"),
    (r#"[{"TargetPort": 80, "Timeout": 0}]"#, "HTTP rule for /: Timeout must be positive"),
    (r#"[{"TargetPort": 80, "MaxBody": 0}]"#, "HTTP rule for /: MaxBody must be positive"),
    (
        r#"[{"TargetPort": 80, "Rate": {"Burst": 5}}]"#,
        "HTTP rule for /: Rate must be 1 to 1000000 requests in a second, a minute or an hour",
    ),
    (
        r#"[{"TargetPort": 80, "Rate": {"Requests": 5, "Per": 2000000000}}]"#,
        "HTTP rule for /: Rate must be 1 to 1000000 requests in a second, a minute or an hour",
    ),
    (
        r#"[{"TargetPort": 80, "Rate": {"Requests": 5, "Burst": 1000001}}]"#,
        "HTTP rule for /: Burst must be at most 1000000",
    ),
    (r#"[{"TargetPort": 80, "HSTS": 5}]"#, "HTTP rule for /: HSTS must be whole seconds"),
    (
        r#"[{"TargetPort": 80, "Certificate": {}}]"#,
        "HTTP rule for /: the certificate needs the name of a secret",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "x", "Certificate": {"SecretName": "acme"}}]"#,
        "HTTP rule for x/: a secret that is named acme cannot be served with: that name stands for a certificate by ACME",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "x", "ACME": true, "Certificate": {"SecretName": "a"}}]"#,
        "HTTP rule for x/: a certificate is a secret or got by ACME, and not both",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "*.x", "ACME": true}]"#,
        "HTTP rule for *.x/: a certificate by ACME is for one host with a name: it cannot be had for all hosts, for *. and a name, or for an address",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "192.0.2.1", "ACME": true}]"#,
        "HTTP rule for 192.0.2.1/: a certificate by ACME is for one host with a name: it cannot be had for all hosts, for *. and a name, or for an address",
    ),
    (
        r#"[{"TargetPort": 80, "ACME": true}]"#,
        "HTTP rule for /: a certificate by ACME is for one host with a name: it cannot be had for all hosts, for *. and a name, or for an address",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "x", "ACME": true}, {"TargetPort": 80, "Host": "x", "Path": "/y", "Certificate": {"SecretName": "b"}}]"#,
        "EndpointSpec: HTTP rules for host \"x\" name two certificates",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "x", "Certificate": {"SecretName": "a"}}, {"TargetPort": 80, "Host": "x", "Path": "/y", "Certificate": {"SecretName": "b"}}]"#,
        "EndpointSpec: HTTP rules for host \"x\" name two certificates",
    ),
    (
        r#"[{"TargetPort": 80, "ClientCA": {}}]"#,
        "HTTP rule for /: the authorities of clients need the name of a secret",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "x", "ClientCA": {"SecretName": "a"}}, {"TargetPort": 80, "Host": "x", "Path": "/y", "ClientCA": {"SecretName": "b"}}]"#,
        "EndpointSpec: HTTP rules for host \"x\" name two authorities of clients",
    ),
    (
        r#"[{"TargetPort": 80, "Host": "Shop", "Methods": ["PUT", "get"]}, {"TargetPort": 81, "Host": "shop", "Path": "/", "Methods": ["GET", "PUT"]}]"#,
        "EndpointSpec: two HTTP rules ask for shop/ (GET, PUT)",
    ),
];

#[test]
fn rules_that_cannot_be_are_refused() {
    for (rules, message) in RULES {
        let rules: Value = serde_json::from_str(rules).expect("JSON");
        let refused = service_with(&json!({"EndpointSpec": {"Http": rules}})).expect_err(message);
        assert_eq!((refused.kind, refused.message.as_str()), (InvalidArgument, *message));
    }
    for (patch, message) in [
        (
            json!({"Labels": {"swarmlite.http.": "shop,port=80"}}),
            "label swarmlite.http.: the rule needs a name",
        ),
        (
            json!({"Labels": {"swarmlite.http.x": "shop"}}),
            "label swarmlite.http.x: missing mandatory field 'port'",
        ),
        (
            json!({"Labels": {"swarmlite.http.x": "shop,port=80"}, "EndpointSpec": {"Http": [{"Host": "shop", "TargetPort": 81}]}}),
            "label swarmlite.http.x: another rule of the service asks for shop/ too",
        ),
        (
            json!({"Labels": {"swarmlite.http.x": "shop,port=80"}, "EndpointSpec": {"Mode": "dnsrr"}}),
            "EndpointSpec: HTTP rules can't be used with dnsrr mode",
        ),
        (
            json!({"Labels": {"swarmlite.http.x": "shop,port=80"}, "Mode": {"GlobalJob": {}}}),
            "EndpointSpec: a job answers no HTTP requests, and so has no HTTP rules",
        ),
    ] {
        assert_eq!(service_with(&patch).expect_err(message).message, message);
    }
}

#[test]
fn rules_are_kept_in_one_form_whoever_asks_for_them() {
    let by_rule = json!({"EndpointSpec": {"Http": [
        {"Host": "Shop.example.com", "Path": "/cart/", "Methods": ["put", "GET"], "Headers": {"X-Beta": "1"}, "TargetPort": 80},
    ]}});
    let by_label = json!({"Labels": {"swarmlite.http.x": "shop.example.com/cart,port=80,method=get,method=put,header=x-beta:1"}});
    let mut by_both = by_rule.clone();
    merge(&mut by_both, &by_label);
    let expected = "shop.example.com/cart,port=80,method=GET,method=PUT,header=x-beta:1";
    for body in [&by_rule, &by_label, &by_both] {
        let rules = service_with(body).expect("fine").http_rules().expect("fine");
        assert_eq!(rules.iter().map(http::show).collect::<Vec<_>>(), [expected], "{body}");
    }
    let mixed = json!({
        "Labels": {"swarmlite.http.x": "shop/x,port=80,client-ca=staff"},
        "EndpointSpec": {"Http": [{"Host": "shop", "TargetPort": 80, "ClientCA": {"SecretID": "s", "SecretName": "staff"}}]},
    });
    service_with(&mixed).expect("labels know secrets by name only");
    let none = service_with(&json!({"EndpointSpec": {"Http": []}})).expect("fine");
    assert_eq!(none.endpoint_spec.expect("there").http, None);
}
