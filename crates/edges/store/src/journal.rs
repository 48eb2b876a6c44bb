//! The journal: blocks in the order in which they were made, appended to files that only grow.
//!
//! A file is a segment. Its first frame says which chain it continues, each other frame is one block under its height.
//! A block that [`Journal::append`] returned for is on the disk for ever. A write that was under way when the power went
//! is cut off at the next start; anything else that does not read back is damage, and said so.

use crate::Error;
use crate::disk::{Append, Disk};
use crate::error::disk;
use crate::frame::{self, Found};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::{Decode as _, Encode as _, Height, record};

/// The number of a segment's first frame. No block has it: heights start at 1.
const SEGMENT: u64 = 0;
const EXTENSION: &str = "log";

record! {
    /// What a segment starts with.
    pub struct Segment {
        /// The store's format.
        pub format: u32,
        /// How often the chain had been taken back. Segments of an earlier count hold blocks that are no more.
        pub rewinds: u64,
    }
}

/// A block as the journal has it.
pub(crate) struct Journaled {
    pub(crate) number: u64,
    pub(crate) payload: Vec<u8>,
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
}

/// Where the journal stands and how large its files grow.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    /// How often the chain was taken back.
    pub(crate) rewinds: u64,
    /// The last block that the tables hold.
    pub(crate) stored: u64,
    /// From which length on a segment is closed.
    pub(crate) segment_bytes: u64,
}

/// The end of the journal, where blocks are added.
pub(crate) struct Journal {
    files: Arc<dyn Disk>,
    place: Place,
    /// The number of the next segment's name.
    next: u64,
    /// Segments that get no more blocks, each with its last height.
    closed: VecDeque<(PathBuf, u64)>,
    open: Option<Open>,
    /// Set by a failed write. What the file then holds is unknown, so nothing may be added behind it.
    failed: bool,
}

struct Open {
    file: Box<dyn Append>,
    path: PathBuf,
    bytes: u64,
    last: u64,
}

impl Journal {
    /// Reads what is there, makes it durable, and returns the blocks behind those that the tables hold.
    pub(crate) fn open(files: Arc<dyn Disk>, place: Place) -> Result<(Self, Vec<Journaled>), Error> {
        let mut journal = Self { files, place, next: 1, closed: VecDeque::new(), open: None, failed: false };
        let segments = segments(&*journal.files, &journal.place.folder)?;
        let mut blocks = Vec::new();
        let count = segments.len();
        for (position, (number, path)) in segments.into_iter().enumerate() {
            journal.next = number + 1;
            match journal.read(&path, position + 1 == count, &mut blocks)? {
                Some(last) => journal.closed.push_back((path, last)),
                None => journal.remove(&path)?,
            }
        }
        // What was read is now told to others, who act on it: names and bytes must outlive a power cut.
        let folder = &journal.place.folder;
        journal.files.sync_folder(folder).map_err(disk("write the journal's folder", folder))?;
        Ok((journal, blocks))
    }

    /// Reads one segment and returns its last height, or `None` when nothing in it counts.
    fn read(&self, path: &Path, is_last: bool, blocks: &mut Vec<Journaled>) -> Result<Option<u64>, Error> {
        let mut bytes = Vec::new();
        let mut file = self.files.read(path).map_err(disk("read the journal's file", path))?;
        file.read_to_end(&mut bytes).map_err(disk("read the journal's file", path))?;
        let (mut at, mut last, mut known) = (0, None, false);
        let damaged = |at| Err(Error::CorruptFile { path: path.into(), offset: offset(at) });
        loop {
            match frame::find(&bytes, at) {
                Found::Frame { number: SEGMENT, payload, next } if at == 0 => {
                    let Ok(segment) = Segment::from_bytes(payload) else { return damaged(at) };
                    if segment.format != crate::tables::FORMAT {
                        return Err(Error::Format { path: path.into(), known: crate::tables::FORMAT });
                    }
                    match segment.rewinds.cmp(&self.place.rewinds) {
                        Ordering::Less => return Ok(None),
                        Ordering::Equal => (at, known) = (next, true),
                        // The tables are older than the journal: somebody put one of the two back without the other.
                        Ordering::Greater => return Err(self.lacks(self.place.stored + 1)),
                    }
                }
                Found::Frame { number, payload, next } if known => {
                    if number > self.place.stored {
                        self.check_follows(number, blocks.last())?;
                        let (payload, offset) = (payload.to_vec(), offset(at));
                        blocks.push(Journaled { number, payload, path: path.into(), offset });
                    }
                    (at, last) = (next, Some(number));
                }
                Found::End => break,
                Found::Torn if is_last => break,
                _ => return damaged(at),
            }
        }
        if is_last && last.is_some() {
            self.files.cut(path, offset(at)).map_err(disk("repair the journal's file", path))?;
        }
        Ok(last.filter(|last| *last > self.place.stored))
    }

    fn check_follows(&self, number: u64, before: Option<&Journaled>) -> Result<(), Error> {
        let next = before.map_or(self.place.stored, |block| block.number) + 1;
        if number == next { Ok(()) } else { Err(self.lacks(next)) }
    }

    fn lacks(&self, next: u64) -> Error {
        Error::CorruptJournal { path: self.place.folder.clone(), next: Height(next) }
    }

    /// Adds a block. It is on the disk when this returns.
    pub(crate) fn append(&mut self, number: u64, payload: &[u8]) -> Result<(), Error> {
        if self.failed {
            let source = io::Error::other("an earlier write failed");
            return Err(disk("add to the journal", &self.place.folder)(source));
        }
        // Whatever fails below, the file's end is unknown from then on, also when it is only the sync that failed.
        self.failed = true;
        let mut open = match self.open.take() {
            Some(open) if open.bytes < self.place.segment_bytes => open,
            full => self.roll(full)?,
        };
        let frame = frame::frame(number, payload);
        let written = open.file.append(&frame).and_then(|()| open.file.sync());
        written.map_err(disk("add a block to", &open.path))?;
        open.bytes += offset(frame.len());
        open.last = number;
        self.open = Some(open);
        self.failed = false;
        Ok(())
    }

    /// Closes the segment that is open and begins the next.
    fn roll(&mut self, full: Option<Open>) -> Result<Open, Error> {
        self.closed.extend(full.map(|open| (open.path, open.last)));
        let path = self.place.folder.join(format!("{:010}.{EXTENSION}", self.next));
        self.next += 1;
        let doing = "begin the journal's file";
        let mut file = self.files.create(&path).map_err(disk(doing, &path))?;
        let head = Segment { format: crate::tables::FORMAT, rewinds: self.place.rewinds };
        let head = frame::frame(SEGMENT, &head.to_bytes());
        // Synced before the first block follows, so that a torn head has nothing behind it.
        file.append(&head).and_then(|()| file.sync()).map_err(disk(doing, &path))?;
        self.files.sync_folder(&self.place.folder).map_err(disk(doing, &path))?;
        Ok(Open { file, path, bytes: offset(head.len()), last: SEGMENT })
    }

    /// Removes the closed segments whose blocks the tables hold.
    pub(crate) fn drop_to(&mut self, stored: u64) -> Result<(), Error> {
        self.place.stored = stored;
        while let Some((path, _)) = self.closed.front().filter(|(_, last)| *last <= stored) {
            self.remove(path)?;
            self.closed.pop_front();
        }
        Ok(())
    }

    /// Forgets all blocks: the chain was taken back to a block that the tables hold, and goes on from there.
    pub(crate) fn rewind(&mut self, stored: u64, rewinds: u64) -> Result<(), Error> {
        self.place.rewinds = rewinds;
        self.closed.extend(self.open.take().map(|open| (open.path, open.last)));
        // Also what the chain no longer has: the next start would not look at it.
        let gone = std::mem::take(&mut self.closed);
        gone.iter().try_for_each(|(path, _)| self.remove(path))?;
        self.drop_to(stored)
    }

    /// A removal that a power cut takes back does no harm: the next start sees that nothing in the file counts.
    fn remove(&self, path: &Path) -> Result<(), Error> {
        self.files.remove(path).map_err(disk("remove the journal's file", path))
    }
}

/// Lists the segments in order, each with the number in its name. Other files are left alone.
pub(crate) fn segments(files: &dyn Disk, folder: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let files = files.list(folder).map_err(disk("read the journal's folder", folder))?;
    let mut segments: Vec<(u64, PathBuf)> = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.parse().ok()?, path)))
        .collect();
    segments.sort();
    Ok(segments)
}

pub(crate) fn offset(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a length in memory fits 64 bits")
}
