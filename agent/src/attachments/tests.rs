//! What the managers are told of attached containers.

use super::*;
use crate::task::fake::id;

fn container(letter: char, running: bool) -> AttachedContainer {
    AttachedContainer { id: letter.to_string().repeat(64), name: letter.to_string(), running }
}

fn assigned(
    letter: char,
    last: u8,
    container: Option<AttachedContainer>,
) -> Arc<AttachmentAssignment> {
    Arc::new(AttachmentAssignment {
        id: id(letter),
        network_id: id('x'),
        node_id: id('n'),
        addr: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 1, last), 24),
        aliases: Vec::new(),
        serving: container.is_some(),
        container,
    })
}

fn held(network: char, last: u8, container: AttachedContainer) -> Held {
    Held { network: id(network), addr: Ipv4Addr::new(10, 0, 1, last), container }
}

fn told(
    mine: &[Arc<AttachmentAssignment>],
    held: &[Held],
    under_way: &UnderWay,
) -> Vec<(AttachmentId, Option<AttachedContainer>)> {
    let reports = reports(mine, held, under_way);
    reports.into_iter().map(|report| (report.id, report.container)).collect()
}

#[test]
fn what_is_known_is_not_told_again() {
    let mine = [assigned('a', 2, Some(container('c', true)))];
    let nothing = UnderWay::default();
    assert_eq!(told(&mine, &[held('x', 2, container('c', true))], &nothing), []);
    for now in [container('c', false), container('d', true)] {
        let news = vec![(id('a'), Some(now.clone()))];
        assert_eq!(told(&mine, &[held('x', 2, now)], &nothing), news);
    }
}

#[test]
fn an_address_that_no_container_has_is_given_back() {
    let mine = [assigned('a', 2, Some(container('c', true))), assigned('b', 3, None)];
    let both = vec![(id('a'), None), (id('b'), None)];
    let elsewhere = [held('y', 2, container('c', true)), held('x', 4, container('c', true))];
    assert_eq!(told(&mine, &elsewhere, &UnderWay::default()), both);
}

#[test]
fn what_is_being_made_is_not_given_back() {
    let mine = [assigned('a', 2, None), assigned('b', 3, None)];
    let one = UnderWay::of(0, &[id('a')]);
    assert_eq!(told(&mine, &[], &one), [(id('b'), None)]);
    assert_eq!(told(&mine, &[], &UnderWay::of(1, &[])), [], "it may be any");
    let there = vec![(id('a'), Some(container('c', false)))];
    let made = [held('x', 2, container('c', false))];
    assert_eq!(told(&mine[..1], &made, &one), there);
}
