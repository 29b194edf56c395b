//! Which rule takes a request, and which tasks answer it. Pure: who is asked, and over what, is decided elsewhere.

mod rank;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use hyper::HeaderMap;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::spec::HttpMatch;
use swarmlite_proto::spec::HttpRoute;

use self::rank::Ask;
use crate::certificate::Certificate;
use crate::certificate::Certificates;
use crate::challenge::Challenge;
use crate::challenge::Challenges;
use crate::client_ca::ClientCa;
use crate::client_ca::ClientCas;
use crate::counters::Counters;
use crate::host;

/// A service with rules, as a node knows it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// The rules by which it takes requests.
    pub routes: Vec<HttpRoute>,
    /// Its tasks.
    pub tasks: Vec<Task>,
}

/// A task that may answer requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Where it listens.
    pub address: Ipv4Addr,
    /// Whether it gets requests. One that is to end does not, and goes on with what it has.
    pub serving: bool,
    /// Whether its node does not answer any more, so that what it was asked is better asked of others.
    pub lost: bool,
}

/// A rule of a service.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it asks for and says.
    pub route: HttpRoute,
    /// Whose it is.
    pub service: Arc<Service>,
    /// What has become of the requests that it has taken.
    pub counters: Arc<Counters>,
}

impl Rule {
    /// The tasks that get requests.
    pub fn serving(&self) -> impl Iterator<Item = &Task> {
        self.service.tasks.iter().filter(|task| task.serving)
    }

    /// The share of the requests, among the rules that ask for the same.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.route.weight.map_or(1, u64::from)
    }
}

/// The rules that take a request: one, or several that ask for the same and share the requests by weight.
#[derive(Clone, Debug)]
pub struct Found(Arc<Vec<Rule>>);

impl Found {
    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// The rule that takes the request which draws `number`: all numbers in turn give each rule its share. Rules without a task that serves have
    /// no share, as long as there are others. `None` if all weights are zero.
    #[must_use]
    pub fn pick(&self, number: u64) -> Option<&Rule> {
        let serves = |rule: &Rule| rule.weight() > 0 && rule.serving().next().is_some();
        let any = self.0.iter().any(serves);
        let counts = |rule: &&Rule| rule.weight() > 0 && (!any || serves(rule));
        let total: u64 = self.0.iter().filter(counts).map(Rule::weight).sum();
        let mut left = spread(number, total)?;
        self.0.iter().filter(counts).find(|rule| {
            let takes = left < rule.weight();
            left = left.saturating_sub(rule.weight());
            takes
        })
    }
}

/// A number below `total` for each of `total` numbers in turn, such that neighbours are far apart: a rule with weight 50 of 100 takes every second
/// request or so, and not fifty after one another. `None` if `total` is zero.
fn spread(number: u64, total: u64) -> Option<u64> {
    // A step near the golden section of the total that has no divisor in common with it.
    let is_prime_to = |step: &u64| {
        let (mut a, mut b) = (*step, total);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    let step = (total * 618 / 1000..=total).find(is_prime_to).unwrap_or(1);
    Some(number.checked_rem(total)? * step % total)
}

/// The rules of all services, and the certificates of hosts.
#[derive(Debug, Default)]
pub struct Table {
    /// By host, without the star of a wildcard; the rules that ask for the same under what they ask for, what takes precedence first.
    exact: HashMap<String, Vec<(Ask, Found)>>,
    wildcards: HashMap<String, Vec<(Ask, Found)>>,
    any: Vec<(Ask, Found)>,
    certificates: Certificates,
    client_cas: ClientCas,
    challenges: Challenges,
    counters: HashMap<(ServiceId, HttpMatch), Arc<Counters>>,
    services: HashSet<ServiceId>,
    serving: HashSet<TaskId>,
    lost: HashSet<TaskId>,
}

impl Table {
    /// The table of `services`. `certificates` are by the hosts that are served with them, written as in rules.
    #[must_use]
    pub fn new(services: Vec<Service>, certificates: BTreeMap<String, Certificate>) -> Self {
        Self::after(&Self::default(), services, certificates)
    }

    /// The same, as what takes the place of the table `before`: rules that are in both go on counting.
    #[must_use]
    pub fn after(
        before: &Self,
        services: Vec<Service>,
        certificates: BTreeMap<String, Certificate>,
    ) -> Self {
        let mut table = Self { certificates: Certificates::new(certificates), ..Self::default() };
        let mut hosts = BTreeMap::<String, BTreeMap<Ask, Vec<Rule>>>::new();
        for service in services.into_iter().map(Arc::new) {
            table.services.insert(service.id.clone());
            let serving = service.tasks.iter().filter(|task| task.serving);
            table.serving.extend(serving.map(|task| task.id.clone()));
            let lost = service.tasks.iter().filter(|task| task.lost);
            table.lost.extend(lost.map(|task| task.id.clone()));
            for route in &service.routes {
                let rules = hosts.entry(route.host.to_ascii_lowercase()).or_default();
                let key = (service.id.clone(), route.asked());
                let counters = before.counters.get(&key).cloned().unwrap_or_default();
                table.counters.insert(key, Arc::clone(&counters));
                let rule = Rule { route: route.clone(), service: Arc::clone(&service), counters };
                rules.entry(Ask::new(route)).or_default().push(rule);
            }
        }
        let asks = |rules: &BTreeMap<Ask, Vec<Rule>>| {
            rules.values().flatten().any(|rule| rule.route.client_ca.is_some())
        };
        let asking = hosts.iter().filter(|(_, rules)| asks(rules)).map(|(host, _)| host.clone());
        table.client_cas = ClientCas::new(asking);
        for (host, rules) in hosts {
            let found = |(ask, rules)| (ask, Found(Arc::new(rules)));
            let rules = rules.into_iter().map(found).collect();
            if host.is_empty() {
                table.any = rules;
            } else if let Some(parent) = host.strip_prefix("*.") {
                table.wildcards.insert(parent.to_owned(), rules);
            } else {
                table.exact.insert(host, rules);
            }
        }
        table
    }

    /// The same table, with what ACME servers may ask for.
    #[must_use]
    pub fn with_challenges(self, challenges: Vec<Challenge>) -> Self {
        Self { challenges: Challenges::new(challenges), ..self }
    }

    /// The same table, with the authorities by the hosts that ask clients for certificates. Hosts that ask and are not among them answer nobody.
    #[must_use]
    pub fn with_client_cas(self, known: BTreeMap<String, ClientCa>) -> Self {
        Self { client_cas: self.client_cas.with(known), ..self }
    }

    /// The rules that take a request. `host` has the form of [`host::host`], and `path` is without the query.
    #[must_use]
    pub fn find(
        &self,
        host: &str,
        path: &str,
        method: &str,
        headers: &HeaderMap,
    ) -> Option<&Found> {
        let wildcards = host::parents(host).filter_map(|parent| self.wildcards.get(parent));
        let mut hosts = self.exact.get(host).into_iter().chain(wildcards).chain([&self.any]);
        let matches = |(ask, _): &&(Ask, Found)| ask.matches(path, method, headers);
        hosts.find_map(|rules| rules.iter().find(matches)).map(|(_, found)| found)
    }

    /// All rules.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let hosts = self.exact.values().chain(self.wildcards.values()).chain([&self.any]);
        hosts.flatten().flat_map(|(_, found)| found.rules())
    }

    /// The certificate for a name that a client asks for.
    pub(crate) fn certificate(&self, name: Option<&str>) -> Option<&Certificate> {
        self.certificates.find(name)
    }

    /// What hosts ask of the certificates of clients.
    pub(crate) const fn client_cas(&self) -> &ClientCas {
        &self.client_cas
    }

    /// What ACME servers may ask for.
    pub(crate) const fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// Whether a service has rules.
    #[must_use]
    pub fn has(&self, service: &ServiceId) -> bool {
        self.services.contains(service)
    }

    /// Whether a task gets requests.
    #[must_use]
    pub fn serves(&self, task: &TaskId) -> bool {
        self.serving.contains(task)
    }

    /// Whether the node of a task does not answer any more.
    #[must_use]
    pub fn has_lost(&self, task: &TaskId) -> bool {
        self.lost.contains(task)
    }
}
