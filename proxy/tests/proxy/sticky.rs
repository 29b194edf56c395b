//! Clients that come back to their task.

use std::collections::BTreeSet;

use swarmlite_proto::spec::HttpRoute;

use crate::lab::Lab;
use crate::lab::named;
use crate::lab::parse;
use crate::lab::route;

/// The rule of a service to whose tasks clients come back.
fn sticky(path: &str) -> HttpRoute {
    HttpRoute { sticky: Some("1h".parse().unwrap()), ..route("", path) }
}

/// The cookie that an answer sets, without its attributes.
fn cookie(answer: &str) -> Option<&str> {
    let mut lines = answer.lines();
    let line = lines.find_map(|line| line.strip_prefix("set-cookie: swarmlite-"))?;
    line.split(';').next()
}

async fn ask(lab: &Lab, cookie: Option<&str>) -> String {
    let cookie = cookie.map(|cookie| format!("Cookie: theme=dark; swarmlite-{cookie}\r\n"));
    let cookie = cookie.unwrap_or_default();
    lab.raw(&format!("GET /shop HTTP/1.1\r\nHost: a\r\n{cookie}{{close}}\r\n")).await
}

#[tokio::test]
async fn a_client_comes_back_to_its_task_until_that_leaves() {
    let mut lab = Lab::new().await;
    let tasks = [named("1").await, named("2").await, named("3").await];
    lab.service("shop", vec![sticky("/shop")], &tasks);
    let first = ask(&lab, None).await;
    assert!(first.contains("; Path=/shop; Max-Age=3600; HttpOnly; SameSite=Lax\r\n"), "{first}");
    let own = cookie(&first).unwrap();
    let (_, task) = parse(&first);
    for _ in 0..5 {
        let again = ask(&lab, Some(own)).await;
        assert_eq!(parse(&again), (200, task.clone()));
        assert_eq!(cookie(&again), Some(own), "the time counts from the last answer");
    }
    lab.set_serving(0, task.parse().unwrap(), false);
    let other = ask(&lab, Some(own)).await;
    let new = cookie(&other).unwrap();
    let (_, other) = parse(&other);
    assert!(new != own && other != task, "{new} {other}");
    for _ in 0..5 {
        assert_eq!(parse(&ask(&lab, Some(new)).await).1, other);
    }
}

#[tokio::test]
async fn nobody_chooses_a_task_with_a_cookie_of_their_own_making() {
    let mut lab = Lab::new().await;
    lab.service("shop", vec![sticky("/")], &[named("1").await, named("2").await]);
    let own = ask(&lab, None).await;
    let own = cookie(&own).unwrap();
    let (start, signature) = own.split_once('.').unwrap();
    let last = if start.ends_with('1') { '2' } else { '1' };
    let forged = format!("{}{last}.{signature}", &start[..start.len() - 1]);
    let mut tasks = BTreeSet::new();
    for _ in 0..4 {
        let answer = ask(&lab, Some(&forged)).await;
        assert_ne!(cookie(&answer).unwrap(), forged);
        tasks.insert(parse(&answer).1);
    }
    assert_eq!(tasks.len(), 2, "they take turns");
}

#[tokio::test]
async fn a_client_stays_with_the_service_that_it_shares_requests_of() {
    let mut lab = Lab::new().await;
    let weighted = |weight| HttpRoute { weight: Some(weight), ..sticky("/") };
    lab.service("old", vec![weighted(1)], &[named("old").await]);
    lab.service("new", vec![weighted(1)], &[named("new").await]);
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let first = ask(&lab, None).await;
        let (_, name) = parse(&first);
        for _ in 0..3 {
            assert_eq!(parse(&ask(&lab, cookie(&first)).await).1, name);
        }
        seen.insert(name);
    }
    assert_eq!(seen.len(), 2);
    // Without a task there, the other service has it.
    let first = ask(&lab, None).await;
    let (_, name) = parse(&first);
    lab.set_serving(usize::from(name == "new"), 1, false);
    let (status, other) = parse(&ask(&lab, cookie(&first)).await);
    assert_eq!(status, 200);
    assert_ne!(other, name);
}
