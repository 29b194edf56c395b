use std::collections::BTreeSet;
use std::io;

use super::*;

/// Nodes of which some answer, and some cannot even be asked.
#[derive(Debug, Default)]
struct Fake {
    answer: BTreeSet<Ipv4Addr>,
    refuse: BTreeSet<Ipv4Addr>,
    asked: BTreeSet<Ipv4Addr>,
}

impl Echo for Fake {
    fn begin(&mut self) {}

    fn ask(&mut self, addr: Ipv4Addr) -> io::Result<()> {
        if self.refuse.contains(&addr) {
            return Err(io::ErrorKind::NetworkUnreachable.into());
        }
        self.asked.insert(addr);
        Ok(())
    }

    fn answers(&mut self) -> BTreeSet<Ipv4Addr> {
        std::mem::take(&mut self.asked).intersection(&self.answer).copied().collect()
    }
}

fn id(letter: char) -> NodeId {
    letter.to_string().repeat(25).parse().expect("an id")
}

fn addr(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(169, 254, 0, last)
}

fn others() -> BTreeMap<NodeId, Ipv4Addr> {
    BTreeMap::from([(id('a'), addr(1)), (id('b'), addr(2))])
}

/// Rounds that come in time, in which both nodes have answered.
fn begun() -> (Rounds<Fake>, Instant) {
    let answer = BTreeSet::from([addr(1), addr(2)]);
    let echo = Some(Fake { answer, ..Fake::default() });
    let mut rounds = Rounds { echo, ..Rounds::default() };
    let mut now = Instant::now();
    assert_eq!(pass(&mut rounds, &mut now, 3), []);
    (rounds, now)
}

fn pass(rounds: &mut Rounds<Fake>, now: &mut Instant, count: usize) -> Vec<News> {
    let next = |_| {
        *now += rounds.detector.pause();
        rounds.next(*now, &others())
    };
    (0..count).flat_map(next).collect()
}

#[test]
fn who_stops_to_answer_is_lost_and_who_answers_again_is_back() {
    let (mut rounds, mut now) = begun();
    rounds.echo.as_mut().expect("is open").answer.remove(&addr(2));
    assert_eq!(pass(&mut rounds, &mut now, 20), [News::Lost(id('b'))]);
    assert_eq!(rounds.detector.reached().lost, BTreeSet::from([id('b')]));
    rounds.echo.as_mut().expect("is open").answer.insert(addr(2));
    assert_eq!(pass(&mut rounds, &mut now, 20), [News::Back(id('b'))]);
}

#[test]
fn when_nobody_can_be_asked_nobody_is_lost_and_the_tunnel_is_opened_anew() {
    let (mut rounds, mut now) = begun();
    rounds.echo.as_mut().expect("is open").refuse.insert(addr(2));
    assert_eq!(pass(&mut rounds, &mut now, 20), []);
    rounds.echo.as_mut().expect("one can be asked").refuse.insert(addr(1));
    assert_eq!(pass(&mut rounds, &mut now, 20), []);
    assert!(rounds.echo.is_none(), "it would never work again");
}
