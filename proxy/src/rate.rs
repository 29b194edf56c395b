//! How many requests a client has made for a rule, and whether it may make another one. Pure: time is an argument.
//!
//! The generic cell rate algorithm (ITU-T I.371): for each client there is only the time at which it has used up nothing. Each node counts by itself.

use std::collections::HashMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use swarmlite_proto::address::client_network;
use swarmlite_proto::spec::HttpRate;
use tokio::time::Instant;

use crate::table::Rule;

/// So many clients are told apart, in a few megabytes. Those beyond count as one until others have used up nothing.
const MAX_CLIENTS: usize = 64 * 1024;

/// Who makes requests: a rule, and an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    rule: u64,
    client: IpAddr,
}

/// The number of a rule: the same for as long as it asks for the same.
pub(crate) fn number(rule: &Rule) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&rule.service.id, rule.route.asked()).hash(&mut hasher);
    hasher.finish()
}

/// What clients have used up.
#[derive(Debug, Default)]
pub(crate) struct Rates(HashMap<Key, Instant>);

impl Rates {
    /// Counts a request of `client` at `now`, for the rule that has the number `rule`.
    ///
    /// # Errors
    ///
    /// When there are too many: how long to wait before the next one.
    pub(crate) fn take(
        &mut self,
        rule: u64,
        client: IpAddr,
        rate: HttpRate,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut key = Key { rule, client: client_network(client) };
        if self.0.len() >= MAX_CLIENTS && !self.0.contains_key(&key) {
            key.client = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        }
        let one = rate.interval();
        let room = one * rate.burst;
        let unused = self.0.get(&key).map_or(now, |unused| (*unused).max(now));
        let wait = unused.saturating_duration_since(now + room);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.0.insert(key, unused + one);
        Ok(())
    }

    /// Forgets who has used up nothing at `now`.
    pub(crate) fn clean(&mut self, now: Instant) {
        self.0.retain(|_, unused| *unused > now);
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::time::Nanoseconds;

    use super::*;

    const SECOND: Nanoseconds = Nanoseconds::from_secs(1);
    const RATE: HttpRate = HttpRate { requests: 10, per: SECOND, burst: 2 };
    const ONCE: HttpRate = HttpRate { requests: 1, per: SECOND, burst: 0 };

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_client_has_its_burst_and_then_its_rate() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let mut take = |client: &str, after: u64| {
            rates.take(1, ip(client), RATE, now + Duration::from_millis(after))
        };
        for _ in 0..3 {
            assert_eq!(take("192.0.2.1", 0), Ok(()));
        }
        assert_eq!(take("192.0.2.1", 0), Err(Duration::from_millis(100)));
        assert_eq!(
            take("192.0.2.1", 40),
            Err(Duration::from_millis(60)),
            "a refusal costs nothing"
        );
        assert_eq!(take("192.0.2.2", 40), Ok(()), "another client");
        assert_eq!(take("192.0.2.1", 100), Ok(()));
        assert_eq!(take("192.0.2.1", 100), Err(Duration::from_millis(100)));
        assert_eq!(take("192.0.2.1", 1000), Ok(()));
    }

    #[test]
    fn rules_count_apart_and_addresses_of_one_network_together() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let mut take = |rule, client: &str| rates.take(rule, ip(client), ONCE, now).is_ok();
        assert!(take(1, "2001:db8::1"));
        assert!(!take(1, "2001:db8::2"));
        assert!(take(1, "2001:db8:0:1::2"));
        assert!(take(2, "2001:db8::2"));
    }

    #[test]
    fn memory_is_bounded_and_who_asks_nothing_is_forgotten() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let mut take =
            |number: u32| rates.take(1, IpAddr::from(number.to_be_bytes()), ONCE, now).is_ok();
        assert!((0..65_536).all(&mut take));
        assert!(take(100_000), "the first of those beyond");
        assert!(!take(100_001), "which count as one");
        rates.clean(now + Duration::from_millis(999));
        assert_eq!(rates.0.len(), 65_537);
        rates.clean(now + Duration::from_secs(1));
        assert!(rates.0.is_empty());
    }
}
