//! What sessions tell their nodes of a change. The first session that needs it finds it out, and the others say the same.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use swarmlite_proto::agent::ManagerMessage;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::version::Generation;
use swarmlite_rpc::Encoded;
use swarmlite_rpc::StreamError;

use super::assignment::news::Audience;
use super::assignment::news::Turn;
use super::assignment::news::all_news;
use super::session::Difference;
use super::session::Effect;
use super::session::Fault;
use super::session::Session;
use super::session::View;
use crate::state::State;

/// How many turns are kept. While much changes, sessions are not all at the same state: each sees what is the newest when its turn comes.
const KEPT: usize = 32;

/// The turns that sessions have asked for last.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    recent: Mutex<VecDeque<(Step, Arc<OnceLock<Told>>)>>,
}

/// From which state to which: two states of one generation are the same.
type Step = (Generation, Generation);

/// What has changed, and what was said of it.
#[derive(Debug)]
struct Told {
    turn: Turn,
    /// `None`: nothing is different for them.
    said: Mutex<BTreeMap<Audience, Option<Encoded>>>,
}

/// What a node is told of a change.
#[derive(Debug)]
enum Telling {
    /// Everything has to be computed anew for it.
    Anew,
    /// This, if anything.
    Difference(Option<Difference>),
}

/// An agent cannot be told of a state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    /// Its session cannot go on.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It is too much for a message.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl Turns {
    /// What follows for `session`, whose agent was told of the state `seen`, from the state being `state` now. `seen` becomes that.
    ///
    /// # Errors
    ///
    /// Why the session cannot go on.
    pub(crate) fn follow(
        &self,
        session: &mut Session,
        seen: &mut Option<State>,
        state: State,
    ) -> Result<Vec<Effect>, Untold> {
        let telling = match &*seen {
            // The first state was the newest, and what is shown comes later.
            Some(seen) if seen.generation() >= state.generation() => return Ok(Vec::new()),
            Some(seen) => self.tell(seen, &state, session.node_id())?,
            None => Telling::Anew,
        };
        let effects = match telling {
            Telling::Difference(difference) => session.advance(state.generation(), difference),
            Telling::Anew => {
                let news = all_news(seen.as_ref(), &state, session.node_id());
                session.observe(View::of(&state, session.node_id()), news)?
            }
        };
        *seen = Some(state);
        Ok(effects)
    }

    /// What `node`, which was told of the state `old`, is to be told of `new`.
    ///
    /// # Errors
    ///
    /// When that is too much for a message.
    fn tell(&self, old: &State, new: &State, node: &NodeId) -> Result<Telling, StreamError> {
        let told = self.between((old.generation(), new.generation()));
        let Told { turn, said } =
            told.get_or_init(|| Told { turn: Turn::between(old, new), said: Mutex::default() });
        let Some(audience) = turn.audience(node) else { return Ok(Telling::Anew) };
        if audience == Audience::One {
            let news = turn.news(node, &audience);
            let set = (!news.is_empty()).then(|| news.into_set(new.generation(), false));
            return Ok(Telling::Difference(set.map(Difference::Own)));
        }
        // Who waits here would have to encode the same.
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let message = match said.get(&audience) {
            Some(message) => message.clone(),
            None => {
                let news = turn.news(node, &audience);
                let set = (!news.is_empty()).then(|| news.into_set(new.generation(), false));
                let message = set.map(ManagerMessage::Assignments);
                let message = message.map(|message| Encoded::of(&message)).transpose()?;
                said.insert(audience, message.clone());
                message
            }
        };
        Ok(Telling::Difference(message.map(Difference::Shared)))
    }

    fn between(&self, step: Step) -> Arc<OnceLock<Told>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, told)) = recent.iter().rev().find(|(known, _)| *known == step) {
            return Arc::clone(told);
        }
        let told = Arc::default();
        recent.push_back((step, Arc::clone(&told)));
        if recent.len() > KEPT {
            recent.pop_front();
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::agent::Assignment;
    use swarmlite_proto::agent::AssignmentSet;
    use swarmlite_proto::agent::EndpointAssignment;
    use swarmlite_proto::agent::EndpointDifference;
    use swarmlite_proto::format::Versions;
    use swarmlite_proto::spec::EndpointSpec;
    use swarmlite_proto::spec::PortConfig;
    use swarmlite_proto::spec::ServiceMode;
    use swarmlite_proto::task_state::TaskState;

    use super::*;
    use crate::dispatcher::assignment::assignments_for;
    use crate::loops::tests::world::World;

    fn told(turns: &Turns, old: &State, new: &State, node: &NodeId) -> Option<Difference> {
        match turns.tell(old, new, node).expect("fits") {
            Telling::Difference(difference) => difference,
            Telling::Anew => panic!("not everything is different"),
        }
    }

    #[test]
    fn nodes_that_are_told_the_same_are_told_by_one_message() {
        let mut world = World::new(6);
        let web = world.add_service("web", ServiceMode::Replicated { replicas: 3 }, |service| {
            let ports = vec![PortConfig { target_port: 80, ..PortConfig::default() }];
            service.spec.endpoint_spec = Some(EndpointSpec { ports, ..EndpointSpec::default() });
        });
        world.settle();
        let task = world.running(&web).remove(0);
        let home = task.node_id.clone().expect("it runs");
        let (turns, old) = (Turns::default(), world.state().clone());
        world.report(&task, TaskState::Failed);
        let new = world.state().clone();
        for node in world.nodes() {
            let whole = all_news(Some(&old), &new, &node).into_set(new.generation(), false);
            let [Assignment::Endpoint(endpoint)] = &whole.put[..] else { panic!("{whole:?}") };
            assert_eq!(endpoint.tasks.len(), 2, "the one that has failed is left out");
            let is_old = new.nodes()[&node].versions == Versions::default();
            let difference = EndpointDifference::between(&known(&old, &node), endpoint);
            let differences = vec![difference.expect("is shorter")];
            let expected = match is_old {
                true => whole,
                false => AssignmentSet { put: Vec::new(), differences, ..whole },
            };
            let expected = match node == home {
                true => Difference::Own(expected),
                false => {
                    let message = ManagerMessage::Assignments(expected);
                    Difference::Shared(Encoded::of(&message).expect("fits"))
                }
            };
            assert_eq!(told(&turns, &old, &new, &node), Some(expected), "{node}");
        }
        let recent = turns.recent.lock().expect("no panic");
        let [(_, shared)] = recent.iter().collect::<Vec<_>>()[..] else { panic!("{recent:?}") };
        let said = shared.get().expect("was asked for").said.lock().expect("no panic").len();
        assert_eq!(
            said, 2,
            "encoded once for all but the node of the task, and once more for older agents"
        );
    }

    /// The only service as `node` knows it.
    fn known(state: &State, node: &NodeId) -> EndpointAssignment {
        let known = assignments_for(state, node).into_values();
        let mut endpoints = known.filter_map(|known| match known {
            Assignment::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        });
        endpoints.next().expect("is known")
    }

    #[test]
    fn what_concerns_nobody_is_no_message_and_old_turns_are_forgotten() {
        let mut world = World::new(2);
        let turns = Turns::default();
        let [first, second]: [NodeId; 2] = world.nodes().try_into().expect("two nodes");
        for round in 0..2 * KEPT {
            let old = world.state().clone();
            world.edit_node(&first, |node| {
                node.spec.labels.insert("round".to_owned(), round.to_string());
            });
            let new = world.state();
            assert_eq!(told(&turns, &old, new, &second), None);
            let own = turns.tell(&old, new, &first).expect("fits");
            assert!(matches!(own, Telling::Anew), "the node itself has changed: {own:?}");
        }
        assert_eq!(turns.recent.lock().expect("no panic").len(), KEPT);
    }
}
