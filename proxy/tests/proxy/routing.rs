//! Which service answers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::spec::HttpRoute;

use crate::lab::Lab;
use crate::lab::named;
use crate::lab::parse;
use crate::lab::route;

#[tokio::test]
async fn host_path_method_and_headers_choose_the_service() {
    let mut lab = Lab::new().await;
    let of = |text: &str| text.to_owned();
    let header = BTreeMap::from([(of("x-beta"), of("yes"))]);
    let shop = || route("shop.example", "/");
    lab.service("shop", vec![shop()], &[named("shop").await]);
    lab.service("cart", vec![route("shop.example", "/cart")], &[named("cart").await]);
    let post = HttpRoute { methods: vec![of("POST")], ..shop() };
    lab.service("post", vec![post], &[named("post").await]);
    lab.service("beta", vec![HttpRoute { headers: header, ..shop() }], &[named("beta").await]);
    lab.service("wild", vec![route("*.example", "/")], &[named("wild").await]);
    for (host, path, answer) in [
        ("shop.example", "/", "shop"),
        ("SHOP.example.:8080", "/cartoon", "shop"),
        ("shop.example", "/cart?item=1", "cart"),
        ("shop.example", "http://shop.example/cart/1", "cart"),
        ("anything", "http://other.example/cart", "wild"),
        ("a.b.example", "/", "wild"),
    ] {
        assert_eq!(lab.get(host, path).await, (200, answer.to_owned()), "{host} {path}");
    }
    let post = "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n{close}\r\n";
    assert_eq!(parse(&lab.raw(post).await).1, "post");
    let beta = "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Beta: yes\r\n{close}\r\n";
    assert_eq!(parse(&lab.raw(beta).await).1, "beta");
    let (status, why) = lab.get("example", "/").await;
    assert_eq!((status, &*why), (404, "no service answers this host and path\n"));
    assert_eq!(lab.proxy.unmatched(), 1);
}

#[tokio::test]
async fn services_share_requests_by_weight_and_tasks_take_turns() {
    let mut lab = Lab::new().await;
    let weighted = |weight| HttpRoute { weight: Some(weight), ..route("", "/") };
    lab.service("old", vec![weighted(3)], &[named("old 1").await, named("old 2").await]);
    lab.service("new", vec![weighted(1)], &[named("new").await]);
    let mut answers = BTreeMap::<String, usize>::new();
    for _ in 0..16 {
        *answers.entry(lab.get("a.example", "/").await.1).or_default() += 1;
    }
    let expected = [("new", 4), ("old 1", 6), ("old 2", 6)];
    assert_eq!(answers, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

#[tokio::test]
async fn a_new_table_holds_for_the_next_request() {
    let mut lab = Lab::new().await;
    lab.service("shop", vec![route("", "/")], &[named("1").await, named("2").await]);
    lab.set_serving(0, 1, false);
    let mut answers = BTreeSet::new();
    for _ in 0..4 {
        answers.insert(lab.get("a.example", "/").await.1);
    }
    assert_eq!(answers, BTreeSet::from(["2".to_owned()]));
    lab.set_serving(0, 2, false);
    let (status, why) = lab.get("a.example", "/").await;
    assert_eq!((status, &*why), (503, "no task of this service can answer at the moment\n"));
    lab.routes(0).clear();
    lab.publish();
    assert_eq!(lab.get("a.example", "/").await.0, 404);
}
