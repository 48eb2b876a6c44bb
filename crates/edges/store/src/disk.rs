//! What the store asks of a disk. The tests put one in its place that loses power.

use crate::Error;
use crate::error::disk;
use redb::{Builder, Database, DatabaseError};
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

/// A disk. A change counts as made for ever only after the sync that covers it.
pub(crate) trait Disk: Send + Sync {
    /// Opens or creates a database file.
    fn database(&self, builder: &Builder, path: &Path) -> Result<Database, DatabaseError>;
    /// Makes a folder, with those above it.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Says whether a file or folder is there.
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Lists a folder's files, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// Reads a file from its start.
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;
    /// Makes a new file to append to; refuses a name that is taken.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>>;
    /// Cuts a file at a length and makes what is left durable.
    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
}

/// A file that grows at its end.
pub(crate) trait Append: Send {
    /// Writes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes all that was written durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// Returns the path of a file beside another, with the same name and an ending.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Returns the folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(crate) fn exists(files: &dyn Disk, path: &Path) -> Result<bool, Error> {
    files.exists(path).map_err(disk("look for", path))
}

/// Frees the name of a file that an earlier attempt did not finish.
pub(crate) fn clear(files: &dyn Disk, path: &Path) -> Result<(), Error> {
    if exists(files, path)? { files.remove(path).map_err(disk("remove", path)) } else { Ok(()) }
}

/// Gives a finished file its name: from here on it counts.
pub(crate) fn publish(files: &dyn Disk, from: &Path, to: &Path) -> Result<(), Error> {
    let named = files.rename(from, to).and_then(|()| files.sync_folder(folder_of(to)));
    named.map_err(disk("name the finished file", to))
}

/// The machine's file system.
pub(crate) struct System;

impl Disk for System {
    fn database(&self, builder: &Builder, path: &Path) -> Result<Database, DatabaseError> {
        builder.create(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(fs::File::open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(bytes)?;
        file.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
}

impl Append for fs::File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
