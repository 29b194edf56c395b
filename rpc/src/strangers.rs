//! How much of a server somebody without a certificate may take, by the address that they come from: connections that are open, and turns, which are
//! handshakes and calls. Nobody who has a certificate waits for them. Does no TLS, and refuses nothing itself.
//!
//! Everybody is a stranger until the handshake is over. What a node has taken until then is given back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use swarmlite_proto::address::client_network;
use tokio::time::Instant;

/// What strangers of one address may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. Many nodes may start at once behind one address.
    pub open: usize,
    /// Turns at once, after a while without any.
    pub burst: u32,
    /// The time after which there is one more turn. A handshake takes the server well under a millisecond.
    pub interval: Duration,
}

impl Limits {
    /// What a server of the cluster allows: a thousand nodes of one address join within seconds, and who floods it takes a tenth of a core.
    pub const DEFAULT: Self = Self { open: 512, burst: 2048, interval: Duration::from_millis(5) };
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// Whether it is the first time, since the address was last quiet.
    pub(crate) first: bool,
}

/// The strangers of a server. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Strangers(Arc<Mutex<Crowd>>);

impl Strangers {
    /// Nobody yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Crowd { limits, origins: HashMap::new(), sweep_at: SWEEP })))
    }

    /// Somebody connects from `addr`.
    ///
    /// # Errors
    ///
    /// When as many as may be are connected from there.
    pub(crate) fn admit(&self, addr: IpAddr, now: Instant) -> Result<Visit, TooMany> {
        let origin = client_network(addr);
        self.lock().admit(origin, now)?;
        Ok(Visit { strangers: self.clone(), origin })
    }

    fn lock(&self) -> MutexGuard<'_, Crowd> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of a stranger. It is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Visit {
    strangers: Strangers,
    origin: IpAddr,
}

impl Visit {
    /// Takes a turn. Says how long to wait before using it.
    pub(crate) fn turn(&self, now: Instant) -> Duration {
        self.strangers.lock().turn(self.origin, now)
    }

    /// Says that it is a node: it gives back its turn and its place.
    pub(crate) fn recognize(self) {
        self.strangers.lock().give_back(self.origin);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.strangers.lock().leave(self.origin);
    }
}

/// From how many addresses on those that are quiet are forgotten.
const SWEEP: usize = 1024;

#[derive(Debug)]
struct Crowd {
    limits: Limits,
    origins: HashMap<IpAddr, Origin>,
    /// At how many addresses to look for quiet ones next: so that each is looked at a bounded number of times.
    sweep_at: usize,
}

/// What strangers of one address have taken.
#[derive(Debug)]
struct Origin {
    open: usize,
    /// When all turns are back.
    full_at: Instant,
    refused: bool,
}

impl Crowd {
    fn admit(&mut self, origin: IpAddr, now: Instant) -> Result<(), TooMany> {
        if self.origins.len() >= self.sweep_at {
            self.origins.retain(|_, it| it.open > 0 || it.full_at > now);
            self.sweep_at = SWEEP.max(2 * self.origins.len());
        }
        let fresh = Origin { open: 0, full_at: now, refused: false };
        let of = self.origins.entry(origin).or_insert(fresh);
        if of.open >= self.limits.open {
            let first = !std::mem::replace(&mut of.refused, true);
            return Err(TooMany { first });
        }
        of.refused &= of.open > 0;
        of.open += 1;
        Ok(())
    }

    fn turn(&mut self, origin: IpAddr, now: Instant) -> Duration {
        let Some(of) = self.origins.get_mut(&origin) else {
            return Duration::ZERO;
        };
        of.full_at = of.full_at.max(now) + self.limits.interval;
        let missing = of.full_at.saturating_duration_since(now);
        missing.saturating_sub(self.limits.interval.saturating_mul(self.limits.burst))
    }

    fn give_back(&mut self, origin: IpAddr) {
        if let Some(of) = self.origins.get_mut(&origin) {
            of.full_at = of.full_at.checked_sub(self.limits.interval).unwrap_or(of.full_at);
        }
    }

    fn leave(&mut self, origin: IpAddr) {
        if let Some(of) = self.origins.get_mut(&origin) {
            of.open = of.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Two connections, three turns at once and one more each second.
    fn strangers() -> Strangers {
        Strangers::new(Limits { open: 2, burst: 3, interval: SECOND })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_so_many_connections_and_others_have_theirs() {
        let (strangers, now) = (strangers(), Instant::now());
        let [one, two] = [(); 2].map(|()| strangers.admit(ip("192.0.2.1"), now).expect("room"));
        let refused = || strangers.admit(ip("::ffff:192.0.2.1"), now).expect_err("no room");
        assert_eq!([refused().first, refused().first], [true, false]);
        let _other = strangers.admit(ip("192.0.2.2"), now).expect("room");
        drop(one);
        let _three = strangers.admit(ip("192.0.2.1"), now).expect("room");
        two.recognize();
        let _four = strangers.admit(ip("192.0.2.1"), now).expect("room");
        assert!(!refused().first, "it was never quiet");
    }

    #[test]
    fn an_address_that_was_quiet_is_told_of_anew() {
        let (strangers, now) = (strangers(), Instant::now());
        for _round in 0..2 {
            let _visits = [(); 2].map(|()| strangers.admit(ip("192.0.2.1"), now).expect("room"));
            assert!(strangers.admit(ip("192.0.2.1"), now).expect_err("no room").first);
        }
    }

    #[test]
    fn addresses_of_one_client_count_together() {
        let (strangers, now) = (strangers(), Instant::now());
        let _one = strangers.admit(ip("2001:db8::1"), now).expect("room");
        let _two = strangers.admit(ip("2001:db8::2"), now).expect("room");
        strangers.admit(ip("2001:db8::3"), now).expect_err("no room");
    }

    #[test]
    fn turns_come_back_with_time_and_those_of_nodes_at_once() {
        let (strangers, mut now) = (strangers(), Instant::now());
        let visit = strangers.admit(ip("192.0.2.1"), now).expect("room");
        let waits = [0; 5].map(|_| visit.turn(now).as_secs());
        assert_eq!(waits, [0, 0, 0, 1, 2]);
        now += SECOND;
        assert_eq!(visit.turn(now), 2 * SECOND);
        // Five turns after these six are used, and for one more than three at once nobody saves.
        now += 60 * SECOND;
        assert_eq!([0; 4].map(|_| visit.turn(now).as_secs()), [0, 0, 0, 1]);
        let node = strangers.admit(ip("192.0.2.1"), now).expect("room");
        assert_eq!(node.turn(now), 2 * SECOND);
        node.recognize();
        assert_eq!(visit.turn(now), 2 * SECOND);
    }

    #[test]
    fn quiet_addresses_are_forgotten_and_others_are_not() {
        let (strangers, mut now) = (strangers(), Instant::now());
        let stays = strangers.admit(ip("192.0.2.1"), now).expect("room");
        for last in 0..10_000 {
            now += SECOND;
            let visit = strangers.admit(Ipv6Addr::from(last << 64).into(), now).expect("room");
            let _wait = visit.turn(now);
        }
        assert!(strangers.lock().origins.len() <= SWEEP);
        assert!(strangers.lock().origins.contains_key(&stays.origin));
    }
}
