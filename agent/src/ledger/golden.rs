//! Ledgers that older versions have written, kept: what they hold must be read for ever.
//!
//! `golden/format-N` was written by `write` when N was the newest format. It is never written again: a change that makes one of these tests
//! fail would make a node forget its tasks.

use std::path::Path;
use std::path::PathBuf;

use rand::RngExt;
use swarmlite_proto::agent::AttachmentAssignment;
use swarmlite_proto::agent::EndpointAssignment;
use swarmlite_proto::agent::EndpointTask;
use swarmlite_proto::agent::HttpAssignment;
use swarmlite_proto::agent::IngressPort;
use swarmlite_proto::agent::PeerAssignment;
use swarmlite_proto::agent::TaskAttachment;
use swarmlite_proto::attachment::AttachedContainer;
use swarmlite_proto::balance::Balancing;
use swarmlite_proto::object::ContainerStatus;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proto::spec::EndpointMode;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::spec::HttpOptions;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::spec::PortProtocol;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoil_bytes;
use swarmlite_proto::testing::spoiled_messagepack;
use swarmlite_proto::value::http;
use swarmlite_proto::version::Generation;

use super::*;
use crate::task::samples::id;
use crate::task::samples::network;
use crate::task::samples::task;

/// The formats of which ledgers are kept.
const KEPT: [Format; 5] =
    [Format::UNMARKED, Format::FIRST, Format::HTTP, Format::ACME, Format::HTTP_OPTIONS];

fn folder(format: Format) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/ledger/golden/format-{format}"))
}

fn managers() -> Vec<SocketAddr> {
    ["192.0.2.1:2377", "[2001:db8::1]:2377"].map(|addr| addr.parse().expect("an address")).into()
}

fn at() -> Timestamp {
    "2026-11-30T21:00:00.123456789Z".parse().expect("a time")
}

fn status() -> TaskStatus {
    TaskStatus {
        timestamp: at(),
        state: TaskState::Running,
        message: "started".to_owned(),
        err: "none".to_owned(),
        container: Some(ContainerStatus { container_id: "abc".to_owned(), pid: 42, exit_code: 0 }),
        host_ports: Vec::new(),
        not_ready: Some("exit code 1".to_owned()),
    }
}

fn rule() -> HttpRoute {
    http::parse("shop.example.com/cart,port=80,tls=cert,sticky=1h,timeout=30s").expect("a rule")
}

fn options() -> HttpOptions {
    HttpOptions {
        access_log: AccessLogFormat::Json,
        trusted_peers: vec!["192.0.2.0/24".to_owned()],
        proxy_protocol: true,
    }
}

fn rules(format: Format) -> Vec<HttpRoute> {
    let by_acme = http::parse("acme.example.com,port=80,tls=acme").expect("a rule");
    let all = [(Format::HTTP, rule()), (Format::ACME, by_acme)];
    all.into_iter().filter(|(since, _)| format >= *since).map(|(_, rule)| rule).collect()
}

fn assignments(format: Format) -> Assignments {
    let has_http = format >= Format::HTTP;
    let mut task = task('t');
    task.service_labels.insert("of".to_owned(), "web".to_owned());
    task.attachments = vec![TaskAttachment {
        network_id: id('e'),
        addr: "10.0.101.3/24".parse().expect("an address"),
        aliases: vec!["www".to_owned()],
    }];
    let endpoint = EndpointAssignment {
        network_id: id('e'),
        service_id: id('s'),
        name: "web".to_owned(),
        aliases: vec!["www".to_owned()],
        mode: EndpointMode::Vip,
        vip: Some([10, 0, 101, 2].into()),
        balancing: Balancing::default(),
        ports: vec![IngressPort { protocol: PortProtocol::Udp, published: 8080, target: 80 }],
        http: rules(format),
        tasks: vec![EndpointTask {
            task_id: id('t'),
            addr: [10, 0, 101, 3].into(),
            node_id: id('n'),
            serving: true,
        }],
    };
    let peer = PeerAssignment {
        node_id: id('n'),
        index: NodeIndex(1),
        data_path_addr: [192, 0, 2, 1].into(),
    };
    let attachment = AttachmentAssignment {
        id: id('a'),
        network_id: id('e'),
        node_id: id('n'),
        addr: "10.0.101.4/24".parse().expect("an address"),
        aliases: vec!["box".to_owned()],
        container: Some(AttachedContainer {
            id: "def".to_owned(),
            name: "box".to_owned(),
            running: true,
        }),
        serving: true,
    };
    Assignments {
        generation: Generation(7),
        tasks: [(id('t'), task.into())].into(),
        networks: [(id('e'), network('e').into())].into(),
        peers: [(id('n'), peer.into())].into(),
        endpoints: [((id('e'), id('s')), endpoint.into())].into(),
        attachments: [(id('a'), attachment.into())].into(),
        http: has_http.then(|| HttpAssignment {
            ports: HttpConfig::STANDARD,
            options: if format >= Format::HTTP_OPTIONS {
                options()
            } else {
                HttpOptions::default()
            },
            cookie_key: [7; 32],
        }),
        ..Assignments::default()
    }
}

/// Run once for each format, when it is new.
#[test]
#[ignore = "writes the files that the other test reads"]
fn write() {
    let ledger = Ledger::open(&folder(Format::newest())).expect("opens");
    ledger.write_in(Format::newest());
    ledger.keep_assignments(&assignments(Format::newest())).expect("writes");
    ledger.keep_managers(&managers()).expect("writes");
    ledger.keep_status(&id('t'), &status()).expect("writes");
    ledger.keep_restarts(&id('t'), vec![at(), at()]).expect("writes");
}

#[test]
fn the_ledger_of_every_format_is_read() {
    for format in KEPT {
        let ledger = Ledger::open(&folder(format)).expect("opens");
        let read = ledger.assignments().expect("reads");
        assert_eq!(read, Some(assignments(format)), "format {format}");
        assert_eq!(ledger.managers().expect("reads"), managers());
        assert_eq!(ledger.status(&id('t')), Some(status()));
        assert_eq!(ledger.restarts(&id('t')), [at(), at()]);
    }
}

#[test]
fn a_file_of_a_newer_format_is_refused_and_left_alone() {
    for name in [ASSIGNMENTS, MANAGERS, STATUSES, RESTARTS] {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(name);
        let body = [9, 0x80];
        let content = [Sha256::digest(body).as_slice(), &body].concat();
        std::fs::write(&path, &content).expect("writes");
        let refused = Ledger::open(dir.path()).and_then(|ledger| {
            ledger.assignments()?;
            ledger.managers()
        });
        let error = refused.expect_err("is newer").to_string();
        let expected = format!(
            "{} was written by a newer swarmlite (format 9, this one reads up to {}): upgrade this node",
            path.display(),
            Format::newest()
        );
        assert_eq!(error, expected);
        assert_eq!(std::fs::read(&path).expect("is there"), content);
    }
}

#[test]
fn a_ledger_stays_in_its_format_until_a_manager_says_otherwise() {
    let dir = tempfile::tempdir().expect("a folder");
    let written = || std::fs::read(dir.path().join(MANAGERS)).expect("is there")[DIGEST_LEN];
    let ledger = Ledger::open(dir.path()).expect("opens");
    ledger.write_in(Format::FIRST);
    ledger.keep_assignments(&assignments(Format::FIRST)).expect("writes");
    let ledger = Ledger::open(dir.path()).expect("opens again");
    ledger.keep_managers(&managers()).expect("writes");
    assert_eq!(written(), 1);
    ledger.write_in(Format::UNMARKED);
    ledger.keep_managers(&managers()).expect("writes");
    assert!(written() >= 0x80);
}

#[test]
fn no_damage_to_a_ledger_breaks_anything() {
    let kept = tempfile::tempdir().expect("a folder");
    let mut read = 0;
    for mut case in cases(100) {
        let format = KEPT[case.random_range(0..KEPT.len())];
        for name in [ASSIGNMENTS, MANAGERS, STATUSES, RESTARTS] {
            let content = std::fs::read(folder(format).join(name)).expect("is kept");
            let (mark, sound) =
                content[DIGEST_LEN..].split_at(usize::from(format != Format::UNMARKED));
            let mut body = [mark, &spoiled_messagepack(&mut case, sound)].concat();
            if case.random_range(0..4) == 0 {
                spoil_bytes(&mut case, &mut body);
            }
            // As a disk would not have it: with the right digest.
            let content = [Sha256::digest(&body).as_slice(), &body].concat();
            std::fs::write(kept.path().join(name), content).expect("writes");
        }
        let Ok(ledger) = Ledger::open(kept.path()) else { continue };
        let _managers = ledger.managers();
        read += u32::from(matches!(ledger.assignments(), Ok(Some(_))));
    }
    assert!(read > 0, "some of what is wrong does no harm");
}
