//! What this node answers, by rule, for those who look at the cluster: counted by the proxy, and said as rates.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use swarmlite_proto::id::ServiceId;
use swarmlite_proto::spec::HttpMatch;
use swarmlite_proto::traffic::Rates;
use swarmlite_proto::traffic::RuleTraffic;
use swarmlite_proto::traffic::Traffic;
use swarmlite_proxy::Counters;
use swarmlite_proxy::Proxy;
use swarmlite_proxy::Table;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;

/// Over how long rates are taken.
const EVERY: Duration = Duration::from_secs(5);

/// What the rules have counted so far.
type Counts = HashMap<(ServiceId, HttpMatch), Rates>;

/// Keeps `traffic` up to date, for ever.
pub(crate) async fn measure(
    proxy: watch::Receiver<Option<Arc<Proxy>>>,
    traffic: watch::Sender<Traffic>,
) {
    let mut before = Counts::new();
    let mut began = Instant::now();
    loop {
        sleep(EVERY).await;
        let table = proxy.borrow().as_ref().map(|proxy| proxy.current());
        let now = table.map(|table| counts(&table)).unwrap_or_default();
        let lately = rates(&before, &now, began.elapsed());
        traffic.send_if_modified(|known| {
            let is_other = *known != lately;
            *known = lately;
            is_other
        });
        (before, began) = (now, Instant::now());
    }
}

fn counts(table: &Table) -> Counts {
    let key = |rule: &swarmlite_proxy::Rule| (rule.service.id.clone(), rule.route.asked());
    table.rules().map(|rule| (key(rule), read(&rule.counters))).collect()
}

fn read(counters: &Counters) -> Rates {
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Rates {
        answers: counters.answers.each_ref().map(get),
        unreachable: get(&counters.unreachable),
        limited: get(&counters.limited),
    }
}

/// What has happened within `elapsed`, per second. A rule that is new has begun at zero.
fn rates(before: &Counts, now: &Counts, elapsed: Duration) -> Traffic {
    let mut traffic: Traffic = now
        .iter()
        .map(|(key, now)| {
            let before = before.get(key).copied().unwrap_or_default();
            let (service_id, asked) = key.clone();
            RuleTraffic { service_id, asked, rates: between(before, *now, elapsed) }
        })
        .filter(|it| it.rates != Rates::default())
        .collect();
    traffic.sort_unstable_by(|a, b| (&a.service_id, &a.asked).cmp(&(&b.service_id, &b.asked)));
    traffic
}

fn between(before: Rates, now: Rates, elapsed: Duration) -> Rates {
    let rate = |before: u64, now: u64| {
        // Counts that went back have begun anew.
        let count = now.checked_sub(before).unwrap_or(now);
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        count.saturating_mul(1_000_000).checked_div(milliseconds).unwrap_or_default()
    };
    let mut answers = now.answers;
    for (now, before) in answers.iter_mut().zip(before.answers) {
        *now = rate(before, *now);
    }
    Rates {
        answers,
        unreachable: rate(before.unreachable, now.unreachable),
        limited: rate(before.limited, now.limited),
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::value::http;

    use super::*;

    fn counts_of(rules: &[(&str, u64, u64)]) -> Counts {
        let service: ServiceId = "s".repeat(25).parse().expect("an id");
        let rule = |(text, fine, limited): &(&str, u64, u64)| {
            let asked = http::parse(&format!("{text},port=80")).expect("a rule").asked();
            let answers = [0, *fine, 0, *limited, 0];
            ((service.clone(), asked), Rates { answers, unreachable: 0, limited: *limited })
        };
        rules.iter().map(rule).collect()
    }

    #[test]
    fn what_has_happened_meanwhile_is_said_per_second() {
        let before = counts_of(&[("idle", 7, 7), ("gone", 1, 1), ("shop", 10, 1)]);
        let now = counts_of(&[("idle", 7, 7), ("shop", 20, 1), ("new", 1, 0), ("anew", 2, 0)]);
        let found = rates(&before, &now, Duration::from_secs(4));
        let said = found.iter().map(|it| (it.asked.host.as_str(), it.rates.answers[1]));
        assert_eq!(said.collect::<Vec<_>>(), [("anew", 500), ("new", 250), ("shop", 2500)]);
        assert!(found.iter().all(|it| it.rates.limited == 0), "no more than before");
    }

    #[test]
    fn counts_that_begin_anew_are_no_reason_to_fail() {
        let (before, now) = (counts_of(&[("shop", 10, 0)]), counts_of(&[("shop", 3, 0)]));
        assert_eq!(rates(&before, &now, Duration::from_secs(1))[0].rates.answers[1], 3000);
        assert_eq!(rates(&before, &now, Duration::ZERO), []);
    }
}
