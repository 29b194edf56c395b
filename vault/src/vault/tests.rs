use std::os::unix::fs::PermissionsExt;

use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoil_bytes;
use swarmlite_proto::testing::spoiled_json;
use tempfile::TempDir;

use super::*;

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n";

/// A vault with keys, in a folder of its own.
fn filled(lock: Option<UnlockKey>) -> (TempDir, Vault) {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = again(&dir);
    assert!(vault.is_empty());
    vault.fill(lock).expect("writes");
    (dir, vault)
}

/// What the next start finds.
fn again(dir: &TempDir) -> Vault {
    Vault::open(&dir.path().join("deep/keys.json")).expect("reads")
}

fn unlock_key() -> UnlockKey {
    UnlockKey::random(&mut rand::rng())
}

fn seal(vault: &Vault) -> Vec<u8> {
    vault.sealer().seal(Purpose::Log, b"", b"record").expect("seals")
}

fn opens(vault: &Vault, sealed: &[u8]) -> bool {
    vault.sealer().open(Purpose::Log, b"", sealed).is_ok()
}

#[test]
fn without_a_lock_keys_are_there_at_the_next_start() {
    let (dir, vault) = filled(None);
    let sealed = seal(&vault);
    let later = again(&dir);
    assert!(opens(&later, &sealed));
    assert!(!*later.locked().borrow());
    assert_eq!(later.unlock(&unlock_key()), Err(UnlockError::NotLocked));
    let mode = fs::metadata(dir.path().join("deep/keys.json")).expect("is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    later.clear().expect("removes");
    assert!(again(&dir).is_empty());
    assert!(!opens(&later, &sealed));
}

#[test]
fn with_a_lock_only_its_key_opens() {
    let key = unlock_key();
    let (dir, vault) = filled(Some(key.clone()));
    let sealed = seal(&vault);
    let later = again(&dir);
    let locked = later.locked();
    assert!(*locked.borrow());
    assert!(!opens(&later, &sealed));
    later.seal_node_key(PEM).expect_err("is locked");
    later.set_lock(None, Version::at(1)).expect_err("is locked");
    assert_eq!(later.unlock(&unlock_key()), Err(UnlockError::WrongKey));
    assert!(*locked.borrow());
    later.unlock(&key).expect("is the key");
    assert!(opens(&later, &sealed));
    assert!(!*locked.borrow());
    assert_eq!(later.unlock_key(), Some(key));
}

#[test]
fn a_lock_comes_changes_and_goes() {
    let (first, second) = (unlock_key(), unlock_key());
    let (dir, vault) = filled(None);
    let before = seal(&vault);
    assert!(vault.set_lock(Some(first.clone()), Version::at(5)).expect("writes"));
    assert!(vault.has_old_keys(), "the one that lay open on the disk");
    let with_new_key = seal(&vault);
    assert!(opens(&vault, &before), "until everything is sealed anew");
    vault.drop_old_keys().expect("writes");
    assert!(!opens(&vault, &before));
    assert!(vault.set_lock(Some(second.clone()), Version::at(7)).expect("writes"));
    assert!(!vault.has_old_keys(), "the keys were not to be read before");
    assert_eq!(again(&dir).unlock(&first), Err(UnlockError::WrongKey));
    let later = again(&dir);
    later.unlock(&second).expect("is the key");
    assert!(opens(&later, &with_new_key));
    assert!(!later.set_lock(None, Version::at(6)).expect("is read"), "an old state of the cluster");
    assert_eq!(later.unlock_key(), Some(second));
    assert!(later.set_lock(None, Version::at(8)).expect("writes"));
    assert!(opens(&again(&dir), &with_new_key));
}

#[test]
fn the_key_of_the_certificate_is_sealed_while_there_is_a_lock() {
    let (_dir, vault) = filled(None);
    assert_eq!(vault.seal_node_key(PEM).expect("is open"), PEM);
    vault.set_lock(Some(unlock_key()), Version::at(1)).expect("writes");
    let sealed = vault.seal_node_key(PEM).expect("is open");
    assert!(!sealed.contains("PRIVATE KEY") && !sealed.contains("MIGH"), "{sealed}");
    assert_eq!(vault.open_node_key(sealed.clone()).expect("was sealed here"), PEM);
    assert_eq!(vault.open_node_key(PEM.to_owned()).expect("was never sealed"), PEM);
    vault.set_lock(None, Version::at(2)).expect("writes");
    assert_eq!(vault.open_node_key(sealed.clone()).expect("a crash came in between"), PEM);
    let (_other, other) = filled(None);
    assert_eq!(other.open_node_key(sealed), Err(OpenError::Damaged));
}

#[test]
fn a_file_that_holds_no_keys_is_refused() {
    let (dir, _vault) = filled(None);
    let path = dir.path().join("deep/keys.json");
    let good = fs::read_to_string(&path).expect("is there");
    for damaged in [
        "",
        "{}",
        "SWMKEY",
        &good.replace("false", "7"),
        &good.replace("\"format\": 1", "\"format\": 0"),
    ] {
        fs::write(&path, damaged).expect("writes");
        let error = Vault::open(&path).expect_err(damaged);
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
    fs::write(&path, good.replace("\"format\": 1", "\"format\": 2")).expect("writes");
    let error = Vault::open(&path).expect_err("is newer").to_string();
    let refused =
        "was written by a newer swarmlite (format 2, this one reads up to 1): upgrade this node";
    assert_eq!(error, format!("{} {refused}", path.display()));
}

#[test]
fn no_damage_to_the_file_breaks_anything() {
    let log = BTreeMap::from([(FIRST, Key::for_tests(1)), (u32::MAX, Key::for_tests(2))]);
    let sound = Keys { lock_version: Version::at(3), node: Key::for_tests(3), log };
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("keys.json");
    for mut case in cases(200) {
        let keys = STANDARD.encode(spoiled_json(&mut case, &sound));
        let mut text =
            serde_json::to_vec(&File { format: FORMAT, locked: false, keys }).expect("is JSON");
        if case.number.is_multiple_of(4) {
            spoil_bytes(&mut case, &mut text);
        }
        fs::write(&path, text).expect("writes");
        let Ok(vault) = Vault::open(&path) else { continue };
        let _sealed = vault.sealer().seal(Purpose::Log, b"", b"record");
        let _unlocked = vault.unlock(&unlock_key());
        let _locked = vault.set_lock(Some(unlock_key()), Version::at(4));
        let _dropped = vault.drop_old_keys();
    }
}

#[test]
fn there_is_no_key_after_the_last_number() {
    let log = BTreeMap::from([(u32::MAX, Key::for_tests(1))]);
    let keys = Keys { lock_version: Version::at(3), node: Key::for_tests(3), log };
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("keys.json");
    write(&path, &print(&keys, None).expect("is JSON")).expect("writes");
    let vault = Vault::open(&path).expect("reads");
    let refused = vault.set_lock(Some(unlock_key()), Version::at(4)).expect_err("cannot be");
    assert!(matches!(refused, VaultError::Damaged(_)), "{refused}");
    assert_eq!(vault.unlock_key(), None);
}
