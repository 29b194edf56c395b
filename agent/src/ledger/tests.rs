use std::fs;
use std::sync::Arc;

use swarmlite_proto::registry::PullCredentials;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::version::Generation;

use super::*;
use crate::task::samples::secret;

fn known(generation: u64) -> Assignments {
    Assignments { generation: Generation(generation), ..Assignments::default() }
}

fn task(letter: char) -> TaskId {
    letter.to_string().repeat(25).parse().expect("an id")
}

#[test]
fn no_secret_and_no_config_is_ever_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::open(folder.path()).expect("opens");
    let mut assignments = known(7);
    let secret = secret('s', b"correct horse battery staple");
    assignments.secrets.insert(secret.id.clone(), Arc::new(secret));
    ledger.keep_assignments(&assignments).expect("writes");
    let written = fs::read(folder.path().join(ASSIGNMENTS)).expect("reads");
    let value = b"correct horse".as_slice();
    assert!(!written.windows(value.len()).any(|part| part == value));
    assert_eq!(ledger.assignments().expect("reads"), Some(known(7)));
}

#[test]
fn what_was_kept_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let managers = vec!["192.0.2.1:2377".parse().expect("an address")];
    let failed = TaskStatus { state: TaskState::Failed, ..TaskStatus::default() };
    let ledger = Ledger::open(folder.path()).expect("opens");
    assert_eq!(ledger.assignments().expect("reads"), None);
    ledger.keep_assignments(&known(7)).expect("writes");
    ledger.keep_managers(&managers).expect("writes");
    ledger.keep_status(&task('a'), &failed).expect("writes");
    ledger.keep_restarts(&task('a'), vec![Timestamp::EPOCH]).expect("writes");

    let ledger = Ledger::open(folder.path()).expect("opens again");
    assert_eq!(ledger.assignments().expect("reads"), Some(known(7)));
    assert_eq!(ledger.managers().expect("reads"), managers);
    assert_eq!(ledger.status(&task('a')), Some(failed));
    assert_eq!(ledger.restarts(&task('a')), [Timestamp::EPOCH]);

    ledger.forget_tasks(&known(8)).expect("writes");
    let ledger = Ledger::open(folder.path()).expect("opens again");
    assert_eq!(ledger.status(&task('a')), None);
    assert!(ledger.restarts(&task('a')).is_empty());
    ledger.clear().expect("removes");
    assert_eq!(ledger.assignments().expect("reads"), None);
}

#[test]
fn credentials_do_not_come_to_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let password = "correct horse".to_owned();
    let auth = RegistryAuth { password, ..RegistryAuth::default() };
    let mut task = crate::task::samples::task('a');
    task.credentials = PullCredentials::Known(auth);
    let mut known = known(1);
    known.tasks.insert(task.id.clone(), task.into());
    let ledger = Ledger::open(folder.path()).expect("opens");
    ledger.keep_assignments(&known).expect("writes");
    let content = fs::read(folder.path().join(ASSIGNMENTS)).expect("is there");
    assert!(!content.windows(7).any(|bytes| bytes == b"correct"));
    let read = ledger.assignments().expect("reads").expect("is there");
    let task = read.tasks.values().next().expect("is kept");
    assert_eq!(task.credentials, PullCredentials::Withheld);
}

#[test]
fn a_write_that_was_torn_leaves_the_old_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::open(folder.path()).expect("opens");
    ledger.keep_assignments(&known(1)).expect("writes");
    let whole = fs::read(folder.path().join(ASSIGNMENTS)).expect("is there");
    fs::write(folder.path().join("assignments.new"), &whole[..5]).expect("a crash");
    assert_eq!(ledger.assignments().expect("reads"), Some(known(1)));
    ledger.keep_assignments(&known(2)).expect("writes");
    assert_eq!(ledger.assignments().expect("reads"), Some(known(2)));
}

#[test]
fn no_damage_goes_unnoticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(ASSIGNMENTS);
    let ledger = Ledger::open(folder.path()).expect("opens");
    ledger.keep_assignments(&known(1)).expect("writes");
    let whole = fs::read(&path).expect("is there");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("cuts it");
        assert_eq!(ledger.assignments().expect("reads"), None, "cut at {length}");
    }
    for position in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[position] ^= 1;
        fs::write(&path, flipped).expect("flips a bit");
        assert_eq!(ledger.assignments().expect("reads"), None, "flipped at {position}");
    }
}
