//! The file: tables of bytes by bytes, read in snapshots and written in durable transactions.
//!
//! Everything about the database ends here. Numbers are big-endian keys, so that the order of bytes is theirs.

use crate::Error;
use crate::disk::Disk;
use redb::{
    Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase as _, ReadableTable,
    ReadableTableMetadata as _, TableDefinition, WriteTransaction,
};
use std::ops::Bound;
use std::path::Path;

/// How much of the file is kept in memory: for the index of transactions, for readers of old blocks, and for the leaves
/// that a state with a bounded cache has not.
const CACHE_BYTES: usize = 128 << 20;

/// A table's name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table(pub &'static str);

impl Table {
    fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(self.0)
    }
}

/// A key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// Says what was being done when the database failed.
fn failed<E: Into<redb::Error>>(doing: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Database { doing, source: Box::new(source.into()) }
}

pub(crate) struct File(Database);

impl File {
    /// Opens or creates the file and its folder.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            disk.make_folder(folder).map_err(|source| Error::Folder { path: path.into(), source })?;
        }
        match disk.database(Database::builder().set_cache_size(CACHE_BYTES), path) {
            Ok(database) => Ok(Self(database)),
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(Error::Held { path: path.into() }),
            Err(DatabaseError::UpgradeRequired(_)) => {
                Err(Error::Format { path: path.into(), known: crate::tables::FORMAT })
            }
            Err(other) => Err(failed("open the store")(other)),
        }
    }

    /// Starts reading what is stored now.
    pub(crate) fn read(&self, doing: &'static str) -> Result<Reader, Error> {
        Ok(Reader { snapshot: self.0.begin_read().map_err(failed(doing))?, doing })
    }

    /// Runs one write. All of it is on the disk when this returns, or none of it happened.
    pub(crate) fn write<T>(
        &self,
        doing: &'static str,
        body: impl FnOnce(&Writer) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut transaction = self.0.begin_write().map_err(failed(doing))?;
        // What is stored is then told to others, who act on it: it must outlive a power cut.
        transaction.set_durability(Durability::Immediate).map_err(failed(doing))?;
        let writer = Writer { transaction, doing };
        let value = body(&writer)?;
        writer.transaction.commit().map_err(failed(doing))?;
        Ok(value)
    }
}

/// A snapshot. Writes that come later do not show.
pub(crate) struct Reader {
    snapshot: ReadTransaction,
    doing: &'static str,
}

impl Reader {
    fn table(&self, table: Table) -> Result<redb::ReadOnlyTable<&'static [u8], &'static [u8]>, Error> {
        self.snapshot.open_table(table.definition()).map_err(failed(self.doing))
    }

    /// Says whether the file has no table yet.
    pub(crate) fn is_blank(&self) -> Result<bool, Error> {
        let mut tables = self.snapshot.list_tables().map_err(failed(self.doing))?;
        Ok(tables.next().is_none())
    }

    /// Says whether the file has a table.
    pub(crate) fn has(&self, table: Table) -> Result<bool, Error> {
        use redb::TableHandle as _;
        let mut tables = self.snapshot.list_tables().map_err(failed(self.doing))?;
        Ok(tables.any(|found| found.name() == table.0))
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        get(&self.table(table)?, key, self.doing)
    }

    pub(crate) fn last(&self, table: Table) -> Result<Option<Pair>, Error> {
        last(&self.table(table)?, self.doing)
    }

    /// Returns the first pair whose key is `key` or comes after it.
    pub(crate) fn at_or_after(&self, table: Table, key: &[u8]) -> Result<Option<Pair>, Error> {
        Ok(self.range(table, key, 1)?.pop())
    }

    /// Returns at most `count` pairs in key order, from the first whose key is `key` or comes after it.
    pub(crate) fn range(&self, table: Table, key: &[u8], count: usize) -> Result<Vec<Pair>, Error> {
        self.within(table, (Bound::Included(key), Bound::Unbounded), count)
    }

    /// Returns at most `count` pairs in key order, the first whose keys lie within bounds.
    pub(crate) fn within(
        &self,
        table: Table,
        keys: (Bound<&[u8]>, Bound<&[u8]>),
        count: usize,
    ) -> Result<Vec<Pair>, Error> {
        let table = self.table(table)?;
        let range = table.range::<&[u8]>(keys).map_err(failed(self.doing))?;
        range
            .take(count)
            .map(|pair| {
                let (key, value) = pair.map_err(failed(self.doing))?;
                Ok((key.value().to_vec(), value.value().to_vec()))
            })
            .collect()
    }

    /// Returns how many pairs a table holds.
    pub(crate) fn len(&self, table: Table) -> Result<u64, Error> {
        self.table(table)?.len().map_err(failed(self.doing))
    }

    /// Shows all pairs in key order.
    pub(crate) fn each(
        &self,
        table: Table,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let table = self.table(table)?;
        for pair in table.iter().map_err(failed(self.doing))? {
            let (key, value) = pair.map_err(failed(self.doing))?;
            visit(key.value(), value.value())?;
        }
        Ok(())
    }
}

/// A write that is under way. It sees what it wrote; nobody else does.
pub(crate) struct Writer {
    transaction: WriteTransaction,
    doing: &'static str,
}

impl Writer {
    /// Makes a table unless it is there.
    pub(crate) fn make(&self, table: Table) -> Result<(), Error> {
        self.transaction.open_table(table.definition()).map_err(failed(self.doing)).map(|_| ())
    }

    /// Makes a table hold nothing.
    pub(crate) fn clear(&self, table: Table) -> Result<(), Error> {
        self.transaction.delete_table(table.definition()).map_err(failed(self.doing))?;
        self.make(table)
    }

    /// Says whether a table holds nothing.
    pub(crate) fn is_empty(&self, table: Table) -> Result<bool, Error> {
        let table = self.transaction.open_table(table.definition()).map_err(failed(self.doing))?;
        table.is_empty().map_err(failed(self.doing))
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        get(&self.transaction.open_table(table.definition()).map_err(failed(self.doing))?, key, self.doing)
    }

    pub(crate) fn last(&self, table: Table) -> Result<Option<Pair>, Error> {
        last(&self.transaction.open_table(table.definition()).map_err(failed(self.doing))?, self.doing)
    }

    pub(crate) fn put(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.change(table, [(key, Some(value))])
    }

    /// Sets or removes many keys of one table.
    pub(crate) fn change<'k>(
        &self,
        table: Table,
        changes: impl IntoIterator<Item = (&'k [u8], Option<&'k [u8]>)>,
    ) -> Result<(), Error> {
        self.exchange(table, changes, |_, _, _| Ok(()))
    }

    /// Sets or removes many keys of one table and shows for each what it set, and what stood there before.
    pub(crate) fn exchange<'k>(
        &self,
        table: Table,
        changes: impl IntoIterator<Item = (&'k [u8], Option<&'k [u8]>)>,
        mut before: impl FnMut(&'k [u8], Option<&'k [u8]>, Option<&[u8]>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut table = self.transaction.open_table(table.definition()).map_err(failed(self.doing))?;
        for (key, value) in changes {
            let old = match value {
                Some(value) => table.insert(key, value),
                None => table.remove(key),
            };
            let old = old.map_err(failed(self.doing))?;
            before(key, value, old.as_ref().map(redb::AccessGuard::value))?;
        }
        Ok(())
    }

    /// Removes all pairs whose key is `from` or comes after it, and comes before `to`, if one is given.
    pub(crate) fn remove_range(&self, table: Table, from: &[u8], to: Option<&[u8]>) -> Result<(), Error> {
        let mut table = self.transaction.open_table(table.definition()).map_err(failed(self.doing))?;
        let removed = match to {
            Some(to) => table.retain_in(from..to, |_, _| false),
            None => table.retain_in(from.., |_, _| false),
        };
        removed.map_err(failed(self.doing))
    }
}

fn get(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
    doing: &'static str,
) -> Result<Option<Vec<u8>>, Error> {
    let found = table.get(key).map_err(failed(doing))?;
    Ok(found.map(|value| value.value().to_vec()))
}

fn last(table: &impl ReadableTable<&'static [u8], &'static [u8]>, doing: &'static str) -> Result<Option<Pair>, Error> {
    let found = table.last().map_err(failed(doing))?;
    Ok(found.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())))
}
