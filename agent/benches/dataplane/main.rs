//! What balancing costs: how long a balancer takes to program many services, and what a request through it costs more than a direct one.
//!
//! ```text
//! sudo tests/bench.sh          on this machine, then in the virtual machine, whose kernel has IPVS
//! cargo bench -p swarmlite-agent --bench dataplane      on this machine alone, by root
//! ```
//!
//! Nothing is asserted but that the kernel holds what it was told. Seconds are those of the machine it runs on, and in the virtual
//! machine those of an emulated processor: compare balancers with each other, and requests through the virtual address with
//! direct ones of the same run, which take turns so that both see the same neighbours on the machine.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot measure says why and ends, and prints what it measured"
)]

#[path = "../../tests/dataplane/namespaces.rs"]
mod namespaces;
mod rig;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use swarmlite_agent::testing::balancer::Balancer;
use swarmlite_agent::testing::balancer::VirtualServices;
use swarmlite_agent::testing::balancer::choice;
use swarmlite_agent::testing::balancer::choice::Choice;
use swarmlite_agent::testing::held::Held;
use swarmlite_agent::testing::netns::Netns;
use swarmlite_proto::balance::Balancer as Kind;
use tokio::time::Instant;

use self::rig::Rig;
use self::traffic::Load;

/// How many services there are: programming is measured with each of these, requests with the last.
const SERVICES: [u16; 3] = [10, 100, 1000];
/// How many backends each of them has.
const BACKENDS: u8 = 10;
/// For how long requests are made in one go, and how often direct ones and those through the balancer take turns.
const TURN: Duration = Duration::from_millis(500);
const TURNS: u32 = 8;

fn main() {
    // Only `cargo bench` says so; `cargo test --benches` runs this program too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return println!("not measured: use cargo bench");
    }
    if !nix::unistd::geteuid().is_root() {
        return println!("not measured: this is not root");
    }
    for (kind, choice) in [(Kind::Nftables, Choice::Nftables), (Kind::Ipvs, Choice::Ipvs)] {
        match choice::pick(choice) {
            Ok(_) => measure(kind),
            Err(error) => println!("{kind}: not measured: {error}\n"),
        }
    }
}

fn measure(kind: Kind) {
    let rig = Rig::new();
    let balancer = choice::balancer(kind);
    for count in SERVICES {
        println!("{kind}: {count} services of {BACKENDS} backends");
        let services = rig::services(count, BACKENDS);
        let balancer = Arc::clone(&balancer);
        rig.inside(move |netns| program(&*balancer, netns, services));
    }
    println!("{:<22}{:>12}{:>12}{:>8}", "requests per second", "direct", "balanced", "ratio");
    for load in [Load::Connections, Load::Requests] {
        let (mut direct, mut balanced) = (0, 0);
        for _ in 0..TURNS {
            direct += rig.requests(rig::SERVER, load, TURN);
            balanced += rig.requests(rig::vip(0), load, TURN);
        }
        let seconds = (TURN * TURNS).as_secs_f64();
        let [direct, balanced] = [direct, balanced].map(|count| f64::from(count) / seconds);
        println!("{:<22}{direct:>12.0}{balanced:>12.0}{:>8.2}", load.as_str(), balanced / direct);
    }
    println!();
}

/// Measures programming. Leaves the services there.
fn program(balancer: &dyn Balancer, netns: &Netns, mut services: VirtualServices) {
    let none = VirtualServices::new();
    step("program all", balancer, netns, &services);
    for backend in services.values_mut().take(1).flat_map(|service| &mut service.backends).take(1) {
        backend.weight = 0;
    }
    step("drain one backend", balancer, netns, &services);
    let taken = services.pop_last();
    step("remove one service", balancer, netns, &services);
    services.extend(taken);
    step("add one service", balancer, netns, &services);
    step("remove all", balancer, netns, &none);
    step("program all again", balancer, netns, &services);
}

/// Takes the time of one change, and of reading back what the kernel holds.
fn step(what: &str, balancer: &dyn Balancer, netns: &Netns, services: &VirtualServices) {
    let began = Instant::now();
    balancer.program(netns, services).expect("the kernel takes it");
    let programmed = began.elapsed();
    let began = Instant::now();
    let held = balancer.observe(netns).expect("the kernel tells");
    let observed = began.elapsed();
    let equal = match held {
        Held::Exactly(held) => held == *services,
        Held::Absent => services.is_empty(),
        Held::Unknown => false,
    };
    assert!(equal, "the kernel does not hold what it was told");
    println!("  {what:<20}{programmed:>10.3?}, read back and equal {observed:>10.3?}");
}
