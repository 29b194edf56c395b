//! Whom a change costs something.

use super::*;

#[test]
fn what_a_node_has_no_part_in_costs_it_nothing() {
    let mut scene = scene();
    let home = scene.home(&scene.db);
    let other = scene.world.nodes().into_iter().find(|node| *node != home).expect("two nodes");
    let back = scene.world.state().networks()[&scene.back].as_ref().clone();
    let labelled = |mut network: Network| {
        network.spec.labels.insert("a".to_owned(), "b".to_owned());
        Op::PutNetwork(Box::new(network))
    };
    let nothing = Some((Vec::new(), Vec::new()));
    for (op, at_home, elsewhere) in [
        (SecretKind::put(document::<SecretKind>(30, "unused")), &nothing, &nothing),
        (ConfigKind::put(document::<ConfigKind>(31, "unused")), &nothing, &nothing),
        (
            Op::PutNetwork(Box::new(objects::network(2, "unused", 2, "10.8.0.0/24"))),
            &nothing,
            &nothing,
        ),
        (labelled(back), &None, &nothing),
    ] {
        let seen = scene.world.state().clone();
        scene.world.commit(vec![op.clone()]);
        let turn = news::Turn::between(&seen, scene.world.state());
        let told = |node| {
            let news = turn.news(node, &turn.audience(node)?);
            Some((news.put, news.remove))
        };
        assert_eq!((&told(&home), &told(&other)), (at_home, elsewhere), "{op:?}");
    }
}
