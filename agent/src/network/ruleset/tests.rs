//! The text of the rules, as documented in the design of the data plane.

use super::*;

#[test]
fn published_ports_go_to_the_ingress_sandbox() {
    let published = [(PortProtocol::Tcp, 8080), (PortProtocol::Udp, 53)].into();
    let expected = "table ip swarmlite {
\tset published {
\t\ttype inet_proto . inet_service
\t\telements = {
\t\t\ttcp . 8080,
\t\t\tudp . 53
\t\t}
\t}
\tchain prerouting {
\t\tfib daddr type local meta l4proto . th dport @published dnat to 169.254.255.2
\t}
\tchain prerouting_first {
\t\ttype nat hook prerouting priority -102; policy accept;
\t\tjump prerouting
\t}
\tchain prerouting_again {
\t\ttype nat hook prerouting priority -101; policy accept;
\t\tjump prerouting
\t}
\tchain output {
\t\tfib daddr type local meta l4proto . th dport @published dnat to 169.254.255.2
\t}
\tchain output_first {
\t\ttype nat hook output priority -102; policy accept;
\t\tjump output
\t}
\tchain output_again {
\t\ttype nat hook output priority -101; policy accept;
\t\tjump output
\t}
\tchain postrouting {
\t\toifname \"swarmlite0\" ip saddr 127.0.0.0/8 snat to 169.254.255.1
\t}
\tchain postrouting_first {
\t\ttype nat hook postrouting priority 98; policy accept;
\t\tjump postrouting
\t}
\tchain postrouting_again {
\t\ttype nat hook postrouting priority 99; policy accept;
\t\tjump postrouting
\t}
}
";
    assert_eq!(Ruleset::Host { published }.table(), expected);
}

#[test]
fn the_ingress_sandbox_marks_connections_with_the_node_they_came_in_by() {
    let rules = Ruleset::Sandbox {
        gateway: Ipv4Addr::new(10, 255, 0, 1),
        hairpin: [Ipv4Addr::new(10, 255, 0, 7)].into(),
        marks: Some(Marks {
            tunnel: "vx4096".to_owned(),
            nodes: [(Mac([2, 83, 87, 76, 0, 2]), 2)].into(),
        }),
    };
    let expected = "table ip swarmlite {
\tmap node_mark {
\t\ttype ether_addr : mark
\t\telements = {
\t\t\t02:53:57:4c:00:02 : 0x2
\t\t}
\t}
\tchain zone_in {
\t\tiifname \"vx4096\" ct original zone set ether saddr map { 02:53:57:4c:00:02 : 2 }
\t}
\tchain zone_in_first {
\t\ttype filter hook prerouting priority -300; policy accept;
\t\tjump zone_in
\t}
\tchain zone_in_again {
\t\ttype filter hook prerouting priority -299; policy accept;
\t\tjump zone_in
\t}
\tchain mark_in {
\t\tiifname \"uplink0\" ct direction original ct mark set 0x0
\t\tiifname \"vx4096\" ct direction original ct mark set ether saddr map @node_mark
\t\tiifname \"ep*\" meta mark set ct mark
\t}
\tchain mark_in_first {
\t\ttype filter hook prerouting priority -150; policy accept;
\t\tjump mark_in
\t}
\tchain mark_in_again {
\t\ttype filter hook prerouting priority -149; policy accept;
\t\tjump mark_in
\t}
\tset hairpin {
\t\ttype ipv4_addr . ipv4_addr
\t\telements = {
\t\t\t10.255.0.7 . 10.255.0.7
\t\t}
\t}
\tchain postrouting {
\t\tip saddr . ip daddr @hairpin snat to 10.255.0.1
\t}
\tchain postrouting_first {
\t\ttype nat hook postrouting priority 100; policy accept;
\t\tjump postrouting
\t}
\tchain postrouting_again {
\t\ttype nat hook postrouting priority 101; policy accept;
\t\tjump postrouting
\t}
}
";
    assert_eq!(rules.table(), expected);
}

#[test]
fn a_container_translates_only_where_it_has_another_default_source() {
    let rules = |default_source| {
        Ruleset::Container {
            link: "eth0".to_owned(),
            address: Ipv4Addr::new(10, 255, 0, 7),
            default_source,
        }
        .table()
    };
    let translation = "iifname \"eth0\" meta l4proto udp ip daddr 10.255.0.7 dnat to 172.18.0.3";
    assert!(rules(Some(Ipv4Addr::new(172, 18, 0, 3))).contains(translation));
    assert!(!rules(None).contains("dnat to"));
}

#[test]
fn questions_that_leave_a_container_go_to_the_name_service() {
    let table = Ruleset::Names { gateway: Ipv4Addr::new(10, 0, 1, 1) }.table();
    assert!(table.contains(
        "ip daddr != 127.0.0.0/8 meta l4proto { tcp, udp } th dport 53 dnat to 10.0.1.1\n"
    ));
    assert!(table.contains("ip daddr 10.0.1.1 meta l4proto { tcp, udp } th dport 53 masquerade\n"));
}
