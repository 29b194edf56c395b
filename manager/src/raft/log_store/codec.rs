//! How the log lies on the disk.
//!
//! Keys are one byte of kind, then for entries the index and the number of the part, big-endian, so that their order is the log's. Values are
//! records ([`swarmlite_proto::format`]). An entry is split into parts, as sled never gives back the space of values above about 100 KB.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;
use swarmlite_proto::format;
use swarmlite_proto::format::Format;

use super::Cache;
use super::Cached;
use crate::raft::disk::Batch;
use crate::raft::types::Entry;
use crate::raft::types::LogId;
use crate::raft::types::Vote;

/// The most bytes in one value.
pub(super) const MAX_VALUE: usize = 64 * 1024;

const VOTE: &[u8] = b"v";
const COMMITTED: &[u8] = b"c";
const PURGED: &[u8] = b"p";
const ENTRY: u8 = b'e';

/// The batch that stores the vote.
pub(super) fn vote(format: Format, vote: &Vote) -> io::Result<Batch> {
    single(format, VOTE, vote)
}

/// The batch that stores the last committed entry.
pub(super) fn committed(format: Format, committed: Option<LogId>) -> io::Result<Batch> {
    single(format, COMMITTED, &committed)
}

/// The batch that stores the last purged entry.
pub(super) fn purged(format: Format, purged: &LogId) -> io::Result<Batch> {
    single(format, PURGED, purged)
}

fn single(format: Format, key: &[u8], value: &impl Serialize) -> io::Result<Batch> {
    let value = format::encode(format, value).map_err(io::Error::other)?;
    Ok(Batch { puts: vec![(key.to_vec(), value)], removes: Vec::new() })
}

/// Adds `entry` to `batch`. Returns its size in bytes.
pub(super) fn entry(format: Format, entry: &Entry, batch: &mut Batch) -> io::Result<usize> {
    let bytes = format::encode(format, entry).map_err(io::Error::other)?;
    for (part, value) in (0_u32..).zip(bytes.chunks(MAX_VALUE)) {
        batch.puts.push((key(entry.log_id.index, part), value.to_vec()));
    }
    Ok(bytes.len())
}

/// The keys of all entries with an index in `range`.
pub(super) fn keys(range: Range<u64>) -> Range<Vec<u8>> {
    key(range.start, 0)..key(range.end, 0)
}

fn key(index: u64, part: u32) -> Vec<u8> {
    [[ENTRY].as_slice(), &index.to_be_bytes(), &part.to_be_bytes()].concat()
}

fn index_of(key: &[u8]) -> Option<u64> {
    let (kind, rest) = key.split_first()?;
    let (index, _part) = rest.split_first_chunk::<8>()?;
    (*kind == ENTRY).then(|| u64::from_be_bytes(*index))
}

/// The log from everything that is on the disk, in the order of the keys.
pub(super) fn load(items: Vec<(Vec<u8>, Vec<u8>)>) -> io::Result<Cache> {
    let mut cache = Cache::default();
    let mut entries: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for (key, value) in items {
        match (key.as_slice(), index_of(&key)) {
            (_, Some(index)) => entries.entry(index).or_default().extend(value),
            (VOTE, None) => cache.vote = Some(read(&value)?),
            (COMMITTED, None) => cache.committed = read(&value)?,
            (PURGED, None) => cache.purged = Some(read(&value)?),
            _ => return Err(corrupt(format!("the raft log has an unknown key {key:02x?}"))),
        }
    }
    // A purge may have been interrupted between its marker and its end.
    let first = match cache.purged {
        Some(purged) => after(purged.index)?,
        None => 0,
    };
    for (index, bytes) in entries.split_off(&first) {
        let entry: Entry = read(&bytes)?;
        let expected = match cache.entries.last_key_value() {
            Some((last, _)) => after(*last)?,
            None => index,
        };
        if index != expected || entry.log_id.index != index {
            return Err(corrupt(format!("the raft log has no entry {expected}")));
        }
        cache.entries.insert(index, Cached { entry, size: bytes.len() });
    }
    Ok(cache)
}

/// The index after this one. No log comes to the last by itself.
fn after(index: u64) -> io::Result<u64> {
    index.checked_add(1).ok_or_else(|| corrupt(format!("the raft log has an entry {index}")))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    Ok(format::decode("the raft log", bytes)?)
}

fn corrupt(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
