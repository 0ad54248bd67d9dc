//! What is left of a library, and the proof that it is gone.

use super::super::{Id, Leftovers, StillMapped, ThreadInfo, Unpurged};
use super::state::{Record, STATE};
use super::{keys, objects, purge, ranges, thread};
use std::time::{Duration, Instant};

/// How often to look again.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// What is left of the library in threads, at this moment.
pub fn leftovers(id: Id) -> Leftovers {
    let records = records(id);
    let unpurged = records.iter().map(|record| unpurged(id, record));
    Leftovers {
        untracked: untracked(id),
        threads: started(id, &records),
        unpurged: unpurged.filter(|thread| thread.destructors > 0 || thread.values).collect(),
        keys: keys::of(id).map(|(key, _)| key).collect(),
    }
}

/// What is left when nothing is, or after `limit`: a thread that was joined, or that just ends, takes a moment.
pub fn wait_clear(id: Id, limit: Duration) -> Leftovers {
    let start = Instant::now();
    loop {
        let left = leftovers(id);
        if left.is_clear() || left.untracked.is_some() || start.elapsed() >= limit {
            return left;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// The threads that the library started and that have not ended.
pub fn threads(id: Id) -> Vec<ThreadInfo> {
    started(id, &records(id))
}

/// The records that name the library, of threads that have not ended.
fn records(id: Id) -> Vec<Record> {
    let named = |record: &Record| {
        record.started.is_some_and(|(by, _)| by == id)
            || record.waiting(id) > 0
            || record.values.contains(&id)
    };
    let all: Vec<(u64, Record)> = STATE.with(|state| {
        let records = state.records.iter().filter(|(_, record)| named(record));
        records.map(|(serial, record)| (*serial, record.clone())).collect()
    });
    // A thread that got something after its last round is gone with a record; nobody will run it.
    let (alive, dead): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, record)| record.tid == 0 || thread::is_alive(record.tid));
    STATE.with(|state| dead.iter().for_each(|(serial, _)| drop(state.records.remove(serial))));
    alive.into_iter().map(|(_, record)| record).collect()
}

fn untracked(id: Id) -> Option<String> {
    STATE.with(|state| match state.libraries.get(&id) {
        Some(library) => library.untracked.clone(),
        None => Some("its load was not finished, or it was forgotten".to_owned()),
    })
}

fn started(id: Id, records: &[Record]) -> Vec<ThreadInfo> {
    let own = ranges::range_of(id).unwrap_or_default();
    let of =
        |record: &Record| record.started.filter(|(by, _)| *by == id).map(|(_, start)| (record.tid, start));
    let info = |(tid, start): (u32, usize)| {
        let (library, base) = if own.contains(&start) { (None, own.start) } else { library_at(start) };
        ThreadInfo { tid, name: thread::name(tid), library, start_offset: start.wrapping_sub(base) }
    };
    records.iter().filter_map(of).map(info).collect()
}

/// The library that an address is in, and where that begins.
fn library_at(address: usize) -> (Option<String>, usize) {
    let found = objects::find(|object| {
        let name = || object.name.to_string_lossy().into_owned();
        object.range.contains(&address).then(|| (Some(name()), object.range.start))
    });
    found.unwrap_or((None, 0))
}

fn unpurged(id: Id, record: &Record) -> Unpurged {
    Unpurged {
        tid: record.tid,
        name: thread::name(record.tid),
        destructors: record.waiting(id),
        values: record.values.contains(&id),
    }
}

/// Proves that a library that was closed is gone, and forgets it. Call it while the path that it was loaded from is still
/// its own: before its descriptor is closed.
///
/// # Errors
/// The loader still lists it, or the process still maps its file: it must be kept, and goes on to be tracked.
pub fn forget(id: Id) -> Result<(), StillMapped> {
    let library =
        STATE.with(|state| state.libraries.get(&id).map(|library| (library.path.clone(), library.inode)));
    let Some((path, inode)) = library else { return Ok(()) };
    if objects::range_of(&path).is_some() || is_mapped(inode) {
        return Err(StillMapped);
    }
    ranges::remove(id);
    // Its destructors at `dlclose` may have made new ones.
    purge::give_back_keys(id);
    STATE.with(|state| {
        state.libraries.remove(&id);
        state.records.values_mut().for_each(|record| record.forget(id));
    });
    Ok(())
}

/// Whether this process maps the file. One that cannot be known counts as mapped.
fn is_mapped(inode: u64) -> bool {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return true };
    // A line is `from-to perms offset device inode path`. The inode alone may be that of a file of another device: then
    // this says "mapped" once too often.
    let inode = inode.to_string();
    inode == "0" || maps.lines().any(|line| line.split_ascii_whitespace().nth(4) == Some(&inode))
}
