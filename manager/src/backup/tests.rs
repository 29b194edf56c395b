//! What is in the file, what is refused, and the cluster that is made of one.

use std::path::Path;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use swarmlite_proto::format::Format;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoiled_messagepack;
use swarmlite_proto::version::Version;
use swarmlite_rpc::tls::peer_of_pem;

use super::restoring::Restored;
use super::restoring::restored;
use super::*;
use crate::ca::admission;
use crate::ca::tests::founded;
use crate::state::Op;
use crate::state::fixture::commit;
use crate::state::fixture::node;
use crate::state::fixture::rng;
use crate::state::fixture::service;
use crate::state::fixture::task;

/// When the backups here were written.
fn written() -> Timestamp {
    Timestamp::EPOCH + Duration::from_secs(1_800_000_000)
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse").expect("is not empty")
}

/// A cluster of two managers, a worker and a service, and the first of its nodes.
fn cluster() -> (State, NodeId) {
    let (mut state, identity) = founded();
    let mut second = node(2, 2);
    second.role = NodeRole::Manager;
    second.manager =
        Some(ManagerRecord { raft_id: 2, addr: "192.0.2.2:2377".parse().expect("an address") });
    let ops = vec![
        Op::PutNode(Box::new(second)),
        Op::PutNode(Box::new(node(3, 3))),
        Op::PutService(Box::new(service(1, "web"))),
    ];
    commit(&mut state, ops).expect("is sound");
    (state, identity.node_id)
}

fn backup() -> Backup {
    let (state, node_id) = cluster();
    Backup::of(state, node_id, written()).expect("is a manager")
}

/// One file for all tests: each sealing takes its time.
static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| backup().seal(&passphrase()).expect("seals"));

fn identity(backup: &Backup) -> Identity {
    let (cluster, writer) = (backup.cluster().expect("one"), backup.writer().expect("one"));
    admission::identity(cluster, writer, &mut rng(1), written()).expect("signs")
}

fn restore(backup: &Backup, later: Duration) -> Restored {
    let addr = "192.0.2.9:2377".parse().expect("an address");
    restored(backup, identity(backup), addr, written() + later).expect("can be")
}

#[test]
fn what_was_written_is_read() {
    let read = Backup::open(&SEALED, &passphrase()).expect("opens");
    let before = Backup { origin: read.origin.clone(), ..backup() };
    // Each founding has an authority of its own.
    let nodes = |backup: &Backup| backup.state.nodes().keys().cloned().collect::<Vec<_>>();
    assert_eq!(nodes(&read), nodes(&before));
    let summary = read.summary().expect("is of a cluster");
    assert_eq!(summary.created_at, written());
    assert_eq!(summary.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(Some(summary.cluster_id), read.state.cluster().map(|cluster| cluster.id.clone()));
    assert_eq!((summary.nodes, summary.managers), (3, 2));
    assert_eq!((summary.services, summary.networks, summary.secrets), (1, 1, 0));
    let at = SEALED.windows(9).position(|bytes| bytes == MAGIC);
    assert_eq!(at, None, "it is encrypted");
}

/// What the record is, sealed, with these bytes in front of it.
fn sealed(begins: &[u8]) -> Vec<u8> {
    passphrase().seal(&[begins, &[0x80]].concat()).expect("seals")
}

#[test]
fn what_is_wrong_with_a_file_is_one_sentence() {
    let mut flipped = SEALED.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let newest = Format::newest();
    let newer = format!(
        "the backup was written by a newer swarmlite (format 9, this one reads up to {newest}): upgrade this node"
    );
    let other = Passphrase::new("correct house").expect("is not empty");
    for (file, passphrase, sentence) in [
        (&SEALED[..40], passphrase(), "cannot open the backup: it was cut off"),
        (&SEALED[..last], passphrase(), "cannot open the backup: it is damaged"),
        (&flipped, passphrase(), "cannot open the backup: it is damaged"),
        (
            &SEALED,
            other,
            "cannot open the backup: the passphrase is wrong, or the file is damaged where it begins",
        ),
        (
            b"{}",
            passphrase(),
            "cannot open the backup: it is not encrypted with a passphrase: it is no file of age",
        ),
        (
            &sealed(b"hello"),
            passphrase(),
            "this is no backup of a swarm, although the passphrase opens it",
        ),
        (&sealed(&[MAGIC, &[9]].concat()), passphrase(), &newer),
    ] {
        let error = Backup::open(file, &passphrase).expect_err(sentence);
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn only_a_manager_of_the_cluster_writes_one() {
    let (state, _) = cluster();
    for id in [node(3, 3).id, node(4, 4).id] {
        let error = Backup::of(state.clone(), id.clone(), written()).expect_err("is no manager");
        assert!(error.to_string().ends_with("which wrote it, is no manager in it"), "{error}");
    }
    let error = Backup::of(State::default(), node(3, 3).id, written()).expect_err("is empty");
    assert_eq!(error.to_string(), "no swarm can be made of the backup: it has no swarm in it");
}

#[test]
fn one_manager_goes_on_with_everything() {
    let backup = backup();
    let Restored { state, raft_id, identity, unlock_key } =
        restore(&backup, Duration::from_secs(9));
    let before = backup.state.cluster().expect("there is one");
    let cluster = state.cluster().expect("there is one");
    assert_eq!((&cluster.id, &cluster.root_ca), (&before.id, &before.root_ca));
    assert_eq!(cluster.join_tokens, before.join_tokens);
    assert_eq!((unlock_key, cluster.next_raft_id), (None, raft_id + 1));
    assert_eq!(
        state.services().keys().collect::<Vec<_>>(),
        backup.state.services().keys().collect::<Vec<_>>()
    );
    assert_eq!(state.nodes().len(), 3);
    let managers: Vec<_> = state.nodes().values().filter(|node| node.manager.is_some()).collect();
    let [manager] = managers[..] else { panic!("{managers:?}") };
    assert_eq!(manager.id, backup.origin.node_id);
    let addr = "192.0.2.9:2377".parse().expect("an address");
    assert_eq!(manager.manager, Some(ManagerRecord { raft_id, addr }));
    let peer = peer_of_pem(&identity.certificate).expect("is of a node");
    assert_eq!((&peer.node_id, &peer.cluster_id), (&manager.id, &cluster.id));
    assert_eq!(peer.role, NodeRole::Manager);
    state.assert_sound();
}

#[test]
fn what_ran_on_the_machine_itself_is_to_be_heard_of_first() {
    let mut backup = backup();
    let web = backup.state.service_by_name("web").cloned().expect("there is one");
    let (here, elsewhere) = (backup.origin.node_id.clone(), node(3, 3).id);
    let mut tasks = [task(11, &web, 1), task(12, &web, 2)];
    for (task, node) in tasks.iter_mut().zip([&here, &elsewhere]) {
        task.node_id = Some(node.clone());
        task.status.state = TaskState::Running;
    }
    let ops = tasks.iter().map(|task| Op::PutTask(Box::new(task.clone()))).collect();
    commit(&mut backup.state, ops).expect("is sound");
    let restored = restore(&backup, Duration::ZERO).state;
    let ready = tasks.map(|task| restored.tasks()[&task.id].status.is_ready());
    assert_eq!(ready, [false, true]);
}

#[test]
fn whatever_came_after_the_backup_is_older() {
    let (backup, hour) = (backup(), Duration::from_secs(3600));
    let first = restore(&backup, hour);
    assert!(first.state.applied() > backup.state.applied() + 1_000_000);
    assert_eq!(first.raft_id, first.state.applied());
    assert_eq!(first.state.cluster().map(|it| it.restored), Some(Version::at(first.raft_id)));
    // Restored once more from the same file, after that cluster has written for an hour.
    let second = restore(&backup, 2 * hour);
    assert!(second.state.applied() > first.state.applied() + 3_000_000);
}

#[test]
fn a_clock_before_the_backup_is_refused() {
    let addr = "192.0.2.9:2377".parse().expect("an address");
    let past = Timestamp::EPOCH + Duration::from_secs(1_799_999_999);
    let backup = backup();
    let refused = restored(&backup, identity(&backup), addr, past).expect_err("is older");
    assert_eq!(
        refused.message,
        "the backup was written at 2027-01-15T08:00:00Z, and by the clock of this machine it is 2027-01-15T07:59:59Z: set the clock first"
    );
}

/// The formats of which a file is kept.
const KEPT: [Format; 4] = [Format::FIRST, Format::HTTP, Format::ACME, Format::HTTP_OPTIONS];

/// The file that was written when this was the newest format. It is never written again: a change that makes a test fail on it would make
/// the backups of users useless.
fn golden(format: Format) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/backup/golden/format-{format}.age"))
}

/// Run once for each format, when it is new.
#[test]
#[ignore = "writes the file that the other test reads"]
fn write() {
    std::fs::write(golden(Format::newest()), &*SEALED).expect("writes");
}

#[test]
fn the_backup_of_every_format_is_read() {
    for format in KEPT {
        let file = std::fs::read(golden(format)).expect("is kept");
        let backup = Backup::open(&file, &passphrase()).expect("opens");
        let summary = backup.summary().expect("is of a cluster");
        assert_eq!((summary.format, summary.created_at), (format, written()));
        assert_eq!((summary.nodes, summary.managers, summary.services), (3, 2, 1));
        assert!(backup.state.service_by_name("web").is_some());
        restore(&backup, Duration::ZERO);
    }
}

#[test]
fn no_damage_to_a_record_breaks_anything() {
    let text = passphrase().open(&SEALED).expect("opens");
    let (before, record) = text.split_at(MAGIC.len() + 1);
    let addr = "192.0.2.9:2377".parse().expect("an address");
    let mut made = 0;
    for mut case in cases(200) {
        let damaged = [before, &spoiled_messagepack(&mut case, record)].concat();
        let Ok(backup) = Backup::read(&damaged) else { continue };
        let _summary = backup.summary().map(|summary| serde_json::to_string(&summary));
        let (Ok(cluster), Ok(writer)) = (backup.cluster(), backup.writer()) else { continue };
        let identity = admission::identity(cluster, writer, &mut *case, written());
        let outcome = identity.and_then(|it| restored(&backup, it, addr, written()));
        made += u32::from(outcome.is_ok());
    }
    assert!(made > 0, "some of what is wrong does no harm");
}
