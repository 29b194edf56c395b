//! What tests make tasks from.

use std::sync::Arc;

use swarmlite_proto::agent::NetworkAssignment;
use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::agent::TaskAttachment;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Secret;
use swarmlite_proto::registry::PullCredentials;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::Data;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::spec::FileTarget;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::spec::TaskSpec;
use swarmlite_proto::task_state::TaskState;

/// An id of one letter.
pub(crate) fn id<K: Kind>(letter: char) -> Id<K> {
    letter.to_string().repeat(25).parse().expect("an id")
}

/// Replica 1 of the service `web`, to be running.
pub(crate) fn task(letter: char) -> TaskAssignment {
    let container = ContainerSpec { image: "web:1".to_owned(), ..ContainerSpec::default() };
    TaskAssignment {
        id: id(letter),
        service_id: id('s'),
        service_name: "web".to_owned(),
        service_labels: Labels::new(),
        slot: 1,
        node_id: id('n'),
        spec: Arc::new(TaskSpec { container_spec: Some(container), ..TaskSpec::default() }),
        desired_state: TaskState::Running,
        observed_state: TaskState::Assigned,
        attachments: Vec::new(),
        host_ports: Vec::new(),
        credentials: PullCredentials::None,
        generic_resources: Vec::new(),
        log_driver: None,
    }
}

/// A secret with this content, named by its letter.
pub(crate) fn secret(letter: char, content: &[u8]) -> Secret {
    let data = Data::from(content.to_vec());
    let spec = DocumentSpec { name: letter.to_string(), data, ..DocumentSpec::default() };
    Secret { id: id(letter), meta: Meta::default(), spec }
}

/// How a container has a secret or config of this letter: its id, its name, and its file.
pub(crate) fn reference(letter: char, target: &str) -> (String, String, Option<FileTarget>) {
    // Whoever runs the tests may give files to himself.
    let file = FileTarget {
        name: target.to_owned(),
        uid: nix::unistd::getuid().to_string(),
        gid: nix::unistd::getgid().to_string(),
        ..FileTarget::default()
    };
    (letter.to_string().repeat(25), letter.to_string(), Some(file))
}

/// What the node of [`task`] runs on.
pub(crate) fn platform() -> Platform {
    Platform { architecture: "x86_64".to_owned(), os: "linux".to_owned() }
}

/// A network, `10.0.N.0/24` where N is the letter's number.
pub(crate) fn network(letter: char) -> NetworkAssignment {
    let number = letter as u8;
    NetworkAssignment {
        id: id(letter),
        name: format!("net-{letter}"),
        vni: u32::from(number),
        data_path_port: 4789,
        subnet: format!("10.0.{number}.0/24").parse().expect("a subnet"),
        gateway: [10, 0, number, 1].into(),
        ingress: false,
        internal: false,
        attachable: false,
        labels: Labels::new(),
        options: Labels::new(),
    }
}

/// A task's place on [`network`].
pub(crate) fn attachment(letter: char, host: u8) -> TaskAttachment {
    let addr = format!("10.0.{}.{host}/24", letter as u8).parse().expect("an address");
    TaskAttachment { network_id: id(letter), addr, aliases: Vec::new() }
}
