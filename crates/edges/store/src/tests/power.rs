//! A disk that loses power: what was not synced may be there, or in part, or not at all, and in no order.

use crate::disk::{Append, Disk};
use redb::{Builder, Database, DatabaseError, StorageBackend};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What stands under a name: a folder, or the number of a file.
#[derive(Clone, Copy, PartialEq)]
enum Named {
    Folder,
    File(usize),
}

enum Naming {
    Add(PathBuf, Named),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Named>) {
        match self {
            Self::Add(path, named) => drop(names.insert(path.clone(), *named)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to) => {
                if let Some(named) = names.remove(from) {
                    names.insert(to.clone(), named);
                }
            }
        }
    }
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => {
                bytes.resize(bytes.len().max(at + new.len()), 0);
                bytes[*at..at + new.len()].copy_from_slice(new);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

#[derive(Default)]
struct Content {
    durable: Vec<u8>,
    now: Vec<u8>,
    waiting: Vec<Change>,
}

/// What happens at the step at which the disk fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Failure {
    /// The power goes: nothing works until it is back.
    Power,
    /// One call fails, as on a full disk, and later ones work.
    Once,
}

#[derive(Default)]
struct World {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, Named>,
    durable_names: BTreeMap<PathBuf, Named>,
    waiting: Vec<Naming>,
    steps: u64,
    fails: Option<(u64, Failure)>,
    dead: bool,
    tables_broken: bool,
    chance: u64,
}

impl World {
    /// Counts a step, and fails at the one that was chosen.
    fn step(&mut self) -> io::Result<()> {
        let failed = || Err(io::Error::other("the disk failed, as it was told to"));
        if self.dead {
            return failed();
        }
        self.steps += 1;
        match self.fails {
            Some((at, failure)) if at == self.steps => {
                self.dead = failure == Failure::Power;
                failed()
            }
            _ => Ok(()),
        }
    }

    /// Returns a number below `bound`, another one at each call (SplitMix64).
    fn below(&mut self, bound: usize) -> usize {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Named::File(number)) => Ok(*number),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&mut self, naming: Naming) -> io::Result<()> {
        let done = self.step();
        // Also what failed may have reached the disk.
        if done.is_ok() {
            naming.apply(&mut self.names);
        }
        if done.is_ok() || self.dead {
            self.waiting.push(naming);
        }
        done
    }

    fn change(&mut self, file: usize, change: Change) -> io::Result<()> {
        let done = self.step();
        let content = &mut self.files[file];
        if done.is_ok() {
            change.apply(&mut content.now);
        } else if let Change::Write(at, bytes) = &change
            && !self.dead
        {
            Change::Write(*at, bytes[..bytes.len() / 2].to_vec()).apply(&mut content.now);
        }
        if done.is_ok() || self.dead {
            content.waiting.push(change);
        }
        done
    }

    fn sync(&mut self, file: usize) -> io::Result<()> {
        self.step()?;
        let content = &mut self.files[file];
        content.durable.clone_from(&content.now);
        content.waiting.clear();
        Ok(())
    }

    fn add(&mut self, path: &Path) -> io::Result<usize> {
        let number = self.files.len();
        self.files.push(Content::default());
        self.rename(Naming::Add(path.into(), Named::File(number)))?;
        Ok(number)
    }

    fn power_cut(&mut self) {
        for file in 0..self.files.len() {
            let waiting = std::mem::take(&mut self.files[file].waiting);
            let mut bytes = std::mem::take(&mut self.files[file].durable);
            for change in waiting {
                match (self.below(4), change) {
                    (0, Change::Write(at, new)) => {
                        let cut = self.below(new.len() + 1);
                        Change::Write(at, new[..cut].to_vec()).apply(&mut bytes);
                    }
                    // The file has grown, and the bytes are not there.
                    (1, Change::Write(at, new)) => {
                        let length = bytes.len().max(at + new.len());
                        let cut = self.below(new.len() + 1);
                        Change::Write(at, new[..cut].to_vec()).apply(&mut bytes);
                        bytes.resize(length, 0);
                    }
                    (2, change) => change.apply(&mut bytes),
                    _ => {}
                }
            }
            self.files[file].durable.clone_from(&bytes);
            self.files[file].now = bytes;
        }
        for naming in std::mem::take(&mut self.waiting) {
            if self.below(2) == 0 {
                naming.apply(&mut self.durable_names);
            }
        }
        self.names.clone_from(&self.durable_names);
        (self.dead, self.tables_broken, self.fails) = (false, false, None);
    }
}

/// A handle to the disk.
#[derive(Clone)]
pub(super) struct Power(Arc<Mutex<World>>);

impl Power {
    pub(super) fn new(chance: u64) -> Self {
        Self(Arc::new(Mutex::new(World { chance, ..World::default() })))
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Fails at the given step from now; the next is 1.
    pub(super) fn fail_in(&self, steps: u64, failure: Failure) {
        let mut world = self.world();
        world.fails = Some((world.steps + steps, failure));
    }

    /// Cuts the power and gives it back.
    pub(super) fn cut(&self) {
        self.world().power_cut();
    }

    /// Refuses all writes of databases from now on.
    pub(super) fn break_tables(&self) {
        self.world().tables_broken = true;
    }

    pub(super) fn steps(&self) -> u64 {
        self.world().steps
    }
}

impl Disk for Power {
    fn database(&self, builder: &Builder, path: &Path) -> Result<Database, DatabaseError> {
        let mut world = self.world();
        let file = match world.file(path) {
            Ok(file) => file,
            Err(_) => world.add(path)?,
        };
        drop(world);
        builder.create_with_backend(Opened { power: self.clone(), file })
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        if world.names.contains_key(path) {
            return Ok(());
        }
        world.rename(Naming::Add(path.into(), Named::Folder))
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step()?;
        let names = world.names.clone();
        world.durable_names = names;
        world.waiting.clear();
        Ok(())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.world().names.contains_key(path))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.world().names.keys().filter(|path| path.parent() == Some(folder)).cloned().collect())
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let world = self.world();
        let file = world.file(path)?;
        Ok(Box::new(Cursor::new(world.files[file].now.clone())))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut world = self.world();
        if world.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = world.add(path)?;
        Ok(Box::new(Opened { power: self.clone(), file }))
    }

    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut world = self.world();
        let file = world.file(path)?;
        world.change(file, Change::Length(usize::try_from(bytes).unwrap()))?;
        world.sync(file)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.file(path)?;
        world.rename(Naming::Remove(path.into()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.file(from)?;
        world.rename(Naming::Rename(from.into(), to.into()))
    }
}

/// An open file.
struct Opened {
    power: Power,
    file: usize,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "file {}", self.file)
    }
}

impl Append for Opened {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.power.world();
        let end = world.files[self.file].now.len();
        world.change(self.file, Change::Write(end, bytes.to_vec()))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.power.world().sync(self.file)
    }
}

impl StorageBackend for Opened {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.power.world().files[self.file].now.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let world = self.power.world();
        if world.dead {
            return Err(io::Error::other("there is no power"));
        }
        let start = usize::try_from(offset).unwrap();
        let bytes = world.files[self.file].now.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.power.world().change(self.file, Change::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.power.world().sync(self.file)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.power.world().tables_broken {
            return Err(io::Error::other("the disk is broken under the tables"));
        }
        self.power.world().change(self.file, Change::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}
