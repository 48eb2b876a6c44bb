//! A copy of the store in one file, for another machine or for a bad day.
//!
//! The file is a run of frames: a note of what it holds, chunks of tables, and the count of the chunks. So a copy that
//! was cut off, or changed on its way, is known as one before anything is made of it.

use crate::Error;
use crate::chain::{journal_of, make_journal};
use crate::disk::{Append, Disk, beside, clear, exists, publish};
use crate::error::disk;
use crate::file::{File, Reader, Table};
use crate::frame::{HEAD_BYTES, Head, frame};
use crate::journal;
use crate::tables::{self, FORMAT, LEAVES, TABLES};
use proof::BlockHeader;
use std::io::Read;
use std::path::Path;
use types::{Decode, Encode as _, record};

/// From which size on a chunk is written.
const CHUNK_BYTES: usize = 8 << 20;
/// The numbers of the first and the last frame. Chunks count from 1.
const NOTE: u64 = 0;
const END: u64 = u64::MAX;

record! {
    /// What a copy of a store holds.
    pub struct Snapshot {
        /// The store's format.
        pub format: u32,
        /// The last block's header, or `None` before the first block.
        pub head: Option<BlockHeader>,
        /// How many leaves there are.
        pub leaves: u64,
    }
}

record! {
    /// A key and its value.
    pub struct Pair {
        /// The key.
        pub key: Box<[u8]>,
        /// The value.
        pub value: Box<[u8]>,
    }
}

record! {
    /// A part of a table.
    pub struct Chunk {
        /// The table's name.
        pub table: Box<[u8]>,
        /// Some of its pairs, in key order.
        pub pairs: Vec<Pair>,
    }
}

/// Writes all tables, as the reader sees them, to a new file.
pub(crate) fn write(files: &dyn Disk, reader: &Reader, to: &Path) -> Result<Snapshot, Error> {
    if exists(files, to)? {
        return Err(Error::Exists { path: to.into() });
    }
    let note = Snapshot { format: FORMAT, head: tables::head(reader)?, leaves: reader.len(LEAVES)? };
    let partial = beside(to, ".partial");
    clear(files, &partial)?;
    let file = files.create(&partial).map_err(disk("make the file", &partial))?;
    let mut copy = Copy { file, path: &partial, chunks: 0 };
    copy.add(NOTE, &note.to_bytes())?;
    for table in TABLES {
        copy.add_table(reader, table)?;
    }
    copy.add(END, &copy.chunks.to_bytes())?;
    copy.file.sync().map_err(disk("write", &partial))?;
    publish(files, &partial, to)?;
    Ok(note)
}

struct Copy<'a> {
    file: Box<dyn Append>,
    path: &'a Path,
    chunks: u64,
}

impl Copy<'_> {
    fn add(&mut self, number: u64, payload: &[u8]) -> Result<(), Error> {
        self.file.append(&frame(number, payload)).map_err(disk("write", self.path))
    }

    fn add_table(&mut self, reader: &Reader, table: Table) -> Result<(), Error> {
        let (mut pairs, mut bytes) = (Vec::new(), 0);
        reader.each(table, |key, value| {
            bytes += key.len() + value.len();
            pairs.push(Pair { key: key.into(), value: value.into() });
            if bytes >= CHUNK_BYTES {
                bytes = 0;
                self.add_chunk(table, std::mem::take(&mut pairs))?;
            }
            Ok(())
        })?;
        if pairs.is_empty() { Ok(()) } else { self.add_chunk(table, pairs) }
    }

    fn add_chunk(&mut self, table: Table, pairs: Vec<Pair>) -> Result<(), Error> {
        self.chunks += 1;
        self.add(self.chunks, &Chunk { table: table.0.as_bytes().into(), pairs }.to_bytes())
    }
}

/// Makes a store out of a copy, under a name that is free.
pub(crate) fn restore(files: &dyn Disk, from: &Path, to: &Path) -> Result<Snapshot, Error> {
    for path in [to, &journal_of(to)] {
        // An empty folder can be what an earlier attempt left.
        if exists(files, path)? && (path == to || !journal::segments(files, path)?.is_empty()) {
            return Err(Error::Exists { path: path.into() });
        }
    }
    let partial = beside(to, ".restoring");
    clear(files, &partial)?;
    let restored = fill(files, from, &partial);
    if restored.is_err() {
        clear(files, &partial)?;
    }
    let note = restored?;
    make_journal(files, to)?;
    publish(files, &partial, to)?;
    Ok(note)
}

/// Fills a new file from a copy, and checks that it is what the copy's note says.
fn fill(files: &dyn Disk, from: &Path, to: &Path) -> Result<Snapshot, Error> {
    let stream = files.read(from).map_err(disk("read", from))?;
    let mut copy = Stream { stream, path: from, offset: 0 };
    let differs = |what| Error::CorruptSnapshot { path: from.into(), what };
    let (number, note) = copy.next()?;
    let note: Snapshot = copy.decode(&note)?;
    if number != NOTE {
        return Err(differs("beginning"));
    }
    if note.format != FORMAT {
        return Err(Error::Format { path: from.into(), known: FORMAT });
    }
    let file = File::open(files, to)?;
    file.write("make the tables", |w| TABLES.iter().try_for_each(|table| w.make(*table)))?;
    let mut chunks = 0;
    loop {
        let (number, payload) = copy.next()?;
        if number == END {
            if copy.decode::<u64>(&payload)? != chunks || !copy.is_over()? {
                return Err(differs("end"));
            }
            break;
        }
        chunks += 1;
        let chunk: Chunk = copy.decode(&payload)?;
        let table = TABLES.into_iter().find(|table| table.0.as_bytes() == &*chunk.table);
        let table = table.filter(|_| number == chunks).ok_or_else(|| differs("tables"))?;
        let pairs = chunk.pairs.iter().map(|pair| (&*pair.key, Some(&*pair.value)));
        file.write("restore a table", |w| w.change(table, pairs))?;
    }
    let reader = file.read("check what was restored")?;
    if reader.len(LEAVES)? != note.leaves {
        return Err(differs("number of leaves"));
    }
    if tables::head(&reader)? != note.head {
        return Err(differs("last block"));
    }
    Ok(note)
}

struct Stream<'a> {
    stream: Box<dyn Read + Send>,
    path: &'a Path,
    /// Where the frame that was read last starts.
    offset: u64,
}

impl Stream<'_> {
    /// Reads the next frame: its number and its payload.
    fn next(&mut self) -> Result<(u64, Vec<u8>), Error> {
        let bytes = self.take(HEAD_BYTES)?;
        let head = <&[u8; HEAD_BYTES]>::try_from(bytes.as_slice()).ok().and_then(Head::read);
        let head = head.ok_or_else(|| self.damaged())?;
        let payload = self.take(head.length)?;
        if !head.holds(&payload) {
            return Err(self.damaged());
        }
        self.offset += journal::offset(HEAD_BYTES + payload.len());
        Ok((head.number, payload))
    }

    /// Reads so many bytes, or as many as there are.
    fn take(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        // As the bytes really come: the count may be a damaged file's.
        let read = (&mut self.stream).take(journal::offset(count)).read_to_end(&mut bytes);
        read.map_err(disk("read", self.path))?;
        Ok(bytes)
    }

    fn is_over(&mut self) -> Result<bool, Error> {
        Ok(self.take(1)?.is_empty())
    }

    fn decode<T: Decode>(&self, payload: &[u8]) -> Result<T, Error> {
        T::from_bytes(payload).map_err(|_| self.damaged())
    }

    fn damaged(&self) -> Error {
        Error::CorruptFile { path: self.path.into(), offset: self.offset }
    }
}
