//! Tasks with secrets.

use swarmlite_proto::spec::SecretReference;

use super::*;
use crate::task::samples::reference;
use crate::task::samples::secret;

/// A task with a secret that the node does, or does not, know.
fn with_secret(known: bool) -> Assigned {
    let mut assigned = assigned(|task| {
        let mut spec = (*task.spec).clone();
        let container = spec.container_spec.as_mut().expect("a container");
        let (secret_id, secret_name, file) = reference('s', "tls");
        container.secrets = vec![SecretReference { file, secret_id, secret_name }];
        task.spec = spec.into();
    });
    if known {
        let secret = secret('s', b"key");
        assigned.documents.secrets.insert(secret.id.clone(), Arc::new(secret));
    }
    assigned
}

/// The file of the secret.
fn file(rig: &Rig) -> std::path::PathBuf {
    rig.folder.path().join("memory").join("a".repeat(25)).join("secret-0")
}

#[tokio::test(start_paused = true)]
async fn a_task_waits_for_its_secret_and_does_not_fail() {
    let rig = Rig::new(FakeRuntime::new(), with_secret(false));
    rig.reaches(TaskState::Preparing).await;
    tokio::time::sleep(RESYNC * 20).await;
    rig.reaches(TaskState::Preparing).await;
    assert_eq!(rig.calls(), Vec::<String>::new());
    rig.orders.send_replace(Order::Keep(with_secret(true)));
    rig.reaches(TaskState::Running).await;
    assert_eq!(std::fs::read(file(&rig)).expect("is there"), b"key");
}

#[tokio::test(start_paused = true)]
async fn a_container_started_again_has_its_files() {
    let rig = Rig::new(FakeRuntime::new(), with_secret(true));
    rig.reaches(TaskState::Running).await;
    rig.attached().await;
    // The secret is not known any more, but its file is there.
    rig.session.send_replace(SessionState::Lost("gone".to_owned()));
    rig.orders.send_replace(Order::Keep(with_secret(false)));
    rig.runtime.exit(&rig.name, 1);
    rig.runtime.until(|state| starts(state) == 2).await;
    // The machine was restarted: the file is gone as well, and comes back with the managers.
    std::fs::remove_file(file(&rig)).expect("was there");
    rig.runtime.exit(&rig.name, 1);
    tokio::time::sleep(RESYNC * 20).await;
    assert_eq!(starts(&rig.runtime.state()), 2, "nothing to start it with");
    rig.reaches(TaskState::Running).await;
    rig.orders.send_replace(Order::Keep(with_secret(true)));
    rig.runtime.until(|state| starts(state) == 3).await;
    assert_eq!(std::fs::read(file(&rig)).expect("is there"), b"key");
}

#[tokio::test(start_paused = true)]
async fn the_files_go_when_the_task_has_ended() {
    let rig = Rig::new(FakeRuntime::new(), with_secret(true));
    rig.reaches(TaskState::Running).await;
    assert!(file(&rig).exists());
    rig.order(TaskState::Shutdown);
    rig.reaches(TaskState::Shutdown).await;
    assert!(matches!(rig.runtime.container(&rig.name), Container::Exited { .. }), "it is kept");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!file(&rig).exists());
}

fn starts(state: &crate::task::fake::State) -> usize {
    state.calls.iter().filter(|call| call.starts_with("start ")).count()
}
