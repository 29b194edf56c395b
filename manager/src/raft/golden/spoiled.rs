//! The kept files with something wrong in them. They are read or refused, and nothing breaks.

use std::fs::File;
use std::io::Read;

use openraft::EntryPayload;
use rand::RngExt;
use swarmlite_proto::testing::Case;
use swarmlite_proto::testing::cases;
use swarmlite_proto::testing::spoil_bytes;
use swarmlite_proto::testing::spoiled_messagepack;
use swarmlite_vault::SealedReader;

use super::*;
use crate::state::State;

/// A record in `format` with something wrong in it.
fn spoiled(case: &mut Case, format: Format, record: &[u8]) -> Vec<u8> {
    let mut record = if format == Format::UNMARKED {
        spoiled_messagepack(case, record)
    } else {
        [&record[..1], &spoiled_messagepack(case, &record[1..])].concat()
    };
    if case.random_range(0..4) == 0 {
        spoil_bytes(case, &mut record);
    }
    record
}

#[tokio::test]
async fn no_damage_to_a_log_breaks_anything() {
    let mut read = 0;
    for mut case in cases(300) {
        let format = KEPT[case.random_range(0..KEPT.len())];
        let mut items = log_of(format);
        let which = case.random_range(0..items.len());
        let (key, value) = items.iter().nth(which).expect("is there");
        let (mut key, value) = (key.clone(), spoiled(&mut case, format, value));
        items.remove(&key);
        if case.random_range(0..8) == 0 {
            spoil_bytes(&mut case, &mut key);
        }
        items.insert(key, value);
        let Ok((mut log, _writer)) =
            LogStore::load(MemoryDisk { items: Arc::new(Mutex::new(items)) })
        else {
            continue;
        };
        let _extent = log.extent();
        let mut state = State::default();
        for entry in log.try_get_log_entries(..).await.expect("reads") {
            let EntryPayload::Normal(transactions) = entry.payload else { continue };
            for transaction in transactions.into_list() {
                let _outcome = state.apply(entry.log_id.index, transaction);
            }
        }
        state.assert_sound();
        read += 1;
    }
    assert!(read > 0, "some of what is wrong does no harm");
}

#[tokio::test]
async fn a_log_that_is_at_the_end_of_all_numbers_is_damaged() {
    let last = |format| {
        let purged = openraft::LogId::new(openraft::CommittedLeaderId::new(1, 1), u64::MAX);
        swarmlite_proto::format::encode(format, &purged).expect("encodes")
    };
    let mut items = log_of(Format::FIRST);
    items.insert(b"p".to_vec(), last(Format::FIRST));
    let refused = LogStore::load(MemoryDisk { items: Arc::new(Mutex::new(items)) });
    let refused = refused.err().expect("nothing comes after it");
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
}

#[test]
fn no_damage_to_a_snapshot_breaks_anything() {
    let dir = tempfile::tempdir().expect("a directory");
    let records: Vec<_> = KEPT.into_iter().map(|format| (format, record_of(format))).collect();
    let mut read = 0;
    for mut case in cases(200) {
        let (format, record) = &records[case.random_range(0..records.len())];
        let damaged = spoiled(&mut case, *format, record);
        let file = File::create(dir.path().join("snapshot")).expect("a file");
        let mut writer = SealedWriter::new(file, sealer(&[1]), Purpose::Snapshot).expect("begins");
        writer.write_all(&damaged).expect("writes");
        writer.finish().expect("ends");
        let Ok((_, current)) = Snapshots::open(dir.path(), sealer(&[1])) else { continue };
        let (_meta, state) = current.expect("is there");
        let _index = state.index_past_all(swarmlite_proto::time::Timestamp::EPOCH);
        state.assert_sound();
        read += 1;
    }
    assert!(read > 0, "some of what is wrong does no harm");
}

/// What is in the snapshot of a format.
fn record_of(format: Format) -> Vec<u8> {
    let file = File::open(folder(format).join("snapshot")).expect("is kept");
    let mut record = Vec::new();
    let mut reader = SealedReader::new(file, sealer(&[1]), Purpose::Snapshot).expect("is sealed");
    reader.read_to_end(&mut record).expect("opens");
    record
}

#[test]
fn no_message_with_entries_breaks_anything() {
    for mut case in cases(300) {
        let format = KEPT[case.random_range(0..KEPT.len())];
        let sent = messagepack::encode(&entries(format)).expect("encodes");
        let damaged = spoiled_messagepack(&mut case, &sent);
        let _read = messagepack::decode::<Vec<Entry>>(&damaged);
    }
}
