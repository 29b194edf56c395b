//! A cluster in memory that answers HTTP, and the server that it asks, one step after the other.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rcgen::KeyPair;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::object::AcmeChallenge;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Node;
use swarmlite_proto::spec::AcmeConfig;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Generation;

use super::fake::issued;
use crate::acme::outcome;
use crate::acme::outcome::Answer;
use crate::acme::plan::Call;
use crate::acme::plan::Plan;
use crate::acme::plan::View;
use crate::acme::plan::reconcile;
use crate::acme::server::AcmeError;
use crate::acme::server::Placed;
use crate::loops::tests::world::cluster;
use crate::reconcile::Programmed;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::fixture::node;
use crate::state::fixture::rng;
use crate::state::fixture::service;

/// How long nodes are waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// The cluster, and what time it is.
pub(super) struct World {
    pub(super) state: State,
    pub(super) programmed: Programmed,
    pub(super) now: Timestamp,
    rng: StdRng,
    placed: u32,
}

impl World {
    /// Two nodes, and a service for each of `hosts`, by the letters of their names. The terms of the server are agreed to.
    pub(super) fn new(hosts: &[&str]) -> Self {
        let mut world = Self {
            state: State::default(),
            programmed: Programmed::default(),
            now: Timestamp::EPOCH,
            rng: rng(1),
            placed: 0,
        };
        let mut made = cluster();
        made.format = Format::ACME;
        made.spec.http = Some(HttpConfig::STANDARD);
        made.spec.acme = Some(AcmeConfig { terms_accepted: true, ..AcmeConfig::default() });
        world.commit(vec![Op::PutCluster(Box::new(made))]);
        for index in 1..=2 {
            let addr = Some([192, 0, 2, 1].into());
            let node = node(index.into(), index);
            let node = Node { data_path_addr: addr, versions: Versions::own(), ..node };
            world.commit(vec![Op::PutNode(Box::new(node))]);
        }
        for (host, seed) in hosts.iter().zip(10..) {
            let mut service = service(seed, host);
            let rule = format!("{host},port=80,tls=acme");
            service.spec.labels = [("swarmlite.http.x".to_owned(), rule)].into();
            world.commit(vec![Op::PutService(Box::new(service))]);
        }
        world
    }

    pub(super) fn commit(&mut self, ops: Vec<Op>) {
        let transaction = Transaction { at: self.now, ops };
        self.state.apply(self.state.applied() + 1, transaction).expect("is sound");
    }

    pub(super) fn edit_cluster(&mut self, change: impl FnOnce(&mut Cluster)) {
        let mut cluster = Cluster::clone(self.state.cluster().expect("is there"));
        change(&mut cluster);
        self.commit(vec![Op::PutCluster(Box::new(cluster))]);
    }

    pub(super) fn edit_node(&mut self, index: usize, change: impl FnOnce(&mut Node)) {
        let mut node = Node::clone(self.state.nodes().values().nth(index).expect("so many"));
        change(&mut node);
        self.commit(vec![Op::PutNode(Box::new(node))]);
    }

    /// Removes the service of a host.
    pub(super) fn remove_service(&mut self, host: &str) {
        let service = self.state.service_by_name(host).expect("is there");
        let gone = Op::Remove(ObjectRef::Service(service.id.clone()), service.meta.version);
        self.commit(vec![gone]);
    }

    /// All nodes, or one of them, have confirmed what they were told last.
    pub(super) fn confirm(&mut self, which: Option<usize>) {
        let generation = Generation(self.state.applied());
        for (index, id) in self.state.nodes().keys().enumerate() {
            if which.is_none_or(|which| which == index) {
                self.programmed.insert(id.clone(), generation);
            }
        }
    }

    /// What is to be done now, while nothing is being asked.
    pub(super) fn plan(&self) -> Plan {
        let busy = BTreeSet::new();
        let Self { state, programmed, .. } = self;
        reconcile(View { state, programmed, patience: PATIENCE, busy: &busy }, self.now)
    }

    /// What the server is to be asked for now. The changes are made.
    pub(super) fn calls(&mut self) -> Vec<Call> {
        let plan = self.plan();
        plan.changes.into_iter().for_each(|ops| self.commit(ops));
        plan.calls
    }

    /// The one thing that the server is to be asked for now.
    pub(super) fn call(&mut self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }

    /// A call has had this outcome. Returns whether that was of any use.
    pub(super) fn end(&mut self, call: &Call, outcome: Result<Answer, AcmeError>) -> bool {
        let ops = outcome::changes(&self.state, call, outcome, self.now, &mut self.rng);
        let is_of_use = !ops.is_empty();
        if is_of_use {
            self.commit(ops);
        }
        is_of_use
    }

    /// A server that does what it is asked for.
    pub(super) fn serve(&mut self, call: &Call) {
        let answer = match call {
            Call::Register => Answer::Account("{}".to_owned()),
            Call::Order { kinds, .. } => self.placed(kinds[0]),
            Call::Proceed { host, order } => Answer::Issued(issued(host, &order.key)),
        };
        assert!(self.end(call, Ok(answer)), "{call:?}");
    }

    /// An order that the server has taken.
    pub(super) fn placed(&mut self, kind: AcmeChallengeKind) -> Answer {
        self.placed += 1;
        let token = format!("token{}", self.placed);
        let answer = format!("{token}.thumbprint");
        let url = format!("https://fake/{}", self.placed);
        let key = KeyPair::generate().expect("a key").serialize_pem();
        let challenge = Some(AcmeChallenge { kind, token, answer });
        Answer::Placed(Placed { url, challenge }, key)
    }

    /// Goes on until there is nothing to do now.
    pub(super) fn settle(&mut self) {
        loop {
            self.confirm(None);
            let calls = self.calls();
            if calls.is_empty() {
                return;
            }
            calls.iter().for_each(|call| self.serve(call));
        }
    }

    pub(super) fn host(&self, host: &str) -> &AcmeHost {
        &self.state.acme_hosts()[host]
    }
}
