//! What goes wrong.

use std::time::Duration;

use futures_util::future::join_all;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;
use tokio::time::sleep;

use super::clients::read;
use super::disk::SimDisk;
use super::history::History;
use super::managers::Managers;
use super::network::Net;

/// Lets things go wrong until `end`, and has them mended then.
pub(super) async fn run(
    managers: &Managers,
    net: &Net,
    history: &History,
    rng: &mut StdRng,
    end: Instant,
) {
    // Some clusters have hardly time to elect a leader in between, and others to forget the last time.
    let longest = [1500, 4000, 8000][rng.random_range(0..3)];
    while Instant::now() < end {
        sleep(Duration::from_millis(rng.random_range(20..longest))).await;
        one(managers, net, history, rng).await;
    }
    history.happens("all is mended");
    net.heal();
    for number in managers.numbers() {
        managers.disk(number).slow_down(Duration::from_millis(1));
        // One whose disk has failed does not come back by itself.
        managers.lose(number, SimDisk::kill).await;
        managers.boot(number).await;
    }
}

async fn one(managers: &Managers, net: &Net, history: &History, rng: &mut StdRng) {
    let numbers = managers.numbers();
    let number = numbers[rng.random_range(0..numbers.len())];
    match rng.random_range(0..16) {
        0..=4 => lose(managers, history, rng, number).await,
        5..=8 => {
            for number in numbers {
                managers.boot(number).await;
            }
        }
        9..=13 => trouble_network(net, history, rng, number, &numbers),
        _ => trouble_disk(managers, history, rng, number).await,
    }
}

/// A manager is gone, for how long is not known or, of the one that leads, for a moment.
async fn lose(managers: &Managers, history: &History, rng: &mut StdRng, number: u16) {
    match rng.random_range(0..5) {
        0..=2 => {
            let at_risk = managers.disk(number).at_risk();
            let reached = rng.random_range(0..=at_risk);
            history.crashed(&format!(
                "manager {number} loses power, {reached} of {at_risk} writes have reached its disk"
            ));
            managers.lose(number, |disk| disk.power_off(reached)).await;
        }
        3 => {
            history.crashed(&format!("manager {number} is killed"));
            managers.lose(number, SimDisk::kill).await;
        }
        _ => {
            let number = managers.leader().unwrap_or(number);
            history.crashed(&format!("manager {number} loses power for a moment"));
            managers.lose(number, |disk| disk.power_off(0)).await;
            // It may be back before the others have missed it.
            sleep(Duration::from_millis(rng.random_range(0..500))).await;
            managers.boot(number).await;
            // What it says before it has heard of the others is the most likely to be old.
            let numbers = managers.numbers().into_iter();
            let stores = numbers.filter_map(|it| Some((it, managers.store(it)?)));
            join_all(stores.map(async |(it, store)| read(history, &store, it).await)).await;
        }
    }
}

fn trouble_network(net: &Net, history: &History, rng: &mut StdRng, number: u16, numbers: &[u16]) {
    match rng.random_range(0..5) {
        0 => {
            let other = numbers[rng.random_range(0..numbers.len())];
            history.happens(&format!("nothing comes from manager {number} to {other} any more"));
            net.block(number, other);
        }
        1 => {
            history.happens(&format!("manager {number} is cut off"));
            for other in numbers {
                net.block(number, *other);
                net.block(*other, number);
            }
        }
        _ => {
            let loss = if rng.random_range(0..3) == 0 { rng.random_range(1..20) } else { 0 };
            history.happens(&format!("the network is whole, and loses {loss} of 100 messages"));
            net.heal();
            net.lose(loss);
        }
    }
}

async fn trouble_disk(managers: &Managers, history: &History, rng: &mut StdRng, number: u16) {
    let disk = managers.disk(number);
    if rng.random_range(0..2) == 0 {
        let most = if rng.random_range(0..2) == 0 { 5 } else { 1500 };
        let pause = Duration::from_millis(rng.random_range(1..=most));
        history.happens(&format!("the disk of manager {number} takes {pause:?}"));
        disk.slow_down(pause);
    } else {
        history.crashed(&format!("the disk of manager {number} fails, and it is started again"));
        disk.fail();
        sleep(Duration::from_millis(rng.random_range(0..2000))).await;
        managers.lose(number, SimDisk::kill).await;
        managers.boot(number).await;
    }
}
