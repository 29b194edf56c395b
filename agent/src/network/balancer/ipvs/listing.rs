//! What the kernel writes in `/proc/net/ip_vs` (`ip_vs_info_seq_show` in its `net/netfilter/ipvs/ip_vs_ctl.c`). Pure.
//!
//! The destinations of all services at once, where netlink has a dump for each service. Not all settings of services are in it.
//!
//! ```text
//! IP Virtual Server version 1.2.1 (size=4096)
//! Prot LocalAddress:Port Scheduler Flags
//!   -> RemoteAddress:Port Forward Weight ActiveConn InActConn
//! TCP  A9FEFF02:1F40 rr
//!   -> 0AFF000B:0050      Masq    1      0          0
//! FWM  0A000102 mh persistent 300 FFFFFFFF
//!   -> 0A00010B:0000      Masq    0      2          0
//! ```

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::table::Destination;
use super::table::Key;
use super::table::SCTP;
use super::table::TCP;
use super::table::UDP;

/// Lines above the services.
const HEADINGS: usize = 3;

/// Destinations with their weights; one that is not translated to has a weight that is never wanted.
pub(super) type Destinations = BTreeMap<Destination, u32>;

/// Whether there is a service.
pub(super) fn has_services(listing: &str) -> bool {
    listing.lines().count() > HEADINGS
}

/// The destinations of each service. What has an address of version 6, or a protocol that is never asked for, is left out.
pub(super) fn destinations(listing: &str) -> BTreeMap<Key, Destinations> {
    let mut all = BTreeMap::new();
    let mut service: Option<Key> = None;
    for line in listing.lines().skip(HEADINGS) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["->", to, method, weight, ..] => {
                let found = service.and_then(|key| all.get_mut(&key));
                let read: Option<(&mut Destinations, _)> =
                    found.zip(destination(to, method, weight));
                if let Some((known, (to, weight))) = read {
                    known.insert(to, weight);
                }
            }
            [kind, at, ..] => {
                service = key(kind, at);
                all.extend(service.map(|key| (key, Destinations::new())));
            }
            _ => {}
        }
    }
    all
}

fn key(kind: &str, at: &str) -> Option<Key> {
    let protocol = match kind {
        "FWM" => return u32::from_str_radix(at, 16).ok().map(Key::Mark),
        "TCP" => TCP,
        "UDP" => UDP,
        "SCTP" => SCTP,
        _ => return None,
    };
    address(at).map(|(addr, port)| Key::Port { protocol, addr, port })
}

fn destination(to: &str, method: &str, weight: &str) -> Option<(Destination, u32)> {
    let weight = if method == "Masq" { weight.parse().ok()? } else { u32::MAX };
    Some((address(to)?, weight))
}

fn address(text: &str) -> Option<Destination> {
    let (addr, port) = text.split_once(':')?;
    let addr = u32::from_str_radix(addr, 16).ok()?;
    Some((Ipv4Addr::from(addr), u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoiled_text;

    use super::*;

    const HEADING: &str = "IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
";

    const SERVICES: &str = "TCP  A9FEFF02:1F40 rr 
  -> 0AFF000B:0050      Masq    1      0          0         
  -> 0AFF000C:0050      Route   1      0          0         
TCP  [fd00:0000:0000:0000:0000:0000:0000:0001]:0050 rr 
  -> [fd00:0000:0000:0000:0000:0000:0000:0002]:0050      Masq    1      0          0         
UDP  A9FEFF02:0035 wrr ops persistent 300 FFFFFFFF
FWM  8A000102 mh persistent 300 FFFFFFFF
  -> 0A00010B:0000      Masq    0      2          7         
IP_47  A9FEFF02:0000 rr 
  -> 0AFF000D:0000      Masq    1      0          0         
";

    #[test]
    fn destinations_are_read_as_the_kernel_writes_them() {
        let listing = format!("{HEADING}{SERVICES}");
        let ingress = Ipv4Addr::new(169, 254, 255, 2);
        let port = |protocol, port| Key::Port { protocol, addr: ingress, port };
        let to = |last, port| (Ipv4Addr::new(10, 255, 0, last), port);
        let expected = BTreeMap::from([
            (port(TCP, 8000), BTreeMap::from([(to(11, 80), 1), (to(12, 80), u32::MAX)])),
            (port(UDP, 53), BTreeMap::new()),
            (Key::Mark(0x8a00_0102), BTreeMap::from([((Ipv4Addr::new(10, 0, 1, 11), 0), 0)])),
        ]);
        assert_eq!(destinations(&listing), expected);
        assert!(has_services(&listing));
    }

    #[test]
    fn headings_are_no_service() {
        assert!(!has_services(HEADING));
        assert_eq!(destinations(HEADING), BTreeMap::new());
    }

    #[test]
    fn no_listing_breaks_anything() {
        for mut case in cases(200) {
            let listing = spoiled_text(&mut case, &format!("{HEADING}{SERVICES}"));
            let _any = destinations(&listing);
        }
    }
}
