//! Which table the proxy goes by, and when: a task gets requests only once the kernel has the way to it, and none any more as soon as it drains.
//! So a generation that the kernel has reached is one that the proxy has reached too.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::version::Generation;
use swarmlite_proxy::Table;
use tokio::sync::watch;

use super::content;
use super::content::Content;
use super::content::Read;
use crate::assignment::Assignments;
use crate::network::NetworkAssignments;

/// The table of the proxy. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Front {
    stage: Arc<Mutex<Stage>>,
    table: watch::Sender<Arc<Table>>,
}

/// What the proxy is to know, and how much of it the kernel can carry.
#[derive(Debug, Default)]
struct Stage {
    content: Content,
    /// The generation by which each of the tasks that serve has come to do so.
    since: BTreeMap<TaskId, Generation>,
    /// What the kernel has reached.
    reached: Generation,
    read: Read,
}

impl Front {
    /// The table, for the proxy.
    pub(crate) fn table(&self) -> watch::Receiver<Arc<Table>> {
        self.table.subscribe()
    }

    /// There are other assignments, of which `networks` is the part about networks without what is on the `lost` nodes, which do not answer any more.
    pub(crate) fn told(
        &self,
        known: &Assignments,
        networks: &NetworkAssignments,
        lost: &BTreeSet<NodeId>,
    ) {
        let mut stage = self.stage();
        // Rules come and go with it, but older managers may have told of some.
        let services = known.http.as_ref().map(|_| content::services(networks, lost));
        let services = services.unwrap_or_default();
        let certificates = content::certificates(&services, &known.secrets, &mut stage.read);
        let client_cas = content::client_cas(&services, &known.secrets, &mut stage.read);
        let serving = services.iter().flat_map(|service| &service.tasks).filter(|it| it.serving);
        let since = serving.map(|task| {
            let before = stage.since.get(&task.id).copied();
            (task.id.clone(), before.unwrap_or(networks.generation))
        });
        stage.since = since.collect();
        let challenges = content::challenges(&known.acme);
        stage.content = Content { services, certificates, client_cas, challenges };
        self.show(&stage);
    }

    /// The kernel has reached `generation`.
    pub(crate) fn reached(&self, generation: Generation) {
        let mut stage = self.stage();
        let before = std::mem::replace(&mut stage.reached, generation);
        if stage.since.values().any(|since| *since > before && *since <= generation) {
            self.show(&stage);
        }
    }

    fn show(&self, stage: &Stage) {
        let table = stage.table(&self.table.borrow());
        self.table.send_replace(Arc::new(table));
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    /// What the kernel can carry of the content, in the place of the table `before`.
    fn table(&self, before: &Table) -> Table {
        let Content { mut services, certificates, client_cas, challenges } = self.content.clone();
        for task in services.iter_mut().flat_map(|service| &mut service.tasks) {
            task.serving = self.since.get(&task.id).is_some_and(|since| *since <= self.reached);
        }
        Table::after(before, services, certificates)
            .with_client_cas(client_cas)
            .with_challenges(challenges)
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use swarmlite_proto::agent::EndpointAssignment;
    use swarmlite_proto::agent::EndpointTask;
    use swarmlite_proto::agent::HttpAssignment;
    use swarmlite_proto::balance::Balancing;
    use swarmlite_proto::spec::EndpointMode;
    use swarmlite_proto::spec::HttpConfig;
    use swarmlite_proto::spec::HttpOptions;
    use swarmlite_proto::value::http;

    use super::*;

    fn id<T: FromStr<Err: std::fmt::Debug>>(letter: char) -> T {
        letter.to_string().repeat(25).parse().expect("an id")
    }

    /// A service with a rule and these tasks; those in upper case serve.
    fn tell(front: &Front, generation: u64, tasks: &str) {
        tell_without(front, generation, tasks, &BTreeSet::new());
    }

    fn tell_without(front: &Front, generation: u64, tasks: &str, lost: &BTreeSet<NodeId>) {
        let task = |letter: char| EndpointTask {
            task_id: id(letter.to_ascii_lowercase()),
            addr: [10, 0, 0, 9].into(),
            node_id: id('n'),
            serving: letter.is_ascii_uppercase(),
        };
        let endpoint = EndpointAssignment {
            network_id: id('i'),
            service_id: id('s'),
            name: "shop".to_owned(),
            aliases: Vec::new(),
            mode: EndpointMode::Vip,
            vip: None,
            balancing: Balancing::default(),
            ports: Vec::new(),
            http: vec![http::parse("shop,port=80").expect("a rule")],
            tasks: tasks.chars().map(task).collect(),
        };
        let networks = NetworkAssignments {
            generation: Generation(generation),
            endpoints: [((id('i'), id('s')), endpoint)].into(),
            ..NetworkAssignments::default()
        };
        let http = Some(HttpAssignment {
            ports: HttpConfig::STANDARD,
            options: HttpOptions::default(),
            cookie_key: [0; 32],
        });
        front.told(&Assignments { http, ..Assignments::default() }, &networks, lost);
    }

    /// The tasks that get requests.
    fn serving(front: &Front) -> String {
        let table = Arc::clone(&front.table().borrow());
        ('a'..='e').filter(|letter| table.serves(&id(*letter))).collect()
    }

    #[test]
    fn a_task_gets_requests_once_the_kernel_knows_the_way() {
        let front = Front::default();
        tell(&front, 5, "A");
        assert_eq!(serving(&front), "");
        front.reached(Generation(4));
        assert_eq!(serving(&front), "");
        front.reached(Generation(5));
        assert_eq!(serving(&front), "a");
        tell(&front, 6, "AB");
        assert_eq!(serving(&front), "a", "b is not known to the kernel yet");
        tell(&front, 7, "ABC");
        front.reached(Generation(6));
        assert_eq!(serving(&front), "ab", "what the kernel has reached, the proxy has too");
        front.reached(Generation(7));
        assert_eq!(serving(&front), "abc");
    }

    #[test]
    fn a_task_that_drains_gets_no_requests_at_once() {
        let front = Front::default();
        tell(&front, 1, "AB");
        front.reached(Generation(1));
        tell(&front, 2, "aB");
        assert_eq!(serving(&front), "b");
        // A node that answers again is not waited for: the kernel has not lost the way.
        tell(&front, 2, "AB");
        front.reached(Generation(2));
        assert_eq!(serving(&front), "ab");
    }

    #[test]
    fn a_task_is_lost_with_its_node_and_not_when_it_drains() {
        let front = Front::default();
        let lost = |letter| front.table().borrow().has_lost(&id(letter));
        tell(&front, 1, "aB");
        front.reached(Generation(1));
        assert!(!lost('a'), "it drains");
        tell_without(&front, 1, "aB", &[id('n')].into());
        assert!(lost('a') && !lost('b'), "b is the last one there is");
        tell(&front, 1, "AB");
        assert!(!lost('a'));
    }

    #[test]
    fn rules_go_on_counting_whatever_else_changes() {
        let front = Front::default();
        let counters = || {
            let table = Arc::clone(&front.table().borrow());
            let rule = table.rules().next().expect("one");
            Arc::clone(&rule.counters)
        };
        tell(&front, 1, "A");
        let first = counters();
        tell(&front, 2, "AB");
        front.reached(Generation(2));
        assert!(Arc::ptr_eq(&first, &counters()));
    }

    #[test]
    fn a_node_that_does_not_answer_http_has_no_rules() {
        let front = Front::default();
        tell(&front, 1, "A");
        front.reached(Generation(1));
        let networks = NetworkAssignments::default();
        front.told(&Assignments::default(), &networks, &BTreeSet::new());
        assert!(!front.table().borrow().has(&id('s')));
    }
}
