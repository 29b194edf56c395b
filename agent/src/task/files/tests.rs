use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::error::chain;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::object::Config;
use swarmlite_proto::object::Document;
use swarmlite_proto::object::Secret;
use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::spec::Driver;
use swarmlite_proto::spec::SecretReference;
use tempfile::TempDir;

use super::*;
use crate::assignment::Assignments;
use crate::task::samples::id;
use crate::task::samples::platform;
use crate::task::samples::reference;
use crate::task::samples::secret;
use crate::task::samples::task;

/// Files in a folder of a test.
struct Rig {
    folder: TempDir,
    files: Files,
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Files::new(folder.path().join("memory"), folder.path().join("disk"));
    Rig { folder, files }
}

impl Rig {
    fn deliver(
        &self,
        task: &TaskAssignment,
        documents: &Documents,
    ) -> Result<Vec<Bind>, FilesError> {
        let context = Context { task, node_hostname: "host-1", platform: &platform() };
        self.files.deliver(&context, documents)
    }

    /// The one file of a task: whether it is in memory, and what is in it.
    fn only(&self, task: &TaskAssignment, documents: &Documents) -> (bool, String) {
        let binds = self.deliver(task, documents).expect("delivers");
        let [bind] = binds.as_slice() else { panic!("{binds:?}") };
        let in_memory = bind.source.starts_with(self.folder.path().join("memory"));
        (in_memory, fs::read_to_string(&bind.source).expect("reads"))
    }

    /// The folders that there are, in memory and on disk.
    fn folders(&self) -> Vec<String> {
        let places = ["memory", "disk"].map(|place| self.folder.path().join(place));
        let entries = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten();
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("reads").file_name();
        entries.map(|entry| name(entry).to_string_lossy()[..1].to_owned()).collect()
    }
}

fn with(letter: char, change: impl FnOnce(&mut ContainerSpec)) -> TaskAssignment {
    let mut task = task(letter);
    let mut spec = (*task.spec).clone();
    change(spec.container_spec.as_mut().expect("a container"));
    task.spec = spec.into();
    task
}

fn has_secret(container: &mut ContainerSpec, letter: char, target: &str) {
    let (secret_id, secret_name, file) = reference(letter, target);
    container.secrets.push(SecretReference { file, secret_id, secret_name });
}

fn has_config(container: &mut ContainerSpec, letter: char, target: &str) {
    let (config_id, config_name, file) = reference(letter, target);
    container.configs.push(ConfigReference { file, runtime: None, config_id, config_name });
}

fn document<K: Kind>(letter: char, content: &str, templated: bool) -> Document<Id<K>> {
    let golang = Driver { name: DocumentSpec::GOLANG.to_owned(), ..Driver::default() };
    let spec = DocumentSpec {
        name: letter.to_string(),
        data: content.as_bytes().to_vec().into(),
        templating: templated.then_some(golang),
        ..DocumentSpec::default()
    };
    Document { id: id(letter), meta: Default::default(), spec }
}

fn known(secrets: Vec<Secret>, configs: Vec<Config>) -> Documents {
    let mut known = Assignments::default();
    known.secrets.extend(secrets.into_iter().map(|one| (one.id.clone(), Arc::new(one))));
    known.configs.extend(configs.into_iter().map(|one| (one.id.clone(), Arc::new(one))));
    Documents { secrets: known.secrets, configs: known.configs }
}

#[test]
fn secrets_are_in_memory_and_configs_on_disk_with_owner_and_mode() {
    let rig = rig();
    let task = with('a', |container| {
        has_secret(container, 's', "tls");
        has_secret(container, 's', "/etc/tls");
        container.secrets[1].file.as_mut().expect("some").mode = 0o400;
        has_config(container, 'c', "site");
    });
    let documents = known(vec![secret('s', b"\xffkey")], vec![document('c', "site", false)]);
    let binds = rig.deliver(&task, &documents).expect("delivers");
    let targets: Vec<_> = binds.iter().map(|bind| bind.target.as_str()).collect();
    assert_eq!(targets, ["/run/secrets/tls", "/etc/tls", "/site"]);
    for (bind, (place, content, mode)) in binds.iter().zip([
        ("memory", b"\xffkey".as_slice(), 0o444),
        ("memory", b"\xffkey", 0o400),
        ("disk", b"site", 0o444),
    ]) {
        assert!(bind.source.starts_with(rig.folder.path().join(place)), "{bind:?}");
        assert_eq!(fs::read(&bind.source).expect("reads"), content);
        let metadata = fs::metadata(&bind.source).expect("is there");
        assert_eq!(metadata.mode() & 0o7777, mode, "{bind:?}");
        assert_eq!(metadata.uid(), nix::unistd::getuid().as_raw());
        let folder = bind.source.parent().expect("a folder");
        assert_eq!(fs::metadata(folder).expect("is there").mode() & 0o777, 0o700);
    }
}

#[test]
fn what_is_there_stays_whatever_is_known() {
    let rig = rig();
    let task = with('a', |container| has_secret(container, 's', "tls"));
    let missing = rig.deliver(&task, &Documents::default()).expect_err("is not known");
    assert_eq!(missing.to_string(), "secret s has not come from the managers yet");
    assert!(rig.folders().is_empty());
    let binds = rig.deliver(&task, &known(vec![secret('s', b"key")], vec![])).expect("delivers");
    let inode = fs::metadata(&binds[0].source).expect("is there").ino();
    // After a restart of the agent, without managers.
    assert_eq!(rig.deliver(&task, &Documents::default()).expect("is there"), binds);
    assert_eq!(fs::metadata(&binds[0].source).expect("is there").ino(), inode);
}

#[test]
fn an_unfinished_file_does_not_count() {
    let rig = rig();
    let task = with('a', |container| has_secret(container, 's', "tls"));
    let documents = known(vec![secret('s', b"key")], vec![]);
    let folder = rig.folder.path().join("memory").join(task.id.as_str());
    fs::create_dir_all(&folder).expect("makes it");
    fs::write(folder.join("secret-0.new"), b"to").expect("writes it");
    assert_eq!(rig.only(&task, &documents), (true, "key".to_owned()));
    assert!(!folder.join("secret-0.new").exists());
}

#[test]
fn files_go_with_their_task_and_leftovers_too() {
    let rig = rig();
    let documents = known(vec![secret('s', b"key")], vec![document('c', "site", false)]);
    for letter in ['a', 'b', 'd'] {
        let task = with(letter, |container| {
            has_secret(container, 's', "tls");
            has_config(container, 'c', "site");
        });
        rig.deliver(&task, &documents).expect("delivers");
    }
    let sorted = || {
        let mut folders = rig.folders();
        folders.sort();
        folders.concat()
    };
    assert_eq!(sorted(), "aabbdd");
    rig.files.remove(&id('a')).expect("removes");
    rig.files.remove(&id('a')).expect("is gone already");
    assert_eq!(sorted(), "bbdd");
    rig.files.sweep(|name| name.starts_with('b')).expect("removes");
    assert_eq!(sorted(), "bb");
}

#[test]
fn placeholders_stand_for_the_task_and_for_what_it_has() {
    let rig = rig();
    let text =
        "{{.Service.Name}}.{{.Task.Slot}} {{config `site`}} {{ env \"who\" }} {{env \"none\"}}";
    let task = with('a', |container| {
        has_config(container, 't', "rendered");
        has_config(container, 'c', "site");
        container.env = vec!["WHO={{.Node.Hostname}}".to_owned()];
    });
    let configs = vec![document('t', text, true), document('c', "{{x}}", false)];
    let binds = rig.deliver(&task, &known(vec![], configs)).expect("delivers");
    let rendered = fs::read_to_string(&binds[0].source).expect("reads");
    assert_eq!(rendered, "web.1 {{x}} host-1 ");
    assert!(binds[0].source.starts_with(rig.folder.path().join("disk")), "nothing secret in it");
}

#[test]
fn a_config_with_a_secret_in_it_is_secret() {
    let rig = rig();
    let task = with('a', |container| has_config(container, 't', "rendered"));
    let templated = || vec![document('t', "key={{secret \"tls\"}}", true)];
    let documents = || known(vec![secret('s', b"hush")], templated());
    let refused = rig.deliver(&task, &documents()).expect_err("the container has no such secret");
    assert_eq!(chain(&refused), "config t: expanding template failed: secret target tls not found");
    let task = with('a', |container| {
        has_config(container, 't', "rendered");
        has_secret(container, 's', "tls");
        container.secrets[0].file.as_mut().expect("some").name = "tls".to_owned();
    });
    let waits = rig.deliver(&task, &known(vec![], templated())).expect_err("is not known");
    assert!(matches!(waits, FilesError::Missing { kind: "secret", .. }), "{waits}");
    let binds = rig.deliver(&task, &documents()).expect("delivers");
    let rendered = binds.iter().find(|bind| bind.target == "/rendered").expect("is there");
    assert_eq!(fs::read_to_string(&rendered.source).expect("reads"), "key=hush");
    assert!(rendered.source.starts_with(rig.folder.path().join("memory")));
}

#[test]
fn what_is_not_templated_is_left_alone() {
    let rig = rig();
    let task = with('a', |container| has_config(container, 'c', "site"));
    let text = "{{.Nonsense}} {{";
    let documents = known(vec![], vec![document('c', text, false)]);
    assert_eq!(rig.only(&task, &documents), (false, text.to_owned()));
}
